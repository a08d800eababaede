// Bit-packing against the layout that the format prescribes, computed bit by bit from the formula,
// every instruction-set variant against that, and both encodings there and back.

#include "format/codec/bitpack.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace og::format {
namespace {

constexpr size_t kOrder[8] = {0, 4, 2, 6, 1, 5, 3, 7};

template <typename T>
std::vector<T> RandomValues(size_t count, unsigned width, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<T> values(count);
  for (T& value : values) {
    value = width == 0 ? T{0} : static_cast<T>(random() >> (64 - width));
  }
  return values;
}

// The group as the format defines it: row r of lane l at stream bits [r * W, (r + 1) * W).
template <typename T>
std::vector<std::byte> PackByDefinition(const std::vector<T>& values, unsigned width) {
  constexpr size_t kBits = sizeof(T) * 8;
  constexpr size_t kLanes = 1024 / kBits;
  std::vector<std::byte> packed(BitpackGroupBytes(width));
  for (size_t r = 0; r < kBits; ++r) {
    for (size_t l = 0; l < kLanes; ++l) {
      const T value = values[kOrder[r / 8] * 16 + r % 8 * 128 + l];
      for (unsigned b = 0; b < width; ++b) {
        const size_t bit = r * width + b;
        const size_t at = (bit / kBits * kLanes + l) * kBits + bit % kBits;
        if ((value >> b & 1) != 0) {
          io::SetBit(packed.data(), at);
        }
      }
    }
  }
  return packed;
}

template <typename T>
class BitpackTest : public testing::Test {};
using Widths = testing::Types<uint8_t, uint16_t, uint32_t, uint64_t>;
TYPED_TEST_SUITE(BitpackTest, Widths);

TYPED_TEST(BitpackTest, EveryVariantFollowsTheDefinitionAtEveryWidth) {
  using T = TypeParam;
  const size_t log2_bytes = static_cast<size_t>(std::bit_width(sizeof(T)) - 1);
  ASSERT_FALSE(BitpackVariants().empty());
  for (unsigned width = 0; width <= sizeof(T) * 8; ++width) {
    const std::vector<T> values = RandomValues<T>(1024, width, width + 1);
    const std::vector<std::byte> want = PackByDefinition(values, width);
    for (size_t i = 0; i < 1024; ++i) {
      ASSERT_EQ(UnpackValue<T>(want.data(), width, i), values[i]) << width << " at " << i;
    }
    for (const BitpackVariant& variant : BitpackVariants()) {
      // One byte off any alignment, and a guard byte behind.
      std::vector<std::byte> packed(want.size() + 2, std::byte{0x5a});
      variant.pack[log2_bytes](reinterpret_cast<const std::byte*>(values.data()), width,
                               packed.data() + 1);
      ASSERT_TRUE(std::equal(want.begin(), want.end(), packed.begin() + 1))
          << variant.name << " width " << width;
      ASSERT_EQ(packed.back(), std::byte{0x5a});
      std::vector<T> unpacked(1025, T{77});
      variant.unpack[log2_bytes](packed.data() + 1, width,
                                 reinterpret_cast<std::byte*>(unpacked.data()));
      ASSERT_TRUE(std::equal(values.begin(), values.end(), unpacked.begin()))
          << variant.name << " width " << width;
      ASSERT_EQ(unpacked.back(), T{77});
    }
  }
}

TYPED_TEST(BitpackTest, InlineComesBack) {
  using T = TypeParam;
  for (const size_t count : {size_t{0}, size_t{1}, size_t{5}, size_t{1023}, size_t{1024}}) {
    for (unsigned width = 0; width <= sizeof(T) * 8; ++width) {
      const std::vector<T> values = RandomValues<T>(count, width, count * 100 + width);
      io::MutableBuffer encoded;
      AppendInlineBitpacked<T>(values, width, encoded);
      ASSERT_EQ(encoded.size(), sizeof(T) + BitpackGroupBytes(width));
      std::vector<T> decoded(count, T{9});
      ASSERT_TRUE(DecodeInlineBitpacked<T>(encoded.span(), decoded).ok());
      EXPECT_EQ(decoded, values);
    }
  }
}

TYPED_TEST(BitpackTest, OutOfLineComesBackWithEitherTail) {
  using T = TypeParam;
  for (const size_t count : {0, 1, 31, 32, 33, 64, 65, 1023, 1024, 1025, 1100, 2048, 3000}) {
    for (unsigned width = 0; width <= sizeof(T) * 8; ++width) {
      const std::vector<T> values = RandomValues<T>(count, width, count * 100 + width);
      io::MutableBuffer encoded;
      AppendOutOfLineBitpacked<T>(values, width, encoded);
      ASSERT_EQ(encoded.size(), OutOfLineBitpackedBytes<T>(count, width));
      const size_t groups = count / 1024;
      const size_t tail = count % 1024;
      const size_t group_words = 1024 * width / (sizeof(T) * 8);
      ASSERT_EQ(encoded.size() / sizeof(T),
                groups * group_words + (tail > group_words ? group_words : tail));
      std::vector<T> decoded(count, T{9});
      ASSERT_TRUE(DecodeOutOfLineBitpacked<T>(encoded.span(), width, decoded).ok());
      EXPECT_EQ(decoded, values);
    }
  }
}

TYPED_TEST(BitpackTest, WrongSizesAndWidthsAreRefused) {
  using T = TypeParam;
  const std::vector<T> values = RandomValues<T>(1024, 3, 1);
  io::MutableBuffer encoded;
  AppendInlineBitpacked<T>(values, 3, encoded);
  std::vector<T> decoded(1024);
  for (size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_EQ(DecodeInlineBitpacked<T>(encoded.span().first(size), decoded).code(),
              absl::StatusCode::kDataLoss);
    EXPECT_EQ(DecodeOutOfLineBitpacked<T>(encoded.span().first(size), 4, decoded).code(),
              absl::StatusCode::kDataLoss);
  }
  std::vector<T> too_many(1025);
  EXPECT_FALSE(DecodeInlineBitpacked<T>(encoded.span(), too_many).ok());
  encoded.data()[0] = std::byte{sizeof(T) * 8 + 1};
  EXPECT_FALSE(DecodeInlineBitpacked<T>(encoded.span(), decoded).ok());
  EXPECT_FALSE(DecodeOutOfLineBitpacked<T>(encoded.span(), sizeof(T) * 8 + 1, decoded).ok());
}

TYPED_TEST(BitpackTest, EveryVariantSurveysAlike) {
  using T = TypeParam;
  const size_t log2_bytes = static_cast<size_t>(std::bit_width(sizeof(T)) - 1);
  for (const size_t count : {0, 1, 2, 15, 63, 64, 65, 127, 1000, 1023, 1024}) {
    for (const unsigned width : {0u, 1u, 3u, static_cast<unsigned>(sizeof(T) * 8)}) {
      const std::vector<T> values = RandomValues<T>(count + 1, width, count * 7 + width);
      WordSurvey want;
      for (size_t i = 1; i <= count; ++i) {
        want.bits |= values[i];
        want.changes += values[i] != values[i - 1] ? 1 : 0;
      }
      for (const BitpackVariant& variant : BitpackVariants()) {
        const WordSurvey got = variant.survey[log2_bytes](
            reinterpret_cast<const std::byte*>(values.data() + 1), count);
        EXPECT_EQ(got.bits, want.bits) << variant.name << ", " << count;
        EXPECT_EQ(got.changes, want.changes) << variant.name << ", " << count;
      }
    }
  }
}

TYPED_TEST(BitpackTest, SurveyOfPartsIsThatOfTheWhole) {
  using T = TypeParam;
  EXPECT_EQ(Survey<T>({}, 0, 0).changes, 0u);
  const std::vector<T> values = RandomValues<T>(5000, 2, 3);
  const WordSurvey whole = Survey<T>(values, 0, values.size());
  size_t changes = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    changes += values[i] != values[i - 1] ? 1 : 0;
  }
  EXPECT_EQ(whole.changes, changes);
  EXPECT_EQ(whole.bits, 3u);
  size_t in_parts = 0;
  for (size_t at = 0; at < values.size(); at += 1000) {
    in_parts += Survey<T>(values, at, 1000).changes;
  }
  EXPECT_EQ(in_parts, changes);
}

TYPED_TEST(BitpackTest, WidthIsThatOfTheLargestValue) {
  using T = TypeParam;
  for (unsigned width = 0; width <= sizeof(T) * 8; ++width) {
    std::vector<T> values(100, T{0});
    values[63] = width == 0 ? T{0} : static_cast<T>(T{1} << (width - 1));
    EXPECT_EQ(BitpackWidth<T>(values), width);
  }
}

}  // namespace
}  // namespace og::format
