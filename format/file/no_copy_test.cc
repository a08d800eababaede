// Values that stand in a page as they stand in memory are not copied after the read: the arrays of
// a scan lie in the bytes that the store gave. The memory store gives its own bytes, so that one
// can see it. Flat values in mini-blocks are no such case: their chunks have headers.
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "format/file/lance_schema.h"
#include "format/file/reader.h"
#include "format/file/writer.h"
#include "io/base/text.h"
#include "io/memory/memory_store.h"
#include "tests/support/random_arrays.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using tests::IsOk;

constexpr int64_t kRows = 3000;

const io::Buffer& InnermostValues(const Array& array) {
  return array.type->id == TypeId::kFixedSizeList ? InnermostValues(*array.children[0])
                                                  : array.values;
}

// Batches whose values lie in the file, of all.
struct Counted {
  int in_place = 0;
  int all = 0;
};

Counted CountInPlace(const TypePtr& type, FileVersion version, double nulls, bool check_pages) {
  std::mt19937_64 random(tests::Seed());
  const RecordBatch rows = tests::SingleColumn(
      tests::RandomArray(type, kRows, {tests::DataShape::kExtremes, nulls, 0}, random));
  const auto store = std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; });
  const io::Location location{store, "x.lance"};
  const auto schema = FromArrow(*rows.schema);
  EXPECT_THAT(schema, IsOk());
  WriterOptions options;
  options.version = version;
  options.page_bytes = size_t{64} << 20;  // a batch of two pages has to be put together
  const auto writer = FileWriter::Open(location, *schema, options);
  EXPECT_THAT(writer, IsOk());
  EXPECT_THAT((*writer)->Write(rows), IsOk());
  EXPECT_THAT((*writer)->Finish(), IsOk());
  const io::Buffer file = store->Find("x.lance")->bytes;
  const auto reader =
      FileReader::Open(location, file.size(), {.tail_bytes = 64, .check_pages = check_pages});
  EXPECT_THAT(reader, IsOk());
  const auto stream =
      (*reader)->Scan((*reader)->AllColumns(), {{0, kRows}}, {.batch_rows = kRows / 3});
  EXPECT_THAT(stream, IsOk());
  Counted counted;
  while (true) {
    const auto batch = (*stream)->Next();
    EXPECT_THAT(batch, IsOk());
    if (!batch.ok() || !batch->has_value()) {
      return counted;
    }
    const io::Buffer& values = InnermostValues(*(*batch)->columns[0]);
    const bool is_inside =
        values.data() >= file.data() && values.data() + values.size() <= file.data() + file.size();
    ++counted.all;
    counted.in_place += is_inside ? 1 : 0;
  }
}

TEST(NoCopyTest, FlatAndFixedSizeListsLieInTheBytesThatWereRead) {
  for (const bool check_pages : {false, true}) {
    for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_1, FileVersion::kV2_2}) {
      for (const TypePtr& type :
           {FixedSizeListOf(Float32(), 768), FixedSizeListOf(Float64(), 96),
            FixedSizeListOf(Uint8(), 512), FixedSizeListOf(FixedSizeListOf(Float32(), 32), 4),
            FixedSizeBinary(300)}) {
        SCOPED_TRACE(io::StrCat(FileVersionText(version), " ", type->ToString()));
        const Counted counted = CountInPlace(type, version, 0, check_pages);
        EXPECT_GE(counted.all, 3);
        EXPECT_EQ(counted.in_place, counted.all);
      }
    }
    for (const TypePtr& type : {Int64(), Float32(), FixedSizeListOf(Float32(), 3)}) {
      SCOPED_TRACE(type->ToString());
      const Counted counted = CountInPlace(type, FileVersion::kV2_0, 0, check_pages);
      EXPECT_EQ(counted.in_place, counted.all);
    }
  }
}

// The check tells the cases apart: levels between the values, chunks with headers.
TEST(NoCopyTest, WhatHasToBePutTogetherDoesNot) {
  EXPECT_EQ(CountInPlace(FixedSizeListOf(Float32(), 768), FileVersion::kV2_2, 0.1, false).in_place,
            0);
  EXPECT_EQ(CountInPlace(Float64(), FileVersion::kV2_2, 0, false).in_place, 0);
}

}  // namespace
}  // namespace og::format
