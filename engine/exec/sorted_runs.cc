#include "engine/exec/sorted_runs.h"

#include <algorithm>
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

// Of a batch in a file, about: a merge has one of each run in memory.
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

}  // namespace

absl::Status SortedRuns::StartRun() {
  OG_ASSIGN_OR_RETURN(runs_.emplace_back(), BatchSpill::Create(schema_));
  return absl::OkStatus();
}

absl::Status SortedRuns::Append(std::vector<ArrayPtr> columns) {
  const RecordBatch rows{schema_, columns[0]->length, std::move(columns)};
  const auto num_parts = static_cast<int64_t>(MemoryBytes(rows) / kBatchBytes + 1);
  const int64_t part_rows = (rows.num_rows + num_parts - 1) / num_parts;
  for (int64_t start = 0; start < rows.num_rows; start += part_rows) {
    OG_RETURN_IF_ERROR(
        runs_.back()->Append(Slice(rows, start, std::min(part_rows, rows.num_rows - start))));
  }
  return absl::OkStatus();
}

absl::Status SortedRuns::Merge(
    uint64_t limit, const std::function<absl::Status(std::vector<ArrayPtr> columns)>& emit) const {
  std::vector<Cursor> cursors;
  for (const auto& run : runs_)
    cursors.emplace_back(*run, descending_);
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
  for (size_t i = descending_.size(); i < schema_->fields.size(); ++i)
    builders.push_back(format::MakeBuilder(schema_->fields[i].type));
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
      builders[i]->AppendSlice(*cursor.batch().columns[descending_.size() + i], cursor.row(), 1);
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
