#include "format/page/leaf_values.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "format/page/fixed_slots.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

size_t CountSlots(std::span<const LeafRange> ranges) {
  size_t slots = 0;
  for (const LeafRange& range : ranges) {
    slots += static_cast<size_t>(range.length);
  }
  return slots;
}

bool HasNulls(const LeafRange& range) {
  return range.array == nullptr || range.array->null_count != 0;
}

// Calls `found(slot)` for every null slot of `range`.
template <typename Found>
void ForEachNull(const LeafRange& range, Found found) {
  if (!HasNulls(range)) {
    return;
  }
  for (int64_t i = 0; i < range.length; ++i) {
    if (range.array == nullptr || range.array->IsNull(range.start + i)) {
      found(static_cast<size_t>(i));
    }
  }
}

size_t CountNulls(std::span<const LeafRange> ranges) {
  size_t nulls = 0;
  for (const LeafRange& range : ranges) {
    ForEachNull(range, [&](size_t) { ++nulls; });
  }
  return nulls;
}

io::Buffer GatherBits(std::span<const LeafRange> ranges, size_t num_values) {
  io::MutableBuffer bits(io::BytesForBits(num_values));
  std::memset(bits.data(), 0, bits.size());
  size_t at = 0;
  for (const LeafRange& range : ranges) {
    if (range.array != nullptr) {
      io::CopyBits(range.array->values.data(),
                   static_cast<size_t>(range.array->offset + range.start), bits.data(), at,
                   static_cast<size_t>(range.length));
      ForEachNull(range, [&](size_t i) { io::ClearBit(bits.data(), at + i); });
    }
    at += static_cast<size_t>(range.length);
  }
  return std::move(bits).Share();
}

// Values of whole bytes.
io::Buffer GatherBytes(std::span<const LeafRange> ranges, size_t num_values, size_t value_bytes) {
  if (ranges.size() == 1 && !HasNulls(ranges[0])) {
    const LeafRange& range = ranges[0];
    const auto start = static_cast<size_t>(range.array->offset + range.start);
    const io::Buffer shared =
        range.array->values.Slice(start * value_bytes, num_values * value_bytes);
    // Codecs read values of up to 8 bytes through typed pointers.
    return value_bytes <= 8 && std::has_single_bit(value_bytes) ? shared.Aligned(value_bytes)
                                                                : shared;
  }
  io::MutableBuffer bytes(num_values * value_bytes);
  std::byte* at = bytes.data();
  for (const LeafRange& range : ranges) {
    const size_t size = static_cast<size_t>(range.length) * value_bytes;
    if (range.array == nullptr) {
      std::memset(at, 0, size);
    } else if (size > 0) {
      const auto start = static_cast<size_t>(range.array->offset + range.start);
      std::memcpy(at, range.array->values.data() + start * value_bytes, size);
      ForEachNull(range, [&](size_t i) { std::memset(at + i * value_bytes, 0, value_bytes); });
    }
    at += size;
  }
  return std::move(bytes).Share();
}

void GatherVariable(std::span<const LeafRange> ranges, LeafValues& out) {
  out.offsets.resize(out.num_values + 1);
  out.offsets[0] = 0;
  if (ranges.size() == 1 && !HasNulls(ranges[0])) {
    const Array& array = *ranges[0].array;
    const auto base = static_cast<uint64_t>(array.OffsetAt(ranges[0].start));
    const auto first = static_cast<size_t>(array.offset + ranges[0].start);
    if (array.type->has_large_offsets()) {
      const std::byte* from = array.offsets.data() + first * 8;
      for (size_t i = 0; i <= out.num_values; ++i) {
        out.offsets[i] = io::LoadLe<uint64_t>(from + i * 8) - base;
      }
    } else {
      const std::byte* from = array.offsets.data() + first * 4;
      for (size_t i = 0; i <= out.num_values; ++i) {
        out.offsets[i] = io::LoadLe<uint32_t>(from + i * 4) - base;
      }
    }
    out.data = array.values.Slice(base, out.offsets.back());
    return;
  }
  size_t slot = 0;
  uint64_t end = 0;
  for (const LeafRange& range : ranges) {
    for (int64_t i = 0; i < range.length; ++i) {
      if (range.array != nullptr && range.array->IsValid(range.start + i)) {
        end += static_cast<uint64_t>(range.array->OffsetAt(range.start + i + 1) -
                                     range.array->OffsetAt(range.start + i));
      }
      out.offsets[++slot] = end;
    }
  }
  io::MutableBuffer bytes(end);
  slot = 0;
  for (const LeafRange& range : ranges) {
    if (range.array == nullptr || range.length == 0) {
      slot += static_cast<size_t>(range.length);
      continue;
    }
    const std::byte* const from = range.array->values.data();
    const auto count = static_cast<size_t>(range.length);
    const auto first = static_cast<uint64_t>(range.array->OffsetAt(range.start));
    const auto last = static_cast<uint64_t>(range.array->OffsetAt(range.start + range.length));
    const uint64_t at = out.offsets[slot];
    if (out.offsets[slot + count] - at == last - first) {
      // Nulls hold no bytes: one copy.
      if (last > first) {
        std::memcpy(bytes.data() + at, from + first, last - first);
      }
    } else {
      for (size_t i = 0; i < count; ++i) {
        const uint64_t size = out.offsets[slot + i + 1] - out.offsets[slot + i];
        if (size > 0) {
          const auto start = range.array->OffsetAt(range.start + static_cast<int64_t>(i));
          std::memcpy(bytes.data() + out.offsets[slot + i], from + start, size);
        }
      }
    }
    slot += count;
  }
  out.data = std::move(bytes).Share();
}

// The slots of `ranges` seen from the items of their fixed-size lists: `list_size` slots each; a
// null list is as many slots without a value.
std::vector<LeafRange> ItemRanges(std::span<const LeafRange> ranges, int64_t list_size) {
  std::vector<LeafRange> items;
  const auto add = [&](const LeafRange& range) {
    if (!items.empty() && items.back().array == range.array &&
        (range.array == nullptr || items.back().start + items.back().length == range.start)) {
      items.back().length += range.length;
    } else {
      items.push_back(range);
    }
  };
  for (const LeafRange& range : ranges) {
    if (range.array == nullptr) {
      add({nullptr, 0, range.length * list_size});
      continue;
    }
    const Array* const child = range.array->children[0].get();
    int64_t pending = 0;
    const auto flush = [&](int64_t end) {
      if (end > pending) {
        add({child, (range.array->offset + range.start + pending) * list_size,
             (end - pending) * list_size});
      }
    };
    ForEachNull(range, [&](size_t i) {
      const auto at = static_cast<int64_t>(i);
      flush(at);
      add({nullptr, 0, list_size});
      pending = at + 1;
    });
    flush(range.length);
  }
  return items;
}

// Validity of the items in `ranges`. Items of null lists count as valid: they are hidden anyway.
void GatherItemValidity(std::span<const LeafRange> ranges, ListDimension& dimension) {
  const size_t num_items = CountSlots(ranges);
  io::MutableBuffer bits(io::BytesForBits(num_items));
  std::memset(bits.data(), 0, bits.size());
  io::FillBits(bits.data(), 0, num_items, true);
  size_t at = 0;
  for (const LeafRange& range : ranges) {
    if (range.array != nullptr) {
      ForEachNull(range, [&](size_t i) {
        io::ClearBit(bits.data(), at + i);
        dimension.has_validity = true;
      });
    }
    at += static_cast<size_t>(range.length);
  }
  if (dimension.has_validity) {
    dimension.validity = std::move(bits).Share();
  }
}

// `bytes` more bytes at the end of `out`, not initialised.
std::byte* GrowBy(io::MutableBuffer& out, size_t bytes) {
  const size_t at = out.size();
  out.Resize(at + bytes);
  return out.data() + at;
}

// Appends child value i, which is no list, to a row: its bytes, for variable width after their
// length.
void AppendMember(const Array& child, int64_t i, const LeafValues::Member& member,
                  io::MutableBuffer& out) {
  const size_t width = member.bits / 8;
  std::byte* const to = GrowBy(out, width);
  if (!member.is_variable) {
    std::memcpy(to, child.values.data() + static_cast<size_t>(child.offset + i) * width, width);
    return;
  }
  const std::string_view text = child.StringValue(i);
  const uint64_t length = text.size();
  std::memcpy(to, &length, width);
  out.Append(io::AsBytes(text));
}

// Member `m` of those structs in `ranges` that are not null.
std::vector<LeafRange> MemberRanges(std::span<const LeafRange> ranges, size_t m) {
  std::vector<LeafRange> members;
  for (const LeafRange& range : ranges) {
    if (range.array == nullptr) {
      continue;
    }
    const Array* const child = range.array->children[m].get();
    int64_t pending = 0;
    const auto flush = [&](int64_t end) {
      if (end > pending) {
        members.push_back({child, range.array->offset + range.start + pending, end - pending});
      }
    };
    ForEachNull(range, [&](size_t i) {
      flush(static_cast<int64_t>(i));
      pending = static_cast<int64_t>(i) + 1;
    });
    flush(range.length);
  }
  return members;
}

// The width of a member of `type` that has no length. `list`: its values, if it is a fixed-size
// list.
absl::StatusOr<LeafValues::Member> FixedMember(const DataType& type, const LeafValues& list) {
  LeafValues::Member member;
  uint64_t bits = 0;
  if (list.shape == LeafShape::kFixed) {
    const bool has_null_items = std::ranges::any_of(list.dimensions, &ListDimension::has_validity);
    // Lance reads bools in rows only as whole bytes, and without bitmaps.
    if (list.slot_bits() % 8 == 0 && !(list.bits == 1 && has_null_items)) {
      bits = uint64_t{FixedSlots(list).bytes()} * 8;
    }
    member.item_bits = list.bits;
    member.dimensions = list.dimensions;
  } else if (type.id != TypeId::kDictionary && type.bit_width() > 0 && type.bit_width() % 8 == 0) {
    bits = static_cast<uint64_t>(type.bit_width());
    member.item_bits = static_cast<unsigned>(bits);
  }
  if (bits == 0 || bits > UINT32_MAX) {
    return io::UnimplementedError(
        io::StrCat("packed struct with a child of type ", type.ToString()));
  }
  member.bits = static_cast<unsigned>(bits);
  return member;
}

absl::Status GatherStruct(const DataType& type, std::span<const LeafRange> ranges,
                          LeafValues& out) {
  size_t row_bytes = 0;
  bool is_variable = false;
  std::vector<LeafValues> lists(type.children.size());
  std::vector<std::optional<FixedSlots>> list_slots(type.children.size());
  for (size_t m = 0; m < type.children.size(); ++m) {
    const DataType& child = *type.children[m].type;
    const std::vector<LeafRange> values = MemberRanges(ranges, m);
    if (CountNulls(values) != 0) {
      return io::UnimplementedError(
          io::StrCat("packed struct with nulls in member '", type.children[m].name, "'"));
    }
    LeafValues::Member member;
    if (child.is_variable()) {
      member.is_variable = true;
      member.bits = child.has_large_offsets() ? 64 : 32;
      is_variable = true;
    } else {
      if (child.id == TypeId::kFixedSizeList) {
        OG_ASSIGN_OR_RETURN(lists[m], GatherLeaf(child, values));
        list_slots[m].emplace(lists[m]);
        is_variable = true;  // Lance reads lists in rows of that form only
      }
      OG_ASSIGN_OR_RETURN(member, FixedMember(child, lists[m]));
    }
    row_bytes += member.bits / 8;
    out.members.push_back(std::move(member));
  }
  out.shape = is_variable ? LeafShape::kRows : LeafShape::kPacked;
  out.bits = is_variable ? 0 : static_cast<unsigned>(row_bytes * 8);
  io::MutableBuffer rows;
  rows.Reserve(out.num_values * row_bytes);
  if (is_variable) {
    out.offsets.push_back(0);
  }
  size_t num_valid = 0;
  for (const LeafRange& range : ranges) {
    for (int64_t i = 0; i < range.length; ++i) {
      const bool is_null = range.array == nullptr || range.array->IsNull(range.start + i);
      if (is_null && !is_variable) {
        std::memset(GrowBy(rows, row_bytes), 0, row_bytes);
      }
      for (size_t m = 0; !is_null && m < out.members.size(); ++m) {
        if (list_slots[m].has_value()) {
          list_slots[m]->Copy(num_valid, GrowBy(rows, list_slots[m]->bytes()));
        } else {
          AppendMember(*range.array->children[m], range.array->offset + range.start + i,
                       out.members[m], rows);
        }
      }
      num_valid += is_null ? 0 : 1;
      if (is_variable) {
        out.offsets.push_back(rows.size());
      }
    }
  }
  if (rows.size() > UINT32_MAX) {
    out.offset_bits = 64;
  }
  out.data = std::move(rows).Share();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LeafValues> GatherLeaf(const DataType& type, std::span<const LeafRange> ranges) {
  LeafValues out;
  out.num_values = CountSlots(ranges);
  out.num_nulls = CountNulls(ranges);
  if (type.id == TypeId::kNull || out.num_nulls == out.num_values) {
    return out;
  }
  if (type.is_variable()) {
    out.shape = LeafShape::kVariable;
    out.offset_bits = type.has_large_offsets() ? 64 : 32;
    GatherVariable(ranges, out);
    return out;
  }
  if (type.id == TypeId::kStruct) {
    OG_RETURN_IF_ERROR(GatherStruct(type, ranges, out));
    return out;
  }
  const DataType* item = &type;
  std::vector<LeafRange> items;
  std::span<const LeafRange> slots = ranges;
  while (item->id == TypeId::kFixedSizeList) {
    if (item->list_size <= 0) {
      return io::UnimplementedError(io::StrCat("fixed-size list of ", item->list_size, " items"));
    }
    std::vector<LeafRange> inner = ItemRanges(slots, item->list_size);
    items = std::move(inner);
    slots = items;
    ListDimension dimension;
    dimension.items = static_cast<uint64_t>(item->list_size);
    item = item->children[0].type.get();
    if (item->id != TypeId::kNull) {
      GatherItemValidity(slots, dimension);
    }
    out.slot_items *= dimension.items;
    out.dimensions.push_back(std::move(dimension));
  }
  if (item->id == TypeId::kNull) {
    out.shape = LeafShape::kNullItems;
    return out;
  }
  if (item->id == TypeId::kDictionary) {
    if (out.is_list()) {
      return io::UnimplementedError("fixed-size list of dictionary values");
    }
    for (const LeafRange& range : ranges) {
      if (range.array != nullptr) {
        out.dictionary = range.array->dictionary;
      }
    }
    item = item->index_type.get();
  }
  const int bits = item->bit_width();
  if (bits != 1 && (bits <= 0 || bits % 8 != 0)) {
    return io::UnimplementedError(io::StrCat("no page form for type ", type.ToString()));
  }
  out.shape = LeafShape::kFixed;
  out.bits = static_cast<unsigned>(bits);
  const size_t num_items = out.num_values * out.slot_items;
  out.data = bits == 1 ? GatherBits(slots, num_items)
                       : GatherBytes(slots, num_items, static_cast<size_t>(bits) / 8);
  return out;
}

size_t LeafBytes(const Array& array, std::span<const size_t> path, int64_t start, int64_t length) {
  const DataType& type = *array.type;
  size_t bytes = array.validity.empty() ? 0 : static_cast<size_t>(length) / 8;
  if (!path.empty() && type.is_list()) {
    const int64_t first = array.OffsetAt(start);
    return bytes + static_cast<size_t>(length) * 4 +
           LeafBytes(*array.children[0], path.subspan(1), first,
                     array.OffsetAt(start + length) - first);
  }
  if (!path.empty()) {
    return bytes +
           LeafBytes(*array.children[path[0]], path.subspan(1), array.offset + start, length);
  }
  if (type.is_variable()) {
    const auto width = type.has_large_offsets() ? size_t{8} : size_t{4};
    return bytes + static_cast<size_t>(length) * width +
           static_cast<size_t>(array.OffsetAt(start + length) - array.OffsetAt(start));
  }
  if (type.id == TypeId::kFixedSizeList) {
    return bytes + LeafBytes(*array.children[0], {}, (array.offset + start) * type.list_size,
                             length * type.list_size);
  }
  if (type.id == TypeId::kStruct) {
    for (const ArrayPtr& child : array.children) {
      bytes += LeafBytes(*child, {}, array.offset + start, length);
    }
    return bytes;
  }
  return bytes + static_cast<size_t>(length) * static_cast<size_t>(type.bit_width()) / 8;
}

}  // namespace og::format
