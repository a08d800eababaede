#include "io/local/folder_names.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <string_view>

#include <linux/magic.h>
#include <sys/vfs.h>

#include "io/base/status_macros.h"
#include "io/local/descriptor.h"
#include "io/local/errno_status.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// Kernels stamp files with the time of their last tick, which is 10 ms ago at most.
constexpr int64_t kTickNs = 50'000'000;

// What is kept: lists of a few names, of so many folders.
constexpr size_t kMaxKeptNames = 32;
constexpr size_t kMaxKeptFolders = 256;

int64_t NsOf(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool IsSame(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && NsOf(a.st_mtim) == NsOf(b.st_mtim);
}

// Whether a change from now on shows in the time of the folder `fd`, whose state was `before`.
bool ShowsChanges(int fd, const struct stat& before) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (NsOf(before.st_mtim) + kTickNs > NsOf(now)) return false;
  struct statfs system;
  if (fstatfs(fd, &system) != 0) return false;
  constexpr decltype(system.f_type) kLocal[] = {
      EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC};
  return std::ranges::find(kLocal, system.f_type) != std::end(kLocal);
}

absl::StatusOr<std::vector<FolderName>> ReadNames(DIR* directory, const std::string& folder,
                                                  size_t limit) {
  std::vector<FolderName> names;  // a heap, the last one at the front
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(directory);
    if (entry == nullptr) {
      if (errno != 0) return ErrnoStatus(errno, folder, "list");
      break;
    }
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR || name == "." || name == "..") continue;
    if (names.size() == limit && (limit == 0 || names.front().name <= name)) continue;
    if (IsTemporaryName(name)) continue;
    if (names.size() == limit) {
      std::ranges::pop_heap(names, {}, &FolderName::name);
      names.pop_back();
    }
    names.push_back({.name = std::string(name), .is_regular = entry->d_type == DT_REG});
    std::ranges::push_heap(names, {}, &FolderName::name);
  }
  std::ranges::sort_heap(names, {}, &FolderName::name);
  return names;
}

}  // namespace

absl::StatusOr<Folder> OpenFolder(const std::string& folder) {
  DIR* opened = nullptr;
  const int error = RetryWhileScarce(WhenScarce::kWait, [&] {
    opened = opendir(folder.c_str());
    return opened == nullptr ? errno : 0;
  });
  if (error != 0 && error != ENOENT && error != ENOTDIR) return ErrnoStatus(error, folder, "list");
  return Folder(opened, closedir);
}

absl::StatusOr<std::vector<FolderName>> FolderNames::First(const std::string& folder,
                                                           size_t limit) {
  {
    MutexLock lock(mutex_);
    const auto it = kept_.find(folder);
    if (it != kept_.end() && it->second.limit == limit) {
      struct stat now;
      if (stat(folder.c_str(), &now) == 0 && IsSame(now, it->second.folder)) {
        return it->second.names;
      }
      kept_.erase(it);
    }
  }
  OG_ASSIGN_OR_RETURN(const Folder directory, OpenFolder(folder));
  if (directory == nullptr) return std::vector<FolderName>();
  struct stat before;
  const int fd = dirfd(directory.get());
  const bool is_keepable =
      limit <= kMaxKeptNames && fstat(fd, &before) == 0 && ShowsChanges(fd, before);
  OG_ASSIGN_OR_RETURN(std::vector<FolderName> names, ReadNames(directory.get(), folder, limit));
  if (is_keepable && std::ranges::all_of(names, &FolderName::is_regular)) {
    MutexLock lock(mutex_);
    if (kept_.size() >= kMaxKeptFolders) kept_.clear();
    kept_.insert_or_assign(folder, Kept{.folder = before, .limit = limit, .names = names});
  }
  return names;
}

}  // namespace og::io
