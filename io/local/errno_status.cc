#include "io/local/errno_status.h"

#include <cerrno>
#include <system_error>

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/store/path.h"

namespace og::io {

absl::Status ErrnoStatus(int error, std::string_view path, std::string_view call) {
  const std::string message =
      StrCat(FailedCall(call, path), ": ", std::generic_category().message(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return NotFoundError(message);
    case EEXIST:
      return AlreadyExistsError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ResourceExhaustedError(message);
    case ENAMETOOLONG:
    case ELOOP:
    case EINVAL:
    case EISDIR:
      return InvalidArgumentError(message);
    case EIO:
      return DataLossError(message);
    case EAGAIN:
    case EBUSY:
    case ETIMEDOUT:
    case ESTALE:
      return UnavailableError(message);
    default:
      return FailedPreconditionError(message);
  }
}

}  // namespace og::io
