// Values of a mutation as columns: a literal becomes an array of its property's stored type.
//
// Conversion is exact: integers must fit, a number of the other kind (an integer for a float, a
// float for an integer) is refused, 32-bit floats must stay finite, and dates are parsed. Inside
// lists an item of another kind becomes null, inside vectors both kinds of numbers are taken.
//
// Source: omnigraph 0.10.0: src/exec/mutation.rs; languages.md 7.7.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

#include "engine/query/ast.h"
#include "format/arrow/array.h"
#include "format/arrow/type.h"

namespace og::engine::exec {

// `literal` as `length` values of `type`. kBadRequest with the text of the reference.
absl::StatusOr<format::ArrayPtr> LiteralColumn(const query::Literal& literal,
                                               const format::TypePtr& type, int64_t length);

// `text` as `length` values of a blob column, struct{data, uri}: "base64:..." is its content, all
// other text the URI of an external one.
absl::StatusOr<format::ArrayPtr> BlobColumn(std::string_view text, const format::TypePtr& type,
                                            int64_t length);

// `contents` (large binary) as a blob column of `type`, struct{data, uri}.
format::ArrayPtr BlobColumnOf(const format::Array& contents, const format::TypePtr& type);

}  // namespace og::engine::exec
