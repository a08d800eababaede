// FSST for AVX2: the 256 lengths as 8 registers of 16 bytes, two lengths in each byte.
#include <immintrin.h>

#include "format/codec/fsst_kernel.h"

namespace og::format {
namespace {

constexpr size_t kTables = 8;
constexpr size_t kVectorWords = 4;

void MeasureAvx2(const FsstTable& table, const std::byte* codes, size_t num_words,
                 FsstBlock& block) {
  // Table k has the lengths of codes 32 k + i below those of codes 32 k + 16 + i.
  __m256i tables[kTables];
  for (size_t k = 0; k < kTables; ++k) {
    const auto* const at = reinterpret_cast<const __m128i*>(table.lengths + 32 * k);
    tables[k] = _mm256_broadcastsi128_si256(
        _mm_or_si128(_mm_loadu_si128(at), _mm_slli_epi16(_mm_loadu_si128(at + 1), 4)));
  }
  const __m256i low_four = _mm256_set1_epi8(0x0f);
  const __m256i low_three = _mm256_set1_epi8(0x07);
  const __m256i zero = _mm256_setzero_si256();
  size_t word = 0;
  for (; word + kVectorWords <= num_words; word += kVectorWords) {
    const __m256i code =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + word * kFsstWordCodes));
    const __m256i place = _mm256_and_si256(code, low_four);
    const __m256i number = _mm256_and_si256(_mm256_srli_epi16(code, 5), low_three);
    __m256i pairs = zero;
    for (size_t k = 0; k < kTables; ++k) {
      const __m256i is_here = _mm256_cmpeq_epi8(number, _mm256_set1_epi8(static_cast<char>(k)));
      pairs =
          _mm256_or_si256(pairs, _mm256_and_si256(is_here, _mm256_shuffle_epi8(tables[k], place)));
    }
    // Bit 4 of the code says which of the two; it comes to the highest bit of its byte.
    const __m256i second = _mm256_slli_epi16(code, 3);
    const __m256i length =
        _mm256_and_si256(_mm256_blendv_epi8(pairs, _mm256_srli_epi16(pairs, 4), second), low_four);
    __m256i sums = _mm256_add_epi8(length, _mm256_slli_epi64(length, 8));
    sums = _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 16));
    sums = _mm256_add_epi8(sums, _mm256_slli_epi64(sums, 32));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(block.starts + word * kFsstWordCodes),
                        _mm256_slli_epi64(sums, 8));
    const __m256i is_plain = _mm256_cmpeq_epi64(_mm256_cmpeq_epi8(length, zero), zero);
    const __m256i flags = _mm256_andnot_si256(is_plain, _mm256_set1_epi64x(kFsstIsSpecial));
    alignas(32) uint64_t sizes[kVectorWords];
    _mm256_store_si256(reinterpret_cast<__m256i*>(sizes),
                       _mm256_or_si256(_mm256_srli_epi64(sums, 56), flags));
    for (size_t i = 0; i < kVectorWords; ++i) {
      block.word_sizes[word + i] = static_cast<uint8_t>(sizes[i]);
    }
  }
  MeasureWords(table, codes, word, num_words, block);
}

std::byte* DecodeAvx2(const FsstTable& table, std::span<const std::byte> codes, bool& is_escaped,
                      std::byte* out, FsstBlock& block) {
  MeasureAvx2(table, codes.data(), codes.size() / kFsstWordCodes, block);
  return DecodeByCode(table, codes, is_escaped, out, block);
}

}  // namespace

const FsstVariant kFsstAvx2 = {"avx2", DecodeAvx2};

}  // namespace og::format
