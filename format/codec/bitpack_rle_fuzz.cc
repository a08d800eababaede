// The decoders of bit-packing and run lengths over arbitrary bytes: they refuse or fill exactly
// what they were given, and what they fill encodes and decodes again.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/codec/bitpack.h"
#include "format/codec/rle.h"
#include "io/base/check.h"

namespace og::format {
namespace {

template <typename T>
void Check(std::span<const std::byte> bytes, unsigned width, size_t count) {
  std::vector<T> values(count);
  if (DecodeInlineBitpacked<T>(bytes, values).ok()) {
    io::MutableBuffer again;
    AppendInlineBitpacked<T>(values, BitpackWidth<T>(values), again);
    std::vector<T> decoded(count);
    OG_CHECK(DecodeInlineBitpacked<T>(again.span(), decoded).ok() && decoded == values);
  }
  if (DecodeOutOfLineBitpacked<T>(bytes, width, values).ok()) {
    io::MutableBuffer again;
    const unsigned own_width = BitpackWidth<T>(values);
    AppendOutOfLineBitpacked<T>(values, own_width, again);
    std::vector<T> decoded(count);
    OG_CHECK(DecodeOutOfLineBitpacked<T>(again.span(), own_width, decoded).ok() &&
             decoded == values);
  }
  const auto block = SplitRleBlock(bytes);
  for (const unsigned length_bits : {8u, 16u, 32u}) {
    if (block.ok() && ExpandRuns<T>(block->values, block->lengths, length_bits, values).ok()) {
      io::MutableBuffer again;
      AppendRleBlock<T>(values, again);
      std::vector<T> decoded(count);
      const auto parts = SplitRleBlock(again.span());
      OG_CHECK(parts.ok() && ExpandRuns<T>(parts->values, parts->lengths, 8, decoded).ok() &&
               decoded == values);
    }
  }
}

}  // namespace
}  // namespace og::format

// Byte 0: the type; byte 1: the width; bytes 2 and 3: the number of values; then the encoded bytes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) {
    return 0;
  }
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(4);
  const unsigned width = data[1] % 70;
  const size_t count = (data[2] | static_cast<size_t>(data[3]) << 8) % 4097;
  switch (data[0] % 4) {
    case 0:
      og::format::Check<uint8_t>(bytes, width, count);
      break;
    case 1:
      og::format::Check<uint16_t>(bytes, width, count);
      break;
    case 2:
      og::format::Check<uint32_t>(bytes, width, count);
      break;
    default:
      og::format::Check<uint64_t>(bytes, width, count);
  }
  return 0;
}
