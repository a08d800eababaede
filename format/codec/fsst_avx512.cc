// FSST for AVX-512 (F, BW, VBMI): the 256 lengths in four registers; and (VBMI2) the symbols of a
// word gathered and closed up in one.
#include <immintrin.h>

#include "format/codec/fsst_kernel.h"

namespace og::format {
namespace {

constexpr size_t kVectorWords = 8;

// Bytes of 256, by a code each.
class ByteTable {
 public:
  explicit ByteTable(const uint8_t* bytes)
      : first_(_mm512_loadu_si512(bytes)),
        second_(_mm512_loadu_si512(bytes + 64)),
        third_(_mm512_loadu_si512(bytes + 128)),
        fourth_(_mm512_loadu_si512(bytes + 192)) {}

  __m512i Of(__m512i codes) const {
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes),
                                  _mm512_permutex2var_epi8(first_, codes, second_),
                                  _mm512_permutex2var_epi8(third_, codes, fourth_));
  }

 private:
  __m512i first_;
  __m512i second_;
  __m512i third_;
  __m512i fourth_;
};

// Returns the number of words that were measured; less than one vector is left.
template <bool kWithBytes>
size_t MeasureAvx512(const FsstTable& table, const std::byte* codes, size_t num_words,
                     FsstBlock& block) {
  const ByteTable lengths(table.lengths);
  // By a length: as many low bits.
  const __m128i low_bits = _mm_setr_epi8(0, 1, 3, 7, 15, 31, 63, 127, -1, 0, 0, 0, 0, 0, 0, 0);
  const __m512i bits = _mm512_broadcast_i32x4(low_bits);
  size_t word = 0;
  for (; word + kVectorWords <= num_words; word += kVectorWords) {
    const __m512i length = lengths.Of(_mm512_loadu_si512(codes + word * kFsstWordCodes));
    __m512i sums = _mm512_add_epi8(length, _mm512_slli_epi64(length, 8));
    sums = _mm512_add_epi8(sums, _mm512_slli_epi64(sums, 16));
    sums = _mm512_add_epi8(sums, _mm512_slli_epi64(sums, 32));
    _mm512_storeu_si512(block.starts + word * kFsstWordCodes, _mm512_slli_epi64(sums, 8));
    const __m512i is_zero = _mm512_movm_epi8(_mm512_testn_epi8_mask(length, length));
    const __m512i flags =
        _mm512_maskz_set1_epi64(_mm512_test_epi64_mask(is_zero, is_zero), kFsstIsSpecial);
    _mm512_mask_cvtepi64_storeu_epi8(block.word_sizes + word, 0xff,
                                     _mm512_or_si512(_mm512_srli_epi64(sums, 56), flags));
    if constexpr (kWithBytes) {
      _mm512_storeu_si512(block.word_bytes + word, _mm512_shuffle_epi8(bits, length));
    }
  }
  return word;
}

std::byte* DecodeAvx512(const FsstTable& table, std::span<const std::byte> codes, bool& is_escaped,
                        std::byte* out, FsstBlock& block) {
  const size_t num_words = codes.size() / kFsstWordCodes;
  const size_t measured = MeasureAvx512<false>(table, codes.data(), num_words, block);
  MeasureWords(table, codes.data(), measured, num_words, block);
  return DecodeByCode(table, codes, is_escaped, out, block);
}

std::byte* DecodeAvx512Gather(const FsstTable& table, std::span<const std::byte> codes,
                              bool& is_escaped, std::byte* out, FsstBlock& block) {
  const size_t num_words = codes.size() / kFsstWordCodes;
  const size_t measured = MeasureAvx512<true>(table, codes.data(), num_words, block);
  MeasureWords(table, codes.data(), measured, num_words, block);
  for (size_t word = measured; word < num_words; ++word) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < kFsstWordCodes; ++i) {
      const auto c = std::to_integer<size_t>(codes[word * kFsstWordCodes + i]);
      bytes |= ((uint64_t{1} << table.lengths[c]) - 1) << (8 * i);
    }
    block.word_bytes[word] = bytes;
  }
  const auto append = [&](size_t word, const std::byte* at, std::byte* to) -> uint64_t {
    const uint8_t size = block.word_sizes[word];
    if ((size & kFsstIsSpecial) != 0) {
      return size;
    }
    const __m512i code =
        _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)));
    const __m512i text = _mm512_i64gather_epi64(code, table.symbols, 8);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(block.word_bytes[word], text));
    return size;
  };
  return DecodeWords(table, codes, is_escaped, out, block, append);
}

}  // namespace

const FsstVariant kFsstAvx512 = {"avx512", DecodeAvx512};
const FsstVariant kFsstAvx512Gather = {"avx512 gather", DecodeAvx512Gather};

}  // namespace og::format
