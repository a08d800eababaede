// Types, fields and schemas of columnar data, as Apache Arrow defines them.
//
// Types are immutable and shared. Two types are equal when they describe the same values; names,
// nullability and metadata of child fields count.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace og::format {

enum class TypeId : uint8_t {
  kNull,
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat16,
  kFloat32,
  kFloat64,
  kDecimal128,
  kDecimal256,
  kDate32,     // days since 1970-01-01
  kDate64,     // milliseconds since 1970-01-01T00:00:00Z
  kTime32,     // unit kSecond or kMilli
  kTime64,     // unit kMicro or kNano
  kTimestamp,  // unit, timezone (empty: none)
  kDuration,   // unit
  kUtf8,
  kLargeUtf8,
  kBinary,
  kLargeBinary,
  kFixedSizeBinary,  // byte_width
  kStruct,           // children
  kList,             // one child
  kLargeList,        // one child
  kFixedSizeList,    // one child, list_size
  kMap,              // one child: struct{key not null, value}
  kDictionary,       // index_type, value_type
};

enum class TimeUnit : uint8_t { kSecond, kMilli, kMicro, kNano };

class DataType;
using TypePtr = std::shared_ptr<const DataType>;
using Metadata = std::map<std::string, std::string>;

struct Field {
  std::string name;
  TypePtr type;
  bool nullable = true;
  Metadata metadata;

  friend bool operator==(const Field& a, const Field& b);
};

// One type with its parameters; those that a type does not have keep their default.
class DataType {
 public:
  TypeId id = TypeId::kNull;
  TimeUnit unit = TimeUnit::kSecond;
  std::string timezone;
  int32_t precision = 0;
  int32_t scale = 0;
  int32_t byte_width = 0;  // fixed-size binary
  int32_t list_size = 0;   // fixed-size list
  std::vector<Field> children;
  TypePtr index_type;
  TypePtr value_type;

  // Bits of one value in the values buffer: 1 for bool, 0 for types without fixed-width values.
  int bit_width() const;

  bool is_integer() const { return id >= TypeId::kInt8 && id <= TypeId::kUint64; }
  bool is_signed_integer() const { return id >= TypeId::kInt8 && id <= TypeId::kInt64; }
  bool is_floating() const { return id >= TypeId::kFloat16 && id <= TypeId::kFloat64; }
  // utf8, binary and their large forms.
  bool is_variable() const { return id >= TypeId::kUtf8 && id <= TypeId::kLargeBinary; }
  bool has_large_offsets() const {
    return id == TypeId::kLargeUtf8 || id == TypeId::kLargeBinary || id == TypeId::kLargeList;
  }
  // list, large list, map.
  bool is_list() const {
    return id == TypeId::kList || id == TypeId::kLargeList || id == TypeId::kMap;
  }

  // "int32", "timestamp[us,UTC]", "list<item: utf8>": for messages; the names of lance-tool info.
  std::string ToString() const;

  friend bool operator==(const DataType& a, const DataType& b);
};

// Factories. Types without parameters are shared singletons.
TypePtr Null();
TypePtr Bool();
TypePtr Int8();
TypePtr Int16();
TypePtr Int32();
TypePtr Int64();
TypePtr Uint8();
TypePtr Uint16();
TypePtr Uint32();
TypePtr Uint64();
TypePtr Float16();
TypePtr Float32();
TypePtr Float64();
TypePtr Date32();
TypePtr Date64();
TypePtr Utf8();
TypePtr LargeUtf8();
TypePtr Binary();
TypePtr LargeBinary();
TypePtr Decimal128(int32_t precision, int32_t scale);
TypePtr Decimal256(int32_t precision, int32_t scale);
TypePtr Time32(TimeUnit unit);
TypePtr Time64(TimeUnit unit);
TypePtr Timestamp(TimeUnit unit, std::string timezone = "");
TypePtr Duration(TimeUnit unit);
TypePtr FixedSizeBinary(int32_t byte_width);
TypePtr Struct(std::vector<Field> children);
TypePtr List(Field item);
TypePtr LargeList(Field item);
TypePtr FixedSizeList(Field item, int32_t list_size);
TypePtr Map(Field entries);
TypePtr Dictionary(TypePtr index_type, TypePtr value_type);

// List of nullable `item`s, named "item" as Lance names them.
TypePtr ListOf(TypePtr item);
TypePtr FixedSizeListOf(TypePtr item, int32_t list_size);

struct Schema {
  std::vector<Field> fields;
  Metadata metadata;

  // Position of the field `name`, if there is one.
  std::optional<size_t> IndexOf(std::string_view name) const;

  friend bool operator==(const Schema&, const Schema&) = default;
};
using SchemaPtr = std::shared_ptr<const Schema>;

}  // namespace og::format
