// Commits that another writer got in the way of.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace og::engine::dataset {

// Whether `status`, of Dataset::Commit, says that the same work done again on the latest version
// may succeed: rows or fragments that the transaction changes were changed meanwhile.
bool IsRetryableConflict(const absl::Status& status);

// kAborted with `message`; a retryable conflict.
absl::Status RetryableConflict(std::string_view message);

}  // namespace og::engine::dataset
