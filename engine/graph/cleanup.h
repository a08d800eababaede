// Reclaiming what a graph has behind it: old versions of its tables on main with the files that
// only they name, and refs of tables that no branch reads. `__manifest` is never touched, so that
// the history stays listed; reading a commit whose versions have gone is
// kHistoricalVersionReclaimed.
//
//   window     the root is held against other writers for a moment: no recovery record is pending,
//              orphan refs go, every table of main is at its published version, and what branches,
//              merges and readers need is noted (retention.h)
//   reclaim    table by table, beside readers and writers: what these need from here on is what was
//              noted, or newer
//
// A version goes if it is older than all limits that are given and nothing needs it. Where it stops
// it leaves whole versions. Of a table that fails the others do not know.
//
// Source: omnigraph 0.10.0: src/db/omnigraph/optimize.rs (cleanup_all_datasets); engine.md 7.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/graph/branch/reconciled_refs.h"
#include "engine/graph/graph.h"
#include "engine/graph/maintenance.h"
#include "io/env/env.h"
#include "io/store/store.h"

namespace og::engine::graph {

// At least one of the two limits must be given.
struct CleanupOptions {
  std::optional<uint32_t> keep_versions = {};  // the newest ones of each table; 0 counts as 1
  std::optional<uint64_t> older_than_s = {};
  size_t concurrency = kMaintenanceConcurrency;  // at least 1
  ProgressFn progress = {};
};

struct CleanedTable {
  std::string table_key;
  uint64_t bytes_removed = 0;
  uint64_t old_versions_removed = 0;
  std::optional<std::string> error;  // why this table was not finished
};

struct CleanupResult {
  std::vector<CleanedTable> tables;  // by key
  ReconciledRefs refs;
};

// kBadRequest without a limit. kConflict, and no version has gone, while a recovery record is
// pending, if a branch cannot be read, or if a table was changed past the graph. The Env must
// outlive the call.
absl::StatusOr<CleanupResult> CleanupGraph(io::Env& env, const io::Location& root,
                                           const CleanupOptions& options);

}  // namespace og::engine::graph
