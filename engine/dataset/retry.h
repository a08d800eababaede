// Doing work again on the latest version when another writer changed the same rows meanwhile.
//
// Source: lance 10.0.0: src/dataset/write/retry.rs.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

struct RetryOptions {
  // How often the work is done again.
  int conflict_retries = 10;
  // No attempt starts later than this after the first one.
  int64_t timeout_us = 30'000'000;
  CommitOptions commit = {};
};

// Stages with `stage` on `dataset` and commits; after a retryable conflict again on the latest
// version. Files of attempts that did not commit are removed. `stage` may be called several times.
//
//   kAborted  an incompatible change of another writer, or too many attempts
absl::StatusOr<DatasetPtr> CommitWithRetry(
    const Dataset& dataset, const RetryOptions& options,
    const std::function<absl::StatusOr<StagedTransaction>(const Dataset&)>& stage);

}  // namespace og::engine::dataset
