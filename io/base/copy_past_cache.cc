#include "io/base/copy_past_cache.h"

#include <cstring>

#include "io/base/check.h"

namespace og::io {
namespace {

bool HasAvx2() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace

void CopyPastCache(std::span<std::byte> to, std::span<const std::byte> from) {
  static const bool kHasAvx2 = HasAvx2();
  OG_CHECK(to.size() == from.size());
  if (from.empty()) return;
#if defined(__x86_64__)
  if (kHasAvx2) return CopyPastCacheAvx2(to.data(), from.data(), from.size());
#endif
  std::memcpy(to.data(), from.data(), from.size());
}

}  // namespace og::io
