// What expressions compute beside truths and calls: arithmetic, and the common type of values.
#pragma once

#include "absl/status/statusor.h"

#include "engine/expr/expr.h"
#include "format/arrow/array.h"

namespace og::engine::expr {

// The type that values of `left` and `right` have together, as in the header of expr.h; null if
// there is none.
format::TypePtr CommonType(const format::TypePtr& left, const format::TypePtr& right);

// `left` op `right`, both of one length and without dictionaries. kBadRequest for what is no
// number, kInvalidArgument for an integer divided by zero.
absl::StatusOr<format::ArrayPtr> Calculate(ArithmeticOp op, const format::ArrayPtr& left,
                                           const format::ArrayPtr& right);

}  // namespace og::engine::expr
