// Functions of integers.
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <utf8proc.h>

#include "engine/expr/functions.h"
#include "engine/expr/row_values.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;
using format::TypeId;

uint64_t Magnitude(int64_t value) {
  return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

std::string HexOf(uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), kDigits[value & 15u]);
    value >>= 4;
  } while (value != 0);
  return digits;
}

absl::StatusOr<ArrayPtr> Characters(std::span<const ArrayPtr> args) {
  absl::Status status;
  OG_ASSIGN_OR_RETURN(
      ArrayPtr characters, MakeTexts(format::Utf8(), args, [&](int64_t i) -> std::string {
        const int64_t code = args[0]->Value<int64_t>(i);
        const bool fits = code >= 0 && code <= std::numeric_limits<int32_t>::max();
        if (!fits || !utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(code))) {
          status = io::InvalidArgumentError(io::StrCat("invalid Unicode scalar value: ", code));
          return {};
        }
        utf8proc_uint8_t bytes[4];
        const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
        return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
      }));
  OG_RETURN_IF_ERROR(status);
  return characters;
}

absl::StatusOr<ArrayPtr> Divisors(Function function, std::span<const ArrayPtr> args) {
  bool overflows = false;
  ArrayPtr values = MakeInt64s(args, [&](int64_t i) {
    const uint64_t a = Magnitude(args[0]->Value<int64_t>(i));
    const uint64_t b = Magnitude(args[1]->Value<int64_t>(i));
    uint64_t value = std::gcd(a, b);
    if (function == Function::kLcm) {
      const bool is_zero = a == 0 || b == 0;
      overflows = overflows || (!is_zero && __builtin_mul_overflow(a / value, b, &value));
      value = is_zero ? 0 : value;
    }
    overflows = overflows || value > uint64_t{std::numeric_limits<int64_t>::max()};
    return static_cast<int64_t>(value);
  });
  if (overflows) {
    return io::InvalidArgumentError(io::StrCat("integer overflow in ", FunctionName(function)));
  }
  return values;
}

}  // namespace

absl::StatusOr<ArrayPtr> CallIntegerFunction(Function function, std::span<const ArrayPtr> args) {
  std::vector<ArrayPtr> integers;
  for (const ArrayPtr& arg : args) {
    if (!arg->type->is_integer() && arg->type->id != TypeId::kNull) {
      return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                               io::StrCat(FunctionName(function), " of ", arg->type->ToString()));
    }
    // Hexadecimal digits of uint64 are those of its bits.
    const bool has_all_bits = function == Function::kHex && arg->type->id == TypeId::kUint64;
    OG_ASSIGN_OR_RETURN(ArrayPtr integer, has_all_bits ? arg : StrictCast(arg, format::Int64()));
    integers.push_back(std::move(integer));
  }
  if (function == Function::kCharacter) return Characters(integers);
  if (function != Function::kHex) return Divisors(function, integers);
  return MakeTexts(format::Utf8(), integers,
                   [&](int64_t i) { return HexOf(integers[0]->Value<uint64_t>(i)); });
}

}  // namespace og::engine::expr
