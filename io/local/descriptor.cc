#include "io/local/descriptor.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/errno_status.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// How long descriptors that others hold are waited for, and how often they are looked for.
constexpr int kScarceAttempts = 1000;
constexpr timespec kScarcePause{0, 5'000'000};

std::atomic<size_t> num_open_files = 0;
std::atomic<uint64_t> num_caches = 0;

// What the process may open; few if that cannot be found out.
size_t MaxDescriptors() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 64;
}

bool MayOpenAnotherFile() {
  return num_open_files.load(std::memory_order_relaxed) <
         std::max<size_t>(MaxDescriptors() / 2, 16);
}

// The caches of the process.
struct Registry {
  Mutex mutex;
  std::set<DescriptorCache*> caches OG_GUARDED_BY(mutex);
};

Registry& Caches() {
  static Registry& registry = *new Registry;
  return registry;
}

void CloseIdleFiles() {
  MutexLock lock(Caches().mutex);
  for (DescriptorCache* const cache : Caches().caches)
    cache->Clear();
}

int TryOpen(const std::string& path, int flags, mode_t mode) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

int RetryWhileScarce(WhenScarce when, const std::function<int()>& attempt) {
  const int num_attempts = when == WhenScarce::kWait ? kScarceAttempts : 2;
  for (int i = 1;; ++i) {
    const int error = attempt();
    if ((error != EMFILE && error != ENFILE) || i == num_attempts) return error;
    CloseIdleFiles();
    if (i > 1) nanosleep(&kScarcePause, nullptr);
  }
}

int OpenDescriptor(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  errno = RetryWhileScarce(WhenScarce::kWait, [&] {
    fd = TryOpen(path, flags, mode);
    return fd < 0 ? errno : 0;
  });
  return fd;
}

OpenFile::OpenFile() {
  num_open_files.fetch_add(1, std::memory_order_relaxed);
}

OpenFile::~OpenFile() {
  num_open_files.fetch_sub(1, std::memory_order_relaxed);
}

absl::StatusOr<std::shared_ptr<const OpenFile>> OpenForReading(const std::string& path,
                                                               WhenScarce when) {
  int fd = -1;
  const int error = RetryWhileScarce(when, [&] {
    if (!MayOpenAnotherFile()) return EMFILE;
    // O_NONBLOCK: opening a fifo that somebody put there must not hang.
    fd = TryOpen(path, O_RDONLY | O_NONBLOCK, 0);
    return fd < 0 ? errno : 0;
  });
  Descriptor descriptor(fd);
  if (error == ENOENT || error == ENOTDIR) return NoSuchObject(path);
  if (error != 0) return ErrnoStatus(error, path, "read");
  struct stat info;
  if (fstat(descriptor.fd(), &info) != 0) return ErrnoStatus(errno, path, "read");
  if (!S_ISREG(info.st_mode)) return NoSuchObject(path);
  // Left on, a ring would answer EAGAIN on file systems that cannot read without waiting.
  if (fcntl(descriptor.fd(), F_SETFL, 0) != 0) return ErrnoStatus(errno, path, "read");
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
        Descriptor(TryOpen(StrCat("/proc/self/fd/", descriptor.fd()), O_RDONLY | O_DIRECT, 0));
  });
  return direct_.fd();
}

DescriptorCache::DescriptorCache(size_t capacity)
    : number_(num_caches.fetch_add(1, std::memory_order_relaxed) + 1),
      capacity_(capacity),
      max_files_of_batch_(std::clamp<size_t>(MaxDescriptors() / 32, 4, 64)) {
  MutexLock lock(Caches().mutex);
  Caches().caches.insert(this);
}

DescriptorCache::~DescriptorCache() {
  MutexLock lock(Caches().mutex);
  Caches().caches.erase(this);
}

// Holds no file open: what the cache has dropped is gone.
struct DescriptorCache::Found {
  uint64_t cache_number = 0;
  uint64_t generation = 0;
  std::string path;
  std::weak_ptr<const OpenFile> file;
};

DescriptorCache::Found& DescriptorCache::LastFound() {
  thread_local Found found;
  return found;
}

std::shared_ptr<const OpenFile> DescriptorCache::Find(std::string_view path) {
  Found& last = LastFound();
  const uint64_t generation = generation_.load(std::memory_order_acquire);
  if (last.cache_number == number_ && last.generation == generation && last.path == path) {
    if (auto file = last.file.lock(); file != nullptr) return file;
  }
  MutexLock lock(mutex_);
  const auto it = by_path_.find(path);
  if (it == by_path_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, it->second);
  last.cache_number = number_;
  last.generation = generation_.load(std::memory_order_relaxed);
  last.path = path;
  last.file = it->second->file;
  return it->second->file;
}

absl::StatusOr<std::shared_ptr<const OpenFile>> DescriptorCache::Acquire(std::string_view path,
                                                                         bool is_immutable,
                                                                         WhenScarce when) {
  auto file = Find(path);
  if (file != nullptr && is_immutable) return file;
  OG_RETURN_IF_ERROR(CheckPath(path));
  const std::string name = StrCat("/", path);
  if (file != nullptr) {
    struct stat info;
    if (stat(name.c_str(), &info) == 0 && info.st_ino == file->inode &&
        info.st_dev == file->device) {
      return file;
    }
    Forget(path);
  }
  OG_ASSIGN_OR_RETURN(auto opened, OpenForReading(name, when));
  Add(path, opened);
  return opened;
}

void DescriptorCache::Add(std::string_view path, std::shared_ptr<const OpenFile> file) {
  Entries dropped;  // closed after the lock
  MutexLock lock(mutex_);
  generation_.fetch_add(1, std::memory_order_release);
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
  generation_.fetch_add(1, std::memory_order_release);
  const auto entry = it->second;
  by_path_.erase(it);
  dropped.splice(dropped.begin(), recent_first_, entry);
}

void DescriptorCache::Clear() {
  Entries dropped;
  MutexLock lock(mutex_);
  generation_.fetch_add(1, std::memory_order_release);
  by_path_.clear();
  dropped.swap(recent_first_);
}

size_t DescriptorCache::DefaultCapacity() {
  return std::clamp<size_t>(MaxDescriptors() / 4, 16, 512);
}

}  // namespace og::io
