#include "io/base/status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace og::io {
namespace {

absl::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

absl::Status Make(absl::StatusCode code, std::string_view message) {
  return absl::Status(code, View(message));
}

}  // namespace

absl::Status DataLossError(std::string_view message) {
  return Make(absl::StatusCode::kDataLoss, message);
}
absl::Status UnimplementedError(std::string_view message) {
  return Make(absl::StatusCode::kUnimplemented, message);
}
absl::Status InvalidArgumentError(std::string_view message) {
  return Make(absl::StatusCode::kInvalidArgument, message);
}
absl::Status NotFoundError(std::string_view message) {
  return Make(absl::StatusCode::kNotFound, message);
}
absl::Status AlreadyExistsError(std::string_view message) {
  return Make(absl::StatusCode::kAlreadyExists, message);
}
absl::Status AbortedError(std::string_view message) {
  return Make(absl::StatusCode::kAborted, message);
}
absl::Status UnavailableError(std::string_view message) {
  return Make(absl::StatusCode::kUnavailable, message);
}
absl::Status DeadlineExceededError(std::string_view message) {
  return Make(absl::StatusCode::kDeadlineExceeded, message);
}
absl::Status ResourceExhaustedError(std::string_view message) {
  return Make(absl::StatusCode::kResourceExhausted, message);
}
absl::Status PermissionDeniedError(std::string_view message) {
  return Make(absl::StatusCode::kPermissionDenied, message);
}
absl::Status FailedPreconditionError(std::string_view message) {
  return Make(absl::StatusCode::kFailedPrecondition, message);
}
absl::Status OutOfRangeError(std::string_view message) {
  return Make(absl::StatusCode::kOutOfRange, message);
}
absl::Status CancelledError(std::string_view message) {
  return Make(absl::StatusCode::kCancelled, message);
}
absl::Status UnknownError(std::string_view message) {
  return Make(absl::StatusCode::kUnknown, message);
}
absl::Status InternalError(std::string_view message) {
  return Make(absl::StatusCode::kInternal, message);
}

std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  std::string message(context);
  message.append(": ").append(Message(status));
  absl::Status annotated = Make(status.code(), message);
  status.ForEachPayload([&annotated](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace og::io
