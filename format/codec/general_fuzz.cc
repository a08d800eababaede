// Any payload is refused or gives the bytes that it states; what comes out is compressed and comes
// back. Byte 0: zstd or LZ4.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "format/codec/general.h"
#include "io/base/buffer.h"
#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using og::format::Compression;
  if (size == 0) {
    return 0;
  }
  const auto compression = data[0] % 2 == 0 ? Compression::kZstd : Compression::kLz4;
  og::io::MutableBuffer out;
  if (!Decompress(compression, std::as_bytes(std::span(data, size)).subspan(1), out).ok()) {
    return 0;
  }
  og::io::MutableBuffer again;
  OG_CHECK(AppendCompressed(compression, 0, out.span(), again).ok());
  og::io::MutableBuffer back;
  OG_CHECK(Decompress(compression, again.span(), back).ok());
  OG_CHECK(std::ranges::equal(back.span(), out.span()));
  return 0;
}
