// Functions of dates and timestamps, in UTC.
#include <cstdint>
#include <string>
#include <utility>

#include "engine/expr/functions.h"
#include "engine/expr/row_values.h"
#include "engine/expr/scalar.h"
#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "format/arrow/calendar.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::ArrayPtr;
using format::Civil;
using format::CivilOf;
using format::DaysOf;
using format::TypeId;

constexpr int64_t kNanosecondsPerDay = 86'400'000'000'000;

enum class Unit : uint8_t {
  kYear,
  kQuarter,
  kMonth,
  kWeek,
  kDay,
  kDayOfWeek,
  kIsoDayOfWeek,
  kIsoYear,
  kDayOfYear,
  kHour,
  kMinute,
  kSecond,
  kMillisecond,
  kMicrosecond,
  kNanosecond,
  kEpoch,
};

constexpr std::pair<std::string_view, Unit> kUnits[] = {
    {"year", Unit::kYear},
    {"quarter", Unit::kQuarter},
    {"month", Unit::kMonth},
    {"week", Unit::kWeek},
    {"day", Unit::kDay},
    {"dow", Unit::kDayOfWeek},
    {"doy", Unit::kDayOfYear},
    {"isodow", Unit::kIsoDayOfWeek},
    {"isoyear", Unit::kIsoYear},
    {"hour", Unit::kHour},
    {"minute", Unit::kMinute},
    {"second", Unit::kSecond},
    {"millisecond", Unit::kMillisecond},
    {"microsecond", Unit::kMicrosecond},
    {"nanosecond", Unit::kNanosecond},
    {"epoch", Unit::kEpoch},
};

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

absl::StatusOr<Unit> UnitOf(std::string_view name, bool truncates) {
  const std::string lower = LowerText(name);
  for (const auto& [known, unit] : kUnits) {
    const bool is_part_only = unit == Unit::kDayOfWeek || unit == Unit::kDayOfYear ||
                              unit == Unit::kIsoDayOfWeek || unit == Unit::kIsoYear ||
                              unit == Unit::kEpoch;
    if (lower == known && !(truncates && is_part_only)) return unit;
  }
  return BadRequest(io::StrCat("unknown unit of time '", name, "'"));
}

// A point in time as the day and the nanoseconds since its start.
struct Moment {
  int64_t day = 0;
  int64_t nanoseconds = 0;
};

int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

Moment MomentAt(const format::Array& array, int64_t i) {
  const auto value = static_cast<int64_t>(IntegerAt(array, i));
  if (array.type->id == TypeId::kDate32) return {value, 0};
  const int64_t unit = NanosecondsPerUnit(*array.type);
  const int64_t per_day = kNanosecondsPerDay / unit;
  const int64_t day = FloorDivide(value, per_day);
  return {day, (value - day * per_day) * unit};
}

// Monday is 0.
int64_t DayOfWeek(int64_t day) {
  return ((day + 3) % 7 + 7) % 7;
}

// Decides the year and the number of an ISO week.
int64_t ThursdayOf(int64_t day) {
  return day - DayOfWeek(day) + 3;
}

int64_t WeekOf(int64_t day) {
  const int64_t thursday = ThursdayOf(day);
  return (thursday - DaysOf({CivilOf(thursday).year, 1, 1})) / 7 + 1;
}

int64_t PartOf(Unit unit, const Moment& instant) {
  const Civil civil = CivilOf(instant.day);
  switch (unit) {
    case Unit::kYear:
      return civil.year;
    case Unit::kQuarter:
      return (civil.month - 1) / 3 + 1;
    case Unit::kMonth:
      return civil.month;
    case Unit::kWeek:
      return WeekOf(instant.day);
    case Unit::kDay:
      return civil.day;
    case Unit::kDayOfWeek:
      return (DayOfWeek(instant.day) + 1) % 7;  // Sunday is 0
    case Unit::kIsoDayOfWeek:
      return DayOfWeek(instant.day) + 1;
    case Unit::kIsoYear:
      return CivilOf(ThursdayOf(instant.day)).year;
    case Unit::kDayOfYear:
      return instant.day - DaysOf({civil.year, 1, 1}) + 1;
    case Unit::kHour:
      return instant.nanoseconds / 3'600'000'000'000;
    case Unit::kMinute:
      return instant.nanoseconds / 60'000'000'000 % 60;
    case Unit::kSecond:
      return instant.nanoseconds / 1'000'000'000 % 60;
    case Unit::kMillisecond:
      return instant.nanoseconds / 1'000'000 % 60'000;
    case Unit::kMicrosecond:
      return instant.nanoseconds / 1'000 % 60'000'000;
    default:
      return instant.nanoseconds % 60'000'000'000;
  }
}

// Nanoseconds of a unit that divides days evenly; 0 for the others.
int64_t NanosecondsOf(Unit unit) {
  switch (unit) {
    case Unit::kDay:
      return kNanosecondsPerDay;
    case Unit::kHour:
      return 3'600'000'000'000;
    case Unit::kMinute:
      return 60'000'000'000;
    case Unit::kSecond:
      return 1'000'000'000;
    case Unit::kMillisecond:
      return 1'000'000;
    case Unit::kMicrosecond:
      return 1'000;
    case Unit::kNanosecond:
      return 1;
    default:
      return 0;
  }
}

Moment Truncated(Unit unit, const Moment& instant) {
  if (const int64_t size = NanosecondsOf(unit); size > 0) {
    return {instant.day, instant.nanoseconds - instant.nanoseconds % size};
  }
  if (unit == Unit::kWeek) return {instant.day - DayOfWeek(instant.day), 0};
  Civil civil = CivilOf(instant.day);
  civil.day = 1;
  if (unit == Unit::kQuarter) civil.month -= (civil.month - 1) % 3;
  if (unit == Unit::kYear) civil.month = 1;
  return {DaysOf(civil), 0};
}

ArrayPtr Parts(Unit unit, const format::Array& array) {
  format::FixedBuilder<double> seconds(format::Float64());
  format::FixedBuilder<int32_t> parts(format::Int32());
  const auto units_per_second = 1e9 / static_cast<double>(NanosecondsPerUnit(*array.type));
  for (int64_t i = 0; i < array.length; ++i) {
    if (array.IsNull(i)) {
      seconds.AppendNull();
      parts.AppendNull();
    } else if (unit == Unit::kEpoch) {
      seconds.Append(static_cast<double>(IntegerAt(array, i)) / units_per_second);
    } else {
      parts.Append(static_cast<int32_t>(PartOf(unit, MomentAt(array, i))));
    }
  }
  return unit == Unit::kEpoch ? seconds.Finish() : parts.Finish();
}

ArrayPtr Truncate(Unit unit, const format::Array& array) {
  const bool is_timestamp = array.type->id == TypeId::kTimestamp;
  const format::TypePtr type =
      is_timestamp ? array.type : format::Timestamp(format::TimeUnit::kNano);
  const int64_t per_unit = NanosecondsPerUnit(*type);
  format::FixedBuilder<int64_t> builder(type);
  for (int64_t i = 0; i < array.length; ++i) {
    if (array.IsNull(i)) {
      builder.AppendNull();
      continue;
    }
    const Moment start = Truncated(unit, MomentAt(array, i));
    builder.Append(start.day * (kNanosecondsPerDay / per_unit) + start.nanoseconds / per_unit);
  }
  return builder.Finish();
}

// Whole seconds, cut towards 1970.
ArrayPtr UnixTimes(const ArrayPtr& arg) {
  const int64_t unit = NanosecondsPerUnit(*arg->type);
  const ArrayPtr args[] = {arg};
  return MakeInt64s(args, [&](int64_t i) {
    return static_cast<int64_t>(IntegerAt(*arg, i) * unit / 1'000'000'000);
  });
}

}  // namespace

absl::StatusOr<ArrayPtr> CallTimeFunction(Function function, std::string_view unit,
                                          const ArrayPtr& arg) {
  if (function != Function::kUnixTime) {
    OG_RETURN_IF_ERROR(UnitOf(unit, function == Function::kDateTrunc).status());
  }
  if (!IsInstant(*arg->type)) {
    return BadRequest(io::StrCat(FunctionName(function), " of ", arg->type->ToString()));
  }
  if (function == Function::kUnixTime) return UnixTimes(arg);
  OG_ASSIGN_OR_RETURN(const Unit known, UnitOf(unit, function == Function::kDateTrunc));
  return function == Function::kDatePart ? Parts(known, *arg) : Truncate(known, *arg);
}

}  // namespace og::engine::expr
