// What taking one row costs once the tables of its page are known: one read for a value of fixed
// width, two for a variable one, and no more bytes than a chunk or the value has. Every type,
// version and layout; files as we write them. In version 2.0 nulls have a bitmap, which is one read
// more, lists have a column of their own, and the items of a row may stand in two pages.
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "io/base/status_macros.h"
#include "io/fault/counting_store.h"
#include "io/memory/memory_store.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::DataShape;
using tests::IsOk;

constexpr int64_t kRows = 2000;
constexpr int64_t kPageRows = 700;

// The small tail leaves the pages to be read.
constexpr uint64_t kTailBytes = 64;

// A chunk aims at 8 KiB; levels come on top, and lists may reach into the next chunk.
constexpr uint64_t kChunkBytesMax = 24 << 10;

struct Opened {
  std::shared_ptr<io::CountingStore> store;
  std::shared_ptr<const FileReader> reader;
};

absl::StatusOr<Opened> WriteAndOpen(const RecordBatch& batch, const WriterOptions& options) {
  const auto memory =
      std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; });
  Opened opened;
  opened.store = std::make_shared<io::CountingStore>(memory);
  const io::Location location{opened.store, "x.lance"};
  OG_ASSIGN_OR_RETURN(const LanceSchema schema, FromArrow(*batch.schema));
  OG_ASSIGN_OR_RETURN(const auto writer, FileWriter::Open(location, schema, options));
  OG_RETURN_IF_ERROR(writer->Write(batch));
  OG_ASSIGN_OR_RETURN(const FileSummary summary, writer->Finish());
  OG_ASSIGN_OR_RETURN(opened.reader,
                      FileReader::Open(location, summary.size_bytes, {.tail_bytes = kTailBytes}));
  return opened;
}

// The reads of one row of `type`: each leaf column has its own, in version 2.0 each list as well.
struct Cost {
  uint64_t reads = 0;
  uint64_t leaves = 0;
};

void AddCost(const DataType& type, FileVersion version, bool has_nulls, Cost& cost) {
  const bool is_2_0 = version == FileVersion::kV2_0;
  const uint64_t bitmap = is_2_0 && has_nulls ? 1 : 0;
  if (type.id == TypeId::kNull) {
    return;
  }
  if (type.id == TypeId::kStruct || type.is_list()) {
    cost.reads += is_2_0 && type.is_list() ? 1 : 0;
    const uint64_t before = cost.reads;
    for (const Field& child : type.children) {
      AddCost(*child.type, version, has_nulls && child.nullable, cost);
    }
    if (is_2_0 && type.is_list()) {
      cost.reads += cost.reads - before;
    }
    return;
  }
  ++cost.leaves;
  if (type.id == TypeId::kFixedSizeList) {
    // Bitmaps of the list and, at each level, of its items.
    uint64_t levels = 0;
    for (const DataType* at = &type; at->id == TypeId::kFixedSizeList;
         at = at->children[0].type.get()) {
      ++levels;
    }
    cost.reads += 1 + bitmap * (levels + 1);
    return;
  }
  if (type.id == TypeId::kDictionary) {
    cost.reads += is_2_0 ? 3 + bitmap : 1;  // in 2.0 the items, here text, are read with the keys
    return;
  }
  cost.reads += type.is_variable() ? 2 : 1 + bitmap;
}

std::vector<uint64_t> Rows(std::mt19937_64& random) {
  std::vector<uint64_t> rows;
  for (int i = 0; i < 6; ++i) {
    rows.push_back(random() % static_cast<uint64_t>(kRows));
  }
  return rows;
}

void ExpectCheapTakes(const TypePtr& type, const WriterOptions& options, double nulls,
                      DataShape shape, std::mt19937_64& random) {
  const ArrayPtr array = tests::RandomArray(type, kRows, {shape, nulls, 0.1}, random);
  const auto opened = WriteAndOpen(tests::SingleColumn(array), options);
  ASSERT_THAT(opened, IsOk());
  const FileReader& reader = *opened->reader;
  const std::vector<ColumnRequest> columns = reader.AllColumns();
  const std::vector<uint64_t> of_each_page = {0, kPageRows, 2 * kPageRows};
  ASSERT_THAT(reader.Take(columns, of_each_page), IsOk());
  Cost cost;
  AddCost(*type, options.version, nulls > 0, cost);
  for (const uint64_t row : Rows(random)) {
    const io::StoreCounts before = opened->store->counts();
    const std::vector<uint64_t> one = {row};
    ASSERT_THAT(reader.Take(columns, one), IsOk());
    const io::StoreCounts counts = opened->store->counts() - before;
    EXPECT_LE(counts.reads(), cost.reads) << "row " << row << ": " << counts.Text();
    if (shape == DataShape::kUnique) {
      EXPECT_LE(counts.bytes_read(), kChunkBytesMax * cost.leaves) << "row " << row;
    }
  }
}

TEST(RandomAccessTest, OneReadForFixedWidthTwoForVariable) {
  std::mt19937_64 random(tests::Seed());
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2}) {
    for (const TypePtr& type : tests::AllTypes(version == FileVersion::kV2_2)) {
      for (const auto layout : {ForcedLayout::kNone, ForcedLayout::kFullZip}) {
        for (const double nulls : {0.0, 0.2}) {
          SCOPED_TRACE(FileVersionText(version));
          SCOPED_TRACE(type->ToString());
          SCOPED_TRACE(layout == ForcedLayout::kNone ? "by cost" : "full-zip");
          WriterOptions options;
          options.version = version;
          options.page_rows = kPageRows;
          options.forced_layout = layout;
          ExpectCheapTakes(type, options, nulls, DataShape::kUnique, random);
          ExpectCheapTakes(type, options, nulls, DataShape::kExtremes, random);
        }
      }
    }
  }
}

// Of a vector nothing but its own bytes is read, of a member of a struct nothing of its siblings.
TEST(RandomAccessTest, OnlyTheBytesOfTheValue) {
  std::mt19937_64 random(tests::Seed());
  const TypePtr vector = FixedSizeListOf(Float32(), 96);
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2}) {
    const TypePtr type = Struct({{"text", Utf8(), true, {}}, {"vector", vector, true, {}}});
    const ArrayPtr array = tests::RandomArray(type, kRows, {DataShape::kExtremes, 0, 0}, random);
    WriterOptions options;
    options.version = version;
    options.page_rows = kPageRows;
    const auto opened = WriteAndOpen(tests::SingleColumn(array), options);
    ASSERT_THAT(opened, IsOk());
    ColumnRequest request = opened->reader->AllColumns()[0];
    request.field.children.erase(request.field.children.begin());
    // The struct's own column in 2.0, then that of the vector.
    request.column_indices =
        version == FileVersion::kV2_0 ? std::vector<int32_t>{0, 2} : std::vector<int32_t>{1};
    const std::vector<uint64_t> of_each_page = {0, kPageRows, 2 * kPageRows};
    ASSERT_THAT(opened->reader->Take({request}, of_each_page), IsOk());
    const io::StoreCounts before = opened->store->counts();
    const std::vector<uint64_t> rows = {1234};
    const auto taken = opened->reader->Take({request}, rows);
    ASSERT_THAT(taken, IsOk());
    EXPECT_TRUE(Equal(*taken->columns[0]->children[0], *Slice(array->children[1], 1234, 1)));
    const io::StoreCounts counts = opened->store->counts() - before;
    EXPECT_EQ(counts.reads(), 1u) << counts.Text();
    EXPECT_EQ(counts.bytes_read(), 96u * sizeof(float)) << counts.Text();
  }
}

// A hundred scattered rows of a page are one round of requests, and rows in one chunk one request.
TEST(RandomAccessTest, NeighboursShareARead) {
  std::mt19937_64 random(tests::Seed());
  for (const auto version : {FileVersion::kV2_1, FileVersion::kV2_2}) {
    WriterOptions options;
    options.version = version;
    const ArrayPtr array = tests::RandomArray(Int64(), kRows, {DataShape::kExtremes, 0, 0}, random);
    const auto opened = WriteAndOpen(tests::SingleColumn(array), options);
    ASSERT_THAT(opened, IsOk());
    const std::vector<ColumnRequest> columns = opened->reader->AllColumns();
    const std::vector<uint64_t> first = {0};
    ASSERT_THAT(opened->reader->Take(columns, first), IsOk());
    const io::StoreCounts before = opened->store->counts();
    const std::vector<uint64_t> rows = {100, 101, 102, 120, 150, 199};
    ASSERT_THAT(opened->reader->Take(columns, rows), IsOk());
    EXPECT_EQ((opened->store->counts() - before).reads(), 1u);
  }
}

}  // namespace
}  // namespace og::format
