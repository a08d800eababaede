// Training and encoding of FSST ("fast static symbol table"): frequent strings of 1 to 8 bytes
// become codes of one byte, every other byte an escape (255) and itself. The format of the table is
// in fsst_decoder.h.
//
// Training is deterministic: the same strings give the same table.
//
// Source: Boncz, Neumann, Leis: FSST: Fast Random Access String Compression, VLDB 2020; fsst
// 10.0.0: src/fsst.rs for the table's bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/base/buffer.h"

namespace og::format {

// Bytes that Encode() may write for `bytes` bytes of text, slack included.
constexpr size_t FsstEncodedBytesMax(size_t bytes) {
  return 2 * bytes + 8;
}

// Immutable after training; any thread may encode with it.
class FsstEncoder {
 public:
  // A table for strings like `values[offsets[i], offsets[i + 1])`, trained on a sample of them.
  // REQUIRES: offsets ascend and end inside `bytes`.
  static std::unique_ptr<FsstEncoder> Train(std::span<const std::byte> bytes,
                                            std::span<const uint64_t> offsets);

  // Encodes one string to `out` and returns the end of its codes.
  // REQUIRES: room for FsstEncodedBytesMax(text.size()) bytes.
  std::byte* Encode(std::span<const std::byte> text, std::byte* out) const;

  // Encodes the strings `bytes[offsets[i], offsets[i + 1])` one after the other; faster than one by
  // one. REQUIRES: as Train().
  struct Codes {
    std::vector<uint64_t> offsets;  // as many as given, from 0
    io::Buffer bytes;
  };
  Codes EncodeAll(std::span<const std::byte> bytes, std::span<const uint64_t> offsets) const;

  // The table as page metadata carries it.
  std::string Table() const;

 private:
  friend class FsstTrainer;

  static constexpr size_t kHashSlots = 4096;
  static constexpr unsigned kEscape = 255;  // no symbol

  struct Symbol {
    uint64_t text = 0;  // first character in the lowest byte
    uint8_t length = 0;
  };
  // What the next two bytes become if no longer symbol matches: a code of 1 or 2 bytes of text;
  // length 0 means escape.
  struct ShortCode {
    uint8_t code = 0;
    uint8_t length = 0;
  };

  FsstEncoder();
  void Clear();
  // Adds a symbol unless its hash slot is taken. REQUIRES: fewer than 255 symbols.
  bool Add(const Symbol& symbol);
  // The symbol at the start of `word` that is not longer than `left`: its code, or kEscape, and how
  // many bytes it covers.
  struct Match {
    unsigned code = kEscape;
    size_t length = 1;
  };
  Match Find(uint64_t word, size_t left) const;
  // Encode(), with everything before `readable_end` open for reading.
  std::byte* EncodeWithin(const std::byte* text, size_t size, const std::byte* readable_end,
                          std::byte* out) const;
  static size_t SlotOf(uint64_t text);

  std::array<Symbol, 256> symbols_;
  size_t num_symbols_ = 0;
  // Codes of symbols of at least 3 bytes by a hash of the first 3, one for each hash.
  std::array<uint8_t, kHashSlots> long_codes_;
  std::array<ShortCode, 65536> short_codes_;
  std::array<ShortCode, 256> byte_codes_;
};

}  // namespace og::format
