#include "engine/exec/explain.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "engine/dataset/indices.h"
#include "engine/exec/execution.h"
#include "engine/exec/expand.h"
#include "engine/exec/hash_join.h"
#include "engine/exec/node_reduction.h"
#include "engine/exec/pipeline.h"
#include "engine/exec/scan_plan.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

// Shares of rows that pass a condition about which nothing is known.
constexpr double kEqualShare = 0.1;
constexpr double kRangeShare = 0.33;
constexpr double kTextShare = 0.1;
constexpr double kNegationShare = 0.5;
constexpr double kGroupShare = 0.1;

double ShareOf(const query::Predicate& predicate) {
  switch (predicate.op) {
    case query::CompareOp::kEqual:
      return kEqualShare;
    case query::CompareOp::kNotEqual:
      return 1 - kEqualShare;
    case query::CompareOp::kContains:
    case query::CompareOp::kStringContains:
    case query::CompareOp::kStartsWith:
      return kTextShare;
    default:
      return kRangeShare;
  }
}

double ShareOf(const std::vector<query::Predicate>& predicates) {
  double share = 1;
  for (const query::Predicate& predicate : predicates)
    share *= ShareOf(predicate);
  return share;
}

// "NodeScan" and the rest of the line of a step.
std::pair<std::string, std::string> NameAndDetail(const query::PlanStep& step) {
  const std::string line = ToString(step);
  const size_t blank = line.find(' ');
  if (blank == std::string::npos) return {line, ""};
  return {line.substr(0, blank), line.substr(blank + 1)};
}

class Explainer {
 public:
  explicit Explainer(const ExecContext& context) : context_(context) {}

  absl::StatusOr<ExplainedOperator> Explain(const query::ReadPlan& plan) {
    double rows = 1;
    OG_ASSIGN_OR_RETURN(std::optional<ExplainedOperator> input,
                        Chain(plan.pipeline, std::nullopt, rows));
    ExplainedOperator result = ExplainResult(plan, rows);
    if (context_.profile != nullptr) {
      const StageCosts& costs = context_.profile->Of(&plan);
      result.actual = OperatorActuals{.rows = 0, .ns = costs.ns, .io = costs.io};
      if (input.has_value()) Settle(*input, costs);
    }
    if (input.has_value()) result.inputs.push_back(*std::move(input));
    return result;
  }

 private:
  // The operators of `steps` above `leaf`; `rows`: what goes in, and comes out.
  absl::StatusOr<std::optional<ExplainedOperator>> Chain(const std::vector<query::PlanStep>& steps,
                                                         std::optional<ExplainedOperator> leaf,
                                                         double& rows) {
    const bool is_outermost = !leaf.has_value();
    std::optional<ExplainedOperator> current = std::move(leaf);
    for (size_t i = 0; i < steps.size(); ++i) {
      const query::PlanStep& step = steps[i];
      OG_ASSIGN_OR_RETURN(ExplainedOperator next, ExplainStep(steps, i, is_outermost, rows));
      if (std::holds_alternative<query::NodeScan>(step.value)) {
        if (const auto key = JoinKeyOf(steps, i)) {
          next.access.push_back(io::StrCat("Pairs: equal $", key->bound, ".", key->bound_property));
        }
      }
      next.rows_estimated = rows;
      if (context_.profile != nullptr) {
        const StageCosts& costs = context_.profile->Of(&step);
        next.actual = OperatorActuals{.rows = 0, .ns = costs.ns, .io = costs.io};
        if (!costs.way.empty()) next.way = costs.way;
        if (const auto* anti = std::get_if<query::AntiJoin>(&step.value)) {
          const StageCosts& inside = context_.profile->Of(&anti->inner.front());
          next.actual->ns = std::max<int64_t>(0, next.actual->ns - inside.ns);
          next.actual->io = next.actual->io - inside.io;
        }
        if (current.has_value() && current->actual.has_value()) Settle(*current, costs);
      }
      if (current.has_value()) next.inputs.insert(next.inputs.begin(), *std::move(current));
      current = std::move(next);
    }
    return current;
  }

  // `costs` are those of the stage behind `op`, which are part of its own so far.
  static void Settle(ExplainedOperator& op, const StageCosts& costs) {
    op.actual->rows = costs.rows_in;
    op.actual->ns = std::max<int64_t>(0, op.actual->ns - costs.ns);
    op.actual->io = op.actual->io - costs.io;
  }

  absl::StatusOr<ExplainedOperator> ExplainStep(const std::vector<query::PlanStep>& steps,
                                                size_t at, bool is_outermost, double& rows) {
    const query::PlanStep& step = steps[at];
    ExplainedOperator op;
    std::tie(op.name, op.detail) = NameAndDetail(step);
    if (const auto* scan = std::get_if<query::NodeScan>(&step.value)) {
      OG_RETURN_IF_ERROR(ExplainScanStep(*scan, rows, op));
    } else if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
      OG_RETURN_IF_ERROR(ExplainExpand(*expand,
                                       {.closes_on = ClosesOn(steps, at),
                                        .flushes_once = is_outermost,
                                        .continuations = ContinuationsOf(steps, at)},
                                       rows, op));
    } else if (const auto* filter = std::get_if<query::FilterRows>(&step.value)) {
      rows *= ShareOf(filter->predicate);
    } else {
      OG_RETURN_IF_ERROR(ExplainAntiJoin(std::get<query::AntiJoin>(step.value), rows, op));
    }
    return op;
  }

  absl::Status ExplainScanStep(const query::NodeScan& scan, double& rows, ExplainedOperator& op) {
    OG_ASSIGN_OR_RETURN(Table* const table, context_.tables.Node(scan.type_name));
    OG_ASSIGN_OR_RETURN(const dataset::ScanOptions options, PlanScan(context_, scan, *table));
    double found = static_cast<double>(table->num_rows()) * ShareOf(scan.filters);
    op.way = "scan";
    if (options.filter != nullptr && !table->dataset().manifest().indices.empty()) {
      OG_ASSIGN_OR_RETURN(const dataset::ScanExplanation explained,
                          ExplainScan(table->dataset(), options));
      if (explained.num_rows_from_index.has_value()) {
        op.way = explained.num_fragments_scanned == 0 ? "index" : "index and scan";
        found = std::min(found, static_cast<double>(*explained.num_rows_from_index));
      }
      for (const std::string_view line : io::Split(explained.plan, '\n')) {
        if (!io::Trim(line).empty()) op.access.emplace_back(io::Trim(line));
      }
    }
    rows *= found;
    return absl::OkStatus();
  }

  absl::Status ExplainExpand(const query::Expand& expand, const ExpandPurpose& purpose,
                             double& rows, ExplainedOperator& op) {
    OG_ASSIGN_OR_RETURN(
        const ExpandEstimate estimate,
        EstimateExpand(context_, expand, purpose, static_cast<uint64_t>(std::ceil(rows))));
    op.way = estimate.way;
    if (!estimate.reduced_by.empty()) {
      op.access.push_back(io::StrCat("Reduction: nodes that lead to ", estimate.reduced_by));
    }
    rows *= estimate.rows_per_source * ShareOf(expand.destination_filters);
    return absl::OkStatus();
  }

  absl::Status ExplainAntiJoin(const query::AntiJoin& anti, double& rows, ExplainedOperator& op) {
    double inner_rows = rows;
    const ExplainedOperator outer{.name = "OuterRows",
                                  .detail = "",
                                  .way = "",
                                  .access = {},
                                  .rows_estimated = rows,
                                  .actual = std::nullopt,
                                  .inputs = {}};
    OG_ASSIGN_OR_RETURN(std::optional<ExplainedOperator> inner,
                        Chain(anti.inner, outer, inner_rows));
    if (context_.profile != nullptr && inner->actual.has_value()) {
      Settle(*inner, context_.profile->Of(&anti.inner));
    }
    op.inputs.push_back(*std::move(inner));
    rows *= kNegationShare;
    return absl::OkStatus();
  }

  static std::string Listed(const query::ReadPlan& plan) {
    std::string text;
    for (const query::PlanProjection& projection : plan.projections) {
      text += io::StrCat(text.empty() ? "" : ", ", ToString(projection.expr));
      if (ToString(projection.expr) != "$" + projection.name) {
        text += io::StrCat(" as ", projection.name);
      }
    }
    return text;
  }

  static ExplainedOperator ExplainResult(const query::ReadPlan& plan, double rows) {
    ExplainedOperator op;
    op.name = plan.aggregates ? "Aggregate" : "Project";
    op.detail = Listed(plan);
    if (plan.aggregates) {
      const bool grouped = std::ranges::any_of(plan.projections, [](const auto& projection) {
        return projection.expr.kind != query::ExprKind::kAggregate;
      });
      rows = grouped ? std::max(1.0, rows * kGroupShare) : 1;
    }
    if (!plan.orderings.empty()) {
      op.name = plan.aggregates ? "Aggregate" : plan.limit.has_value() ? "TopK" : "Sort";
      op.detail += " by";
      for (size_t i = 0; i < plan.orderings.size(); ++i) {
        op.detail += io::StrCat(i == 0 ? " " : ", ", ToString(plan.orderings[i].expr),
                                plan.orderings[i].descending ? " desc" : "");
      }
    }
    if (plan.limit.has_value()) {
      op.detail += io::StrCat(" limit ", *plan.limit);
      rows = std::min(rows, static_cast<double>(*plan.limit));
    }
    op.rows_estimated = rows;
    return op;
  }

  const ExecContext& context_;
};

}  // namespace

absl::StatusOr<ExplainedOperator> ExplainPlan(const std::shared_ptr<io::MemoryBudget>& budget,
                                              const Snapshot& snapshot, const query::ReadPlan& plan,
                                              const query::ParamValues& params,
                                              const ExecOptions& options) {
  Execution execution(budget, snapshot, plan, params, options, nullptr);
  OG_RETURN_IF_ERROR(execution.Prepare());
  return Explainer(execution.context()).Explain(plan);
}

absl::StatusOr<Analysis> AnalyzePlan(const std::shared_ptr<io::MemoryBudget>& budget,
                                     const Snapshot& snapshot, const query::ReadPlan& plan,
                                     const query::ParamValues& params, const ExecOptions& options,
                                     Probe probe) {
  Profile profile(std::move(probe));
  StageCosts whole;
  Execution execution(budget, snapshot, plan, params, options, &profile);
  absl::StatusOr<QueryResult> result = profile.Measure(whole, [&]() -> absl::StatusOr<QueryResult> {
    OG_RETURN_IF_ERROR(execution.Prepare());
    return execution.Run();
  });
  OG_RETURN_IF_ERROR(result.status());
  Analysis analysis{.plan = {}, .result = *std::move(result), .ns = whole.ns, .io = whole.io};
  OG_ASSIGN_OR_RETURN(analysis.plan, Explainer(execution.context()).Explain(plan));
  analysis.plan.actual->rows = analysis.result.num_rows();
  return analysis;
}

}  // namespace og::engine::exec
