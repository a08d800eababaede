// Rows that are sorted outside of memory: runs, each in order, lie in temporary files and are
// merged. Rows that are equal in all keys come in the order of their runs.
//
// However many runs come, few are there at a time: as soon as kRunsOfLevel have been merged equally
// often, they become one. A merge thus holds some tens of batches of 128 KiB and files, and rows
// are written once more for each power of kRunsOfLevel in the number of runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "engine/exec/batch_spill.h"
#include "engine/exec/order.h"
#include "format/arrow/array.h"

namespace og::engine::exec {

class SortedRuns {
 public:
  // Rows have the columns of `schema`, of which the first ones are the keys: one for each entry of
  // `descending`.
  SortedRuns(format::SchemaPtr schema, std::vector<bool> descending)
      : schema_(std::move(schema)), descending_(std::move(descending)) {}

  static constexpr size_t kRunsOfLevel = 32;

  bool empty() const { return runs_.empty(); }
  size_t num_runs() const { return runs_.size(); }

  // Ends the run before.
  absl::Status StartRun();
  // The next rows of the run, in order.
  absl::Status Append(std::vector<format::ArrayPtr> columns);

  // Calls `emit` with the first `limit` rows of all runs in order, without the keys, a batch at a
  // time; an error ends it.
  absl::Status Merge(
      uint64_t limit,
      const std::function<absl::Status(std::vector<format::ArrayPtr> columns)>& emit) const;

 private:
  struct Run {
    std::unique_ptr<BatchSpill> rows;
    size_t level = 0;  // how often they have been merged
  };

  // Makes one run of the last ones as long as there are kRunsOfLevel of their level.
  absl::Status MergeLevels();
  absl::Status MergeFrom(
      size_t first_run, size_t first_column, uint64_t limit,
      const std::function<absl::Status(std::vector<format::ArrayPtr> columns)>& emit) const;

  format::SchemaPtr schema_;
  std::vector<bool> descending_;
  std::vector<Run> runs_;  // in the order of their rows; levels never rise
};

}  // namespace og::engine::exec
