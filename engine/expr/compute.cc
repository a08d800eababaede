#include "engine/expr/compute.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/expr/decimal.h"
#include "engine/expr/scalar.h"
#include "format/arrow/builder.h"
#include "format/arrow/half.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::Array;
using format::ArrayPtr;
using format::TypeId;
using format::TypePtr;

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

bool IsNumber(const format::DataType& type) {
  return type.is_integer() || type.is_floating();
}

// Numbers in the order in which one of them decides the type of both.
constexpr TypeId kByRank[] = {
    TypeId::kFloat64, TypeId::kFloat32, TypeId::kFloat16, TypeId::kInt64,
    TypeId::kInt32,   TypeId::kInt16,   TypeId::kInt8,    TypeId::kUint64,
    TypeId::kUint32,  TypeId::kUint16,  TypeId::kUint8,
};

// One integer operation; wraps round.
template <typename T>
T Integers(ArithmeticOp op, T a, T b) {
  using U = std::make_unsigned_t<T>;
  const auto wide_a = static_cast<uint64_t>(static_cast<U>(a));
  const auto wide_b = static_cast<uint64_t>(static_cast<U>(b));
  switch (op) {
    case ArithmeticOp::kAdd:
      return static_cast<T>(wide_a + wide_b);
    case ArithmeticOp::kSubtract:
      return static_cast<T>(wide_a - wide_b);
    case ArithmeticOp::kMultiply:
      return static_cast<T>(wide_a * wide_b);
    case ArithmeticOp::kDivide:
    case ArithmeticOp::kModulo:
      break;
  }
  if constexpr (std::is_signed_v<T>) {
    // The quotient of the least number and -1 does not exist.
    if (b == -1) {
      return op == ArithmeticOp::kDivide ? static_cast<T>(uint64_t{0} - wide_a) : T{0};
    }
  }
  return static_cast<T>(op == ArithmeticOp::kDivide ? a / b : a % b);
}

double Floats(ArithmeticOp op, double a, double b) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return a + b;
    case ArithmeticOp::kSubtract:
      return a - b;
    case ArithmeticOp::kMultiply:
      return a * b;
    case ArithmeticOp::kDivide:
      return a / b;
    case ArithmeticOp::kModulo:
      return std::fmod(a, b);
  }
  return 0;
}

template <typename T>
absl::StatusOr<ArrayPtr> CalculateIntegers(ArithmeticOp op, const Array& left, const Array& right) {
  const bool divides = op == ArithmeticOp::kDivide || op == ArithmeticOp::kModulo;
  format::FixedBuilder<T> builder(left.type);
  for (int64_t i = 0; i < left.length; ++i) {
    if (left.IsNull(i) || right.IsNull(i)) {
      builder.AppendNull();
      continue;
    }
    const T divisor = right.Value<T>(i);
    if (divides && divisor == 0) return io::InvalidArgumentError("Divide by zero error");
    builder.Append(Integers<T>(op, left.Value<T>(i), divisor));
  }
  return builder.Finish();
}

ArrayPtr CalculateFloats(ArithmeticOp op, const Array& left, const Array& right) {
  const auto builder = format::MakeBuilder(left.type);
  for (int64_t i = 0; i < left.length; ++i) {
    if (left.IsNull(i) || right.IsNull(i)) {
      builder->AppendNull();
      continue;
    }
    const double value = Floats(op, FloatAt(left, i), FloatAt(right, i));
    if (left.type->id == TypeId::kFloat64) {
      static_cast<format::FixedBuilder<double>&>(*builder).Append(value);
    } else if (left.type->id == TypeId::kFloat32) {
      static_cast<format::FixedBuilder<float>&>(*builder).Append(static_cast<float>(value));
    } else {
      static_cast<format::FixedBuilder<uint16_t>&>(*builder).Append(
          format::FloatToHalf(static_cast<float>(value)));
    }
  }
  return builder->Finish();
}

// --- Decimals ------------------------------------------------------------------------------------

constexpr int32_t kDigitsMax = 38;
constexpr int32_t kQuotientDigits = 4;  // behind the point, more than the dividend has

// The decimal type that holds all values of an integer type, or the decimal type itself.
TypePtr DecimalTypeOf(const TypePtr& type) {
  switch (type->id) {
    case TypeId::kInt8:
    case TypeId::kUint8:
      return format::Decimal128(3, 0);
    case TypeId::kInt16:
    case TypeId::kUint16:
      return format::Decimal128(5, 0);
    case TypeId::kInt32:
    case TypeId::kUint32:
      return format::Decimal128(10, 0);
    case TypeId::kInt64:
    case TypeId::kUint64:
      return format::Decimal128(20, 0);
    default:
      return type;
  }
}

// The type of `left` op `right`; its precision is that of a type, at most 38.
TypePtr DecimalResult(ArithmeticOp op, const format::DataType& left,
                      const format::DataType& right) {
  const int32_t scale = std::max(left.scale, right.scale);
  const int32_t left_whole = left.precision - left.scale;
  const int32_t right_whole = right.precision - right.scale;
  const auto type = [](int32_t precision, int32_t places) {
    return format::Decimal128(std::clamp(precision, 1, kDigitsMax), places);
  };
  switch (op) {
    case ArithmeticOp::kMultiply:
      return type(left.precision + right.precision + 1, left.scale + right.scale);
    case ArithmeticOp::kDivide: {
      const int32_t places = std::min(left.scale + kQuotientDigits, kDigitsMax);
      return type(left.precision + places - left.scale + right.scale, places);
    }
    case ArithmeticOp::kModulo:
      return type(scale + std::min(left_whole, right_whole), scale);
    default:
      return type(scale + std::max(left_whole, right_whole) + 1, scale);
  }
}

// One operation on values without their points; nullopt beyond 127 bits. REQUIRES: no division by
// zero.
std::optional<Wide> Decimals(ArithmeticOp op, Wide a, int32_t a_scale, Wide b, int32_t b_scale,
                             int32_t scale) {
  Wide result = 0;
  if (op == ArithmeticOp::kMultiply) {
    if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
    return result;
  }
  if (op == ArithmeticOp::kDivide) {
    const std::optional<Wide> dividend = Rescaled(a, a_scale, scale + b_scale);
    return dividend ? std::optional<Wide>(*dividend / b) : std::nullopt;
  }
  const std::optional<Wide> x = Rescaled(a, a_scale, scale);
  const std::optional<Wide> y = Rescaled(b, b_scale, scale);
  if (!x || !y) return std::nullopt;
  if (op == ArithmeticOp::kModulo) return *x % *y;
  const bool overflows = op == ArithmeticOp::kAdd ? __builtin_add_overflow(*x, *y, &result)
                                                  : __builtin_sub_overflow(*x, *y, &result);
  return overflows ? std::nullopt : std::optional<Wide>(result);
}

absl::StatusOr<ArrayPtr> CalculateDecimals(ArithmeticOp op, const ArrayPtr& left,
                                           const ArrayPtr& right) {
  OG_ASSIGN_OR_RETURN(const ArrayPtr a, StrictCast(left, DecimalTypeOf(left->type)));
  OG_ASSIGN_OR_RETURN(const ArrayPtr b, StrictCast(right, DecimalTypeOf(right->type)));
  for (const ArrayPtr& side : {a, b}) {
    if (side->type->id != TypeId::kDecimal128 || side->type->scale < 0) {
      return BadRequest(io::StrCat("cannot calculate with ", side->type->ToString()));
    }
  }
  const TypePtr type = DecimalResult(op, *a->type, *b->type);
  if (type->scale > kDigitsMax) {
    return BadRequest(io::StrCat("the product of ", a->type->ToString(), " and ",
                                 b->type->ToString(), " has too many digits"));
  }
  const bool divides = op == ArithmeticOp::kDivide || op == ArithmeticOp::kModulo;
  const auto builder = format::MakeBuilder(type);
  for (int64_t i = 0; i < a->length; ++i) {
    if (a->IsNull(i) || b->IsNull(i)) {
      builder->AppendNull();
      continue;
    }
    // 128 bits of a decimal128 always fit.
    const Wide divisor = DecimalAt(*b, i).value_or(0);
    if (divides && divisor == 0) return io::InvalidArgumentError("Divide by zero error");
    const std::optional<Wide> value = Decimals(op, DecimalAt(*a, i).value_or(0), a->type->scale,
                                               divisor, b->type->scale, type->scale);
    if (!value || !AppendDecimal(*builder, *value)) {
      return io::InvalidArgumentError(
          io::StrCat("a result of ", type->ToString(), " has too many digits"));
    }
  }
  return builder->Finish();
}

// --- Times ---------------------------------------------------------------------------------------

// The finer unit of two points in time or durations; dates count as nanoseconds.
format::TimeUnit FinerUnit(const format::DataType& left, const format::DataType& right) {
  const auto unit = [](const format::DataType& type) {
    const bool is_date = type.id == TypeId::kDate32 || type.id == TypeId::kDate64;
    return is_date ? format::TimeUnit::kNano : type.unit;
  };
  return std::max(unit(left), unit(right));
}

// The type of `left` op `right`; null if there is none.
TypePtr TimeResult(ArithmeticOp op, const format::DataType& left, const format::DataType& right) {
  const bool left_is_span = left.id == TypeId::kDuration;
  const bool right_is_span = right.id == TypeId::kDuration;
  const bool adds = op == ArithmeticOp::kAdd;
  if (!adds && op != ArithmeticOp::kSubtract) return nullptr;
  const format::TimeUnit unit = FinerUnit(left, right);
  if (left_is_span && right_is_span) return format::Duration(unit);
  if (left.id == TypeId::kTimestamp && right_is_span) {
    return format::Timestamp(unit, left.timezone);
  }
  if (left_is_span && adds && right.id == TypeId::kTimestamp) {
    return format::Timestamp(unit, right.timezone);
  }
  if (adds || !IsInstant(left) || !IsInstant(right)) return nullptr;
  const bool are_days = left.id == TypeId::kDate32 && right.id == TypeId::kDate32;
  return are_days ? format::Int64() : format::Duration(unit);
}

absl::StatusOr<ArrayPtr> CalculateTimes(ArithmeticOp op, const Array& left, const Array& right,
                                        const TypePtr& type) {
  const int64_t unit =
      type->id == TypeId::kInt64 ? NanosecondsPerUnit(*left.type) : NanosecondsPerUnit(*type);
  const auto at = [unit](const Array& array, int64_t i) {
    return IntegerAt(array, i) * NanosecondsPerUnit(*array.type) / unit;
  };
  format::FixedBuilder<int64_t> builder(type);
  for (int64_t i = 0; i < left.length; ++i) {
    if (left.IsNull(i) || right.IsNull(i)) {
      builder.AppendNull();
      continue;
    }
    const Wide value =
        op == ArithmeticOp::kAdd ? at(left, i) + at(right, i) : at(left, i) - at(right, i);
    if (value < std::numeric_limits<int64_t>::min() ||
        value > std::numeric_limits<int64_t>::max()) {
      return io::InvalidArgumentError(
          io::StrCat("a result of ", type->ToString(), " is too large"));
    }
    builder.Append(static_cast<int64_t>(value));
  }
  return builder.Finish();
}

}  // namespace

TypePtr CommonType(const TypePtr& left, const TypePtr& right) {
  if (*left == *right || right->id == TypeId::kNull) return left;
  if (left->id == TypeId::kNull) return right;
  if (IsNumber(*left) && IsNumber(*right)) {
    for (const TypeId id : kByRank) {
      if (left->id == id) return left;
      if (right->id == id) return right;
    }
  }
  if (left->is_variable() && right->is_variable()) {
    return left->has_large_offsets() ? left : right;
  }
  return nullptr;
}

absl::StatusOr<ArrayPtr> Calculate(ArithmeticOp op, const ArrayPtr& left, const ArrayPtr& right) {
  const ArrayPtr a = DecodeDictionary(left);
  const ArrayPtr b = DecodeDictionary(right);
  if (const TypePtr time = TimeResult(op, *a->type, *b->type)) {
    return CalculateTimes(op, *a, *b, time);
  }
  if (IsDecimal(*a->type) || IsDecimal(*b->type)) {
    const bool a_floats = a->type->is_floating();
    if (!a_floats && !b->type->is_floating()) return CalculateDecimals(op, a, b);
    OG_ASSIGN_OR_RETURN(const ArrayPtr x, StrictCast(a, a_floats ? a->type : b->type));
    OG_ASSIGN_OR_RETURN(const ArrayPtr y, StrictCast(b, a_floats ? a->type : b->type));
    return CalculateFloats(op, *x, *y);
  }
  const TypePtr type = CommonType(a->type, b->type);
  if (type != nullptr && type->id == TypeId::kNull) return a;
  if (type == nullptr || !IsNumber(*type)) {
    return BadRequest(
        io::StrCat("cannot calculate with ", a->type->ToString(), " and ", b->type->ToString()));
  }
  OG_ASSIGN_OR_RETURN(const ArrayPtr x, StrictCast(a, type));
  OG_ASSIGN_OR_RETURN(const ArrayPtr y, StrictCast(b, type));
  switch (type->id) {
    case TypeId::kInt8:
      return CalculateIntegers<int8_t>(op, *x, *y);
    case TypeId::kInt16:
      return CalculateIntegers<int16_t>(op, *x, *y);
    case TypeId::kInt32:
      return CalculateIntegers<int32_t>(op, *x, *y);
    case TypeId::kInt64:
      return CalculateIntegers<int64_t>(op, *x, *y);
    case TypeId::kUint8:
      return CalculateIntegers<uint8_t>(op, *x, *y);
    case TypeId::kUint16:
      return CalculateIntegers<uint16_t>(op, *x, *y);
    case TypeId::kUint32:
      return CalculateIntegers<uint32_t>(op, *x, *y);
    case TypeId::kUint64:
      return CalculateIntegers<uint64_t>(op, *x, *y);
    default:
      return CalculateFloats(op, *x, *y);
  }
}

}  // namespace og::engine::expr
