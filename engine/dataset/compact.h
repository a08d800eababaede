// Compaction: small fragments, and fragments with many deletions, are written again as fewer and
// larger ones without deleted rows and dropped columns. Rows of one group keep their order; the
// new fragments stand behind those that were left alone.
//
//   OG_ASSIGN_OR_RETURN(const CompactionResult result, Compact(*table, {}, {}));
//
// In three steps, which may run in different processes: a plan, one rewrite per task of it, and one
// commit of those tasks that are done. With stable row ids rows keep their ids and versions, and
// indexes cover the new fragments as they are. Without them an index is written again with the new
// addresses, or, deferred, a fragment reuse index says how addresses changed.
//
// A compaction makes two versions: one that reserves fragment ids, one that rewrites.
//
// Source: lance 10.0.0: src/dataset/optimize.rs; lance-table.md 10.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/progress.h"

namespace og::engine::dataset {

struct CompactionOptions {
  // Fragments with fewer rows are joined with their neighbours; also the rows of a new file.
  uint64_t target_rows_per_fragment = uint64_t{1} << 20;
  uint64_t max_bytes_per_file = uint64_t{90} << 30;
  // Whether a fragment is written again because more than this share of its rows is deleted.
  bool materialize_deletions = true;
  float materialize_deletions_threshold = 0.1F;
  std::optional<uint64_t> batch_rows = {};
  int threads = 0;  // that read; 0: as many as the Env's pool has
  // Indexes stay as they are; a fragment reuse index tells how to read them. Not with stable row
  // ids (kInvalidArgument), where there is nothing to defer.
  bool defer_index_remap = false;
  // The plan ends before it takes more fragments than this.
  std::optional<uint64_t> max_source_fragments = {};
  std::map<std::string, std::string> properties = {};  // of the transaction
};

// The defaults with what the configuration of a table (`lance.compaction.*`) says. kInvalidArgument
// for values that make no sense. Options of the reference that do not apply here are checked alike.
absl::StatusOr<CompactionOptions> CompactionOptionsOf(
    const std::map<std::string, std::string>& config);

// Neighbouring fragments that become new ones.
struct CompactionTask {
  std::vector<format::Fragment> fragments;  // ascending by id
};

struct CompactionPlan {
  uint64_t read_version = 0;
  std::vector<CompactionTask> tasks;  // in the order of their fragments
};

// Which fragments of this version to write again; reads metadata only.
absl::StatusOr<CompactionPlan> PlanCompaction(const Dataset& dataset,
                                              const CompactionOptions& options);

// The same for a version that has the indexes `indices` instead of its own. What one of them covers
// and what it does not are never joined.
absl::StatusOr<CompactionPlan> PlanCompaction(const Dataset& dataset,
                                              const CompactionOptions& options,
                                              std::span<const format::IndexMetadata> indices);

struct CompactedTask {
  uint64_t read_version = 0;
  std::vector<format::Fragment> old_fragments;
  std::vector<format::Fragment> new_fragments;  // ids 0
  std::vector<std::string> files;               // written: paths in the store
  uint64_t num_bytes_written = 0;
};

// Writes the rows of `task` to new files; nothing is visible. REQUIRES: `dataset` is the version
// that was planned.
absl::StatusOr<CompactedTask> RewriteFragments(const Dataset& dataset, const CompactionTask& task,
                                               const CompactionOptions& options);

struct CompactionMetrics {
  uint64_t fragments_removed = 0;
  uint64_t fragments_added = 0;
  uint64_t files_removed = 0;  // deletion files count
  uint64_t files_added = 0;
  uint64_t bytes_written = 0;
  friend bool operator==(const CompactionMetrics&, const CompactionMetrics&) = default;
};

struct CompactionResult {
  DatasetPtr dataset;  // the version that was made; the one given if there was nothing to do
  CompactionMetrics metrics;
};

// Commits what `tasks` wrote. kAborted if one of their fragments was changed meanwhile: their files
// are removed, and compaction may be planned anew.
absl::StatusOr<CompactionResult> CommitCompaction(const Dataset& dataset,
                                                  std::vector<CompactedTask> tasks,
                                                  const CompactionOptions& options);

// All three steps. No version is made if there is nothing to do.
absl::StatusOr<CompactionResult> Compact(const Dataset& dataset, const CompactionOptions& options,
                                         const ProgressFn& progress);

// Removes the files of tasks that will not be committed. Best effort.
void DiscardCompaction(const Dataset& dataset, const std::vector<CompactedTask>& tasks);

}  // namespace og::engine::dataset
