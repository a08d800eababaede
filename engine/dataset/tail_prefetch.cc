#include "engine/dataset/tail_prefetch.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "format/file/prefetch.h"

namespace og::engine::dataset {
namespace {

// The ids of `fields` and of all below them.
void AddFieldIds(std::span<const format::LanceField> fields, std::vector<int32_t>& ids) {
  for (const format::LanceField& field : fields) {
    ids.push_back(field.id);
    AddFieldIds(field.children, ids);
  }
}

}  // namespace

void PrefetchTails(const BaseFolders& folders, std::span<const format::Fragment* const> fragments,
                   const Projection& fields) {
  if (fragments.size() < 2) {
    return;
  }
  std::vector<int32_t> wanted;
  AddFieldIds(fields, wanted);
  std::ranges::sort(wanted);
  std::vector<format::FileToOpen> files;
  for (const format::Fragment* fragment : fragments) {
    for (const format::DataFile& file : fragment->files) {
      const bool is_wanted = std::ranges::any_of(
          file.fields, [&](int32_t id) { return std::ranges::binary_search(wanted, id); });
      if (!is_wanted) {
        continue;
      }
      if (auto location = folders.DataFile(file); location.ok()) {
        files.push_back({.location = *std::move(location), .file_bytes = file.size_bytes});
      }
    }
  }
  format::PrefetchTails(files);
}

}  // namespace og::engine::dataset
