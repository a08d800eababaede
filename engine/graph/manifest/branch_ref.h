// The branches of a graph: refs of its `__manifest`, one JSON object each below
// `__manifest/_refs/branches/`, named after the branch with '/' as "%2F".
//
//   parentBranch    null for a fork of main
//   identifier      {"version_mapping":[[parent version, 32 hex digits], ...]}: the incarnation
//   parentVersion   version of the parent that was forked
//   createAt, manifestSize, metadata
//
// Source: lance 10.0.0: src/dataset/refs.rs (BranchContents).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/graph/recovery/record.h"
#include "io/store/store.h"

namespace og::engine::graph {

// The branch of a schema change under way; hidden, and refused to users.
inline constexpr std::string_view kSchemaApplyLockBranch = "__schema_apply_lock__";

struct BranchRef {
  std::string name;
  std::optional<std::string> parent_branch;
  BranchIdentifier identifier;
  uint64_t parent_version = 0;
  int64_t created_at_s = 0;
};

// The ref of `branch` of the dataset at `dataset_root`; nullopt if there is none.
absl::StatusOr<std::optional<BranchRef>> ReadBranchRef(const io::Location& dataset_root,
                                                       std::string_view branch);

// Names of all branches, sorted; main, which has no ref, is not among them.
absl::StatusOr<std::vector<std::string>> ListBranchRefs(const io::Location& dataset_root);

// `name` as users write it, as a branch: null for "main", trimmed. BadRequest for names that Lance
// does not allow.
absl::StatusOr<std::optional<std::string>> NormalizeBranch(std::string_view name);

// Whether `branch` is one that users neither see nor name. A leading '/' does not count.
bool IsSystemBranch(std::string_view branch);

}  // namespace og::engine::graph
