#include "engine/expr/text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "engine/expr/calendar.h"
#include "format/arrow/half.h"
#include "io/base/error_detail.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;
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

// Milliseconds east of UTC that an offset text names.
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
  return (text[0] == '-' ? -total : total) * 60'000;
}

struct TimeOfDay {
  int64_t milliseconds = 0;
  size_t characters = 0;
};

// HH:MM:SS[.f...] or HHMMSS at the start of `text`.
std::optional<TimeOfDay> ParseTime(std::string_view text) {
  TimeOfDay time;
  std::optional<int64_t> hour, minute, second;
  int64_t fraction = 0;
  if (text.size() >= 8 && text[2] == ':' && text[5] == ':') {
    hour = Digits(text.substr(0, 2));
    minute = Digits(text.substr(3, 2));
    second = Digits(text.substr(6, 2));
    time.characters = 8;
    if (text.size() > 8 && text[8] == '.') {
      size_t end = 9;
      int64_t scale = 100;
      while (end < text.size() && IsDigit(text[end])) {
        fraction += (text[end] - '0') * scale;
        scale /= 10;
        ++end;
      }
      if (end == 9) return std::nullopt;
      time.characters = end;
    }
  } else if (text.size() >= 6 && (text.size() == 6 || !IsDigit(text[6]))) {
    hour = Digits(text.substr(0, 2));
    minute = Digits(text.substr(2, 2));
    second = Digits(text.substr(4, 2));
    time.characters = 6;
  }
  // A leap second counts as the first one of the next minute.
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  time.milliseconds = ((*hour * 60 + *minute) * 60 + *second) * 1000 + fraction;
  return time;
}

std::string YearText(int64_t year) {
  if (year < 0) return io::StrCat("-", io::ZeroPadded(static_cast<uint64_t>(-year), 4));
  return io::StrCat(year > 9999 ? "+" : "", io::ZeroPadded(static_cast<uint64_t>(year), 4));
}

std::string DayText(int64_t days) {
  const Civil civil = CivilOf(days);
  return io::StrCat(YearText(civil.year), "-",
                    io::ZeroPadded(static_cast<uint64_t>(civil.month), 2), "-",
                    io::ZeroPadded(static_cast<uint64_t>(civil.day), 2));
}

template <typename T>
std::string PlainFloatText(T value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), std::fabs(value),
                                 std::chars_format::scientific)
                       .ptr;
  // "d.ddde+xx": the digits, and how many of them stand before the point.
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string result = std::signbit(value) ? "-" : "";
  if (exponent < 0) {
    return result + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  }
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return result + digits + std::string(whole - digits.size(), '0');
  return result + digits.substr(0, whole) + "." + digits.substr(whole);
}

absl::StatusOr<std::optional<std::string>> KeyText(double value, std::string text) {
  if (!std::isfinite(value)) {
    return io::DetailedError(
        {io::ErrorKind::kBadRequest, "", {}},
        io::StrCat("scalar key: non-finite Float64 value ", text, " cannot identify an entity"));
  }
  return value == 0 ? "0" : text;
}

}  // namespace

std::optional<int32_t> ParseDate(std::string_view text) {
  std::optional<int64_t> days;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    days = ParseSignedDate(text);
  } else if (text.size() <= 10) {
    days = ParseShortDate(text);
  } else if (const std::optional<int64_t> ms = ParseDateTime(text)) {
    days = (*ms >= 0 ? *ms : *ms - (kMsPerDay - 1)) / kMsPerDay;
  }
  if (!days) return std::nullopt;
  return static_cast<int32_t>(*days);
}

std::optional<int64_t> ParseDateTime(std::string_view text) {
  if (text.size() <= 10) {
    const std::optional<int32_t> days = ParseDate(text);
    if (!days) return std::nullopt;
    return *days * kMsPerDay;
  }
  if (text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) {
    return std::nullopt;
  }
  const std::optional<int64_t> days = ParseShortDate(text.substr(0, 10));
  const std::optional<TimeOfDay> time = ParseTime(text.substr(11));
  if (!days || !time) return std::nullopt;
  const int64_t local = *days * kMsPerDay + time->milliseconds;
  const std::string_view zone = text.substr(11 + time->characters);
  if (zone.empty() || zone == "Z" || zone == "z") return local;
  const std::optional<int64_t> offset = ParseOffset(zone);
  if (!offset) return std::nullopt;
  return local - *offset;
}

std::string FormatDate(int32_t days) {
  return DayText(days);
}

std::string FormatDateTime(int64_t milliseconds) {
  int64_t days = milliseconds / kMsPerDay;
  int64_t rest = milliseconds % kMsPerDay;
  if (rest < 0) {
    rest += kMsPerDay;
    --days;
  }
  const auto part = [&](int64_t unit, int64_t modulus, int width) {
    return io::ZeroPadded(static_cast<uint64_t>(rest / unit % modulus), width);
  };
  return io::StrCat(DayText(days), "T", part(3'600'000, 24, 2), ":", part(60'000, 60, 2), ":",
                    part(1000, 60, 2), ".", part(1, 1000, 3), "Z");
}

std::string FloatText(double value) {
  return PlainFloatText(value);
}

std::string FloatText(float value) {
  return PlainFloatText(value);
}

absl::StatusOr<std::optional<std::string>> CanonicalText(const format::Array& array, int64_t i) {
  using format::TypeId;
  if (array.IsNull(i)) return std::nullopt;
  switch (array.type->id) {
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8:
      return std::string(array.StringValue(i));
    case TypeId::kBool:
      return array.BoolValue(i) ? "true" : "false";
    case TypeId::kInt8:
      return std::to_string(array.Value<int8_t>(i));
    case TypeId::kInt16:
      return std::to_string(array.Value<int16_t>(i));
    case TypeId::kInt32:
    case TypeId::kDate32:
    case TypeId::kTime32:
      return std::to_string(array.Value<int32_t>(i));
    case TypeId::kInt64:
    case TypeId::kDate64:
    case TypeId::kTime64:
    case TypeId::kTimestamp:
    case TypeId::kDuration:
      return std::to_string(array.Value<int64_t>(i));
    case TypeId::kUint8:
      return std::to_string(array.Value<uint8_t>(i));
    case TypeId::kUint16:
      return std::to_string(array.Value<uint16_t>(i));
    case TypeId::kUint32:
      return std::to_string(array.Value<uint32_t>(i));
    case TypeId::kUint64:
      return std::to_string(array.Value<uint64_t>(i));
    case TypeId::kFloat16: {
      const float value = format::HalfToFloat(array.Value<uint16_t>(i));
      return KeyText(value, FloatText(value));
    }
    case TypeId::kFloat32: {
      const auto value = array.Value<float>(i);
      return KeyText(value, FloatText(value));
    }
    case TypeId::kFloat64: {
      const auto value = array.Value<double>(i);
      return KeyText(value, FloatText(value));
    }
    case TypeId::kDictionary:
      return CanonicalText(*array.dictionary, DictionaryIndex(array, i));
    default:
      return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                               io::StrCat("scalar key: unsupported column type ",
                                          array.type->ToString(), " for @unique/@key enforcement"));
  }
}

}  // namespace og::engine::expr
