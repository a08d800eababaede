// Decoding of many FSST codes at once, the inner part of fsst_decoder, with variants for AVX-512
// that are chosen once at start; a test holds all of them to the definition. (Looking up lengths
// with AVX2 takes longer than the portable loop.) Pure; any thread may call anything.
//
// Codes are looked at in words of 8, first as if none of them stood behind an escape. The variants
// look up and sum up the lengths of many words before they decode the first: then no code waits for
// the one before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace og::format {

inline constexpr size_t kFsstWordCodes = 8;
inline constexpr size_t kFsstBlockWords = 256;
inline constexpr size_t kFsstBlockCodes = kFsstBlockWords * kFsstWordCodes;
inline constexpr std::byte kFsstEscape{255};

struct FsstTable {
  uint64_t symbols[256] = {};  // first character in the lowest byte
  uint8_t lengths[256] = {};   // at most 8; 0: no symbol, as the escape
};

// Where the bytes of the codes of a block start.
struct FsstBlock {
  uint8_t starts[kFsstBlockCodes + kFsstWordCodes];  // of each code, from those of its word on
  uint16_t word_starts[kFsstBlockWords + 1];         // of each word, from those of the block on
  // Of each word: how many bytes its codes give, and whether a code has no symbol.
  uint8_t word_sizes[kFsstBlockWords];
  uint64_t word_bytes[kFsstBlockWords];  // which of the 64 bytes of its 8 symbols count

  // Of code `i`, or where the bytes of all codes end.
  uint64_t StartOf(uint64_t i) const {
    return uint64_t{word_starts[i / kFsstWordCodes]} + starts[i];
  }
};

struct FsstVariant {
  const char* name;  // "portable", "avx512" or "avx512 gather"
  // Decodes `codes`, at most kFsstBlockCodes, to `out`, which has room for 8 bytes a code and 8
  // more, and fills `block` but for what only some variants need. Returns the end, or null if a
  // code has no symbol. `is_escaped`: whether the first code stands for itself, and then whether
  // the code behind the last one does.
  std::byte* (*decode)(const FsstTable& table, std::span<const std::byte> codes, bool& is_escaped,
                       std::byte* out, FsstBlock& block);
};

#if defined(__x86_64__)
// Run only where the processor has AVX-512 F, BW and VBMI; VBMI2 as well.
extern const FsstVariant kFsstAvx512;
extern const FsstVariant kFsstAvx512Gather;
#endif

// Those that this machine can run, slowest first; the last one is in use.
std::span<const FsstVariant> FsstVariants();

}  // namespace og::format
