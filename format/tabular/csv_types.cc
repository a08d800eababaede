#include "format/tabular/csv_types.h"

#include <charconv>

#include "format/arrow/time_text.h"
#include "format/tabular/csv_cells.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr unsigned kBool = 1;
constexpr unsigned kInteger = 2;
constexpr unsigned kFloat = 4;
constexpr unsigned kDate = 8;
constexpr unsigned kLocalTime = 16;
constexpr unsigned kInstant = 32;

template <typename T>
bool IsNumber(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool HasLeadingZero(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

bool IsBool(std::string_view text) {
  return text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" ||
         text == "FALSE";
}

bool IsNoFiniteNumber(std::string_view text) {
  return text == "NaN" || text == "nan" || text == "Infinity" || text == "-Infinity" ||
         text == "inf" || text == "-inf";
}

// Other letters alone are text, even where they spell a number ("INF").
bool HasDigit(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos;
}

unsigned KindsOf(std::string_view text) {
  if (IsBool(text)) return kBool;
  if (!HasDigit(text)) return 0;
  const bool is_float = IsNumber<double>(text) && !HasLeadingZero(text);
  if (is_float) return kFloat | (IsNumber<int64_t>(text) ? kInteger : 0);
  // YYYY-MM-DD at least: eight digits in a row are a number.
  if (text.size() < 8 || text[4] != '-') return 0;
  if (text.size() <= 10) return ParseDate(text) ? kDate | kLocalTime | kInstant : 0;
  if (!ParseInstant(text)) return 0;
  const std::string_view time = text.substr(11);
  return time.find_first_of("Zz+-") == std::string_view::npos ? kLocalTime : kInstant;
}

}  // namespace

void CsvTypeGuess::Add(const CsvCell& cell, std::string_view null_text) {
  if (IsCsvNull(cell, null_text, false)) return;
  const std::string_view text = io::Trim(cell.text);
  if (IsNoFiniteNumber(text)) {
    possible_ &= kFloat;
    return;
  }
  has_values_ = true;
  possible_ &= KindsOf(text);
}

TypePtr CsvTypeGuess::Type() const {
  if (!has_values_) return Utf8();
  if ((possible_ & kBool) != 0) return Bool();
  if ((possible_ & kInteger) != 0) return Int64();
  if ((possible_ & kFloat) != 0) return Float64();
  if ((possible_ & kDate) != 0) return Date32();
  if ((possible_ & kLocalTime) != 0) return Timestamp(TimeUnit::kMicro);
  if ((possible_ & kInstant) != 0) return Timestamp(TimeUnit::kMicro, "UTC");
  return Utf8();
}

}  // namespace og::format
