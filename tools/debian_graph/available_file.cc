#include "tools/debian_graph/available_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/base/utf8.h"

namespace og::tools {
namespace {

// One record: views into the text. Continuation lines are left out, none of them matters here.
struct Record {
  size_t line = 0;  // of its first field
  std::string_view package, version, section, architecture, maintainer, description;
  std::string_view installed_size, size;
  std::array<std::string_view, kNumDependencyKinds> dependencies;

  bool empty() const { return line == 0; }
};

// The member that `field` fills; null for a field that is not needed.
std::string_view* MemberOf(Record& record, std::string_view field) {
  if (field == "Package") return &record.package;
  if (field == "Version") return &record.version;
  if (field == "Section") return &record.section;
  if (field == "Architecture") return &record.architecture;
  if (field == "Maintainer") return &record.maintainer;
  if (field == "Description") return &record.description;
  if (field == "Installed-Size") return &record.installed_size;
  if (field == "Size") return &record.size;
  if (field == "Depends") return &record.dependencies[0];
  if (field == "Pre-Depends") return &record.dependencies[1];
  if (field == "Recommends") return &record.dependencies[2];
  if (field == "Suggests") return &record.dependencies[3];
  return nullptr;
}

absl::Status ErrorAt(size_t line, std::string_view what) {
  return io::InvalidArgumentError(io::StrCat("available packages, line ", line, ": ", what));
}

absl::StatusOr<std::vector<Record>> SplitRecords(std::string_view text) {
  std::vector<Record> records;
  Record record;
  size_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {
      if (!record.empty()) records.push_back(std::exchange(record, {}));
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') continue;
    if (!io::IsUtf8(line)) return ErrorAt(number, "not UTF-8");
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return ErrorAt(number, "neither a field nor continued");
    if (record.empty()) record.line = number;
    if (std::string_view* member = MemberOf(record, line.substr(0, colon))) {
      *member = io::Trim(line.substr(colon + 1));
    }
  }
  if (!record.empty()) records.push_back(record);
  return records;
}

// An absent field has no value; a present one has to be a number.
absl::StatusOr<std::optional<int64_t>> ParseSize(const Record& record, std::string_view text) {
  if (text.empty()) return std::optional<int64_t>();
  const std::optional<int64_t> value = io::ParseInt64(text);
  if (!value || *value < 0) {
    return ErrorAt(record.line, io::StrCat("record with a size '", text, "'"));
  }
  return value;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// "Name <address>", or anything else, which is then both.
Maintainer ParseMaintainer(std::string_view field) {
  const size_t open = field.rfind('<');
  const size_t close = field.rfind('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
    return {.email = LowerCase(field), .name = std::string(field)};
  }
  const std::string_view address = field.substr(open + 1, close - open - 1);
  const std::string_view name = io::Trim(field.substr(0, open));
  return {.email = LowerCase(address), .name = std::string(name.empty() ? address : name)};
}

// "libc6:any (>= 2.34) [amd64] <!nocheck>" -> "libc6"
std::string_view NameOfAlternative(std::string_view alternative) {
  alternative = io::Trim(alternative);
  return alternative.substr(0, alternative.find_first_of(" \t:([<"));
}

class Converter {
 public:
  absl::Status AddPackage(const Record& record) {
    if (record.package.empty() || record.version.empty() || record.maintainer.empty()) {
      return ErrorAt(record.line, "record without Package, Version or Maintainer");
    }
    const auto position = static_cast<uint32_t>(file_.archive.packages.size());
    if (!packages_.emplace(record.package, position).second) {
      ++file_.num_repeated_packages;
      return absl::OkStatus();
    }
    Package package{.name = std::string(record.package),
                    .version = std::string(record.version),
                    .section = std::string(record.section),
                    .architecture = std::string(record.architecture),
                    .summary = std::string(record.description),
                    .maintainer = AddMaintainer(record.maintainer)};
    OG_ASSIGN_OR_RETURN(package.installed_kib, ParseSize(record, record.installed_size));
    OG_ASSIGN_OR_RETURN(package.size_bytes, ParseSize(record, record.size));
    file_.archive.packages.push_back(std::move(package));
    dependencies_.push_back(record.dependencies);
    return absl::OkStatus();
  }

  // Once all packages are known: the edges, kind by kind.
  AvailableFile Finish() && {
    for (int kind = 0; kind < kNumDependencyKinds; ++kind) {
      for (uint32_t from = 0; from < dependencies_.size(); ++from) {
        AddDependencies(from, static_cast<DependencyKind>(kind),
                        dependencies_[from][static_cast<size_t>(kind)]);
      }
    }
    return std::move(file_);
  }

 private:
  uint32_t AddMaintainer(std::string_view field) {
    Maintainer maintainer = ParseMaintainer(field);
    const auto next = static_cast<uint32_t>(file_.archive.maintainers.size());
    const auto [entry, added] = maintainers_.emplace(maintainer.email, next);
    if (added) file_.archive.maintainers.push_back(std::move(maintainer));
    return entry->second;
  }

  void AddDependencies(uint32_t from, DependencyKind kind, std::string_view field) {
    const size_t first = file_.archive.dependencies.size();
    while (!field.empty()) {
      const size_t end = std::min(field.find_first_of(",|"), field.size());
      const std::string_view name = NameOfAlternative(field.substr(0, end));
      field.remove_prefix(std::min(end + 1, field.size()));
      if (!name.empty()) AddDependency(from, kind, name, first);
    }
  }

  // `first`: where the dependencies of the same package and kind start.
  void AddDependency(uint32_t from, DependencyKind kind, std::string_view name, size_t first) {
    const auto to = packages_.find(name);
    if (to == packages_.end()) {
      ++file_.num_unknown_names;
      return;
    }
    std::vector<Dependency>& all = file_.archive.dependencies;
    const Dependency dependency{.from = from, .to = to->second, .kind = kind};
    const auto same = all.begin() + static_cast<std::ptrdiff_t>(first);
    if (std::find(same, all.end(), dependency) == all.end()) all.push_back(dependency);
  }

  AvailableFile file_;
  absl::flat_hash_map<std::string_view, uint32_t> packages_;  // views into the parsed text
  absl::flat_hash_map<std::string, uint32_t> maintainers_;
  std::vector<std::array<std::string_view, kNumDependencyKinds>> dependencies_;
};

}  // namespace

absl::StatusOr<AvailableFile> ParseAvailableFile(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const std::vector<Record> records, SplitRecords(text));
  Converter converter;
  for (const Record& record : records)
    OG_RETURN_IF_ERROR(converter.AddPackage(record));
  return std::move(converter).Finish();
}

}  // namespace og::tools
