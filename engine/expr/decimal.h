// Decimals as integers of 128 bits: what casts and comparisons need. A value of decimal256 takes
// part as long as it fits these.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/expr/scalar.h"
#include "format/arrow/array.h"
#include "format/arrow/builder.h"

namespace og::engine::expr {

bool IsDecimal(const format::DataType& type);

// Value i without its point; nullopt beyond 127 bits. REQUIRES: a decimal array, value i not null.
std::optional<Wide> DecimalAt(const format::Array& array, int64_t i);

// Appends `unscaled` as the builder's decimal type; false, and nothing, when it has too many
// digits.
bool AppendDecimal(format::ArrayBuilder& builder, Wide unscaled);

// `unscaled` with `to` digits behind the point instead of `from`, halves away from zero; nullopt
// beyond 127 bits.
std::optional<Wide> Rescaled(Wide unscaled, int32_t from, int32_t to);

// `unscaled` without the digits behind its point; nullopt beyond 127 bits.
std::optional<Wide> WholePart(Wide unscaled, int32_t scale);

// The number nearest to `value` with `scale` digits behind the point.
std::optional<Wide> DecimalOf(double value, int32_t scale);

// What `text` spells ("-12.345", "1e3" is none), rounded to `scale` digits behind the point.
std::optional<Wide> ParseDecimal(std::string_view text, int32_t scale);

// Plain notation with exactly `scale` digits behind the point.
std::string DecimalText(Wide unscaled, int32_t scale);

double DecimalToFloat(Wide unscaled, int32_t scale);

// A decimal of any scale from 0 to 38, or an integer, in an order that all share.
struct DecimalOrder {
  Wide whole = 0;     // rounded down
  Wide fraction = 0;  // in units of 10^-38
  friend auto operator<=>(const DecimalOrder&, const DecimalOrder&) = default;
};
// REQUIRES: 0 <= scale <= 38.
DecimalOrder OrderOf(Wide unscaled, int32_t scale);

}  // namespace og::engine::expr
