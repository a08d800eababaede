#include "engine/dataset/metadata.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "engine/dataset/projection.h"
#include "format/file/lance_schema.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::dataset {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

std::optional<format::UpdateMap> UpdatesOf(const MapChange& change) {
  if (change.empty()) {
    return std::nullopt;
  }
  format::UpdateMap updates;
  updates.entries.assign(change.entries.begin(), change.entries.end());
  updates.replace = change.replace;
  return updates;
}

absl::StatusOr<int32_t> FieldId(const format::LanceSchema& schema, const std::string& path) {
  const std::vector<std::string> parts = [&] {
    if (schema.Find(path) != nullptr) {
      return std::vector<std::string>{path};
    }
    std::vector<std::string> split;
    for (const std::string_view part : io::Split(path, '.')) {
      split.emplace_back(part);
    }
    return split;
  }();
  const format::LanceField* field = schema.Find(parts.front());
  for (size_t i = 1; i < parts.size() && field != nullptr; ++i) {
    field = field->Child(parts[i]);
  }
  if (field == nullptr) {
    return io::NotFoundError(io::StrCat("no column ", path));
  }
  return field->id;
}

// The digits at the front of `text`, which moves on; nullopt unless there are `count` of them.
std::optional<int> Digits(std::string_view& text, size_t count) {
  int value = 0;
  if (text.size() < count) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc() || end != text.data() + count || text.front() == '-') {
    return std::nullopt;
  }
  text.remove_prefix(count);
  return value;
}

bool Skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// ".704926" as microseconds; further digits are cut off.
std::optional<int64_t> Fraction(std::string_view& text) {
  int64_t micros = 0;
  size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 6) {
      micros = micros * 10 + (text.front() - '0');
    }
    ++digits;
    text.remove_prefix(1);
  }
  for (size_t i = digits; i < 6; ++i) {
    micros *= 10;
  }
  return digits == 0 ? std::nullopt : std::optional(micros);
}

// "Z", "+01:00" or nothing, which is UTC.
std::optional<int64_t> OffsetSeconds(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") {
    return 0;
  }
  const int64_t sign = text.front() == '-' ? -1 : 1;
  if (!Skip(text, "+-")) {
    return std::nullopt;
  }
  const auto hours = Digits(text, 2);
  if (!hours || !Skip(text, ":")) {
    return std::nullopt;
  }
  const auto minutes = Digits(text, 2);
  if (!minutes || !text.empty()) {
    return std::nullopt;
  }
  return sign * (int64_t{*hours} * 3600 + int64_t{*minutes} * 60);
}

}  // namespace

absl::StatusOr<StagedTransaction> StageMetadata(const Dataset& dataset,
                                                const MetadataChange& change) {
  format::UpdateConfigOperation operation;
  operation.config = UpdatesOf(change.config);
  operation.table_metadata = UpdatesOf(change.table_metadata);
  operation.schema_metadata = UpdatesOf(change.schema_metadata);
  for (const auto& [path, field_change] : change.field_metadata) {
    OG_ASSIGN_OR_RETURN(const int32_t id, FieldId(dataset.lance_schema(), path));
    if (auto updates = UpdatesOf(field_change)) {
      operation.field_metadata[id] = *std::move(updates);
    }
  }
  if (!operation.config && !operation.table_metadata && !operation.schema_metadata &&
      operation.field_metadata.empty()) {
    return io::InvalidArgumentError("no key to set or to remove");
  }
  StagedTransaction staged;
  staged.transaction.read_version = dataset.version();
  staged.transaction.uuid = change.write.uuid.empty() ? dataset.env().NewUuid() : change.write.uuid;
  staged.transaction.properties = change.write.properties;
  staged.transaction.operation = std::move(operation);
  return staged;
}

int64_t CommitTimeUs(const Dataset& dataset) {
  const auto& timestamp = dataset.manifest().timestamp;
  return timestamp ? timestamp->seconds * kSecondUs + timestamp->nanos / 1000 : 0;
}

absl::StatusOr<DatasetPtr> CheckoutAt(const Dataset& dataset, int64_t time_us) {
  OG_ASSIGN_OR_RETURN(const std::vector<VersionInfo> versions, dataset.ListVersions());
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    OG_ASSIGN_OR_RETURN(DatasetPtr candidate, dataset.Checkout(version->version));
    if (CommitTimeUs(*candidate) <= time_us) {
      return candidate;
    }
  }
  return io::NotFoundError(io::StrCat("no version of ", dataset.branch_root().Uri(),
                                      " is as old as ", TimeText(time_us)));
}

std::optional<int64_t> ParseTimeUs(std::string_view text) {
  if (const auto seconds = io::ParseInt64(text)) {
    if (*seconds > INT64_MAX / kSecondUs || *seconds < INT64_MIN / kSecondUs) {
      return std::nullopt;
    }
    return *seconds * kSecondUs;
  }
  std::tm parts{};
  const auto year = Digits(text, 4);
  if (!year || !Skip(text, "-")) return std::nullopt;
  const auto month = Digits(text, 2);
  if (!month || !Skip(text, "-")) return std::nullopt;
  const auto day = Digits(text, 2);
  if (!day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
  int64_t micros = 0;
  if (Skip(text, "Tt ")) {
    const auto hour = Digits(text, 2);
    if (!hour || !Skip(text, ":")) return std::nullopt;
    const auto minute = Digits(text, 2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    parts.tm_hour = *hour;
    parts.tm_min = *minute;
    if (Skip(text, ":")) {
      const auto second = Digits(text, 2);
      if (!second || *second > 60) return std::nullopt;
      parts.tm_sec = *second;
      if (Skip(text, ".")) {
        const auto fraction = Fraction(text);
        if (!fraction) return std::nullopt;
        micros = *fraction;
      }
    }
  }
  const auto offset = OffsetSeconds(text);
  if (!offset) return std::nullopt;
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  return (static_cast<int64_t>(timegm(&parts)) - *offset) * kSecondUs + micros;
}

std::string TimeText(int64_t time_us) {
  int64_t micros = time_us % kSecondUs;
  int64_t whole = time_us / kSecondUs;
  if (micros < 0) {
    micros += kSecondUs;
    --whole;
  }
  const auto seconds = static_cast<std::time_t>(whole);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char date[40];
  const size_t size = std::strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
  return io::StrCat(std::string_view(date, size), ".",
                    io::ZeroPadded(static_cast<uint64_t>(micros), 6), "Z");
}

}  // namespace og::engine::dataset
