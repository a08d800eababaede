#include "cli/arguments/spec.h"

#include <algorithm>
#include <utility>

#include "io/base/text.h"

namespace og::cli {

std::string OptionSpec::Usage() const {
  if (is_positional) {
    const std::string dots = is_repeatable ? "..." : "";
    return is_required ? io::StrCat("<", name, ">", dots) : io::StrCat("[", name, "]", dots);
  }
  if (!default_value.empty()) return io::StrCat("--", name, "[=<", value_name, ">]");
  return value_name.empty() ? io::StrCat("--", name)
                            : io::StrCat("--", name, " <", value_name, ">");
}

void Arguments::Add(std::string_view name, std::string value) {
  values_.emplace_back(std::string(name), std::move(value));
}

std::optional<std::string> Arguments::Get(std::string_view name) const {
  const auto found = std::find_if(values_.begin(), values_.end(),
                                  [&](const auto& value) { return value.first == name; });
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Arguments::All(std::string_view name) const {
  std::vector<std::string> all;
  for (const auto& [key, value] : values_) {
    if (key == name) {
      all.push_back(value);
    }
  }
  return all;
}

std::vector<OptionSpec> GlobalOptions() {
  return {
      {.name = "as", .value_name = "ACTOR", .help = "Who writes: recorded in the commit"},
      {.name = "store",
       .value_name = "URI",
       .help = "The graph's storage: a folder or file:// URI; instead of a positional URI"},
      {.name = "yes",
       .value_name = "",
       .help = "Consent to destructive writes on targets that are not local"},
      {.name = "quiet", .value_name = "", .help = "Do not say on stderr which graph is written to"},
      {.name = "memory",
       .value_name = "BYTES",
       .help = "Memory that the engine may use, such as 512MiB [env: OMNIGRAPH_MEMORY; default: "
               "half of the machine's]"},
      {.name = "durability",
       .value_name = "MODE",
       .help = "What an acknowledged write has to survive [env: OMNIGRAPH_DURABILITY; default: "
               "full]",
       .choices = {"full", "data", "none"}},
      {.name = "stats",
       .value_name = "FORMAT",
       .default_value = "text",
       .help = "Say on stderr what was asked of storage",
       .choices = {"text", "json"}},
      {.name = "version", .short_name = 'v', .value_name = "", .help = "Print the version"},
      {.name = "help", .short_name = 'h', .value_name = "", .help = "Print this help"},
  };
}

std::vector<GroupSpec> CommandGroups() {
  return {
      {.word = "branch", .summary = "Branches"},
      {.word = "commit", .summary = "Commit history"},
      {.word = "schema", .summary = "The schema of a graph"},
  };
}

}  // namespace og::cli
