#include "engine/exec/sorted_runs.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "format/arrow/builder.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

// What is given out at a time.
constexpr int64_t kMergedRows = 8192;
constexpr size_t kMergedBytes = size_t{1} << 20;

// Of a batch in a file, about.
constexpr size_t kBatchBytes = size_t{128} << 10;

// The place in a run up to which it is merged.
class Cursor {
 public:
  Cursor(const BatchSpill& run, const std::vector<bool>& descending)
      : run_(&run), descending_(&descending) {}

  // Reads the next batch if the last one is used up. False at the end of the run.
  absl::StatusOr<bool> Fill() {
    while (row_ == batch_.num_rows) {
      if (next_ == run_->num_batches()) return false;
      OG_ASSIGN_OR_RETURN(batch_, run_->Read(next_++));
      row_ = 0;
      keys_.clear();
      for (size_t key = 0; key < descending_->size(); ++key)
        keys_.push_back({batch_.columns[key], (*descending_)[key]});
    }
    return true;
  }

  const RecordBatch& batch() const { return batch_; }
  const std::vector<SortKey>& keys() const { return keys_; }
  int64_t row() const { return row_; }
  void Advance() { ++row_; }

 private:
  const BatchSpill* run_;
  const std::vector<bool>* descending_;
  size_t next_ = 0;
  RecordBatch batch_;
  std::vector<SortKey> keys_;
  int64_t row_ = 0;
};

// Appends rows in batches of a size of which a merge can have one of each run in memory.
absl::Status AppendBatches(const RecordBatch& rows, BatchSpill& run) {
  const auto num_parts = static_cast<int64_t>(MemoryBytes(rows) / kBatchBytes + 1);
  const int64_t part_rows = (rows.num_rows + num_parts - 1) / num_parts;
  if (num_parts == 1) return run.Append(rows);
  // Not slices: with the first one's buffers all rows would be written.
  std::vector<int64_t> part;
  for (int64_t start = 0; start < rows.num_rows; start += part_rows) {
    part.resize(static_cast<size_t>(std::min(part_rows, rows.num_rows - start)));
    std::iota(part.begin(), part.end(), start);
    OG_RETURN_IF_ERROR(run.Append(Take(rows, part)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SortedRuns::StartRun() {
  OG_RETURN_IF_ERROR(MergeLevels());
  OG_ASSIGN_OR_RETURN(auto rows, BatchSpill::Create(schema_));
  runs_.push_back({std::move(rows), 0});
  return absl::OkStatus();
}

absl::Status SortedRuns::Append(std::vector<ArrayPtr> columns) {
  const int64_t num_rows = columns[0]->length;
  return AppendBatches({schema_, num_rows, std::move(columns)}, *runs_.back().rows);
}

absl::Status SortedRuns::MergeLevels() {
  while (runs_.size() >= kRunsOfLevel) {
    const size_t first = runs_.size() - kRunsOfLevel;
    const size_t level = runs_.back().level;
    if (runs_[first].level != level) break;
    OG_ASSIGN_OR_RETURN(auto merged, BatchSpill::Create(schema_));
    OG_RETURN_IF_ERROR(
        MergeFrom(first, 0, UINT64_MAX, [&](std::vector<ArrayPtr> columns) -> absl::Status {
          const int64_t num_rows = columns[0]->length;
          return AppendBatches({schema_, num_rows, std::move(columns)}, *merged);
        }));
    runs_.resize(first);
    runs_.push_back({std::move(merged), level + 1});
  }
  return absl::OkStatus();
}

absl::Status SortedRuns::Merge(
    uint64_t limit, const std::function<absl::Status(std::vector<ArrayPtr> columns)>& emit) const {
  return MergeFrom(0, descending_.size(), limit, emit);
}

absl::Status SortedRuns::MergeFrom(
    size_t first_run, size_t first_column, uint64_t limit,
    const std::function<absl::Status(std::vector<ArrayPtr> columns)>& emit) const {
  std::vector<Cursor> cursors;
  for (size_t run = first_run; run < runs_.size(); ++run)
    cursors.emplace_back(*runs_[run].rows, descending_);
  // Runs that have rows left, the one with the least row on top.
  std::vector<size_t> heap;
  const auto comes_later = [&](size_t a, size_t b) {
    const int order =
        CompareRows(cursors[a].keys(), cursors[a].row(), cursors[b].keys(), cursors[b].row());
    return order != 0 ? order > 0 : a > b;
  };
  for (size_t run = 0; run < cursors.size(); ++run) {
    OG_ASSIGN_OR_RETURN(const bool has_rows, cursors[run].Fill());
    if (has_rows) heap.push_back(run);
  }
  std::make_heap(heap.begin(), heap.end(), comes_later);
  std::vector<std::unique_ptr<format::ArrayBuilder>> builders;
  for (size_t i = first_column; i < schema_->fields.size(); ++i) {
    const format::TypePtr& type = schema_->fields[i].type;
    const bool is_coded = type->id == format::TypeId::kDictionary;
    builders.push_back(format::MakeBuilder(is_coded ? type->value_type : type));
  }
  int64_t num_rows = 0;
  const auto flush = [&]() -> absl::Status {
    std::vector<ArrayPtr> columns;
    for (const auto& builder : builders)
      columns.push_back(builder->Finish());
    num_rows = 0;
    return emit(std::move(columns));
  };
  for (; !heap.empty() && limit > 0; --limit) {
    std::pop_heap(heap.begin(), heap.end(), comes_later);
    Cursor& cursor = cursors[heap.back()];
    for (size_t i = 0; i < builders.size(); ++i) {
      builders[i]->AppendSlice(*cursor.batch().columns[first_column + i], cursor.row(), 1);
    }
    cursor.Advance();
    OG_ASSIGN_OR_RETURN(const bool has_rows, cursor.Fill());
    if (has_rows) {
      std::push_heap(heap.begin(), heap.end(), comes_later);
    } else {
      heap.pop_back();
    }
    size_t bytes = 0;
    for (const auto& builder : builders)
      bytes += builder->MemoryBytes();
    if (++num_rows == kMergedRows || bytes >= kMergedBytes) OG_RETURN_IF_ERROR(flush());
  }
  return num_rows == 0 ? absl::OkStatus() : flush();
}

}  // namespace og::engine::exec
