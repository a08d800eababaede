// Copies bytes that nobody reads soon, past the caches of the processor: the target is not read
// before it is written, and what others use stays in the cache. A copy of megabytes into memory
// that is not in the cache takes half as long as by memcpy; small ones, and those that are read at
// once, are better done by memcpy.
//
// A variant for AVX2 (copy_past_cache_avx2.cc), chosen once at start; elsewhere memcpy.
#pragma once

#include <cstddef>
#include <span>

namespace og::io {

// REQUIRES: `to` has as many bytes as `from`, and they do not overlap. The bytes may be handed to
// another thread afterwards like any others.
void CopyPastCache(std::span<std::byte> to, std::span<const std::byte> from);

#if defined(__x86_64__)
// The variant. Only where the processor has AVX2.
void CopyPastCacheAvx2(std::byte* to, const std::byte* from, size_t size);
#endif

}  // namespace og::io
