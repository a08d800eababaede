// debian_graph: a Debian archive as a graph batch for `omnigraph load`. See kUsage.
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "tools/debian_graph/archive.h"
#include "tools/debian_graph/available_file.h"
#include "tools/debian_graph/generator.h"
#include "tools/debian_graph/graph_batch.h"

namespace og::tools {
namespace {

constexpr std::string_view kUsage =
    "usage: debian_graph convert [FILE]                 text of `apt-cache dumpavail`; - or nothing"
    " is standard input\n"
    "       debian_graph generate [--seed N] [--packages N] [--maintainers N]\n"
    "Writes JSON lines for the schema debian.pg to standard output and counts to standard error.\n";

absl::StatusOr<std::string> ReadAll(std::FILE* file, std::string_view name) {
  std::string text;
  char chunk[1 << 16];
  while (const size_t got = std::fread(chunk, 1, sizeof(chunk), file))
    text.append(chunk, got);
  if (std::ferror(file) != 0) return io::UnavailableError(io::StrCat("cannot read ", name));
  return text;
}

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  if (path == "-") return ReadAll(stdin, "standard input");
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return io::NotFoundError(io::StrCat("cannot open ", path));
  absl::StatusOr<std::string> text = ReadAll(file, path);
  std::fclose(file);
  return text;
}

absl::Status WriteOutput(const Archive& archive) {
  const auto write = [](std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size()
               ? absl::OkStatus()
               : io::UnavailableError("cannot write to standard output");
  };
  OG_RETURN_IF_ERROR(WriteGraphBatch(archive, write));
  return std::fflush(stdout) == 0 ? absl::OkStatus()
                                  : io::UnavailableError("cannot write to standard output");
}

void PrintCounts(const Archive& archive) {
  int64_t counts[kNumDependencyKinds] = {};
  for (const Dependency& dependency : archive.dependencies) {
    ++counts[static_cast<int>(dependency.kind)];
  }
  const std::string text = io::StrCat(
      archive.packages.size(), " packages, ", archive.maintainers.size(), " maintainers, ",
      archive.dependencies.size(), " dependencies (", counts[0], " depends, ", counts[1],
      " pre-depends, ", counts[2], " recommends, ", counts[3], " suggests)\n");
  std::fputs(text.c_str(), stderr);
}

absl::Status Convert(const std::string& path) {
  OG_ASSIGN_OR_RETURN(const std::string text, ReadInput(path));
  OG_ASSIGN_OR_RETURN(const AvailableFile file, ParseAvailableFile(text));
  OG_RETURN_IF_ERROR(WriteOutput(file.archive));
  PrintCounts(file.archive);
  const std::string skipped =
      io::StrCat("skipped: ", file.num_unknown_names, " dependencies on names without a package, ",
                 file.num_repeated_packages, " repeated packages\n");
  std::fputs(skipped.c_str(), stderr);
  return absl::OkStatus();
}

// "--seed 7 --packages 100" as a map; every flag takes a number.
absl::StatusOr<std::map<std::string, uint64_t>> ParseFlags(const std::vector<std::string>& words) {
  std::map<std::string, uint64_t> flags;
  for (size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return io::InvalidArgumentError(io::StrCat(words[i], " ?"));
    const std::optional<uint64_t> value = io::ParseUint64(words[i + 1]);
    if (!value) return io::InvalidArgumentError(io::StrCat(words[i], " ", words[i + 1]));
    flags[words[i]] = *value;
  }
  return flags;
}

absl::Status SetCount(std::string_view flag, uint64_t value, uint32_t& count) {
  constexpr uint64_t kCountMax = 100'000'000;
  if (value == 0 || value > kCountMax) {
    return io::InvalidArgumentError(io::StrCat(flag, " is from 1 to ", kCountMax));
  }
  count = static_cast<uint32_t>(value);
  return absl::OkStatus();
}

absl::Status Generate(const std::vector<std::string>& words) {
  GeneratorOptions options;
  OG_ASSIGN_OR_RETURN(const auto flags, ParseFlags(words));
  for (const auto& [flag, value] : flags) {
    if (flag == "--seed") {
      options.seed = value;
    } else if (flag == "--packages") {
      OG_RETURN_IF_ERROR(SetCount(flag, value, options.num_packages));
    } else if (flag == "--maintainers") {
      OG_RETURN_IF_ERROR(SetCount(flag, value, options.num_maintainers));
    } else {
      return io::InvalidArgumentError(io::StrCat("unknown flag ", flag));
    }
  }
  const Archive archive = GenerateArchive(options);
  OG_RETURN_IF_ERROR(WriteOutput(archive));
  PrintCounts(archive);
  return absl::OkStatus();
}

// Exit codes: 0, 1 for an error of the work, 2 for an error of the words.
int Main(const std::vector<std::string>& words) {
  absl::Status status;
  if (!words.empty() && words[0] == "convert" && words.size() <= 2) {
    status = Convert(words.size() == 2 ? words[1] : "-");
  } else if (!words.empty() && words[0] == "generate") {
    status = Generate({std::next(words.begin()), words.end()});
  } else {
    std::fwrite(kUsage.data(), 1, kUsage.size(), stderr);
    return 2;
  }
  if (status.ok()) return 0;
  std::fputs(io::StrCat("debian_graph: ", io::Message(status), "\n").c_str(), stderr);
  return 1;
}

}  // namespace
}  // namespace og::tools

int main(int argc, char** argv) {
  return og::tools::Main({argv + 1, argv + argc});
}
