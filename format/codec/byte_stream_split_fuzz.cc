// Split streams join to what they were, and joined ones split. Byte 0: the width of a value.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/codec/byte_stream_split.h"
#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const size_t width = data[0] % 2 == 0 ? 4 : 8;
  auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  bytes = bytes.first(bytes.size() - bytes.size() % width);
  std::vector<std::byte> joined(bytes.size());
  og::format::JoinByteStreams(bytes, width, joined);
  std::vector<std::byte> split(bytes.size());
  og::format::SplitByteStreams(joined, width, split);
  OG_CHECK(std::ranges::equal(split, bytes));
  const size_t n = bytes.size() / width;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < width; ++j) {
      OG_CHECK(joined[i * width + j] == bytes[j * n + i]);
    }
  }
  return 0;
}
