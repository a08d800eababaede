#include "format/page/dictionary_gather.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace og::format {
namespace {

// Indices that are checked and then used while they are in the first cache.
constexpr size_t kBlock = 2048;

template <size_t kWidth>
void GatherValues(const std::byte* from, std::span<const uint32_t> indices, std::byte* to) {
  constexpr size_t kUnrolled = 8;
  size_t i = 0;
  for (; i + kUnrolled <= indices.size(); i += kUnrolled) {
    for (size_t k = 0; k < kUnrolled; ++k) {
      std::memcpy(to + (i + k) * kWidth, from + uint64_t{indices[i + k]} * kWidth, kWidth);
    }
  }
  for (; i < indices.size(); ++i) {
    std::memcpy(to + i * kWidth, from + uint64_t{indices[i]} * kWidth, kWidth);
  }
}

void GatherAnyWidth(uint64_t width, const std::byte* from, std::span<const uint32_t> indices,
                    std::byte* to) {
  switch (width) {
    case 4:
      return GatherValues<4>(from, indices, to);
    case 8:
      return GatherValues<8>(from, indices, to);
    case 16:
      return GatherValues<16>(from, indices, to);
    default:
      for (const uint32_t index : indices) {
        std::memcpy(to, from + index * width, width);
        to += width;
      }
  }
}

bool GatherInBlocks(uint64_t width, const std::byte* from, uint64_t num_entries,
                    std::span<const uint32_t> indices, std::byte* to) {
  while (!indices.empty()) {
    const auto some = indices.first(std::min(indices.size(), kBlock));
    if (!AreBelow(some, num_entries)) {
      return false;
    }
    GatherAnyWidth(width, from, some, to);
    to += some.size() * width;
    indices = indices.subspan(some.size());
  }
  return true;
}

bool GatherPortable(const std::byte* from, uint32_t num_entries, std::span<const uint32_t> indices,
                    std::byte* to) {
  return GatherInBlocks(sizeof(uint32_t), from, num_entries, indices, to);
}

std::vector<GatherVariant> FindVariants() {
  std::vector<GatherVariant> variants = {{"portable", GatherPortable}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Elsewhere a gather takes longer than the loads that it stands for.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_is("intel")) {
    variants.push_back(kGatherAvx512);
  }
#endif
  return variants;
}

const std::vector<GatherVariant>& Variants() {
  static const auto* const kVariants = new std::vector<GatherVariant>(FindVariants());
  return *kVariants;
}

}  // namespace

// 16 at a time: a maximum would be a chain of comparisons.
bool AreBelow(std::span<const uint32_t> indices, uint64_t num_entries) {
  if (num_entries > UINT32_MAX) {
    return true;
  }
  const auto end = static_cast<uint32_t>(num_entries);
  constexpr size_t kLanes = 4;
  constexpr size_t kVectors = 4;
  typedef uint32_t Vector __attribute__((vector_size(kLanes * sizeof(uint32_t))));
  typedef int32_t Mask __attribute__((vector_size(kLanes * sizeof(int32_t))));
  Mask is_beyond[kVectors] = {};
  size_t i = 0;
  for (; i + kLanes * kVectors <= indices.size(); i += kLanes * kVectors) {
    for (size_t k = 0; k < kVectors; ++k) {
      Vector some;
      std::memcpy(&some, indices.data() + i + k * kLanes, sizeof(some));
      is_beyond[k] |= some >= end;
    }
  }
  const Mask all = (is_beyond[0] | is_beyond[1]) | (is_beyond[2] | is_beyond[3]);
  bool is_bad = (all[0] | all[1] | all[2] | all[3]) != 0;
  for (; i < indices.size(); ++i) {
    is_bad |= indices[i] >= end;
  }
  return !is_bad;
}

bool GatherFixed(uint64_t width, const std::byte* from, uint64_t num_entries,
                 std::span<const uint32_t> indices, std::byte* to) {
  static const auto kGather = Variants().back().gather;
  if (width == sizeof(uint32_t) && num_entries <= INT32_MAX) {
    return kGather(from, static_cast<uint32_t>(num_entries), indices, to);
  }
  return GatherInBlocks(width, from, num_entries, indices, to);
}

std::span<const GatherVariant> GatherVariants() {
  return Variants();
}

}  // namespace og::format
