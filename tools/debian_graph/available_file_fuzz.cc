// Any text is either refused or becomes an archive whose positions are inside it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/base/check.h"
#include "tools/debian_graph/available_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file =
      og::tools::ParseAvailableFile(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!file.ok()) return 0;
  const og::tools::Archive& archive = file->archive;
  for (const og::tools::Package& package : archive.packages) {
    OG_CHECK(package.maintainer < archive.maintainers.size());
  }
  for (const og::tools::Dependency& dependency : archive.dependencies) {
    OG_CHECK(dependency.from < archive.packages.size() && dependency.to < archive.packages.size());
  }
  return 0;
}
