// Functions of numbers.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "engine/expr/compute.h"
#include "engine/expr/decimal.h"
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

// `value` for each of `count` rows.
ArrayPtr Repeated(int64_t value, int64_t count) {
  return Take(*Int64Literal(value)->values, std::vector<int64_t>(static_cast<size_t>(count), 0));
}

absl::StatusOr<ArrayPtr> Negative(const ArrayPtr& arg) {
  switch (arg->type->id) {
    case TypeId::kNull:
      return arg;
    case TypeId::kInt8:
    case TypeId::kInt16:
    case TypeId::kInt32: {
      OG_ASSIGN_OR_RETURN(const ArrayPtr zeros, Cast(Repeated(0, arg->length), arg->type));
      return Calculate(ArithmeticOp::kSubtract, zeros, arg);
    }
    default:
      return Calculate(ArithmeticOp::kMultiply, arg, Repeated(-1, arg->length));
  }
}

absl::StatusOr<ArrayPtr> Absolute(const ArrayPtr& arg) {
  OG_ASSIGN_OR_RETURN(const ArrayPtr nought, Cast(Repeated(0, arg->length), arg->type));
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

absl::StatusOr<ArrayPtr> AbsoluteDecimals(const ArrayPtr& arg) {
  const auto builder = MakeBuilder(arg->type);
  for (int64_t i = 0; i < arg->length; ++i) {
    if (arg->IsNull(i)) {
      builder->AppendNull();
      continue;
    }
    const std::optional<Wide> value = DecimalAt(*arg, i);
    if (!value || !AppendDecimal(*builder, *value < 0 ? -*value : *value)) {
      return BadRequest(
          io::StrCat("abs of a value of ", arg->type->ToString(), " that is too large"));
    }
  }
  return builder->Finish();
}

// Decimals with so many digits behind the point, at most their own.
absl::StatusOr<ArrayPtr> RoundedDecimals(const ArrayPtr& arg, const ArrayPtr& places) {
  int32_t scale = 0;
  if (places != nullptr) {
    OG_ASSIGN_OR_RETURN(const ArrayPtr numbers, Cast(places, format::Int64()));
    for (int64_t i = 0; i < numbers->length; ++i) {
      if (numbers->IsNull(i) || numbers->Value<int64_t>(i) != numbers->Value<int64_t>(0) ||
          numbers->Value<int64_t>(0) < 0) {
        return BadRequest("decimals are rounded to one number of places, 0 or more");
      }
      scale = static_cast<int32_t>(std::min<int64_t>(numbers->Value<int64_t>(0), arg->type->scale));
    }
  }
  return StrictCast(arg, format::Decimal128(arg->type->precision, scale));
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
    case Function::kCubeRoot:
      return static_cast<double>(std::cbrt(static_cast<long double>(x)));  // the nearest one
    case Function::kSin:
      return std::sin(x);
    case Function::kCos:
      return std::cos(x);
    case Function::kTan:
      return std::tan(x);
    case Function::kCot:
      return 1 / std::tan(x);
    case Function::kAsin:
      return std::asin(x);
    case Function::kAcos:
      return std::acos(x);
    case Function::kAtan:
      return std::atan(x);
    case Function::kSinh:
      return std::sinh(x);
    case Function::kCosh:
      return std::cosh(x);
    case Function::kTanh:
      return std::tanh(x);
    case Function::kDegrees:
      return x * (180 / std::numbers::pi);
    case Function::kRadians:
      return x * (std::numbers::pi / 180);
    case Function::kSign:
      return x > 0 ? 1 : x < 0 ? -1 : x;
    default:
      return x;
  }
}

double Logarithm(double base, double x) {
  if (base == 10) return std::log10(x);
  if (base == 2) return std::log2(x);
  return std::log(x) / std::log(base);
}

bool IsFloat32(const ArrayPtr& arg) {
  return arg->type->id == TypeId::kFloat32;
}

}  // namespace

absl::StatusOr<ArrayPtr> CallNumberFunction(Function function, std::span<const ArrayPtr> args) {
  for (const ArrayPtr& arg : args) {
    const format::DataType& type = *arg->type;
    if (!type.is_integer() && !type.is_floating() && !IsDecimal(type) && type.id != TypeId::kNull) {
      return BadRequest(io::StrCat(FunctionName(function), " of ", type.ToString()));
    }
  }
  if (function == Function::kNegative) return Negative(args[0]);
  if (IsDecimal(*args[0]->type)) {
    if (function == Function::kAbs) return AbsoluteDecimals(args[0]);
    if (function == Function::kRound) {
      return RoundedDecimals(args[0], args.size() > 1 ? args[1] : nullptr);
    }
  }
  if (function == Function::kAbs) {
    return args[0]->type->id == TypeId::kNull ? args[0] : Absolute(args[0]);
  }
  // Single precision stays where the one argument has it; all else is double, but angles of two
  // numbers none of which is.
  const bool is_float =
      function == Function::kAtan2
          ? std::ranges::none_of(
                args, [](const ArrayPtr& arg) { return arg->type->id == TypeId::kFloat64; })
          : args.size() == 1 && IsFloat32(args[0]);
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
    } else if (function == Function::kAtan2) {
      const double a = x->Value<double>(i);
      const double b = y->Value<double>(i);
      numbers.Append(is_float ? std::atan2(static_cast<float>(a), static_cast<float>(b))
                              : std::atan2(a, b));
    } else if (function == Function::kLog) {
      numbers.Append(y == nullptr ? std::log10(x->Value<double>(i))
                                  : Logarithm(x->Value<double>(i), y->Value<double>(i)));
    } else {
      numbers.Append(
          Compute(function, x->Value<double>(i), y == nullptr ? 0 : y->Value<double>(i)));
    }
  }
  if (function == Function::kIsNan) return is_nan.Finish();
  return is_float ? Cast(numbers.Finish(), format::Float32()) : numbers.Finish();
}

}  // namespace og::engine::expr
