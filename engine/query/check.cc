#include "engine/query/check.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/query/did_you_mean.h"
#include "engine/query/result_column.h"
#include "engine/query/types.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

using schema::EdgeType;
using schema::NodeType;
using schema::Property;
using schema::PropType;
using schema::ScalarKind;

constexpr std::string_view kAnonymous = "_";

// What an expression stands for: a value, a node, or (for aggregates and unknown aliases) a value
// whose type only the result knows.
struct ExprType {
  enum class Kind : uint8_t { kValue, kNode, kAggregate };
  Kind kind = Kind::kAggregate;
  PropType type;          // of kValue
  std::string node_type;  // of kNode

  static ExprType Value(PropType type) {
    return {.kind = Kind::kValue, .type = std::move(type), .node_type = ""};
  }
  static ExprType Scalar(ScalarKind kind) { return Value(ScalarType(kind)); }
  static ExprType Aggregate() { return {.kind = Kind::kAggregate, .type = {}, .node_type = ""}; }

  bool is_value() const { return kind == Kind::kValue; }

  std::string ToString() const {
    switch (kind) {
      case Kind::kValue:
        return type.ToString();
      case Kind::kNode:
        return io::StrCat("node `", node_type, "`");
      case Kind::kAggregate:
        return "aggregate";
    }
    return "";
  }
};

bool Mentions(const Expr& expr, const std::map<std::string, BoundVariable>& variables) {
  const bool names_variable = expr.kind == ExprKind::kProperty || expr.kind == ExprKind::kNearest ||
                              expr.kind == ExprKind::kVariable;
  return (names_variable && variables.contains(expr.variable)) ||
         std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const Expr& arg) { return Mentions(arg, variables); });
}

bool Mentions(const Clause& clause, const std::map<std::string, BoundVariable>& variables) {
  if (const auto* binding = std::get_if<Binding>(&clause.value)) {
    return variables.contains(binding->variable);
  }
  if (const auto* traversal = std::get_if<Traversal>(&clause.value)) {
    return variables.contains(traversal->source) || variables.contains(traversal->destination);
  }
  if (const auto* filter = std::get_if<Filter>(&clause.value)) {
    return Mentions(filter->left, variables) || Mentions(filter->right, variables);
  }
  return false;
}

// What the types or properties `declarations` are called.
template <typename Declarations>
std::vector<std::string_view> NamesOf(const Declarations& declarations) {
  std::vector<std::string_view> names;
  for (const auto& declaration : declarations)
    names.push_back(declaration.name);
  return names;
}

class Checker {
 public:
  Checker(const schema::Catalog& catalog, const Query& query) : catalog_(catalog), query_(query) {}

  absl::StatusOr<CheckedQuery> Check() {
    out_.query = &query_;
    OG_RETURN_IF_ERROR(DeclareParams());
    if (query_.is_mutation()) {
      for (const Mutation& mutation : query_.mutations) {
        OG_RETURN_IF_ERROR(CheckMutation(mutation));
      }
    } else {
      OG_RETURN_IF_ERROR(CheckRead());
    }
    out_.reads.assign(reads_.begin(), reads_.end());
    out_.writes.assign(writes_.begin(), writes_.end());
    return std::move(out_);
  }

 private:
  using Variables = std::map<std::string, BoundVariable>;

  absl::Status DeclareParams() {
    for (const Param& param : query_.params) {
      if (param.name == kNowParameter) {
        return TypeError(param.span, io::StrCat("parameter name `$", kNowParameter,
                                                "` is reserved for runtime timestamp injection"));
      }
      std::optional<PropType> type = ParamType(param.type_name, param.nullable);
      if (!type) {
        return TypeError(param.span, io::StrCat("unknown parameter type `", param.type_name,
                                                "` for `$", param.name, "`"));
      }
      out_.params[param.name] = *std::move(type);
    }
    return absl::OkStatus();
  }

  // --- reads

  absl::Status CheckRead() {
    OG_RETURN_IF_ERROR(CheckClauses(query_.match, out_.variables));
    for (const Projection& projection : query_.projections) {
      OG_ASSIGN_OR_RETURN(ExprType type, TypeOf(projection.expr, out_.variables));
      OG_RETURN_IF_ERROR(RefuseBlob(type, projection.expr));
      if (projection.alias) {
        aliases_[*projection.alias] = std::move(type);
        alias_exprs_[*projection.alias] = &projection.expr;
      }
    }
    for (const Ordering& ordering : query_.orderings) {
      OG_ASSIGN_OR_RETURN(const ExprType type, TypeOf(ordering.expr, out_.variables));
      OG_RETURN_IF_ERROR(RefuseBlob(type, ordering.expr));
    }
    OG_RETURN_IF_ERROR(CheckRanking());
    OG_RETURN_IF_ERROR(CheckGrouping());
    for (const Projection& projection : query_.projections) {
      OG_ASSIGN_OR_RETURN(ResultColumn column, ColumnOf(projection));
      out_.result.push_back(std::move(column));
    }
    return absl::OkStatus();
  }

  // T21, T17, T18: what a ranked order needs.
  absl::Status CheckRanking() {
    const Ordering* nearest = nullptr;
    const Ordering* rrf = nullptr;
    const Ordering* alias = nullptr;
    for (const Ordering& ordering : query_.orderings) {
      std::set<std::string> seen;
      if (nearest == nullptr && Ranks(ordering.expr, ExprKind::kNearest, seen)) {
        nearest = &ordering;
      }
      if (rrf == nullptr && Ranks(ordering.expr, ExprKind::kRrf, seen)) {
        rrf = &ordering;
      }
      if (alias == nullptr && ordering.expr.kind == ExprKind::kAlias) {
        alias = &ordering;
      }
    }
    if (rrf != nullptr && !query_.limit) {
      return TypeError(rrf->span, "T21: rrf ordering requires a limit clause");
    }
    if (nearest != nullptr && !query_.limit) {
      return TypeError(nearest->span, "T17: nearest ordering requires a limit clause");
    }
    if (nearest != nullptr && alias != nullptr) {
      return TypeError(
          alias->span,
          "T18: alias-based ordering is not supported together with nearest in phase 1");
    }
    return absl::OkStatus();
  }

  // Whether `expr`, seen through aliases, holds `kind`. A nearest inside an rrf is the rrf's.
  bool Ranks(const Expr& expr, ExprKind kind, std::set<std::string>& seen) const {
    if (expr.kind == kind) {
      return true;
    }
    if (expr.kind == ExprKind::kAlias) {
      if (!seen.insert(expr.variable).second) {
        return false;
      }
      const auto found = alias_exprs_.find(expr.variable);
      const bool ranks = found != alias_exprs_.end() && Ranks(*found->second, kind, seen);
      seen.erase(expr.variable);
      return ranks;
    }
    if (expr.kind == ExprKind::kRrf || expr.kind == ExprKind::kNearest) {
      return false;
    }
    return std::any_of(expr.args.begin(), expr.args.end(),
                       [&](const Expr& arg) { return Ranks(arg, kind, seen); });
  }

  // T9: beside an aggregate only what can be a grouping key may stand.
  absl::Status CheckGrouping() const {
    const auto is_aggregate = [](const Projection& projection) {
      return projection.expr.kind == ExprKind::kAggregate;
    };
    if (std::none_of(query_.projections.begin(), query_.projections.end(), is_aggregate)) {
      return absl::OkStatus();
    }
    for (const Projection& projection : query_.projections) {
      if (!is_aggregate(projection) && projection.expr.kind != ExprKind::kProperty &&
          projection.expr.kind != ExprKind::kVariable) {
        return TypeError(projection.span,
                         "T9: non-aggregate expressions in an aggregate query must be property "
                         "accesses or variables");
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ResultColumn> ColumnOf(const Projection& projection) const {
    ResultColumn column;
    column.name = StaticName(projection);
    if (projection.expr.kind == ExprKind::kAggregate) {
      column.nullable = true;
      switch (projection.expr.function) {
        case AggregateFunction::kCount:
          column.kind = ResultKind::kBigint;
          return column;
        case AggregateFunction::kSum:
        case AggregateFunction::kAvg:
          column.kind = ResultKind::kFloat;
          return column;
        case AggregateFunction::kMin:
        case AggregateFunction::kMax:
          break;
      }
      OG_ASSIGN_OR_RETURN(const ExprType argument,
                          TypeOf(projection.expr.args.front(), out_.variables));
      Describe(argument, column);
      column.nullable = true;
      return column;
    }
    OG_ASSIGN_OR_RETURN(const ExprType type, TypeOf(projection.expr, out_.variables));
    Describe(type, column);
    return column;
  }

  static void Describe(const ExprType& type, ResultColumn& column) {
    switch (type.kind) {
      case ExprType::Kind::kNode:
        column.kind = ResultKind::kObject;
        return;
      case ExprType::Kind::kAggregate:
        column.kind = ResultKind::kBigint;
        column.nullable = true;
        return;
      case ExprType::Kind::kValue:
        break;
    }
    column.nullable = type.type.nullable;
    if (type.type.list) {
      column.kind = ResultKind::kList;
      column.item_kind = KindOf(type.type.scalar);
      return;
    }
    column.kind = KindOf(type.type.scalar);
    if (type.type.is_vector()) {
      column.vector_dim = type.type.vector_dim;
    }
  }

  // --- clauses

  absl::Status CheckClauses(const std::vector<Clause>& clauses, Variables& variables) {
    for (const Clause& clause : clauses) {
      if (const auto* binding = std::get_if<Binding>(&clause.value)) {
        OG_RETURN_IF_ERROR(CheckBinding(*binding, variables));
      } else if (const auto* traversal = std::get_if<Traversal>(&clause.value)) {
        OG_RETURN_IF_ERROR(CheckTraversal(*traversal, variables));
      } else if (const auto* filter = std::get_if<Filter>(&clause.value)) {
        OG_RETURN_IF_ERROR(CheckFilter(*filter, variables));
      } else {
        OG_RETURN_IF_ERROR(CheckNegation(std::get<Negation>(clause.value), variables));
      }
    }
    return absl::OkStatus();
  }

  // Variables that the block introduces stay inside it.
  absl::Status CheckNegation(const Negation& negation, const Variables& outer) {
    Variables inner = outer;
    OG_RETURN_IF_ERROR(CheckClauses(negation.clauses, inner));
    if (std::none_of(negation.clauses.begin(), negation.clauses.end(),
                     [&](const Clause& clause) { return Mentions(clause, outer); })) {
      return TypeError(negation.span,
                       "T9: negation block must reference at least one outer-bound variable");
    }
    return absl::OkStatus();
  }

  absl::Status CheckBinding(const Binding& binding, Variables& variables) {
    const NodeType* node = catalog_.FindNode(binding.type_name);
    if (node == nullptr) {
      return UnknownName(binding.span,
                         io::StrCat("T1: unknown node type `", binding.type_name, "`"),
                         binding.type_name, NamesOf(catalog_.nodes()));
    }
    for (const PropertyValue& match : binding.matches) {
      OG_RETURN_IF_ERROR(CheckMatch(*node, match));
    }
    const auto [found, fresh] = variables.try_emplace(
        binding.variable, BoundVariable{.is_edge = false, .type_name = binding.type_name});
    if (!fresh && found->second.is_edge) {
      return TypeError(binding.span,
                       io::StrCat("T23: variable `$", binding.variable, "` is bound to edge type `",
                                  found->second.type_name, "` and cannot be rebound as node type `",
                                  binding.type_name, "`"));
    }
    if (!fresh && found->second.type_name != binding.type_name) {
      return TypeError(
          binding.span,
          io::StrCat("variable `$", binding.variable, "` already bound to type `",
                     found->second.type_name, "`, cannot rebind to `", binding.type_name, "`"));
    }
    reads_.insert({.is_edge = false, .type_name = binding.type_name});
    return absl::OkStatus();
  }

  absl::Status CheckMatch(const NodeType& node, const PropertyValue& match) const {
    const Property* property = node.Find(match.property);
    if (property == nullptr) {
      return UnknownName(
          match.span,
          io::StrCat("T2: type `", node.name, "` has no property `", match.property, "`"),
          match.property, NamesOf(node.properties));
    }
    const PropType& type = property->type;
    if (type.is_blob()) {
      return TypeError(match.span, io::StrCat("T3: blob property `", node.name, ".", match.property,
                                              "` cannot be used in match patterns"));
    }
    switch (match.value.kind) {
      case MatchValue::Kind::kLiteral:
        return type.list ? CheckLiteralMember(match, type)
                         : CheckLiteral(match.value.literal, type, match.property);
      case MatchValue::Kind::kNow:
        return CheckNow(match, type);
      case MatchValue::Kind::kVariable:
        break;
    }
    // A name that is no parameter is found out when the value is needed.
    const auto param = out_.params.find(match.value.variable);
    if (param == out_.params.end()) {
      return absl::OkStatus();
    }
    return type.list ? CheckParamMember(match, param->second, type)
                     : CheckParam(match, param->second, type);
  }

  static absl::Status CheckLiteralMember(const PropertyValue& match, const PropType& list) {
    OG_ASSIGN_OR_RETURN(const PropType actual, LiteralType(match.value.literal));
    if (actual.list) {
      return TypeError(
          match.span, io::StrCat("T3: list equality is not supported for property `",
                                 match.property, "`; use a scalar value to match list membership"));
    }
    if (!Compatible(actual, MemberOf(list))) {
      return TypeError(match.span,
                       io::StrCat("T3: property `", match.property, "` has type ", list.ToString(),
                                  " but membership match got ", actual.ToString()));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckParamMember(const PropertyValue& match, const PropType& actual,
                                       const PropType& list) {
    if (actual.list) {
      return TypeError(match.span, io::StrCat("T7: list equality is not supported for property `",
                                              match.property,
                                              "`; use a scalar parameter for membership matching"));
    }
    if (!Compatible(actual, MemberOf(list))) {
      return TypeError(match.span,
                       io::StrCat("T7: cannot compare ", actual.ToString(), " membership against ",
                                  list.ToString(), " for property `", match.property, "`"));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckParam(const PropertyValue& match, const PropType& actual,
                                 const PropType& expected) {
    if (Compatible(actual, expected)) {
      return absl::OkStatus();
    }
    return TypeError(match.span,
                     io::StrCat("T7: cannot assign/compare ", actual.ToString(), " with ",
                                expected.ToString(), " for property `", match.property, "`"));
  }

  static absl::Status CheckNow(const PropertyValue& match, const PropType& expected) {
    return IsScalar(expected, ScalarKind::kDateTime)
               ? absl::OkStatus()
               : CheckParam(match, ScalarType(ScalarKind::kDateTime), expected);
  }

  // --- traversals

  absl::Status CheckTraversal(const Traversal& traversal, Variables& variables) {
    const EdgeType* edge = catalog_.FindEdge(traversal.edge_name);
    if (edge == nullptr) {
      return UnknownName(traversal.span,
                         io::StrCat("T4: unknown edge type `", traversal.edge_name, "`"),
                         traversal.edge_name, NamesOf(catalog_.edges()));
    }
    OG_RETURN_IF_ERROR(CheckBounds(traversal));
    if (traversal.undirected && edge->from != edge->to) {
      return TypeError(traversal.span, io::StrCat("T22: undirected traversal `<", edge->name,
                                                  ">` requires a same-endpoint-type edge, but `",
                                                  edge->name, ": ", edge->from, " -> ", edge->to,
                                                  "` is asymmetric; use the directional form"));
    }
    OG_RETURN_IF_ERROR(BindEdge(traversal, *edge, variables));
    OG_ASSIGN_OR_RETURN(const Direction direction, Orient(traversal, *edge, variables));
    out_.traversals[&traversal] = {
        .edge = edge, .direction = traversal.undirected ? Direction::kBoth : direction};
    reads_.insert({.is_edge = true, .type_name = edge->name});
    reads_.insert({.is_edge = false, .type_name = edge->from});
    reads_.insert({.is_edge = false, .type_name = edge->to});
    return absl::OkStatus();
  }

  static absl::Status CheckBounds(const Traversal& traversal) {
    if (traversal.min_hops == 0) {
      return TypeError(traversal.span, "T15: traversal min hop bound must be >= 1");
    }
    if (!traversal.max_hops) {
      return TypeError(traversal.span,
                       "T15: unbounded traversal is disabled; use bounded traversal {min,max}");
    }
    if (*traversal.max_hops < traversal.min_hops) {
      return TypeError(traversal.span,
                       io::StrCat("T15: invalid traversal bounds {", traversal.min_hops, ",",
                                  *traversal.max_hops, "}; max must be >= min"));
    }
    return absl::OkStatus();
  }

  static absl::Status BindEdge(const Traversal& traversal, const EdgeType& edge,
                               Variables& variables) {
    if (!traversal.edge_binding) {
      return absl::OkStatus();
    }
    const std::string& name = *traversal.edge_binding;
    if (traversal.min_hops != 1 || traversal.max_hops != 1) {
      return TypeError(traversal.span,
                       io::StrCat("T23: edge binding `$", name,
                                  "` cannot be combined with traversal bounds; a multi-hop "
                                  "traversal matches a path of edges, not one edge"));
    }
    if (name == kAnonymous) {
      return absl::OkStatus();
    }
    if (name == traversal.source || name == traversal.destination) {
      return TypeError(traversal.span,
                       io::StrCat("T23: edge binding `$", name,
                                  "` cannot reuse a traversal endpoint name; edge bindings and "
                                  "node endpoints need distinct names"));
    }
    const BoundVariable bound{.is_edge = true, .type_name = edge.name};
    if (!variables.try_emplace(name, bound).second) {
      return TypeError(traversal.span,
                       io::StrCat("T23: variable `$", name,
                                  "` is already bound; an edge binding needs a fresh name"));
    }
    return absl::OkStatus();
  }

  // The type of the endpoint `name`: null when it is not bound, an error when it is an edge.
  static absl::StatusOr<const std::string*> EndpointType(const Traversal& traversal,
                                                         const std::string& name,
                                                         const Variables& variables) {
    const auto found = variables.find(name);
    if (found == variables.end()) {
      return nullptr;
    }
    if (found->second.is_edge) {
      return TypeError(traversal.span,
                       io::StrCat("T23: edge binding `$", name,
                                  "` cannot be used as a traversal endpoint; traversal endpoints "
                                  "must be node bindings"));
    }
    return &found->second.type_name;
  }

  // Which way the edge runs: said by the type of the source if it is bound, else of the
  // destination, else as written.
  absl::StatusOr<Direction> Orient(const Traversal& traversal, const EdgeType& edge,
                                   Variables& variables) const {
    OG_ASSIGN_OR_RETURN(const std::string* source,
                        EndpointType(traversal, traversal.source, variables));
    if (source != nullptr) {
      if (*source == edge.from) {
        OG_RETURN_IF_ERROR(
            BindEndpoint(traversal, traversal.destination, edge.to, edge, variables));
        return Direction::kOut;
      }
      if (*source == edge.to) {
        OG_RETURN_IF_ERROR(
            BindEndpoint(traversal, traversal.destination, edge.from, edge, variables));
        return Direction::kIn;
      }
      return NotAnEndpoint(traversal, traversal.source, *source, edge);
    }
    OG_ASSIGN_OR_RETURN(const std::string* destination,
                        EndpointType(traversal, traversal.destination, variables));
    if (destination != nullptr) {
      if (*destination == edge.to) {
        OG_RETURN_IF_ERROR(BindEndpoint(traversal, traversal.source, edge.from, edge, variables));
        return Direction::kOut;
      }
      if (*destination == edge.from) {
        OG_RETURN_IF_ERROR(BindEndpoint(traversal, traversal.source, edge.to, edge, variables));
        return Direction::kIn;
      }
      return NotAnEndpoint(traversal, traversal.destination, *destination, edge);
    }
    OG_RETURN_IF_ERROR(BindEndpoint(traversal, traversal.source, edge.from, edge, variables));
    OG_RETURN_IF_ERROR(BindEndpoint(traversal, traversal.destination, edge.to, edge, variables));
    return Direction::kOut;
  }

  static absl::Status NotAnEndpoint(const Traversal& traversal, const std::string& name,
                                    const std::string& type, const EdgeType& edge) {
    return TypeError(traversal.span, io::StrCat("T5: variable `$", name, "` has type `", type,
                                                "`, which is not an endpoint of edge `", edge.name,
                                                ": ", edge.from, " -> ", edge.to, "`"));
  }

  static absl::Status BindEndpoint(const Traversal& traversal, const std::string& name,
                                   const std::string& expected, const EdgeType& edge,
                                   Variables& variables) {
    OG_ASSIGN_OR_RETURN(const std::string* type, EndpointType(traversal, name, variables));
    if (type == nullptr && name == kAnonymous) {
      return absl::OkStatus();
    }
    if (type == nullptr) {
      variables[name] = {.is_edge = false, .type_name = expected};
      return absl::OkStatus();
    }
    if (*type != expected) {
      return TypeError(traversal.span,
                       io::StrCat("T5: variable `$", name, "` has type `", *type, "` but edge `",
                                  edge.name, "` expects `", expected, "`"));
    }
    return absl::OkStatus();
  }

  // --- filters

  absl::Status CheckFilter(const Filter& filter, const Variables& variables) {
    OG_ASSIGN_OR_RETURN(const ExprType left, TypeOf(filter.left, variables));
    OG_ASSIGN_OR_RETURN(const ExprType right, TypeOf(filter.right, variables));
    if (!left.is_value() || !right.is_value()) {
      return TypeError(filter.span,
                       io::StrCat("T7: filter comparisons require scalar operands, got ",
                                  left.ToString(), " and ", right.ToString()));
    }
    if (left.type.is_blob() || right.type.is_blob()) {
      return TypeError(filter.span, "T7: blob comparisons in filters are not supported");
    }
    out_.operators[&filter] = filter.op;
    switch (filter.op) {
      case CompareOp::kContains:
        if (IsScalar(left.type, ScalarKind::kString)) {
          out_.operators[&filter] = CompareOp::kStringContains;
          return CheckStringOperand(filter, "string contains", right.type);
        }
        return CheckMembership(filter, left.type, right.type);
      case CompareOp::kStartsWith:
      case CompareOp::kStringContains:
        if (!IsScalar(left.type, ScalarKind::kString)) {
          return TypeError(filter.span, io::StrCat("T7: ", CompareOpName(filter.op),
                                                   " requires a String property on the left, got ",
                                                   left.type.ToString()));
        }
        return CheckStringOperand(filter, CompareOpName(filter.op), right.type);
      default:
        return CheckComparison(filter, left.type, right.type);
    }
  }

  static absl::Status CheckStringOperand(const Filter& filter, std::string_view what,
                                         const PropType& right) {
    return IsScalar(right, ScalarKind::kString)
               ? absl::OkStatus()
               : TypeError(filter.span,
                           io::StrCat("T7: ", what, " requires a String right operand, got ",
                                      right.ToString()));
  }

  static absl::Status CheckMembership(const Filter& filter, const PropType& left,
                                      const PropType& right) {
    if (!left.list) {
      return TypeError(filter.span,
                       io::StrCat("T7: contains requires a list property (membership) or a String "
                                  "property (substring) on the left, got ",
                                  left.ToString()));
    }
    if (right.list) {
      return TypeError(filter.span, "T7: contains requires a scalar right operand");
    }
    if (left.is_vector() || right.is_vector()) {
      return TypeError(filter.span, "T7: vector membership filters are not supported");
    }
    if (!Compatible(MemberOf(left), right)) {
      return TypeError(filter.span, io::StrCat("T7: cannot test membership of ", right.ToString(),
                                               " in ", left.ToString()));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckComparison(const Filter& filter, const PropType& left,
                                      const PropType& right) {
    if (left.list || right.list) {
      return TypeError(filter.span,
                       "T7: list comparisons in filters are not supported; use `contains` for list "
                       "membership");
    }
    if (left.is_vector() || right.is_vector()) {
      return TypeError(filter.span, "T7: vector comparisons in filters are not supported");
    }
    if (!Compatible(left, right)) {
      return TypeError(filter.span, io::StrCat("T7: cannot compare ", left.ToString(), " with ",
                                               right.ToString()));
    }
    return absl::OkStatus();
  }

  // --- expressions

  absl::StatusOr<ExprType> TypeOf(const Expr& expr, const Variables& variables) const {
    switch (expr.kind) {
      case ExprKind::kNow:
        return ExprType::Scalar(ScalarKind::kDateTime);
      case ExprKind::kLiteral: {
        OG_ASSIGN_OR_RETURN(PropType type, LiteralType(expr.literal));
        return ExprType::Value(std::move(type));
      }
      case ExprKind::kProperty:
        return TypeOfProperty(expr, variables);
      case ExprKind::kVariable:
      case ExprKind::kParameter:
        return TypeOfVariable(expr, variables);
      case ExprKind::kAlias: {
        // An order may name what no projection declares; that is found out by the plan.
        const auto found = aliases_.find(expr.variable);
        return found == aliases_.end() ? ExprType::Aggregate() : found->second;
      }
      case ExprKind::kNearest:
        OG_RETURN_IF_ERROR(CheckNearest(expr, variables));
        return ExprType::Scalar(ScalarKind::kF64);
      case ExprKind::kSearch:
        OG_RETURN_IF_ERROR(CheckTextCall(expr, "T19", "search", variables));
        return ExprType::Scalar(ScalarKind::kBool);
      case ExprKind::kFuzzy:
        OG_RETURN_IF_ERROR(CheckTextCall(expr, "T19", "fuzzy", variables));
        if (expr.args.size() > 2) {
          OG_RETURN_IF_ERROR(CheckInteger(expr.args[2], "T19: fuzzy max_edits", variables));
        }
        return ExprType::Scalar(ScalarKind::kBool);
      case ExprKind::kMatchText:
        OG_RETURN_IF_ERROR(CheckTextCall(expr, "T20", "match_text", variables));
        return ExprType::Scalar(ScalarKind::kBool);
      case ExprKind::kBm25:
        OG_RETURN_IF_ERROR(CheckTextCall(expr, "T20", "bm25", variables));
        return ExprType::Scalar(ScalarKind::kF64);
      case ExprKind::kRrf:
        OG_RETURN_IF_ERROR(CheckRrf(expr, variables));
        return ExprType::Scalar(ScalarKind::kF64);
      case ExprKind::kAggregate:
        OG_RETURN_IF_ERROR(CheckAggregate(expr, variables));
        return ExprType::Aggregate();
    }
    return ExprType::Aggregate();
  }

  absl::StatusOr<ExprType> TypeOfProperty(const Expr& expr, const Variables& variables) const {
    const auto found = variables.find(expr.variable);
    if (found == variables.end()) {
      return TypeError(expr.span, io::StrCat("T6: variable `$", expr.variable, "` is not bound"));
    }
    const BoundVariable& bound = found->second;
    const Property* property = nullptr;
    std::vector<std::string_view> declared;
    if (bound.is_edge) {
      const EdgeType* edge = catalog_.FindEdgeExactly(bound.type_name);
      property = edge == nullptr ? nullptr : edge->Find(expr.property);
      if (edge != nullptr && property == nullptr) declared = NamesOf(edge->properties);
    } else {
      const NodeType* node = catalog_.FindNode(bound.type_name);
      property = node == nullptr ? nullptr : node->Find(expr.property);
      if (node != nullptr && property == nullptr) declared = NamesOf(node->properties);
    }
    if (property == nullptr) {
      return UnknownName(expr.span,
                         io::StrCat("T6: ", bound.is_edge ? "edge" : "type", " `", bound.type_name,
                                    "` has no property `", expr.property, "`"),
                         expr.property, declared);
    }
    if (property->type.is_blob()) {
      return TypeError(expr.span,
                       io::StrCat("T24: Blob property `$", expr.variable, ".", expr.property,
                                  "` is not available as a .gq read value; Blob values require a "
                                  "dedicated API"));
    }
    return ExprType::Value(property->type);
  }

  absl::StatusOr<ExprType> TypeOfVariable(const Expr& expr, const Variables& variables) const {
    if (const auto param = out_.params.find(expr.variable); param != out_.params.end()) {
      return ExprType::Value(param->second);
    }
    const auto found = variables.find(expr.variable);
    if (found == variables.end()) {
      return TypeError(expr.span, io::StrCat("variable `$", expr.variable, "` is not bound"));
    }
    if (found->second.is_edge) {
      return TypeError(expr.span, io::StrCat("T23: edge binding `$", expr.variable,
                                             "` cannot be used bare; access one of its properties "
                                             "(`$",
                                             expr.variable, ".{prop}`)"));
    }
    return ExprType{
        .kind = ExprType::Kind::kNode, .type = {}, .node_type = found->second.type_name};
  }

  absl::Status CheckNearest(const Expr& expr, const Variables& variables) const {
    const auto found = variables.find(expr.variable);
    if (found == variables.end()) {
      return TypeError(expr.span, io::StrCat("T15: variable `$", expr.variable, "` is not bound"));
    }
    if (found->second.is_edge) {
      return TypeError(expr.span,
                       io::StrCat("T23: nearest cannot target edge binding `$", expr.variable,
                                  "`; vector search runs on node properties"));
    }
    const std::string& type_name = found->second.type_name;
    const NodeType* node = catalog_.FindNode(type_name);
    const Property* property = node == nullptr ? nullptr : node->Find(expr.property);
    if (property == nullptr) {
      return UnknownName(
          expr.span,
          io::StrCat("T15: type `", type_name, "` has no property `", expr.property, "`"),
          expr.property,
          node == nullptr ? std::vector<std::string_view>() : NamesOf(node->properties));
    }
    if (!IsScalar(property->type, ScalarKind::kVector)) {
      return TypeError(expr.span,
                       io::StrCat("T15: nearest requires a Vector property, got ", type_name, ".",
                                  expr.property, ": ", property->type.ToString()));
    }
    return CheckNearestQuery(expr.args.front(), property->type.vector_dim, variables);
  }

  absl::Status CheckNearestQuery(const Expr& query, uint32_t dim,
                                 const Variables& variables) const {
    const std::string mismatch =
        io::StrCat("T15: nearest vector dimension mismatch: property is Vector(", dim, "), query ");
    if (query.kind == ExprKind::kLiteral) {
      if (const std::optional<uint32_t> length = NumberListLength(query.literal)) {
        return *length == dim ? absl::OkStatus()
                              : TypeError(query.span, io::StrCat(mismatch, "literal has ", *length,
                                                                 " elements"));
      }
    }
    OG_ASSIGN_OR_RETURN(const ExprType type, TypeOf(query, variables));
    if (!type.is_value()) {
      return TypeError(query.span, "T15: nearest query must be a scalar expression");
    }
    if (IsScalar(type.type, ScalarKind::kVector)) {
      return type.type.vector_dim == dim
                 ? absl::OkStatus()
                 : TypeError(query.span,
                             io::StrCat(mismatch, "is Vector(", type.type.vector_dim, ")"));
    }
    if (!IsScalar(type.type, ScalarKind::kString)) {
      return TypeError(query.span, io::StrCat("T15: nearest query must be Vector(", dim,
                                              ") or String, got ", type.type.ToString()));
    }
    return absl::OkStatus();
  }

  // search, fuzzy, match_text, bm25: a String field of a node and a String to look for.
  absl::Status CheckTextCall(const Expr& expr, std::string_view code, std::string_view name,
                             const Variables& variables) const {
    const Expr& field = expr.args[0];
    if (field.kind == ExprKind::kProperty) {
      const auto found = variables.find(field.variable);
      if (found != variables.end() && found->second.is_edge) {
        return TypeError(
            field.span, io::StrCat("T23: ", name, " cannot target edge property `$", field.variable,
                                   ".", field.property,
                                   "`; text/rank search runs on node properties — edge "
                                   "properties support comparison filters and projection"));
      }
    }
    OG_RETURN_IF_ERROR(CheckString(field, io::StrCat(code, ": ", name, " field"), variables));
    return CheckString(expr.args[1], io::StrCat(code, ": ", name, " query"), variables);
  }

  absl::Status CheckString(const Expr& expr, std::string_view what,
                           const Variables& variables) const {
    OG_ASSIGN_OR_RETURN(const ExprType type, TypeOf(expr, variables));
    if (!type.is_value()) {
      return TypeError(expr.span, io::StrCat(what, " must be a scalar String expression"));
    }
    if (!IsScalar(type.type, ScalarKind::kString)) {
      return TypeError(expr.span, io::StrCat(what, " must be String, got ", type.type.ToString()));
    }
    return absl::OkStatus();
  }

  absl::Status CheckInteger(const Expr& expr, std::string_view what,
                            const Variables& variables) const {
    OG_ASSIGN_OR_RETURN(const ExprType type, TypeOf(expr, variables));
    if (!type.is_value()) {
      return TypeError(expr.span, io::StrCat(what, " must be an integer scalar expression"));
    }
    if (!IsIntegerScalar(type.type)) {
      return TypeError(expr.span,
                       io::StrCat(what, " must be an integer scalar, got ", type.type.ToString()));
    }
    return absl::OkStatus();
  }

  absl::Status CheckRrf(const Expr& expr, const Variables& variables) const {
    OG_RETURN_IF_ERROR(TypeOf(expr.args[0], variables).status());
    OG_RETURN_IF_ERROR(TypeOf(expr.args[1], variables).status());
    if (expr.args.size() < 3) {
      return absl::OkStatus();
    }
    const Expr& k = expr.args[2];
    OG_RETURN_IF_ERROR(CheckInteger(k, "T21: rrf k", variables));
    if (k.kind == ExprKind::kLiteral && k.literal.integer <= 0) {
      return TypeError(k.span, "T21: rrf k must be greater than 0");
    }
    return absl::OkStatus();
  }

  absl::Status CheckAggregate(const Expr& expr, const Variables& variables) const {
    const Expr& argument = expr.args.front();
    OG_ASSIGN_OR_RETURN(const ExprType type, TypeOf(argument, variables));
    OG_RETURN_IF_ERROR(RefuseBlob(type, argument));
    if (expr.function == AggregateFunction::kCount || !type.is_value()) {
      return absl::OkStatus();
    }
    const bool numeric = !type.type.list && schema::IsNumeric(type.type.scalar);
    const bool text_too =
        expr.function == AggregateFunction::kMin || expr.function == AggregateFunction::kMax;
    if (numeric || (text_too && IsScalar(type.type, ScalarKind::kString))) {
      return absl::OkStatus();
    }
    return TypeError(expr.span,
                     io::StrCat("T8: ", AggregateName(expr.function), " requires numeric",
                                text_too ? " or string" : "", " type, got ", type.type.ToString()));
  }

  // T24: a Blob is no value of a read.
  static absl::Status RefuseBlob(const ExprType& type, const Expr& expr) {
    if (!type.is_value() || !type.type.is_blob()) {
      return absl::OkStatus();
    }
    std::string subject = "Blob expression";
    if (expr.kind == ExprKind::kVariable) {
      subject = io::StrCat("Blob parameter `$", expr.variable, "`");
    } else if (expr.kind == ExprKind::kAlias) {
      subject = io::StrCat("Blob alias `", expr.variable, "`");
    }
    return TypeError(expr.span, io::StrCat("T24: ", subject,
                                           " is not available as a .gq read value; Blob values "
                                           "require a dedicated API"));
  }

  // --- mutations

  absl::Status CheckMutation(const Mutation& mutation) {
    const NodeType* node = catalog_.FindNode(mutation.type_name);
    const EdgeType* edge = node == nullptr ? catalog_.FindEdgeExactly(mutation.type_name) : nullptr;
    if (mutation.kind == MutationKind::kInsert) {
      OG_RETURN_IF_ERROR(CheckAssignedOnce(mutation));
    }
    if (node == nullptr && edge == nullptr) {
      std::vector<std::string_view> declared = NamesOf(catalog_.nodes());
      for (const std::string_view name : NamesOf(catalog_.edges()))
        declared.push_back(name);
      return UnknownName(mutation.span,
                         io::StrCat("T10: unknown node/edge type `", mutation.type_name, "`"),
                         mutation.type_name, declared);
    }
    out_.mutation_targets_edge.push_back(edge != nullptr);
    const TypeUse use{.is_edge = edge != nullptr, .type_name = mutation.type_name};
    reads_.insert(use);
    writes_.insert(use);
    if (node != nullptr) {
      return CheckNodeMutation(mutation, *node);
    }
    return CheckEdgeMutation(mutation, *edge);
  }

  static absl::Status CheckAssignedOnce(const Mutation& mutation) {
    std::set<std::string_view> seen;
    for (const PropertyValue& assignment : mutation.assignments) {
      if (!seen.insert(assignment.property).second) {
        return TypeError(assignment.span, io::StrCat("T13: duplicate assignment for property `",
                                                     assignment.property, "`"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckNodeMutation(const Mutation& mutation, const NodeType& node) {
    if (mutation.kind == MutationKind::kUpdate) {
      OG_RETURN_IF_ERROR(CheckAssignedOnce(mutation));
    }
    for (const PropertyValue& assignment : mutation.assignments) {
      OG_RETURN_IF_ERROR(CheckAssignment(node.name, node.properties, assignment));
    }
    if (mutation.kind == MutationKind::kInsert) {
      return CheckProvided(mutation, node.properties);
    }
    if (mutation.kind == MutationKind::kDelete) {
      // Deleting a node deletes its edges.
      for (const EdgeType& edge : catalog_.edges()) {
        if (edge.from == node.name || edge.to == node.name) {
          reads_.insert({.is_edge = true, .type_name = edge.name});
          writes_.insert({.is_edge = true, .type_name = edge.name});
        }
      }
    }
    return CheckPredicate(node.name, node.properties, *mutation.predicate);
  }

  absl::Status CheckEdgeMutation(const Mutation& mutation, const EdgeType& edge) {
    switch (mutation.kind) {
      case MutationKind::kInsert:
        return CheckEdgeInsert(mutation, edge);
      case MutationKind::kUpdate:
        return TypeError(mutation.span, io::StrCat("T16: update mutation for edge type `",
                                                   edge.name, "` is not supported"));
      case MutationKind::kDelete:
        break;
    }
    const MutationPredicate& predicate = *mutation.predicate;
    if (IsEndpointName(predicate.property)) {
      return CheckValue(
          {.property = predicate.property, .value = predicate.value, .span = predicate.span},
          ScalarType(ScalarKind::kString));
    }
    return CheckPredicate(edge.name, edge.properties, predicate);
  }

  static bool IsEndpointName(std::string_view property) {
    return property == "from" || property == "to";
  }

  absl::Status CheckEdgeInsert(const Mutation& mutation, const EdgeType& edge) {
    reads_.insert({.is_edge = false, .type_name = edge.from});
    reads_.insert({.is_edge = false, .type_name = edge.to});
    for (const PropertyValue& assignment : mutation.assignments) {
      OG_RETURN_IF_ERROR(IsEndpointName(assignment.property)
                             ? CheckValue(assignment, ScalarType(ScalarKind::kString))
                             : CheckAssignment(edge.name, edge.properties, assignment));
    }
    for (const std::string_view endpoint : {"from", "to"}) {
      if (!Assigns(mutation, endpoint)) {
        return TypeError(mutation.span,
                         io::StrCat("T12: insert for `", edge.name,
                                    "` must provide required endpoint `", endpoint, "`"));
      }
    }
    return CheckProvided(mutation, edge.properties);
  }

  static bool Assigns(const Mutation& mutation, std::string_view property) {
    return std::any_of(
        mutation.assignments.begin(), mutation.assignments.end(),
        [&](const PropertyValue& assignment) { return assignment.property == property; });
  }

  // T12: every non-nullable property, or the text that its vector is made from, is assigned.
  static absl::Status CheckProvided(const Mutation& mutation,
                                    const std::vector<Property>& properties) {
    for (const Property& property : properties) {
      if (property.type.nullable || Assigns(mutation, property.name) ||
          (property.embed && Assigns(mutation, property.embed->property))) {
        continue;
      }
      return TypeError(mutation.span,
                       io::StrCat("T12: insert for `", mutation.type_name,
                                  "` must provide non-nullable property `", property.name, "`",
                                  property.embed ? io::StrCat(" or @embed source `",
                                                              property.embed->property, "`")
                                                 : ""));
    }
    return absl::OkStatus();
  }

  // T11: the property `name` of a mutation's type.
  static absl::StatusOr<const Property*> Declared(std::string_view type_name,
                                                  const std::vector<Property>& properties,
                                                  const std::string& name, const Span& span) {
    const auto property =
        std::find_if(properties.begin(), properties.end(),
                     [&](const Property& declared) { return declared.name == name; });
    if (property != properties.end()) return &*property;
    return UnknownName(span, io::StrCat("T11: type `", type_name, "` has no property `", name, "`"),
                       name, NamesOf(properties));
  }

  absl::Status CheckAssignment(std::string_view type_name, const std::vector<Property>& properties,
                               const PropertyValue& assignment) const {
    OG_ASSIGN_OR_RETURN(const Property* const property,
                        Declared(type_name, properties, assignment.property, assignment.span));
    return CheckValue(assignment, property->type);
  }

  absl::Status CheckPredicate(std::string_view type_name, const std::vector<Property>& properties,
                              const MutationPredicate& predicate) const {
    OG_ASSIGN_OR_RETURN(const Property* const property,
                        Declared(type_name, properties, predicate.property, predicate.span));
    if (property->type.is_blob()) {
      return TypeError(predicate.span, io::StrCat("T11: blob property `", predicate.property,
                                                  "` cannot be used in WHERE predicates"));
    }
    return CheckValue(
        {.property = predicate.property, .value = predicate.value, .span = predicate.span},
        property->type);
  }

  // A value assigned to, or compared with, a property of type `expected`.
  absl::Status CheckValue(const PropertyValue& value, const PropType& expected) const {
    switch (value.value.kind) {
      case MatchValue::Kind::kLiteral:
        return CheckLiteral(value.value.literal, expected, value.property);
      case MatchValue::Kind::kNow:
        return CheckNow(value, expected);
      case MatchValue::Kind::kVariable:
        break;
    }
    const auto param = out_.params.find(value.value.variable);
    if (param == out_.params.end()) {
      return TypeError(value.span, io::StrCat("T14: mutation variable `$", value.value.variable,
                                              "` must be a declared query parameter"));
    }
    // Text may name a Blob by its URI.
    if (expected.is_blob() && IsScalar(param->second, ScalarKind::kString)) {
      return absl::OkStatus();
    }
    return CheckParam(value, param->second, expected);
  }

  const schema::Catalog& catalog_;
  const Query& query_;
  CheckedQuery out_;
  std::map<std::string, ExprType> aliases_;
  std::map<std::string, const Expr*> alias_exprs_;
  std::set<TypeUse> reads_;
  std::set<TypeUse> writes_;
};

}  // namespace

absl::StatusOr<CheckedQuery> CheckQuery(const schema::Catalog& catalog, const Query& query) {
  return Checker(catalog, query).Check();
}

}  // namespace og::engine::query
