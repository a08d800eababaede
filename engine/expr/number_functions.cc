// Functions of numbers.
#include <cmath>

#include "engine/expr/compute.h"
#include "engine/expr/functions.h"
#include "engine/expr/scalar.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;
using format::TypeId;

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

absl::StatusOr<ArrayPtr> Absolute(const ArrayPtr& arg) {
  const ArrayPtr zeros =
      Take(*Int64Literal(0)->values, std::vector<int64_t>(static_cast<size_t>(arg->length), 0));
  OG_ASSIGN_OR_RETURN(const ArrayPtr nought, Cast(zeros, arg->type));
  OG_ASSIGN_OR_RETURN(const ArrayPtr negated, Calculate(ArithmeticOp::kSubtract, nought, arg));
  const auto builder = MakeBuilder(arg->type);
  for (int64_t i = 0; i < arg->length; ++i) {
    const bool is_negative =
        arg->IsValid(i) &&
        (arg->type->is_floating() ? std::signbit(FloatAt(*arg, i)) : IntegerAt(*arg, i) < 0);
    builder->AppendSlice(is_negative ? *negated : *arg, i, 1);
  }
  return builder->Finish();
}

double Compute(Function function, double x, double y) {
  switch (function) {
    case Function::kRound: {
      const double factor = std::pow(10.0, y);
      return std::round(x * factor) / factor;
    }
    case Function::kTruncate: {
      const double factor = std::pow(10.0, y);
      return std::trunc(x * factor) / factor;
    }
    case Function::kCeil:
      return std::ceil(x);
    case Function::kFloor:
      return std::floor(x);
    case Function::kSqrt:
      return std::sqrt(x);
    case Function::kPower:
      return std::pow(x, y);
    case Function::kExp:
      return std::exp(x);
    case Function::kLn:
      return std::log(x);
    case Function::kLog10:
      return std::log10(x);
    case Function::kLog2:
      return std::log2(x);
    case Function::kSign:
      return x > 0 ? 1 : x < 0 ? -1 : x;
    default:
      return x;
  }
}

}  // namespace

absl::StatusOr<ArrayPtr> CallNumberFunction(Function function, std::span<const ArrayPtr> args) {
  for (const ArrayPtr& arg : args) {
    const format::DataType& type = *arg->type;
    if (!type.is_integer() && !type.is_floating() && type.id != TypeId::kNull) {
      return BadRequest(io::StrCat(FunctionName(function), " of ", type.ToString()));
    }
  }
  if (function == Function::kAbs) {
    return args[0]->type->id == TypeId::kNull ? args[0] : Absolute(args[0]);
  }
  // Single precision stays where the one argument has it; all else is double.
  const bool is_float = args.size() == 1 && args[0]->type->id == TypeId::kFloat32;
  OG_ASSIGN_OR_RETURN(const ArrayPtr x, Cast(args[0], format::Float64()));
  ArrayPtr y;
  if (args.size() > 1) {
    OG_ASSIGN_OR_RETURN(y, Cast(args[1], format::Float64()));
  }
  format::BoolBuilder is_nan;
  format::FixedBuilder<double> numbers(format::Float64());
  for (int64_t i = 0; i < x->length; ++i) {
    const bool is_null = x->IsNull(i) || (y != nullptr && y->IsNull(i));
    if (function == Function::kIsNan) {
      is_null ? is_nan.AppendNull() : is_nan.Append(std::isnan(x->Value<double>(i)));
    } else if (is_null) {
      numbers.AppendNull();
    } else {
      numbers.Append(
          Compute(function, x->Value<double>(i), y == nullptr ? 0 : y->Value<double>(i)));
    }
  }
  if (function == Function::kIsNan) return is_nan.Finish();
  return is_float ? Cast(numbers.Finish(), format::Float32()) : numbers.Finish();
}

}  // namespace og::engine::expr
