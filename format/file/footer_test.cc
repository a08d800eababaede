// The footer codec against bytes written by pylance 10.0.0, and against every one-bit damage of
// them: a decoder may refuse a file, but it never accepts a table that lies outside the file.
#include "format/file/footer.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/bytes.h"

namespace og::format {
namespace {

// LanceFileWriter(version="2.1"), one int64 column, rows 1, 2, 3: a file of 340 bytes.
constexpr uint64_t kFileBytes = 340;
const std::vector<std::byte> kGolden = tests::FromHex(
    "9f00000000000000 0c01000000000000 1c01000000000000"  // 159, 268, 284
    "01000000 01000000 0200 0100 4c414e43");              // 1 buffer, 1 column, 2.1, LANC

TEST(FooterTest, DecodesWhatLanceWrote) {
  const auto footer = DecodeFooter(kGolden, kFileBytes);
  ASSERT_TRUE(footer.ok()) << footer.status();
  EXPECT_EQ(*footer, (Footer{159, 268, 284, 1, 1, FileVersion::kV2_1}));
}

TEST(FooterTest, WritesWhatLanceWrites) {
  const auto bytes = EncodeFooter(Footer{159, 268, 284, 1, 1, FileVersion::kV2_1});
  EXPECT_EQ(std::vector<std::byte>(bytes.begin(), bytes.end()), kGolden);
}

TEST(FooterTest, EveryVersionComesBack) {
  for (const FileVersion version :
       {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2, FileVersion::kV2_3}) {
    const Footer footer{10, 20, 36, 1, 1, version};
    const auto decoded = DecodeFooter(EncodeFooter(footer), 92);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, footer);
    EXPECT_EQ(ParseFileVersion(FileVersionText(version)), version);
  }
  EXPECT_EQ(EncodeFooter(Footer{.version = FileVersion::kV2_0})[34], std::byte{3});
  EXPECT_EQ(ParseFileVersion("0.3"), FileVersion::kV2_0);
  EXPECT_EQ(ParseFileVersion("2.4"), std::nullopt);
  EXPECT_EQ(FileVersionOfNumbers(2, 0), FileVersion::kV2_0);
}

TEST(FooterTest, LegacyVersionsAreNotImplemented) {
  std::vector<std::byte> bytes = kGolden;
  bytes[32] = bytes[34] = std::byte{0};
  bytes[34] = std::byte{2};
  EXPECT_EQ(DecodeFooter(bytes, kFileBytes).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(FooterTest, ShortFilesAreDataLoss) {
  const auto footer = DecodeFooter(std::span(kGolden).last(39), 39);
  EXPECT_EQ(footer.status().code(), absl::StatusCode::kDataLoss);
}

TEST(FooterTest, NoFlippedBitLeadsOutOfTheFile) {
  for (size_t bit = 0; bit < kFooterBytes * 8; ++bit) {
    std::vector<std::byte> bytes = kGolden;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto footer = DecodeFooter(bytes, kFileBytes);
    if (!footer.ok()) {
      continue;
    }
    const uint64_t cmo_bytes = kTableEntryBytes * footer->num_columns;
    EXPECT_LE(footer->cmo_table_start + cmo_bytes, kFileBytes - kFooterBytes) << "bit " << bit;
    const uint64_t gbo_bytes = kTableEntryBytes * footer->num_global_buffers;
    EXPECT_LE(footer->gbo_table_start + gbo_bytes, kFileBytes - kFooterBytes) << "bit " << bit;
  }
}

}  // namespace
}  // namespace og::format
