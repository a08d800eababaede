#include "engine/query/types.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "engine/query/check.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::query {

using schema::PropType;
using schema::ScalarKind;

absl::Status TypeError(const Span& span, std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest,
                            .code = "",
                            .fields = {{"offset", io::StrCat(span.begin)}}},
                           io::StrCat("type error: ", message));
}

PropType ScalarType(ScalarKind kind, bool nullable) {
  PropType type;
  type.scalar = kind;
  type.nullable = nullable;
  return type;
}

bool IsScalar(const PropType& type, ScalarKind kind) {
  return !type.list && type.scalar == kind;
}

bool IsIntegerScalar(const PropType& type) {
  return IsScalar(type, ScalarKind::kI32) || IsScalar(type, ScalarKind::kI64) ||
         IsScalar(type, ScalarKind::kU32) || IsScalar(type, ScalarKind::kU64);
}

bool Compatible(const PropType& a, const PropType& b) {
  if (a.list != b.list) {
    return false;
  }
  if (a.scalar == b.scalar) {
    return a.vector_dim == b.vector_dim;
  }
  return schema::IsNumeric(a.scalar) && schema::IsNumeric(b.scalar);
}

PropType MemberOf(const PropType& list) {
  PropType member = ScalarType(list.scalar, list.nullable);
  member.vector_dim = list.vector_dim;
  return member;
}

absl::StatusOr<PropType> LiteralType(const Literal& literal) {
  switch (literal.kind) {
    case LiteralKind::kNull:
      return ScalarType(ScalarKind::kString, true);
    case LiteralKind::kString:
      return ScalarType(ScalarKind::kString);
    case LiteralKind::kInteger:
      return ScalarType(ScalarKind::kI64);
    case LiteralKind::kFloat:
      return ScalarType(ScalarKind::kF64);
    case LiteralKind::kBool:
      return ScalarType(ScalarKind::kBool);
    case LiteralKind::kDate:
      return ScalarType(ScalarKind::kDate);
    case LiteralKind::kDateTime:
      return ScalarType(ScalarKind::kDateTime);
    case LiteralKind::kList:
      break;
  }
  PropType type = ScalarType(ScalarKind::kString);
  type.list = true;
  if (literal.items.empty()) {
    return type;
  }
  OG_ASSIGN_OR_RETURN(const PropType first, LiteralType(literal.items.front()));
  if (first.list) {
    return TypeError(literal.span, "nested list literals are not supported");
  }
  for (const Literal& item : literal.items) {
    OG_ASSIGN_OR_RETURN(const PropType other, LiteralType(item));
    if (other.list || !Compatible(first, other)) {
      return TypeError(item.span, "list literal elements must share a compatible scalar type");
    }
  }
  type.scalar = first.scalar;
  return type;
}

std::optional<uint32_t> NumberListLength(const Literal& literal) {
  if (literal.kind != LiteralKind::kList || literal.items.empty()) {
    return std::nullopt;
  }
  const bool all_numbers =
      std::all_of(literal.items.begin(), literal.items.end(), [](const Literal& item) {
        return item.kind == LiteralKind::kInteger || item.kind == LiteralKind::kFloat;
      });
  return all_numbers ? std::optional(static_cast<uint32_t>(literal.items.size())) : std::nullopt;
}

absl::Status CheckLiteral(const Literal& literal, const PropType& expected,
                          std::string_view property) {
  if (IsScalar(expected, ScalarKind::kVector)) {
    if (const std::optional<uint32_t> length = NumberListLength(literal)) {
      if (*length == expected.vector_dim) {
        return absl::OkStatus();
      }
      return TypeError(
          literal.span,
          io::StrCat("T3: property `", property, "` has type Vector(", expected.vector_dim,
                     ") but got vector literal with ", *length, " elements"));
    }
  }
  OG_ASSIGN_OR_RETURN(const PropType actual, LiteralType(literal));
  if (!Compatible(actual, expected)) {
    return TypeError(literal.span, io::StrCat("T3: property `", property, "` has type ",
                                              expected.ToString(), " but got ", actual.ToString()));
  }
  if (expected.enum_values && literal.kind == LiteralKind::kString &&
      std::find(expected.enum_values->begin(), expected.enum_values->end(), literal.text) ==
          expected.enum_values->end()) {
    return TypeError(literal.span, io::StrCat("T3: property `", property, "` expects one of [",
                                              io::Join(*expected.enum_values, ", "), "], got '",
                                              literal.text, "'"));
  }
  return absl::OkStatus();
}

std::optional<PropType> ParamType(std::string_view type_name, bool nullable) {
  const bool list = type_name.starts_with('[') && type_name.ends_with(']');
  if (list) {
    type_name = type_name.substr(1, type_name.size() - 2);
  }
  if (type_name.starts_with("Vector(") && type_name.ends_with(')')) {
    const std::string_view digits = type_name.substr(7, type_name.size() - 8);
    PropType type = ScalarType(ScalarKind::kVector, nullable);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), type.vector_dim);
    if (list || error != std::errc() || end != digits.data() + digits.size() ||
        type.vector_dim == 0 || type.vector_dim > schema::kMaxVectorDimension) {
      return std::nullopt;
    }
    return type;
  }
  const std::optional<ScalarKind> kind = schema::ScalarNamed(type_name);
  if (!kind) {
    return std::nullopt;
  }
  PropType type = ScalarType(*kind, nullable);
  type.list = list;
  return type;
}

}  // namespace og::engine::query
