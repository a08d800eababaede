// Typed scalar expressions over a batch: what a scan filters by and what query operators compute.
//
// An expression is an immutable tree that names columns by path; types are found when it meets a
// batch. Truth has three values: a comparison with null is null, `and` and `or` follow Kleene, and
// a filter keeps the rows for which the expression is true.
//
//   ExprPtr filter = And({Compare(CompareOp::kGe, Column("age"), Int64Literal(18)),
//                         StartsWith(Column("name"), StringLiteral("A"))});
//   OG_ASSIGN_OR_RETURN(std::vector<int64_t> rows, EvaluateFilter(*filter, batch));
//
// Comparison rules:
//   - A literal is cast to the other side's type first. For integers it stays what it is when the
//     cast would lose something, and the comparison is exact (`age = 2.5` is never true).
//     A 32-bit float that is computed, not a column, compares with a float literal as 64-bit ones.
//   - Text given as a literal for a date or timestamp is parsed (text.h).
//   - Integers of different types compare exactly, an integer with a float as 64-bit floats.
//   - Floats compare in IEEE 754 total order, as Arrow's kernels do: -0 < 0, NaN is the greatest
//     and equal to itself. Text and bytes compare bytewise.
//
// Arithmetic is of one type: float64, float32, float16, int64 ... int8, uint64 ... uint8, the first
// of these that an operand has; beside uint64 a literal that fits is one. Integers wrap round,
// divide towards zero, and refuse to be divided by zero. Decimals with decimals and integers give
// decimals with as many digits as the result may need, at most 38; a quotient has four more behind
// the point than the dividend and is cut. A timestamp less another one is a duration, a date less
// a date days; durations are added to timestamps and durations.
//
// Errors: kBadRequest for unknown columns and for types that do not go together.
// All functions are pure and may run in any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"

namespace og::engine::expr {

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

enum class ExprKind : uint8_t {
  kLiteral,       // values[0]
  kColumn,        // path
  kCompare,       // args[0] op args[1]
  kAnd,           // args
  kOr,            // args
  kNot,           // args[0]
  kIsNull,        // args[0]
  kIn,            // args[0] is one of `values`
  kContains,      // args[1] is a substring of args[0]
  kStartsWith,    // args[0] starts with args[1]
  kLike,          // args[0] matches the SQL pattern args[1]: % any text, _ one character
  kListContains,  // the list args[0] has an item equal to args[1]
  kCast,          // args[0] as `type`; what does not fit is null
  kStrictCast,    // args[0] as `type`; what does not fit is an error
  kArithmetic,    // args[0] arithmetic args[1]
  kCase,          // condition, value, condition, value, ...; with an odd number the last is ELSE
  kCall,          // function(args)
};

enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe };
enum class ArithmeticOp : uint8_t { kAdd, kSubtract, kMultiply, kDivide, kModulo };

enum class Function : uint8_t;  // function.h

struct Expr {
  ExprKind kind = ExprKind::kLiteral;
  CompareOp op = CompareOp::kEq;
  ArithmeticOp arithmetic = ArithmeticOp::kAdd;
  Function function = {};
  std::vector<std::string> path;
  format::ArrayPtr values;
  std::vector<ExprPtr> args;
  format::TypePtr type;

  // SQL-like text, for messages and plans.
  std::string ToString() const;
};

// The value of a one-value array.
ExprPtr Literal(format::ArrayPtr value);
ExprPtr NullLiteral();
ExprPtr BoolLiteral(bool value);
ExprPtr Int64Literal(int64_t value);
ExprPtr Float64Literal(double value);
ExprPtr StringLiteral(std::string_view value);

// A top-level column, or a member of a struct by its path.
ExprPtr Column(std::string_view name);
ExprPtr Column(std::vector<std::string> path);

ExprPtr Compare(CompareOp op, ExprPtr left, ExprPtr right);
// No arguments: true (And), false (Or). One: that argument.
ExprPtr And(std::vector<ExprPtr> args);
ExprPtr Or(std::vector<ExprPtr> args);
ExprPtr Not(ExprPtr arg);
ExprPtr IsNull(ExprPtr arg);
// `values`: any number of values of one type.
ExprPtr In(ExprPtr arg, format::ArrayPtr values);
ExprPtr Contains(ExprPtr text, ExprPtr part);
ExprPtr StartsWith(ExprPtr text, ExprPtr prefix);
ExprPtr Like(ExprPtr text, std::string_view pattern);
ExprPtr Like(ExprPtr text, ExprPtr pattern);
ExprPtr ListContains(ExprPtr list, ExprPtr item);
ExprPtr CastTo(ExprPtr arg, format::TypePtr type);
ExprPtr StrictCastTo(ExprPtr arg, format::TypePtr type);
ExprPtr Arithmetic(ArithmeticOp op, ExprPtr left, ExprPtr right);
// REQUIRES: at least two arguments, in the order of kCase.
ExprPtr Case(std::vector<ExprPtr> args);
// REQUIRES: as many arguments as the function takes, see functions.h.
ExprPtr Call(Function function, std::vector<ExprPtr> args);
// kDatePart and kDateTrunc. `unit`: "year", "month", ...
ExprPtr CallWithUnit(Function function, std::string_view unit, ExprPtr arg);

// The value for every row. A literal is repeated; dictionaries come back as they are stored.
absl::StatusOr<format::ArrayPtr> Evaluate(const Expr& expr, const format::RecordBatch& batch);

// Rows of `batch` for which `expr` is true, ascending. `expr` must be boolean.
absl::StatusOr<std::vector<int64_t>> EvaluateFilter(const Expr& expr,
                                                    const format::RecordBatch& batch);

// The same among `rows` only (ascending row numbers).
absl::StatusOr<std::vector<int64_t>> EvaluateFilter(const Expr& expr,
                                                    const format::RecordBatch& batch,
                                                    std::span<const int64_t> rows);

// Whether `expr` is a boolean expression over columns of `schema`, without any rows.
absl::Status CheckFilter(const Expr& expr, const format::Schema& schema);

// The columns that `expr` reads, each once, in order of appearance.
std::vector<std::vector<std::string>> ColumnsOf(const Expr& expr);

// The column at `path` in `batch`; for a struct member, null wherever one of its parents is.
// Null if there is none.
format::ArrayPtr FindColumn(const format::RecordBatch& batch, std::span<const std::string> path);

// `array` as `type`: between numbers (out of range: null; floats to integers truncate), numbers and
// bools to text, text to dates, timestamps and numbers (not readable: null), between date and time
// types, between kinds of lists with their items, dictionaries to their values, null to anything.
// Decimals are numbers; fewer digits behind the point round. kBadRequest for other pairs.
absl::StatusOr<format::ArrayPtr> Cast(const format::ArrayPtr& array, const format::TypePtr& type);

// Cast(), but a value that does not fit is kInvalidArgument.
absl::StatusOr<format::ArrayPtr> StrictCast(const format::ArrayPtr& array,
                                            const format::TypePtr& type);

// The literal value of `array` (one value) for comparison with values of `type`: cast where nothing
// is lost, else unchanged. kBadRequest for text that is no date or timestamp where one is needed.
absl::StatusOr<format::ArrayPtr> CoerceLiteral(const format::ArrayPtr& value,
                                               const format::TypePtr& type);

}  // namespace og::engine::expr
