#include "engine/query/params.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/expr/text.h"
#include "engine/query/check.h"
#include "engine/schema/type.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

using io::JsonValue;
using schema::PropType;
using schema::ScalarKind;

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

absl::Status ParamError(std::string_view key, std::string_view message) {
  return Refusal(io::StrCat("param '", key, "': ", message));
}

// The names of the reference's JSON library.
std::string_view TypeNameOf(const JsonValue& value) {
  return value.kind() == JsonValue::Kind::kBool ? "boolean" : value.KindName();
}

// The reference's numbers may have a sign of either kind.
std::string_view WithoutPlus(std::string_view number) {
  const bool plus = number.size() > 1 && number[0] == '+' && number[1] >= '0' && number[1] <= '9';
  return plus ? number.substr(1) : number;
}

absl::StatusOr<int64_t> SignedOf(std::string_view key, const JsonValue& value) {
  if (value.is_number()) {
    const std::optional<int64_t> number =
        value.kind() == JsonValue::Kind::kDouble ? std::nullopt : value.AsInt64();
    return number ? absl::StatusOr<int64_t>(*number) : ParamError(key, "expected integer number");
  }
  if (!value.is_string()) {
    return ParamError(key, "expected integer");
  }
  const std::optional<int64_t> number = io::ParseInt64(WithoutPlus(value.string()));
  return number
             ? absl::StatusOr<int64_t>(*number)
             : ParamError(key, io::StrCat("expected integer string, got '", value.string(), "'"));
}

absl::StatusOr<uint64_t> UnsignedOf(std::string_view key, const JsonValue& value) {
  if (value.is_number()) {
    const std::optional<uint64_t> number =
        value.kind() == JsonValue::Kind::kDouble ? std::nullopt : value.AsUint64();
    return number ? absl::StatusOr<uint64_t>(*number)
                  : ParamError(key, "expected unsigned integer number");
  }
  if (!value.is_string()) {
    return ParamError(key, "expected unsigned integer");
  }
  const std::optional<uint64_t> number = io::ParseUint64(WithoutPlus(value.string()));
  return number ? absl::StatusOr<uint64_t>(*number)
                : ParamError(key, io::StrCat("expected unsigned integer string, got '",
                                             value.string(), "'"));
}

absl::StatusOr<Literal> BindInteger(std::string_view key, ScalarKind kind, const JsonValue& value) {
  if (kind == ScalarKind::kI32 || kind == ScalarKind::kI64) {
    OG_ASSIGN_OR_RETURN(const int64_t number, SignedOf(key, value));
    if (kind == ScalarKind::kI32 && (number < std::numeric_limits<int32_t>::min() ||
                                     number > std::numeric_limits<int32_t>::max())) {
      return ParamError(key, io::StrCat("value ", number, " exceeds I32"));
    }
    return Literal::Integer(number);
  }
  OG_ASSIGN_OR_RETURN(const uint64_t number, UnsignedOf(key, value));
  if (kind == ScalarKind::kU32 && number > std::numeric_limits<uint32_t>::max()) {
    return ParamError(key, io::StrCat("value ", number, " exceeds U32"));
  }
  constexpr auto kMax = std::numeric_limits<int64_t>::max();
  if (number > static_cast<uint64_t>(kMax)) {
    return ParamError(key, io::StrCat("value ", number,
                                      " exceeds current engine range for U64 (max ", kMax, ")"));
  }
  return Literal::Integer(static_cast<int64_t>(number));
}

absl::StatusOr<Literal> BindVector(std::string_view key, const PropType& type,
                                   const JsonValue& value) {
  const std::string spelled = io::StrCat("Vector(", type.vector_dim, ")");
  if (!value.is_array()) {
    return ParamError(key, io::StrCat("expected array for ", spelled));
  }
  if (value.items().size() != type.vector_dim) {
    return ParamError(key, io::StrCat("expected ", type.vector_dim, " values for ", spelled,
                                      ", got ", value.items().size()));
  }
  std::vector<Literal> items;
  items.reserve(value.items().size());
  for (const JsonValue& item : value.items()) {
    const std::optional<double> number = item.AsDouble();
    if (!number) {
      return ParamError(key, "vector element is not numeric");
    }
    items.push_back(Literal::Float(*number));
  }
  return Literal::List(std::move(items));
}

absl::StatusOr<Literal> BindScalar(std::string_view key, const PropType& type,
                                   const JsonValue& value) {
  switch (type.scalar) {
    case ScalarKind::kString:
      return value.is_string()
                 ? absl::StatusOr<Literal>(Literal::String(value.string()))
                 : ParamError(key, io::StrCat("expected string, got ", TypeNameOf(value)));
    case ScalarKind::kBlob:
      return value.is_string()
                 ? absl::StatusOr<Literal>(Literal::String(value.string()))
                 : ParamError(key, io::StrCat("expected blob URI string, got ", TypeNameOf(value)));
    case ScalarKind::kDate:
      return value.is_string() ? absl::StatusOr<Literal>(Literal::Date(value.string()))
                               : ParamError(key, "expected date string");
    case ScalarKind::kDateTime:
      return value.is_string() ? absl::StatusOr<Literal>(Literal::DateTime(value.string()))
                               : ParamError(key, "expected datetime string");
    case ScalarKind::kBool: {
      const std::optional<bool> flag = value.AsBool();
      return flag ? absl::StatusOr<Literal>(Literal::Bool(*flag))
                  : ParamError(key, "expected boolean");
    }
    case ScalarKind::kF32:
    case ScalarKind::kF64: {
      const std::optional<double> number = value.AsDouble();
      return number ? absl::StatusOr<Literal>(Literal::Float(*number))
                    : ParamError(key, "expected float");
    }
    case ScalarKind::kI32:
    case ScalarKind::kI64:
    case ScalarKind::kU32:
    case ScalarKind::kU64:
      return BindInteger(key, type.scalar, value);
    case ScalarKind::kVector:
      return BindVector(key, type, value);
  }
  return ParamError(key, "unknown type");
}

absl::StatusOr<Literal> BindTyped(std::string_view key, std::string_view type_name,
                                  const PropType& type, const JsonValue& value) {
  if (!type.list) {
    return BindScalar(key, type, value);
  }
  if (!value.is_array()) {
    return ParamError(key, io::StrCat("expected array for ", type_name));
  }
  std::vector<Literal> items;
  items.reserve(value.items().size());
  for (const JsonValue& item : value.items()) {
    OG_ASSIGN_OR_RETURN(Literal literal, BindScalar(key, type, item));
    items.push_back(std::move(literal));
  }
  return Literal::List(std::move(items));
}

// The value of a member that no parameter declares, with the type that its JSON shows.
absl::StatusOr<Literal> BindUndeclared(std::string_view key, const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::kNull:
      return Literal::Null();
    case JsonValue::Kind::kBool:
      return Literal::Bool(*value.AsBool());
    case JsonValue::Kind::kInt:
    case JsonValue::Kind::kUint:
      if (const std::optional<int64_t> number = value.AsInt64()) {
        return Literal::Integer(*number);
      }
      return Literal::Float(*value.AsDouble());
    case JsonValue::Kind::kDouble:
      return Literal::Float(*value.AsDouble());
    case JsonValue::Kind::kString:
      return Literal::String(value.string());
    case JsonValue::Kind::kObject:
      return ParamError(key, "object is not supported");
    case JsonValue::Kind::kArray:
      break;
  }
  std::vector<Literal> items;
  items.reserve(value.items().size());
  for (const JsonValue& item : value.items()) {
    OG_ASSIGN_OR_RETURN(Literal literal, BindUndeclared(key, item));
    items.push_back(std::move(literal));
  }
  return Literal::List(std::move(items));
}

absl::StatusOr<Literal> BindMember(const Query& query, std::string_view key,
                                   const JsonValue& value) {
  const auto declared = std::find_if(query.params.begin(), query.params.end(),
                                     [&](const Param& param) { return param.name == key; });
  if (declared == query.params.end()) {
    return BindUndeclared(key, value);
  }
  if (value.is_null()) {
    return declared->nullable ? absl::StatusOr<Literal>(Literal::Null())
                              : ParamError(key, "null is not accepted for non-nullable parameter");
  }
  const std::optional<PropType> type = ParamType(declared->type_name, declared->nullable);
  if (!type) {
    return ParamError(key, io::StrCat("unknown parameter type `", declared->type_name, "`"));
  }
  return BindTyped(key, declared->type_name, *type, value);
}

}  // namespace

absl::StatusOr<ParamValues> BindParams(const Query& query, const JsonValue& json) {
  if (!json.is_object() && !json.is_null()) {
    return Refusal("params must be a JSON object");
  }
  ParamValues values;
  for (const auto& [key, value] : json.members()) {
    OG_ASSIGN_OR_RETURN(values[key], BindMember(query, key, value));
  }
  for (const Param& param : query.params) {
    if (param.nullable) {
      values.try_emplace(param.name, Literal::Null());
    }
  }
  return values;
}

void BindNow(int64_t unix_ms, ParamValues& values) {
  values[std::string(kNowParameter)] = Literal::DateTime(expr::FormatDateTime(unix_ms));
}

}  // namespace og::engine::query
