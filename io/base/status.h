// Status factories over std::string_view. Debian's Abseil has a string_view type of its own, which
// does not convert from std::string_view; these do the conversion once.
//
// Which code means what below the engine:
//   kDataLoss           stored bytes are wrong
//   kUnimplemented      valid, but a version, flag or codec that we lack
//   kInvalidArgument    the caller's mistake
//   kNotFound           the object does not exist
//   kAlreadyExists      a create-if-absent was lost
//   kAborted            a replace-if-match or an exact commit was lost
//   kUnavailable        may be retried
//   kDeadlineExceeded   a deadline passed
//   kResourceExhausted  a budget is spent; the message names it
//   kPermissionDenied   the store refused
//   kUnknown            a conditional put whose outcome cannot be found out
//   kInternal           a bug of ours
// A message names the object, the value found and the value wanted.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace og::io {

absl::Status DataLossError(std::string_view message);
absl::Status UnimplementedError(std::string_view message);
absl::Status InvalidArgumentError(std::string_view message);
absl::Status NotFoundError(std::string_view message);
absl::Status AlreadyExistsError(std::string_view message);
absl::Status AbortedError(std::string_view message);
absl::Status UnavailableError(std::string_view message);
absl::Status DeadlineExceededError(std::string_view message);
absl::Status ResourceExhaustedError(std::string_view message);
absl::Status PermissionDeniedError(std::string_view message);
absl::Status FailedPreconditionError(std::string_view message);
absl::Status OutOfRangeError(std::string_view message);
absl::Status CancelledError(std::string_view message);
absl::Status UnknownError(std::string_view message);
absl::Status InternalError(std::string_view message);

// The message of `status` as a std::string_view; valid as long as `status`.
std::string_view Message(const absl::Status& status);

// `status` with "context: " before its message; same code, payloads kept. An ok status stays ok.
absl::Status Annotate(const absl::Status& status, std::string_view context);

}  // namespace og::io
