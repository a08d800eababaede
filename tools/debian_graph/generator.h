// A made-up archive of the shape of Debian's: few packages that very many depend on, many that
// nobody does, maintainers from one package to thousands.
#pragma once

#include <cstdint>

#include "tools/debian_graph/archive.h"

namespace og::tools {

struct GeneratorOptions {
  uint64_t seed = 1;
  uint32_t num_packages = 64'000;    // at least 1
  uint32_t num_maintainers = 2'100;  // at least 1
};

// The same options give the same archive, on every machine. About 4.7 dependencies a package.
Archive GenerateArchive(const GeneratorOptions& options);

}  // namespace og::tools
