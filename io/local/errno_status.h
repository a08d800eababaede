// Errors of system calls as statuses.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace og::io {

// "storage {call} failed for '{path}': {text of errno}". `error` is an errno value.
//
//   kNotFound           ENOENT, ENOTDIR
//   kAlreadyExists      EEXIST
//   kPermissionDenied   EACCES, EPERM, EROFS
//   kResourceExhausted  ENOSPC, EDQUOT, EFBIG (space); EMFILE, ENFILE (descriptors); ENOMEM
//   kInvalidArgument    ENAMETOOLONG, ELOOP, EINVAL, EISDIR
//   kDataLoss           EIO: the device failed; a failed sync must not be taken for done later
//   kUnavailable        EAGAIN, EBUSY, ETIMEDOUT, ESTALE
//   kFailedPrecondition anything else
absl::Status ErrnoStatus(int error, std::string_view path, std::string_view call);

}  // namespace og::io
