// From the expressions of a plan to those of engine/expr: parameters get their values, dates their
// numbers, variables the positions of their bindings.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/expr/expr.h"
#include "engine/query/params.h"
#include "engine/query/plan.h"
#include "format/arrow/array.h"

namespace og::engine::exec {

// The value of a kLiteral or kParameter as a one-value array: text, int64, float64, bool, date32,
// date64, a list of these. kBadRequest for a parameter without value, text that is no date, and all
// other expressions.
absl::StatusOr<format::ArrayPtr> ConstantOf(const query::Expr& expr,
                                            const query::ParamValues& params);

// The filter of a scan that `predicate` means, over the columns of the variable's own table.
absl::StatusOr<expr::ExprPtr> ScanFilter(const query::Predicate& predicate,
                                         const query::ParamValues& params);
// All of `predicates`; null if there are none.
absl::StatusOr<expr::ExprPtr> ScanFilter(const std::vector<query::Predicate>& predicates,
                                         const query::ParamValues& params);

// `left op right` for operands that are expressions already.
expr::ExprPtr Comparison(query::CompareOp op, expr::ExprPtr left, expr::ExprPtr right);

// kUnimplemented with the name of the first search function in `plan`.
absl::Status RefuseSearch(const query::ReadPlan& plan);

}  // namespace og::engine::exec
