// Deletion vectors: the deleted row offsets of one fragment, all of them, in a file of one of two
// kinds: an Arrow IPC file (row_id_ipc.h) or a Roaring bitmap (roaring.h).
//
// Source: lance-table 10.0.0: src/io/deletion.rs; lance-core 10.0.0: src/utils/deletion.rs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "format/table/manifest.h"

namespace og::format {

// Up to this many offsets are written as an Arrow file, more as a bitmap.
inline constexpr size_t kDeletionArrayMax = 5000;

// Immutable, ascending, distinct. All methods may run in any number of threads.
class DeletionVector {
 public:
  DeletionVector() = default;
  // `offsets` in any order; duplicates count once.
  explicit DeletionVector(std::vector<uint32_t> offsets);

  // kDataLoss if the bytes are no such file, or name an offset at or beyond `physical_rows`.
  static absl::StatusOr<DeletionVector> Decode(DeletionFileKind kind, std::string_view bytes,
                                               uint64_t physical_rows);
  // The kind that fits the size, and its bytes.
  DeletionFileKind kind() const;
  std::string Encode() const;

  std::span<const uint32_t> offsets() const { return offsets_; }
  uint64_t size() const { return offsets_.size(); }
  bool empty() const { return offsets_.empty(); }
  bool Contains(uint64_t offset) const;
  // Deleted offsets in [start, end).
  std::span<const uint32_t> Between(uint64_t start, uint64_t end) const;
  // Offset of live row i. REQUIRES: fewer than i + 1 rows deleted means it exists in the fragment;
  // the caller checks the bound.
  uint64_t OffsetOfLiveRow(uint64_t i) const;

 private:
  std::vector<uint32_t> offsets_;
};

using DeletionVectorPtr = std::shared_ptr<const DeletionVector>;

}  // namespace og::format
