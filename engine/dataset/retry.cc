#include "engine/dataset/retry.h"

#include <algorithm>

#include "engine/dataset/commit_conflict.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::dataset {

absl::StatusOr<DatasetPtr> CommitWithRetry(
    const Dataset& dataset, const RetryOptions& options,
    const std::function<absl::StatusOr<StagedTransaction>(const Dataset&)>& stage) {
  io::Env& env = dataset.env();
  const int64_t start_ns = env.MonotonicNs();
  DatasetPtr current = dataset.shared_from_this();
  int64_t slot_us = 0;
  for (int attempt = 0;; ++attempt) {
    OG_ASSIGN_OR_RETURN(const StagedTransaction staged, stage(*current));
    absl::StatusOr<DatasetPtr> committed = current->Commit(staged, options.commit);
    if (committed.ok() || !IsRetryableConflict(committed.status())) {
      return committed;
    }
    current->Discard(staged);
    const int64_t elapsed_us = (env.MonotonicNs() - start_ns) / 1000;
    if (attempt >= options.conflict_retries) {
      return io::AbortedError(io::StrCat("Too many concurrent writers: attempted ",
                                         options.conflict_retries,
                                         " retries. Last: ", io::Message(committed.status())));
    }
    if (elapsed_us > options.timeout_us) {
      return io::AbortedError(io::StrCat("Too many concurrent writers: attempted ", attempt + 1,
                                         " times within ", options.timeout_us / 1000,
                                         " ms. Last: ", io::Message(committed.status())));
    }
    // Slots as long as the first attempt, so that others get done meanwhile.
    if (attempt == 0) {
      slot_us = elapsed_us + elapsed_us / 10;
    }
    const uint64_t slots = uint64_t{1} << std::min(attempt + 2, 8);
    env.SleepUs(static_cast<int64_t>(env.RandomU64() % slots) * slot_us);
    OG_ASSIGN_OR_RETURN(current, current->Latest());
  }
}

}  // namespace og::engine::dataset
