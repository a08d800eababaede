// The inner loop of run-length decoding over vectors of kVectorBytes bytes. Included by one file
// per instruction set, which sets OG_RLE_VECTOR_BYTES; everything is internal to the including
// file, because the same template compiled with other flags is another function.
//
// A run is written as a block of constant size that the next run overwrites in part: run lengths
// follow no pattern that a branch predictor could learn. How large the block is follows from the
// mean length of the runs, so that few runs are longer than it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "format/codec/rle_variants.h"

namespace og::format {
namespace {

inline constexpr size_t kVectorBytes = OG_RLE_VECTOR_BYTES;
inline constexpr size_t kGroupRuns = 8;
inline constexpr size_t kLengthMax = 255;

// Whole groups of kGroupRuns runs, as long as what they may write stays in `values`.
template <typename T, size_t kBlockBytes>
RunsExpanded ExpandGroups(const std::byte* run_values, const uint8_t* run_lengths, size_t num_runs,
                          T* values, size_t num_values) {
  constexpr size_t kStoreBytes = std::min(kVectorBytes, kBlockBytes);
  typedef T Vector __attribute__((vector_size(kStoreBytes)));
  constexpr size_t kLanes = kStoreBytes / sizeof(T);
  constexpr size_t kBlock = kBlockBytes / sizeof(T);
  constexpr size_t kRoom = (kGroupRuns - 1) * kLengthMax + std::max(kBlock, kLengthMax + kLanes);
  RunsExpanded done;
  while (num_runs - done.runs >= kGroupRuns && num_values - done.values >= kRoom) {
#pragma GCC unroll 8
    for (size_t i = 0; i < kGroupRuns; ++i) {
      T value;
      std::memcpy(&value, run_values + (done.runs + i) * sizeof(T), sizeof(T));
      const size_t length = run_lengths[done.runs + i];
      const Vector block = value - Vector{};
      T* const to = values + done.values;
      for (size_t k = 0; k < kBlock; k += kLanes) {
        std::memcpy(to + k, &block, kStoreBytes);
      }
      if (length > kBlock) [[unlikely]] {
        for (size_t k = kBlock; k < length; k += kLanes) {
          std::memcpy(to + k, &block, kStoreBytes);
        }
      }
      done.values += length;
    }
    done.runs += kGroupRuns;
  }
  return done;
}

template <typename T>
RunsExpanded Expand(const std::byte* run_values, const uint8_t* run_lengths, size_t num_runs,
                    void* to, size_t num_values) {
  T* const values = static_cast<T*>(to);
  if (num_runs == 0) {
    return {};
  }
  const size_t mean_bytes = num_values / num_runs * sizeof(T);
  if (mean_bytes <= 8) {
    return ExpandGroups<T, 16>(run_values, run_lengths, num_runs, values, num_values);
  }
  if (mean_bytes <= 16) {
    return ExpandGroups<T, 32>(run_values, run_lengths, num_runs, values, num_values);
  }
  if (mean_bytes <= 32) {
    return ExpandGroups<T, 64>(run_values, run_lengths, num_runs, values, num_values);
  }
  if (mean_bytes <= 64) {
    return ExpandGroups<T, 128>(run_values, run_lengths, num_runs, values, num_values);
  }
  return ExpandGroups<T, 256>(run_values, run_lengths, num_runs, values, num_values);
}

RleVariant MakeRleVariant(const char* name) {
  return {name, {Expand<uint8_t>, Expand<uint16_t>, Expand<uint32_t>, Expand<uint64_t>}};
}

}  // namespace
}  // namespace og::format
