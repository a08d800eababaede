#include "format/codec/byte_stream_split.h"

#include <cstdint>
#include <cstring>

#include "io/base/check.h"

namespace og::format {
namespace {

// 16 bytes: what every x86-64 and every 64-bit ARM processor has instructions for.
typedef uint8_t Vector __attribute__((vector_size(16)));

// Bytes of `a` and `b` in turn, of their first or second halves.
Vector InterleaveFirst(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Vector InterleaveSecond(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}

// Makes 16 values of kBytes streams. One round interleaves stream k with stream k + kBytes / 2; as
// many rounds as kBytes has bits put the bytes of each value side by side.
template <size_t kBytes>
void JoinSixteen(const std::byte* encoded, size_t n, std::byte* values) {
  Vector streams[kBytes];
  for (size_t j = 0; j < kBytes; ++j) {
    std::memcpy(&streams[j], encoded + j * n, sizeof(Vector));
  }
  for (size_t round = 1; round < kBytes; round *= 2) {
    Vector next[kBytes];
    for (size_t j = 0; j < kBytes / 2; ++j) {
      next[2 * j] = InterleaveFirst(streams[j], streams[j + kBytes / 2]);
      next[2 * j + 1] = InterleaveSecond(streams[j], streams[j + kBytes / 2]);
    }
    std::memcpy(streams, next, sizeof(streams));
  }
  std::memcpy(values, streams, sizeof(streams));
}

template <size_t kBytes>
void Join(const std::byte* encoded, size_t n, std::byte* values) {
  size_t i = 0;
  for (; i + sizeof(Vector) <= n; i += sizeof(Vector)) {
    JoinSixteen<kBytes>(encoded + i, n, values + i * kBytes);
  }
  for (; i < n; ++i) {
    for (size_t j = 0; j < kBytes; ++j) {
      values[i * kBytes + j] = encoded[j * n + i];
    }
  }
}

template <size_t kBytes>
void SplitStreams(const std::byte* values, size_t n, std::byte* encoded) {
  for (size_t j = 0; j < kBytes; ++j) {
    for (size_t i = 0; i < n; ++i) {
      encoded[j * n + i] = values[i * kBytes + j];
    }
  }
}

void CheckShape(size_t from_bytes, size_t to_bytes, size_t value_bytes) {
  OG_CHECK(value_bytes == 4 || value_bytes == 8);
  OG_CHECK(from_bytes == to_bytes && from_bytes % value_bytes == 0);
}

}  // namespace

void JoinByteStreams(std::span<const std::byte> encoded, size_t value_bytes,
                     std::span<std::byte> values) {
  CheckShape(encoded.size(), values.size(), value_bytes);
  const size_t n = values.size() / value_bytes;
  value_bytes == 4 ? Join<4>(encoded.data(), n, values.data())
                   : Join<8>(encoded.data(), n, values.data());
}

void SplitByteStreams(std::span<const std::byte> values, size_t value_bytes,
                      std::span<std::byte> encoded) {
  CheckShape(values.size(), encoded.size(), value_bytes);
  const size_t n = values.size() / value_bytes;
  value_bytes == 4 ? SplitStreams<4>(values.data(), n, encoded.data())
                   : SplitStreams<8>(values.data(), n, encoded.data());
}

}  // namespace og::format
