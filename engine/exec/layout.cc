#include "engine/exec/layout.h"

#include <algorithm>
#include <variant>

namespace og::engine::exec {
namespace {

using query::ExprKind;

// With a limit up to this, columns that only the result or the order of ties needs are fetched for
// the rows that come into question.
constexpr uint64_t kLateRowsMax = 4096;

class LayoutBuilder {
 public:
  explicit LayoutBuilder(const query::ReadPlan& plan) : plan_(plan) {}

  Layout Build() {
    Declare(plan_.pipeline, false);
    Read(plan_.pipeline);
    const bool is_scan = plan_.pipeline.size() == 1 &&
                         std::holds_alternative<query::NodeScan>(plan_.pipeline[0].value);
    layout_.is_scan_of_groups = is_scan && plan_.aggregates;
    const bool late = plan_.limit.has_value() && *plan_.limit <= kLateRowsMax && !plan_.aggregates;
    if (!late) {
      for (const query::PlanProjection& projection : plan_.projections)
        Read(projection.expr);
    }
    for (const query::PlanOrdering& ordering : plan_.orderings)
      Read(KeyOf(ordering));
    if (!plan_.orderings.empty() && !plan_.aggregates && !late) {
      for (Variable& variable : layout_.variables) {
        if (!variable.in_negation) Want(variable, "id");
      }
    }
    if (is_scan && late && plan_.limit != uint64_t{0} && !plan_.orderings.empty()) {
      const query::Expr& key = KeyOf(plan_.orderings[0]);
      if (key.kind == ExprKind::kProperty || key.kind == ExprKind::kVariable) {
        layout_.leading_rows = LeadingRows{key.kind == ExprKind::kProperty ? key.property : "id",
                                           plan_.orderings[0].descending, *plan_.limit};
      }
    }
    return std::move(layout_);
  }

 private:
  void Add(Variable variable) {
    layout_.numbers[variable.name] = layout_.variables.size();
    layout_.variables.push_back(std::move(variable));
  }

  void Declare(const std::vector<query::PlanStep>& steps, bool in_negation) {
    for (const query::PlanStep& step : steps) {
      if (const auto* scan = std::get_if<query::NodeScan>(&step.value)) {
        Add({scan->variable, scan->type_name, false, in_negation, {}});
      } else if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
        Add({expand->destination, expand->destination_type, false, in_negation, {}});
        if (expand->edge_binding.has_value()) {
          Add({*expand->edge_binding, expand->edge_type, true, in_negation, {}});
        }
        layout_.hops[expand->edge_type] += expand->max_hops;
      } else if (const auto* anti = std::get_if<query::AntiJoin>(&step.value)) {
        Declare(anti->inner, true);
      }
    }
  }

  void Read(const std::vector<query::PlanStep>& steps) {
    for (const query::PlanStep& step : steps) {
      if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
        Want(layout_.variables[layout_.NumberOf(expand->source)], "id");
      } else if (const auto* filter = std::get_if<query::FilterRows>(&step.value)) {
        Read(filter->predicate.left);
        Read(filter->predicate.right);
      } else if (const auto* anti = std::get_if<query::AntiJoin>(&step.value)) {
        Read(anti->inner);
      }
    }
  }

  const query::Expr& KeyOf(const query::PlanOrdering& ordering) const {
    return ordering.column.has_value() ? plan_.projections[*ordering.column].expr : ordering.expr;
  }

  void Read(const query::Expr& expr) {
    if (expr.kind == ExprKind::kProperty) {
      Want(layout_.variables[layout_.NumberOf(expr.variable)], expr.property);
    } else if (expr.kind == ExprKind::kVariable) {
      Want(layout_.variables[layout_.NumberOf(expr.variable)], "id");
    } else if (expr.kind == ExprKind::kAggregate) {
      // Rows are counted without looking at ids.
      const bool counts_rows = expr.function == query::AggregateFunction::kCount &&
                               expr.args[0].kind == ExprKind::kVariable;
      if (!counts_rows) Read(expr.args[0]);
    }
  }

  static void Want(Variable& variable, const std::string& column) {
    if (std::find(variable.columns.begin(), variable.columns.end(), column) ==
        variable.columns.end()) {
      variable.columns.push_back(column);
    }
  }

  const query::ReadPlan& plan_;
  Layout layout_;
};

}  // namespace

Layout LayoutOf(const query::ReadPlan& plan) {
  return LayoutBuilder(plan).Build();
}

}  // namespace og::engine::exec
