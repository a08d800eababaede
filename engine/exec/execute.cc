#include "engine/exec/execute.h"

#include "engine/exec/execution.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {

std::function<absl::Status()> DeadlineAfter(io::Env& env, int64_t duration_ms) {
  const int64_t deadline_ns = env.MonotonicNs() + duration_ms * 1'000'000;
  return [&env, deadline_ns, duration_ms] {
    if (env.MonotonicNs() < deadline_ns) return absl::OkStatus();
    return io::DetailedError(
        {.kind = io::ErrorKind::kResourceLimitExceeded,
         .code = "query_deadline",
         .fields = {{"resource", "query_ms"}, {"limit", io::StrCat(duration_ms)}}},
        io::StrCat("the query took longer than ", duration_ms, " ms"));
  };
}

uint64_t QueryResult::num_rows() const {
  uint64_t rows = spilled == nullptr ? 0 : spilled->num_rows();
  for (const format::RecordBatch& batch : batches)
    rows += static_cast<uint64_t>(batch.num_rows);
  return rows;
}

absl::Status QueryResult::ForEachBatch(
    const std::function<absl::Status(const format::RecordBatch&)>& visit) const {
  for (const format::RecordBatch& batch : batches)
    OG_RETURN_IF_ERROR(visit(batch));
  for (size_t i = 0; spilled != nullptr && i < spilled->num_batches(); ++i) {
    OG_ASSIGN_OR_RETURN(format::RecordBatch batch, spilled->Read(i));
    batch.schema = schema;
    OG_RETURN_IF_ERROR(visit(batch));
  }
  return absl::OkStatus();
}

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
  Execution execution(budget, snapshot, plan, params, options, nullptr);
  OG_RETURN_IF_ERROR(execution.Prepare());
  return execution.Run();
}

}  // namespace og::engine::exec
