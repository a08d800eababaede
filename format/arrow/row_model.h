// A naive model of rows for the tests of this room: values as bytes and lists, random types and
// rows of every family, and arrays built from rows value by value.
#pragma once

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/array.h"
#include "format/arrow/builder.h"

namespace og::format {

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
inline ArrayPtr OneValue(const TypePtr& type, const Row& row);

inline void AppendRow(ArrayBuilder& builder, const Row& row) {
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

inline ArrayPtr Build(const TypePtr& type, std::span<const Row> rows) {
  const auto builder = MakeBuilder(type);
  for (const Row& row : rows)
    AppendRow(*builder, row);
  EXPECT_EQ(builder->length(), std::ssize(rows));
  return builder->Finish();
}

inline ArrayPtr OneValue(const TypePtr& type, const Row& row) {
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

inline Row Read(const Array& array, int64_t i) {
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

}  // namespace og::format
