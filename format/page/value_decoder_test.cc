// Some values of a chunk against all of them: single ones, which are decoded without their
// neighbours, and longer ranges; and that damage is found either way.
#include "format/page/value_decoder.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/codec/bitpack.h"
#include "format/codec/fsst_encoder.h"
#include "io/base/buffer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::IsOk;
using tests::StatusIs;

constexpr uint64_t kValues = 1024;

// What `ranges` of the chunk decode to.
absl::StatusOr<ArrayPtr> Decode(const ValueCodec& codec, const TypePtr& type,
                                std::span<const std::byte> chunk,
                                std::span<const ValueRange> ranges) {
  OG_ASSIGN_OR_RETURN(ValueShape shape, ShapeOf(type));
  ValueSink sink(std::move(shape));
  DecodeScratch scratch;
  const std::span<const std::byte> buffers[] = {chunk};
  OG_RETURN_IF_ERROR(DecodeChunk(codec, kValues, buffers, ranges, scratch, sink));
  ValidityBits validity;
  validity.AppendValid(sink.length());
  return sink.Finish(validity);
}

// `count` ranges of up to `longest` values, ascending and apart.
std::vector<ValueRange> RandomRanges(std::mt19937_64& random, size_t count, uint64_t longest) {
  std::vector<ValueRange> ranges;
  const uint64_t step = kValues / count;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t begin = i * step + random() % (step - longest);
    ranges.push_back({begin, begin + 1 + random() % longest});
  }
  return ranges;
}

template <typename T>
void CheckBitpacked(const TypePtr& type, std::mt19937_64& random) {
  ValueCodec codec;
  codec.kind = ValueCodec::Kind::kInlineBitpacking;
  codec.bits = sizeof(T) * 8;
  for (unsigned width = 0; width <= codec.bits; ++width) {
    std::vector<T> values(kValues);
    for (T& value : values)
      value = static_cast<T>(width == 0 ? 0 : random() >> (64 - width));
    io::MutableBuffer chunk;
    AppendInlineBitpacked<T>(values, width, chunk);
    for (const size_t count : {1, 3, 60}) {
      const std::vector<ValueRange> ranges = RandomRanges(random, count, 3);
      const auto array = Decode(codec, type, chunk.span(), ranges);
      ASSERT_THAT(array, IsOk());
      int64_t at = 0;
      for (const ValueRange& range : ranges) {
        for (uint64_t i = range.begin; i < range.end; ++i)
          ASSERT_EQ((*array)->Value<T>(at++), values[i]) << "width " << width << " value " << i;
      }
      EXPECT_EQ((*array)->length, at);
    }
  }
  // One bit more than there are, and a byte less.
  const ValueRange one[] = {{5, 6}};
  io::MutableBuffer chunk;
  AppendInlineBitpacked<T>(std::vector<T>(kValues, 1), 1, chunk);
  EXPECT_THAT(Decode(codec, type, chunk.span().first(chunk.size() - 1), one),
              StatusIs(absl::StatusCode::kDataLoss));
  chunk.data()[0] = static_cast<std::byte>(codec.bits + 1);
  EXPECT_THAT(Decode(codec, type, chunk.span(), one), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(ValueDecoderTest, SingleBitPackedValues) {
  std::mt19937_64 random(tests::Seed());
  CheckBitpacked<uint8_t>(Uint8(), random);
  CheckBitpacked<uint16_t>(Uint16(), random);
  CheckBitpacked<uint32_t>(Uint32(), random);
  CheckBitpacked<uint64_t>(Uint64(), random);
}

// A chunk of FSST codes of texts like "name-17".
struct FsstChunk {
  explicit FsstChunk(std::mt19937_64& random) {
    std::string text;
    std::vector<uint64_t> ends = {0};
    for (uint64_t i = 0; i < kValues; ++i) {
      texts.push_back(i % 9 == 0 ? std::string() : io::StrCat("name-", random() % 100'000));
      text += texts.back();
      ends.push_back(text.size());
    }
    const auto encoder = FsstEncoder::Train(std::as_bytes(std::span(text)), ends);
    const FsstEncoder::Codes codes = encoder->EncodeAll(std::as_bytes(std::span(text)), ends);
    for (const uint64_t end : codes.offsets)
      offsets.push_back(static_cast<uint32_t>(end + (kValues + 1) * sizeof(uint32_t)));
    const std::string table = encoder->Table();
    codec.kind = ValueCodec::Kind::kFsst;
    codec.offset_bits = 32;
    codec.fsst =
        std::make_shared<const FsstDecoder>(*FsstDecoder::Parse(std::as_bytes(std::span(table))));
    code_bytes = codes.bytes;
  }

  std::vector<std::byte> Bytes() const {
    const auto head = std::as_bytes(std::span(offsets));
    std::vector<std::byte> bytes(head.begin(), head.end());
    bytes.insert(bytes.end(), code_bytes.span().begin(), code_bytes.span().end());
    return bytes;
  }

  std::vector<std::string> texts;
  std::vector<uint32_t> offsets;
  io::Buffer code_bytes;
  ValueCodec codec;
};

TEST(ValueDecoderTest, SingleTexts) {
  std::mt19937_64 random(tests::Seed());
  const FsstChunk chunk(random);
  const std::vector<std::byte> bytes = chunk.Bytes();
  for (const uint64_t longest : {1, 3, 30}) {
    const std::vector<ValueRange> ranges = RandomRanges(random, 20, longest);
    const auto array = Decode(chunk.codec, Utf8(), bytes, ranges);
    ASSERT_THAT(array, IsOk());
    int64_t at = 0;
    for (const ValueRange& range : ranges) {
      for (uint64_t i = range.begin; i < range.end; ++i)
        ASSERT_EQ((*array)->StringValue(at++), chunk.texts[i]);
    }
    EXPECT_EQ((*array)->length, at);
  }
}

// Offsets inside and between ranges that go back or leave the codes of their range.
TEST(ValueDecoderTest, DamagedOffsetsOfTexts) {
  std::mt19937_64 random(tests::Seed());
  const FsstChunk sound(random);
  const auto last = sound.offsets.back();
  for (const uint64_t count : {1, 2, 3, 10}) {
    for (uint64_t damaged = 500; damaged <= 500 + count; ++damaged) {
      for (const uint32_t offset : {uint32_t{0}, last, last + 1, UINT32_MAX}) {
        FsstChunk chunk = sound;
        chunk.offsets[damaged] = offset;
        const ValueRange ranges[] = {{3, 4}, {500, 500 + count}, {900, 901}};
        EXPECT_THAT(Decode(chunk.codec, Utf8(), chunk.Bytes(), ranges),
                    StatusIs(absl::StatusCode::kDataLoss))
            << count << " texts, offset " << damaged << " is " << offset;
      }
    }
  }
}

}  // namespace
}  // namespace og::format
