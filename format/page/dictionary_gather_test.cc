// Every variant against the definition, and what is refused.

#include "format/page/dictionary_gather.h"

#include <cstring>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace og::format {
namespace {

std::vector<std::byte> Entries(size_t bytes) {
  std::mt19937 random(3);
  std::vector<std::byte> entries(bytes);
  for (std::byte& byte : entries) {
    byte = static_cast<std::byte>(random());
  }
  return entries;
}

std::vector<uint32_t> Indices(size_t count, uint32_t num_entries) {
  std::mt19937 random(static_cast<uint32_t>(count));
  std::vector<uint32_t> indices(count);
  for (uint32_t& index : indices) {
    index = static_cast<uint32_t>(random() % num_entries);
  }
  return indices;
}

TEST(DictionaryGatherTest, EveryVariantFollowsTheDefinition) {
  ASSERT_FALSE(GatherVariants().empty());
  for (const uint32_t num_entries : {1u, 7u, 1000u}) {
    const std::vector<std::byte> entries = Entries(num_entries * 4);
    for (const size_t count : {0, 1, 15, 16, 17, 100, 5000}) {
      const std::vector<uint32_t> indices = Indices(count, num_entries);
      for (const GatherVariant& variant : GatherVariants()) {
        std::vector<std::byte> out(count * 4 + 1, std::byte{0x5a});
        ASSERT_TRUE(variant.gather(entries.data(), num_entries, indices, out.data()));
        for (size_t i = 0; i < count; ++i) {
          ASSERT_EQ(std::memcmp(&out[i * 4], &entries[indices[i] * 4], 4), 0)
              << variant.name << ", " << count << " at " << i;
        }
        EXPECT_EQ(out.back(), std::byte{0x5a});
      }
    }
  }
}

TEST(DictionaryGatherTest, EveryVariantRefusesWhatIsNotThere) {
  const std::vector<std::byte> entries = Entries(7 * 4);
  for (const size_t count : {1, 16, 40, 3000}) {
    for (const size_t place : {size_t{0}, count / 2, count - 1}) {
      for (const uint32_t wrong : {7u, 0x80000000u, UINT32_MAX}) {
        std::vector<uint32_t> indices = Indices(count, 7);
        indices[place] = wrong;
        std::vector<std::byte> out(count * 4);
        for (const GatherVariant& variant : GatherVariants()) {
          EXPECT_FALSE(variant.gather(entries.data(), 7, indices, out.data())) << variant.name;
        }
        EXPECT_FALSE(AreBelow(indices, 7));
        EXPECT_FALSE(GatherFixed(4, entries.data(), 7, indices, out.data()));
      }
    }
  }
}

TEST(DictionaryGatherTest, OtherWidths) {
  for (const uint64_t width : {1, 2, 3, 8, 16, 24}) {
    const std::vector<std::byte> entries = Entries(100 * width);
    const std::vector<uint32_t> indices = Indices(2500, 100);
    std::vector<std::byte> out(indices.size() * width);
    ASSERT_TRUE(GatherFixed(width, entries.data(), 100, indices, out.data()));
    for (size_t i = 0; i < indices.size(); ++i) {
      ASSERT_EQ(std::memcmp(&out[i * width], &entries[indices[i] * width], width), 0) << width;
    }
    EXPECT_FALSE(GatherFixed(width, entries.data(), 99, std::vector<uint32_t>{99}, out.data()));
  }
}

}  // namespace
}  // namespace og::format
