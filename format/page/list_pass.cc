#include "format/page/list_pass.h"

#include <vector>

#include "format/page/list_pass_kernel.h"

namespace og::format {
namespace {

ListPassResult PassPortable(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                            bool has_large_starts, const ListPassOutput& out) {
  ListPassState state;
  state.result.children = children;
  if (has_large_starts) {
    PassLevels<uint64_t>(numbers, in, 0, out, state);
  } else {
    PassLevels<uint32_t>(numbers, in, 0, out, state);
  }
  return state.result;
}

std::vector<ListPassVariant> FindVariants() {
  std::vector<ListPassVariant> variants = {{"portable", PassPortable}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) {
    variants.push_back(kListPassAvx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2") &&
      __builtin_cpu_supports("avx512vpopcntdq")) {
    variants.push_back(kListPassAvx512);
  }
#endif
  return variants;
}

const std::vector<ListPassVariant>& Variants() {
  static const auto* const kVariants = new std::vector<ListPassVariant>(FindVariants());
  return *kVariants;
}

}  // namespace

std::span<const ListPassVariant> ListPassVariants() {
  return Variants();
}

ListPassResult PassLists(const ListNumbers& numbers, const LevelSequence& in, uint64_t children,
                         bool has_large_starts, const ListPassOutput& out) {
  static const auto kPass = Variants().back().pass;
  return kPass(numbers, in, children, has_large_starts, out);
}

}  // namespace og::format
