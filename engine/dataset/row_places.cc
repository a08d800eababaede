#include "engine/dataset/row_places.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "engine/dataset/index_walk.h"
#include "io/base/status_macros.h"

namespace og::engine::dataset {
namespace {

// Ids that are spread further than this over their range are searched for.
constexpr uint64_t kIdsPerRowMax = 4;

}  // namespace

void RowPlaces::Add(uint64_t id, uint64_t count, uint32_t position) {
  if (count == 0) return;
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    if (last.id + last.count == id && last.position + last.count == position) {
      last.count += count;
      return;
    }
  }
  pieces_.push_back({id, count, position});
}

absl::Status RowPlaces::Finish(const std::shared_ptr<io::MemoryBudget>& budget) {
  std::ranges::sort(pieces_, {}, &Piece::id);
  if (pieces_.size() <= 1) return absl::OkStatus();
  uint64_t num_rows = 0;
  for (const Piece& piece : pieces_)
    num_rows += piece.count;
  const uint64_t range = pieces_.back().id + pieces_.back().count - pieces_.front().id;
  if (range / kIdsPerRowMax > num_rows) {
    OG_ASSIGN_OR_RETURN(memory_, budget->Reserve(pieces_.capacity() * sizeof(Piece)));
    return absl::OkStatus();
  }
  OG_ASSIGN_OR_RETURN(memory_, budget->Reserve(range * sizeof(uint32_t)));
  table_.assign(range, kNoPosition);
  for (const Piece& piece : pieces_) {
    const auto first = table_.begin() + static_cast<ptrdiff_t>(piece.id - pieces_.front().id);
    std::iota(first, first + static_cast<ptrdiff_t>(piece.count), piece.position);
  }
  return absl::OkStatus();
}

uint32_t RowPlaces::Search(uint64_t id) const {
  const auto behind = std::ranges::upper_bound(pieces_, id, {}, &Piece::id);
  if (behind == pieces_.begin()) return kNoPosition;
  const Piece& piece = *std::prev(behind);
  const uint64_t offset = id - piece.id;
  return offset < piece.count ? piece.position + static_cast<uint32_t>(offset) : kNoPosition;
}

std::vector<uint32_t> RowPlaces::PositionsOf(std::span<const uint64_t> ids) const {
  std::vector<uint32_t> positions(ids.size());
  const Piece first = pieces_.empty() ? Piece{} : pieces_.front();
  if (pieces_.size() <= 1) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const uint64_t offset = ids[i] - first.id;
      positions[i] =
          offset < first.count ? first.position + static_cast<uint32_t>(offset) : kNoPosition;
    }
  } else if (!table_.empty()) {
    for (size_t i = 0; i < ids.size(); ++i) {
      const uint64_t offset = ids[i] - first.id;
      positions[i] = offset < table_.size() ? table_[offset] : kNoPosition;
    }
  } else {
    for (size_t i = 0; i < ids.size(); ++i)
      positions[i] = Search(ids[i]);
  }
  return positions;
}

}  // namespace og::engine::dataset
