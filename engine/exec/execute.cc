#include "engine/exec/execute.h"

#include "engine/exec/binder.h"
#include "engine/exec/layout.h"
#include "engine/exec/nearest.h"
#include "engine/exec/pipeline.h"
#include "engine/exec/rows.h"
#include "engine/exec/sinks.h"
#include "engine/exec/tables.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {

absl::StatusOr<QueryResult> ExecuteQuery(io::Env& env, const Snapshot& snapshot,
                                         const query::CheckedQuery& checked,
                                         const query::ParamValues& params,
                                         const ExecOptions& options) {
  OG_ASSIGN_OR_RETURN(const query::ReadPlan plan, PlanRead(snapshot.catalog(), checked));
  return ExecutePlan(env.memory(), snapshot, plan, params, options);
}

absl::StatusOr<QueryResult> ExecutePlan(const std::shared_ptr<io::MemoryBudget>& budget,
                                        const Snapshot& snapshot, const query::ReadPlan& plan,
                                        const query::ParamValues& params,
                                        const ExecOptions& options) {
  OG_RETURN_IF_ERROR(RefuseSearch(plan));
  Tables tables(budget, snapshot);
  const Layout layout = LayoutOf(plan);
  OG_ASSIGN_OR_RETURN(const std::optional<Nearest> nearest, NearestOf(plan, layout, params));
  const ExecContext context{tables, layout, params, options, nearest};
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<Sink> sink, MakeSink(context, plan));
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<Pipeline> pipeline,
                      Pipeline::Make(context, plan.pipeline, sink.get(), true));
  Chunk start;
  start.num_rows = 1;
  start.bindings.resize(layout.variables.size());
  OG_RETURN_IF_ERROR(pipeline->first().Push(start));
  OG_RETURN_IF_ERROR(pipeline->first().Flush());
  return sink->Finish();
}

}  // namespace og::engine::exec
