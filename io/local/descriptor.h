// File descriptors: one that closes itself, and the bounded set of those kept open for reading.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include <sys/types.h>

#include "io/base/sync.h"

namespace og::io {

// Closes its descriptor at the end of its life. Move-only.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A file open for reading, and which file it is.
struct OpenFile {
  Descriptor descriptor;
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;  // when it was opened

  // A descriptor of the same file for reads that pass by the page cache, opened at the first call;
  // -1 where there are no such reads. Any thread may call it.
  int DirectFd() const;

 private:
  mutable std::once_flag direct_once_;
  mutable Descriptor direct_;
};

// Opens a regular file for reading. kNotFound for a missing file, a folder, or anything that is no
// regular file; EINTR is retried.
absl::StatusOr<std::shared_ptr<const OpenFile>> OpenForReading(const std::string& path);

// open(2) with O_CLOEXEC, retried on EINTR; -1 with errno set.
int OpenDescriptor(const std::string& path, int flags, mode_t mode = 0);

// The files that stay open between reads, least recently used ones closed first. Any thread may
// call any method.
class DescriptorCache {
 public:
  // Keeps at most `capacity` files open beside those in use.
  explicit DescriptorCache(size_t capacity) : capacity_(capacity) {}

  // The file of the object `path` (of the store: without the leading slash). A file that is open
  // already is used again if `is_immutable`, or if the name still leads to it. Out of descriptors,
  // all idle files are closed and the open is tried once more.
  absl::StatusOr<std::shared_ptr<const OpenFile>> Acquire(std::string_view path, bool is_immutable);

  // Keeps `file` for later readers of `path`.
  void Add(std::string_view path, std::shared_ptr<const OpenFile> file);

  // Forgets one name, or all.
  void Forget(std::string_view path);
  void Clear();

  // A quarter of what the process may open, between 16 and 512.
  static size_t DefaultCapacity();

 private:
  struct Entry {
    std::string path;
    std::shared_ptr<const OpenFile> file;
  };
  using Entries = std::list<Entry>;

  std::shared_ptr<const OpenFile> Find(std::string_view path);

  const size_t capacity_;
  Mutex mutex_;
  Entries recent_first_ OG_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string_view, Entries::iterator> by_path_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::io
