// Blocks: sizes at the borders of the size classes, reuse, and the bound on what is kept.

#include "io/base/block_pool.h"

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "io/base/buffer.h"

namespace og::io {
namespace {

TEST(BlockPoolTest, EverySizeIsCoveredAlignedAndWritable) {
  std::vector<Block> blocks;
  for (size_t power = 64; power <= size_t{64} << 20; power *= 4) {
    for (const size_t size : {power - 1, power, power + 1, power / 4 * 5, power / 4 * 7 + 1}) {
      const Block block = TakeBlock(size);
      ASSERT_GE(block.capacity, size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block.data) % kBufferAlignment, 0u);
      block.data[0] = std::byte{1};
      block.data[block.capacity - 1] = std::byte{2};
      blocks.push_back(block);
    }
  }
  for (const Block& block : blocks) {
    GiveBlock(block.data, block.capacity);
  }
  EXPECT_LE(KeptBlockBytes(), kKeptBlockBytesMax);
}

TEST(BlockPoolTest, BlocksInUseNeverOverlap) {
  std::vector<Block> blocks;
  for (uint8_t round = 0; round < 50; ++round) {
    const Block block = TakeBlock(size_t{100'000} + round * size_t{7'000});
    std::memset(block.data, round, block.capacity);
    blocks.push_back(block);
    if (round % 3 == 2) {
      GiveBlock(blocks.front().data, blocks.front().capacity);
      blocks.erase(blocks.begin());
    }
    for (const Block& other : blocks) {
      ASSERT_EQ(other.data[0], other.data[other.capacity - 1]);
    }
  }
  for (const Block& block : blocks) {
    GiveBlock(block.data, block.capacity);
  }
}

TEST(BlockPoolTest, BuffersKeepTheirBytesWhileOthersComeAndGo) {
  std::vector<Buffer> kept;
  for (int round = 0; round < 200; ++round) {
    MutableBuffer bytes;
    for (size_t size = 1'000; size < 400'000; size *= 3) {
      const size_t before = bytes.size();
      bytes.Resize(size);
      std::memset(bytes.data() + before, round, size - before);
    }
    Buffer shared = std::move(bytes).Share();
    if (round % 20 == 0) {
      kept.push_back(std::move(shared));
    }
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    for (const std::byte byte : kept[i].span()) {
      ASSERT_EQ(byte, static_cast<std::byte>(i * 20));
    }
  }
}

}  // namespace
}  // namespace og::io
