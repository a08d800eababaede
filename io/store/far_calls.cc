#include "io/store/far_calls.h"

#include "io/base/status_macros.h"

namespace og::io {

std::vector<absl::StatusOr<Buffer>> ReadEach(Store& store, std::span<const std::string> paths) {
  if (auto* const far = dynamic_cast<FarCalls*>(&store)) return far->ReadEach(paths);
  std::vector<absl::StatusOr<Buffer>> objects;
  objects.reserve(paths.size());
  for (const std::string& path : paths)
    objects.push_back(store.Read(path));
  return objects;
}

absl::StatusOr<std::vector<ObjectInfo>> ListFirst(Store& store, std::string_view prefix,
                                                  size_t limit) {
  if (auto* const far = dynamic_cast<FarCalls*>(&store)) return far->ListFirst(prefix, limit);
  OG_ASSIGN_OR_RETURN(std::vector<ObjectInfo> infos, store.List(prefix, {.recursive = false}));
  if (infos.size() > limit) infos.resize(limit);
  return infos;
}

}  // namespace og::io
