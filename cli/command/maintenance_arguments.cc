#include "cli/command/maintenance_arguments.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "engine/graph/maintenance.h"
#include "io/base/error_detail.h"
#include "io/base/text.h"

namespace og::cli {
namespace {

absl::Status Refusal(std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}}, message);
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<uint64_t> SecondsOf(std::string_view unit) {
  constexpr uint64_t kMinute = 60;
  constexpr uint64_t kHour = 60 * kMinute;
  constexpr uint64_t kDay = 24 * kHour;
  if (unit.empty() || unit == "s") return 1;
  if (unit == "m") return kMinute;
  if (unit == "h") return kHour;
  if (unit == "d") return kDay;
  if (unit == "w") return 7 * kDay;
  return std::nullopt;
}

}  // namespace

absl::StatusOr<uint64_t> ParseAgeSeconds(std::string_view text) {
  const std::string_view age = io::Trim(text);
  if (age.empty()) return Refusal("duration is empty");
  const auto invalid = [age](std::string_view why) {
    return Refusal(io::StrCat("invalid duration '", age, "': ", why));
  };
  // The unit begins at the last letter.
  const auto last = std::find_if(age.rbegin(), age.rend(), IsLetter);
  const size_t unit_at =
      last == age.rend() ? age.size() : static_cast<size_t>(age.rend() - last) - 1;
  const std::string_view number = age.substr(0, unit_at);
  const std::string_view unit = age.substr(unit_at);
  if (number.empty()) return invalid("cannot parse integer from empty string");
  const std::string_view digits = number.substr(number.starts_with('+') ? 1 : 0);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit)) {
    return invalid("invalid digit found in string");
  }
  const std::optional<uint64_t> count = io::ParseUint64(digits);
  if (!count.has_value()) return invalid("number too large to fit in target type");
  const std::optional<uint64_t> seconds = SecondsOf(unit);
  if (!seconds.has_value()) {
    return Refusal(io::StrCat("unknown duration unit '", unit, "'. Supported: s, m, h, d, w"));
  }
  if (*count > UINT64_MAX / *seconds) return invalid("number too large to fit in target type");
  return *count * *seconds;
}

size_t MaintenanceConcurrency() {
  const char* const text = std::getenv("OMNIGRAPH_MAINTENANCE_CONCURRENCY");
  const std::optional<uint64_t> number =
      text == nullptr ? std::nullopt : io::ParseUint64(std::string_view(text));
  return number.value_or(0) > 0 ? static_cast<size_t>(*number)
                                : engine::graph::kMaintenanceConcurrency;
}

}  // namespace og::cli
