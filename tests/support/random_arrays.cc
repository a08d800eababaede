#include "tests/support/random_arrays.h"

#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/base/bits.h"
#include "io/base/buffer.h"

namespace og::tests {
namespace {

// Items of the one long list of the shape kWide.
constexpr int64_t kLongListItems = 2000;

using format::Array;
using format::ArrayPtr;
using format::DataType;
using format::TypeId;
using format::TypePtr;

// The number behind value i: what the shape is about. Types derive their values from it.
class Numbers {
 public:
  Numbers(DataShape shape, std::mt19937_64& random) : shape_(shape), random_(random) {}

  uint64_t Next(uint64_t i) {
    switch (shape_) {
      case DataShape::kConstant:
        return 42;
      case DataShape::kRuns:
        if (run_left_ == 0) {
          run_left_ = 1 + random_() % 300;
          value_ = random_() % 1000;
        }
        --run_left_;
        return value_;
      case DataShape::kMonotonic:
        return value_ += random_() % 3;
      case DataShape::kExtremes:
      case DataShape::kWide:
        return random_() % 4 == 0 ? kOddBits[random_() % std::size(kOddBits)] : random_();
      case DataShape::kFewDistinct:
        return random_() % 20 * 0x9e3779b97f4a7c15u;
      case DataShape::kUnique:
        return i * 7 + 3;
    }
    return 0;
  }

 private:
  // The ends of integers, infinities and NaNs with payloads, for the widths of 16, 32 and 64 bits.
  static constexpr uint64_t kOddBits[] = {0,
                                          1,
                                          ~uint64_t{0},
                                          uint64_t{1} << 63,
                                          (uint64_t{1} << 63) - 1,
                                          uint64_t{1} << 31,
                                          0x7c01,
                                          0xfe5a,
                                          0x7f800001,
                                          0xffc12345,
                                          0x7f800000,
                                          0x7ff0000000000001,
                                          0xfff8123456789abc,
                                          0x7ff0000000000000};

  const DataShape shape_;
  std::mt19937_64& random_;
  uint64_t value_ = 0;
  uint64_t run_left_ = 0;
};

// Adds validity to `array`; the values under nulls stay what they are.
void AddNulls(Array& array, double fraction, std::mt19937_64& random) {
  if (fraction <= 0 || array.length == 0) {
    return;
  }
  const auto length = static_cast<size_t>(array.length);
  io::MutableBuffer validity(io::BytesForBits(length));
  if (validity.size() != 0) std::memset(validity.data(), 0, validity.size());
  std::bernoulli_distribution is_null(fraction);
  for (size_t i = 0; i < length; ++i) {
    const bool null = is_null(random);
    io::WriteBit(validity.data(), i, !null);
    array.null_count += null ? 1 : 0;
  }
  array.validity = std::move(validity).Share();
  if (array.null_count == 0) {
    array.validity = {};
  }
}

template <typename Offset>
io::Buffer OffsetsOf(const std::vector<int64_t>& ends) {
  io::MutableBuffer offsets((ends.size() + 1) * sizeof(Offset));
  offsets.as<Offset>()[0] = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    offsets.as<Offset>()[i + 1] = static_cast<Offset>(ends[i]);
  }
  return std::move(offsets).Share();
}

void SetOffsets(Array& array, const std::vector<int64_t>& ends) {
  array.offsets =
      array.type->has_large_offsets() ? OffsetsOf<int64_t>(ends) : OffsetsOf<int32_t>(ends);
}

void FillFixed(Array& array, size_t width, DataShape shape, std::mt19937_64& random) {
  Numbers numbers(shape, random);
  io::MutableBuffer values(static_cast<size_t>(array.length) * width);
  for (size_t i = 0; i < static_cast<size_t>(array.length); ++i) {
    const uint64_t number = numbers.Next(i);
    for (size_t b = 0; b < width; ++b) {
      const size_t shift = b % 8 * 8;
      values.data()[i * width + b] = static_cast<std::byte>(
          shape == DataShape::kExtremes || b < 8 ? (number >> shift) & 0xff : 0);
    }
  }
  array.values = std::move(values).Share();
}

// Characters of two to four bytes, joined ones, text from right to left, the greatest, and zero.
constexpr std::string_view kOddTexts[] = {
    "\xc3\x9f",
    "e\xcc\x81",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
    "\xe2\x80\xae abc",
    "\xef\xbb\xbf",
    "\xf4\x8f\xbf\xbf",
    std::string_view("a\0b", 3),
};

void FillText(Array& array, DataShape shape, std::mt19937_64& random) {
  Numbers numbers(shape, random);
  std::string bytes;
  std::vector<int64_t> ends;
  for (int64_t i = 0; i < array.length; ++i) {
    const uint64_t number = numbers.Next(static_cast<uint64_t>(i));
    switch (shape) {
      case DataShape::kExtremes:
        for (uint64_t k = number % 23; k > 0; --k) {
          bytes += static_cast<char>(' ' + random() % 95);
        }
        if (number % 3 == 0) {
          bytes += kOddTexts[random() % std::size(kOddTexts)];
        }
        break;
      case DataShape::kWide:
        bytes.append(number % 700, static_cast<char>('a' + number % 26));
        break;
      default:
        bytes += "https://example.org/item/" + std::to_string(number);
    }
    ends.push_back(static_cast<int64_t>(bytes.size()));
  }
  array.values = io::Buffer::CopyOf(bytes);
  SetOffsets(array, ends);
}

}  // namespace

std::string_view ShapeName(DataShape shape) {
  constexpr std::string_view kNames[] = {"constant",     "runs",   "monotonic", "extremes",
                                         "few_distinct", "unique", "wide"};
  return kNames[static_cast<size_t>(shape)];
}

ArrayPtr RandomArray(const TypePtr& type, int64_t length, const RandomArrayOptions& options,
                     std::mt19937_64& random) {
  auto array = std::make_shared<Array>();
  array->type = type;
  array->length = length;
  RandomArrayOptions required = options;
  required.null_fraction = 0;
  const auto child = [&](const format::Field& field, int64_t count) {
    return RandomArray(field.type, count, field.nullable ? options : required, random);
  };
  switch (type->id) {
    case TypeId::kNull:
      array->null_count = length;
      return array;
    case TypeId::kBool: {
      Numbers numbers(options.shape, random);
      io::MutableBuffer bits(io::BytesForBits(static_cast<size_t>(length)));
      if (length != 0) std::memset(bits.data(), 0, bits.size());
      for (int64_t i = 0; i < length; ++i) {
        io::WriteBit(bits.data(), static_cast<size_t>(i),
                     numbers.Next(static_cast<uint64_t>(i)) % 2 == 0);
      }
      array->values = std::move(bits).Share();
      break;
    }
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
      FillText(*array, options.shape, random);
      break;
    case TypeId::kStruct:
      for (const format::Field& field : type->children) {
        array->children.push_back(child(field, length));
      }
      break;
    case TypeId::kList:
    case TypeId::kLargeList:
    case TypeId::kMap: {
      std::vector<int64_t> ends;
      int64_t end = 0;
      std::bernoulli_distribution is_empty(options.empty_fraction);
      for (int64_t i = 0; i < length; ++i) {
        end += is_empty(random) ? 0 : 1 + static_cast<int64_t>(random() % 5);
        if (options.shape == DataShape::kWide && i == length / 2) {
          end += kLongListItems;
        }
        ends.push_back(end);
      }
      SetOffsets(*array, ends);
      array->children.push_back(type->id == TypeId::kMap
                                    ? RandomArray(type->children[0].type, end, required, random)
                                    : child(type->children[0], end));
      break;
    }
    case TypeId::kFixedSizeList:
      array->children.push_back(child(type->children[0], length * type->list_size));
      break;
    case TypeId::kDictionary: {
      const int64_t items = 10;
      RandomArrayOptions unique = required;
      unique.shape = DataShape::kUnique;
      array->dictionary = RandomArray(type->value_type, items, unique, random);
      const auto width = static_cast<size_t>(type->bit_width()) / 8;
      io::MutableBuffer keys(static_cast<size_t>(length) * width);
      if (keys.size() != 0) std::memset(keys.data(), 0, keys.size());
      for (size_t i = 0; i < static_cast<size_t>(length); ++i) {
        keys.data()[i * width] = static_cast<std::byte>(random() % items);
      }
      array->values = std::move(keys).Share();
      break;
    }
    default:
      FillFixed(*array, static_cast<size_t>(type->bit_width()) / 8, options.shape, random);
  }
  AddNulls(*array, options.null_fraction, random);
  return array;
}

std::vector<TypePtr> AllTypes(bool with_map) {
  using namespace format;  // NOLINT(google-build-using-namespace): a list of its factories
  const TypePtr point = Struct({{"x", Int32(), true, {}}, {"name", Utf8(), true, {}}});
  const TypePtr nested = Struct(
      {{"inner", point, true, {}}, {"flag", Bool(), true, {}}, {"tags", ListOf(Utf8()), true, {}}});
  std::vector<TypePtr> types = {
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
      Decimal128(38, 4),
      Decimal256(76, 2),
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
      FixedSizeBinary(7),
      FixedSizeBinary(16),
      point,
      nested,
      ListOf(Int32()),
      ListOf(Utf8()),
      LargeList({"item", Int64(), true, {}}),
      ListOf(ListOf(Int16())),
      ListOf(point),
      Struct({{"lists", ListOf(nested), true, {}}}),
      FixedSizeListOf(Float32(), 3),
      FixedSizeListOf(Float32(), 96),
      FixedSizeListOf(FixedSizeListOf(Int16(), 2), 3),
      FixedSizeListOf(Bool(), 11),
      FixedSizeListOf(Float16(), 200),
      FixedSizeListOf(Decimal128(10, 2), 2),
      ListOf(FixedSizeListOf(Float32(), 64)),
      Dictionary(Int32(), Utf8()),
      Dictionary(Int8(), Int64()),
  };
  if (with_map) {
    types.push_back(Map({"entries",
                         Struct({{"key", Utf8(), false, {}}, {"value", Int64(), true, {}}}),
                         false,
                         {}}));
  }
  return types;
}

ArrayPtr WithoutStructNulls(const ArrayPtr& array) {
  if (array->type->id == TypeId::kStruct) {
    auto result = std::make_shared<Array>();
    result->type = array->type;
    result->length = array->length;
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < array->length; ++i) {
      rows.push_back(array->IsNull(i) ? -1 : array->offset + i);
    }
    for (const ArrayPtr& child : array->children) {
      result->children.push_back(WithoutStructNulls(format::Take(*child, rows)));
    }
    return result;
  }
  if (!array->type->is_list()) {
    return array;
  }
  auto result = std::make_shared<Array>(*array);
  result->children[0] = WithoutStructNulls(array->children[0]);
  return result;
}

format::RecordBatch WithoutStructNulls(const format::RecordBatch& batch) {
  format::RecordBatch result = batch;
  for (ArrayPtr& column : result.columns) {
    column = WithoutStructNulls(column);
  }
  return result;
}

format::RecordBatch SingleColumn(const ArrayPtr& column) {
  auto schema = std::make_shared<format::Schema>();
  schema->fields.push_back({"v", column->type, true, {}});
  return {std::move(schema), column->length, {column}};
}

}  // namespace og::tests
