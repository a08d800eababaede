// The packages of a Debian archive as a graph: what the converter reads, what the generator makes
// up, and what becomes a batch to load.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace og::tools {

// Each kind is an edge type of debian.pg.
enum class DependencyKind : uint8_t { kDepends, kPreDepends, kRecommends, kSuggests };
inline constexpr int kNumDependencyKinds = 4;

struct Maintainer {
  std::string email;  // lower-case; the whole field where it holds no address. Unique
  std::string name;
};

struct Package {
  std::string name;  // unique
  std::string version;
  std::string section;
  std::string architecture;
  std::string summary;                                  // one line
  std::optional<int64_t> installed_kib = std::nullopt;  // KiB on disk once installed
  std::optional<int64_t> size_bytes = std::nullopt;     // bytes to download
  uint32_t maintainer = 0;                              // position in Archive::maintainers
};

// Positions in Archive::packages. Equal ones occur once.
struct Dependency {
  uint32_t from = 0;
  uint32_t to = 0;
  DependencyKind kind = DependencyKind::kDepends;
  friend bool operator==(const Dependency&, const Dependency&) = default;
};

struct Archive {
  std::vector<Maintainer> maintainers;
  std::vector<Package> packages;
  std::vector<Dependency> dependencies;
};

}  // namespace og::tools
