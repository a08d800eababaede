// The one typed payload of an error from the engine and above: what kind of refusal it is, a code
// that programs may test, and the named values that its text mentions. One table in cli/ and one in
// server/ map kinds to exit codes and HTTP statuses; nothing is translated twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace og::io {

enum class ErrorKind : uint8_t {
  kBadRequest,
  kNotFound,
  kConflict,
  kInternal,
  kKeyConflict,
  kReadSetChanged,
  kVersionMismatch,
  kRecoveryRequired,
  kPreconditionFailed,
  kResourceLimitExceeded,
  kMergeConflicts,
  kAlreadyInitialized,
  kInitializationClaimed,
  kInitializationCommitted,
  kInitializationIndeterminate,
  kHistoricalVersionReclaimed,
  kStorage,
};

struct ErrorDetail {
  ErrorKind kind = ErrorKind::kInternal;
  std::string code;  // stable, snake_case; empty when the kind says all
  std::vector<std::pair<std::string, std::string>> fields;

  // The value of field `name`, or an empty text.
  std::string_view field(std::string_view name) const;
};

// An error with `detail` attached; the absl code follows from the kind.
absl::Status DetailedError(ErrorDetail detail, std::string_view message);

// The detail attached to `status`, if there is one.
std::optional<ErrorDetail> DetailOf(const absl::Status& status);

}  // namespace og::io
