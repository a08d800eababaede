// File descriptors: one that closes itself, the bounded set of those kept open for reading, and
// what happens when the process has no more (`ulimit -n`): files that are open for later reads are
// closed, then others are waited for.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
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

// What to do when descriptors run out and closing idle files did not help.
enum class WhenScarce : uint8_t {
  kFail,  // for a caller that holds open files, which it gives up before it waits
  kWait,  // for a few seconds: who holds descriptors here holds them for one call
};

// Calls `attempt`, which returns an errno value or 0, and returns what it returns. While that is
// EMFILE or ENFILE it is called again: at once after the idle files of all caches were closed, and
// under kWait every few milliseconds.
int RetryWhileScarce(WhenScarce when, const std::function<int()>& attempt);

// A file open for reading, and which file it is. All of a process are counted: they take at most
// half of the descriptors that it may have, so that writers, folders and sockets find some.
struct OpenFile {
  OpenFile();
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

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
absl::StatusOr<std::shared_ptr<const OpenFile>> OpenForReading(const std::string& path,
                                                               WhenScarce when);

// open(2) with O_CLOEXEC, retried on EINTR and while descriptors are scarce; -1 with errno set.
int OpenDescriptor(const std::string& path, int flags, mode_t mode = 0);

// The files that stay open between reads, least recently used ones closed first. Any thread may
// call any method.
class DescriptorCache {
 public:
  // Keeps at most `capacity` files open beside those in use.
  explicit DescriptorCache(size_t capacity);
  ~DescriptorCache();
  DescriptorCache(const DescriptorCache&) = delete;
  DescriptorCache& operator=(const DescriptorCache&) = delete;

  // The file of the object `path` (of the store: without the leading slash), which CheckPath()
  // allows. A file that is open already is used again if `is_immutable`, or if the name still leads
  // to it.
  absl::StatusOr<std::shared_ptr<const OpenFile>> Acquire(std::string_view path, bool is_immutable,
                                                          WhenScarce when);

  // Keeps `file` for later readers of `path`.
  void Add(std::string_view path, std::shared_ptr<const OpenFile> file);

  // Forgets one name, or all.
  void Forget(std::string_view path);
  void Clear();

  // A quarter of what the process may open, between 16 and 512.
  static size_t DefaultCapacity();

  // How many files one batch of calls may hold open, so that 16 threads with one each share what is
  // for open files: a 32nd of what the process may open, between 4 and 64.
  size_t max_files_of_batch() const { return max_files_of_batch_; }

 private:
  struct Entry {
    std::string path;
    std::shared_ptr<const OpenFile> file;
  };
  using Entries = std::list<Entry>;

  // What the thread found last, so that reads of one file after the other neither lock nor search.
  struct Found;
  static Found& LastFound();

  std::shared_ptr<const OpenFile> Find(std::string_view path);

  const uint64_t number_;  // of the caches of the process
  const size_t capacity_;
  const size_t max_files_of_batch_;
  // Raised by every change of what the names lead to.
  std::atomic<uint64_t> generation_ = 0;
  Mutex mutex_;
  Entries recent_first_ OG_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string_view, Entries::iterator> by_path_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::io
