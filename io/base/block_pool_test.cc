// Blocks: sizes at the borders of the size classes, reuse, and the bound on what is kept.

#include "io/base/block_pool.h"

#include <cstdint>
#include <cstring>
#include <thread>
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
  EXPECT_LE(KeptBlockBytes(), kKeptLatelyUsedBytesMax);
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

// A window of reads that are waited for in order gives its blocks back in bursts.
TEST(BlockPoolTest, ABurstOfBlocksIsFoundAgain) {
  constexpr size_t kBytes = size_t{4} << 20;
  std::vector<Block> window;
  for (int i = 0; i < 24; ++i)
    window.push_back(TakeBlock(kBytes));
  for (const Block& block : window)
    GiveBlock(block.data, block.capacity);
  const bool is_pooling = KeptBlockBytes() > 0;
  if (!is_pooling) return;  // under the sanitizers
  EXPECT_GE(KeptBlockBytes(), 24 * kBytes / 8 * 7 - kBytes);
  EXPECT_LE(KeptBlockBytes(), kKeptLatelyUsedBytesMax);
  // Small ones that come and go let them be forgotten.
  for (int i = 0; i < 1000; ++i) {
    const Block block = TakeBlock(size_t{1} << 20);
    GiveBlock(block.data, block.capacity);
  }
  EXPECT_LE(KeptBlockBytes(), kKeptBlockBytesMax);
}

TEST(BlockPoolTest, LargeBlocksStartAtPages) {
  for (const size_t size : {size_t{64} << 10, size_t{70'000}, size_t{1} << 20, size_t{40} << 20}) {
    const Block block = TakeBlock(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block.data) % 4096, 0u) << size;
    GiveBlock(block.data, block.capacity);
  }
}

TEST(BlockPoolTest, AThreadKeepsSmallBlocksForItselfUpToABound) {
  std::thread([] {
    const Block first = TakeBlock(4096);
    GiveBlock(first.data, first.capacity);
    const bool is_pooling = KeptSmallBlockBytes() > 0;
    if (!is_pooling) return;  // under the sanitizers
    EXPECT_EQ(KeptSmallBlockBytes(), 4096u);
    std::thread([] { EXPECT_EQ(KeptSmallBlockBytes(), 0u); }).join();
    const Block again = TakeBlock(4090);
    EXPECT_EQ(again.data, first.data);
    EXPECT_EQ(KeptSmallBlockBytes(), 0u);

    std::vector<Block> blocks = {again};
    for (int i = 0; i < 1000; ++i) {
      blocks.push_back(TakeBlock(5000));
      std::memset(blocks.back().data, i % 256, blocks.back().capacity);
    }
    for (const Block& block : blocks) {
      GiveBlock(block.data, block.capacity);
    }
    EXPECT_LE(KeptSmallBlockBytes(), kKeptSmallBlockBytesMax);
    EXPECT_GT(KeptSmallBlockBytes(), kKeptSmallBlockBytesMax - 8192);
  }).join();
}

// A buffer of a thread's own that is freed after what the thread has kept.
TEST(BlockPoolTest, BlocksMayComeBackWhileTheirThreadEnds) {
  std::thread([] {
    static thread_local Buffer last;
    last = Buffer::CopyOf("kept to the end");
    GiveBlock(TakeBlock(100).data, 128);
  }).join();
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
