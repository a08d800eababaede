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

  // The table as page metadata carries it.
  std::string Table() const;

 private:
  friend class FsstTrainer;

  static constexpr size_t kHashSlots = 4096;
  static constexpr unsigned kEscape = 255;

  struct Symbol {
    uint64_t text = 0;  // first character in the lowest byte
    uint8_t length = 0;
  };
  // A symbol of at least 3 bytes, found by its first 3.
  struct HashSlot {
    uint64_t text = 0;
    uint64_t mask = 0;
    uint16_t code = 0;
    uint8_t length = 0;  // 0: no symbol
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
  // The symbol at the start of `word` that is not longer than `left`: its code, or kEscape.
  // `*length` is how many bytes it covers.
  unsigned Find(uint64_t word, size_t left, size_t* length) const;
  static size_t SlotOf(uint64_t text);

  std::array<Symbol, 256> symbols_;
  size_t num_symbols_ = 0;
  std::array<HashSlot, kHashSlots> long_codes_;
  std::array<ShortCode, 65536> short_codes_;
  std::array<ShortCode, 256> byte_codes_;
};

}  // namespace og::format
