// FSST there and back through the decoder, for texts that compress, that do not, and that hold
// every byte; and that training does what it is for.

#include "format/codec/fsst_encoder.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/codec/fsst_decoder.h"

namespace og::format {
namespace {

struct Text {
  std::string bytes;
  std::vector<uint64_t> offsets = {0};

  void Add(std::string_view value) {
    bytes += value;
    offsets.push_back(bytes.size());
  }
  std::span<const std::byte> value(size_t i) const {
    return std::as_bytes(std::span(bytes)).subspan(offsets[i], offsets[i + 1] - offsets[i]);
  }
};

// Encodes all of `text`, checks that it comes back and that the codes of all strings together are
// the same, and returns the bytes of codes.
size_t RoundTrip(const Text& text) {
  const auto encoder = FsstEncoder::Train(std::as_bytes(std::span(text.bytes)), text.offsets);
  const std::string table = encoder->Table();
  EXPECT_EQ(table.size(), kFsstTableBytes);
  const auto decoder = FsstDecoder::Parse(std::as_bytes(std::span(table)));
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  const FsstEncoder::Codes all =
      encoder->EncodeAll(std::as_bytes(std::span(text.bytes)), text.offsets);
  EXPECT_EQ(all.offsets.size(), text.offsets.size());
  size_t total = 0;
  for (size_t i = 0; i + 1 < text.offsets.size(); ++i) {
    const std::span<const std::byte> value = text.value(i);
    std::vector<std::byte> codes(FsstEncodedBytesMax(value.size()));
    codes.resize(static_cast<size_t>(encoder->Encode(value, codes.data()) - codes.data()));
    EXPECT_EQ(all.offsets[i], total);
    total += codes.size();
    EXPECT_EQ(all.offsets[i + 1], total);
    EXPECT_TRUE(std::ranges::equal(codes, all.bytes.span().subspan(all.offsets[i], codes.size())))
        << "value " << i;
    std::vector<std::byte> decoded(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
    const std::byte* const end = decoder->Decode(codes, decoded.data());
    EXPECT_NE(end, nullptr);
    if (end == nullptr) return 0;
    decoded.resize(static_cast<size_t>(end - decoded.data()));
    EXPECT_TRUE(std::ranges::equal(decoded, value)) << "value " << i;
  }
  return total;
}

TEST(FsstEncoderTest, RepetitiveTextShrinks) {
  Text text;
  for (int i = 0; i < 5000; ++i) {
    text.Add("https://example.org/packages/" + std::to_string(i * 7919) + "/index.html");
  }
  EXPECT_LT(RoundTrip(text) * 3, text.bytes.size());
}

TEST(FsstEncoderTest, RandomBytesComeBack) {
  Text text;
  std::mt19937_64 random(4);
  for (int i = 0; i < 500; ++i) {
    std::string value(random() % 40, ' ');
    for (char& c : value)
      c = static_cast<char>(random());
    text.Add(value);
  }
  RoundTrip(text);
}

TEST(FsstEncoderTest, StringsOfUnevenLengthsComeBack) {
  std::mt19937_64 random(9);
  for (const size_t longest : {10, 300, 20000}) {
    Text text;
    for (int i = 0; i < 300; ++i) {
      std::string value;
      for (const size_t size = random() % (i % 17 == 0 ? longest : 40); value.size() < size;) {
        value += random() % 3 == 0 ? "some words " : std::string(1, static_cast<char>(random()));
      }
      text.Add(value);
    }
    RoundTrip(text);
  }
}

TEST(FsstEncoderTest, ShortEmptyAndZeroBytes) {
  Text text;
  for (int i = 0; i < 300; ++i) {
    text.Add("");
    text.Add("a");
    text.Add(std::string(1 + static_cast<size_t>(i) % 9, '\0'));
    text.Add("ab");
    text.Add("abcdefgh");
    text.Add("abcdefghi");
  }
  RoundTrip(text);
  RoundTrip(Text());
  Text one_empty;
  one_empty.Add("");
  RoundTrip(one_empty);
  Text huge;
  huge.Add(std::string(300000, 'x'));
  EXPECT_LT(RoundTrip(huge), size_t{300000} / 7);
}

// More text than is encoded at once, of which the strings are a part in the middle; every third is
// empty.
TEST(FsstEncoderTest, PartsOfTextComeBack) {
  Text text;
  for (int i = 0; i < 30000; ++i) {
    text.Add(i % 3 == 0 ? "" : "name-" + std::to_string(i * 31));
  }
  const auto bytes = std::as_bytes(std::span(text.bytes));
  const auto encoder = FsstEncoder::Train(bytes, text.offsets);
  const FsstEncoder::Codes all = encoder->EncodeAll(bytes, text.offsets);
  for (const size_t begin : {1u, 7u, 9000u}) {
    for (const size_t end : {29999u, 30000u}) {
      const FsstEncoder::Codes part =
          encoder->EncodeAll(bytes, std::span(text.offsets).subspan(begin, end - begin + 1));
      ASSERT_EQ(part.offsets.size(), end - begin + 1);
      for (size_t i = 0; i < part.offsets.size(); ++i) {
        ASSERT_EQ(part.offsets[i], all.offsets[begin + i] - all.offsets[begin]);
      }
      EXPECT_TRUE(std::ranges::equal(
          part.bytes.span(),
          all.bytes.span().subspan(all.offsets[begin], all.offsets[end] - all.offsets[begin])));
    }
  }
}

TEST(FsstEncoderTest, TrainingIsDeterministic) {
  Text text;
  for (int i = 0; i < 3000; ++i) {
    text.Add("name-" + std::to_string(i % 97) + "-of-" + std::to_string(i));
  }
  const auto table = [&] {
    return FsstEncoder::Train(std::as_bytes(std::span(text.bytes)), text.offsets)->Table();
  };
  EXPECT_EQ(table(), table());
}

}  // namespace
}  // namespace og::format
