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

#include "format/codec/fsst_variants.h"

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

  // Decodes strings that stand one behind the other, faster than one by one: string i is the codes
  // from offset i to offset i + 1, little-endian numbers of type Offset (uint32_t or uint64_t) that
  // count from codes[0]. Writes to ends[i] where it ends, counted so that `out` is `base`. Returns
  // the end of the last string; null if codes are damaged, also by a string that ends in an escape,
  // or an offset goes back or leaves `codes`. REQUIRES: at least one offset; `ends` has room for
  // one entry a string, `out` as for Decode() of all codes.
  template <typename Offset, typename End>
  std::byte* DecodeStrings(std::span<const std::byte> codes, std::span<const std::byte> offsets,
                           uint64_t base, std::byte* out, End* ends) const;

 private:
  bool is_plain_ = false;
  FsstTable table_;
};

}  // namespace og::format
