#include "engine/query/plan.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "engine/query/parse.h"
#include "io/base/check.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

constexpr std::string_view kAnonymous = "_";

absl::Status PlanError(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

void CollectVariables(const Expr& expr, std::set<std::string>& into) {
  if (expr.kind == ExprKind::kProperty || expr.kind == ExprKind::kNearest ||
      expr.kind == ExprKind::kVariable) {
    into.insert(expr.variable);
  }
  for (const Expr& arg : expr.args) {
    CollectVariables(arg, into);
  }
}

std::set<std::string> VariablesOf(const Predicate& predicate) {
  std::set<std::string> variables;
  CollectVariables(predicate.left, variables);
  CollectVariables(predicate.right, variables);
  return variables;
}

void CollectVariables(const std::vector<PlanStep>& steps, std::set<std::string>& into) {
  for (const PlanStep& step : steps) {
    if (const auto* expand = std::get_if<Expand>(&step.value)) {
      into.insert(expand->source);
    } else if (const auto* filter = std::get_if<FilterRows>(&step.value)) {
      into.merge(VariablesOf(filter->predicate));
    } else if (const auto* anti = std::get_if<AntiJoin>(&step.value)) {
      into.insert(anti->outer_variables.begin(), anti->outer_variables.end());
    }
  }
}

Expr PropertyOf(std::string variable, std::string property) {
  Expr expr;
  expr.kind = ExprKind::kProperty;
  expr.variable = std::move(variable);
  expr.property = std::move(property);
  return expr;
}

Expr ParameterNamed(std::string_view name) {
  Expr expr;
  expr.kind = ExprKind::kParameter;
  expr.variable = std::string(name);
  return expr;
}

// A name that is no parameter can only be one that was never declared: using it fails by name.
Expr LowerValue(const MatchValue& value) {
  switch (value.kind) {
    case MatchValue::Kind::kVariable:
      return ParameterNamed(value.variable);
    case MatchValue::Kind::kNow:
      return ParameterNamed(kNowParameter);
    case MatchValue::Kind::kLiteral:
      break;
  }
  Expr expr;
  expr.literal = value.literal;
  return expr;
}

Expr LowerExpr(const Expr& expr, const CheckedQuery& checked) {
  if (expr.kind == ExprKind::kNow) {
    return ParameterNamed(kNowParameter);
  }
  Expr lowered = expr;
  if (expr.kind == ExprKind::kVariable && checked.params.contains(expr.variable)) {
    lowered.kind = ExprKind::kParameter;
  }
  for (Expr& arg : lowered.args) {
    arg = LowerExpr(arg, checked);
  }
  return lowered;
}

// Lowers one list of clauses, the match or a negation's. Variables that an outer list bound are
// given; the ones bound here are added.
class ClauseLowering {
 public:
  ClauseLowering(const schema::Catalog& catalog, const CheckedQuery& checked,
                 std::set<std::string>& bound, int& num_internal)
      : catalog_(catalog), checked_(checked), bound_(bound), num_internal_(num_internal) {}

  std::vector<PlanStep> Lower(const std::vector<Clause>& clauses) {
    Sort(clauses);
    // Outer variables come with their rows: what can be followed from them needs no scan.
    EmitReadyFilters();
    // "_" that a binding declares is a variable like any other, and no free end of a traversal.
    if (const auto named = binding_types_.find(kAnonymous);
        named != binding_types_.end() && !bound_.contains(named->first)) {
      Scan(named->first, named->second);
    }
    FollowTraversals();
    // The first binding of what traversals connect is scanned; expanding from it binds the others.
    for (const std::string& variable : binding_order_) {
      if (!bound_.contains(variable)) {
        Scan(variable, binding_types_.at(variable));
        FollowTraversals();
      }
    }
    while (!traversals_.empty()) {
      ScanUnboundEndpoint(*traversals_.front());
      FollowTraversals();
    }
    for (Predicate& constant : filters_) {
      OG_CHECK(VariablesOf(constant).empty());
      steps_.push_back({FilterRows{std::move(constant)}});
    }
    for (const Negation* negation : negations_) {
      EmitAntiJoin(*negation);
    }
    return std::move(steps_);
  }

 private:
  // Splits the clauses by kind. Bindings of one variable become one, whichever list they are in.
  void Sort(const std::vector<Clause>& clauses) {
    for (const Clause& clause : clauses) {
      if (const auto* binding = std::get_if<Binding>(&clause.value)) {
        AddBinding(*binding);
      } else if (const auto* traversal = std::get_if<Traversal>(&clause.value)) {
        traversals_.push_back(traversal);
      } else if (const auto* filter = std::get_if<Filter>(&clause.value)) {
        filters_.push_back({.left = LowerExpr(filter->left, checked_),
                            .op = checked_.operators.at(filter),
                            .right = LowerExpr(filter->right, checked_)});
      } else {
        negations_.push_back(&std::get<Negation>(clause.value));
      }
    }
  }

  void AddBinding(const Binding& binding) {
    if (binding_types_.try_emplace(binding.variable, binding.type_name).second) {
      binding_order_.push_back(binding.variable);
    }
    const schema::NodeType* node = catalog_.FindNode(binding.type_name);
    for (const PropertyValue& match : binding.matches) {
      const schema::Property* property = node->Find(match.property);
      filters_.push_back({.left = PropertyOf(binding.variable, match.property),
                          .op = property->type.list ? CompareOp::kContains : CompareOp::kEqual,
                          .right = LowerValue(match.value)});
    }
  }

  std::string InternalName(std::string_view base) { return io::StrCat(base, "#", ++num_internal_); }

  // The filters that read `variable` and no other variable; they leave the list.
  std::vector<Predicate> TakeFiltersOf(const std::string& variable) {
    std::vector<Predicate> taken;
    std::erase_if(filters_, [&](Predicate& predicate) {
      if (VariablesOf(predicate) != std::set<std::string>{variable}) {
        return false;
      }
      taken.push_back(std::move(predicate));
      return true;
    });
    return taken;
  }

  // A filter that joins variables runs as soon as the last of them is bound.
  void EmitReadyFilters() {
    std::erase_if(filters_, [&](Predicate& predicate) {
      const std::set<std::string> variables = VariablesOf(predicate);
      if (variables.empty() ||
          !std::includes(bound_.begin(), bound_.end(), variables.begin(), variables.end())) {
        return false;
      }
      steps_.push_back({FilterRows{std::move(predicate)}});
      return true;
    });
  }

  void Scan(const std::string& variable, const std::string& type_name) {
    steps_.push_back({NodeScan{
        .variable = variable, .type_name = type_name, .filters = TakeFiltersOf(variable)}});
    bound_.insert(variable);
    EmitReadyFilters();
  }

  // No binding declares an endpoint of this component: its source is scanned by the type that the
  // edge gives it.
  void ScanUnboundEndpoint(const Traversal& traversal) {
    const ResolvedTraversal& resolved = checked_.traversals.at(&traversal);
    const bool out = resolved.direction != Direction::kIn;
    if (traversal.source != kAnonymous) {
      Scan(traversal.source, out ? resolved.edge->from : resolved.edge->to);
    } else if (traversal.destination != kAnonymous) {
      Scan(traversal.destination, out ? resolved.edge->to : resolved.edge->from);
    } else {
      const std::string source = InternalName(kAnonymous);
      Scan(source, out ? resolved.edge->from : resolved.edge->to);
      Follow(traversal, {.source = source, .forward = true});
      traversals_.erase(traversals_.begin());
    }
  }

  // Emits every traversal with a bound end, until none is left that has one.
  void FollowTraversals() {
    for (bool progress = true; progress;) {
      progress = false;
      std::vector<const Traversal*> waiting;
      for (const Traversal* traversal : traversals_) {
        const bool source_bound = bound_.contains(traversal->source);
        if (!source_bound && !bound_.contains(traversal->destination)) {
          waiting.push_back(traversal);
          continue;
        }
        Follow(*traversal, {.source = source_bound ? traversal->source : traversal->destination,
                            .forward = source_bound});
        progress = true;
      }
      traversals_ = std::move(waiting);
    }
  }

  struct From {
    std::string source;  // the bound variable
    bool forward;        // it is the traversal's source
  };

  void Follow(const Traversal& traversal, const From& from) {
    const ResolvedTraversal& resolved = checked_.traversals.at(&traversal);
    const std::string& far = from.forward ? traversal.destination : traversal.source;
    Expand expand;
    expand.source = from.source;
    expand.edge_type = resolved.edge->name;
    expand.direction = from.forward ? resolved.direction : Reversed(resolved.direction);
    expand.destination_type =
        expand.direction == Direction::kIn ? resolved.edge->from : resolved.edge->to;
    expand.min_hops = traversal.min_hops;
    expand.max_hops = *traversal.max_hops;
    if (traversal.edge_binding && *traversal.edge_binding != kAnonymous) {
      expand.edge_binding = traversal.edge_binding;
    }
    const bool closes = bound_.contains(far);
    if (closes) {
      expand.destination = InternalName(io::StrCat("__temp_", far));
    } else if (far == kAnonymous) {
      expand.destination = InternalName(kAnonymous);
    } else {
      expand.destination = far;
      expand.destination_filters = TakeFiltersOf(far);
    }
    bound_.insert(expand.destination);
    if (expand.edge_binding) {
      bound_.insert(*expand.edge_binding);
    }
    Predicate same_node = {.left = PropertyOf(expand.destination, "id"),
                           .op = CompareOp::kEqual,
                           .right = PropertyOf(far, "id")};
    steps_.push_back({std::move(expand)});
    if (closes) {
      steps_.push_back({FilterRows{std::move(same_node)}});
    }
    EmitReadyFilters();
  }

  static Direction Reversed(Direction direction) {
    switch (direction) {
      case Direction::kOut:
        return Direction::kIn;
      case Direction::kIn:
        return Direction::kOut;
      case Direction::kBoth:
        break;
    }
    return Direction::kBoth;
  }

  void EmitAntiJoin(const Negation& negation) {
    std::set<std::string> inner_bound = bound_;
    AntiJoin anti;
    anti.inner =
        ClauseLowering(catalog_, checked_, inner_bound, num_internal_).Lower(negation.clauses);
    std::set<std::string> read;
    CollectVariables(anti.inner, read);
    std::set_intersection(read.begin(), read.end(), bound_.begin(), bound_.end(),
                          std::back_inserter(anti.outer_variables));
    steps_.push_back({std::move(anti)});
  }

  const schema::Catalog& catalog_;
  const CheckedQuery& checked_;
  std::set<std::string>& bound_;
  int& num_internal_;
  std::vector<std::string> binding_order_;
  std::map<std::string, std::string, std::less<>> binding_types_;
  std::vector<const Traversal*> traversals_;  // not yet emitted
  std::vector<Predicate> filters_;            // not yet emitted
  std::vector<const Negation*> negations_;
  std::vector<PlanStep> steps_;
};

bool Ranks(const Expr& expr) {
  return expr.kind == ExprKind::kNearest || expr.kind == ExprKind::kBm25 ||
         expr.kind == ExprKind::kRrf;
}

// What the executor can compute as a column, and calls so when nothing else names it.
std::optional<std::string> ColumnName(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kProperty:
      return io::StrCat(expr.variable, ".", expr.property);
    case ExprKind::kVariable:
    case ExprKind::kParameter:
      return expr.variable;
    case ExprKind::kLiteral:
      return "literal";
    case ExprKind::kAggregate:
      return expr.args.front().kind == ExprKind::kAggregate ? std::nullopt
                                                            : ColumnName(expr.args.front());
    default:
      return std::nullopt;
  }
}

absl::StatusOr<PlanProjection> PlanProjectionOf(const Projection& projection,
                                                const CheckedQuery& checked) {
  PlanProjection planned;
  planned.expr = LowerExpr(projection.expr, checked);
  std::optional<std::string> name = ColumnName(planned.expr);
  if (!name) {
    return PlanError(
        io::StrCat("unsupported projection expression: ", FormatExpr(projection.expr)));
  }
  planned.name = projection.alias ? *projection.alias : *std::move(name);
  return planned;
}

absl::StatusOr<PlanOrdering> PlanOrderingOf(const Ordering& ordering, const CheckedQuery& checked,
                                            const ReadPlan& plan) {
  PlanOrdering planned;
  planned.expr = LowerExpr(ordering.expr, checked);
  planned.descending = ordering.descending;
  if (Ranks(planned.expr)) {
    planned.descending = false;
    return planned;
  }
  if (planned.expr.kind == ExprKind::kAlias) {
    const std::vector<Projection>& projections = checked.query->projections;
    for (size_t i = 0; i < projections.size(); ++i) {
      if (projections[i].alias == planned.expr.variable) {
        planned.column = i;
        return planned;
      }
    }
    return PlanError(io::StrCat("alias '", planned.expr.variable, "' not found for ordering"));
  }
  if (planned.expr.kind != ExprKind::kProperty) {
    return PlanError(io::StrCat("unsupported ordering expression: ", FormatExpr(ordering.expr)));
  }
  if (plan.aggregates) {
    const auto key =
        std::find_if(plan.projections.begin(), plan.projections.end(),
                     [&](const PlanProjection& column) { return column.expr == planned.expr; });
    if (key == plan.projections.end()) {
      return PlanError(io::StrCat("ordering by ", FormatExpr(ordering.expr),
                                  " needs it among the returned values of an aggregate query"));
    }
    planned.column = static_cast<size_t>(key - plan.projections.begin());
  }
  return planned;
}

std::string FiltersText(const std::vector<Predicate>& filters) {
  std::string text;
  for (const Predicate& filter : filters) {
    text += io::StrCat(text.empty() ? " [" : ", ", ToString(filter));
  }
  return text.empty() ? text : text + "]";
}

std::string ExpandText(const Expand& expand) {
  std::string text = io::StrCat("Expand $", expand.source, " ", DirectionName(expand.direction),
                                " ", expand.edge_type);
  if (expand.min_hops != 1 || expand.max_hops != 1) {
    text += io::StrCat("{", expand.min_hops, ",", expand.max_hops, "}");
  }
  if (expand.edge_binding) {
    text += io::StrCat(" as $", *expand.edge_binding);
  }
  return io::StrCat(text, " -> $", expand.destination, ": ", expand.destination_type,
                    FiltersText(expand.destination_filters));
}

void AppendSteps(const std::vector<PlanStep>& steps, std::string_view indent, std::string& text) {
  for (const PlanStep& step : steps) {
    text += io::StrCat(indent, ToString(step), "\n");
    if (const auto* anti = std::get_if<AntiJoin>(&step.value)) {
      AppendSteps(anti->inner, io::StrCat(indent, "  "), text);
    }
  }
}

}  // namespace

bool operator==(const AntiJoin& a, const AntiJoin& b) {
  return a.outer_variables == b.outer_variables && a.inner == b.inner;
}

absl::StatusOr<ReadPlan> PlanRead(const schema::Catalog& catalog, const CheckedQuery& checked) {
  const Query& query = *checked.query;
  if (query.is_mutation()) {
    return PlanError("mutation query cannot be typechecked with read-query API");
  }
  ReadPlan plan;
  plan.query_name = query.name;
  plan.limit = query.limit;
  std::set<std::string> bound;
  int num_internal = 0;
  plan.pipeline = ClauseLowering(catalog, checked, bound, num_internal).Lower(query.match);
  for (const Projection& projection : query.projections) {
    OG_ASSIGN_OR_RETURN(PlanProjection planned, PlanProjectionOf(projection, checked));
    plan.aggregates |= planned.expr.kind == ExprKind::kAggregate;
    plan.projections.push_back(std::move(planned));
  }
  for (const Ordering& ordering : query.orderings) {
    OG_ASSIGN_OR_RETURN(PlanOrdering planned, PlanOrderingOf(ordering, checked, plan));
    const bool ranks = Ranks(planned.expr);
    if (ranks && !plan.orderings.empty()) {
      return PlanError(io::StrCat("unsupported ordering expression: ", FormatExpr(ordering.expr)));
    }
    plan.orderings.push_back(std::move(planned));
    if (ranks) {
      break;  // a rank orders alone: what follows it is not looked at
    }
  }
  return plan;
}

absl::StatusOr<MutationPlan> PlanMutation(const CheckedQuery& checked) {
  const Query& query = *checked.query;
  if (!query.is_mutation()) {
    return PlanError("mutation execution called on a read query; use query instead");
  }
  const auto is_delete = [](const Mutation& mutation) {
    return mutation.kind == MutationKind::kDelete;
  };
  const auto num_deletes = std::count_if(query.mutations.begin(), query.mutations.end(), is_delete);
  if (num_deletes != 0 && static_cast<size_t>(num_deletes) != query.mutations.size()) {
    return PlanError(io::StrCat(
        "mutation '", query.name,
        "' on the same query mixes inserts/updates and deletes; split into separate mutations: (1) "
        "inserts and updates, then (2) deletes. A query is deliberately constructive or "
        "destructive, not both, so its read-your-writes stays unambiguous; run the two on a branch "
        "and merge if you need them in one atomic commit."));
  }
  MutationPlan plan;
  plan.query_name = query.name;
  for (size_t i = 0; i < query.mutations.size(); ++i) {
    const Mutation& mutation = query.mutations[i];
    MutationStep step;
    step.kind = mutation.kind;
    step.is_edge = checked.mutation_targets_edge[i];
    step.type_name = mutation.type_name;
    for (const PropertyValue& assignment : mutation.assignments) {
      step.assignments.push_back(
          {.property = assignment.property, .value = LowerValue(assignment.value)});
    }
    if (mutation.predicate) {
      step.predicate = Predicate{.left = PropertyOf("", mutation.predicate->property),
                                 .op = mutation.predicate->op,
                                 .right = LowerValue(mutation.predicate->value)};
    }
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

std::string ToString(const Expr& expr) {
  return FormatExpr(expr);
}

std::string ToString(const Predicate& predicate) {
  return io::StrCat(
      FormatExpr(predicate.left), " ",
      predicate.op == CompareOp::kStringContains ? "contains_text" : CompareOpName(predicate.op),
      " ", FormatExpr(predicate.right));
}

std::string ToString(const PlanStep& step) {
  if (const auto* scan = std::get_if<NodeScan>(&step.value)) {
    return io::StrCat("NodeScan $", scan->variable, ": ", scan->type_name,
                      FiltersText(scan->filters));
  }
  if (const auto* expand = std::get_if<Expand>(&step.value)) {
    return ExpandText(*expand);
  }
  if (const auto* filter = std::get_if<FilterRows>(&step.value)) {
    return io::StrCat("Filter ", ToString(filter->predicate));
  }
  std::string text = "AntiJoin";
  for (const std::string& variable : std::get<AntiJoin>(step.value).outer_variables) {
    text += io::StrCat(" $", variable);
  }
  return text;
}

std::string ToString(const ReadPlan& plan) {
  std::string text;
  AppendSteps(plan.pipeline, "", text);
  text += plan.aggregates ? "Aggregate" : "Project";
  for (size_t i = 0; i < plan.projections.size(); ++i) {
    text += io::StrCat(i == 0 ? " " : ", ", ToString(plan.projections[i].expr), " as ",
                       plan.projections[i].name);
  }
  text += "\n";
  for (size_t i = 0; i < plan.orderings.size(); ++i) {
    text += io::StrCat(i == 0 ? "Order " : ", ", ToString(plan.orderings[i].expr),
                       plan.orderings[i].descending ? " desc" : "");
  }
  text += plan.orderings.empty() ? "" : "\n";
  if (plan.limit) {
    text += io::StrCat("Limit ", *plan.limit, "\n");
  }
  return text;
}

}  // namespace og::engine::query
