#include "engine/graph/retention.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/merge/merge_base.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/folder_hold.h"

namespace og::engine::graph {
namespace {

constexpr int kOpenTries = 8;

absl::StatusOr<std::vector<std::optional<std::string>>> BranchNames(const GraphContext& context) {
  OG_ASSIGN_OR_RETURN(const auto refs, ListBranchRefs(context.manifest.root()));
  std::vector<std::optional<std::string>> names = {std::nullopt};
  for (const std::string& ref : refs) {
    if (!IsSystemBranch(ref)) names.emplace_back(ref);
  }
  return names;
}

absl::StatusOr<std::vector<ManifestView>> OpenAll(
    const GraphContext& context, const std::vector<std::optional<std::string>>& names) {
  std::vector<ManifestView> views;
  for (const std::optional<std::string>& name : names) {
    absl::StatusOr<ManifestView> view = context.manifest.Open(name);
    if (!view.ok()) {
      return Conflict(io::StrCat("cleanup could not classify live branch '", BranchName(name),
                                 "'; refusing version GC: ", io::Message(view.status())));
    }
    views.push_back(*std::move(view));
  }
  return views;
}

// Whether none of the branches has moved since it was opened: then there was a moment at which all
// were as they were opened.
absl::StatusOr<bool> AreAllCurrent(const GraphContext& context,
                                   const std::vector<ManifestView>& views) {
  for (const ManifestView& view : views) {
    const absl::StatusOr<bool> current = context.manifest.IsCurrent(view);
    if (absl::IsNotFound(current.status())) return false;
    OG_RETURN_IF_ERROR(current.status());
    if (!*current) return false;
  }
  return true;
}

std::optional<std::string> HeadOf(const ManifestView& view) {
  if (view.head().has_value()) return view.head();
  const CommitInfo* const newest = view.state.NewestCommit();
  return newest == nullptr ? std::nullopt : std::optional(newest->graph_commit_id);
}

void AddTables(const std::vector<TableEntry>& tables, Needs& needs) {
  std::vector<PinnedVersion> pinned;
  for (const TableEntry& table : tables)
    pinned.push_back({table.identity, table.branch, table.version});
  AddReaders(pinned, needs);
}

bool IsGone(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  return absl::IsNotFound(status) ||
         (detail.has_value() && detail->kind == io::ErrorKind::kNotFound);
}

}  // namespace

absl::StatusOr<std::vector<ManifestView>> OpenLiveBranches(const GraphContext& context) {
  for (int i = 0; i < kOpenTries; ++i) {
    OG_ASSIGN_OR_RETURN(const auto names, BranchNames(context));
    OG_ASSIGN_OR_RETURN(std::vector<ManifestView> views, OpenAll(context, names));
    OG_ASSIGN_OR_RETURN(const bool current, AreAllCurrent(context, views));
    if (!current) continue;
    OG_ASSIGN_OR_RETURN(const auto names_now, BranchNames(context));
    if (names_now == names) return views;
  }
  return Conflict("cleanup found the branches changing repeatedly; retry");
}

void AddPublished(std::span<const ManifestView> branches, Needs& needs) {
  for (const ManifestView& view : branches) {
    for (const TableEntry& table : view.state.tables()) {
      NeededVersions& needed = needs[table.identity];
      if (table.branch.has_value()) {
        needed.refs.insert(*table.branch);
      } else {
        needed.floor = std::min(needed.floor.value_or(table.version), table.version);
      }
    }
  }
}

absl::Status AddMergeBases(const GraphContext& context, std::span<const ManifestView> branches,
                           Needs& needs) {
  // Branches that nobody has written to have the head of another one.
  std::map<std::string, const ManifestView*> heads;
  for (const ManifestView& view : branches) {
    if (const auto head = HeadOf(view)) heads.emplace(*head, &view);
  }
  std::map<std::string, CommitInfo> bases;
  for (auto source = heads.begin(); source != heads.end(); ++source) {
    for (auto target = std::next(source); target != heads.end(); ++target) {
      auto base = FindMergeBase(source->second->state.commits(), target->second->state.commits(),
                                source->first, target->first);
      if (!base.has_value() || heads.contains(base->graph_commit_id)) continue;
      bases.emplace(base->graph_commit_id, *std::move(base));
    }
  }
  for (const auto& [id, base] : bases) {
    const absl::StatusOr<ManifestView> view =
        context.manifest.OpenAt(base.graph_branch, base.graph_manifest_version);
    if (IsGone(view.status())) continue;
    OG_RETURN_IF_ERROR(view.status());
    AddTables(view->state.tables(), needs);
  }
  return absl::OkStatus();
}

void AddReaders(std::span<const PinnedVersion> pinned, Needs& needs) {
  for (const PinnedVersion& pin : pinned) {
    NeededVersions& needed = needs[pin.identity];
    if (pin.branch.has_value()) {
      needed.refs.insert(*pin.branch);
    } else {
      needed.versions.insert(pin.version);
    }
  }
}

absl::StatusOr<std::vector<PinnedVersion>> VersionsReadHere(
    const GraphContext& context, std::span<const ManifestView> branches) {
  std::vector<PinnedVersion> pinned;
  if (!HasLocks(context)) return pinned;
  {
    // Who binds a state now gets done with it first.
    const auto hold = io::FolderHold::Acquire(BindingFolder(context), kHoldTimeoutMs);
    if (!hold.ok() && !absl::IsNotFound(hold.status())) return FromStorage(hold.status());
  }
  for (const ManifestView& branch : branches) {
    const auto versions = branch.dataset->ListVersions();
    OG_RETURN_IF_ERROR(FromStorage(versions.status()));
    for (const dataset::VersionInfo& version : *versions) {
      const auto hold = io::FolderHold::Acquire(io::StrCat("/", version.path), 0);
      if (!absl::IsUnavailable(hold.status())) continue;
      OG_ASSIGN_OR_RETURN(const ManifestView read,
                          context.manifest.OpenAt(branch.branch, version.version));
      for (const TableEntry& table : read.state.tables())
        pinned.push_back({table.identity, table.branch, table.version});
    }
  }
  return pinned;
}

}  // namespace og::engine::graph
