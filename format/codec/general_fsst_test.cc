// General compression, byte-stream split and FSST decoding: round trips, hand-made bytes, and
// damage, which must end in an error and never in a read or write out of bounds.
#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/codec/byte_stream_split.h"
#include "format/codec/fsst_decoder.h"
#include "format/codec/general.h"
#include "io/base/endian.h"
#include "io/base/text.h"
#include "tests/support/bytes.h"

namespace og::format {
namespace {

std::string Text(size_t size) {
  std::string text;
  for (size_t i = 0; text.size() < size; ++i) {
    text += io::StrCat("row ", i * 7919 % 1013, ", ");
  }
  text.resize(size);
  return text;
}

TEST(GeneralTest, WhatWasCompressedComesBack) {
  for (const Compression compression : {Compression::kLz4, Compression::kZstd}) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{70'000}}) {
      const std::string text = Text(size);
      io::MutableBuffer payload;
      ASSERT_TRUE(AppendCompressed(compression, 0, io::AsBytes(text), payload).ok());
      io::MutableBuffer out;
      const absl::Status status = Decompress(compression, payload.span(), out);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(out.data()), out.size()), text);
    }
  }
}

TEST(GeneralTest, BareZstdFramesAreRead) {
  const std::string text = Text(5000);
  io::MutableBuffer payload;
  ASSERT_TRUE(AppendCompressed(Compression::kZstd, 0, io::AsBytes(text), payload).ok());
  io::MutableBuffer out;
  ASSERT_TRUE(Decompress(Compression::kZstd, payload.span().subspan(8), out).ok());
  EXPECT_EQ(out.size(), text.size());
}

// As `zstd` 1.5.4 writes what it reads from a pipe; cut anywhere, it does not end.
TEST(GeneralTest, FramesThatDoNotStateTheirSizeAreRead) {
  const std::vector<std::byte> frame = tests::FromHex("28b52ffd00586500003068656c6c6f200100429622");
  io::MutableBuffer out;
  ASSERT_TRUE(Decompress(Compression::kZstd, frame, out).ok());
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(out.data()), out.size()),
            "hello hello hello hello hello hello hello");
  for (size_t size = 1; size < frame.size(); ++size) {
    EXPECT_EQ(Decompress(Compression::kZstd, std::span(frame).first(size), out).code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
}

TEST(GeneralTest, NothingIsNothing) {
  io::MutableBuffer out;
  ASSERT_TRUE(Decompress(Compression::kZstd, {}, out).ok());
  EXPECT_EQ(out.size(), 0u);
  EXPECT_EQ(Decompress(Compression::kLz4, {}, out).code(), absl::StatusCode::kDataLoss);
}

// Sizes that no payload of these bytes can have are refused before memory is taken.
TEST(GeneralTest, StatedSizesAreBoundedByThePayload) {
  std::vector<std::byte> payload(12);
  io::MutableBuffer out;
  io::StoreLe(payload, 0, uint64_t{1} << 30);
  EXPECT_EQ(Decompress(Compression::kZstd, payload, out).code(), absl::StatusCode::kDataLoss);
  io::StoreLe(payload, 0, uint32_t{1} << 30);
  EXPECT_EQ(Decompress(Compression::kLz4, payload, out).code(), absl::StatusCode::kDataLoss);
  EXPECT_LT(out.size(), size_t{1} << 20);
}

TEST(GeneralTest, DamageIsDataLoss) {
  for (const Compression compression : {Compression::kLz4, Compression::kZstd}) {
    io::MutableBuffer payload;
    ASSERT_TRUE(AppendCompressed(compression, 0, io::AsBytes(Text(3000)), payload).ok());
    io::MutableBuffer out;
    for (size_t size = 7; size < payload.size(); size += 7) {
      EXPECT_EQ(Decompress(compression, payload.span().first(size), out).code(),
                absl::StatusCode::kDataLoss);
    }
    io::StoreLe(payload.data(), uint32_t{0xffffffff});
    EXPECT_EQ(Decompress(compression, payload.span(), out).code(), absl::StatusCode::kDataLoss);
  }
}

TEST(ByteStreamSplitTest, BytesStandStreamByStream) {
  std::vector<std::byte> values(12);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::byte>(i);
  }
  std::vector<std::byte> encoded(12);
  SplitByteStreams(values, 4, encoded);
  EXPECT_EQ(encoded[0], std::byte{0});
  EXPECT_EQ(encoded[1], std::byte{4});
  EXPECT_EQ(encoded[2], std::byte{8});
  EXPECT_EQ(encoded[3], std::byte{1});
  std::vector<std::byte> back(12);
  JoinByteStreams(encoded, 4, back);
  EXPECT_EQ(back, values);
}

// Symbols 0 "ab", 1 "x", 2 "12345678".
std::vector<std::byte> Table(bool is_compressed) {
  std::vector<std::byte> table(kFsstTableBytes);
  io::StoreLe(table.data(),
              uint64_t{0x46535354} << 32 | uint64_t{is_compressed} << 24 | uint64_t{3});
  std::memcpy(table.data() + 8, "ab", 2);
  std::memcpy(table.data() + 16, "x", 1);
  std::memcpy(table.data() + 24, "12345678", 8);
  const uint8_t lengths[] = {2, 1, 8};
  std::memcpy(table.data() + 32, lengths, 3);
  return table;
}

std::string DecodeText(const FsstDecoder& decoder, std::string_view codes) {
  std::vector<std::byte> out(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
  const std::byte* end = decoder.Decode(io::AsBytes(codes), out.data());
  return end == nullptr ? "damaged"
                        : std::string(reinterpret_cast<const char*>(out.data()),
                                      static_cast<size_t>(end - out.data()));
}

TEST(FsstDecoderTest, SymbolsAndEscapes) {
  const auto decoder = FsstDecoder::Parse(Table(true));
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_EQ(DecodeText(*decoder, ""), "");
  EXPECT_EQ(DecodeText(*decoder, std::string_view("\0\1\2\0\1", 5)), "abx12345678abx");
  EXPECT_EQ(DecodeText(*decoder, std::string_view("\0\xff\xff\1\xffq\2", 7)), "ab\xffxq12345678");
  EXPECT_EQ(DecodeText(*decoder, std::string_view("\1\1\1\1\xffz", 6)), "xxxxz");
}

TEST(FsstDecoderTest, DamagedCodesAreFound) {
  const auto decoder = FsstDecoder::Parse(Table(true));
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_EQ(DecodeText(*decoder, "\3"), "damaged");
  EXPECT_EQ(DecodeText(*decoder, "\1\1\1\1\1\xfe\1"), "damaged");
  EXPECT_EQ(DecodeText(*decoder, "\1\1\1\1\xff"), "damaged");
}

// Random codes with escapes, cut anywhere into strings, empty ones too, over several blocks: all
// together they give what each one gives, unless one of them is cut behind an escape.
TEST(FsstDecoderTest, StringsTogetherAreAsOneByOne) {
  std::mt19937 random(4);
  for (const bool is_on : {true, false}) {
    const auto decoder = FsstDecoder::Parse(Table(is_on));
    ASSERT_TRUE(decoder.ok());
    for (int round = 0; round < 300; ++round) {
      std::string codes;
      std::vector<uint32_t> offsets;
      const bool is_cut_anywhere = round % 4 == 0;
      while (codes.size() < random() % 6000) {
        const bool is_escaped = random() % 8 == 0;
        codes += is_escaped ? '\xff' : static_cast<char>(random() % 2);
        if (is_escaped) {
          if (is_cut_anywhere && random() % 16 == 0) {
            offsets.push_back(static_cast<uint32_t>(codes.size()));
          }
          codes += static_cast<char>(random());
        }
        for (; random() % 4 == 0;) {
          offsets.push_back(static_cast<uint32_t>(codes.size()));
        }
      }
      if (offsets.empty()) {
        continue;
      }
      std::vector<std::byte> want(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
      std::vector<uint64_t> want_ends;
      std::byte* at = want.data();
      for (size_t i = 0; i + 1 < offsets.size() && at != nullptr; ++i) {
        at = decoder->Decode(io::AsBytes(codes).subspan(offsets[i], offsets[i + 1] - offsets[i]),
                             at);
        want_ends.push_back(at == nullptr ? 0 : 1000 + static_cast<uint64_t>(at - want.data()));
      }
      std::vector<std::byte> out(want.size());
      std::vector<uint64_t> ends(offsets.size() - 1);
      const std::byte* const end = decoder->DecodeStrings<uint32_t>(
          io::AsBytes(codes), std::as_bytes(std::span(offsets)), 1000, out.data(), ends.data());
      ASSERT_EQ(end == nullptr, at == nullptr);
      if (end != nullptr) {
        ASSERT_EQ(end - out.data(), at - want.data());
        EXPECT_EQ(ends, want_ends);
        EXPECT_TRUE(std::equal(out.data(), out.data() + (end - out.data()), want.data()));
      }
    }
  }
}

TEST(FsstDecoderTest, NoCodesAreEmptyStrings) {
  const auto decoder = FsstDecoder::Parse(Table(true));
  ASSERT_TRUE(decoder.ok());
  std::vector<std::byte> out(kFsstSlackBytes);
  EXPECT_EQ(decoder->Decode({}, out.data()), out.data());
  const std::vector<uint32_t> offsets = {0, 0, 0};
  std::vector<uint32_t> ends(2, 1);
  EXPECT_EQ(decoder->DecodeStrings<uint32_t>({}, std::as_bytes(std::span(offsets)), 7, out.data(),
                                             ends.data()),
            out.data());
  EXPECT_EQ(ends, (std::vector<uint32_t>{7, 7}));
}

TEST(FsstDecoderTest, OffsetsThatGoBackOrLeaveTheCodesAreDamage) {
  const auto decoder = FsstDecoder::Parse(Table(true));
  ASSERT_TRUE(decoder.ok());
  const std::string codes(8, '\0');
  std::vector<std::byte> out(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
  std::vector<uint32_t> ends(3);
  const std::vector<std::vector<uint64_t>> wrong = {
      {0, 5, 4, 8}, {0, 5, 9, 8}, {0, 5, 8, 9}, {6, 5, 7, 8}, {1, 1, 1, 0}, {0, 1, 2, UINT64_MAX}};
  for (const std::vector<uint64_t>& offsets : wrong) {
    EXPECT_EQ(
        decoder->DecodeStrings<uint64_t>(io::AsBytes(codes), std::as_bytes(std::span(offsets)), 0,
                                         out.data(), ends.data()),
        nullptr);
  }
}

TEST(FsstDecoderTest, SwitchedOffMeansAsTheyAre) {
  const auto decoder = FsstDecoder::Parse(Table(false));
  ASSERT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_EQ(DecodeText(*decoder, "\3hello\xff"), "\3hello\xff");
}

TEST(FsstDecoderTest, DamagedTablesAreRefused) {
  std::vector<std::byte> table = Table(true);
  EXPECT_FALSE(FsstDecoder::Parse(std::span(table).first(2311)).ok());
  table[33] = std::byte{9};
  EXPECT_FALSE(FsstDecoder::Parse(table).ok());
  table[33] = std::byte{0};
  EXPECT_FALSE(FsstDecoder::Parse(table).ok());
  table = Table(true);
  table[7] = std::byte{0};
  EXPECT_FALSE(FsstDecoder::Parse(table).ok());
}

}  // namespace
}  // namespace og::format
