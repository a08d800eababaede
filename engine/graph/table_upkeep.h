// What one table needs to be in shape, and giving it to it.
//
//   column                                                    index
//   `id`; `src` and `dst` of an edge                          BTREE
//   a node's property that is a key or @index of its own:
//     enum, Bool, numbers, Date, DateTime                     BTREE
//     String                                                  text (not built yet)
//     Vector                                                  vector (not built yet)
//   lists, blobs, groups of properties, edge properties       none
//
// Staging reads and writes files that nobody names. Committing makes a version for each of
//
//   lance.auto_cleanup.* keys are removed     older releases set them; a graph cleans up by itself
//   indexes are built and take new rows in    one transaction for all
//   fragments are compacted                   two versions: numbers for the fragments, then these
//
// Tables without rows get no index.
//
// Source: omnigraph 0.10.0: src/db/omnigraph/table_ops.rs; engine.md 7.1, 7.2.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/compact.h"
#include "engine/dataset/dataset.h"
#include "engine/schema/catalog.h"

namespace og::engine::graph {

// An index that the schema asks for and that there cannot be yet.
struct PendingIndex {
  std::string property;
  std::string reason;
};

// The indexes of a table.
struct IndexIntent {
  std::vector<std::string> btree_columns;
  std::vector<PendingIndex> pending;
};
IndexIntent IndexIntentOf(const schema::NodeType& type);
IndexIntent IndexIntentOf(const schema::EdgeType& type);

struct StagedUpkeep {
  dataset::DatasetPtr dataset;  // what it was staged on
  std::optional<dataset::StagedTransaction> config;
  std::optional<dataset::StagedTransaction> indices;
  std::vector<dataset::CompactedTask> compacted;

  bool has_work() const { return config || indices || !compacted.empty(); }
  uint64_t num_fragments_removed() const;
  uint64_t num_fragments_added() const;
};

// Called with the numbers of rows and bytes that were written since the last call.
using UpkeepProgressFn = std::function<void(uint64_t rows, uint64_t bytes)>;

// Does the work on `dataset` without making it visible. What fails leaves no files behind.
absl::StatusOr<StagedUpkeep> StageUpkeep(const dataset::DatasetPtr& dataset,
                                         const IndexIntent& intent,
                                         const UpkeepProgressFn& progress);

// Makes it visible; the last version. kAborted if the table was changed meanwhile: the versions
// before that hold the same rows. REQUIRES: has_work().
absl::StatusOr<dataset::DatasetPtr> CommitUpkeep(StagedUpkeep upkeep);

// Removes the files of work that is given up. Best effort.
void DiscardUpkeep(const StagedUpkeep& upkeep);

}  // namespace og::engine::graph
