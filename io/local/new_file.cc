#include "io/local/new_file.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/errno_status.h"
#include "io/local/folder_sync.h"
#include "io/store/path.h"

namespace og::io {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr size_t kMaxNameBytes = 255;

// Whether O_TMPFILE failed because the file system or kernel lacks it.
bool LacksUnnamedFiles(int error) {
  return error == EOPNOTSUPP || error == EISDIR || error == EINVAL;
}

// "{path}#{digits}", another one at each call. The digits only have to be unlikely to be taken:
// the file is created exclusively.
std::string TemporaryName(const std::string& path) {
  static std::atomic<uint64_t> counter = 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const std::string suffix =
      StrCat("#", getpid(), ZeroPadded(static_cast<uint64_t>(now.tv_nsec), 9),
             counter.fetch_add(1, std::memory_order_relaxed));
  const size_t name_start = path.rfind('/') + 1;
  const size_t name_bytes = std::min(path.size() - name_start, kMaxNameBytes - suffix.size());
  return StrCat(std::string_view(path).substr(0, name_start + name_bytes), suffix);
}

}  // namespace

ObjectInfo ObjectInfoOf(std::string_view object_path, const struct stat& info) {
  const int64_t modified_us =
      int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000;
  const auto size = static_cast<uint64_t>(info.st_size);
  return {.path = std::string(object_path),
          .size = size,
          .e_tag = StrCat(Hex(info.st_ino), "-", Hex(static_cast<uint64_t>(modified_us)), "-",
                          Hex(size)),
          .modified_us = modified_us};
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::move(other.descriptor_)),
      temporary_name_(std::exchange(other.temporary_name_, {})) {}

NewFile::~NewFile() {
  if (!temporary_name_.empty()) unlink(temporary_name_.c_str());
}

absl::StatusOr<NewFile> NewFile::Create(const std::string& path, Kind kind) {
  const std::string folder = ParentFolder(path);
  for (bool has_made_folders = false;;) {
    std::string temporary_name;
    int fd = -1;
    if (kind == Kind::kUnnamedIfPossible) {
      fd = OpenDescriptor(folder, O_TMPFILE | O_WRONLY, kFileMode);
      if (fd < 0 && LacksUnnamedFiles(errno)) {
        kind = Kind::kNamed;
        continue;
      }
    } else {
      temporary_name = TemporaryName(path);
      fd = OpenDescriptor(temporary_name, O_WRONLY | O_CREAT | O_EXCL, kFileMode);
      if (fd < 0 && errno == EEXIST) continue;
    }
    if (fd >= 0) return NewFile(path, Descriptor(fd), std::move(temporary_name));
    if (errno != ENOENT || has_made_folders) return ErrnoStatus(errno, path, "create");
    OG_RETURN_IF_ERROR(MakeFolders(folder));
    has_made_folders = true;
  }
}

absl::Status NewFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, path_, "write");
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status NewFile::SyncData() {
  if (fdatasync(fd()) != 0) return ErrnoStatus(errno, path_, "sync");
  return absl::OkStatus();
}

int NewFile::LinkTo(const std::string& target) const {
  if (!temporary_name_.empty()) {
    return link(temporary_name_.c_str(), target.c_str()) == 0 ? 0 : errno;
  }
  char self[32];
  std::snprintf(self, sizeof(self), "/proc/self/fd/%d", fd());
  if (linkat(AT_FDCWD, self, AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) == 0) return 0;
  if (errno != ENOENT) return errno;
  // No /proc: allowed without privileges by newer kernels only.
  return linkat(fd(), "", AT_FDCWD, target.c_str(), AT_EMPTY_PATH) == 0 ? 0 : errno;
}

absl::Status NewFile::PublishIfAbsent() {
  const int error = LinkTo(path_);
  if (error == EEXIST) return ObjectExists(path_);
  if (error == EPERM || error == EOPNOTSUPP || error == EMLINK) {
    return UnimplementedError(
        StrCat(FailedCall("link", path_), ": the file system has no hard links"));
  }
  if (error != 0) return ErrnoStatus(error, path_, "link");
  if (!temporary_name_.empty()) unlink(std::exchange(temporary_name_, {}).c_str());
  return absl::OkStatus();
}

absl::Status NewFile::PublishReplacing(Replacing replacing) {
  if (temporary_name_.empty()) {
    std::string name = TemporaryName(path_);
    const int error = LinkTo(name);
    if (error != 0) return ErrnoStatus(error, path_, "link");
    temporary_name_ = std::move(name);
  }
  // Fails where the file system cannot swap, or the other file is gone.
  if (replacing == Replacing::kBySwap &&
      renameat2(AT_FDCWD, temporary_name_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
    unlink(std::exchange(temporary_name_, {}).c_str());
    return absl::OkStatus();
  }
  if (rename(temporary_name_.c_str(), path_.c_str()) != 0) {
    return ErrnoStatus(errno, path_, "rename");
  }
  temporary_name_.clear();
  return absl::OkStatus();
}

absl::StatusOr<ObjectInfo> NewFile::Info(std::string_view object_path) const {
  struct stat info;
  if (fstat(fd(), &info) != 0) return ErrnoStatus(errno, path_, "stat");
  return ObjectInfoOf(object_path, info);
}

}  // namespace og::io
