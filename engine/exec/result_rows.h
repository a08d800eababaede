// The rows of a result on their way to whoever reads it: in memory as far as the budget goes, and
// with ExecOptions::spill_result the rest in a temporary file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/exec/batch_spill.h"
#include "engine/exec/execute.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/pipeline.h"
#include "format/arrow/array.h"

namespace og::engine::exec {

class ResultRows {
 public:
  // `context` outlives it.
  ResultRows(const ExecContext& context, std::vector<std::string> names,
             std::vector<format::TypePtr> types);

  // Adds rows, behind those so far. kResourceExhausted where they do not fit and may not be
  // spilled, kResourceLimitExceeded where there are too many.
  absl::Status Append(std::vector<format::ArrayPtr> columns);

  uint64_t num_rows() const { return num_rows_; }

  // All of them, with the schema of QueryResult. Once.
  QueryResult Finish();

 private:
  absl::Status Spill(std::vector<format::ArrayPtr> columns);

  const ExecContext& context_;
  std::vector<std::string> names_;
  std::vector<format::TypePtr> types_;
  std::vector<std::vector<format::ArrayPtr>> batches_;
  HeldMemory memory_;
  std::unique_ptr<BatchSpill> spilled_;
  uint64_t num_rows_ = 0;
};

}  // namespace og::engine::exec
