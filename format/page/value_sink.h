// Where decoded values of a leaf column go: growing buffers in Arrow's layout, filled page after
// page and turned into one array at the end.
//
// A slot is one value of the codec. It is a number, a string, a row of a packed struct, or for a
// fixed-size list of plain items the whole (outermost) list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "io/base/buffer.h"
#include "io/base/endian.h"
#include "io/base/status_macros.h"

namespace og::format {

// What the slots of a leaf column are.
struct ValueShape {
  enum class Kind : uint8_t {
    kNone,      // null type, struct without members: no values at all
    kBits,      // bool and lists of it: slot_bits bits each, one behind the other
    kBytes,     // slot_bytes() bytes each
    kVariable,  // strings
    kMembers,   // packed struct: one sink per member
  };

  TypePtr type;  // of the array; for a dictionary the shape is that of its indices
  Kind kind = Kind::kNone;
  uint64_t slot_bits = 0;  // kBits and kBytes; at most kSlotBitsMax
  // Items of a slot at each level of fixed-size list, outermost first: [4, 8] for lists of 4 lists
  // of 2.
  std::vector<uint64_t> items_per_slot;
  std::vector<ValueShape> members;

  uint64_t slot_bytes() const { return slot_bits / 8; }
};

inline constexpr uint64_t kSlotBitsMax = uint64_t{1} << 33;  // a list of 1 GiB

// The shape of a column whose values have type `type`; a struct is a packed one. kUnimplemented for
// types that do not stand in one column.
absl::StatusOr<ValueShape> ShapeOf(const TypePtr& type);

// Bits that say which values are valid, kept only once one is not.
class ValidityBits {
 public:
  uint64_t length() const { return length_; }
  uint64_t null_count() const { return null_count_; }

  void AppendValid(uint64_t count);
  void AppendNull(uint64_t count);
  // Bits [offset, offset + count) of `bitmap`.
  void AppendBits(const std::byte* bitmap, size_t offset, uint64_t count);
  // One value per level, valid if it is at most `max_valid`.
  void AppendLevels(std::span<const uint16_t> levels, uint16_t max_valid);

  // All bits of `other`.
  void AppendFrom(const ValidityBits& other) {
    other.null_count_ == 0 ? AppendValid(other.length_)
                           : AppendBits(other.bits_.data(), 0, other.length_);
  }

  // Values 0, n, 2 n and so on.
  ValidityBits EveryNth(uint64_t n) const;

  // Moves the bits into `array`, or leaves its validity empty if nothing is null. Starts again.
  void Finish(Array& array);

 private:
  // Room for `count` more bits; those so far are written out if they were not.
  std::byte* Extend(uint64_t count);

  uint64_t length_ = 0;
  uint64_t null_count_ = 0;
  io::MutableBuffer bits_;  // empty while nothing is null
};

// Thread-compatible. Errors: kResourceExhausted when a batch would pass 32-bit offsets or
// kSinkBytesMax; reading fewer rows at once helps.
inline constexpr uint64_t kSinkBytesMax = uint64_t{1} << 33;

class ValueSink {
 public:
  explicit ValueSink(ValueShape shape);

  const ValueShape& shape() const { return shape_; }
  uint64_t length() const { return length_; }
  ValueSink& member(size_t i) { return members_[i]; }

  // Makes room for `slots` slots and `bytes` bytes of text beyond those there are. A hint.
  absl::Status Reserve(uint64_t slots, uint64_t bytes);

  // kBytes: `slots` more slots, not initialised. Items count as valid until AppendItemValidity().
  absl::StatusOr<std::byte*> ExtendBytes(uint64_t slots);

  // kBytes, nothing appended yet: takes over `bytes` as the values, without a copy.
  // REQUIRES: bytes.size() is a multiple of slot_bytes(), is_empty().
  void Adopt(io::Buffer bytes);
  bool is_empty() const { return length_ == 0; }

  // kBits: slots whose bits start at bit `offset` of `bitmap`.
  absl::Status AppendBits(const std::byte* bitmap, size_t offset, uint64_t slots);

  // kVariable: strings that stand one behind the other. offsets[i] to offsets[i + 1] is string i,
  // counted from text[0]. kDataLoss if an offset goes back or leaves `text`.
  absl::Status AppendStrings(std::span<const std::byte> offsets, size_t offset_bytes,
                             std::span<const std::byte> text);

  // kVariable: one string.
  absl::Status AppendString(std::span<const std::byte> text);

  // kVariable: `bytes_max` more bytes of text to write to; AppendWritten() then makes a string of
  // the first ones.
  absl::StatusOr<std::byte*> PrepareText(uint64_t bytes_max);
  absl::Status AppendWritten(const std::byte* end);

  // kVariable: `slots` strings of together at most `bytes_max` bytes. write(to, base, ends) writes
  // them at `to`, which is byte `base` of the text, and to ends[i] (uint32_t or uint64_t) where
  // string i ends; it returns the end of the last one, null if one cannot be decoded. It may touch
  // 16 bytes more.
  template <typename Write>
  absl::Status AppendWith(uint64_t slots, uint64_t bytes_max, Write write) {
    OG_ASSIGN_OR_RETURN(std::byte* const to, PrepareText(bytes_max));
    OG_RETURN_IF_ERROR(GrowOffsets(slots));
    const auto base = static_cast<uint64_t>(to - text_.data());
    std::byte* const ends = offsets_.data() + offsets_.size();
    const std::byte* const end = has_large_offsets_
                                     ? write(to, base, reinterpret_cast<uint64_t*>(ends) - slots)
                                     : write(to, base, reinterpret_cast<uint32_t*>(ends) - slots);
    return end == nullptr ? DamagedStrings() : FinishText(end, slots);
  }

  // kVariable: for each of `indices` that string of `dictionary`; kBytes: that value. Nulls of the
  // dictionary become empty. kDataLoss for an index beyond its end.
  absl::Status AppendFromDictionary(const Array& dictionary, std::span<const uint32_t> indices);

  // Slots that are null: zeros, empty strings, valid items.
  absl::Status AppendEmpty(uint64_t slots);

  // kMembers: `slots` rows were appended to every member. kNone: there is nothing else to do.
  void AppendRows(uint64_t slots) { length_ += slots; }

  // Fixed-size lists: the validity of the items at `level` (0 is the outermost) of the slots that
  // were appended last; `count` bits from bit `offset` of `bitmap`. Called for all slots or none of
  // a level before more slots come.
  void AppendItemValidity(size_t level, const std::byte* bitmap, size_t offset, uint64_t count);

  // The values as an array with the given validity of its slots, and an empty sink.
  // REQUIRES: validity.length() == length().
  ArrayPtr Finish(ValidityBits& validity);

  // Bytes of text or values held.
  uint64_t bytes_held() const { return values_.size() + adopted_.size() + text_.size(); }

 private:
  absl::Status GrowOffsets(uint64_t slots);
  absl::Status FinishText(const std::byte* end, uint64_t slots);
  static absl::Status DamagedStrings();
  // Items of all levels up to `length_` count as valid where nothing else was said.
  void FillItemValidity();

  ValueShape shape_;
  bool has_large_offsets_ = false;
  uint64_t length_ = 0;
  io::MutableBuffer values_;   // kBytes, kBits
  io::Buffer adopted_;         // instead of values_
  io::MutableBuffer offsets_;  // kVariable: length_ + 1 entries once something came
  io::MutableBuffer text_;
  std::vector<ValidityBits> items_;  // one a level of fixed-size list
  std::vector<ValueSink> members_;
};

}  // namespace og::format
