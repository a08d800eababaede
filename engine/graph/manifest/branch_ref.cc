#include "engine/graph/manifest/branch_ref.h"

#include <algorithm>
#include <utility>

#include "engine/dataset/refs.h"
#include "engine/graph/errors.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kRefsFolder = "_refs/branches";
constexpr std::string_view kSuffix = ".json";

std::string BranchOf(std::string_view file_name) {
  file_name.remove_suffix(kSuffix.size());
  std::string branch;
  for (size_t i = 0; i < file_name.size(); ++i) {
    const bool is_slash = file_name.substr(i, 3) == "%2F";
    branch += is_slash ? '/' : file_name[i];
    if (is_slash) i += 2;
  }
  return branch;
}

}  // namespace

absl::StatusOr<std::optional<BranchRef>> ReadBranchRef(const io::Location& dataset_root,
                                                       std::string_view branch) {
  absl::StatusOr<dataset::BranchInfo> info = dataset::ReadBranch(dataset_root, branch);
  if (absl::IsNotFound(info.status())) return std::nullopt;
  OG_RETURN_IF_ERROR(FromStorage(info.status()));
  BranchRef ref;
  ref.name = std::move(info->name);
  if (!info->parent_branch.empty()) ref.parent_branch = std::move(info->parent_branch);
  ref.identifier = {std::move(info->identifier)};
  ref.parent_version = info->parent_version;
  ref.created_at_s = info->created_at_s;
  return ref;
}

absl::StatusOr<std::vector<std::string>> ListBranchRefs(const io::Location& dataset_root) {
  const io::Location folder = dataset_root.Child(kRefsFolder);
  const auto listed = folder.store->List(folder.path, {.recursive = false, .with_info = false});
  OG_RETURN_IF_ERROR(FromStorage(listed.status()));
  std::vector<std::string> branches;
  for (const io::ObjectInfo& object : *listed) {
    const std::string_view name = std::string_view(object.path).substr(folder.path.size() + 1);
    if (name.ends_with(kSuffix)) branches.push_back(BranchOf(name));
  }
  std::sort(branches.begin(), branches.end());
  return branches;
}

absl::StatusOr<std::optional<std::string>> NormalizeBranch(std::string_view name) {
  name = io::Trim(name);
  if (name.empty()) return BadRequest("branch name cannot be empty");
  if (name == "main") return std::nullopt;
  if (const absl::Status valid = dataset::CheckBranchName(name); !valid.ok()) {
    return BadRequest(io::StrCat("invalid ", io::Message(valid)));
  }
  return std::optional<std::string>(name);
}

bool IsSystemBranch(std::string_view branch) {
  branch = io::Trim(branch);
  while (branch.starts_with('/'))
    branch.remove_prefix(1);
  return branch == kSchemaApplyLockBranch;
}

}  // namespace og::engine::graph
