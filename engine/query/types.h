// Types of values in a query and the rule by which two of them may meet. Internal to the room.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/query/ast.h"
#include "engine/schema/type.h"

namespace og::engine::query {

// "type error: <message>" with the place in the source.
absl::Status TypeError(const Span& span, std::string_view message);

schema::PropType ScalarType(schema::ScalarKind kind, bool nullable = false);

bool IsScalar(const schema::PropType& type, schema::ScalarKind kind);

// A non-list I32, I64, U32 or U64.
bool IsIntegerScalar(const schema::PropType& type);

// List flags equal and scalars equal or both numeric. Nullability and enum values do not count.
bool Compatible(const schema::PropType& a, const schema::PropType& b);

// The item type of a list.
schema::PropType MemberOf(const schema::PropType& list);

// string -> String, integer -> I64, list -> list of its first item's type, empty list -> [String].
// Errors: a list in a list, items of different kinds.
absl::StatusOr<schema::PropType> LiteralType(const Literal& literal);

// Items of a non-empty list of numbers; nullopt for anything else.
std::optional<uint32_t> NumberListLength(const Literal& literal);

// T3: whether `literal` may be a value of `property` (its type: `expected`).
absl::Status CheckLiteral(const Literal& literal, const schema::PropType& expected,
                          std::string_view property);

}  // namespace og::engine::query
