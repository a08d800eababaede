// One run of a plan: what its stages share, and their life.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/exec/execute.h"
#include "engine/exec/layout.h"
#include "engine/exec/nearest.h"
#include "engine/exec/pipeline.h"
#include "engine/exec/profile.h"
#include "engine/exec/sinks.h"
#include "engine/exec/snapshot.h"
#include "engine/exec/tables.h"

namespace og::engine::exec {

class Execution {
 public:
  // Everything referred to outlives the execution. `profile` may be null.
  Execution(const std::shared_ptr<io::MemoryBudget>& budget, const Snapshot& snapshot,
            const query::ReadPlan& plan, const query::ParamValues& params,
            const ExecOptions& options, Profile* profile);

  // Makes the stages, so that the plan can be explained or run.
  absl::Status Prepare();

  // REQUIRES: Prepare succeeded. Once.
  absl::StatusOr<QueryResult> Run();

  const ExecContext& context() const { return context_; }

 private:
  const query::ReadPlan& plan_;
  const Snapshot& snapshot_;
  Tables tables_;
  const Layout layout_;
  std::optional<Nearest> nearest_;
  const ExecContext context_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<MeterStage> meter_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace og::engine::exec
