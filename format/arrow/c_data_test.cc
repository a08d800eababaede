// The C Data and C Stream interfaces: random arrays of all types out and in again, the format
// strings of the standard, lifetimes, and damaged structs.
#include "format/arrow/c_data.h"

#include <cerrno>
#include <cstring>

#include "gtest/gtest.h"

#include "format/arrow/row_model.h"
#include "io/base/status.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

TEST(CDataTest, RandomArraysOutAndIn) {
  Generator make(tests::Seed());
  for (int round = 0; round < 400; ++round) {
    const Field field{"f", make.Type(3), make.Below(2) == 0, {{"k", "v"}, {"empty", ""}}};
    ArrowSchema schema = ExportField(field);
    const auto field_back = ImportField(&schema);
    ASSERT_THAT(field_back, tests::IsOk());
    ASSERT_TRUE(*field_back == field) << field.type->ToString();
    EXPECT_EQ(schema.release, nullptr);

    const std::vector<Row> rows = make.Rows(*field.type, make.Below(20));
    const ArrayPtr whole = Build(field.type, rows);
    const int64_t start = make.Below(whole->length + 1);
    const ArrayPtr array = Slice(whole, start, whole->length - start);
    ArrowArray exported = ExportArray(array);
    const auto back = ImportArray(&exported, field.type);
    ASSERT_THAT(back, tests::IsOk()) << field.type->ToString();
    ASSERT_TRUE(Equal(**back, *array)) << field.type->ToString();
    EXPECT_EQ(exported.release, nullptr);
  }
}

TEST(CDataTest, FormatStrings) {
  const std::pair<TypePtr, const char*> kCases[] = {
      {Null(), "n"},
      {Bool(), "b"},
      {Uint8(), "C"},
      {Float16(), "e"},
      {LargeUtf8(), "U"},
      {Binary(), "z"},
      {Decimal128(9, 2), "d:9,2"},
      {Decimal256(40, -3), "d:40,-3,256"},
      {FixedSizeBinary(42), "w:42"},
      {Date32(), "tdD"},
      {Date64(), "tdm"},
      {Time32(TimeUnit::kMilli), "ttm"},
      {Time64(TimeUnit::kNano), "ttn"},
      {Timestamp(TimeUnit::kMicro), "tsu:"},
      {Timestamp(TimeUnit::kSecond, "Europe/Berlin"), "tss:Europe/Berlin"},
      {Duration(TimeUnit::kMicro), "tDu"},
      {ListOf(Int8()), "+l"},
      {FixedSizeListOf(Int8(), 3), "+w:3"},
      {Struct({}), "+s"},
      {Dictionary(Int16(), Utf8()), "s"},
  };
  for (const auto& [type, format] : kCases) {
    ArrowSchema schema = ExportField({"x", type, true, {}});
    EXPECT_STREQ(schema.format, format);
    EXPECT_STREQ(schema.name, "x");
    EXPECT_EQ(schema.flags, ARROW_FLAG_NULLABLE);
    schema.release(&schema);
  }
}

// A schema of one format string, as a producer in C would make it.
ArrowSchema SchemaOf(const char* format) {
  ArrowSchema schema{};
  schema.format = format;
  schema.release = [](ArrowSchema* released) { released->release = nullptr; };
  return schema;
}

TEST(CDataTest, ForeignFormatStrings) {
  for (const char* format : {"", "x", "d:", "d:0,0", "d:99,1", "d:9", "w:", "w:-1", "w:1x", "tt",
                             "ttx", "tsu", "tdX", "+l", "+w:2"}) {
    ArrowSchema schema = SchemaOf(format);
    EXPECT_THAT(ImportField(&schema), StatusIs(absl::StatusCode::kInvalidArgument)) << format;
    EXPECT_EQ(schema.release, nullptr);
  }
  for (const char* format : {"vu", "vz", "tiM", "+ud:0", "+r", "d:5,2,64"}) {
    ArrowSchema schema = SchemaOf(format);
    EXPECT_THAT(ImportField(&schema), StatusIs(absl::StatusCode::kUnimplemented)) << format;
  }
}

TEST(CDataTest, BuffersLiveUntilTheLastUse) {
  static int num_released = 0;
  num_released = 0;
  static const int32_t kValues[] = {1, 2, 3};
  static const void* buffers[] = {nullptr, kValues};
  ArrowArray foreign{};
  foreign.length = 3;
  foreign.null_count = -1;
  foreign.n_buffers = 2;
  foreign.buffers = buffers;
  foreign.release = [](ArrowArray* array) {
    ++num_released;
    array->release = nullptr;
  };
  absl::StatusOr<ArrayPtr> array = ImportArray(&foreign, Int32());
  ASSERT_THAT(array, tests::IsOk());
  EXPECT_EQ((*array)->values.data(), reinterpret_cast<const std::byte*>(kValues));  // no copy
  ArrayPtr slice = Slice(*array, 1, 1);
  array = absl::CancelledError();
  EXPECT_EQ(num_released, 0);
  EXPECT_EQ(slice->Value<int32_t>(0), 2);
  slice.reset();
  EXPECT_EQ(num_released, 1);
}

TEST(CDataTest, DamagedArraysAreRefusedAndReleased) {
  const auto expect_refused = [](const TypePtr& type, const auto& damage, std::string_view text) {
    Generator make(7);
    ArrowArray array = ExportArray(Build(type, make.Rows(*type, 5)));
    damage(array);
    const auto imported = ImportArray(&array, type);
    EXPECT_FALSE(imported.ok());
    EXPECT_THAT(imported.status().ToString(), HasSubstr(std::string(text)));
    EXPECT_EQ(array.release, nullptr);
  };
  expect_refused(
      Int32(), [](ArrowArray& a) { a.length = -1; }, "length -1");
  expect_refused(
      Int32(), [](ArrowArray& a) { a.length = int64_t{1} << 60; }, "length");
  expect_refused(
      Int32(), [](ArrowArray& a) { a.n_buffers = 3; }, "3 buffers, wanted 2");
  expect_refused(
      Int32(), [](ArrowArray& a) { a.buffers[1] = nullptr; }, "is missing");
  expect_refused(
      Int32(),
      [](ArrowArray& a) {
        a.buffers[0] = nullptr;
        a.null_count = 1;
      },
      "without a validity bitmap");
  expect_refused(
      ListOf(Int32()), [](ArrowArray& a) { a.n_children = 0; }, "0 children");
  expect_refused(
      Dictionary(Int8(), Utf8()), [](ArrowArray& a) { a.dictionary = nullptr; }, "dictionary");
  static const int32_t kOffsets[] = {0, 2, 1, 1, 1, 1};
  expect_refused(
      Binary(),
      [](ArrowArray& a) {
        a.buffers[1] = kOffsets;
        a.null_count = 0;
      },
      "after 2");
  ArrowArray released{};
  EXPECT_THAT(ImportArray(&released, Int32()), StatusIs(absl::StatusCode::kInvalidArgument));
}

// Batches, then an error if there is one.
class TestStream final : public BatchStream {
 public:
  TestStream(std::vector<RecordBatch> batches, absl::Status end)
      : schema_(batches[0].schema), batches_(std::move(batches)), end_(std::move(end)) {}
  const SchemaPtr& schema() const override { return schema_; }
  absl::StatusOr<std::optional<RecordBatch>> Next() override {
    if (next_ < batches_.size()) return batches_[next_++];
    if (!end_.ok()) return end_;
    return std::nullopt;
  }

 private:
  SchemaPtr schema_;
  std::vector<RecordBatch> batches_;
  size_t next_ = 0;
  absl::Status end_;
};

RecordBatch NumberBatch(int32_t first) {
  FixedBuilder<int32_t> builder(Int32());
  for (int32_t i = 0; i < 4; ++i)
    builder.Append(first + i);
  const auto schema =
      std::make_shared<Schema>(Schema{{{"n", Int32(), false, {}}}, {{"about", "numbers"}}});
  return Slice({schema, 4, {builder.Finish()}}, 1, 2);
}

TEST(CStreamTest, BatchesOutAndIn) {
  ArrowArrayStream exported = ExportStream(
      std::make_unique<TestStream>(std::vector{NumberBatch(0), NumberBatch(10)}, absl::OkStatus()));
  const auto stream = ImportStream(&exported);
  ASSERT_THAT(stream, tests::IsOk());
  EXPECT_EQ(exported.release, nullptr);
  EXPECT_EQ(*(*stream)->schema(), *NumberBatch(0).schema);
  for (const int32_t first : {0, 10}) {
    const auto batch = (*stream)->Next();
    ASSERT_THAT(batch, tests::IsOk());
    ASSERT_TRUE(batch->has_value());
    EXPECT_TRUE(Equal(**batch, NumberBatch(first)));
  }
  const auto end = (*stream)->Next();
  ASSERT_THAT(end, tests::IsOk());
  EXPECT_FALSE(end->has_value());
}

TEST(CStreamTest, ErrorsKeepTheirText) {
  ArrowArrayStream exported = ExportStream(std::make_unique<TestStream>(
      std::vector{NumberBatch(0)}, io::UnimplementedError("no such codec")));
  EXPECT_EQ(exported.get_last_error(&exported), nullptr);
  ArrowArray batch{};
  ASSERT_EQ(exported.get_next(&exported, &batch), 0);
  batch.release(&batch);
  EXPECT_EQ(exported.get_next(&exported, &batch), ENOSYS);
  EXPECT_STREQ(exported.get_last_error(&exported), "no such codec");
  exported.release(&exported);

  exported = ExportStream(
      std::make_unique<TestStream>(std::vector{NumberBatch(0)}, io::DataLossError("torn page")));
  const auto stream = ImportStream(&exported);
  ASSERT_THAT(stream, tests::IsOk());
  ASSERT_THAT((*stream)->Next(), tests::IsOk());
  EXPECT_THAT((*stream)->Next(), StatusIs(absl::StatusCode::kUnknown, HasSubstr("torn page")));
}

}  // namespace
}  // namespace og::format
