// The first names of folders, kept while the folders do not change: the newest version of a dataset
// is the first name of a folder that may have thousands.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include <dirent.h>
#include <sys/stat.h>

#include "io/base/sync.h"

namespace og::io {

// An open folder; null if there is none.
using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;
absl::StatusOr<Folder> OpenFolder(const std::string& folder);

// A name in a folder that is no folder itself, as far as the folder says so.
struct FolderName {
  std::string name;
  bool is_regular = false;  // else it may be a link, or anything
};

// Names are kept with the modification time that their folder had before they were read, if that
// was long past: whatever changes the folder later gives it another one. Only on file systems
// whose times are those of this machine's kernel. Any thread may call any method.
class FolderNames {
 public:
  // The first `limit` names in `folder` that List() shows, ascending; none if there is no such
  // folder.
  absl::StatusOr<std::vector<FolderName>> First(const std::string& folder, size_t limit);

 private:
  struct Kept {
    struct stat folder;
    size_t limit = 0;
    std::vector<FolderName> names;
  };

  Mutex mutex_;
  absl::flat_hash_map<std::string, Kept> kept_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::io
