#include "engine/dataset/auto_cleanup.h"

#include <string>

#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/staging.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = int64_t{86'400} * kSecondUs;

struct Unit {
  std::string_view names[6];
  int64_t us;
};
constexpr Unit kUnits[] = {
    {{"us", "usec", "microsecond", "microseconds"}, 1},
    {{"ms", "msec", "millis", "millisecond", "milliseconds"}, 1'000},
    {{"s", "sec", "secs", "second", "seconds"}, kSecondUs},
    {{"m", "min", "mins", "minute", "minutes"}, 60 * kSecondUs},
    {{"h", "hr", "hrs", "hour", "hours"}, 3'600 * kSecondUs},
    {{"d", "day", "days"}, kDayUs},
    {{"w", "wk", "wks", "week", "weeks"}, 7 * kDayUs},
    {{"M", "month", "months"}, int64_t{2'630'016} * kSecondUs},
    {{"y", "yr", "yrs", "year", "years"}, int64_t{31'557'600} * kSecondUs},
};

std::optional<int64_t> UnitUs(std::string_view name) {
  for (const Unit& unit : kUnits) {
    for (const std::string_view known : unit.names) {
      if (!name.empty() && known == name) {
        return unit.us;
      }
    }
  }
  return std::nullopt;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

class Config {
 public:
  explicit Config(const format::Manifest& manifest) : manifest_(manifest) {}

  const std::string* Text(std::string_view name) const {
    const auto found = manifest_.config.find(Key(name));
    return found == manifest_.config.end() ? nullptr : &found->second;
  }

  absl::StatusOr<std::optional<uint64_t>> Number(std::string_view name) const {
    const std::string* text = Text(name);
    if (text == nullptr) {
      return std::nullopt;
    }
    const std::optional<uint64_t> number = io::ParseUint64(*text);
    if (!number) {
      return io::InvalidArgumentError(io::StrCat(Key(name), " is '", *text, "', no number"));
    }
    return number;
  }

  static std::string Key(std::string_view name) { return io::StrCat("lance.auto_cleanup.", name); }

 private:
  const format::Manifest& manifest_;
};

}  // namespace

std::optional<int64_t> ParseAgeUs(std::string_view text) {
  int64_t age = 0;
  bool has_parts = false;
  while (!(text = io::Trim(text)).empty()) {
    size_t digits = 0;
    while (digits < text.size() && IsDigit(text[digits])) {
      ++digits;
    }
    const std::optional<int64_t> count = io::ParseInt64(text.substr(0, digits));
    text = io::Trim(text.substr(digits));
    size_t letters = 0;
    while (letters < text.size() && !IsDigit(text[letters]) && text[letters] != ' ') {
      ++letters;
    }
    const std::optional<int64_t> unit = UnitUs(text.substr(0, letters));
    text = text.substr(letters);
    int64_t part = 0;
    if (!count || !unit || __builtin_mul_overflow(*count, *unit, &part) ||
        __builtin_add_overflow(age, part, &age)) {
      return std::nullopt;
    }
    has_parts = true;
  }
  return has_parts ? std::optional(age) : std::nullopt;
}

absl::StatusOr<std::optional<CleanupPolicy>> AutoCleanupPolicy(const Dataset& dataset) {
  const Config config(HandleOf(dataset).manifest());
  OG_ASSIGN_OR_RETURN(const std::optional<uint64_t> interval, config.Number("interval"));
  if (!interval || (*interval != 0 && dataset.version() % *interval != 0)) {
    return std::nullopt;
  }
  CleanupPolicy policy;
  policy.error_if_tagged_old_versions = false;
  if (const std::string* older_than = config.Text("older_than")) {
    const std::optional<int64_t> age = ParseAgeUs(*older_than);
    if (!age) {
      return io::InvalidArgumentError(
          io::StrCat(Config::Key("older_than"), " is '", *older_than, "', no age"));
    }
    policy.before_us = dataset.env().NowUs() - *age;
  }
  OG_ASSIGN_OR_RETURN(policy.retain_versions, config.Number("retain_versions"));
  OG_ASSIGN_OR_RETURN(policy.deletes_per_second, config.Number("delete_rate_limit"));
  if (!policy.before_us && !policy.retain_versions) {
    return std::nullopt;  // nothing says which versions are old
  }
  return policy;
}

void CleanUpAfterCommit(const Dataset& dataset) {
  const absl::StatusOr<std::optional<CleanupPolicy>> policy = AutoCleanupPolicy(dataset);
  if (policy.ok() && policy->has_value()) {
    Cleanup(dataset, **policy, {}).status().IgnoreError();
  }
}

}  // namespace og::engine::dataset
