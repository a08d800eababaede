#include "engine/exec/execution.h"

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/exec/binder.h"
#include "engine/exec/profile.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {
namespace {

struct TypesRead {
  std::set<std::string> nodes;
  std::set<std::string> edges;
};

void AddTypes(const std::vector<query::PlanStep>& pipeline, TypesRead& types) {
  for (const query::PlanStep& step : pipeline) {
    if (const auto* const scan = std::get_if<query::NodeScan>(&step.value)) {
      types.nodes.insert(scan->type_name);
    } else if (const auto* const expand = std::get_if<query::Expand>(&step.value)) {
      types.edges.insert(expand->edge_type);
      types.nodes.insert(expand->destination_type);
    } else if (const auto* const anti_join = std::get_if<query::AntiJoin>(&step.value)) {
      AddTypes(anti_join->inner, types);
    }
  }
}

}  // namespace

Execution::Execution(const std::shared_ptr<io::MemoryBudget>& budget, const Snapshot& snapshot,
                     const query::ReadPlan& plan, const query::ParamValues& params,
                     const ExecOptions& options, Profile* profile)
    : plan_(plan),
      snapshot_(snapshot),
      tables_(budget, snapshot),
      layout_(LayoutOf(plan)),
      context_{tables_, layout_, params, options, nearest_, profile} {}

absl::Status Execution::Prepare() {
  OG_RETURN_IF_ERROR(RefuseSearch(plan_));
  TypesRead types;
  AddTypes(plan_.pipeline, types);
  snapshot_.WillOpen(types.nodes, types.edges);
  OG_ASSIGN_OR_RETURN(nearest_, NearestOf(plan_, layout_, context_.params));
  OG_ASSIGN_OR_RETURN(sink_, MakeSink(context_, plan_));
  Operator* last = sink_.get();
  if (context_.profile != nullptr) {
    meter_ = std::make_unique<MeterStage>(*context_.profile, context_.profile->Of(&plan_), last);
    last = meter_.get();
  }
  OG_ASSIGN_OR_RETURN(pipeline_, Pipeline::Make(context_, plan_.pipeline, last, true));
  return absl::OkStatus();
}

absl::StatusOr<QueryResult> Execution::Run() {
  Chunk start;
  start.num_rows = 1;
  start.bindings.resize(layout_.variables.size());
  OG_RETURN_IF_ERROR(pipeline_->first().Push(start));
  OG_RETURN_IF_ERROR(pipeline_->first().Flush());
  if (context_.profile == nullptr) return sink_->Finish();
  return context_.profile->Measure(context_.profile->Of(&plan_), [&] { return sink_->Finish(); });
}

}  // namespace og::engine::exec
