// Whether a transaction may be rebased over one that was committed after it had read the table.
//
// Source: lance 10.0.0: src/io/commit/conflict_resolver.rs; the matrix in lance-table.md 4.3.
#pragma once

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/table/transaction.h"

namespace og::engine::dataset {

enum class Conflict : uint8_t {
  kNone,
  kOverlap,      // both change fragments in common: deletion vectors may be merged
  kRetryable,    // redo the work on the latest version
  kIncompatible  // give up
};

// What `theirs`, already committed, means for `ours`. Where adapting `ours` is enough that is done:
// new indexes no longer cover what theirs changed in place. kDataLoss for damage in either.
absl::StatusOr<Conflict> CheckConflict(const format::Transaction& theirs, StagedTransaction& ours);

}  // namespace og::engine::dataset
