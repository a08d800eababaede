// What does not fit into one array is refused before anything is allocated: the arrays here have
// far more values together than there is memory for.
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/array.h"
#include "format/arrow/builder.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using ::og::tests::IsOk;
using ::og::tests::StatusIs;

constexpr int64_t kTextBytes = int64_t{1} << 20;
constexpr size_t kFits = 2047;  // texts

ArrayPtr LongText() {
  StringBuilder builder(Utf8());
  builder.Append(std::string(kTextBytes, 'x'));
  return builder.Finish();
}

ArrayPtr InList(const ArrayPtr& items, const TypePtr& type) {
  ListBuilder builder(type);
  builder.items().AppendSlice(*items, 0, items->length);
  builder.Append();
  return builder.Finish();
}

ArrayPtr InStruct(const ArrayPtr& member) {
  StructBuilder builder(Struct({{"s", member->type, true, {}}}));
  builder.child(0).AppendSlice(*member, 0, 1);
  builder.Append();
  return builder.Finish();
}

std::vector<ArrayPtr> Times(const ArrayPtr& array, size_t count) {
  return std::vector<ArrayPtr>(count, array);
}

std::vector<int64_t> FirstTimes(size_t count) {
  return std::vector<int64_t>(count, 0);
}

TEST(ExtentTest, TextsOfMoreThanTheirOffsets) {
  const ArrayPtr text = LongText();
  EXPECT_THAT(TryTake(*text, FirstTimes(kFits + 1)),
              StatusIs(absl::StatusCode::kResourceExhausted, "2147483648 bytes"));
  EXPECT_THAT(TryConcat(Times(text, kFits + 1)),
              StatusIs(absl::StatusCode::kResourceExhausted, "2147483648 bytes"));
  EXPECT_THAT(TryTake(*text, FirstTimes(3), 3 * kTextBytes), IsOk());
  EXPECT_THAT(TryTake(*text, FirstTimes(4), 3 * kTextBytes),
              StatusIs(absl::StatusCode::kResourceExhausted, "4194304 bytes"));
  const std::vector<int64_t> with_nulls = {-1, 0, -1, 0};
  const auto taken = TryTake(*text, with_nulls, 2 * kTextBytes);
  ASSERT_THAT(taken, IsOk());
  EXPECT_TRUE(Equal(**taken, *Take(*text, with_nulls)));
}

TEST(ExtentTest, MembersAndItems) {
  const ArrayPtr text = LongText();
  for (const ArrayPtr& nested :
       {InList(text, ListOf(Utf8())), InStruct(text), InStruct(InList(text, ListOf(Utf8()))),
        InList(text, FixedSizeListOf(Utf8(), 1))}) {
    SCOPED_TRACE(nested->type->ToString());
    EXPECT_THAT(TryConcat(Times(nested, kFits + 1)),
                StatusIs(absl::StatusCode::kResourceExhausted, "2147483648 bytes"));
    EXPECT_THAT(TryTake(*nested, FirstTimes(kFits + 1)),
                StatusIs(absl::StatusCode::kResourceExhausted, "2147483648 bytes"));
    const auto two = TryConcat(Times(nested, 2));
    ASSERT_THAT(two, IsOk());
    EXPECT_TRUE(Equal(**two, *Concat(Times(nested, 2))));
  }
}

TEST(ExtentTest, Dictionaries) {
  const auto coded = [] {
    FixedBuilder<int32_t> indices(Int32());
    for (int i = 0; i < 4096; ++i)
      indices.Append(0);
    auto array = std::make_shared<Array>(*indices.Finish());
    array->type = Dictionary(Int32(), Utf8());
    array->dictionary = LongText();
    return array;
  };
  const ArrayPtr one = coded();
  EXPECT_THAT(TryDecodeDictionary(one),
              StatusIs(absl::StatusCode::kResourceExhausted, "4294967296 bytes"));
  // Values that share a dictionary need no more of it.
  EXPECT_THAT(TryConcat(Times(one, 4096)), IsOk());
  const auto few = TryDecodeDictionary(Slice(one, 0, 2));
  ASSERT_THAT(few, IsOk());
  EXPECT_TRUE(Equal(**few, *DecodeDictionary(Slice(one, 0, 2))));
}

TEST(ExtentTest, BatchesNameTheColumn) {
  const ArrayPtr text = LongText();
  const RecordBatch batch{
      std::make_shared<Schema>(Schema{{{"body", Utf8(), true, {}}}, {}}), 1, {text}};
  EXPECT_THAT(TryTake(batch, FirstTimes(kFits + 1)),
              StatusIs(absl::StatusCode::kResourceExhausted, "column 'body': "));
  EXPECT_THAT(TryConcat(std::vector<RecordBatch>(kFits + 1, batch)),
              StatusIs(absl::StatusCode::kResourceExhausted, "column 'body': "));
  const auto two = TryConcat(std::vector<RecordBatch>(2, batch));
  ASSERT_THAT(two, IsOk());
  EXPECT_EQ(two->num_rows, 2);
}

}  // namespace
}  // namespace og::format
