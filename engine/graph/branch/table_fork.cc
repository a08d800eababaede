#include "engine/graph/branch/table_fork.h"

#include <vector>

#include "engine/dataset/refs.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/snapshot.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// kConflict if a live branch places the table on its ref `ref`.
absl::Status CheckUnused(const GraphContext& context, const TableIdentity& identity,
                         std::string_view ref) {
  OG_ASSIGN_OR_RETURN(const auto branches, ListBranchRefs(context.manifest.root()));
  for (const std::string& branch : branches) {
    OG_ASSIGN_OR_RETURN(const ManifestView view, context.manifest.OpenPresent(branch));
    const TableEntry* const entry = view.state.Find(identity);
    if (entry != nullptr && entry->branch == ref) {
      return Conflict(io::StrCat("cannot make ref '", ref, "' of ", Subject(entry->table_key),
                                 ": branch '", branch, "' reads the one that exists"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<dataset::DatasetPtr> TryFork(const dataset::Dataset& source, std::string_view ref) {
  OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr clone, dataset::CloneToBranch(source, ref, {}));
  OG_RETURN_IF_ERROR(dataset::FinishBranch(source, *clone));
  return clone;
}

}  // namespace

bool NeedsFork(const TableEntry& entry, const std::optional<std::string>& branch) {
  return branch.has_value() && entry.branch != branch;
}

absl::StatusOr<dataset::DatasetPtr> OpenForWrite(const GraphContext& context,
                                                 const std::optional<std::string>& branch,
                                                 const TableEntry& entry) {
  dataset::DatasetPtr pinned = context.tables->Find(entry);
  if (pinned == nullptr) {
    OG_ASSIGN_OR_RETURN(pinned, OpenPinned(context.env, context.root, entry, context.session));
    context.tables->Keep(entry, pinned);
  }
  if (!NeedsFork(entry, branch)) return pinned;
  absl::StatusOr<dataset::DatasetPtr> planned = dataset::PlanBranch(*pinned, *branch);
  OG_RETURN_IF_ERROR(FromStorage(planned.status()));
  return planned;
}

absl::StatusOr<dataset::DatasetPtr> ForkTable(const GraphContext& context,
                                              const dataset::Dataset& source,
                                              const TableIdentity& identity,
                                              std::string_view branch) {
  OG_CRASH_POINT(context.env, "fork.before_classify");
  absl::StatusOr<dataset::DatasetPtr> fork = TryFork(source, branch);
  if (absl::IsAlreadyExists(fork.status())) {
    OG_RETURN_IF_ERROR(CheckUnused(context, identity, branch));
    OG_CRASH_POINT(context.env, "fork.before_reclaim");
    OG_RETURN_IF_ERROR(RemoveUnusedRef(source.root(), branch));
    fork = TryFork(source, branch);
  }
  OG_RETURN_IF_ERROR(FromStorage(fork.status()));
  OG_CRASH_POINT(context.env, "fork.post_create_pre_open");
  return fork;
}

absl::Status RemoveUnusedRef(const io::Location& table, std::string_view ref) {
  const absl::StatusOr<std::vector<dataset::BranchInfo>> refs = dataset::ListBranches(table);
  OG_RETURN_IF_ERROR(FromStorage(refs.status()));
  for (const dataset::BranchInfo& other : *refs) {
    if (other.parent_branch == ref) {
      return Conflict(io::StrCat("ref '", ref, "' of ", table.path, " is left over, but ref '",
                                 other.name, "' was forked from it"));
    }
  }
  const io::Location file = dataset::BranchFile(table, ref);
  OG_RETURN_IF_ERROR(FromStorage(file.store->Delete(file.path)));
  for (const std::string_view folder : {"_versions", "_transactions"}) {
    const io::Location place = table.Child(io::StrCat("tree/", ref, "/", folder));
    OG_RETURN_IF_ERROR(FromStorage(place.store->DeletePrefix(place.path)));
  }
  return absl::OkStatus();
}

absl::Status RemoveTableRef(const GraphContext& context, std::string_view path,
                            std::string_view branch) {
  const absl::Status removed =
      dataset::DeleteBranch(context.env, context.root.Child(path), branch, true);
  if (absl::IsFailedPrecondition(removed)) return Conflict(io::Message(removed));
  return FromStorage(removed);
}

}  // namespace og::engine::graph
