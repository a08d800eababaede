// 32 levels at a time: comparisons give masks, and only the levels that start a list are looked at
// one by one.

#include <immintrin.h>

#include "format/page/list_pass_kernel.h"

namespace og::format {
namespace {

constexpr size_t kLanes = 32;

// One bit for each of 32 lanes of 16 bits that are 0 or all ones.
uint32_t MaskOf(__m256i low, __m256i high) {
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(low, high), 0xd8);
  return static_cast<uint32_t>(_mm256_movemask_epi8(packed));
}

__m256i Load(const uint16_t* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

uint32_t MaskEqual(__m256i low, __m256i high, __m256i value) {
  return MaskOf(_mm256_cmpeq_epi16(low, value), _mm256_cmpeq_epi16(high, value));
}

// Lanes that are at most `max`.
uint32_t MaskAtMost(__m256i low, __m256i high, __m256i max) {
  return MaskOf(_mm256_cmpeq_epi16(_mm256_min_epu16(low, max), low),
                _mm256_cmpeq_epi16(_mm256_min_epu16(high, max), high));
}

template <typename Start>
ListPassResult Pass(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                    const ListPassOutput& out) {
  ListPassState state;
  ListPassResult& result = state.result;
  result.children = children;
  auto* const starts = static_cast<Start*>(out.starts);
  const __m256i base = _mm256_set1_epi16(static_cast<short>(numbers.base));
  const __m256i top = _mm256_set1_epi16(static_cast<short>(numbers.top));
  const __m256i empty = _mm256_set1_epi16(static_cast<short>(numbers.empty));
  uint32_t may_go_on = 0;  // bit 0: the level before is an item
  size_t i = 0;
  for (; i + kLanes <= in.count; i += kLanes) {
    const __m256i rep_low = Load(in.rep + i);
    const __m256i rep_high = Load(in.rep + i + 16);
    const __m256i def_low = Load(in.def + i);
    const __m256i def_high = Load(in.def + i + 16);
    const uint32_t is_start = ~MaskEqual(rep_low, rep_high, _mm256_setzero_si256());
    const uint32_t has_item = MaskAtMost(def_low, def_high, base);
    const uint32_t is_visible = MaskAtMost(def_low, def_high, top);
    const uint32_t is_null = ~has_item & ~MaskEqual(def_low, def_high, empty);
    result.is_bad |= (~is_start & ~(has_item & (has_item << 1 | may_go_on))) != 0;
    may_go_on = has_item >> 31;
    for (uint32_t left = is_start; left != 0; left &= left - 1) {
      const auto at = static_cast<uint32_t>(__builtin_ctz(left));
      starts[result.lists] = static_cast<Start>(
          result.children + static_cast<uint64_t>(__builtin_popcount(_bzhi_u32(has_item, at))));
      out.nulls[result.lists] = static_cast<uint16_t>(is_null >> at & 1);
      result.lists += is_visible >> at & 1;
      out.rep[result.kept] = static_cast<uint16_t>(in.rep[i + at] - 1);
      out.def[result.kept] = in.def[i + at];
      ++result.kept;
    }
    result.children += static_cast<uint64_t>(__builtin_popcount(has_item));
  }
  state.may_go_on = may_go_on != 0;
  PassLevels<Start>(numbers, in, i, out, state);
  return result;
}

ListPassResult PassAvx2(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                        bool has_large_starts, const ListPassOutput& out) {
  return has_large_starts ? Pass<uint64_t>(numbers, in, children, out)
                          : Pass<uint32_t>(numbers, in, children, out);
}

}  // namespace

extern const ListPassVariant kListPassAvx2 = {"avx2", PassAvx2};

}  // namespace og::format
