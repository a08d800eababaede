#include "io/local/descriptor.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/errno_status.h"
#include "io/store/path.h"

namespace og::io {

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

int OpenDescriptor(const std::string& path, int flags, mode_t mode) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

absl::StatusOr<std::shared_ptr<const OpenFile>> OpenForReading(const std::string& path) {
  // O_NONBLOCK: opening a fifo that somebody put there must not hang.
  Descriptor descriptor(OpenDescriptor(path, O_RDONLY | O_NONBLOCK));
  if (!descriptor.is_open()) {
    if (errno == ENOENT || errno == ENOTDIR) return NoSuchObject(path);
    return ErrnoStatus(errno, path, "open");
  }
  struct stat info;
  if (fstat(descriptor.fd(), &info) != 0) return ErrnoStatus(errno, path, "stat");
  if (!S_ISREG(info.st_mode)) return NoSuchObject(path);
  // Left on, a ring would answer EAGAIN on file systems that cannot read without waiting.
  if (fcntl(descriptor.fd(), F_SETFL, 0) != 0) return ErrnoStatus(errno, path, "open");
  auto file = std::make_shared<OpenFile>();
  file->descriptor = std::move(descriptor);
  file->device = info.st_dev;
  file->inode = info.st_ino;
  file->size = info.st_size;
  return file;
}

int OpenFile::DirectFd() const {
  std::call_once(direct_once_, [this] {
    // The file itself, whatever its name leads to by now.
    direct_ =
        Descriptor(OpenDescriptor(StrCat("/proc/self/fd/", descriptor.fd()), O_RDONLY | O_DIRECT));
  });
  return direct_.fd();
}

std::shared_ptr<const OpenFile> DescriptorCache::Find(std::string_view path) {
  MutexLock lock(mutex_);
  const auto it = by_path_.find(path);
  if (it == by_path_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, it->second);
  return it->second->file;
}

absl::StatusOr<std::shared_ptr<const OpenFile>> DescriptorCache::Acquire(std::string_view path,
                                                                         bool is_immutable) {
  auto file = Find(path);
  if (file != nullptr && is_immutable) return file;
  const std::string name = StrCat("/", path);
  if (file != nullptr) {
    struct stat info;
    if (stat(name.c_str(), &info) == 0 && info.st_ino == file->inode &&
        info.st_dev == file->device) {
      return file;
    }
    Forget(path);
  }
  auto opened = OpenForReading(name);
  if (absl::IsResourceExhausted(opened.status())) {
    Clear();
    opened = OpenForReading(name);
  }
  OG_RETURN_IF_ERROR(opened.status());
  Add(path, *opened);
  return opened;
}

void DescriptorCache::Add(std::string_view path, std::shared_ptr<const OpenFile> file) {
  Entries dropped;  // closed after the lock
  MutexLock lock(mutex_);
  if (const auto it = by_path_.find(path); it != by_path_.end()) {
    const auto entry = it->second;
    by_path_.erase(it);
    dropped.splice(dropped.begin(), recent_first_, entry);
  }
  recent_first_.push_front({std::string(path), std::move(file)});
  by_path_.emplace(recent_first_.front().path, recent_first_.begin());
  while (recent_first_.size() > capacity_) {
    by_path_.erase(recent_first_.back().path);
    dropped.splice(dropped.begin(), recent_first_, std::prev(recent_first_.end()));
  }
}

void DescriptorCache::Forget(std::string_view path) {
  Entries dropped;
  MutexLock lock(mutex_);
  const auto it = by_path_.find(path);
  if (it == by_path_.end()) return;
  const auto entry = it->second;
  by_path_.erase(it);
  dropped.splice(dropped.begin(), recent_first_, entry);
}

void DescriptorCache::Clear() {
  Entries dropped;
  MutexLock lock(mutex_);
  by_path_.clear();
  dropped.swap(recent_first_);
}

size_t DescriptorCache::DefaultCapacity() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 16;
  return std::clamp<size_t>(limit.rlim_cur / 4, 16, 512);
}

}  // namespace og::io
