// What we do not know is refused by the name of its column and page, and nothing is guessed: later
// file versions open, unknown layouts and encodings are "unimplemented". The files are ours with
// their messages replaced.
#include <array>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/file/footer.h"
#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "format/proto/encodings_v2_0.pb.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "format/proto/file2.pb.h"
#include "io/base/endian.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/memory/memory_store.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using lance::encodings21::PageLayout;
using lance::file::v2::ColumnMetadata;
using testing::AllOf;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

class RefusalTest : public testing::Test {
 protected:
  RefusalTest()
      : store_(std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; })),
        location_{store_, "x.lance"},
        random_(tests::Seed()) {}

  // A file of one column "v".
  std::string FileOf(const ArrayPtr& column, FileVersion version,
                     ForcedCodec codec = ForcedCodec::kNone) {
    const RecordBatch batch = tests::SingleColumn(column);
    const auto schema = FromArrow(*batch.schema);
    EXPECT_THAT(schema, IsOk());
    WriterOptions options;
    options.version = version;
    options.forced_codec = codec;
    options.page_rows = 100;
    const auto writer = FileWriter::Open(location_, *schema, options);
    EXPECT_THAT(writer, IsOk());
    EXPECT_THAT((*writer)->Write(batch), IsOk());
    EXPECT_THAT((*writer)->Finish(), IsOk());
    return std::string(store_->Find(location_.path)->bytes.view());
  }

  ArrayPtr Numbers() {
    return tests::RandomArray(Int32(), 250, {tests::DataShape::kUnique, 0, 0}, random_);
  }

  absl::StatusOr<RecordBatch> Read(std::string_view bytes) {
    EXPECT_THAT(store_->Put(location_.path, io::AsBytes(bytes)), IsOk());
    OG_ASSIGN_OR_RETURN(const auto reader, FileReader::Open(location_, bytes.size()));
    std::vector<uint64_t> rows(reader->num_rows());
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i] = i;
    }
    return reader->Take(reader->AllColumns(), rows);
  }

  const std::shared_ptr<io::MemoryStore> store_;
  const io::Location location_;
  std::mt19937_64 random_;
};

// `bytes`, a file of one column, with the metadata of that column changed by `edit`.
std::string WithMetadata(std::string_view bytes, const std::function<void(ColumnMetadata&)>& edit) {
  const auto raw = io::AsBytes(bytes);
  Footer footer = *DecodeFooter(raw, raw.size());
  ColumnMetadata metadata;
  EXPECT_TRUE(metadata.ParseFromArray(
      raw.data() + footer.column_metadata_start,
      static_cast<int>(footer.cmo_table_start - footer.column_metadata_start)));
  edit(metadata);
  const std::string message = metadata.SerializeAsString();
  std::string out(bytes.substr(0, footer.column_metadata_start));
  out += message;
  std::array<std::byte, kTableEntryBytes> entry;
  io::StoreLe(entry, 0, footer.column_metadata_start);
  io::StoreLe(entry, 8, uint64_t{message.size()});
  const uint64_t buffers_start = footer.gbo_table_start;
  footer.cmo_table_start = out.size();
  out.append(reinterpret_cast<const char*>(entry.data()), entry.size());
  footer.gbo_table_start = out.size();
  out += bytes.substr(buffers_start, bytes.size() - kFooterBytes - buffers_start);
  const auto tail = EncodeFooter(footer);
  out.append(reinterpret_cast<const char*>(tail.data()), tail.size());
  return out;
}

// `bytes` with the layout of page 1 changed by `edit`.
std::string WithLayout(std::string_view bytes, const std::function<void(PageLayout&)>& edit) {
  return WithMetadata(bytes, [&](ColumnMetadata& metadata) {
    std::string& stored = *metadata.mutable_pages(1)
                               ->mutable_encoding()
                               ->mutable_direct()
                               ->mutable_encoding()
                               ->mutable_value();
    PageLayout layout;
    EXPECT_TRUE(layout.ParseFromString(stored));
    edit(layout);
    stored = layout.SerializeAsString();
  });
}

// The member `number` of a message, empty: one that no version we know of has.
std::string UnknownMember(int number) {
  std::string bytes;
  for (uint32_t tag = static_cast<uint32_t>(number) << 3 | 2u; tag != 0; tag >>= 7) {
    bytes += static_cast<char>((tag & 0x7f) | (tag > 0x7f ? 0x80 : 0));
  }
  return bytes + std::string(1, '\0');
}

TEST_F(RefusalTest, LegacyFilesByTheirName) {
  std::string bytes = FileOf(Numbers(), FileVersion::kV2_1);
  for (const char minor : {'\0', '\1', '\2'}) {
    bytes[bytes.size() - 8] = 0;
    bytes[bytes.size() - 6] = minor;
    EXPECT_THAT(Read(bytes),
                StatusIs(kUnimplemented, AllOf(HasSubstr("memory://test/x.lance"),
                                               HasSubstr("legacy lance file, version 0.1"))));
  }
  bytes[bytes.size() - 8] = 2;
  bytes[bytes.size() - 6] = 4;
  EXPECT_THAT(Read(bytes), StatusIs(kUnimplemented, HasSubstr("lance file version 2.4: only")));
}

TEST_F(RefusalTest, MetadataOutsideOfTheFileByTheirColumn) {
  std::string bytes = FileOf(Numbers(), FileVersion::kV2_1);
  const auto footer = DecodeFooter(io::AsBytes(bytes), bytes.size());
  ASSERT_THAT(footer, IsOk());
  bytes[footer->cmo_table_start + 6] = 1;
  EXPECT_THAT(Read(bytes),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("memory://test/x.lance: metadata of column 0: bytes 281474976")));
}

TEST_F(RefusalTest, AFileOfVersion23OpensAndItsKnownPagesAreRead) {
  std::string bytes = FileOf(Numbers(), FileVersion::kV2_2);
  const auto want = Read(bytes);
  ASSERT_THAT(want, IsOk());
  bytes[bytes.size() - 6] = 3;
  const auto got = Read(bytes);
  ASSERT_THAT(got, IsOk());
  EXPECT_TRUE(Equal(*got, *want));
  const std::string sparse =
      WithLayout(bytes, [](PageLayout& layout) { layout.mutable_sparse_layout(); });
  EXPECT_THAT(Read(sparse),
              StatusIs(kUnimplemented, AllOf(HasSubstr("column 0, page 1 at byte "),
                                             HasSubstr("sparse layout (file version 2.3)"))));
}

TEST_F(RefusalTest, UnknownLayoutsAndEncodings) {
  const std::string bytes = FileOf(Numbers(), FileVersion::kV2_2, ForcedCodec::kFlat);
  const auto is_refused =
      StatusIs(kUnimplemented, HasSubstr("memory://test/x.lance: column 0, page 1 at byte "));
  EXPECT_THAT(
      Read(WithLayout(bytes, [](PageLayout& layout) { layout.ParseFromString(UnknownMember(9)); })),
      is_refused);
  EXPECT_THAT(
      Read(WithLayout(
          bytes,
          [](PageLayout& layout) {
            layout.mutable_mini_block_layout()->mutable_value_compression()->ParseFromString(
                UnknownMember(14));
          })),
      is_refused);
  // Dictionary as an encoding of values is declared, but never written and not read by Lance.
  EXPECT_THAT(
      Read(WithLayout(
          bytes,
          [](PageLayout& layout) {
            layout.mutable_mini_block_layout()->mutable_value_compression()->mutable_dictionary();
          })),
      is_refused);
  EXPECT_THAT(Read(WithMetadata(bytes,
                                [](ColumnMetadata& metadata) {
                                  metadata.mutable_pages(1)->mutable_encoding()->mutable_indirect();
                                })),
              is_refused);
  EXPECT_THAT(Read(WithMetadata(bytes,
                                [](ColumnMetadata& metadata) {
                                  metadata.mutable_pages(1)
                                      ->mutable_encoding()
                                      ->mutable_direct()
                                      ->mutable_encoding()
                                      ->set_type_url("/lance.encodings99.PageLayout");
                                })),
              is_refused);
}

TEST_F(RefusalTest, UnknownColumnEncodings) {
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_2}) {
    const std::string bytes = FileOf(Numbers(), version);
    EXPECT_THAT(Read(WithMetadata(bytes, [](ColumnMetadata&) {})), IsOk());
    for (const bool is_zone_index : {false, true}) {
      lance::encodings::ColumnEncoding encoding;
      is_zone_index ? void(encoding.mutable_zone_index())
                    : void(encoding.ParseFromString(UnknownMember(7)));
      EXPECT_THAT(
          Read(WithMetadata(
              bytes,
              [&](ColumnMetadata& metadata) {
                metadata.mutable_encoding()->mutable_direct()->mutable_encoding()->set_value(
                    encoding.SerializeAsString());
              })),
          StatusIs(kUnimplemented, AllOf(HasSubstr("column 0"), HasSubstr("column encoding "))));
    }
  }
}

TEST_F(RefusalTest, UnknownArrayEncodings) {
  const std::string bytes = FileOf(Numbers(), FileVersion::kV2_0, ForcedCodec::kFlat);
  // Numbers 13 to 21 are declared and do not occur in files; 30 is nothing.
  for (const int number : {13, 14, 17, 19, 21, 30}) {
    const std::string changed = WithMetadata(bytes, [&](ColumnMetadata& metadata) {
      metadata.mutable_pages(1)
          ->mutable_encoding()
          ->mutable_direct()
          ->mutable_encoding()
          ->set_value(UnknownMember(number));
    });
    EXPECT_THAT(Read(changed), StatusIs(kUnimplemented, HasSubstr("column 0, page 1 at byte ")))
        << number;
  }
}

}  // namespace
}  // namespace og::format
