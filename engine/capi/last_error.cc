#include "engine/capi/last_error.h"

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/cord.h"

#include "io/base/error_detail.h"

namespace og::engine::capi {
namespace {

constexpr char kCodePayload[] = "lance.h/code";

struct LastError {
  LanceErrorCode code = LANCE_OK;
  std::string message;
};

thread_local LastError last_error;

LanceErrorCode CodeOfKind(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return LANCE_OK;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return LANCE_ERR_INVALID_ARGUMENT;
    case absl::StatusCode::kNotFound:
      return LANCE_ERR_NOT_FOUND;
    case absl::StatusCode::kAlreadyExists:
      return LANCE_ERR_DATASET_ALREADY_EXISTS;
    case absl::StatusCode::kAborted:
      return LANCE_ERR_COMMIT_CONFLICT;
    case absl::StatusCode::kUnimplemented:
      return LANCE_ERR_NOT_SUPPORTED;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnknown:
      return LANCE_ERR_IO;
    default:
      return LANCE_ERR_INTERNAL;
  }
}

}  // namespace

void ClearLastError() {
  last_error = {};
}

void SetLastError(const absl::Status& status) {
  last_error = {CodeOf(status), std::string(io::Message(status))};
}

LanceErrorCode CodeOf(const absl::Status& status) {
  if (const auto code = status.GetPayload(kCodePayload); code.has_value() && code->size() == 1) {
    return static_cast<LanceErrorCode>(static_cast<unsigned char>((*code)[0]));
  }
  if (const auto detail = io::DetailOf(status);
      detail.has_value() && detail->kind == io::ErrorKind::kBadRequest) {
    return LANCE_ERR_INVALID_ARGUMENT;
  }
  return CodeOfKind(status.code());
}

absl::Status WithCode(const absl::Status& status, LanceErrorCode code) {
  absl::Status result = status;
  if (!status.ok()) {
    const char byte = static_cast<char>(code);
    result.SetPayload(kCodePayload, absl::Cord({&byte, 1}));
  }
  return result;
}

}  // namespace og::engine::capi

extern "C" {

LanceErrorCode lance_last_error_code(void) {
  return og::engine::capi::last_error.code;
}

const char* lance_last_error_message(void) {
  og::engine::capi::LastError& error = og::engine::capi::last_error;
  if (error.code == LANCE_OK) {
    return nullptr;
  }
  // A message ends at its first zero byte for the reader, wherever it came from.
  char* text = strdup(error.message.c_str());
  error = {};
  return text;
}

void lance_free_string(const char* s) {
  std::free(const_cast<char*>(s));
}

}  // extern "C"
