// Dates, times and timestamps as text, as ISO 8601 has them, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/arrow/type.h"

namespace og::format {

// Days since 1970-01-01 of a date text, nullopt if it is none:
//   - at most 10 characters: YYYY-M[M]-D[D] or YYYYMMDD
//   - a sign, at least four year digits, -M[M]-D[D]
//   - longer: a date and time as in ParseInstant; its UTC day
// The Gregorian calendar reaches back and forward without end.
std::optional<int32_t> ParseDate(std::string_view text);

// A point in time: seconds since 1970-01-01T00:00:00Z, and nanoseconds (0 to 999,999,999) after.
struct Instant {
  int64_t seconds = 0;
  int32_t nanoseconds = 0;
};

// nullopt if `text` is no date and time:
//   - at most 10 characters: a date as above, at midnight UTC
//   - longer: YYYY-MM-DD, one of `T`, `t`, blank, HH:MM:SS[.f...] or HHMMSS, then nothing
//     or Z or z (UTC), or an offset +-HH[:MM] or +-HHMM with an optional blank before it
// Fractions finer than a nanosecond are cut off.
std::optional<Instant> ParseInstant(std::string_view text);

// The stored integer of a value of `type` (date, time, timestamp) that `text` spells; what is finer
// than the type's unit is cut off. Times are HH:MM:SS[.f...] or HHMMSS. nullopt if `text`
// spells no such value or the integer does not fit.
std::optional<int64_t> ParseTimeValue(const DataType& type, std::string_view text);

// Appends the text of the stored integer `value` of a date, time or timestamp: "2020-01-31",
// "12:30:00.250", "2020-01-31T12:30:00.000001", the last with a Z if the type has a timezone. The
// fraction has as many digits as the unit; without one if it is zero. Years outside 0000 to 9999
// have a sign.
// REQUIRES: a time of day is not negative.
void AppendTimeText(const DataType& type, int64_t value, std::string& out);

// "YYYY-MM-DD" of days since 1970-01-01.
std::string DateText(int64_t days);

}  // namespace og::format
