#include "engine/exec/naive_executor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/expr/text.h"
#include "io/base/check.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using query::AggregateFunction;
using query::CompareOp;
using query::Direction;
using query::ExprKind;
using Bindings = std::map<std::string, const NaiveRow*>;
using Rows = std::vector<Bindings>;

bool IsNull(const NaiveValue& value) {
  return std::holds_alternative<std::monostate>(value);
}

double Number(const NaiveValue& value) {
  const auto* whole = std::get_if<int64_t>(&value);
  return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value);
}

bool IsNumber(const NaiveValue& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

int Order(const NaiveValue& a, const NaiveValue& b) {
  if (IsNumber(a) && IsNumber(b)) return Number(a) < Number(b) ? -1 : Number(a) > Number(b);
  const auto* text = std::get_if<std::string>(&a);
  return text != nullptr ? text->compare(std::get<std::string>(b)) : a < b ? -1 : b < a;
}

class Executor {
 public:
  Executor(const NaiveGraph& graph, const query::ParamValues& params)
      : graph_(graph), params_(params) {}

  Rows Run(const std::vector<query::PlanStep>& steps, Rows rows) const {
    for (const query::PlanStep& step : steps)
      rows = RunStep(step, rows);
    return rows;
  }

  NaiveValue Evaluate(const query::Expr& expr, const Bindings& row) const {
    switch (expr.kind) {
      case ExprKind::kProperty:
        return row.at(expr.variable)->at(expr.property);
      case ExprKind::kVariable:
        return row.at(expr.variable)->at("id");
      case ExprKind::kParameter:
        return OfLiteral(params_.at(expr.variable));
      default:
        return OfLiteral(expr.literal);
    }
  }

 private:
  static NaiveValue OfLiteral(const query::Literal& literal) {
    switch (literal.kind) {
      case query::LiteralKind::kString:
        return literal.text;
      case query::LiteralKind::kInteger:
        return literal.integer;
      case query::LiteralKind::kFloat:
        return literal.number;
      case query::LiteralKind::kBool:
        return int64_t{literal.flag};
      case query::LiteralKind::kDate:
        return int64_t{expr::ParseDate(literal.text).value()};
      case query::LiteralKind::kDateTime:
        return expr::ParseDateTime(literal.text).value();
      default:
        OG_CHECK(literal.kind == query::LiteralKind::kNull);
        return {};
    }
  }

  bool Holds(const query::Predicate& predicate, const Bindings& row) const {
    const NaiveValue left = Evaluate(predicate.left, row);
    const NaiveValue right = Evaluate(predicate.right, row);
    if (IsNull(left) || IsNull(right)) return false;
    switch (predicate.op) {
      case CompareOp::kContains: {
        const auto& items = std::get<std::vector<std::string>>(left);
        return std::find(items.begin(), items.end(), std::get<std::string>(right)) != items.end();
      }
      case CompareOp::kStringContains:
        return std::get<std::string>(left).find(std::get<std::string>(right)) != std::string::npos;
      case CompareOp::kStartsWith:
        return std::get<std::string>(left).rfind(std::get<std::string>(right), 0) == 0;
      case CompareOp::kEqual:
        return Order(left, right) == 0;
      case CompareOp::kNotEqual:
        return Order(left, right) != 0;
      case CompareOp::kLess:
        return Order(left, right) < 0;
      case CompareOp::kLessEqual:
        return Order(left, right) <= 0;
      case CompareOp::kGreater:
        return Order(left, right) > 0;
      case CompareOp::kGreaterEqual:
        return Order(left, right) >= 0;
    }
    return false;
  }

  bool HoldAll(const std::vector<query::Predicate>& predicates, const Bindings& row) const {
    return std::all_of(predicates.begin(), predicates.end(),
                       [&](const query::Predicate& predicate) { return Holds(predicate, row); });
  }

  Rows RunStep(const query::PlanStep& step, const Rows& rows) const {
    Rows out;
    for (const Bindings& row : rows) {
      if (const auto* scan = std::get_if<query::NodeScan>(&step.value)) {
        for (const NaiveRow& node : graph_.nodes.at(scan->type_name)) {
          Bindings extended = row;
          extended[scan->variable] = &node;
          if (HoldAll(scan->filters, extended)) out.push_back(extended);
        }
      } else if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
        expand->edge_binding ? ExpandBound(*expand, row, out) : ExpandPlain(*expand, row, out);
      } else if (const auto* filter = std::get_if<query::FilterRows>(&step.value)) {
        if (Holds(filter->predicate, row)) out.push_back(row);
      } else if (Run(std::get<query::AntiJoin>(step.value).inner, {row}).empty()) {
        out.push_back(row);
      }
    }
    return out;
  }

  const NaiveRow* FindNode(const std::string& type, const std::string& id) const {
    for (const NaiveRow& node : graph_.nodes.at(type)) {
      if (std::get<std::string>(node.at("id")) == id) return &node;
    }
    return nullptr;
  }

  static const std::string& End(const NaiveRow& edge, const char* column) {
    return std::get<std::string>(edge.at(column));
  }

  void Extend(const query::Expand& expand, const Bindings& row, const std::string& id,
              const NaiveRow* edge, Rows& out) const {
    const NaiveRow* node = FindNode(expand.destination_type, id);
    if (node == nullptr) return;
    Bindings extended = row;
    extended[expand.destination] = node;
    if (edge != nullptr) extended[*expand.edge_binding] = edge;
    if (HoldAll(expand.destination_filters, extended)) out.push_back(extended);
  }

  void ExpandPlain(const query::Expand& expand, const Bindings& row, Rows& out) const {
    const schema::EdgeType& type = *graph_.catalog->FindEdgeExactly(expand.edge_type);
    const bool same_type = type.from == type.to;
    const std::string& source = std::get<std::string>(row.at(expand.source)->at("id"));
    std::set<std::string> visited;
    std::set<std::string> emitted;
    if (same_type) visited.insert(source);
    std::vector<std::string> frontier = {source};
    for (uint32_t hop = 1; hop <= (same_type ? expand.max_hops : 1); ++hop) {
      std::vector<std::string> next;
      for (const std::string& node : frontier) {
        for (const std::string& neighbour : Neighbours(expand, node)) {
          const bool is_loop = same_type && neighbour == node;
          if (!is_loop && FindNode(expand.destination_type, neighbour) == nullptr) continue;
          if (!is_loop && !visited.insert(neighbour).second) continue;
          if (!is_loop) next.push_back(neighbour);
          if (hop >= expand.min_hops && emitted.insert(neighbour).second) {
            Extend(expand, row, neighbour, nullptr, out);
          }
        }
      }
      frontier = next;
    }
  }

  std::vector<std::string> Neighbours(const query::Expand& expand, const std::string& node) const {
    std::vector<std::string> neighbours;
    for (const NaiveRow& edge : graph_.edges.at(expand.edge_type)) {
      if (expand.direction != Direction::kIn && End(edge, "src") == node) {
        neighbours.push_back(End(edge, "dst"));
      }
    }
    for (const NaiveRow& edge : graph_.edges.at(expand.edge_type)) {
      if (expand.direction != Direction::kOut && End(edge, "dst") == node) {
        neighbours.push_back(End(edge, "src"));
      }
    }
    return neighbours;
  }

  void ExpandBound(const query::Expand& expand, const Bindings& row, Rows& out) const {
    const std::string& source = std::get<std::string>(row.at(expand.source)->at("id"));
    struct Match {
      std::string edge_id, opposite;
      const NaiveRow* edge;
    };
    std::vector<Match> matches;
    for (const NaiveRow& edge : graph_.edges.at(expand.edge_type)) {
      const bool leaves = expand.direction != Direction::kIn && End(edge, "src") == source;
      const bool enters = expand.direction != Direction::kOut && End(edge, "dst") == source;
      if (leaves) {
        matches.push_back({End(edge, "id"), End(edge, "dst"), &edge});
      } else if (enters) {
        matches.push_back({End(edge, "id"), End(edge, "src"), &edge});
      }
    }
    std::stable_sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
      return std::tie(a.edge_id, a.opposite) < std::tie(b.edge_id, b.opposite);
    });
    for (const Match& match : matches)
      Extend(expand, row, match.opposite, match.edge, out);
  }

  const NaiveGraph& graph_;
  const query::ParamValues& params_;
};

NaiveValue Aggregated(const Executor& executor, const query::Expr& aggregate, const Rows& group) {
  std::vector<NaiveValue> values;
  for (const Bindings& row : group) {
    NaiveValue value = executor.Evaluate(aggregate.args[0], row);
    if (!IsNull(value)) values.push_back(std::move(value));
  }
  if (aggregate.function == AggregateFunction::kCount) return std::ssize(values);
  if (values.empty()) return {};
  if (aggregate.function == AggregateFunction::kMin) {
    return *std::min_element(values.begin(), values.end(),
                             [](const auto& a, const auto& b) { return Order(a, b) < 0; });
  }
  if (aggregate.function == AggregateFunction::kMax) {
    return *std::max_element(values.begin(), values.end(),
                             [](const auto& a, const auto& b) { return Order(a, b) < 0; });
  }
  double sum = 0;
  for (const NaiveValue& value : values)
    sum += Number(value);
  return aggregate.function == AggregateFunction::kSum ? sum
                                                       : sum / static_cast<double>(values.size());
}

struct ResultRow {
  std::vector<NaiveValue> values;
  std::vector<NaiveValue> keys;
};

// Nulls first ascending, last descending.
bool Before(const query::ReadPlan& plan, const ResultRow& a, const ResultRow& b) {
  for (size_t i = 0; i < a.keys.size(); ++i) {
    int order = 0;
    if (IsNull(a.keys[i]) || IsNull(b.keys[i])) {
      order = static_cast<int>(IsNull(b.keys[i])) - static_cast<int>(IsNull(a.keys[i]));
    } else {
      order = Order(a.keys[i], b.keys[i]);
    }
    if (i < plan.orderings.size() && plan.orderings[i].descending) order = -order;
    if (order != 0) return order < 0;
  }
  return false;
}

std::vector<ResultRow> Group(const Executor& executor, const query::ReadPlan& plan,
                             const Rows& rows) {
  std::vector<std::pair<std::string, Rows>> groups;
  bool has_keys = false;
  for (const Bindings& row : rows) {
    std::string key;
    for (const query::PlanProjection& projection : plan.projections) {
      if (projection.expr.kind == ExprKind::kAggregate) continue;
      key += ToString(executor.Evaluate(projection.expr, row)) + "\n";
    }
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& known) { return known.first == key; });
    if (group == groups.end()) group = groups.insert(groups.end(), {key, {}});
    group->second.push_back(row);
  }
  for (const query::PlanProjection& projection : plan.projections) {
    has_keys = has_keys || projection.expr.kind != ExprKind::kAggregate;
  }
  if (groups.empty() && !has_keys) groups.emplace_back();
  std::vector<ResultRow> result;
  for (const auto& [key, members] : groups) {
    ResultRow& out = result.emplace_back();
    for (const query::PlanProjection& projection : plan.projections) {
      out.values.push_back(projection.expr.kind == ExprKind::kAggregate
                               ? Aggregated(executor, projection.expr, members)
                               : executor.Evaluate(projection.expr, members[0]));
    }
  }
  return result;
}

}  // namespace

std::string ToString(const NaiveValue& value) {
  if (const auto* whole = std::get_if<int64_t>(&value)) return io::StrCat(*whole);
  if (const auto* number = std::get_if<double>(&value)) return io::StrCat(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return io::StrCat("'", *text, "'");
  if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
    return io::StrCat("[", io::Join(*items, ","), "]");
  }
  return "null";
}

std::vector<std::vector<NaiveValue>> ExecuteNaively(const NaiveGraph& graph,
                                                    const query::ReadPlan& plan,
                                                    const query::ParamValues& params) {
  const Executor executor(graph, params);
  const Rows rows = executor.Run(plan.pipeline, {Bindings()});
  std::vector<ResultRow> result;
  if (plan.aggregates) {
    result = Group(executor, plan, rows);
  } else {
    for (const Bindings& row : rows) {
      ResultRow& out = result.emplace_back();
      for (const query::PlanProjection& projection : plan.projections) {
        out.values.push_back(executor.Evaluate(projection.expr, row));
      }
      if (plan.orderings.empty()) continue;
      for (const query::PlanOrdering& ordering : plan.orderings) {
        if (!ordering.column) out.keys.push_back(executor.Evaluate(ordering.expr, row));
        if (ordering.column) out.keys.push_back(out.values[*ordering.column]);
      }
      std::map<std::string, NaiveValue> ids;
      for (const auto& [variable, entity] : row)
        ids[variable + ".id"] = entity->at("id");
      for (const auto& [column, id] : ids)
        out.keys.push_back(id);
    }
  }
  for (ResultRow& row : result) {
    for (size_t i = 0; plan.aggregates && i < plan.orderings.size(); ++i) {
      row.keys.push_back(row.values[*plan.orderings[i].column]);
    }
    for (size_t i = 0; plan.aggregates && !plan.orderings.empty() && i < row.values.size(); ++i) {
      if (plan.projections[i].name.ends_with(".id")) row.keys.push_back(row.values[i]);
    }
  }
  if (!plan.orderings.empty()) {
    std::stable_sort(result.begin(), result.end(),
                     [&](const ResultRow& a, const ResultRow& b) { return Before(plan, a, b); });
  }
  if (plan.limit.has_value() && *plan.limit < result.size()) {
    result.resize(static_cast<size_t>(*plan.limit));
  }
  std::vector<std::vector<NaiveValue>> values;
  for (ResultRow& row : result)
    values.push_back(std::move(row.values));
  return values;
}

}  // namespace og::engine::exec
