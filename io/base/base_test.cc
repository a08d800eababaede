// SHA-256 and Base64 against the vectors of their standards, and Base64 against every wrong text.

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "io/base/base64.h"
#include "io/base/sha256.h"
#include "io/base/text.h"
#include "tests/support/bytes.h"

namespace og::io {
namespace {

// FIPS 180-4 examples.
TEST(Sha256Test, KnownDigests) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PartsGiveTheDigestOfTheWhole) {
  Sha256Hasher hasher;
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");
  EXPECT_EQ(hasher.Finish(), Sha256(AsBytes("abc")));
}

// RFC 4648, section 10.
const std::vector<std::pair<std::string, std::string>> kVectors = {{"", ""},
                                                                   {"f", "Zg=="},
                                                                   {"fo", "Zm8="},
                                                                   {"foo", "Zm9v"},
                                                                   {"foob", "Zm9vYg=="},
                                                                   {"fooba", "Zm9vYmE="},
                                                                   {"foobar", "Zm9vYmFy"}};

TEST(Base64Test, VectorsOfTheStandard) {
  for (const auto& [text, encoded] : kVectors) {
    EXPECT_EQ(EncodeBase64(AsBytes(text)), encoded);
    EXPECT_EQ(DecodeBase64(encoded), tests::Bytes(text)) << encoded;
    const std::string unpadded = encoded.substr(0, encoded.find('='));
    EXPECT_EQ(EncodeBase64Url(AsBytes(text)), unpadded);
    EXPECT_EQ(DecodeBase64Url(unpadded), tests::Bytes(text)) << unpadded;
  }
}

TEST(Base64Test, AlphabetsDiffer) {
  const auto bytes = tests::FromHex("fbff");
  EXPECT_EQ(EncodeBase64(bytes), "+/8=");
  EXPECT_EQ(EncodeBase64Url(bytes), "-_8");
  EXPECT_FALSE(DecodeBase64("-_8=").has_value());
  EXPECT_FALSE(DecodeBase64Url("+/8").has_value());
}

TEST(Base64Test, EveryByteRoundTrips) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<std::byte>(i));
    EXPECT_EQ(DecodeBase64(EncodeBase64(bytes)), bytes);
    EXPECT_EQ(DecodeBase64Url(EncodeBase64Url(bytes)), bytes);
  }
}

TEST(Base64Test, OnlyTheCanonicalTextIsAccepted) {
  for (const char* wrong : {"Zg", "Zg=", "Zg===", "Z", "Zh==", "Zm9=", "Zm 9",
                            "Zg==Zg==", "====", "Z===", "=", "Zm9v\n"}) {
    EXPECT_FALSE(DecodeBase64(wrong).has_value()) << wrong;
  }
  for (const char* wrong : {"Zg==", "Z", "Zh", "Zm9vZ"}) {
    EXPECT_FALSE(DecodeBase64Url(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace og::io
