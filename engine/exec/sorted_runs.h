// Rows that are sorted outside of memory: runs, each in order, lie in temporary files and are
// merged. Rows that are equal in all keys come in the order of their runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
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

  bool empty() const { return runs_.empty(); }

  absl::Status StartRun();
  // The next rows of the run, in order.
  absl::Status Append(std::vector<format::ArrayPtr> columns);

  // Calls `emit` with the first `limit` rows of all runs in order, without the keys, a batch at a
  // time; an error ends it.
  absl::Status Merge(
      uint64_t limit,
      const std::function<absl::Status(std::vector<format::ArrayPtr> columns)>& emit) const;

 private:
  format::SchemaPtr schema_;
  std::vector<bool> descending_;
  std::vector<std::unique_ptr<BatchSpill>> runs_;
};

}  // namespace og::engine::exec
