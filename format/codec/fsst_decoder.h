// Decoding FSST ("fast static symbol table") strings: each code byte below n stands for a symbol of
// 1 to 8 bytes, 255 says that the next byte stands for itself.
//
// The symbol table, always 2312 bytes:
//
//   offset  bytes  content
//        0      8  bits 63..32 0x46535354, bit 24 switch, bits 7..0 n (symbols, <= 255)
//        8    8 n  symbols, first character in the lowest byte
//  8 + 8 n      n  lengths, 1 to 8
//  8 + 9 n         zeros
//
// Switch 0: the strings are stored as they are. Bits 23..8 serve encoders only.
//
// Source: fsst 10.0.0: src/fsst.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

namespace og::format {

inline constexpr size_t kFsstTableBytes = 2312;
inline constexpr size_t kFsstSymbolBytesMax = 8;

// Bytes that Decode() may touch behind its output.
inline constexpr size_t kFsstSlackBytes = 8;

// Immutable; any thread may use it.
class FsstDecoder {
 public:
  // kDataLoss for another size, another magic, or a symbol length outside 1 to 8.
  static absl::StatusOr<FsstDecoder> Parse(std::span<const std::byte> table);

  // Decodes one string to `out` and returns its end; null if the codes are damaged (a code without
  // a symbol, or an escape at the end). REQUIRES: `out` has room for kFsstSymbolBytesMax bytes per
  // code and kFsstSlackBytes more.
  std::byte* Decode(std::span<const std::byte> codes, std::byte* out) const;

 private:
  bool is_plain_ = false;
  uint64_t symbols_[256] = {};
  uint8_t lengths_[256] = {};  // 0: no such code
};

}  // namespace og::format
