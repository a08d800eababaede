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

  // Encodes the strings `bytes[offsets[i], offsets[i + 1])` to the same codes as one by one, but
  // several at once: each code waits for the one before it in its string. REQUIRES: as Train().
  struct Codes {
    std::vector<uint64_t> offsets;  // as many as given, from 0
    io::Buffer bytes;
  };
  Codes EncodeAll(std::span<const std::byte> bytes, std::span<const uint64_t> offsets) const;

  // The table as page metadata carries it.
  std::string Table() const;

 private:
  friend class FsstTrainer;

  struct Lane;
  // What the lanes of a block share. `out` has room for the codes of all of them, code_ends[i]
  // becomes the end of those of string i.
  struct LaneInput {
    const std::byte* bytes = nullptr;
    const uint64_t* offsets = nullptr;
    std::byte* out = nullptr;
    uint64_t* code_ends = nullptr;
  };

  static constexpr unsigned kHashBits = 12;
  static constexpr unsigned kEscape = 255;  // no symbol

  struct Symbol {
    uint64_t text = 0;  // first character in the lowest byte
    uint8_t length = 0;
  };
  // What a text goes on with, in 16 bits: the code, how many bytes of text it covers, and how many
  // it takes, which are two for an escape and its literal.
  class Match {
   public:
    constexpr Match() : Match(kEscape, 1) {}
    constexpr Match(unsigned code, unsigned length)
        : bits_(static_cast<uint16_t>(code | length << 8 | (code == kEscape ? 2u : 1u) << 12)) {}

    unsigned code() const { return bits_ & 0xffu; }
    unsigned length() const { return bits_ >> 8 & 0xfu; }
    unsigned encoded_bytes() const { return bits_ >> 12; }
    // `other` where `is_other`; without a branch.
    Match Or(Match other, bool is_other) const {
      Match out;
      const unsigned mask = 0u - static_cast<unsigned>(is_other);
      out.bits_ = static_cast<uint16_t>(bits_ ^ ((bits_ ^ other.bits_) & mask));
      return out;
    }

   private:
    uint16_t bits_;
  };

  FsstEncoder();
  void Clear();
  // Adds a symbol unless its hash slot is taken. REQUIRES: fewer than 255 symbols.
  bool Add(const Symbol& symbol);
  // The longest symbol at the start of `word`, of which `left` bytes count.
  Match Find(uint64_t word, size_t left) const;
  void Step(const LaneInput& input, Lane& lane) const;
  // Appends the codes of strings [begin, end). REQUIRES: string `end` exists, and a word of text
  // behind the last one.
  void EncodeBlock(const LaneInput& input, size_t begin, size_t end,
                   io::MutableBuffer& codes) const;
  static std::byte* Append(Match match, uint64_t word, std::byte* out);
  static size_t SlotOf(uint64_t text);

  std::array<Symbol, 256> symbols_;
  size_t num_symbols_ = 0;
  // Symbols of at least 3 bytes by a hash of the first 3, one for each hash.
  std::array<Match, size_t{1} << kHashBits> long_matches_;
  // What a text has to be, of those bytes that the mask leaves, for the symbol of a code of
  // long_matches_; nothing is it for the escape.
  std::array<uint64_t, 256> texts_;
  std::array<uint64_t, 256> masks_;
  // What the next two bytes become if no longer symbol matches; behind them, by the last byte of a
  // string.
  std::array<Match, 65536 + 256> short_matches_;
};

}  // namespace og::format
