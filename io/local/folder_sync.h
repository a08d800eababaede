// Makes names durable: syncs of folders, shared by those who want one at the same time, and of
// the folders above them where they are new.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include <sys/types.h>

#include "io/base/sync.h"

namespace og::io {

// Any thread may call any method.
class FolderSync {
 public:
  // The names in `folder` (absolute path), and those of `folder` itself and of all above it, are
  // durable on return. The first time for a folder the whole chain up to the root is synced,
  // because another process may have made any part of it and died; later only the folder itself.
  // Folders above that we may not open were not made by us and are passed over.
  absl::Status SyncNames(const std::string& folder);

  // `folder` and what is below it are gone: a folder of that name would be a new one.
  void Forget(const std::string& folder);

 private:
  // A running sync of one folder and those who wait for the next one.
  struct Turn {
    uint64_t num_wanted = 0;
    uint64_t num_served = 0;
    bool is_running = false;
    absl::Status last;
  };

  // One sync of `folder` that starts after this call.
  absl::Status SyncOne(const std::string& folder);

  Mutex mutex_;
  Condition changed_;
  absl::flat_hash_map<std::string, std::shared_ptr<Turn>> turns_ OG_GUARDED_BY(mutex_);
  // Folders whose chain is durable, ordered so that all below one are neighbours; with the inode
  // that they had.
  std::map<std::string, ino_t> durable_ OG_GUARDED_BY(mutex_);
};

// "/a/b" for "/a/b/c", "/" for "/a".
std::string ParentFolder(std::string_view path);

// Makes `folder` and all above it that are missing, with mode 0755.
absl::Status MakeFolders(const std::string& folder);

}  // namespace og::io
