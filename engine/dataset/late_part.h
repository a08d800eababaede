// A part of a fragment whose rows are to pass a filter: the columns of the filter first, then the
// others of the rows that were found, by one thread from start to end, so that what it has read
// stays in its caches and parts run side by side without waiting for each other.
//
// For files on this machine only: the thread waits for what is not in the page cache.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/fragment_reader.h"
#include "engine/dataset/picked_scan.h"
#include "format/arrow/array.h"
#include "format/page/row_range.h"
#include "format/table/deletion_vector.h"
#include "io/env/worker_pool.h"

namespace og::engine::dataset {

// Above this share of surviving rows, reading everything is cheaper than fetching single rows.
inline constexpr double kLateShareMax = 0.2;

// What the parts of a fragment share. It outlives them.
struct LateReaders {
  RowPicker pick;
  std::shared_ptr<const FragmentReader> filter;  // neither has a pool
  std::shared_ptr<const FragmentReader> others;  // null: there are no other columns
  format::DeletionVectorPtr dropped;             // rows to leave out; null: none
  uint64_t batch_rows = 0;
};

// Rows that passed the filter, at most batch_rows of them.
struct FoundRows {
  format::RecordBatch filtered;  // columns of the filter
  std::vector<uint64_t> offsets;
  format::RecordBatch others;  // without columns if there are none
};

class LatePart {
 public:
  struct Found {
    std::vector<FoundRows> rows;
    // What the part did not get to: all if `is_dense`, else what would have taken too much memory.
    std::vector<format::RowRange> left;
    // So many rows pass that it is better to read all columns together.
    bool is_dense = false;
  };

  // Starts on the rows of `ranges`.
  LatePart(const LateReaders& readers, std::vector<format::RowRange> ranges, io::WorkerPool& pool);

  const std::vector<format::RowRange>& ranges() const { return ranges_; }

  // Waits, or does the work if it has not begun.
  absl::StatusOr<Found> Finish();

 private:
  absl::Status Run();
  // Reads the other columns of the first rows of `kept_`.
  absl::Status Take();

  const LateReaders& readers_;
  const std::vector<format::RowRange> ranges_;
  Found found_;
  uint64_t bytes_ = 0;                     // of found_
  std::vector<format::RecordBatch> kept_;  // columns of the filter of rows without the others
  std::vector<uint64_t> kept_offsets_;
  io::TaskGroup group_;  // last: waits before the rest goes
};

// Texts come with a dictionary from the pages that have one, and without from the others: where
// `batches` have both, all go without.
absl::Status DecodeMixedDictionaries(std::vector<format::RecordBatch>& batches);

}  // namespace og::engine::dataset
