// Rows kept for later: in memory while the budget allows it, then in a temporary file that has no
// name. What is read comes in the order in which it was added.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "io/env/memory_budget.h"
#include "io/local/spill_file.h"

namespace og::engine::dataset {

// Thread-compatible. One writer; once everything is added, any number of readers.
class RowSpool {
 public:
  // With `always_spills` only what waits to be written stays in memory.
  RowSpool(format::SchemaPtr schema, std::shared_ptr<io::MemoryBudget> budget,
           bool always_spills = false);

  const format::SchemaPtr& schema() const { return schema_; }

  // Rows of the spool's schema. kResourceExhausted or kUnavailable from the temporary file.
  absl::Status Add(format::RecordBatch batch);

  // Writes out what waits, if the spool has spilled. Call it before the first read.
  absl::Status Finish();

  uint64_t num_rows() const { return num_rows_; }
  bool has_spilled() const { return spill_ != nullptr; }

  // All batches. REQUIRES: !has_spilled().
  const std::vector<format::RecordBatch>& batches() const { return held_; }

  // A new pass over the rows. The spool must outlive it.
  std::unique_ptr<format::BatchStream> Read() const;

 private:
  class Reader;

  absl::Status Spill();

  const format::SchemaPtr schema_;
  const std::shared_ptr<io::MemoryBudget> budget_;
  const bool always_spills_;
  std::vector<format::RecordBatch> held_;
  size_t held_bytes_ = 0;
  io::MemoryReservation memory_;
  uint64_t num_rows_ = 0;
  std::unique_ptr<io::SpillFile> spill_;
  std::vector<uint64_t> offsets_;  // of spilled batches
};

// All of `stream` in a spool.
absl::StatusOr<std::unique_ptr<RowSpool>> SpoolAll(format::BatchStream& stream,
                                                   std::shared_ptr<io::MemoryBudget> budget);

}  // namespace og::engine::dataset
