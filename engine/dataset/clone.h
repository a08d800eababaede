// Other datasets made of a version: a shallow clone reads the files where they are, a copy has all
// files of its own, in the same store or another one.
//
//   OG_ASSIGN_OR_RETURN(DatasetPtr clone, CloneShallow(*table, env.Resolve("/tmp/c.lance"), {}));
//   OG_ASSIGN_OR_RETURN(CopyResult copy, CopyDataset(*table, target, {}, {}));
//
// Both keep the version number of the source, its row ids, indexes, configuration and metadata, and
// stand on main.
//
// Source: lance 10.0.0: src/dataset.rs (shallow_clone, deep_clone), src/io/commit.rs.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/progress.h"

namespace og::engine::dataset {

// A dataset at `target` whose files are those of `source`, which must stay where it is: cleaning or
// deleting it breaks the clone. kAlreadyExists if there is a dataset.
absl::StatusOr<DatasetPtr> CloneShallow(const Dataset& source, const io::Location& target,
                                        const WriteOptions& options);

struct CopyOptions {
  // Every file that was copied is read back and compared.
  bool verify = true;
  WriteOptions write = {};
};

struct CopyResult {
  DatasetPtr dataset;  // at the target
  uint64_t files_copied = 0;
  uint64_t files_present = 0;  // at the target, from an earlier copy
  uint64_t bytes_copied = 0;
};

// Copies this version to `target`. Where an earlier version was copied before, only what is new is
// moved, and the versions that are there stay readable. The target becomes visible when all files
// are there.
//
//   kAlreadyExists       the target holds another dataset, or was written to on its own
//   kDataLoss            what was read back differs
//   others               of the two stores
absl::StatusOr<CopyResult> CopyDataset(const Dataset& source, const io::Location& target,
                                       const CopyOptions& options, const ProgressFn& progress);

}  // namespace og::engine::dataset
