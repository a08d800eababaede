#include "engine/exec/execution.h"

#include "engine/exec/binder.h"
#include "engine/exec/profile.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {

Execution::Execution(const std::shared_ptr<io::MemoryBudget>& budget, const Snapshot& snapshot,
                     const query::ReadPlan& plan, const query::ParamValues& params,
                     const ExecOptions& options, Profile* profile)
    : plan_(plan),
      tables_(budget, snapshot),
      layout_(LayoutOf(plan)),
      context_{tables_, layout_, params, options, nearest_, profile} {}

absl::Status Execution::Prepare() {
  OG_RETURN_IF_ERROR(RefuseSearch(plan_));
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
