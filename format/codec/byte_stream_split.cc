#include "format/codec/byte_stream_split.h"

#include "io/base/check.h"

namespace og::format {
namespace {

template <size_t kBytes>
void Join(const std::byte* encoded, size_t n, std::byte* values) {
  for (size_t i = 0; i < n; ++i) {
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
