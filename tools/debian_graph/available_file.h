// Reads what `apt-cache dumpavail` prints: records of "Field: value" lines, continued by lines that
// start with a blank, and separated by empty lines.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

#include "tools/debian_graph/archive.h"

namespace og::tools {

struct AvailableFile {
  Archive archive;
  // Dependencies on names that have no record: virtual packages and those of other archives.
  int64_t num_unknown_names = 0;
  // Records of a package name that was seen before; the first one counts.
  int64_t num_repeated_packages = 0;
};

// Every alternative of a dependency becomes an edge; version and architecture restrictions are left
// out. Of several equal edges one stays.
//
//   kInvalidArgument  text that is not UTF-8, a line that is neither a field nor a continuation, a
//                     record without Package, Version or Maintainer, or a size that is no number;
//                     the message names the line
absl::StatusOr<AvailableFile> ParseAvailableFile(std::string_view text);

}  // namespace og::tools
