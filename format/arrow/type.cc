#include "format/arrow/type.h"

#include <algorithm>
#include <utility>

#include "io/base/text.h"

namespace og::format {
namespace {

TypePtr Plain(TypeId id) {
  auto type = std::make_shared<DataType>();
  type->id = id;
  return type;
}

TypePtr WithUnit(TypeId id, TimeUnit unit, std::string timezone = "") {
  auto type = std::make_shared<DataType>();
  type->id = id;
  type->unit = unit;
  type->timezone = std::move(timezone);
  return type;
}

TypePtr Decimal(TypeId id, int32_t precision, int32_t scale) {
  auto type = std::make_shared<DataType>();
  type->id = id;
  type->precision = precision;
  type->scale = scale;
  return type;
}

TypePtr WithChildren(TypeId id, std::vector<Field> children, int32_t list_size = 0) {
  auto type = std::make_shared<DataType>();
  type->id = id;
  type->children = std::move(children);
  type->list_size = list_size;
  return type;
}

std::string_view UnitName(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSecond:
      return "s";
    case TimeUnit::kMilli:
      return "ms";
    case TimeUnit::kMicro:
      return "us";
    case TimeUnit::kNano:
      return "ns";
  }
  return "?";
}

std::string_view PlainName(TypeId id) {
  switch (id) {
    case TypeId::kNull:
      return "null";
    case TypeId::kBool:
      return "bool";
    case TypeId::kInt8:
      return "int8";
    case TypeId::kInt16:
      return "int16";
    case TypeId::kInt32:
      return "int32";
    case TypeId::kInt64:
      return "int64";
    case TypeId::kUint8:
      return "uint8";
    case TypeId::kUint16:
      return "uint16";
    case TypeId::kUint32:
      return "uint32";
    case TypeId::kUint64:
      return "uint64";
    case TypeId::kFloat16:
      return "float16";
    case TypeId::kFloat32:
      return "float32";
    case TypeId::kFloat64:
      return "float64";
    case TypeId::kDecimal128:
      return "decimal128";
    case TypeId::kDecimal256:
      return "decimal256";
    case TypeId::kDate32:
      return "date32";
    case TypeId::kDate64:
      return "date64";
    case TypeId::kTime32:
      return "time32";
    case TypeId::kTime64:
      return "time64";
    case TypeId::kTimestamp:
      return "timestamp";
    case TypeId::kDuration:
      return "duration";
    case TypeId::kUtf8:
      return "utf8";
    case TypeId::kLargeUtf8:
      return "large_utf8";
    case TypeId::kBinary:
      return "binary";
    case TypeId::kLargeBinary:
      return "large_binary";
    case TypeId::kFixedSizeBinary:
      return "fixed_size_binary";
    case TypeId::kStruct:
      return "struct";
    case TypeId::kList:
      return "list";
    case TypeId::kLargeList:
      return "large_list";
    case TypeId::kFixedSizeList:
      return "fixed_size_list";
    case TypeId::kMap:
      return "map";
    case TypeId::kDictionary:
      return "dictionary";
  }
  return "?";
}

// Null types and absent ones compare without a dereference.
bool SameType(const TypePtr& a, const TypePtr& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

std::string ChildNames(const DataType& type) {
  std::string text = "<";
  for (size_t i = 0; i < type.children.size(); ++i) {
    const Field& child = type.children[i];
    text += io::StrCat(i == 0 ? "" : ", ", child.name, ": ", child.type->ToString());
  }
  return text + ">";
}

}  // namespace

bool operator==(const Field& a, const Field& b) {
  return a.name == b.name && a.nullable == b.nullable && a.metadata == b.metadata &&
         SameType(a.type, b.type);
}

bool operator==(const DataType& a, const DataType& b) {
  return &a == &b ||
         (a.id == b.id && a.unit == b.unit && a.timezone == b.timezone &&
          a.precision == b.precision && a.scale == b.scale && a.byte_width == b.byte_width &&
          a.list_size == b.list_size && SameType(a.index_type, b.index_type) &&
          SameType(a.value_type, b.value_type) && a.children == b.children);
}

int DataType::bit_width() const {
  switch (id) {
    case TypeId::kBool:
      return 1;
    case TypeId::kInt8:
    case TypeId::kUint8:
      return 8;
    case TypeId::kInt16:
    case TypeId::kUint16:
    case TypeId::kFloat16:
      return 16;
    case TypeId::kInt32:
    case TypeId::kUint32:
    case TypeId::kFloat32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return 32;
    case TypeId::kInt64:
    case TypeId::kUint64:
    case TypeId::kFloat64:
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return 64;
    case TypeId::kDecimal128:
      return 128;
    case TypeId::kDecimal256:
      return 256;
    case TypeId::kFixedSizeBinary:
      return byte_width * 8;
    case TypeId::kDictionary:
      return index_type->bit_width();
    case TypeId::kNull:
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
    case TypeId::kBinary:
    case TypeId::kLargeBinary:
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kLargeList:
    case TypeId::kFixedSizeList:
    case TypeId::kMap:
      return 0;
  }
  return 0;
}

std::string DataType::ToString() const {
  const std::string_view name = PlainName(id);
  switch (id) {
    case TypeId::kTime32:
    case TypeId::kTime64:
    case TypeId::kDuration:
      return io::StrCat(name, "[", UnitName(unit), "]");
    case TypeId::kTimestamp:
      return timezone.empty() ? io::StrCat(name, "[", UnitName(unit), "]")
                              : io::StrCat(name, "[", UnitName(unit), ",", timezone, "]");
    case TypeId::kDecimal128:
    case TypeId::kDecimal256:
      return io::StrCat(name, "(", precision, ",", scale, ")");
    case TypeId::kFixedSizeBinary:
      return io::StrCat(name, ":", byte_width);
    case TypeId::kFixedSizeList:
      return io::StrCat(name, ":", list_size, ChildNames(*this));
    case TypeId::kDictionary:
      return io::StrCat(name, "<", index_type->ToString(), ",", value_type->ToString(), ">");
    case TypeId::kStruct:
    case TypeId::kList:
    case TypeId::kLargeList:
    case TypeId::kMap:
      return io::StrCat(name, ChildNames(*this));
    default:
      return std::string(name);
  }
}

#define OG_PLAIN_TYPE(name, id)            \
  TypePtr name() {                         \
    static const TypePtr type = Plain(id); \
    return type;                           \
  }
OG_PLAIN_TYPE(Null, TypeId::kNull)
OG_PLAIN_TYPE(Bool, TypeId::kBool)
OG_PLAIN_TYPE(Int8, TypeId::kInt8)
OG_PLAIN_TYPE(Int16, TypeId::kInt16)
OG_PLAIN_TYPE(Int32, TypeId::kInt32)
OG_PLAIN_TYPE(Int64, TypeId::kInt64)
OG_PLAIN_TYPE(Uint8, TypeId::kUint8)
OG_PLAIN_TYPE(Uint16, TypeId::kUint16)
OG_PLAIN_TYPE(Uint32, TypeId::kUint32)
OG_PLAIN_TYPE(Uint64, TypeId::kUint64)
OG_PLAIN_TYPE(Float16, TypeId::kFloat16)
OG_PLAIN_TYPE(Float32, TypeId::kFloat32)
OG_PLAIN_TYPE(Float64, TypeId::kFloat64)
OG_PLAIN_TYPE(Date32, TypeId::kDate32)
OG_PLAIN_TYPE(Date64, TypeId::kDate64)
OG_PLAIN_TYPE(Utf8, TypeId::kUtf8)
OG_PLAIN_TYPE(LargeUtf8, TypeId::kLargeUtf8)
OG_PLAIN_TYPE(Binary, TypeId::kBinary)
OG_PLAIN_TYPE(LargeBinary, TypeId::kLargeBinary)
#undef OG_PLAIN_TYPE

TypePtr Decimal128(int32_t precision, int32_t scale) {
  return Decimal(TypeId::kDecimal128, precision, scale);
}
TypePtr Decimal256(int32_t precision, int32_t scale) {
  return Decimal(TypeId::kDecimal256, precision, scale);
}
TypePtr Time32(TimeUnit unit) {
  return WithUnit(TypeId::kTime32, unit);
}
TypePtr Time64(TimeUnit unit) {
  return WithUnit(TypeId::kTime64, unit);
}
TypePtr Timestamp(TimeUnit unit, std::string timezone) {
  return WithUnit(TypeId::kTimestamp, unit, std::move(timezone));
}
TypePtr Duration(TimeUnit unit) {
  return WithUnit(TypeId::kDuration, unit);
}

TypePtr FixedSizeBinary(int32_t byte_width) {
  auto type = std::make_shared<DataType>();
  type->id = TypeId::kFixedSizeBinary;
  type->byte_width = byte_width;
  return type;
}

TypePtr Struct(std::vector<Field> children) {
  return WithChildren(TypeId::kStruct, std::move(children));
}
TypePtr List(Field item) {
  return WithChildren(TypeId::kList, {std::move(item)});
}
TypePtr LargeList(Field item) {
  return WithChildren(TypeId::kLargeList, {std::move(item)});
}
TypePtr FixedSizeList(Field item, int32_t list_size) {
  return WithChildren(TypeId::kFixedSizeList, {std::move(item)}, list_size);
}
TypePtr Map(Field entries) {
  return WithChildren(TypeId::kMap, {std::move(entries)});
}

TypePtr Dictionary(TypePtr index_type, TypePtr value_type) {
  auto type = std::make_shared<DataType>();
  type->id = TypeId::kDictionary;
  type->index_type = std::move(index_type);
  type->value_type = std::move(value_type);
  return type;
}

TypePtr ListOf(TypePtr item) {
  return List(Field{"item", std::move(item), true, {}});
}
TypePtr FixedSizeListOf(TypePtr item, int32_t list_size) {
  return FixedSizeList(Field{"item", std::move(item), true, {}}, list_size);
}

std::optional<size_t> Schema::IndexOf(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const Field& field) { return field.name == name; });
  if (found == fields.end()) return std::nullopt;
  return static_cast<size_t>(found - fields.begin());
}

}  // namespace og::format
