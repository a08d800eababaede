// Arrow IPC that we wrote comes back, as stream and as file, whole and damaged. What other programs
// write is read in tests/interop/ipc_test.sh.
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/json.h"
#include "format/tabular/tabular.h"
#include "format/tabular/text_input_testing.h"
#include "io/base/buffer.h"
#include "tests/support/random_arrays.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

std::string Written(TabularFormat format, const std::vector<RecordBatch>& batches) {
  std::string bytes;
  const auto writer = MakeTabularWriter(format, batches[0].schema, {});
  for (const RecordBatch& batch : batches)
    writer->Append(batch, bytes);
  writer->Finish(bytes);
  return bytes;
}

absl::StatusOr<RecordBatch> Read(const std::string& bytes, const SchemaPtr& schema = nullptr,
                                 size_t piece_bytes = 1 << 20) {
  TabularReadOptions options;
  options.schema = schema;
  OG_ASSIGN_OR_RETURN(const auto stream, OpenTabular(TabularFormat::kArrowStream,
                                                     TextInput::Of(bytes, piece_bytes), options));
  return Collect(*stream);
}

std::string Lines(const RecordBatch& batch) {
  std::string lines;
  for (int64_t row = 0; row < batch.num_rows; ++row) {
    AppendJsonRow(batch, row, lines);
    lines += '\n';
  }
  return lines;
}

TEST(IpcTest, EveryTypeComesBack) {
  std::mt19937_64 random(5);
  for (const TypePtr& type : tests::AllTypes(true)) {
    const ArrayPtr values =
        tests::RandomArray(type, 60, {.null_fraction = 0.2, .empty_fraction = 0.2}, random);
    const std::vector<RecordBatch> batches = {tests::SingleColumn(values),
                                              tests::SingleColumn(Slice(values, 7, 0)),
                                              tests::SingleColumn(Slice(values, 3, 41))};
    for (const TabularFormat format : {TabularFormat::kArrowStream, TabularFormat::kArrowFile}) {
      OG_ASSERT_OK_AND_ASSIGN(const RecordBatch back, Read(Written(format, batches), nullptr, 61));
      EXPECT_EQ(Lines(back), Lines(Concat(batches))) << type->ToString();
    }
  }
}

TEST(IpcTest, ASchemaOrdersAndConverts) {
  const auto from = std::make_shared<Schema>(
      Schema{{{"b", LargeUtf8(), true, {}}, {"a", Int32(), true, {}}}, {}});
  std::mt19937_64 random(3);
  const RecordBatch batch{
      from,
      5,
      {tests::RandomArray(LargeUtf8(), 5, {}, random), tests::RandomArray(Int32(), 5, {}, random)}};
  const std::string bytes = Written(TabularFormat::kArrowStream, {Slice(batch, 1, 4)});
  const auto wanted = std::make_shared<Schema>(
      Schema{{{"a", Int32(), false, {}}, {"c", Int8(), true, {}}, {"b", Utf8(), true, {}}}, {}});
  OG_ASSERT_OK_AND_ASSIGN(const RecordBatch fitted, Read(bytes, wanted));
  EXPECT_EQ(*fitted.schema, *wanted);
  for (int64_t row = 0; row < 4; ++row) {
    EXPECT_EQ(fitted.columns[0]->Value<int32_t>(row), batch.columns[1]->Value<int32_t>(row + 1));
    EXPECT_EQ(fitted.columns[2]->StringValue(row), batch.columns[0]->StringValue(row + 1));
    EXPECT_TRUE(fitted.columns[1]->IsNull(row));
  }
  const auto other =
      std::make_shared<Schema>(Schema{{{"a", Int64(), false, {}}, {"b", Utf8(), true, {}}}, {}});
  EXPECT_THAT(Read(bytes, other), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("column 'a' is int32, not int64")));
}

TEST(IpcTest, WhatIsNoArrowIsRefused) {
  EXPECT_THAT(Read(""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
  EXPECT_THAT(Read("a,b\n1,2\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no Arrow IPC")));
  EXPECT_THAT(Read("PAR1....PAR1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Parquet")));
}

ArrayPtr Nulls(int64_t length) {
  auto nulls = std::make_shared<Array>();
  nulls->type = Null();
  nulls->length = length;
  nulls->null_count = length;
  return nulls;
}

ArrayPtr EmptyStructs(int64_t length) {
  auto structs = std::make_shared<Array>();
  structs->type = Struct({});
  structs->length = length;
  return structs;
}

// A few bytes cannot claim rows without end.
TEST(IpcTest, ValuesWithoutBytesAreBounded) {
  constexpr int64_t kTooMany = int64_t{1} << 40;
  const int64_t ends[] = {0, kTooMany};
  auto list = std::make_shared<Array>();
  list->type = LargeList({"item", Null(), true, {}});
  list->length = 1;
  list->offsets = io::Buffer::CopyOf(std::as_bytes(std::span(ends)));
  list->children = {Nulls(kTooMany)};
  for (const ArrayPtr& column : {Nulls(kTooMany), EmptyStructs(kTooMany), ArrayPtr(list)}) {
    const std::string bytes = Written(TabularFormat::kArrowStream, {tests::SingleColumn(column)});
    EXPECT_THAT(Read(bytes), StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("an array of 1099511627776 values without bytes")))
        << column->type->ToString();
  }
  constexpr int64_t kMany = int64_t{1} << 25;
  std::mt19937_64 random(1);
  const ArrayPtr bits =
      tests::RandomArray(Bool(), kMany, {.shape = tests::DataShape::kConstant}, random);
  const auto schema =
      std::make_shared<Schema>(Schema{{{"n", Null(), true, {}}, {"b", Bool(), true, {}}}, {}});
  const std::string bytes =
      Written(TabularFormat::kArrowStream, {RecordBatch{schema, kMany, {Nulls(kMany), bits}}});
  OG_ASSERT_OK_AND_ASSIGN(const RecordBatch batch, Read(bytes));
  EXPECT_EQ(batch.num_rows, kMany);
}

// Every prefix and many flipped bits: an error or rows, and never a read out of bounds.
TEST(IpcTest, DamageIsFoundOrHarmless) {
  std::mt19937_64 random(9);
  const TypePtr type = Struct({{"l", ListOf(Utf8()), true, {}}, {"n", Int32(), true, {}}});
  const RecordBatch batch =
      tests::SingleColumn(tests::RandomArray(type, 9, {.null_fraction = 0.2}, random));
  const std::string bytes = Written(TabularFormat::kArrowStream, {batch});
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A stream may end behind any message, without a mark.
    const auto read = Read(bytes.substr(0, size));
    EXPECT_TRUE(!read.ok() || read->num_rows == 0 || read->num_rows == 9) << size;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 3) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    if (const auto read = Read(damaged); read.ok()) Lines(*read);
  }
}

}  // namespace
}  // namespace og::format
