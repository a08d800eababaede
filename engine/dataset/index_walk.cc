#include "engine/dataset/index_walk.h"

#include <algorithm>
#include <utility>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/index_plan.h"
#include "engine/dataset/live_rows.h"
#include "engine/dataset/row_places.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {
namespace {

using format::RowRange;

// The rows `live` of `fragment`, the first of which is at `position`, by their stable ids.
absl::Status AddByRowId(const DatasetHandle& dataset, const format::Fragment& fragment,
                        const std::vector<RowRange>& live, uint32_t position, RowPlaces& places) {
  OG_ASSIGN_OR_RETURN(const format::RowIdSequence sequence, dataset.RowIdsOf(fragment));
  size_t at = 0;
  for (const RowRange& range : live) {
    for (uint64_t row = range.begin; row < range.end;) {
      while (sequence.segment_start(at + 1) <= row)
        ++at;
      const format::RowIdSegment& segment = sequence.segments()[at];
      const uint64_t offset = row - sequence.segment_start(at);
      const uint64_t count = std::min(range.end, sequence.segment_start(at + 1)) - row;
      if (segment.form() == format::RowIdSegment::Form::kRange) {
        places.Add(segment.start() + offset, count, position);
      } else {
        std::vector<uint64_t> ids;
        segment.AppendTo(offset, count, ids);
        for (size_t i = 0; i < ids.size(); ++i)
          places.Add(ids[i], 1, position + static_cast<uint32_t>(i));
      }
      row += count;
      position += static_cast<uint32_t>(count);
    }
  }
  return absl::OkStatus();
}

// Where the rows that `segment` covers are.
absl::StatusOr<std::unique_ptr<RowPlaces>> PlacesOf(
    const DatasetHandle& dataset, const IndexSegment& segment,
    const std::shared_ptr<io::MemoryBudget>& budget) {
  auto places = std::make_unique<RowPlaces>();
  const bool by_address = segment.holds_addresses || !dataset.manifest().has_stable_row_ids();
  uint32_t position = 0;
  for (const format::Fragment& fragment : dataset.manifest().fragments) {
    const uint32_t first = position;
    position += static_cast<uint32_t>(fragment.num_rows());
    if (!std::ranges::binary_search(segment.fragment_ids, fragment.id)) continue;
    OG_ASSIGN_OR_RETURN(const format::DeletionVectorPtr deletions, dataset.DeletionsOf(fragment));
    const std::vector<RowRange> live = LiveRanges(fragment.physical_rows, deletions.get());
    if (!by_address) {
      OG_RETURN_IF_ERROR(AddByRowId(dataset, fragment, live, first, *places));
      continue;
    }
    uint32_t at = first;
    for (const RowRange& range : live) {
      places->Add(fragment.id << 32 | range.begin, range.end - range.begin, at);
      at += static_cast<uint32_t>(range.end - range.begin);
    }
  }
  OG_RETURN_IF_ERROR(places->Finish(budget));
  return places;
}

class Walk final : public IndexWalk {
 public:
  Walk(io::Env& env, std::shared_ptr<const UsableIndex> index,
       std::vector<std::unique_ptr<RowPlaces>> places)
      : env_(env), index_(std::move(index)), places_(std::move(places)) {}

  absl::StatusOr<std::optional<Entries>> Next() override {
    while (segment_ < index_->segments.size()) {
      if (stream_ == nullptr) {
        OG_ASSIGN_OR_RETURN(stream_, index_->segments[segment_].btree->Batches(&env_.pool()));
      }
      OG_ASSIGN_OR_RETURN(std::optional<format::RecordBatch> batch, stream_->Next());
      if (batch.has_value()) {
        return Entries{batch->columns[0], batch->columns[1], segment_};
      }
      stream_ = nullptr;
      ++segment_;
    }
    return std::nullopt;
  }

  std::vector<uint32_t> PositionsOf(size_t segment, std::span<const uint64_t> ids) const override {
    return places_[segment]->PositionsOf(ids);
  }

 private:
  io::Env& env_;
  const std::shared_ptr<const UsableIndex> index_;
  const std::vector<std::unique_ptr<RowPlaces>> places_;  // by segment
  size_t segment_ = 0;
  std::unique_ptr<format::BatchStream> stream_;  // of segment_; null: not started
};

}  // namespace

absl::StatusOr<std::unique_ptr<IndexWalk>> IndexWalk::Start(
    const Dataset& dataset, const std::string& column,
    const std::shared_ptr<io::MemoryBudget>& budget) {
  const auto& handle = static_cast<const DatasetHandle&>(dataset);
  const auto& fragments = handle.manifest().fragments;
  if (handle.row_moves() != nullptr || handle.num_rows() >= kNoPosition)
    return std::unique_ptr<IndexWalk>();
  if (std::ranges::none_of(handle.manifest().indices, IsReadableBtree))
    return std::unique_ptr<IndexWalk>();
  OG_ASSIGN_OR_RETURN(std::shared_ptr<const UsableIndex> index, FindUsableIndex(handle, {column}));
  if (index == nullptr || index->fragment_ids.size() != fragments.size())
    return std::unique_ptr<IndexWalk>();
  std::vector<const format::Fragment*> all;
  for (const format::Fragment& fragment : fragments)
    all.push_back(&fragment);
  handle.PrefetchDeletions(all);
  std::vector<std::unique_ptr<RowPlaces>> places;
  for (const IndexSegment& segment : index->segments) {
    OG_ASSIGN_OR_RETURN(places.emplace_back(), PlacesOf(handle, segment, budget));
  }
  return std::make_unique<Walk>(handle.env(), std::move(index), std::move(places));
}

}  // namespace og::engine::dataset
