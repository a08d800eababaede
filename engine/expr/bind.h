// What an expression means for one dataset at one moment: names are those of its columns, and now()
// is a value.
#pragma once

#include <cstdint>

#include "engine/expr/expr.h"
#include "format/arrow/type.h"

namespace og::engine::expr {

// `expr` with each column that `schema` does not have replaced by the first one that differs from
// it in the case of ASCII letters only, member by member, and with the moment `now_us`
// (microseconds since the epoch) for now() and current_date().
ExprPtr Bind(const ExprPtr& expr, const format::Schema& schema, int64_t now_us);

}  // namespace og::engine::expr
