// Arrays against a naive row model: random arrays of every type family are built from rows, and
// what slice, take, concat and the builders give is read back and compared with the rows.
#include "format/arrow/array.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <string>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"

namespace og::format {
namespace {

// One value: null, or bytes (leaf) or items (list, struct).
struct Row {
  bool is_null = false;
  std::string bytes;
  std::vector<Row> items;
  friend bool operator==(const Row&, const Row&) = default;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

  TypePtr Type(int depth) {
    static const std::vector<TypePtr> kLeaves = {
        Null(),
        Bool(),
        Int8(),
        Int16(),
        Int32(),
        Int64(),
        Uint8(),
        Uint16(),
        Uint32(),
        Uint64(),
        Float16(),
        Float32(),
        Float64(),
        Decimal128(9, 2),
        Decimal256(40, 3),
        Date32(),
        Date64(),
        Time32(TimeUnit::kMilli),
        Time64(TimeUnit::kNano),
        Timestamp(TimeUnit::kMicro, "UTC"),
        Duration(TimeUnit::kSecond),
        Utf8(),
        LargeUtf8(),
        Binary(),
        LargeBinary(),
        FixedSizeBinary(3),
        Dictionary(Int8(), Utf8()),
        Dictionary(Uint16(), Int32()),
        Dictionary(Int32(), Binary()),
    };
    if (depth == 0 || Below(3) != 0)
      return kLeaves[static_cast<size_t>(Below(std::ssize(kLeaves)))];
    switch (Below(5)) {
      case 0:
        return ListOf(Type(depth - 1));
      case 1:
        return LargeList({"element", Type(depth - 1), true, {}});
      case 2:
        return FixedSizeListOf(Type(depth - 1), static_cast<int32_t>(1 + Below(3)));
      case 3:
        return Map({"entries",
                    Struct({{"key", Utf8(), false, {}}, {"value", Type(depth - 1), true, {}}}),
                    false,
                    {}});
      default:
        return Struct({{"a", Type(depth - 1), true, {}}, {"b", Type(depth - 1), true, {}}});
    }
  }

  Row Value(const DataType& type, bool null_allowed = true) {
    Row row;
    if (type.id == TypeId::kNull || (null_allowed && Below(5) == 0)) {
      row.is_null = true;
    } else if (type.id == TypeId::kDictionary) {
      row = Value(*type.value_type, false);
      if (!row.bytes.empty()) row.bytes[0] = static_cast<char>('a' + Below(4));
      row.bytes.resize(std::min<size_t>(row.bytes.size(), 4));
      for (size_t i = 1; i < row.bytes.size(); ++i)
        row.bytes[i] = 'x';
    } else if (type.is_list()) {
      for (int64_t n = Below(4); n > 0; --n)
        row.items.push_back(Value(*type.children[0].type, type.id != TypeId::kMap));
    } else if (type.id == TypeId::kFixedSizeList) {
      for (int32_t i = 0; i < type.list_size; ++i)
        row.items.push_back(Value(*type.children[0].type));
    } else if (type.id == TypeId::kStruct) {
      for (const Field& child : type.children)
        row.items.push_back(Value(*child.type, child.nullable));
    } else if (type.id == TypeId::kBool) {
      row.bytes = Below(2) == 0 ? "f" : "t";
    } else if (type.is_variable()) {
      for (int64_t n = Below(9); n > 0; --n)
        row.bytes += static_cast<char>('a' + Below(26));
      if (Below(4) == 0) row.bytes += "\xc3\xa9";
    } else {
      for (int i = 0; i < type.bit_width() / 8; ++i)
        row.bytes += static_cast<char>(Below(256));
      // No NaN: all of them are equal, which bytes are not.
      if (type.is_floating()) row.bytes.back() = 1;
    }
    return row;
  }

  std::vector<Row> Rows(const DataType& type, int64_t count) {
    std::vector<Row> rows;
    const bool nulls = Below(3) != 0;
    while (std::ssize(rows) < count)
      rows.push_back(Value(type, nulls));
    return rows;
  }

 private:
  std::mt19937_64 random_;
};

template <typename T>
void AppendFixed(ArrayBuilder& builder, const std::string& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  dynamic_cast<FixedBuilder<T>&>(builder).Append(value);
}

// One value of a type whose builder takes only slices.
ArrayPtr OneValue(const TypePtr& type, const Row& row);

void AppendRow(ArrayBuilder& builder, const Row& row) {
  const DataType& type = *builder.type();
  if (row.is_null) return builder.AppendNull();
  if (auto* list = dynamic_cast<ListBuilder*>(&builder)) {
    for (const Row& item : row.items)
      AppendRow(list->items(), item);
    return list->Append();
  }
  if (auto* structure = dynamic_cast<StructBuilder*>(&builder)) {
    for (size_t i = 0; i < row.items.size(); ++i)
      AppendRow(structure->child(i), row.items[i]);
    return structure->Append();
  }
  if (auto* strings = dynamic_cast<StringBuilder*>(&builder)) return strings->Append(row.bytes);
  if (auto* bools = dynamic_cast<BoolBuilder*>(&builder)) return bools->Append(row.bytes == "t");
  switch (type.id) {
    case TypeId::kInt8:
      return AppendFixed<int8_t>(builder, row.bytes);
    case TypeId::kUint8:
      return AppendFixed<uint8_t>(builder, row.bytes);
    case TypeId::kInt16:
      return AppendFixed<int16_t>(builder, row.bytes);
    case TypeId::kUint16:
    case TypeId::kFloat16:
      return AppendFixed<uint16_t>(builder, row.bytes);
    case TypeId::kUint32:
      return AppendFixed<uint32_t>(builder, row.bytes);
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return AppendFixed<int32_t>(builder, row.bytes);
    case TypeId::kUint64:
      return AppendFixed<uint64_t>(builder, row.bytes);
    case TypeId::kFloat32:
      return AppendFixed<float>(builder, row.bytes);
    case TypeId::kFloat64:
      return AppendFixed<double>(builder, row.bytes);
    case TypeId::kDecimal128:
      return AppendFixed<std::array<uint64_t, 2>>(builder, row.bytes);
    case TypeId::kDecimal256:
      return AppendFixed<std::array<uint64_t, 4>>(builder, row.bytes);
    case TypeId::kFixedSizeBinary:
    case TypeId::kDictionary:
      return builder.AppendSlice(*OneValue(builder.type(), row), 0, 1);
    default:
      return AppendFixed<int64_t>(builder, row.bytes);
  }
}

ArrayPtr Build(const TypePtr& type, std::span<const Row> rows) {
  const auto builder = MakeBuilder(type);
  for (const Row& row : rows)
    AppendRow(*builder, row);
  EXPECT_EQ(builder->length(), std::ssize(rows));
  return builder->Finish();
}

ArrayPtr OneValue(const TypePtr& type, const Row& row) {
  auto array = std::make_shared<Array>();
  array->type = type;
  array->length = 1;
  if (type->id == TypeId::kDictionary) {
    array->values = io::Buffer::Zeros(8);
    array->dictionary = Build(type->value_type, std::span(&row, 1));
  } else {
    array->values = io::Buffer::CopyOf(row.bytes);
  }
  return array;
}

Row Read(const Array& array, int64_t i) {
  Row row;
  const DataType& type = *array.type;
  if (array.IsNull(i)) {
    row.is_null = true;
  } else if (type.id == TypeId::kBool) {
    row.bytes = array.BoolValue(i) ? "t" : "f";
  } else if (type.is_variable()) {
    row.bytes = array.StringValue(i);
  } else if (type.id == TypeId::kDictionary) {
    row = Read(*array.dictionary, DictionaryIndex(array, i));
  } else if (type.is_list()) {
    for (int64_t k = array.OffsetAt(i); k < array.OffsetAt(i + 1); ++k) {
      row.items.push_back(Read(*array.children[0], k));
    }
  } else if (type.id == TypeId::kFixedSizeList) {
    for (int64_t k = 0; k < type.list_size; ++k) {
      row.items.push_back(Read(*array.children[0], (array.offset + i) * type.list_size + k));
    }
  } else if (type.id == TypeId::kStruct) {
    for (const ArrayPtr& child : array.children)
      row.items.push_back(Read(*child, array.offset + i));
  } else {
    const auto width = static_cast<size_t>(type.bit_width() / 8);
    row.bytes = array.values.view().substr(static_cast<size_t>(array.offset + i) * width, width);
  }
  return row;
}

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

class ArrayPropertyTest : public testing::Test {
 protected:
  static uint64_t Seed() {
    const char* seed = std::getenv("OG_SEED");
    const uint64_t value = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
    std::cout << "OG_SEED=" << value << "\n";
    return value;
  }
};

TEST_F(ArrayPropertyTest, OperationsAgreeWithRows) {
  Generator make(Seed());
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
