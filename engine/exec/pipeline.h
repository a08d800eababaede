// The stages of a pipeline, made from the steps of a plan.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/exec/execute.h"
#include "engine/exec/layout.h"
#include "engine/exec/nearest.h"
#include "engine/exec/profile.h"
#include "engine/exec/rows.h"
#include "engine/exec/tables.h"
#include "engine/query/params.h"
#include "engine/query/plan.h"

namespace og::engine::exec {

// Rows that a stage hands on at one time, about.
inline constexpr size_t kChunkRows = 8192;

// What all stages of a query share. Everything outlives the pipeline.
struct ExecContext {
  Tables& tables;
  const Layout& layout;
  const query::ParamValues& params;
  const ExecOptions& options;
  const std::optional<Nearest>& nearest;
  Profile* profile = nullptr;  // null: nobody asks

  // What ExecOptions::interrupt says.
  absl::Status CheckInterrupt() const {
    return options.interrupt ? options.interrupt() : absl::OkStatus();
  }
  // Refuses a result of `rows` rows if that is more than ExecOptions::rows_max.
  absl::Status CheckRows(uint64_t rows) const;
};

// The variable with whose id the next step compares that of the destination of the expansion
// steps[at]; nullopt if it does not, or the two are of different types.
std::optional<std::string> ClosesOn(std::span<const query::PlanStep> steps, size_t at);

class Pipeline {
 public:
  // The stages for `steps`, in front of `sink`, which outlives the pipeline. `is_outermost`: the
  // pipeline runs once, from one row without bindings.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Make(const ExecContext& context,
                                                        const std::vector<query::PlanStep>& steps,
                                                        Operator* sink, bool is_outermost);

  Operator& first() { return *first_; }

 private:
  std::vector<std::unique_ptr<Operator>> stages_;  // last one first
  Operator* first_ = nullptr;
};

}  // namespace og::engine::exec
