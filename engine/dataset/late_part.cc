#include "engine/dataset/late_part.h"

#include <algorithm>
#include <utility>

#include "engine/dataset/live_rows.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {

using format::RecordBatch;

namespace {

// A part that has found so much leaves the rest to another one.
constexpr uint64_t kFoundBytesMax = uint64_t{8} << 20;

}  // namespace

absl::Status DecodeMixedDictionaries(std::vector<RecordBatch>& batches) {
  for (size_t column = 0; column < batches[0].columns.size(); ++column) {
    const auto is_dictionary = [column](const RecordBatch& batch) {
      return batch.columns[column]->type->id == format::TypeId::kDictionary;
    };
    const auto num_dictionaries = std::ranges::count_if(batches, is_dictionary);
    if (num_dictionaries == 0 || num_dictionaries == std::ssize(batches)) continue;
    for (RecordBatch& batch : batches) {
      OG_ASSIGN_OR_RETURN(batch.columns[column],
                          format::TryDecodeDictionary(batch.columns[column]));
    }
  }
  return absl::OkStatus();
}

LatePart::LatePart(const LateReaders& readers, std::vector<format::RowRange> ranges,
                   io::WorkerPool& pool)
    : readers_(readers), ranges_(std::move(ranges)), group_(pool) {
  group_.Run([this] { return Run(); });
}

absl::StatusOr<LatePart::Found> LatePart::Finish() {
  OG_RETURN_IF_ERROR(group_.Wait());
  return std::move(found_);
}

absl::Status LatePart::Run() {
  OG_ASSIGN_OR_RETURN(LiveRows live, LiveRows::Open(*readers_.filter, ranges_, readers_.dropped));
  for (bool is_first = true; bytes_ < kFoundBytesMax; is_first = false) {
    OG_ASSIGN_OR_RETURN(std::optional<LiveRows::Rows> rows, live.Next());
    if (!rows) {
      break;
    }
    OG_ASSIGN_OR_RETURN(const std::vector<int64_t> picked, readers_.pick(rows->batch));
    if (is_first && readers_.others != nullptr &&
        static_cast<double>(picked.size()) >
            kLateShareMax * static_cast<double>(rows->batch.num_rows)) {
      found_.is_dense = true;
      found_.left = ranges_;
      return absl::OkStatus();
    }
    if (picked.empty()) {
      continue;
    }
    rows->Select(picked);
    rows->ListOffsets();
    kept_offsets_.insert(kept_offsets_.end(), rows->offsets.begin(), rows->offsets.end());
    kept_.push_back(std::move(rows->batch));
    while (kept_offsets_.size() >= readers_.batch_rows)
      OG_RETURN_IF_ERROR(Take());
  }
  if (!kept_offsets_.empty()) {
    OG_RETURN_IF_ERROR(Take());
  }
  found_.left = live.Left();
  return absl::OkStatus();
}

absl::Status LatePart::Take() {
  const size_t count = std::min<size_t>(kept_offsets_.size(), readers_.batch_rows);
  OG_RETURN_IF_ERROR(DecodeMixedDictionaries(kept_));
  FoundRows rows;
  OG_ASSIGN_OR_RETURN(rows.filtered, format::TryConcat(kept_));
  kept_.clear();
  const auto end = kept_offsets_.begin() + static_cast<ptrdiff_t>(count);
  rows.offsets.assign(kept_offsets_.begin(), end);
  kept_offsets_.erase(kept_offsets_.begin(), end);
  if (!kept_offsets_.empty()) {
    kept_.push_back(format::Slice(rows.filtered, static_cast<int64_t>(count),
                                  rows.filtered.num_rows - static_cast<int64_t>(count)));
    rows.filtered = format::Slice(rows.filtered, 0, static_cast<int64_t>(count));
  }
  if (readers_.others != nullptr) {
    OG_ASSIGN_OR_RETURN(rows.others, readers_.others->Take(rows.offsets));
  }
  bytes_ += MemoryBytes(rows.filtered) + MemoryBytes(rows.others);
  found_.rows.push_back(std::move(rows));
  return absl::OkStatus();
}

}  // namespace og::engine::dataset
