#include "tools/debian_graph/generator.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/base/check.h"
#include "io/base/text.h"

namespace og::tools {
namespace {

// SplitMix64: the standard library's distributions differ between implementations.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // In [0, 1).
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

  uint32_t Below(uint32_t bound) {
    return std::min(bound - 1, static_cast<uint32_t>(Fraction() * bound));
  }

  // Below `bound`, low numbers far more often: the share of n falls about as n^-0.8.
  uint32_t SkewedBelow(uint32_t bound) {
    const double u = Fraction();
    return std::min(bound - 1, static_cast<uint32_t>(u * u * u * u * u * bound));
  }

  // 0, 1, 2, ... with mean about `mean`, most often small, sometimes many.
  uint32_t Count(double mean) {
    const double u = Fraction();
    return static_cast<uint32_t>(mean * 4.0 * u * u * u + 0.5);
  }

 private:
  uint64_t state_;
};

constexpr std::array<std::string_view, 24> kSections = {
    "libs",    "libdevel", "python", "perl",    "rust",  "golang",   "haskell", "javascript",
    "science", "utils",    "devel",  "doc",     "admin", "net",      "java",    "ruby",
    "games",   "math",     "web",    "editors", "sound", "graphics", "mail",    "kernel",
};
constexpr std::array<std::string_view, 32> kWords = {
    "fast",     "simple",  "library",   "for",     "parsing",  "network", "files",   "shared",
    "runtime",  "headers", "documents", "tool",    "command",  "line",    "client",  "server",
    "graphics", "audio",   "streams",   "records", "database", "storage", "testing", "module",
    "python",   "perl",    "bindings",  "data",    "images",   "text",    "search",  "engine",
};

// Mean number of dependencies of a package, by kind, as in Debian 12.
constexpr std::array<double, kNumDependencyKinds> kMeanDependencies = {3.885, 0.016, 0.454, 0.365};

std::string MakeSummary(Random& random) {
  std::string summary;
  const uint32_t num_words = 3 + random.Below(7);
  for (uint32_t i = 0; i < num_words; ++i) {
    if (i > 0) summary += ' ';
    summary += kWords[random.Below(kWords.size())];
  }
  return summary;
}

Maintainer MakeMaintainer(uint32_t number) {
  return {.email = io::StrCat("team", number, "@lists.example.org"),
          .name = io::StrCat("Packaging Team ", number)};
}

Package MakePackage(Random& random, uint32_t number, uint32_t num_maintainers) {
  const uint32_t kib = 16 + (random.SkewedBelow(4'000'000));
  return {.name = io::StrCat(kWords[number % kWords.size()], "-", number),
          .version = io::StrCat(random.Below(12), ".", random.Below(40), "-", 1 + random.Below(9)),
          .section = std::string(kSections[random.SkewedBelow(kSections.size())]),
          .architecture = random.Below(3) == 0 ? "all" : "amd64",
          .summary = MakeSummary(random),
          .installed_kib = kib,
          .size_bytes = int64_t{kib} * (200 + random.Below(400)),
          .maintainer = random.SkewedBelow(num_maintainers)};
}

// How many dependencies of a kind a package gets. A mean below one is a chance to have any.
uint32_t NumDependencies(Random& random, double mean) {
  if (mean >= 1) return random.Count(mean);
  constexpr double kMeanIfAny = 2.0;
  return random.Fraction() < mean / kMeanIfAny ? 1 + random.Below(3) : 0;
}

void AddDependencies(Random& random, uint32_t from, DependencyKind kind, Archive& archive) {
  // A quarter of the packages are leaves that nothing asks for.
  const auto num_targets = static_cast<uint32_t>((archive.packages.size() * 3 + 3) / 4);
  std::vector<Dependency>& all = archive.dependencies;
  const auto first = static_cast<std::ptrdiff_t>(all.size());
  const double mean = kMeanDependencies[static_cast<size_t>(kind)];
  const uint32_t count = NumDependencies(random, mean);
  for (uint32_t i = 0; i < count; ++i) {
    const Dependency dependency{from, random.SkewedBelow(num_targets), kind};
    if (std::find(all.begin() + first, all.end(), dependency) == all.end()) {
      all.push_back(dependency);
    }
  }
}

}  // namespace

Archive GenerateArchive(const GeneratorOptions& options) {
  OG_CHECK(options.num_packages > 0 && options.num_maintainers > 0);
  Random random(options.seed);
  Archive archive;
  for (uint32_t i = 0; i < options.num_maintainers; ++i) {
    archive.maintainers.push_back(MakeMaintainer(i));
  }
  for (uint32_t i = 0; i < options.num_packages; ++i) {
    archive.packages.push_back(MakePackage(random, i, options.num_maintainers));
  }
  for (int kind = 0; kind < kNumDependencyKinds; ++kind) {
    for (uint32_t from = 0; from < options.num_packages; ++from) {
      AddDependencies(random, from, static_cast<DependencyKind>(kind), archive);
    }
  }
  return archive;
}

}  // namespace og::tools
