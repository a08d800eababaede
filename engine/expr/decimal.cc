#include "engine/expr/decimal.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "io/base/endian.h"

namespace og::engine::expr {
namespace {

using format::TypeId;

constexpr int32_t kDigitsMax = 38;

// 10^exponent. REQUIRES: 0 <= exponent <= 38.
Wide PowerOfTen(int32_t exponent) {
  Wide power = 1;
  for (int32_t i = 0; i < exponent; ++i)
    power *= 10;
  return power;
}

Wide FloorDivide(Wide value, Wide by) {
  const Wide quotient = value / by;
  return quotient * by > value ? quotient - 1 : quotient;
}

template <size_t kWords>
void AppendWords(format::ArrayBuilder& builder, Wide value) {
  std::array<uint64_t, kWords> words;
  words.fill(value < 0 ? ~uint64_t{0} : 0);
  words[0] = static_cast<uint64_t>(value);
  words[1] = static_cast<uint64_t>(value >> 64);
  static_cast<format::FixedBuilder<std::array<uint64_t, kWords>>&>(builder).Append(words);
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

bool IsDecimal(const format::DataType& type) {
  return type.id == TypeId::kDecimal128 || type.id == TypeId::kDecimal256;
}

std::optional<Wide> DecimalAt(const format::Array& array, int64_t i) {
  const auto words = static_cast<size_t>(array.type->bit_width() / 64);
  const std::byte* at =
      array.values.data() + static_cast<size_t>(array.offset + i) * words * sizeof(uint64_t);
  const auto word = [&](size_t k) { return io::LoadLe<uint64_t>(at + k * sizeof(uint64_t)); };
  const uint64_t sign = static_cast<int64_t>(word(1)) < 0 ? ~uint64_t{0} : 0;
  for (size_t k = 2; k < words; ++k) {
    if (word(k) != sign) return std::nullopt;
  }
  return (static_cast<Wide>(static_cast<int64_t>(word(1))) << 64) | word(0);
}

bool AppendDecimal(format::ArrayBuilder& builder, Wide unscaled) {
  const format::DataType& type = *builder.type();
  if (type.precision < kDigitsMax) {
    const Wide limit = PowerOfTen(type.precision);
    if (unscaled >= limit || unscaled <= -limit) return false;
  }
  type.id == TypeId::kDecimal128 ? AppendWords<2>(builder, unscaled)
                                 : AppendWords<4>(builder, unscaled);
  return true;
}

std::optional<Wide> Rescaled(Wide unscaled, int32_t from, int32_t to) {
  if (to >= from) {
    if (unscaled == 0) return 0;
    if (to - from > kDigitsMax) return std::nullopt;
    Wide scaled = 0;
    if (__builtin_mul_overflow(unscaled, PowerOfTen(to - from), &scaled)) return std::nullopt;
    return scaled;
  }
  if (from - to > kDigitsMax) return 0;
  const Wide unit = PowerOfTen(from - to);
  const Wide rest = unscaled % unit;
  const Wide away = rest < 0 ? -rest : rest;
  const Wide up = away >= unit - away ? 1 : 0;
  return unscaled / unit + (unscaled < 0 ? -up : up);
}

std::optional<Wide> WholePart(Wide unscaled, int32_t scale) {
  if (scale <= 0) return Rescaled(unscaled, scale, 0);
  return scale > kDigitsMax ? 0 : unscaled / PowerOfTen(scale);
}

std::optional<Wide> DecimalOf(double value, int32_t scale) {
  const double scaled = std::round(value * std::pow(10.0, scale));
  if (!(std::fabs(scaled) < 1e38)) return std::nullopt;
  return static_cast<Wide>(scaled);
}

std::optional<Wide> ParseDecimal(std::string_view text, int32_t scale) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  Wide digits = 0;
  int32_t fraction = 0;
  bool has_point = false;
  bool has_digits = false;
  for (const char c : text) {
    if (c == '.' && !has_point) {
      has_point = true;
      continue;
    }
    if (!IsDigit(c)) return std::nullopt;
    has_digits = true;
    // Digits far behind the scale do not matter.
    if (has_point && fraction > std::max(scale, 0) + 1) continue;
    if (__builtin_mul_overflow(digits, Wide{10}, &digits) ||
        __builtin_add_overflow(digits, Wide{c - '0'}, &digits)) {
      return std::nullopt;
    }
    fraction += has_point ? 1 : 0;
  }
  if (!has_digits) return std::nullopt;
  return Rescaled(is_negative ? -digits : digits, fraction, scale);
}

std::string DecimalText(Wide unscaled, int32_t scale) {
  std::string digits;  // last one first
  const bool is_negative = unscaled < 0;
  for (Wide left = unscaled; left != 0 || digits.empty(); left /= 10) {
    const auto digit = static_cast<int>(left % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
  }
  const auto fraction = static_cast<size_t>(std::max(scale, 0));
  while (digits.size() <= fraction)
    digits += '0';
  if (fraction != 0) digits.insert(fraction, 1, '.');
  if (is_negative) digits += '-';
  std::ranges::reverse(digits);
  if (scale < 0 && unscaled != 0) digits.append(static_cast<size_t>(-scale), '0');
  return digits;
}

double DecimalToFloat(Wide unscaled, int32_t scale) {
  return static_cast<double>(unscaled) / std::pow(10.0, scale);
}

DecimalOrder OrderOf(Wide unscaled, int32_t scale) {
  const Wide unit = PowerOfTen(scale);
  const Wide whole = FloorDivide(unscaled, unit);
  return {.whole = whole, .fraction = (unscaled - whole * unit) * PowerOfTen(kDigitsMax - scale)};
}

}  // namespace og::engine::expr
