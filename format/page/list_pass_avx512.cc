// 32 levels at a time: comparisons give masks, masks say what is kept, and how many items stand in
// front of a list is the population count of the item mask below its lane.

#include <immintrin.h>

#include "format/page/list_pass_kernel.h"

namespace og::format {
namespace {

constexpr size_t kLanes = 32;

// For lane i of 16: the bits below i, or below 16 + i.
__m512i BitsBelow(bool is_upper) {
  alignas(64) uint32_t below[16];
  for (uint32_t i = 0; i < 16; ++i) {
    below[i] = (uint32_t{1} << (i + (is_upper ? 16 : 0))) - 1;
  }
  return _mm512_load_si512(below);
}

// Writes `counts` + `children` of the lanes in `lanes`; returns how many.
template <typename Start>
size_t StoreStarts(Start* to, __m512i counts, __mmask16 lanes, uint64_t children) {
  const __m512i packed = _mm512_maskz_compress_epi32(lanes, counts);
  if constexpr (sizeof(Start) == 4) {
    _mm512_storeu_si512(to,
                        _mm512_add_epi32(packed, _mm512_set1_epi32(static_cast<int>(children))));
  } else {
    const __m512i base = _mm512_set1_epi64(static_cast<long long>(children));
    const __m512i low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(packed));
    const __m512i high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(packed, 1));
    _mm512_storeu_si512(to, _mm512_add_epi64(low, base));
    _mm512_storeu_si512(to + 8, _mm512_add_epi64(high, base));
  }
  return static_cast<size_t>(__builtin_popcount(lanes));
}

template <typename Start>
ListPassResult Pass(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                    const ListPassOutput& out) {
  ListPassState state;
  ListPassResult& result = state.result;
  result.children = children;
  auto* const starts = static_cast<Start*>(out.starts);
  const __m512i base = _mm512_set1_epi16(static_cast<short>(numbers.base));
  const __m512i top = _mm512_set1_epi16(static_cast<short>(numbers.top));
  const __m512i empty = _mm512_set1_epi16(static_cast<short>(numbers.empty));
  const __m512i one = _mm512_set1_epi16(1);
  const __m512i below_low = BitsBelow(false);
  const __m512i below_high = BitsBelow(true);
  uint32_t may_go_on = 0;  // bit 0: the level before is an item
  size_t i = 0;
  for (; i + kLanes <= in.count; i += kLanes) {
    const __m512i rep = _mm512_loadu_si512(in.rep + i);
    const __m512i def = _mm512_loadu_si512(in.def + i);
    const __mmask32 is_start = _mm512_test_epi16_mask(rep, rep);
    const __mmask32 has_item = _mm512_cmple_epu16_mask(def, base);
    const __mmask32 is_list = _mm512_mask_cmple_epu16_mask(is_start, def, top);
    const __mmask32 is_null = _mm512_mask_cmpneq_epi16_mask(~has_item, def, empty);
    result.is_bad |= (~is_start & ~(has_item & (has_item << 1 | may_go_on))) != 0;
    may_go_on = has_item >> 31;
    const __m512i items = _mm512_set1_epi32(static_cast<int>(has_item));
    size_t lists =
        StoreStarts(starts + result.lists, _mm512_popcnt_epi32(_mm512_and_si512(items, below_low)),
                    static_cast<__mmask16>(is_list), result.children);
    lists += StoreStarts(starts + result.lists + lists,
                         _mm512_popcnt_epi32(_mm512_and_si512(items, below_high)),
                         static_cast<__mmask16>(is_list >> 16), result.children);
    _mm512_storeu_si512(out.nulls + result.lists,
                        _mm512_maskz_compress_epi16(is_list, _mm512_maskz_mov_epi16(is_null, one)));
    _mm512_storeu_si512(out.rep + result.kept,
                        _mm512_maskz_compress_epi16(is_start, _mm512_sub_epi16(rep, one)));
    _mm512_storeu_si512(out.def + result.kept, _mm512_maskz_compress_epi16(is_start, def));
    result.lists += lists;
    result.kept += static_cast<size_t>(__builtin_popcount(is_start));
    result.children += static_cast<uint64_t>(__builtin_popcount(has_item));
  }
  state.may_go_on = may_go_on != 0;
  PassLevels<Start>(numbers, in, i, out, state);
  return result;
}

ListPassResult PassAvx512(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                          bool has_large_starts, const ListPassOutput& out) {
  return has_large_starts ? Pass<uint64_t>(numbers, in, children, out)
                          : Pass<uint32_t>(numbers, in, children, out);
}

}  // namespace

extern const ListPassVariant kListPassAvx512 = {"avx512", PassAvx512};

}  // namespace og::format
