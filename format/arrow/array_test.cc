// Arrays against a naive row model: random arrays of every type family are built from rows, and
// what slice, take, concat and the builders give is read back and compared with the rows.
#include "format/arrow/array.h"

#include <cmath>
#include <cstring>
#include <string>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "format/arrow/row_model.h"
#include "tests/support/seed.h"

namespace og::format {
namespace {

std::vector<Row> ReadAll(const Array& array) {
  std::vector<Row> rows;
  for (int64_t i = 0; i < array.length; ++i)
    rows.push_back(Read(array, i));
  return rows;
}

int64_t CountNulls(const std::vector<Row>& rows) {
  return std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.is_null; });
}

void ExpectHolds(const ArrayPtr& array, const std::vector<Row>& rows) {
  ASSERT_EQ(Validate(*array).ToString(), "OK") << array->type->ToString();
  ASSERT_EQ(array->null_count, CountNulls(rows)) << array->type->ToString();
  ASSERT_TRUE(ReadAll(*array) == rows) << array->type->ToString();
}

TEST(ArrayPropertyTest, OperationsAgreeWithRows) {
  Generator make(tests::Seed());
  for (int round = 0; round < 400; ++round) {
    const TypePtr type = make.Type(3);
    SCOPED_TRACE(type->ToString());
    const std::vector<Row> rows = make.Rows(*type, make.Below(40));
    const auto num_rows = std::ssize(rows);
    const ArrayPtr whole = Build(type, rows);
    ExpectHolds(whole, rows);

    const int64_t start = make.Below(num_rows + 1);
    const int64_t length = make.Below(num_rows - start + 1);
    const ArrayPtr slice = Slice(whole, start, length);
    const std::vector<Row> slice_rows(rows.begin() + start, rows.begin() + start + length);
    ExpectHolds(slice, slice_rows);
    const int64_t inner = make.Below(length + 1);
    ExpectHolds(Slice(slice, inner, length - inner),
                std::vector<Row>(slice_rows.begin() + inner, slice_rows.end()));

    std::vector<int64_t> indices;
    std::vector<Row> taken;
    for (int64_t n = make.Below(50); n > 0; --n) {
      indices.push_back(length == 0 ? -1 : make.Below(length + 1) - 1);
      taken.push_back(indices.back() < 0 ? Row{true, {}, {}}
                                         : slice_rows[static_cast<size_t>(indices.back())]);
    }
    ExpectHolds(Take(*slice, indices), taken);

    const std::vector<Row> other_rows = make.Rows(*type, make.Below(20));
    const ArrayPtr other = Build(type, other_rows);
    std::vector<Row> all = slice_rows;
    all.insert(all.end(), other_rows.begin(), other_rows.end());
    all.insert(all.end(), slice_rows.begin(), slice_rows.end());
    const ArrayPtr parts[] = {slice, other, slice};
    const ArrayPtr joined = Concat(parts);
    ExpectHolds(joined, all);

    const auto builder = MakeBuilder(type);
    for (const ArrayPtr& part : parts)
      builder->AppendSlice(*part, 0, part->length);
    const ArrayPtr appended = builder->Finish();
    ExpectHolds(appended, all);
    EXPECT_TRUE(Equal(*appended, *joined));
    ExpectHolds(builder->Finish(), {});  // Finish starts again empty

    EXPECT_EQ(Equal(*Slice(joined, 0, slice->length), *slice), true);
    EXPECT_EQ(Equal(*whole, *Build(type, rows)), true);
    if (!(slice_rows == other_rows)) {
      EXPECT_FALSE(Equal(*slice, *other));
    }
    ExpectHolds(NullArray(type, 3), std::vector<Row>(3, Row{true, {}, {}}));
    ExpectHolds(DecodeDictionary(joined), all);
  }
}

TEST(ArrayTest, NansAreEqualAndZerosAreNot) {
  FixedBuilder<double> builder(Float64());
  for (const double value : {std::nan("1"), std::nan("2"), 0.0, -0.0})
    builder.Append(value);
  const ArrayPtr array = builder.Finish();
  EXPECT_TRUE(Equal(*Slice(array, 0, 1), *Slice(array, 1, 1)));
  EXPECT_FALSE(Equal(*Slice(array, 2, 1), *Slice(array, 3, 1)));
}

TEST(ArrayTest, NullIsNotEmpty) {
  StringBuilder strings(Utf8());
  strings.Append("");
  strings.AppendNull();
  const ArrayPtr array = strings.Finish();
  EXPECT_FALSE(Equal(*Slice(array, 0, 1), *Slice(array, 1, 1)));
}

TEST(ArrayTest, ConcatOfSmallIndicesMergesDictionaries) {
  const TypePtr type = Dictionary(Int8(), Utf8());
  std::vector<ArrayPtr> parts;
  for (int part = 0; part < 10; ++part) {  // 10 dictionaries of 100 values do not fit int8
    auto array = std::make_shared<Array>();
    array->type = type;
    array->length = 100;
    io::MutableBuffer indices(100);
    StringBuilder values(Utf8());
    for (int i = 0; i < 100; ++i) {
      indices.data()[i] = static_cast<std::byte>(i);
      values.Append(std::to_string((i + part) % 100));
    }
    array->values = std::move(indices).Share();
    array->dictionary = values.Finish();
    parts.push_back(array);
  }
  const ArrayPtr joined = Concat(parts);
  ASSERT_TRUE(Validate(*joined).ok());
  EXPECT_EQ(joined->dictionary->length, 100);
  const ArrayPtr plain = DecodeDictionary(joined);
  EXPECT_EQ(plain->StringValue(100), "1");
  EXPECT_EQ(plain->StringValue(999), "8");
}

TEST(ArrayTest, BatchOperations) {
  const auto schema =
      std::make_shared<Schema>(Schema{{{"n", Int32(), true, {}}, {"s", Utf8(), true, {}}}, {}});
  const auto batch_of = [&](int32_t first, int count) {
    FixedBuilder<int32_t> numbers(Int32());
    StringBuilder strings(Utf8());
    for (int i = 0; i < count; ++i) {
      numbers.Append(first + i);
      strings.Append(std::to_string(first + i));
    }
    return RecordBatch{schema, count, {numbers.Finish(), strings.Finish()}};
  };
  const auto stream = MakeStream(schema, {batch_of(0, 3), batch_of(3, 4)});
  const auto all = Collect(*stream);
  ASSERT_TRUE(all.ok());
  EXPECT_TRUE(Equal(*all, batch_of(0, 7)));
  EXPECT_TRUE(Equal(Slice(*all, 2, 3), batch_of(2, 3)));
  const int64_t indices[] = {4, 5, 6};
  EXPECT_TRUE(Equal(Take(*all, indices), batch_of(4, 3)));
  EXPECT_EQ(all->Column("s")->StringValue(6), "6");
  EXPECT_EQ(all->Column("none"), nullptr);
  EXPECT_TRUE(Equal(*Collect(*MakeStream(schema, {})), EmptyBatch(schema)));
}

// Damage done to a valid array, and the text that Validate answers with.
class ValidateTest : public testing::Test {
 protected:
  static Array Strings() {
    StringBuilder builder(Utf8());
    builder.Append("one");
    builder.AppendNull();
    builder.Append("\xc3\xa9");
    return *builder.Finish();
  }
  static void ExpectRefused(const Array& array, std::string_view text) {
    const absl::Status status = Validate(array);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(status.ToString().find(text), std::string::npos) << status.ToString();
  }
  static void SetOffset(Array& array, size_t i, int32_t value) {
    io::MutableBuffer copy(array.offsets.size());
    std::memcpy(copy.data(), array.offsets.data(), copy.size());
    copy.as<int32_t>()[i] = value;
    array.offsets = std::move(copy).Share();
  }
};

TEST_F(ValidateTest, Offsets) {
  Array array = Strings();
  ASSERT_TRUE(Validate(array).ok());
  SetOffset(array, 3, 6);
  ExpectRefused(array, "past the end");
  SetOffset(array, 3, 2);
  ExpectRefused(array, "after 3");
  SetOffset(array, 0, -1);
  ExpectRefused(array, "negative");
  array.offsets = array.offsets.Slice(0, 12);
  ExpectRefused(array, "offsets of 12 bytes");
}

TEST_F(ValidateTest, Utf8) {
  Array array = Strings();
  SetOffset(array, 1, 2);
  SetOffset(array, 2, 2);
  ASSERT_TRUE(Validate(array).ok());
  SetOffset(array, 2, 4);  // null takes half of the character, the last value the rest
  ExpectRefused(array, "value 2 is not UTF-8");
}

TEST_F(ValidateTest, NullCountAndValidity) {
  Array array = Strings();
  array.null_count = 2;
  ExpectRefused(array, "null count 2");
  array = Strings();
  array.length = 10;
  ExpectRefused(array, "validity of 1 bytes");
  array = Strings();
  array.offset = -1;
  ExpectRefused(array, "at offset -1");
}

TEST_F(ValidateTest, ValuesChildrenDictionaries) {
  Array numbers = *NullArray(Int64(), 2);
  numbers.values = io::Buffer::Zeros(15);
  ExpectRefused(numbers, "values of 15 bytes");

  Array list = *NullArray(FixedSizeListOf(Int8(), 3), 2);
  list.children[0] = NullArray(Int8(), 5);
  ExpectRefused(list, "holds 5 values");
  list.children[0] = NullArray(Int16(), 6);
  ExpectRefused(list, "another type");

  Array dictionary = *NullArray(Dictionary(Int8(), Utf8()), 1);
  dictionary.validity = io::Buffer();
  dictionary.null_count = 0;
  ExpectRefused(dictionary, "index 0 of value 0 outside a dictionary of 0");
}

TEST_F(ValidateTest, DeepTypes) {
  TypePtr type = Int8();
  for (int i = 0; i < kTypeDepthMax; ++i)
    type = ListOf(type);
  EXPECT_TRUE(Validate(*EmptyArray(type)).ok());
  ExpectRefused(*EmptyArray(ListOf(type)), "nested deeper");
}

}  // namespace
}  // namespace og::format
