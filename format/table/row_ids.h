// Stable row ids and row versions of a fragment, as the manifest holds them.
//
// A RowIdSequence lists the ids of all physical rows (deleted ones included) in row order, as
// segments of five forms:
//
//   range              start .. end (exclusive)
//   range with holes   the range without some ids
//   range with bitmap  the ids start + i whose bit i is set (least significant bit first)
//   sorted array       ascending ids
//   array              ids in any order
//
// Arrays are offsets of 16 or 32 bits from a base, or 64-bit values; all little-endian.
//
// Source: lance: protos/rowids.proto; lance-table 10.0.0: src/rowids.rs, src/rowids/segment.rs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace og::format {

// One segment. Immutable; made by decoding or by MakeSegment.
class RowIdSegment {
 public:
  enum class Form : uint8_t { kRange, kRangeWithHoles, kRangeWithBitmap, kSortedArray, kArray };

  // The range start .. end. REQUIRES: start <= end.
  static RowIdSegment Range(uint64_t start, uint64_t end);
  static RowIdSegment RangeWithHoles(uint64_t start, uint64_t end, std::vector<uint64_t> holes);
  static RowIdSegment RangeWithBitmap(uint64_t start, uint64_t end, std::string bitmap);
  static RowIdSegment Values(Form form, std::vector<uint64_t> values);

  Form form() const { return form_; }
  uint64_t size() const { return size_; }
  uint64_t start() const { return start_; }
  uint64_t end() const { return end_; }
  // Holes of a range with holes, or the ids of an array.
  const std::vector<uint64_t>& values() const { return values_; }
  const std::string& bitmap() const { return bitmap_; }

  // Id of row i. REQUIRES: i < size().
  uint64_t Get(uint64_t i) const;
  // Appends the ids of rows [offset, offset + length). REQUIRES: inside the segment.
  void AppendTo(uint64_t offset, uint64_t length, std::vector<uint64_t>& ids) const;
  // Row that has `id`; linear for the unsorted form.
  std::optional<uint64_t> Find(uint64_t id) const;
  // Smallest and largest id. REQUIRES: size() > 0.
  uint64_t min() const;
  uint64_t max() const;

 private:
  Form form_ = Form::kRange;
  uint64_t size_ = 0;
  uint64_t start_ = 0;
  uint64_t end_ = 0;
  std::vector<uint64_t> values_;
  std::string bitmap_;
  std::vector<uint64_t> ranks_;  // bitmap: set bits before each block of 64 bytes
};

// The form that Lance 10 chooses for `ids`.
RowIdSegment MakeSegment(std::span<const uint64_t> ids);

class RowIdSequence {
 public:
  RowIdSequence() = default;
  explicit RowIdSequence(std::vector<RowIdSegment> segments);

  // kDataLoss if the bytes do not parse, a segment contradicts itself, or there are more than
  // `size_max` ids.
  static absl::StatusOr<RowIdSequence> Decode(std::string_view bytes, uint64_t size_max);
  std::string Encode() const;

  uint64_t size() const { return starts_.back(); }
  const std::vector<RowIdSegment>& segments() const { return segments_; }
  // Row of the first id of segment i.
  uint64_t segment_start(size_t i) const { return starts_[i]; }

  uint64_t Get(uint64_t i) const;
  void AppendTo(uint64_t offset, uint64_t length, std::vector<uint64_t>& ids) const;
  std::vector<uint64_t> ToVector() const;

 private:
  std::vector<RowIdSegment> segments_;
  std::vector<uint64_t> starts_{0};  // rows before each segment, and the total
};

// Rows of `sequence` that are not among `deleted` (ascending offsets), as a sequence again: each
// segment is masked on its own, as compaction does it.
RowIdSequence WithoutRows(const RowIdSequence& sequence, std::span<const uint32_t> deleted);

// Versions of rows as runs in row order: created-at or last-updated-at.
class RowVersions {
 public:
  struct Run {
    uint64_t length = 0;
    uint64_t version = 0;
    friend bool operator==(const Run&, const Run&) = default;
  };

  RowVersions() = default;
  RowVersions(uint64_t length, uint64_t version) { Append(length, version); }

  // Spans count by their length only. kDataLoss as for RowIdSequence::Decode.
  static absl::StatusOr<RowVersions> Decode(std::string_view bytes, uint64_t size_max);
  // Spans are written as ranges of row offsets.
  std::string Encode() const;

  // Appends a run; joins it to the last one when the version is equal.
  void Append(uint64_t length, uint64_t version);
  uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  uint64_t Get(uint64_t i) const;
  void AppendTo(uint64_t offset, uint64_t length, std::vector<uint64_t>& versions) const;
  const std::vector<Run>& runs() const { return runs_; }

 private:
  std::vector<Run> runs_;
  std::vector<uint64_t> ends_;
};

// The versions of the rows that are not among `deleted` (ascending offsets).
RowVersions WithoutRows(const RowVersions& versions, std::span<const uint32_t> deleted);

}  // namespace og::format
