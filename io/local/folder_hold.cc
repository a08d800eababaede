#include "io/local/folder_hold.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/local/errno_status.h"

namespace og::io {
namespace {

constexpr int64_t kPollMs = 2;

}  // namespace

absl::StatusOr<FolderHold> FolderHold::Acquire(const std::string& folder, int64_t timeout_ms,
                                               HoldMode mode) {
  Descriptor descriptor(OpenDescriptor(folder, O_RDONLY));
  if (!descriptor.is_open()) return ErrnoStatus(errno, folder, "open");
  const int operation = (mode == HoldMode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  for (int64_t waited_ms = 0; flock(descriptor.fd(), operation) != 0; waited_ms += kPollMs) {
    if (errno == ENOLCK || errno == EOPNOTSUPP) return FolderHold();
    if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoStatus(errno, folder, "lock");
    if (waited_ms >= timeout_ms) {
      return UnavailableError(
          StrCat(folder, ": held by another process for more than ", timeout_ms, " ms"));
    }
    usleep(static_cast<useconds_t>(kPollMs * 1000));
  }
  return FolderHold(std::move(descriptor));
}

}  // namespace og::io
