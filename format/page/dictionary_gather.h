// Values of a dictionary by their numbers, checked. For values of 4 bytes there is a variant for
// AVX-512 that is chosen once at start; the portable one is the definition that a test holds the
// other against. Pure; any thread may call anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace og::format {

// Whether all of `indices` are below `num_entries`.
bool AreBelow(std::span<const uint32_t> indices, uint64_t num_entries);

// Copies to `to` the values of `width` bytes whose numbers in `from`, which holds `num_entries`,
// are `indices`. False if one of them is not below `num_entries`; `to` is then anything.
bool GatherFixed(uint64_t width, const std::byte* from, uint64_t num_entries,
                 std::span<const uint32_t> indices, std::byte* to);

// GatherFixed() of at most 2^31 - 1 values of 4 bytes.
struct GatherVariant {
  const char* name;  // "portable" or "avx512"
  bool (*gather)(const std::byte* from, uint32_t num_entries, std::span<const uint32_t> indices,
                 std::byte* to);
};

#if defined(__x86_64__)
// Runs only where the processor has AVX-512 F.
extern const GatherVariant kGatherAvx512;
#endif

// Those that this machine can run, slowest first; the last one is in use.
std::span<const GatherVariant> GatherVariants();

}  // namespace og::format
