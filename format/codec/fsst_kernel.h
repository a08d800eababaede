// The parts of which the variants of fsst_variants.h are made. Internal to them; everything is
// internal to the including file, because the same function compiled with other flags is another
// function.
#pragma once

#include <cstring>

#include "format/codec/fsst_variants.h"
#include "io/base/endian.h"

namespace og::format {
namespace {

// Set in the size of a word of which a code has no symbol.
constexpr uint8_t kFsstIsSpecial = 0x80;

// Lines of the output are asked for so far ahead; waiting for them would hold up all other stores.
constexpr size_t kFsstPrefetchBytes = 512;

// Notes where the codes of a word start, whose lengths are the bytes of `lengths`; returns its
// size, with the mark if a length is 0.
[[maybe_unused]] uint64_t NoteLengths(uint64_t lengths, size_t word, FsstBlock& block) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  // Byte k of the product is the sum of the bytes up to k.
  const uint64_t sums = lengths * kOnes;
  io::StoreLe(reinterpret_cast<std::byte*>(block.starts) + word * kFsstWordCodes, sums << 8);
  const bool is_special = (~(lengths + kOnes * 0x7f) & kOnes * 0x80) != 0;
  return sums >> 56 | (is_special ? kFsstIsSpecial : uint64_t{0});
}

// Fills starts and sizes of words [begin, end).
[[maybe_unused]] void MeasureWords(const FsstTable& table, const std::byte* codes, size_t begin,
                                   size_t end, FsstBlock& block) {
  for (size_t word = begin; word < end; ++word) {
    uint64_t lengths = 0;
    for (size_t i = 0; i < kFsstWordCodes; ++i) {
      const auto c = std::to_integer<size_t>(codes[word * kFsstWordCodes + i]);
      lengths |= uint64_t{table.lengths[c]} << (8 * i);
    }
    block.word_sizes[word] = static_cast<uint8_t>(NoteLengths(lengths, word, block));
  }
}

// Decodes at most 8 codes of which some may be escapes. Without branches: where escapes stand
// follows no pattern that a predictor could learn.
[[maybe_unused]] std::byte* DecodeSpecial(const FsstTable& table, std::span<const std::byte> codes,
                                          bool& is_escaped, std::byte* out, uint8_t* starts) {
  uint64_t size = 0;
  bool is_bad = false;
  bool is_literal = is_escaped;
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto c = std::to_integer<size_t>(codes[i]);
    const uint64_t mask = uint64_t{0} - static_cast<uint64_t>(is_literal);
    const uint64_t text = table.symbols[c] ^ ((table.symbols[c] ^ c) & mask);
    const uint64_t length = table.lengths[c] ^ ((table.lengths[c] ^ uint64_t{1}) & mask);
    const bool is_escape = (codes[i] == kFsstEscape) & !is_literal;
    is_bad |= (length == 0) & !is_escape;
    is_literal = is_escape;
    starts[i] = static_cast<uint8_t>(size);
    std::memcpy(out + size, &text, sizeof text);
    size += length;
  }
  is_escaped = is_literal;
  return is_bad ? nullptr : out + size;
}

// Decodes a block. `append(word, at, out)` writes the bytes of the 8 codes at `at` unless one of
// them has no symbol, and returns what MeasureWords() makes the size of the word.
template <typename Append>
[[maybe_unused]] std::byte* DecodeWords(const FsstTable& table, std::span<const std::byte> codes,
                                        bool& is_escaped, std::byte* out, FsstBlock& block,
                                        Append append) {
  const size_t num_words = codes.size() / kFsstWordCodes;
  const std::byte* const begin = out;
  bool is_literal = is_escaped;
  for (size_t word = 0; word < num_words; ++word) {
    const std::byte* const at = codes.data() + word * kFsstWordCodes;
    block.word_starts[word] = static_cast<uint16_t>(out - begin);
    if (!is_literal) {
      __builtin_prefetch(out + kFsstPrefetchBytes, 1);
      const uint64_t size = append(word, at, out);
      if ((size & kFsstIsSpecial) == 0) {
        out += size;
        continue;
      }
    }
    out = DecodeSpecial(table, {at, kFsstWordCodes}, is_literal, out,
                        block.starts + word * kFsstWordCodes);
    if (out == nullptr) {
      return nullptr;
    }
  }
  block.word_starts[num_words] = static_cast<uint16_t>(out - begin);
  std::byte* const end = DecodeSpecial(table, codes.subspan(num_words * kFsstWordCodes), is_literal,
                                       out, block.starts + num_words * kFsstWordCodes);
  if (end == nullptr) {
    return nullptr;
  }
  block.starts[codes.size()] = static_cast<uint8_t>(end - out);
  is_escaped = is_literal;
  return end;
}

// Decodes what is measured, with one copy a code.
[[maybe_unused]] std::byte* DecodeByCode(const FsstTable& table, std::span<const std::byte> codes,
                                         bool& is_escaped, std::byte* out, FsstBlock& block) {
  const auto append = [&](size_t word, const std::byte* at, std::byte* to) -> uint64_t {
    const uint8_t size = block.word_sizes[word];
    if ((size & kFsstIsSpecial) != 0) {
      return size;
    }
    auto starts = io::LoadLe<uint64_t>(reinterpret_cast<const std::byte*>(block.starts) +
                                       word * kFsstWordCodes);
    for (size_t i = 0; i < kFsstWordCodes; i += 2, starts >>= 16) {
      const uint64_t& first = table.symbols[std::to_integer<size_t>(at[i])];
      const uint64_t& second = table.symbols[std::to_integer<size_t>(at[i + 1])];
      std::memcpy(to + (starts & 0xff), &first, sizeof first);
      std::memcpy(to + (starts >> 8 & 0xff), &second, sizeof second);
    }
    return size;
  };
  return DecodeWords(table, codes, is_escaped, out, block, append);
}

}  // namespace
}  // namespace og::format
