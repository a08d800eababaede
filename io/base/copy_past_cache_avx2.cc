#include <cstdint>
#include <cstring>

#include <immintrin.h>

#include "io/base/copy_past_cache.h"

namespace og::io {
namespace {

constexpr size_t kLineBytes = 64;
constexpr size_t kHalfBytes = 32;

}  // namespace

void CopyPastCacheAvx2(std::byte* to, const std::byte* from, size_t size) {
  const size_t misaligned = reinterpret_cast<uintptr_t>(to) % kLineBytes;
  const size_t head = misaligned == 0 ? 0 : kLineBytes - misaligned;
  if (size < head + kLineBytes) {
    std::memcpy(to, from, size);
    return;
  }
  std::memcpy(to, from, head);
  size_t done = head;
  for (; size - done >= kLineBytes; done += kLineBytes) {
    const auto* const source = reinterpret_cast<const __m256i*>(from + done);
    const __m256i first = _mm256_loadu_si256(source);
    const __m256i second = _mm256_loadu_si256(source + 1);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + done), first);
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + done + kHalfBytes), second);
  }
  // Orders them before whatever tells others that they are there.
  _mm_sfence();
  std::memcpy(to + done, from + done, size - done);
}

}  // namespace og::io
