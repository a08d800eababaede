// The reader against data files that pylance 10.0.0 wrote, of every version, type, layout and codec
// (tests/data/lance_files): what is read has the hashes of what pylance reads; takes and partial
// scans agree with full scans; damage ends in an error; the number of reads is held.
#include "format/file/reader.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "format/arrow/json.h"
#include "io/base/endian.h"
#include "io/base/sha256.h"
#include "io/base/text.h"
#include "io/env/worker_pool.h"
#include "io/memory/memory_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::IsOk;
using tests::StatusIs;

struct Sample {
  std::string name;
  std::string bytes;
  std::string column_hashes;  // "hash name\n" for every column
};

std::vector<Sample> ReadSamples() {
  std::ifstream file("tests/data/lance_files.bin", std::ios::binary);
  const std::string packed{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<Sample> samples;
  size_t at = 0;
  const auto next = [&] {
    const auto size = io::LoadLe<uint32_t>(io::AsBytes(packed), at);
    at += 4 + size;
    return packed.substr(at - size, size);
  };
  while (at < packed.size()) {
    Sample sample;
    sample.name = next();
    sample.bytes = next();
    sample.column_hashes = next();
    samples.push_back(std::move(sample));
  }
  return samples;
}

const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = ReadSamples();
  return samples;
}

const Sample& SampleNamed(std::string_view prefix) {
  const auto found = std::ranges::find_if(
      Samples(), [&](const Sample& sample) { return sample.name.starts_with(prefix); });
  EXPECT_NE(found, Samples().end()) << prefix;
  return *found;
}

// Counts what is read.
class CountingStore final : public io::MemoryStore {
 public:
  CountingStore() : MemoryStore("memory://test/", [] { return int64_t{0}; }) {}

  io::PendingReads Submit(std::vector<io::ReadRequest> requests) override {
    num_reads += requests.size();
    ++num_submits;
    return MemoryStore::Submit(std::move(requests));
  }
  absl::StatusOr<io::Buffer> ReadTail(std::string_view path, uint64_t length,
                                      uint64_t* size) override {
    ++num_reads;
    return MemoryStore::ReadTail(path, length, size);
  }

  std::atomic<size_t> num_reads = 0;
  std::atomic<size_t> num_submits = 0;
};

struct Opened {
  std::shared_ptr<CountingStore> store;
  absl::StatusOr<std::shared_ptr<const FileReader>> reader;
};

Opened OpenBytes(std::string_view bytes, const FileReaderOptions& options = {}) {
  auto store = std::make_shared<CountingStore>();
  EXPECT_THAT(store->Put("x.lance", io::AsBytes(bytes)), IsOk());
  auto reader = FileReader::Open({store, "x.lance"}, bytes.size(), options);
  return {std::move(store), std::move(reader)};
}

std::vector<ColumnRequest> AllColumns(const FileReader& reader) {
  std::vector<ColumnRequest> columns = reader.AllColumns();
  for (ColumnRequest& column : columns) {
    column.blob_contents = true;
  }
  return columns;
}

absl::StatusOr<RecordBatch> ScanRanges(const FileReader& reader, std::vector<RowRange> ranges,
                                       const FileScanOptions& options) {
  OG_ASSIGN_OR_RETURN(auto stream, reader.Scan(AllColumns(reader), std::move(ranges), options));
  std::vector<RecordBatch> batches;
  while (true) {
    OG_ASSIGN_OR_RETURN(auto batch, stream->Next());
    if (!batch.has_value()) {
      break;
    }
    EXPECT_LE(static_cast<uint64_t>(batch->num_rows), options.batch_rows);
    batches.push_back(*std::move(batch));
  }
  return batches.empty() ? EmptyBatch(stream->schema()) : Concat(batches);
}

absl::StatusOr<RecordBatch> ScanAll(const FileReader& reader, const FileScanOptions& options = {}) {
  return ScanRanges(reader, {{0, reader.num_rows()}}, options);
}

std::string HashesOf(const RecordBatch& batch) {
  std::string hashes;
  for (size_t c = 0; c < batch.columns.size(); ++c) {
    std::string text;
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      AppendJsonValue(*batch.columns[c], i, text);
      text += '\n';
    }
    hashes += io::StrCat(io::Sha256Hex(io::AsBytes(text)), " ", batch.schema->fields[c].name, "\n");
  }
  return hashes;
}

TEST(ReaderTest, EveryFileGivesWhatLanceReads) {
  ASSERT_GE(Samples().size(), 60u);
  io::WorkerPool pool(2);
  for (const Sample& sample : Samples()) {
    const Opened opened = OpenBytes(sample.bytes, {.tail_bytes = 40});
    ASSERT_THAT(opened.reader, IsOk()) << sample.name;
    const auto rows = ScanAll(**opened.reader, {.batch_rows = 700, .pool = &pool});
    ASSERT_THAT(rows, IsOk()) << sample.name;
    for (const ArrayPtr& column : rows->columns) {
      EXPECT_THAT(Validate(*column), IsOk()) << sample.name;
    }
    EXPECT_EQ(HashesOf(*rows), sample.column_hashes) << sample.name;
  }
}

TEST(ReaderTest, TakesAndPartialScansAgreeWithFullScans) {
  std::mt19937_64 random(tests::Seed());
  for (const Sample& sample : Samples()) {
    const Opened opened = OpenBytes(sample.bytes);
    ASSERT_THAT(opened.reader, IsOk()) << sample.name;
    const FileReader& reader = **opened.reader;
    const auto all = ScanAll(reader, {.batch_rows = 1u << 30});
    ASSERT_THAT(all, IsOk()) << sample.name;
    const uint64_t n = reader.num_rows();
    if (n == 0) {
      continue;
    }
    for (int round = 0; round < 4; ++round) {
      std::vector<uint64_t> rows(1 + random() % 20);
      std::ranges::generate(rows, [&] { return random() % n; });
      if (round % 2 == 0) {
        std::ranges::sort(rows);
      }
      const auto taken = reader.Take(AllColumns(reader), rows);
      ASSERT_THAT(taken, IsOk()) << sample.name;
      const std::vector<int64_t> positions(rows.begin(), rows.end());
      EXPECT_TRUE(Equal(*taken, Take(*all, positions))) << sample.name << ", round " << round;

      std::vector<RowRange> ranges;
      std::vector<int64_t> wanted;
      for (uint64_t row = random() % n; row < n; row += 1 + random() % n) {
        const uint64_t end = std::min(n, row + random() % 50);
        ranges.push_back({row, end});
        for (; row < end; ++row) {
          wanted.push_back(static_cast<int64_t>(row));
        }
      }
      const auto part = ScanRanges(reader, ranges, {.batch_rows = 1 + random() % 30});
      ASSERT_THAT(part, IsOk()) << sample.name;
      EXPECT_TRUE(Equal(*part, Take(*all, wanted))) << sample.name << ", round " << round;
    }
  }
}

// With threads, scattered rows of one column of lists are read and decoded in parts.
TEST(ReaderTest, TakesInPartsAgreeWithFullScans) {
  io::WorkerPool pool(2);
  size_t most_lists = 0;
  for (const Sample& sample : Samples()) {
    const Opened opened = OpenBytes(sample.bytes);
    ASSERT_THAT(opened.reader, IsOk()) << sample.name;
    const FileReader& reader = **opened.reader;
    const auto all = ScanAll(reader, {.batch_rows = 1u << 30});
    ASSERT_THAT(all, IsOk()) << sample.name;
    std::vector<uint64_t> rows;
    for (uint64_t row = reader.num_rows() % 2; row < reader.num_rows(); row += 2) {
      rows.push_back(row);
    }
    std::ranges::reverse(rows);
    const std::vector<int64_t> positions(rows.begin(), rows.end());
    const std::vector<ColumnRequest> columns = AllColumns(reader);
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].field.is_list()) {
        most_lists = std::max(most_lists, rows.size());
      }
      const auto taken = reader.Take({columns[i]}, rows, &pool);
      ASSERT_THAT(taken, IsOk()) << sample.name;
      const RecordBatch column{taken->schema, all->num_rows, {all->columns[i]}};
      EXPECT_TRUE(Equal(*taken, Take(column, positions))) << sample.name << ", column " << i;
    }
  }
  EXPECT_GE(most_lists, 1000u);
}

TEST(ReaderTest, DictionaryStringsHoldTheSameText) {
  bool has_dictionary = false;
  for (const Sample& sample : Samples()) {
    if (!sample.name.starts_with("enc_low_cardinality")) {
      continue;
    }
    const Opened opened = OpenBytes(sample.bytes);
    ASSERT_THAT(opened.reader, IsOk());
    const FileReader& reader = **opened.reader;
    const auto plain = ScanAll(reader, {.batch_rows = 1u << 30});
    ASSERT_THAT(plain, IsOk());
    for (const bool joined : {false, true}) {
      auto stream =
          reader.Scan(reader.AllColumns(), {{0, reader.num_rows()}},
                      {.batch_rows = 100, .dictionary_strings = true, .join_dictionaries = joined});
      ASSERT_THAT(stream, IsOk());
      int64_t row = 0;
      while (true) {
        const auto batch = (*stream)->Next();
        ASSERT_THAT(batch, IsOk());
        if (!batch->has_value()) {
          break;
        }
        for (size_t c = 0; c < (*batch)->columns.size(); ++c) {
          const ArrayPtr& column = (*batch)->columns[c];
          const ArrayPtr want = Slice(plain->columns[c], row, (*batch)->num_rows);
          const bool is_coded = !(*column->type == *want->type);
          has_dictionary |= is_coded;
          EXPECT_TRUE(Equal(is_coded ? *DecodeDictionary(column) : *column, *want));
        }
        row += (*batch)->num_rows;
      }
      EXPECT_EQ(row, static_cast<int64_t>(reader.num_rows()));
    }
  }
  EXPECT_TRUE(has_dictionary);
}

TEST(ReaderTest, ColumnsThatTheFileLacksAreNull) {
  const Opened opened = OpenBytes(SampleNamed("enc_integers__v2.2").bytes);
  ASSERT_THAT(opened.reader, IsOk());
  const FileReader& reader = **opened.reader;
  LanceField added;
  added.name = "added";
  added.logical_type = "string";
  std::vector<ColumnRequest> columns = {reader.AllColumns()[0]};
  columns.push_back({.field = added, .column_indices = {-1}, .blob_contents = false});
  const std::vector<uint64_t> rows = {3, 1};
  const auto taken = reader.Take(columns, rows);
  ASSERT_THAT(taken, IsOk());
  EXPECT_EQ(taken->columns[1]->null_count, 2);
  EXPECT_EQ(taken->schema->fields[1].name, "added");
}

TEST(ReaderTest, RequestsThatDoNotFitAreRefused) {
  const Opened opened = OpenBytes(SampleNamed("enc_integers__v2.2").bytes);
  ASSERT_THAT(opened.reader, IsOk());
  const FileReader& reader = **opened.reader;
  const std::vector<uint64_t> beyond = {reader.num_rows()};
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(reader.Take(reader.AllColumns(), beyond), StatusIs(invalid, testing::_));
  EXPECT_THAT(reader.Scan(reader.AllColumns(), {{5, 6}, {0, 1}}, {}),
              StatusIs(invalid, testing::_));
  std::vector<ColumnRequest> columns = reader.AllColumns();
  columns[0].column_indices = {static_cast<int32_t>(reader.num_columns())};
  EXPECT_THAT(reader.Scan(columns, {{0, 1}}, {}), StatusIs(invalid, testing::_));
  columns[0].column_indices = {};
  EXPECT_THAT(reader.Scan(columns, {{0, 1}}, {}), StatusIs(invalid, testing::_));
}

// Opening costs one read. Rows of a column whose metadata is not in the tail: one round for the
// metadata, one for the tables of its pages, one for the data; the next time only the data.
TEST(ReaderTest, ReadsAreCounted) {
  const Sample& sample = SampleNamed("enc_multipage_small__v2.1");
  const Opened opened = OpenBytes(sample.bytes, {.tail_bytes = 4096});
  ASSERT_THAT(opened.reader, IsOk());
  CountingStore& store = *opened.store;
  EXPECT_LE(store.num_submits, 2u);
  const FileReader& reader = **opened.reader;
  const std::vector<ColumnRequest> columns = {reader.AllColumns()[0]};
  const std::vector<uint64_t> row = {reader.num_rows() / 2};
  store.num_submits = 0;
  ASSERT_THAT(reader.Take(columns, row), IsOk());
  EXPECT_LE(store.num_submits, 3u);
  store.num_submits = store.num_reads = 0;
  ASSERT_THAT(reader.Take(columns, row), IsOk());
  EXPECT_LE(store.num_submits, 1u);
  EXPECT_LE(store.num_reads, 1u);

  const Opened whole = OpenBytes(sample.bytes, {.tail_bytes = sample.bytes.size()});
  ASSERT_THAT(whole.reader, IsOk());
  EXPECT_EQ(whole.store->num_reads, 1u);
  ASSERT_THAT(ScanAll(**whole.reader), IsOk());
  EXPECT_EQ(whole.store->num_reads, 1u);
}

bool IsRefusal(absl::StatusCode code) {
  return code == absl::StatusCode::kDataLoss || code == absl::StatusCode::kUnimplemented ||
         code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kResourceExhausted;
}

// Opens and scans; damage may go unnoticed (there are no checksums), but what comes out is sound.
void ReadDamaged(const std::string& bytes, const std::string& what) {
  const Opened opened = OpenBytes(bytes);
  absl::Status status = opened.reader.status();
  if (status.ok() && (*opened.reader)->num_rows() < 100'000) {
    const auto rows = ScanAll(**opened.reader, {.batch_rows = 1000});
    status = rows.status();
    if (rows.ok()) {
      std::string text;
      for (int64_t i = 0; i < rows->num_rows; ++i) {
        AppendJsonRow(*rows, i, text);
        text.clear();
      }
    }
  }
  EXPECT_TRUE(status.ok() || IsRefusal(status.code())) << what << ": " << status;
}

TEST(ReaderTest, DamageEndsInAnError) {
  std::mt19937_64 random(tests::Seed());
  for (const Sample& sample : Samples()) {
    if (sample.bytes.size() > 60'000) {
      continue;
    }
    for (int round = 0; round < 40; ++round) {
      std::string bytes = sample.bytes;
      // Half of the damage falls on the metadata at the end.
      const size_t span = round % 2 == 0 ? bytes.size() : std::min<size_t>(bytes.size(), 3000);
      for (uint64_t i = 0; i <= random() % 3; ++i) {
        const size_t at = bytes.size() - 1 - random() % span;
        bytes[at] = static_cast<char>(round % 4 < 2 ? bytes[at] ^ (1 << random() % 8) : random());
      }
      ReadDamaged(bytes, sample.name);
    }
    ReadDamaged(sample.bytes.substr(sample.bytes.size() / 2), sample.name);
  }
}

TEST(ReaderTest, ErrorsNameFileColumnAndPage) {
  const Sample& sample = SampleNamed("enc_integers__v2.1");
  const Opened good = OpenBytes(sample.bytes);
  ASSERT_THAT(good.reader, IsOk());
  std::string bytes = sample.bytes;
  std::fill(bytes.begin(), bytes.begin() + 64, '\xff');  // the chunk table of the first page
  const Opened opened = OpenBytes(bytes);
  ASSERT_THAT(opened.reader, IsOk());
  EXPECT_THAT(ScanAll(**opened.reader),
              StatusIs(absl::StatusCode::kDataLoss,
                       testing::AllOf(testing::HasSubstr("memory://test/x.lance"),
                                      testing::HasSubstr("column 0, page 0"))));
}

}  // namespace
}  // namespace og::format
