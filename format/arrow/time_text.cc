#include "format/arrow/time_text.h"

#include <cstdlib>
#include <limits>

#include "format/arrow/calendar.h"
#include "io/base/text.h"

namespace og::format {
namespace {

__extension__ typedef __int128 Wide;

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
// Years that a date text may name, so that no day number leaves 32 bits.
constexpr int64_t kYearMax = 262'142;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The number that `digits` spell; nullopt unless all are digits and there are 1 to 9 of them.
std::optional<int64_t> Digits(std::string_view digits) {
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  int64_t value = 0;
  for (const char c : digits) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool IsLeap(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

std::optional<int64_t> CheckedDays(std::optional<int64_t> year, std::optional<int64_t> month,
                                   std::optional<int64_t> day) {
  if (!year || !month || !day) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || std::abs(*year) > kYearMax) return std::nullopt;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int64_t last = kDays[*month - 1] + (*month == 2 && IsLeap(*year) ? 1 : 0);
  if (*day > last) return std::nullopt;
  return DaysOf({*year, *month, *day});
}

std::optional<int64_t> ParseShortDate(std::string_view text) {
  if (text.size() == 8 && Digits(text)) {
    return CheckedDays(Digits(text.substr(0, 4)), Digits(text.substr(4, 2)),
                       Digits(text.substr(6, 2)));
  }
  if (text.size() < 8 || text[4] != '-') return std::nullopt;
  const size_t dash = text.find('-', 5);
  if (dash == std::string_view::npos || dash > 7) return std::nullopt;
  const std::string_view day = text.substr(dash + 1);
  if (day.size() > 2) return std::nullopt;
  return CheckedDays(Digits(text.substr(0, 4)), Digits(text.substr(5, dash - 5)), Digits(day));
}

std::optional<int64_t> ParseSignedDate(std::string_view text) {
  const size_t dash = text.find('-', 1);
  if (dash == std::string_view::npos || dash < 5) return std::nullopt;
  const size_t second = text.find('-', dash + 1);
  if (second == std::string_view::npos) return std::nullopt;
  std::optional<int64_t> year = Digits(text.substr(1, dash - 1));
  if (year && text[0] == '-') year = -*year;
  return CheckedDays(year, Digits(text.substr(dash + 1, second - dash - 1)),
                     Digits(text.substr(second + 1)));
}

// Seconds east of UTC that an offset text names.
std::optional<int64_t> ParseOffset(std::string_view text) {
  text = io::Trim(text);
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const std::optional<int64_t> hours = Digits(text.substr(1, 2));
  std::optional<int64_t> minutes = 0;
  if (text.size() == 5) {
    minutes = Digits(text.substr(3, 2));
  } else if (text.size() == 6 && text[3] == ':') {
    minutes = Digits(text.substr(4, 2));
  } else if (text.size() != 3) {
    return std::nullopt;
  }
  if (!hours || !minutes) return std::nullopt;
  const int64_t total = *hours * 60 + *minutes;
  if (total >= 24 * 60) return std::nullopt;
  return (text[0] == '-' ? -total : total) * 60;
}

struct TimeOfDay {
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  size_t characters = 0;
};

// HH:MM:SS[.f...] or HHMMSS at the start of `text`.
std::optional<TimeOfDay> ParseTimeOfDay(std::string_view text) {
  TimeOfDay time;
  std::optional<int64_t> hour, minute, second;
  if (text.size() >= 8 && text[2] == ':' && text[5] == ':') {
    hour = Digits(text.substr(0, 2));
    minute = Digits(text.substr(3, 2));
    second = Digits(text.substr(6, 2));
    time.characters = 8;
  } else if (text.size() >= 6 && (text.size() == 6 || !IsDigit(text[6]))) {
    hour = Digits(text.substr(0, 2));
    minute = Digits(text.substr(2, 2));
    second = Digits(text.substr(4, 2));
    time.characters = 6;
  }
  if (time.characters == 8 && text.size() > 8 && text[8] == '.') {
    size_t end = 9;
    int64_t scale = kNanosecondsPerSecond / 10;
    while (end < text.size() && IsDigit(text[end])) {
      time.nanoseconds += (text[end] - '0') * scale;
      scale /= 10;
      ++end;
    }
    if (end == 9) return std::nullopt;
    time.characters = end;
  }
  // A leap second counts as the first one of the next minute.
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  time.seconds = (*hour * 60 + *minute) * 60 + *second;
  return time;
}

int64_t UnitsPerSecond(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSecond:
      return 1;
    case TimeUnit::kMilli:
      return 1'000;
    case TimeUnit::kMicro:
      return 1'000'000;
    case TimeUnit::kNano:
      return kNanosecondsPerSecond;
  }
  return 1;
}

// Digits of a fraction of a second in `unit`.
int FractionDigits(TimeUnit unit) {
  return static_cast<int>(unit) * 3;
}

std::optional<int64_t> InUnits(int64_t seconds, int64_t nanoseconds, TimeUnit unit) {
  const int64_t per_second = UnitsPerSecond(unit);
  const Wide value =
      static_cast<Wide>(seconds) * per_second + nanoseconds / (kNanosecondsPerSecond / per_second);
  if (value < std::numeric_limits<int64_t>::min() || value > std::numeric_limits<int64_t>::max()) {
    return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

void AppendTimeOfDay(int64_t value, TimeUnit unit, std::string& out) {
  const int64_t per_second = UnitsPerSecond(unit);
  const int64_t seconds = value / per_second;
  const auto part = [&](int64_t number) {
    out += io::ZeroPadded(static_cast<uint64_t>(number), 2);
  };
  part(seconds / 3600);
  out += ':';
  part(seconds / 60 % 60);
  out += ':';
  part(seconds % 60);
  if (const int64_t fraction = value % per_second; fraction != 0) {
    out += '.';
    out += io::ZeroPadded(static_cast<uint64_t>(fraction), FractionDigits(unit));
  }
}

std::string YearText(int64_t year) {
  std::string text = year < 0 ? "-" : year > 9999 ? "+" : "";
  text += io::ZeroPadded(static_cast<uint64_t>(std::abs(year)), 4);
  return text;
}

}  // namespace

std::optional<int32_t> ParseDate(std::string_view text) {
  std::optional<int64_t> days;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    days = ParseSignedDate(text);
  } else if (text.size() <= 10) {
    days = ParseShortDate(text);
  } else if (const std::optional<Instant> instant = ParseInstant(text)) {
    days = FloorDivide(instant->seconds, kSecondsPerDay);
  }
  if (!days) return std::nullopt;
  return static_cast<int32_t>(*days);
}

std::optional<Instant> ParseInstant(std::string_view text) {
  if (text.size() <= 10) {
    const std::optional<int32_t> days = ParseDate(text);
    if (!days) return std::nullopt;
    return Instant{.seconds = *days * kSecondsPerDay, .nanoseconds = 0};
  }
  if (text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) {
    return std::nullopt;
  }
  const std::optional<int64_t> days = ParseShortDate(text.substr(0, 10));
  const std::optional<TimeOfDay> time = ParseTimeOfDay(text.substr(11));
  if (!days || !time) return std::nullopt;
  Instant instant{.seconds = *days * kSecondsPerDay + time->seconds,
                  .nanoseconds = static_cast<int32_t>(time->nanoseconds)};
  const std::string_view zone = text.substr(11 + time->characters);
  if (zone.empty() || zone == "Z" || zone == "z") return instant;
  const std::optional<int64_t> offset = ParseOffset(zone);
  if (!offset) return std::nullopt;
  instant.seconds -= *offset;
  return instant;
}

std::optional<int64_t> ParseTimeValue(const DataType& type, std::string_view text) {
  switch (type.id) {
    case TypeId::kDate32:
      return ParseDate(text);
    case TypeId::kDate64:
    case TypeId::kTimestamp: {
      const std::optional<Instant> instant = ParseInstant(text);
      if (!instant) return std::nullopt;
      return InUnits(instant->seconds, instant->nanoseconds,
                     type.id == TypeId::kDate64 ? TimeUnit::kMilli : type.unit);
    }
    case TypeId::kTime32:
    case TypeId::kTime64: {
      const std::optional<TimeOfDay> time = ParseTimeOfDay(text);
      if (!time || time->characters != text.size() || time->seconds >= kSecondsPerDay) {
        return std::nullopt;
      }
      return InUnits(time->seconds, time->nanoseconds, type.unit);
    }
    default:
      return std::nullopt;
  }
}

void AppendTimeText(const DataType& type, int64_t value, std::string& out) {
  if (type.id == TypeId::kDate32) {
    out += DateText(value);
    return;
  }
  if (type.id == TypeId::kTime32 || type.id == TypeId::kTime64) {
    AppendTimeOfDay(value, type.unit, out);
    return;
  }
  const TimeUnit unit = type.id == TypeId::kDate64 ? TimeUnit::kMilli : type.unit;
  const int64_t per_day = kSecondsPerDay * UnitsPerSecond(unit);
  const int64_t day = FloorDivide(value, per_day);
  out += DateText(day);
  out += 'T';
  AppendTimeOfDay(value - day * per_day, unit, out);
  if (!type.timezone.empty()) out += 'Z';
}

std::string DateText(int64_t days) {
  const Civil civil = CivilOf(days);
  return io::StrCat(YearText(civil.year), "-",
                    io::ZeroPadded(static_cast<uint64_t>(civil.month), 2), "-",
                    io::ZeroPadded(static_cast<uint64_t>(civil.day), 2));
}

}  // namespace og::format
