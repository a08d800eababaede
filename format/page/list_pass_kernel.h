// The scalar pass, for whole sequences and for the tails of the vector variants. Internal to
// list_pass; everything is internal to the including file, because the same function compiled with
// other flags is another function.
#pragma once

#include "format/page/list_pass.h"

namespace og::format {

#if defined(__x86_64__)
// Run only where the processor has AVX2, BMI1, BMI2 and POPCNT, or AVX-512 F, BW, VL, VBMI2 and
// VPOPCNTDQ.
extern const ListPassVariant kListPassAvx2;
extern const ListPassVariant kListPassAvx512;
#endif

namespace {

// What a pass carries from level to level.
struct ListPassState {
  ListPassResult result;
  bool may_go_on = false;  // the level before is an item of a list
};

// Levels [from, in.count). Every entry is written and then kept or not: levels follow no pattern
// that a branch predictor could learn.
template <typename Start>
[[maybe_unused]] void PassLevels(const ListNumbers& numbers, const LevelSequence& in, size_t from,
                                 const ListPassOutput& out, ListPassState& state) {
  auto* const starts = static_cast<Start*>(out.starts);
  size_t kept = state.result.kept;
  size_t lists = state.result.lists;
  uint64_t children = state.result.children;
  bool is_ok = !state.result.is_bad;
  bool may_go_on = state.may_go_on;
  for (size_t i = from; i < in.count; ++i) {
    const uint16_t r = in.rep[i];
    const uint16_t d = in.def[i];
    const bool is_start = r != 0;
    const bool has_item = d <= numbers.base;
    is_ok &= is_start | (may_go_on & has_item);
    may_go_on = has_item;
    starts[lists] = static_cast<Start>(children);
    out.nulls[lists] = (!has_item & (d != numbers.empty)) ? 1 : 0;
    lists += (is_start & (d <= numbers.top)) ? 1 : 0;
    children += has_item ? 1 : 0;
    out.rep[kept] = static_cast<uint16_t>(r - 1);
    out.def[kept] = d;
    kept += is_start ? 1 : 0;
  }
  state.result = {.kept = kept, .lists = lists, .children = children, .is_bad = !is_ok};
  state.may_go_on = may_go_on;
}

}  // namespace
}  // namespace og::format
