// The value slots of one page, gathered from arrays into contiguous memory: what codecs encode.
// Slots of nulls are made canonical (zero bits, no bytes), which packs better and makes files
// independent of what memory held there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/page/level_builder.h"
#include "io/base/buffer.h"

namespace og::format {

enum class LeafShape : uint8_t {
  kNone,       // the null type: no values
  kNullItems,  // fixed-size lists of the null type: dimensions without bytes
  kFixed,      // num_values values of `bits`
  kVariable,   // offsets and bytes
  kPacked,     // rows of concatenated fixed-width children; `bits` is their sum
  kRows,       // rows of children of which some have a length before their bytes; offsets and bytes
};

// One fixed-size list around the values, outermost first.
struct ListDimension {
  uint64_t items = 0;
  bool has_validity = false;
  io::Buffer validity;  // of the items: num_values * items of this and the outer dimensions bits
};

struct LeafValues {
  LeafShape shape = LeafShape::kNone;
  size_t num_values = 0;
  size_t num_nulls = 0;
  // kFixed: bits of one primitive value (1 for bool). A fixed-size list stores `slot_items` of them
  // a slot.
  unsigned bits = 0;
  uint64_t slot_items = 1;
  std::vector<ListDimension> dimensions;
  io::Buffer data;  // values (bool: bitmap) or bytes
  // kVariable, kRows: num_values + 1 offsets into data, from 0, and the width of lengths on disk.
  std::vector<uint64_t> offsets;
  unsigned offset_bits = 32;
  // Arrow dictionaries: the values that `data` indexes.
  ArrayPtr dictionary;
  // kPacked, kRows: each child.
  struct Member {
    bool is_variable = false;
    unsigned bits = 0;       // of the value, or of the length before the value's bytes
    unsigned item_bits = 0;  // of an innermost item of a fixed-size list; else as `bits`
    std::vector<ListDimension> dimensions = {};
  };
  std::vector<Member> members;

  uint64_t slot_bits() const { return bits * slot_items; }
  bool is_list() const { return !dimensions.empty(); }
  bool has_offsets() const { return shape == LeafShape::kVariable || shape == LeafShape::kRows; }
  std::span<const std::byte> value(size_t i) const {
    return data.span().subspan(offsets[i], offsets[i + 1] - offsets[i]);
  }
};

// Gathers the slots of `ranges`, all of `type`. Slots whose level is not 0 or whose value is null
// are canonical; slots that are all null are kNone. One range without nulls shares the array's
// memory.
//
//   kUnimplemented  a type that has no page form, a null in a member of a packed struct
absl::StatusOr<LeafValues> GatherLeaf(const DataType& type, std::span<const LeafRange> ranges);

// Bytes that rows [start, start + length) of `array` hold in the leaf at `path`, roughly: what
// paging counts.
size_t LeafBytes(const Array& array, std::span<const size_t> path, int64_t start, int64_t length);

}  // namespace og::format
