// Cleanup: old versions of a branch, and files that no version needs, are removed.
//
//   OG_ASSIGN_OR_RETURN(const CleanupStats stats, Cleanup(*table, {.retain_versions = 10}, {}));
//
// A version is old if all given conditions say so. The version of the handle and later ones, tagged
// versions and those that a branch was forked from always stay, and so do all files that one of the
// versions that stay names, on this branch or on branches forked from it, and those of detached
// versions. Of the rest, a file that an old version names goes at once; one that nothing names may
// belong to a writer at work and goes only when it is seven days old, or with `delete_unverified`.
// Only manifests, transactions, data files with their blob sidecars, deletion files and index files
// below the branch's own root are ever removed.
//
// Manifests go first, durably, then the files that only they named: a cleanup that stops anywhere
// leaves versions that are whole. Versions that appear meanwhile are looked at before files go. Of
// two cleanups at the same time each does what the other has left.
//
// Source: lance 10.0.0: src/dataset/cleanup.rs; lance-table.md 13.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/progress.h"

namespace og::engine::dataset {

struct CleanupPolicy {
  std::optional<int64_t> before_us = {};         // versions committed before this time
  std::optional<uint64_t> before_version = {};   // versions below this one
  std::optional<uint64_t> retain_versions = {};  // all but this many latest ones
  bool delete_unverified = false;
  // Old tagged versions: true refuses to clean (kFailedPrecondition), false keeps them.
  bool error_if_tagged_old_versions = true;
  std::optional<uint64_t> deletes_per_second = {};
  // Versions that stay whatever the conditions say. Asked before versions go, and again before
  // files go: what a reader has opened in between keeps its files until a later cleanup.
  std::function<absl::StatusOr<std::set<uint64_t>>()> in_use = {};
};

struct CleanupStats {
  uint64_t bytes_removed = 0;
  uint64_t old_versions = 0;
  uint64_t data_files_removed = 0;  // blob sidecars count
  uint64_t transaction_files_removed = 0;
  uint64_t index_files_removed = 0;
  uint64_t deletion_files_removed = 0;
  friend bool operator==(const CleanupStats&, const CleanupStats&) = default;
};

enum class CleanupKind : uint8_t { kManifest, kData, kTransaction, kIndex, kDeletion };

// "manifest", "data", "transaction", "index", "deletion".
std::string_view CleanupKindName(CleanupKind kind);

struct CleanupCandidate {
  std::string path;  // in the store
  CleanupKind kind = CleanupKind::kData;
  bool is_unverified = false;  // no version ever named it
  uint64_t size_bytes = 0;
};

struct CleanupPlan {
  uint64_t read_version = 0;
  std::vector<uint64_t> old_versions;        // ascending
  std::vector<CleanupCandidate> candidates;  // manifests first, then by path
  CleanupStats stats;                        // of the candidates
};

// What Cleanup() would remove; changes nothing.
absl::StatusOr<CleanupPlan> PlanCleanup(const Dataset& dataset, const CleanupPolicy& policy);

absl::StatusOr<CleanupStats> Cleanup(const Dataset& dataset, const CleanupPolicy& policy,
                                     const ProgressFn& progress);

}  // namespace og::engine::dataset
