// Checksums of pages: their bytes, and files written with them in which every single damaged byte
// of a page is found, by CheckPages() and by reads that ask for it. That real Lance reads such
// files is the matter of //tests/interop.
#include "format/file/page_sums.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/fault/counting_store.h"
#include "io/memory/memory_store.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

std::string Hex(std::string_view bytes) {
  return io::HexBytes(io::AsBytes(bytes));
}

TEST(PageSumsTest, Bytes) {
  const PageSums sums{.descriptor = 7, .columns = {{1, 2}, {}, {3}}};
  const std::string bytes = EncodePageSums(sums);
  EXPECT_EQ(Hex(bytes.substr(0, bytes.size() - 8)),
            "4f47504753554d31"
            "0300000000000000"
            "0700000000000000"
            "0200000000000000"
            "0000000000000000"
            "0100000000000000"
            "0100000000000000"
            "0200000000000000"
            "0300000000000000");
  const auto decoded = DecodePageSums(io::AsBytes(bytes));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(*decoded, sums);
}

// XXH3-64 with seed 0 of nothing is known from its specification; a page of one buffer "abc" and 5
// rows encoded as "e" has the sum of these bytes one after the other.
TEST(PageSumsTest, TheSumIsXxh3OfThePagesBytes) {
  EXPECT_EQ(SumOf({}), 0x2d06800538d394c2u);
  PageSummer summer;
  const std::string_view parts[] = {"a", "bc"};
  summer.BeginBuffer(3);
  for (const std::string_view part : parts) {
    summer.Add(io::AsBytes(part));
  }
  const std::string all = std::string("\3\0\0\0\0\0\0\0abc\5\0\0\0\0\0\0\0e", 20);
  EXPECT_EQ(summer.Finish(5, "e"), SumOf(io::AsBytes(all)));
  summer.BeginBuffer(0);
  EXPECT_EQ(summer.Finish(0, ""), SumOf(io::AsBytes(std::string(16, '\0'))));
}

TEST(PageSumsTest, DamageIsDataLoss) {
  const std::string bytes = EncodePageSums({.descriptor = 7, .columns = {{1, 2}, {3}}});
  for (size_t i = kPageSumsMagic.size() * 8; i < bytes.size() * 8; ++i) {
    std::string damaged = bytes;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << i % 8));
    EXPECT_THAT(DecodePageSums(io::AsBytes(damaged)), StatusIs(absl::StatusCode::kDataLoss))
        << "bit " << i;
  }
  for (size_t size = 8; size < bytes.size(); ++size) {
    EXPECT_THAT(DecodePageSums(io::AsBytes(bytes.substr(0, size))),
                StatusIs(absl::StatusCode::kDataLoss))
        << size;
  }
  // Counts that do not fit, with a sum that does.
  for (const size_t word : {size_t{1}, size_t{3}, size_t{4}}) {
    for (const char count : {'\0', '\1', '\4', '\x7f'}) {
      std::string wrong = bytes.substr(0, bytes.size() - 8);
      if (wrong[word * 8] == count) {
        continue;
      }
      wrong[word * 8] = count;
      const uint64_t sum = SumOf(io::AsBytes(wrong));
      wrong.append(reinterpret_cast<const char*>(&sum), sizeof(sum));
      EXPECT_THAT(DecodePageSums(io::AsBytes(wrong)), StatusIs(absl::StatusCode::kDataLoss))
          << word << " " << static_cast<int>(count);
    }
  }
}

class SummedFileTest : public testing::Test {
 protected:
  SummedFileTest()
      : store_(std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; })),
        location_{store_, "x.lance"} {}

  // Two columns of three pages of 20 rows each, below a list where `type` is one.
  std::string Write(WriterOptions options, const TypePtr& type) {
    std::mt19937_64 random(tests::Seed());
    auto schema = std::make_shared<Schema>();
    RecordBatch batch{.schema = schema, .num_rows = 60, .columns = {}};
    for (const char* name : {"a", "b"}) {
      schema->fields.push_back({name, type, true, {}});
      batch.columns.push_back(
          tests::RandomArray(type, 60, {tests::DataShape::kExtremes, 0.1, 0.1}, random));
    }
    const auto lance_schema = FromArrow(*schema);
    EXPECT_THAT(lance_schema, IsOk());
    options.page_rows = 20;
    const auto writer = FileWriter::Open(location_, *lance_schema, options);
    EXPECT_THAT(writer, IsOk());
    EXPECT_THAT((*writer)->Write(batch), IsOk());
    EXPECT_THAT((*writer)->Finish(), IsOk());
    return std::string(store_->Find(location_.path)->bytes.view());
  }

  absl::StatusOr<std::shared_ptr<const FileReader>> Open(std::string_view bytes, bool check) {
    EXPECT_THAT(store_->Put("damaged.lance", io::AsBytes(bytes)), IsOk());
    return FileReader::Open({store_, "damaged.lance"}, 0, {.tail_bytes = 0, .check_pages = check});
  }

  const std::shared_ptr<io::MemoryStore> store_;
  const io::Location location_;
};

absl::StatusOr<RecordBatch> ReadColumn(const FileReader& reader, size_t column, RowRange rows) {
  OG_ASSIGN_OR_RETURN(const auto stream, reader.Scan({reader.AllColumns()[column]}, {rows}, {}));
  std::vector<RecordBatch> batches;
  while (true) {
    OG_ASSIGN_OR_RETURN(auto batch, stream->Next());
    if (!batch.has_value()) {
      return batches.empty() ? EmptyBatch(stream->schema()) : Concat(batches);
    }
    batches.push_back(*std::move(batch));
  }
}

TEST_F(SummedFileTest, EveryDamagedByteOfAPageIsFound) {
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2}) {
    for (const TypePtr& type : {Int32(), Utf8(), ListOf(Int16())}) {
      WriterOptions options;
      options.version = version;
      const std::string bytes = Write(options, type);
      const auto good = Open(bytes, true);
      ASSERT_THAT(good, IsOk());
      const auto check = (*good)->CheckPages();
      ASSERT_THAT(check, IsOk());
      EXPECT_TRUE(check->has_sums);
      const auto info = (*good)->Info();
      ASSERT_THAT(info, IsOk());
      EXPECT_TRUE(info->has_page_sums);
      uint64_t pages = 0;
      for (size_t c = 0; c < info->columns.size(); ++c) {
        for (const StoredPage& page : info->columns[c].pages) {
          ++pages;
          for (const FileRange& buffer : page.buffers) {
            for (uint64_t at = buffer.offset; at < buffer.offset + buffer.bytes; at += 7) {
              std::string damaged = bytes;
              damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
              const auto reader = Open(damaged, false);
              ASSERT_THAT(reader, IsOk());
              EXPECT_THAT((*reader)->CheckPages(),
                          StatusIs(absl::StatusCode::kDataLoss,
                                   testing::AllOf(HasSubstr(io::StrCat("column ", c, ", page ")),
                                                  HasSubstr("the checksum is "))));
            }
          }
        }
      }
      EXPECT_EQ(check->num_pages, pages);
    }
  }
}

// A damaged layout message, row count or schema is found too; a reader that does not check may take
// it for good.
TEST_F(SummedFileTest, DamagedMetadataIsFound) {
  const std::string bytes = Write({}, Int32());
  const auto good = Open(bytes, false);
  ASSERT_THAT(good, IsOk());
  const auto info = (*good)->Info();
  ASSERT_THAT(info, IsOk());
  const auto rows = ReadColumn(**good, 0, {0, 60});
  ASSERT_THAT(rows, IsOk());
  const FileRange schema = info->global_buffers[0];
  const uint64_t metadata_end = info->footer.cmo_table_start;
  size_t found = 0;
  for (uint64_t at = schema.offset; at < metadata_end; ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    const auto reader = Open(damaged, true);
    absl::Status status = reader.status();
    if (status.ok()) {
      status = (*reader)->CheckPages().status();
    }
    if (!status.ok()) {
      ++found;
      continue;
    }
    // What differs is refused, or nobody looks at it, like the priority of a page.
    const auto same = ReadColumn(**reader, 0, {0, 60});
    EXPECT_TRUE(!same.ok() || Equal(*same, *rows)) << at;
  }
  EXPECT_GT(found, (metadata_end - schema.offset) / 2);
}

TEST_F(SummedFileTest, ReadsThatCheckLookAtThePagesOfTheirRows) {
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_2}) {
    WriterOptions options;
    options.version = version;
    options.forced_codec = ForcedCodec::kFlat;
    const std::string bytes = Write(options, Int32());
    const auto info = (*Open(bytes, false))->Info();
    ASSERT_THAT(info, IsOk());
    const FileRange values = info->columns[1].pages[1].buffers.back();
    std::string damaged = bytes;
    damaged[values.offset + values.bytes - 3] ^= 1;

    const auto careless = Open(damaged, false);
    ASSERT_THAT(careless, IsOk());
    EXPECT_THAT(ReadColumn(**careless, 1, {0, 60}), IsOk());

    const auto careful = Open(damaged, true);
    ASSERT_THAT(careful, IsOk());
    const FileReader& reader = **careful;
    EXPECT_THAT(ReadColumn(reader, 0, {0, 60}), IsOk());
    EXPECT_THAT(ReadColumn(reader, 1, {0, 20}), IsOk());
    EXPECT_THAT(ReadColumn(reader, 1, {40, 60}), IsOk());
    const auto is_found =
        StatusIs(absl::StatusCode::kDataLoss,
                 testing::AllOf(HasSubstr("memory://test/damaged.lance: column 1, page 1 at byte "),
                                HasSubstr("the checksum is ")));
    EXPECT_THAT(ReadColumn(reader, 1, {15, 25}), is_found);
    EXPECT_THAT(ReadColumn(reader, 1, {0, 60}), is_found);
    const std::vector<uint64_t> rows = {50, 39};
    EXPECT_THAT(reader.Take({reader.AllColumns()[1]}, rows), is_found);
    const std::vector<uint64_t> others = {50, 2};
    EXPECT_THAT(reader.Take({reader.AllColumns()[1]}, others), IsOk());
  }
}

// Steps shorter than a page take their rows out of the bytes that were compared.
TEST_F(SummedFileTest, NoByteIsReadTwice) {
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2}) {
    for (const TypePtr& type : {FixedSizeListOf(Float32(), 96), FixedSizeBinary(700),
                                ListOf(FixedSizeListOf(Int64(), 16))}) {
      SCOPED_TRACE(io::StrCat(FileVersionText(version), " ", type->ToString()));
      WriterOptions options;
      options.version = version;
      const std::string bytes = Write(options, type);
      const auto careless = Open(bytes, false);
      ASSERT_THAT(careless, IsOk());
      const auto counting = std::make_shared<io::CountingStore>(store_);
      const auto careful = FileReader::Open({counting, "damaged.lance"}, bytes.size(),
                                            {.tail_bytes = 64, .check_pages = true});
      ASSERT_THAT(careful, IsOk());
      const auto stream = (*careful)->Scan((*careful)->AllColumns(), {{0, 60}}, {.batch_rows = 3});
      ASSERT_THAT(stream, IsOk());
      std::vector<RecordBatch> batches;
      while (true) {
        auto batch = (*stream)->Next();
        ASSERT_THAT(batch, IsOk());
        if (!batch->has_value()) {
          break;
        }
        batches.push_back(**std::move(batch));
      }
      EXPECT_GT(batches.size(), 6u);
      // With what lies between buffers, which is read along.
      EXPECT_LE(counting->counts().bytes_read(), bytes.size() + bytes.size() / 8);
      const auto whole = (*careless)->Scan((*careless)->AllColumns(), {{0, 60}}, {});
      ASSERT_THAT(whole, IsOk());
      const auto rows = (*whole)->Next();
      ASSERT_THAT(rows, IsOk());
      EXPECT_TRUE(Equal(Concat(batches), **rows));
    }
  }
}

TEST_F(SummedFileTest, FilesWithoutSumsAreReadUnchecked) {
  WriterOptions options;
  options.page_sums = false;
  const std::string bytes = Write(options, Int32());
  const auto reader = Open(bytes, true);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ((*reader)->num_global_buffers(), 1u);
  const auto check = (*reader)->CheckPages();
  ASSERT_THAT(check, IsOk());
  EXPECT_FALSE(check->has_sums);
  EXPECT_THAT(ReadColumn(**reader, 0, {0, 60}), IsOk());
}

}  // namespace
}  // namespace og::format
