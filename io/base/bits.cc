#include "io/base/bits.h"

#include <cstring>

namespace og::io {

size_t CountSetBits(const std::byte* bitmap, size_t offset, size_t length) {
  size_t count = 0;
  size_t i = offset;
  const size_t end = offset + length;
  while (i < end && i % 8 != 0) {
    count += GetBit(bitmap, i++) ? 1 : 0;
  }
  while (end - i >= 64) {
    uint64_t word;
    std::memcpy(&word, bitmap + i / 8, sizeof(word));
    count += static_cast<size_t>(std::popcount(word));
    i += 64;
  }
  while (end - i >= 8) {
    count += static_cast<size_t>(std::popcount(static_cast<uint8_t>(bitmap[i / 8])));
    i += 8;
  }
  while (i < end) {
    count += GetBit(bitmap, i++) ? 1 : 0;
  }
  return count;
}

void CopyBits(const std::byte* from, size_t from_offset, std::byte* to, size_t to_offset,
              size_t length) {
  size_t i = 0;
  if (from_offset % 8 == to_offset % 8) {
    while (i < length && (to_offset + i) % 8 != 0) {
      WriteBit(to, to_offset + i, GetBit(from, from_offset + i));
      ++i;
    }
    const size_t whole = (length - i) / 8;
    std::memcpy(to + (to_offset + i) / 8, from + (from_offset + i) / 8, whole);
    i += whole * 8;
  }
  for (; i < length; ++i) {
    WriteBit(to, to_offset + i, GetBit(from, from_offset + i));
  }
}

void FillBits(std::byte* bitmap, size_t offset, size_t length, bool value) {
  size_t i = offset;
  const size_t end = offset + length;
  while (i < end && i % 8 != 0) {
    WriteBit(bitmap, i++, value);
  }
  const size_t whole = (end - i) / 8;
  std::memset(bitmap + i / 8, value ? 0xff : 0, whole);
  i += whole * 8;
  while (i < end) {
    WriteBit(bitmap, i++, value);
  }
}

}  // namespace og::io
