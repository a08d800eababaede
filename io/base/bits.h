// Bitmaps in Arrow's order (bit i of byte i / 8, least significant bit first) and small bit sums.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace og::io {

// Bytes that hold `bits` bits.
constexpr size_t BytesForBits(size_t bits) {
  return bits / 8 + (bits % 8 != 0 ? 1 : 0);
}

// `value` rounded up to a multiple of `multiple`. REQUIRES: multiple > 0, no overflow.
constexpr uint64_t RoundUp(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Bits needed for `value`: 0 for 0, 1 for 1, 2 for 2 and 3.
constexpr unsigned BitLength(uint64_t value) {
  return static_cast<unsigned>(std::bit_width(value));
}

inline bool GetBit(const std::byte* bitmap, size_t i) {
  return ((static_cast<unsigned>(bitmap[i / 8]) >> (i % 8)) & 1u) != 0;
}

inline void SetBit(std::byte* bitmap, size_t i) {
  bitmap[i / 8] |= static_cast<std::byte>(1u << (i % 8));
}

inline void ClearBit(std::byte* bitmap, size_t i) {
  bitmap[i / 8] &= static_cast<std::byte>(~(1u << (i % 8)));
}

inline void WriteBit(std::byte* bitmap, size_t i, bool value) {
  value ? SetBit(bitmap, i) : ClearBit(bitmap, i);
}

// Number of set bits among bits [offset, offset + length).
size_t CountSetBits(const std::byte* bitmap, size_t offset, size_t length);

// Copies bits [from_offset, from_offset + length) of `from` to `to` at `to_offset`; other bits of
// `to` keep their value. The two do not overlap.
void CopyBits(const std::byte* from, size_t from_offset, std::byte* to, size_t to_offset,
              size_t length);

// Sets bits [offset, offset + length) to `value`.
void FillBits(std::byte* bitmap, size_t offset, size_t length, bool value);

}  // namespace og::io
