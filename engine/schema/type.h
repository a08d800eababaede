// The vocabulary of a schema: property types, annotations, cardinalities and range bounds, shared
// by the source tree, the shape, the persisted IR and the catalog.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace og::engine::schema {

enum class ScalarKind : uint8_t {
  kString,
  kBool,
  kI32,
  kI64,
  kU32,
  kU64,
  kF32,
  kF64,
  kDate,      // days since the epoch, 32 bits
  kDateTime,  // milliseconds since the epoch, 64 bits
  kBlob,
  kVector,  // fixed-size list of 32-bit floats
};

// "String", "I32", ..., "Vector" (without its dimension).
std::string_view ScalarName(ScalarKind kind);

// The kind called `name` in source and IR; nullopt for unknown names and for "Vector".
std::optional<ScalarKind> ScalarNamed(std::string_view name);

// I32, I64, U32, U64, F32, F64.
bool IsNumeric(ScalarKind kind);

inline constexpr uint32_t kMaxVectorDimension = 2147483647;

// The type of one property. An enum is a String with a value set.
struct PropType {
  ScalarKind scalar = ScalarKind::kString;
  uint32_t vector_dim = 0;  // of kVector, else 0
  bool nullable = false;
  bool list = false;                                    // a list of nullable `scalar`
  std::optional<std::vector<std::string>> enum_values;  // sorted bytewise, without duplicates

  bool is_vector() const { return scalar == ScalarKind::kVector; }
  bool is_blob() const { return scalar == ScalarKind::kBlob; }

  // The name in error texts: "String", "[I64]?", "Vector(3)", "enum(a, b)?".
  std::string ToString() const;

  friend bool operator==(const PropType&, const PropType&) = default;
};

// "@name(value, key=value)". Values are decoded strings, or the source spelling of anything else.
struct Annotation {
  std::string name;
  std::optional<std::string> value;
  std::map<std::string, std::string> kwargs;

  friend bool operator==(const Annotation&, const Annotation&) = default;
};

// How many edges of one type may leave one source node.
struct Cardinality {
  uint32_t min = 0;
  std::optional<uint32_t> max;  // nullopt: no limit

  bool is_default() const { return min == 0 && !max.has_value(); }

  friend bool operator==(const Cardinality&, const Cardinality&) = default;
};

// A bound of @range: written as an integer if it fits 64 bits, else as a float.
using Bound = std::variant<int64_t, double>;

}  // namespace og::engine::schema
