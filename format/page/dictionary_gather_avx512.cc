// Values of 4 bytes by their numbers, for AVX-512 F.
#include <cstring>

#include <immintrin.h>

#include "format/page/dictionary_gather.h"

namespace og::format {
namespace {

constexpr size_t kLanes = 16;
constexpr size_t kWidth = sizeof(uint32_t);

bool GatherAvx512(const std::byte* from, uint32_t num_entries, std::span<const uint32_t> indices,
                  std::byte* to) {
  const __m512i end = _mm512_set1_epi32(static_cast<int>(num_entries));
  size_t i = 0;
  for (; i + kLanes <= indices.size(); i += kLanes) {
    const __m512i index = _mm512_loadu_si512(indices.data() + i);
    if (_mm512_cmpge_epu32_mask(index, end) != 0) {
      return false;
    }
    _mm512_storeu_si512(to + i * kWidth, _mm512_i32gather_epi32(index, from, 4));
  }
  for (; i < indices.size(); ++i) {
    if (indices[i] >= num_entries) {
      return false;
    }
    std::memcpy(to + i * kWidth, from + indices[i] * kWidth, kWidth);
  }
  return true;
}

}  // namespace

const GatherVariant kGatherAvx512 = {"avx512", GatherAvx512};

}  // namespace og::format
