#include "format/table/deletion_vector.h"

#include <algorithm>

#include "format/table/roaring.h"
#include "format/table/row_id_ipc.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {

DeletionVector::DeletionVector(std::vector<uint32_t> offsets) : offsets_(std::move(offsets)) {
  if (!std::ranges::is_sorted(offsets_)) {
    std::ranges::sort(offsets_);
  }
  offsets_.erase(std::ranges::unique(offsets_).begin(), offsets_.end());
}

absl::StatusOr<DeletionVector> DeletionVector::Decode(DeletionFileKind kind, std::string_view bytes,
                                                      uint64_t physical_rows) {
  OG_ASSIGN_OR_RETURN(std::vector<uint32_t> offsets, kind == DeletionFileKind::kBitmap
                                                         ? DecodeRoaring(bytes, physical_rows)
                                                         : DecodeRowIdIpc(bytes, physical_rows));
  DeletionVector vector(std::move(offsets));
  if (!vector.empty() && vector.offsets_.back() >= physical_rows) {
    return io::DataLossError(io::StrCat("deletion file: offset ", vector.offsets_.back(),
                                        " in a fragment of ", physical_rows, " rows"));
  }
  return vector;
}

DeletionFileKind DeletionVector::kind() const {
  return offsets_.size() <= kDeletionArrayMax ? DeletionFileKind::kArrowArray
                                              : DeletionFileKind::kBitmap;
}

std::string DeletionVector::Encode() const {
  return kind() == DeletionFileKind::kBitmap ? EncodeRoaring(offsets_) : EncodeRowIdIpc(offsets_);
}

bool DeletionVector::Contains(uint64_t offset) const {
  return std::ranges::binary_search(offsets_, offset);
}

std::span<const uint32_t> DeletionVector::Between(uint64_t start, uint64_t end) const {
  const auto first = std::ranges::lower_bound(offsets_, start);
  return {first, std::lower_bound(first, offsets_.end(), end)};
}

uint64_t DeletionVector::OffsetOfLiveRow(uint64_t i) const {
  // Deleted offsets that stand before live row i: the k-th has k deleted ones before it.
  size_t low = 0;
  size_t high = offsets_.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (offsets_[middle] - middle <= i) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return i + low;
}

}  // namespace og::format
