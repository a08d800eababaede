#include "io/s3/http_time.h"

#include <array>
#include <ctime>

#include "io/base/text.h"

namespace og::io {
namespace {

constexpr int64_t kUsPerSecond = 1'000'000;
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// The decimal number of exactly `length` digits at `start`, or nullopt.
std::optional<int> DigitsAt(std::string_view text, size_t start, size_t length) {
  if (text.size() < start + length) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(start, length)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

struct CivilTime {
  std::optional<int> year, month, day, hour, minute, second;
};

std::optional<int64_t> ToMicros(const CivilTime& time) {
  if (!time.year || !time.month || !time.day || !time.hour || !time.minute || !time.second) {
    return std::nullopt;
  }
  if (*time.month < 1 || *time.month > 12 || *time.day < 1 || *time.day > 31 || *time.hour > 23 ||
      *time.minute > 59 || *time.second > 60) {
    return std::nullopt;
  }
  std::tm parts{};
  parts.tm_year = *time.year - 1900;
  parts.tm_mon = *time.month - 1;
  parts.tm_mday = *time.day;
  parts.tm_hour = *time.hour;
  parts.tm_min = *time.minute;
  parts.tm_sec = *time.second;
  return int64_t{timegm(&parts)} * kUsPerSecond;
}

}  // namespace

std::string FormatAmzTime(int64_t time_us) {
  const std::time_t seconds = time_us / kUsPerSecond;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const size_t length = std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &parts);
  return std::string(text, length);
}

std::optional<int64_t> ParseIsoTime(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T') ||
      text[13] != ':' || text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  if (text.size() > 20 && text[19] != '.') return std::nullopt;
  return ToMicros({DigitsAt(text, 0, 4), DigitsAt(text, 5, 2), DigitsAt(text, 8, 2),
                   DigitsAt(text, 11, 2), DigitsAt(text, 14, 2), DigitsAt(text, 17, 2)});
}

std::optional<int64_t> ParseHttpTime(std::string_view text) {
  text = Trim(text);
  const size_t comma = text.find(", ");
  if (comma == std::string_view::npos) return std::nullopt;
  text.remove_prefix(comma + 2);
  if (text.size() != 24 || text.substr(20) != " GMT" || text[14] != ':' || text[17] != ':') {
    return std::nullopt;
  }
  CivilTime time = {DigitsAt(text, 7, 4),  std::nullopt,          DigitsAt(text, 0, 2),
                    DigitsAt(text, 12, 2), DigitsAt(text, 15, 2), DigitsAt(text, 18, 2)};
  for (size_t i = 0; i < kMonths.size(); ++i) {
    if (text.substr(3, 3) == kMonths[i]) time.month = static_cast<int>(i) + 1;
  }
  return ToMicros(time);
}

}  // namespace og::io
