#include "engine/dataset/live_rows.h"

#include <algorithm>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {

using format::RecordBatch;
using format::RowRange;

// The live rows of `physical_rows` as ranges.
std::vector<RowRange> LiveRanges(uint64_t physical_rows, const format::DeletionVector* deletions) {
  std::vector<RowRange> ranges;
  uint64_t begin = 0;
  if (deletions != nullptr) {
    for (const uint32_t offset : deletions->offsets()) {
      if (offset > begin) {
        ranges.push_back({begin, offset});
      }
      begin = uint64_t{offset} + 1;
    }
  }
  if (begin < physical_rows) {
    ranges.push_back({begin, physical_rows});
  }
  return ranges;
}

// Leaves the first `skip` rows of `ranges` out and keeps at most `limit`.
void CutRanges(uint64_t skip, uint64_t limit, std::vector<RowRange>& ranges) {
  std::vector<RowRange> cut;
  for (RowRange range : ranges) {
    const uint64_t skipped = std::min(skip, range.end - range.begin);
    skip -= skipped;
    range.begin += skipped;
    range.end = std::min(range.end, range.begin + std::min(limit, range.end - range.begin));
    limit -= range.end - range.begin;
    if (range.begin < range.end) {
      cut.push_back(range);
    }
  }
  ranges = std::move(cut);
}

void LiveRows::Rows::ListOffsets() {
  offsets.reserve(static_cast<size_t>(batch.num_rows));
  for (const RowRange& range : ranges) {
    for (uint64_t offset = range.begin; offset < range.end; ++offset) {
      offsets.push_back(offset);
    }
  }
  ranges.clear();
}

void LiveRows::Rows::Select(std::span<const int64_t> kept) {
  if (std::ssize(kept) == batch.num_rows) {
    return;
  }
  batch = format::Take(batch, kept);
  std::vector<uint64_t> selected;
  selected.reserve(kept.size());
  auto range = ranges.begin();
  uint64_t before = 0;  // rows of former ranges
  for (const int64_t row : kept) {
    const auto i = static_cast<uint64_t>(row);
    if (range == ranges.end()) {
      selected.push_back(offsets[i]);
      continue;
    }
    while (i - before >= range->end - range->begin) {
      before += range->end - range->begin;
      ++range;
    }
    selected.push_back(range->begin + (i - before));
  }
  ranges.clear();
  offsets = std::move(selected);
}

absl::StatusOr<LiveRows> LiveRows::Open(const FragmentReader& reader,
                                        const std::vector<RowRange>& ranges,
                                        format::DeletionVectorPtr dropped) {
  LiveRows rows;
  OG_ASSIGN_OR_RETURN(rows.stream_, reader.Scan(ranges));
  rows.ranges_ = ranges;
  rows.dropped_ = std::move(dropped);
  return rows;
}

absl::StatusOr<std::optional<LiveRows::Rows>> LiveRows::Next() {
  OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream_->Next());
  if (!batch) {
    return std::nullopt;
  }
  Rows rows{.batch = *std::move(batch), .ranges = {}, .offsets = {}};
  OG_RETURN_IF_ERROR(AddRanges(rows));
  if (dropped_ != nullptr) {
    rows.ListOffsets();
    DropDeleted(rows);
  }
  return rows;
}

std::vector<RowRange> LiveRows::Left() const {
  if (range_ == ranges_.size()) {
    return {};
  }
  std::vector<RowRange> left(ranges_.begin() + static_cast<ptrdiff_t>(range_), ranges_.end());
  left.front().begin += done_;
  return left;
}

absl::Status LiveRows::AddRanges(Rows& rows) {
  for (auto left = static_cast<uint64_t>(rows.batch.num_rows); left > 0;) {
    if (range_ == ranges_.size()) {
      return io::InternalError("a data file gave more rows than were asked for");
    }
    const uint64_t begin = ranges_[range_].begin + done_;
    const uint64_t end = std::min(begin + left, ranges_[range_].end);
    rows.ranges.push_back({begin, end});
    left -= end - begin;
    done_ += end - begin;
    if (end == ranges_[range_].end) {
      ++range_;
      done_ = 0;
    }
  }
  return absl::OkStatus();
}

void LiveRows::DropDeleted(Rows& rows) const {
  if (rows.offsets.empty()) {
    return;
  }
  auto deleted = dropped_->Between(rows.offsets.front(), rows.offsets.back() + 1);
  if (deleted.empty()) {
    return;
  }
  std::vector<int64_t> kept;
  for (size_t i = 0; i < rows.offsets.size(); ++i) {
    while (!deleted.empty() && deleted.front() < rows.offsets[i]) {
      deleted = deleted.subspan(1);
    }
    if (deleted.empty() || deleted.front() != rows.offsets[i]) {
      kept.push_back(static_cast<int64_t>(i));
    }
  }
  rows.Select(kept);
}

}  // namespace og::engine::dataset
