// Keeping the tables of a graph in shape: small fragments and deleted rows are compacted, the
// indexes that the schema asks for are built, and those that there are take new rows in. Only main;
// no row changes.
//
//   stage     each table's new files and indexes, beside other writers; nothing is visible
//   arm       a recovery record of all tables that have work
//   effects   up to four versions of each table (table_upkeep.h)
//   publish   one commit without an actor
//
// A table that was changed past the graph is left to repair.h. Whatever versions an optimization
// that died has made hold the same rows: recovery publishes them, or takes them back where not all
// tables have one.
//
// Source: omnigraph 0.10.0: src/db/omnigraph/optimize.rs; engine.md 7.1, 7.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/graph/graph.h"
#include "engine/graph/maintenance.h"
#include "engine/graph/table_upkeep.h"
#include "io/env/env.h"
#include "io/store/store.h"

namespace og::engine::graph {

struct OptimizeOptions {
  size_t concurrency = kMaintenanceConcurrency;  // at least 1
  ProgressFn progress = {};
};

struct OptimizedTable {
  std::string table_key;  // "__manifest" for the catalog of the graph
  uint64_t fragments_removed = 0;
  uint64_t fragments_added = 0;
  bool committed = false;  // it has a new version
  // Of a table that is not at its published version, and left alone for that.
  std::optional<uint64_t> published_version;
  std::optional<uint64_t> head_version;
  std::vector<PendingIndex> pending_indexes;

  bool is_skipped() const { return head_version.has_value(); }
};

struct OptimizeResult {
  std::optional<CommitInfo> commit;    // nothing to publish: none
  std::vector<OptimizedTable> tables;  // by key, then "__manifest"
};

// kConflict while an unfinished write of main or of the schema needs a read-write open,
// kRecoveryRequired if this one has become one. The Env must outlive the call.
absl::StatusOr<OptimizeResult> OptimizeGraph(io::Env& env, const io::Location& root,
                                             const OptimizeOptions& options);

}  // namespace og::engine::graph
