// The instruction-set variants of the inner loop of run-length decoding. Internal to rle and its
// test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace og::format {

struct RunsExpanded {
  size_t runs = 0;
  size_t values = 0;
};

struct RleVariant {
  const char* name;  // "portable", "avx2" or "avx512"
  // For values of 8, 16, 32 and 64 bits. Expands runs with lengths of 8 bits, from the first one,
  // as long as nothing that it may write leaves the `num_values` values at `to`; the rest is left
  // to the caller. What it writes behind the values of the runs done is garbage.
  RunsExpanded (*expand[4])(const std::byte* run_values, const uint8_t* run_lengths,
                            size_t num_runs, void* to, size_t num_values);
};

// Those that this machine can run, slowest first; the last one is in use.
std::span<const RleVariant> RleVariants();

#if defined(__x86_64__)
// Run only where the processor has AVX2, or AVX-512 F, BW and VL.
extern const RleVariant kRleAvx2;
extern const RleVariant kRleAvx512;
#endif

}  // namespace og::format
