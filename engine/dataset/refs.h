// Branches and tags of a dataset: small JSON files below the main root, and, for a branch, a
// shallow clone below tree/{branch}.
//
//   _refs/branches/{name, '/' as %2F}.json
//     {"parentBranch": null or name, "identifier": {"version_mapping": [[version, "uuid"], ...]},
//      "parentVersion": u64, "createAt": seconds, "manifestSize": u64, "metadata": {}}
//   _refs/tags/{name}.json
//     {"branch": null or name, "version": u64, "createdAt": RFC 3339, "updatedAt": RFC 3339,
//      "manifestSize": u64, "metadata": {}}
//
// A child's identifier is its parent's with one more pair; main's is empty. It tells incarnations
// of a name apart. All functions may be called from any thread.
//
// Source: lance 10.0.0: src/dataset/refs.rs, src/dataset/branch_location.rs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

// (version of the parent, 32 hexadecimal digits) per generation.
using BranchIdentifier = std::vector<std::pair<uint64_t, std::string>>;

struct BranchInfo {
  std::string name;
  std::string parent_branch;  // empty: main
  BranchIdentifier identifier;
  uint64_t parent_version = 0;
  int64_t created_at_s = 0;
  uint64_t manifest_size = 0;
  std::map<std::string, std::string> metadata;
};

struct TagInfo {
  std::string name;
  std::string branch;  // empty: main
  uint64_t version = 0;
  std::string created_at;
  std::string updated_at;
  uint64_t manifest_size = 0;
};

// kInvalidArgument if `name` cannot be a branch (tag).
absl::Status CheckBranchName(std::string_view name);
absl::Status CheckTagName(std::string_view name);

// In name order. `root` is the main root in all of these.
absl::StatusOr<std::vector<BranchInfo>> ListBranches(const io::Location& root);

// kNotFound if there is no such branch.
absl::StatusOr<BranchInfo> ReadBranch(const io::Location& root, std::string_view name);

// Where the file of a branch lies.
io::Location BranchFile(const io::Location& root, std::string_view name);

// Makes branch `name` of the version that `source` is: first the clone below tree/, then the file.
// kAlreadyExists if either exists; a clone without file is what a crash between the two leaves,
// see FinishBranch() and DeleteBranch().
absl::StatusOr<DatasetPtr> CreateBranch(const Dataset& source, std::string_view name,
                                        const WriteOptions& options);

// The branch `name` of `source` as CreateBranch() would make it, before it does: reads, and stages
// into the folder of the branch. What is staged is committed by the handle that CreateBranch()
// gives.
absl::StatusOr<DatasetPtr> PlanBranch(const Dataset& source, std::string_view name);

// The two steps of CreateBranch().
absl::StatusOr<DatasetPtr> CloneToBranch(const Dataset& source, std::string_view name,
                                         const WriteOptions& options);
// Writes the file of the branch that `clone` is, forked from `source`.
absl::Status FinishBranch(const Dataset& source, const Dataset& clone);

// Removes the file, then what no remaining branch needs of tree/. kFailedPrecondition while a
// branch was forked from it. `force`: also without a file, to remove what a crash left.
absl::Status DeleteBranch(io::Env& env, const io::Location& root, std::string_view name,
                          bool force);

// In name order.
absl::StatusOr<std::vector<TagInfo>> ListTags(const io::Location& root);
absl::StatusOr<TagInfo> ReadTag(const io::Location& root, std::string_view name);
// Tags the version that `dataset` is. kAlreadyExists if there is such a tag.
absl::Status CreateTag(const Dataset& dataset, std::string_view name);
// Moves the tag `name` to the version that `dataset` is; it keeps the time at which it was made.
// kNotFound if there is none, kAborted if another writer moved it meanwhile.
absl::Status UpdateTag(const Dataset& dataset, std::string_view name);
// kNotFound if there is no such tag.
absl::Status DeleteTag(const io::Location& root, std::string_view name);

}  // namespace og::engine::dataset
