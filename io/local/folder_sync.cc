#include "io/local/folder_sync.h"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/descriptor.h"
#include "io/local/errno_status.h"

namespace og::io {

std::string ParentFolder(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash));
}

absl::Status MakeFolders(const std::string& folder) {
  if (mkdir(folder.c_str(), 0755) == 0) return absl::OkStatus();
  if (errno == ENOENT && folder != "/") {
    OG_RETURN_IF_ERROR(MakeFolders(ParentFolder(folder)));
    if (mkdir(folder.c_str(), 0755) == 0) return absl::OkStatus();
  }
  if (errno != EEXIST) return ErrnoStatus(errno, folder, "make folder");
  return absl::OkStatus();
}

absl::Status FolderSync::SyncOne(const std::string& folder) {
  std::shared_ptr<Turn> turn;
  uint64_t serving;
  {
    MutexLock lock(mutex_);
    std::shared_ptr<Turn>& slot = turns_[folder];
    if (slot == nullptr) slot = std::make_shared<Turn>();
    turn = slot;
    const uint64_t ticket = ++turn->num_wanted;
    changed_.Wait(mutex_, [&] { return turn->num_served >= ticket || !turn->is_running; });
    if (turn->num_served >= ticket) return turn->last;
    turn->is_running = true;
    serving = turn->num_wanted;
  }

  absl::Status status;
  const Descriptor opened(OpenDescriptor(folder, O_RDONLY | O_DIRECTORY));
  // EINVAL: the file system cannot sync folders, and orders its names itself.
  if (!opened.is_open() || (fsync(opened.fd()) != 0 && errno != EINVAL)) {
    status = ErrnoStatus(errno, folder, "sync folder");
  }

  MutexLock lock(mutex_);
  turn->is_running = false;
  turn->num_served = serving;
  turn->last = status;
  if (turn->num_wanted == serving) turns_.erase(folder);
  changed_.NotifyAll();
  return status;
}

absl::Status FolderSync::SyncNames(const std::string& folder) {
  OG_RETURN_IF_ERROR(SyncOne(folder));
  std::vector<std::pair<std::string, ino_t>> chain;
  for (std::string name = folder; name != "/"; name = ParentFolder(name)) {
    struct stat info;
    if (stat(name.c_str(), &info) != 0) return ErrnoStatus(errno, name, "stat");
    {
      MutexLock lock(mutex_);
      const auto it = durable_.find(name);
      if (it != durable_.end() && it->second == info.st_ino) break;
    }
    const absl::Status status = SyncOne(ParentFolder(name));
    if (!status.ok() && !absl::IsPermissionDenied(status)) return status;
    chain.emplace_back(name, info.st_ino);
  }
  if (chain.empty()) return absl::OkStatus();
  MutexLock lock(mutex_);
  for (const auto& [name, inode] : chain)
    durable_.insert_or_assign(name, inode);
  return absl::OkStatus();
}

void FolderSync::Forget(const std::string& folder) {
  MutexLock lock(mutex_);
  durable_.erase(folder);
  const std::string below = StrCat(folder, "/");
  auto it = durable_.lower_bound(below);
  while (it != durable_.end() && it->first.starts_with(below))
    it = durable_.erase(it);
}

}  // namespace og::io
