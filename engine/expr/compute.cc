#include "engine/expr/compute.h"

#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

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
