#include "format/page/value_sink.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/page/dictionary_gather.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint64_t kInt32Max = INT32_MAX;

// Text is copied in pieces of this size, which may touch as much behind its end.
constexpr size_t kTextSlackBytes = 32;

absl::Status TooMuch(uint64_t bytes) {
  return io::ResourceExhaustedError(
      io::StrCat("one batch of a column would hold ", bytes, " bytes; read fewer rows at once"));
}

// For each of 64 levels one byte, 1 if it is at most `max_valid`; eight such bytes become one byte
// of bits through the multiplication, which moves bit 8 k to bit 56 + k.
uint8_t PackEight(const uint8_t* flags) {
  const auto eight = io::LoadLe<uint64_t>(reinterpret_cast<const std::byte*>(flags));
  return static_cast<uint8_t>((eight * 0x0102040810204080ull) >> 56);
}

absl::StatusOr<uint64_t> CheckedBytes(uint64_t held, uint64_t slots, uint64_t bits_each) {
  if (bits_each != 0 && slots > kSinkBytesMax * 8 / bits_each) {
    return TooMuch(kSinkBytesMax);
  }
  const uint64_t bytes = held + io::BytesForBits(slots * bits_each);
  if (bytes > kSinkBytesMax) {
    return TooMuch(bytes);
  }
  return bytes;
}

}  // namespace

absl::StatusOr<ValueShape> ShapeOf(const TypePtr& type) {
  ValueShape shape;
  shape.type = type;
  if (type->id == TypeId::kNull) {
    return shape;
  }
  if (type->id == TypeId::kStruct) {
    for (const Field& child : type->children) {
      OG_ASSIGN_OR_RETURN(ValueShape member, ShapeOf(child.type));
      if (member.kind == ValueShape::Kind::kNone || member.kind == ValueShape::Kind::kMembers) {
        return io::UnimplementedError(
            io::StrCat("packed struct with a member of type ", child.type->ToString()));
      }
      shape.members.push_back(std::move(member));
    }
    if (!shape.members.empty()) {
      shape.kind = ValueShape::Kind::kMembers;
    }
    return shape;
  }
  if (type->is_variable()) {
    shape.kind = ValueShape::Kind::kVariable;
    return shape;
  }
  const DataType* item = type.get();
  if (item->id == TypeId::kDictionary) {
    item = item->index_type.get();
  }
  uint64_t items = 1;
  while (item->id == TypeId::kFixedSizeList) {
    const auto size = static_cast<uint64_t>(item->list_size);
    if (size != 0 && items > kSlotBitsMax / size) {
      return io::UnimplementedError(io::StrCat("lists as large as ", type->ToString()));
    }
    items *= size;
    shape.items_per_slot.push_back(items);
    item = item->children[0].type.get();
  }
  const uint64_t bits = item->id == TypeId::kFixedSizeBinary
                            ? uint64_t{8} * static_cast<uint64_t>(item->byte_width)
                            : static_cast<uint64_t>(item->bit_width());
  // Lists of what has no fixed width are stored as long as there are nulls only.
  const bool is_list_of_nulls =
      !shape.items_per_slot.empty() && (item->id == TypeId::kNull || item->is_variable());
  const bool is_plain = bits != 0 || item->id == TypeId::kFixedSizeBinary || is_list_of_nulls;
  if (!is_plain || (bits != 0 && items > kSlotBitsMax / bits)) {
    return io::UnimplementedError(io::StrCat("one column of type ", type->ToString()));
  }
  shape.kind = item->id == TypeId::kBool ? ValueShape::Kind::kBits : ValueShape::Kind::kBytes;
  shape.slot_bits = items * bits;
  return shape;
}

// --- ValidityBits --------------------------------------------------------------------------------

std::byte* ValidityBits::Extend(uint64_t count) {
  const bool is_first = bits_.size() == 0;
  const size_t old_bytes = bits_.size();
  const size_t bytes = io::BytesForBits(length_ + count);
  bits_.Resize(bytes);
  std::memset(bits_.data() + old_bytes, 0, bytes - old_bytes);
  if (is_first) {
    io::FillBits(bits_.data(), 0, length_, true);
  }
  return bits_.data();
}

void ValidityBits::AppendValid(uint64_t count) {
  if (null_count_ != 0 && count != 0) {
    io::FillBits(Extend(count), length_, count, true);
  }
  length_ += count;
}

void ValidityBits::AppendNull(uint64_t count) {
  if (count != 0) {
    Extend(count);
    null_count_ += count;
    length_ += count;
  }
}

void ValidityBits::AppendBits(const std::byte* bitmap, size_t offset, uint64_t count) {
  const uint64_t nulls = count - io::CountSetBits(bitmap, offset, count);
  if (nulls == 0) {
    AppendValid(count);
    return;
  }
  io::CopyBits(bitmap, offset, Extend(count), length_, count);
  null_count_ += nulls;
  length_ += count;
}

void ValidityBits::AppendLevels(std::span<const uint16_t> levels, uint16_t max_valid) {
  constexpr size_t kBlock = 512;
  for (size_t start = 0; start < levels.size(); start += kBlock) {
    const size_t count = std::min(kBlock, levels.size() - start);
    alignas(64) uint8_t flags[kBlock + 8];
    size_t valid = 0;
    for (size_t i = 0; i < count; ++i) {
      flags[i] = levels[start + i] <= max_valid ? 1 : 0;
    }
    for (size_t i = 0; i < count; ++i) {
      valid += flags[i];
    }
    if (valid == count) {
      AppendValid(count);
      continue;
    }
    std::memset(flags + count, 0, 8);
    uint8_t packed[kBlock / 8];
    for (size_t i = 0; i < count; i += 8) {
      packed[i / 8] = PackEight(flags + i);
    }
    io::CopyBits(reinterpret_cast<const std::byte*>(packed), 0, Extend(count), length_, count);
    null_count_ += count - valid;
    length_ += count;
  }
}

ValidityBits ValidityBits::EveryNth(uint64_t n) const {
  ValidityBits picked;
  for (uint64_t i = 0; i < length_; i += n) {
    null_count_ == 0 || io::GetBit(bits_.data(), i) ? picked.AppendValid(1) : picked.AppendNull(1);
  }
  return picked;
}

void ValidityBits::Finish(Array& array) {
  array.null_count = static_cast<int64_t>(null_count_);
  array.validity = null_count_ == 0 ? io::Buffer() : std::move(bits_).Share();
  *this = ValidityBits();
}

// --- ValueSink -----------------------------------------------------------------------------------

ValueSink::ValueSink(ValueShape shape)
    : shape_(std::move(shape)),
      has_large_offsets_(shape_.kind == ValueShape::Kind::kVariable &&
                         shape_.type->has_large_offsets()),
      items_(shape_.items_per_slot.size()) {
  for (const ValueShape& member : shape_.members) {
    members_.emplace_back(member);
  }
}

namespace {

// Pages ask for room one after the other, so what is there already must not be copied each time.
void ReserveGrowing(io::MutableBuffer& buffer, size_t capacity) {
  if (capacity > buffer.capacity()) {
    buffer.Reserve(std::max(capacity, buffer.capacity() * 2));
  }
}

}  // namespace

absl::Status ValueSink::Reserve(uint64_t slots, uint64_t bytes) {
  switch (shape_.kind) {
    case ValueShape::Kind::kBits:
    case ValueShape::Kind::kBytes: {
      OG_ASSIGN_OR_RETURN(const uint64_t wanted,
                          CheckedBytes(values_.size(), slots, shape_.slot_bits));
      ReserveGrowing(values_, wanted);
      break;
    }
    case ValueShape::Kind::kVariable: {
      const uint64_t width = has_large_offsets_ ? 8 : 4;
      OG_ASSIGN_OR_RETURN(const uint64_t wanted,
                          CheckedBytes(offsets_.size() + width, slots, width * 8));
      ReserveGrowing(offsets_, wanted);
      if (bytes <= kSinkBytesMax) {
        ReserveGrowing(text_, text_.size() + bytes + kTextSlackBytes);
      }
      break;
    }
    default:
      break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::byte*> ValueSink::ExtendBytes(uint64_t slots) {
  OG_DCHECK(shape_.kind == ValueShape::Kind::kBytes);
  if (!adopted_.empty()) {
    values_.Append(adopted_.span());
    adopted_ = io::Buffer();
  }
  FillItemValidity();
  const size_t start = values_.size();
  OG_ASSIGN_OR_RETURN(const uint64_t bytes, CheckedBytes(start, slots, shape_.slot_bits));
  if (shape_.slot_bits == 0 && !shape_.items_per_slot.empty()) {
    // Items without bytes may get offsets.
    OG_RETURN_IF_ERROR(
        CheckedBytes(0, length_ + slots, 8 * sizeof(uint64_t) * shape_.items_per_slot.back())
            .status());
  }
  values_.Resize(bytes);
  length_ += slots;
  return values_.data() + start;
}

void ValueSink::Adopt(io::Buffer bytes) {
  OG_CHECK(is_empty() && shape_.slot_bytes() != 0 && bytes.size() % shape_.slot_bytes() == 0);
  length_ = bytes.size() / shape_.slot_bytes();
  adopted_ = std::move(bytes);
}

absl::Status ValueSink::AppendBits(const std::byte* bitmap, size_t offset, uint64_t slots) {
  OG_DCHECK(shape_.kind == ValueShape::Kind::kBits);
  FillItemValidity();
  OG_RETURN_IF_ERROR(CheckedBytes(0, length_ + slots, shape_.slot_bits).status());
  const uint64_t start = length_ * shape_.slot_bits;
  const uint64_t count = slots * shape_.slot_bits;
  const size_t old_bytes = values_.size();
  values_.Resize(io::BytesForBits(start + count));
  std::memset(values_.data() + old_bytes, 0, values_.size() - old_bytes);
  if (count != 0) {
    io::CopyBits(bitmap, offset, values_.data(), start, count);
  }
  length_ += slots;
  return absl::OkStatus();
}

absl::Status ValueSink::GrowOffsets(uint64_t slots) {
  const uint64_t width = has_large_offsets_ ? 8 : 4;
  if (offsets_.size() == 0) {
    offsets_.Resize(width);
    std::memset(offsets_.data(), 0, width);
  }
  OG_ASSIGN_OR_RETURN(const uint64_t bytes, CheckedBytes(offsets_.size(), slots, width * 8));
  offsets_.Resize(bytes);
  return absl::OkStatus();
}

namespace {

// Writes to `to` the ends of the strings whose offsets stand at `from`, moved so that the first
// starts at `base`. False if an offset goes back.
template <typename From, typename To>
bool CopyEnds(const std::byte* from, uint64_t count, uint64_t base, To* to) {
  const From first = io::LoadLe<From>(from);
  From last = first;
  bool is_bad = false;
  for (uint64_t i = 1; i <= count; ++i) {
    const From at = io::LoadLe<From>(from + i * sizeof(From));
    is_bad |= at < last;
    last = at;
    to[i - 1] = static_cast<To>(base + (at - first));
  }
  return !is_bad;
}

}  // namespace

absl::Status ValueSink::AppendStrings(std::span<const std::byte> offsets, size_t offset_bytes,
                                      std::span<const std::byte> text) {
  OG_DCHECK(shape_.kind == ValueShape::Kind::kVariable && offsets.size() >= offset_bytes);
  const uint64_t count = offsets.size() / offset_bytes - 1;
  const auto offset_at = [&](uint64_t i) {
    return offset_bytes == 8 ? io::LoadLe<uint64_t>(offsets, i * 8)
                             : uint64_t{io::LoadLe<uint32_t>(offsets, i * 4)};
  };
  const uint64_t first = offset_at(0);
  const uint64_t last = offset_at(count);
  if (first > last || last > text.size()) {
    return io::DataLossError(io::StrCat("strings from byte ", first, " to ", last, " of ",
                                        text.size(), " bytes of text"));
  }
  const uint64_t base = text_.size();
  const uint64_t total = base + (last - first);
  if (total > (has_large_offsets_ ? kSinkBytesMax : kInt32Max)) {
    return TooMuch(total);
  }
  OG_RETURN_IF_ERROR(GrowOffsets(count));
  std::byte* const ends = offsets_.data() + offsets_.size() - count * (has_large_offsets_ ? 8 : 4);
  bool is_ok = false;
  if (has_large_offsets_) {
    auto* to = reinterpret_cast<uint64_t*>(ends);
    is_ok = offset_bytes == 8 ? CopyEnds<uint64_t>(offsets.data(), count, base, to)
                              : CopyEnds<uint32_t>(offsets.data(), count, base, to);
  } else {
    auto* to = reinterpret_cast<uint32_t*>(ends);
    is_ok = offset_bytes == 8 ? CopyEnds<uint64_t>(offsets.data(), count, base, to)
                              : CopyEnds<uint32_t>(offsets.data(), count, base, to);
  }
  if (!is_ok) {
    return io::DataLossError("string offsets go back");
  }
  text_.Append(text.subspan(first, last - first));
  length_ += count;
  return absl::OkStatus();
}

absl::StatusOr<std::byte*> ValueSink::PrepareText(uint64_t bytes_max) {
  const size_t start = text_.size();
  if (bytes_max > kSinkBytesMax || start + bytes_max > kSinkBytesMax) {
    return TooMuch(bytes_max);
  }
  text_.Resize(start + bytes_max + kTextSlackBytes);
  text_.Resize(start);
  return text_.data() + start;
}

absl::Status ValueSink::FinishText(const std::byte* end, uint64_t slots) {
  const auto total = static_cast<uint64_t>(end - text_.data());
  if (total > (has_large_offsets_ ? kSinkBytesMax : kInt32Max)) {
    return TooMuch(total);
  }
  text_.Resize(total);
  length_ += slots;
  return absl::OkStatus();
}

absl::Status ValueSink::DamagedStrings() {
  return io::DataLossError("the codes of strings, or where they end, are damaged");
}

absl::Status ValueSink::AppendWritten(const std::byte* end) {
  const auto total = static_cast<uint64_t>(end - text_.data());
  OG_RETURN_IF_ERROR(GrowOffsets(1));
  if (has_large_offsets_) {
    io::StoreLe(offsets_.data() + offsets_.size() - 8, total);
  } else {
    io::StoreLe(offsets_.data() + offsets_.size() - 4, static_cast<uint32_t>(total));
  }
  return FinishText(end, 1);
}

absl::Status ValueSink::AppendString(std::span<const std::byte> text) {
  OG_ASSIGN_OR_RETURN(std::byte* const to, PrepareText(text.size()));
  if (!text.empty()) {
    std::memcpy(to, text.data(), text.size());
  }
  return AppendWritten(to + text.size());
}

absl::Status ValueSink::AppendFromDictionary(const Array& dictionary,
                                             std::span<const uint32_t> indices) {
  const auto num_entries = static_cast<uint64_t>(dictionary.length);
  const auto not_there = [&] {
    return io::DataLossError(io::StrCat("dictionary index ", std::ranges::max(indices), " of ",
                                        num_entries, " entries"));
  };
  if (shape_.kind == ValueShape::Kind::kBytes) {
    OG_ASSIGN_OR_RETURN(std::byte * to, ExtendBytes(indices.size()));
    const bool are_there =
        GatherFixed(shape_.slot_bytes(), dictionary.values.data(), num_entries, indices, to);
    return are_there ? absl::OkStatus() : not_there();
  }
  if (!AreBelow(indices, num_entries)) {
    return not_there();
  }
  OG_DCHECK(shape_.kind == ValueShape::Kind::kVariable);
  if (indices.empty()) {
    return absl::OkStatus();
  }
  // The dictionary has the type of this sink, so its offsets have the same width.
  const auto append = [&](auto* ends, const auto* from_offsets) -> absl::Status {
    uint64_t total = text_.size();
    for (size_t i = 0; i < indices.size(); ++i) {
      total += static_cast<uint64_t>(from_offsets[indices[i] + 1] - from_offsets[indices[i]]);
      ends[i] = static_cast<std::remove_reference_t<decltype(*ends)>>(total);
    }
    if (total > (has_large_offsets_ ? kSinkBytesMax : kInt32Max)) {
      return TooMuch(total);
    }
    const size_t start = text_.size();
    text_.Resize(total + kTextSlackBytes);
    std::byte* to = text_.data() + start;
    const std::byte* const from = dictionary.values.data();
    const size_t from_bytes = dictionary.values.size();
    for (const uint32_t index : indices) {
      const auto at = static_cast<size_t>(from_offsets[index]);
      const auto size = static_cast<size_t>(from_offsets[index + 1]) - at;
      // Copies of constant size: what they write too much the next string overwrites.
      const size_t rounded = (size + kTextSlackBytes - 1) / kTextSlackBytes * kTextSlackBytes;
      if (at + rounded <= from_bytes) {
        for (size_t done = 0; done < rounded; done += kTextSlackBytes) {
          std::memcpy(to + done, from + at + done, kTextSlackBytes);
        }
      } else {
        std::memcpy(to, from + at, size);
      }
      to += size;
    }
    text_.Resize(total);
    return absl::OkStatus();
  };
  OG_RETURN_IF_ERROR(GrowOffsets(indices.size()));
  if (has_large_offsets_) {
    auto* ends = reinterpret_cast<uint64_t*>(offsets_.data() + offsets_.size()) - indices.size();
    OG_RETURN_IF_ERROR(append(ends, dictionary.offsets.as<uint64_t>()));
  } else {
    auto* ends = reinterpret_cast<uint32_t*>(offsets_.data() + offsets_.size()) - indices.size();
    OG_RETURN_IF_ERROR(append(ends, dictionary.offsets.as<uint32_t>()));
  }
  length_ += indices.size();
  return absl::OkStatus();
}

absl::Status ValueSink::AppendEmpty(uint64_t slots) {
  switch (shape_.kind) {
    case ValueShape::Kind::kNone:
      length_ += slots;
      break;
    case ValueShape::Kind::kBits: {
      FillItemValidity();
      OG_RETURN_IF_ERROR(CheckedBytes(0, length_ + slots, shape_.slot_bits).status());
      const size_t old_bytes = values_.size();
      values_.Resize(io::BytesForBits((length_ + slots) * shape_.slot_bits));
      if (values_.size() != old_bytes) {
        std::memset(values_.data() + old_bytes, 0, values_.size() - old_bytes);
      }
      length_ += slots;
      break;
    }
    case ValueShape::Kind::kBytes: {
      OG_ASSIGN_OR_RETURN(std::byte* const to, ExtendBytes(slots));
      if (slots != 0 && shape_.slot_bytes() != 0) {
        std::memset(to, 0, slots * shape_.slot_bytes());
      }
      break;
    }
    case ValueShape::Kind::kVariable: {
      const uint64_t width = has_large_offsets_ ? 8 : 4;
      OG_RETURN_IF_ERROR(GrowOffsets(slots));
      std::byte* to = offsets_.data() + offsets_.size() - slots * width;
      for (uint64_t i = 0; i < slots; ++i, to += width) {
        const uint64_t end = text_.size();
        std::memcpy(to, &end, width);
      }
      length_ += slots;
      break;
    }
    case ValueShape::Kind::kMembers:
      for (ValueSink& member : members_) {
        OG_RETURN_IF_ERROR(member.AppendEmpty(slots));
      }
      length_ += slots;
      break;
  }
  return absl::OkStatus();
}

void ValueSink::FillItemValidity() {
  for (size_t level = 0; level < items_.size(); ++level) {
    const uint64_t wanted = length_ * shape_.items_per_slot[level];
    items_[level].AppendValid(wanted - items_[level].length());
  }
}

void ValueSink::AppendItemValidity(size_t level, const std::byte* bitmap, size_t offset,
                                   uint64_t count) {
  items_[level].AppendBits(bitmap, offset, count);
}

ArrayPtr ValueSink::Finish(ValidityBits& validity) {
  OG_CHECK(validity.length() == length_);
  FillItemValidity();
  auto array = std::make_shared<Array>();
  array->type = shape_.type;
  array->length = static_cast<int64_t>(length_);
  if (shape_.type->id == TypeId::kNull) {
    validity = ValidityBits();
    array->null_count = array->length;
  } else {
    validity.Finish(*array);
  }
  switch (shape_.kind) {
    case ValueShape::Kind::kNone:
      break;
    case ValueShape::Kind::kBits:
    case ValueShape::Kind::kBytes: {
      Array* innermost = array.get();
      for (size_t level = 0; level < items_.size(); ++level) {
        auto items = std::make_shared<Array>();
        items->type = innermost->type->children[0].type;
        items->length = static_cast<int64_t>(length_ * shape_.items_per_slot[level]);
        items_[level].Finish(*items);
        innermost->children.push_back(items);
        innermost = items.get();
      }
      if (innermost->type->id == TypeId::kNull) {
        innermost->validity = io::Buffer();
        innermost->null_count = innermost->length;
      } else if (innermost->type->is_variable()) {
        const size_t width = innermost->type->has_large_offsets() ? 8 : 4;
        innermost->offsets =
            io::Buffer::Zeros((static_cast<size_t>(innermost->length) + 1) * width);
      } else {
        innermost->values =
            adopted_.empty() ? std::move(values_).Share() : std::exchange(adopted_, io::Buffer());
      }
      break;
    }
    case ValueShape::Kind::kVariable:
      if (offsets_.size() == 0) {
        offsets_.Resize(has_large_offsets_ ? 8 : 4);
        std::memset(offsets_.data(), 0, offsets_.size());
      }
      array->offsets = std::move(offsets_).Share();
      array->values = std::move(text_).Share();
      break;
    case ValueShape::Kind::kMembers:
      for (ValueSink& member : members_) {
        ValidityBits all;
        all.AppendValid(member.length());
        array->children.push_back(member.Finish(all));
      }
      break;
  }
  length_ = 0;
  return array;
}

}  // namespace og::format
