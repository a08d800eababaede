// Copies past the cache: every alignment of both sides, sizes about those that are handled apart,
// and not one byte beyond.

#include "io/base/copy_past_cache.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace og::io {
namespace {

TEST(CopyPastCacheTest, CopiesAllAndNoMore) {
  std::vector<std::byte> source(2000);
  for (size_t i = 0; i < source.size(); ++i)
    source[i] = static_cast<std::byte>(i * 7 + i / 256);
  for (size_t size = 0; size < 1000; size = size < 200 ? size + 1 : size * 5 / 4) {
    for (size_t at = 0; at < 64; ++at) {
      std::vector<std::byte> target(1200, std::byte{0xee});
      const auto from = std::span(source).subspan(at * 3, size);
      CopyPastCache(std::span(target).subspan(at, size), from);
      for (size_t i = 0; i < target.size(); ++i) {
        const bool is_copied = i >= at && i < at + size;
        ASSERT_EQ(target[i], is_copied ? from[i - at] : std::byte{0xee}) << size << " at " << at;
      }
    }
  }
}

}  // namespace
}  // namespace og::io
