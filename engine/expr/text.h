// Scalar values as text and back: dates, times, floats, and the canonical text that keys are made
// of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"

namespace og::engine::expr {

// Days since 1970-01-01 of a date text, nullopt if it is none:
//   - at most 10 characters: YYYY-M[M]-D[D] or YYYYMMDD
//   - a sign, at least four year digits, -M[M]-D[D]
//   - longer: a date and time as in ParseDateTime; its UTC day
// The Gregorian calendar reaches back and forward without end.
std::optional<int32_t> ParseDate(std::string_view text);

// Milliseconds since 1970-01-01T00:00:00Z, nullopt if `text` is no date and time:
//   - at most 10 characters: a date as above, at midnight UTC
//   - longer: YYYY-MM-DD, one of `T`, `t`, blank, HH:MM:SS[.f...] or HHMMSS[.f...], then nothing
//     or Z or z (UTC), or an offset +-HH[:MM] or +-HHMM with an optional blank before it
// Fractions finer than a millisecond are cut off.
std::optional<int64_t> ParseDateTime(std::string_view text);

// "YYYY-MM-DD"; years outside 0000 to 9999 have a sign.
std::string FormatDate(int32_t days);

// "YYYY-MM-DDTHH:MM:SS.mmmZ".
std::string FormatDateTime(int64_t milliseconds);

// The shortest digits that read back as `value` at its width, never with an exponent, no ".0" for
// whole numbers: "0.1", "100000000000000000000", "-0". Non-finite: "NaN", "inf", "-inf".
std::string FloatText(double value);
std::string FloatText(float value);

// The canonical text of value i, of which keys and ids are made: strings as they are, integers in
// decimal, "true"/"false", floats as FloatText with both zeros "0", dates and times as their
// integer. nullopt for null. kBadRequest for non-finite floats and types that cannot be a key.
absl::StatusOr<std::optional<std::string>> CanonicalText(const format::Array& array, int64_t i);

}  // namespace og::engine::expr
