// Run-length coding there and back for data by shape, its layout by hand, and damaged buffers.

#include "format/codec/rle.h"

#include <algorithm>
#include <bit>
#include <random>
#include <vector>

#include "gtest/gtest.h"

#include "format/codec/rle_variants.h"
#include "io/base/endian.h"

namespace og::format {
namespace {

template <typename T>
std::vector<std::vector<T>> Shapes() {
  std::vector<std::vector<T>> shapes = {{},
                                        {7},
                                        {1, 1},
                                        {1, 2},
                                        std::vector<T>(255, T{3}),
                                        std::vector<T>(256, T{3}),
                                        std::vector<T>(1000, T{3})};
  std::mt19937_64 random(5);
  std::vector<T> runs;
  std::vector<T> unique;
  for (size_t i = 0; i < 200; ++i) {
    runs.insert(runs.end(), 1 + random() % 40, static_cast<T>(random() % 4));
    unique.push_back(static_cast<T>(random()));
  }
  runs.insert(runs.end(), 600, T{9});
  shapes.push_back(runs);
  shapes.push_back(unique);
  return shapes;
}

template <typename T>
class RleTest : public testing::Test {};
using Widths = testing::Types<uint8_t, uint16_t, uint32_t, uint64_t>;
TYPED_TEST_SUITE(RleTest, Widths);

TYPED_TEST(RleTest, ComesBack) {
  using T = TypeParam;
  for (const std::vector<T>& values : Shapes<T>()) {
    io::MutableBuffer run_values;
    io::MutableBuffer run_lengths;
    AppendRuns<T>(values, run_values, run_lengths);
    EXPECT_EQ(run_lengths.size(), CountRuns<T>(values));
    EXPECT_EQ(run_values.size(), run_lengths.size() * sizeof(T));
    std::vector<T> decoded(values.size());
    ASSERT_TRUE(ExpandRuns<T>(run_values.span(), run_lengths.span(), 8, decoded).ok());
    EXPECT_EQ(decoded, values);

    io::MutableBuffer block;
    AppendRleBlock<T>(values, block);
    const auto parts = SplitRleBlock(block.span());
    ASSERT_TRUE(parts.ok());
    std::fill(decoded.begin(), decoded.end(), T{0});
    ASSERT_TRUE(ExpandRuns<T>(parts->values, parts->lengths, 8, decoded).ok());
    EXPECT_EQ(decoded, values);

    // Any one value more or less than was encoded is an error.
    std::vector<T> longer(values.size() + 1);
    EXPECT_FALSE(ExpandRuns<T>(run_values.span(), run_lengths.span(), 8, longer).ok());
    if (!values.empty()) {
      std::vector<T> shorter(values.size() - 1);
      EXPECT_FALSE(ExpandRuns<T>(run_values.span(), run_lengths.span(), 8, shorter).ok());
    }
  }
}

// Every variant, over runs short and long: what it says it has done is as it should be, nothing is
// written outside, and it leaves less than a few groups to its caller.
TYPED_TEST(RleTest, VariantsAgree) {
  using T = TypeParam;
  constexpr size_t kLog2Bytes = std::countr_zero(sizeof(T));
  constexpr size_t kGuard = 64;
  std::mt19937_64 random(6);
  for (const size_t longest : {1, 2, 3, 8, 17, 40, 100, 255}) {
    for (const size_t num_runs : {0, 1, 7, 8, 9, 64, 1000}) {
      std::vector<T> run_values;
      std::vector<uint8_t> run_lengths;
      std::vector<T> values;
      for (size_t run = 0; run < num_runs; ++run) {
        const size_t length = random() % 16 == 0 ? 255 : random() % (longest + 1);
        run_values.push_back(static_cast<T>(random()));
        run_lengths.push_back(static_cast<uint8_t>(length));
        values.insert(values.end(), length, run_values.back());
      }
      for (const RleVariant& variant : RleVariants()) {
        SCOPED_TRACE(variant.name);
        const T garbage = static_cast<T>(0xa5);
        std::vector<T> decoded(values.size() + 2 * kGuard, garbage);
        const RunsExpanded done = variant.expand[kLog2Bytes](
            std::as_bytes(std::span(run_values)).data(), run_lengths.data(), num_runs,
            decoded.data() + kGuard, values.size());
        ASSERT_LE(done.runs, num_runs);
        size_t want = 0;
        for (size_t run = 0; run < done.runs; ++run) {
          want += run_lengths[run];
        }
        ASSERT_EQ(done.values, want);
        EXPECT_TRUE(std::equal(values.begin(), values.begin() + static_cast<ptrdiff_t>(want),
                               decoded.begin() + kGuard));
        EXPECT_LT(values.size() - want, 8 * 255 + 256u);
        for (size_t i = 0; i < kGuard; ++i) {
          EXPECT_EQ(decoded[i], garbage);
          EXPECT_EQ(decoded[decoded.size() - 1 - i], garbage);
        }
      }
    }
  }
}

TYPED_TEST(RleTest, PrefixOfRunsHoldsThatManyValues) {
  using T = TypeParam;
  for (const std::vector<T>& values : Shapes<T>()) {
    const size_t runs = CountRuns<T>(values);
    EXPECT_EQ(ValuesInRuns<T>(values, runs), values.size());
    for (size_t max = 0; max < runs; ++max) {
      const size_t count = ValuesInRuns<T>(values, max);
      ASSERT_LT(count, values.size());
      EXPECT_EQ(CountRuns<T>(std::span(values).first(count)), max);
      EXPECT_GT(CountRuns<T>(std::span(values).first(count + 1)), max);
    }
  }
}

TEST(RleTest, LayoutOfABlock) {
  const std::vector<uint16_t> values = {5, 5, 5, 9};
  io::MutableBuffer block;
  AppendRleBlock<uint16_t>(values, block);
  const std::vector<uint8_t> want = {4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 9, 0, 3, 1};
  ASSERT_EQ(block.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(block.data()[i], std::byte{want[i]}) << i;
  }
  for (size_t size = 0; size < 12; ++size) {
    EXPECT_FALSE(SplitRleBlock(block.span().first(size)).ok()) << size;
  }
}

TEST(RleTest, WideLengths) {
  const std::vector<uint8_t> run_values = {1, 2};
  std::vector<std::byte> lengths(8);
  io::StoreLe(lengths.data(), uint32_t{70000});
  io::StoreLe(lengths.data() + 4, uint32_t{3});
  std::vector<uint8_t> decoded(70003);
  ASSERT_TRUE(ExpandRuns<uint8_t>(std::as_bytes(std::span(run_values)), lengths, 32, decoded).ok());
  EXPECT_EQ(decoded[69999], 1);
  EXPECT_EQ(decoded[70000], 2);
  // Lengths whose sum passes 2^32 do not wrap.
  io::StoreLe(lengths.data(), uint32_t{0xffffffff});
  io::StoreLe(lengths.data() + 4, uint32_t{70004});
  EXPECT_FALSE(
      ExpandRuns<uint8_t>(std::as_bytes(std::span(run_values)), lengths, 32, decoded).ok());
  EXPECT_FALSE(
      ExpandRuns<uint8_t>(std::as_bytes(std::span(run_values)), lengths, 64, decoded).ok());
}

}  // namespace
}  // namespace og::format
