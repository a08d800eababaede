#include "engine/graph/branch/branch_control.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "engine/dataset/refs.h"
#include "engine/graph/branch/table_fork.h"
#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/sweep.h"
#include "engine/graph/write_session.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

// The window in which branches change: nobody else writes to this root, and every unfinished write
// that could be resolved is.
struct ControlWindow {
  io::GateHold schema_gate;
  io::FolderHold hold;
  std::vector<RecoveryRecord> unresolved;
  std::vector<std::string> branches;  // all but main
};

// `awaited`: branches whose writers on other machines are waited for.
absl::StatusOr<ControlWindow> EnterWindow(const GraphContext& context, std::string_view operation,
                                          std::span<const std::optional<std::string>> awaited) {
  bool swept = false;
  for (;;) {
    ControlWindow window;
    window.schema_gate = context.gates->schema().Exclusive(context.env);
    OG_ASSIGN_OR_RETURN(window.hold, HoldRoot(context));
    OG_ASSIGN_OR_RETURN(window.unresolved, context.records.ReadAll());
    if (window.unresolved.empty() || swept) {
      OG_CRASH_POINT(context.env, "branch_control.post_recovery_barrier");
      OG_ASSIGN_OR_RETURN(window.branches, ListBranchRefs(context.manifest.root()));
      if (std::ranges::count(window.branches, kSchemaApplyLockBranch) != 0) {
        return Conflict(io::StrCat(operation, " is unavailable while schema apply is in progress"));
      }
      return window;
    }
    window = {};
    OG_RETURN_IF_ERROR(SweepRecords(context, SweepMode::kRollForwardOnly, awaited).status());
    swept = true;
  }
}

bool IsPathAbove(std::string_view above, std::string_view below) {
  return below.size() > above.size() && below.starts_with(above) && below[above.size()] == '/';
}

absl::Status CheckNameIsFree(const std::string& name, const std::vector<std::string>& branches) {
  if (std::ranges::count(branches, name) != 0) {
    return Conflict(io::StrCat("branch '", name, "' already exists"));
  }
  for (const std::string& other : branches) {
    if (IsPathAbove(name, other) || IsPathAbove(other, name)) {
      return Conflict(io::StrCat("cannot create branch '", name, "' while live branch '", other,
                                 "' shares its physical Lance path; live graph branch names may "
                                 "not be ancestors or descendants"));
    }
  }
  return absl::OkStatus();
}

// Makes the ref. What a crash left of an earlier attempt is removed first.
absl::Status CreateRef(const GraphContext& context, const dataset::Dataset& source,
                       const std::string& name) {
  absl::StatusOr<dataset::DatasetPtr> clone = dataset::CloneToBranch(source, name, {});
  if (absl::IsAlreadyExists(clone.status())) {
    OG_RETURN_IF_ERROR(
        FromStorage(dataset::DeleteBranch(context.env, context.manifest.root(), name, true)));
    clone = dataset::CloneToBranch(source, name, {});
  }
  OG_RETURN_IF_ERROR(FromStorage(clone.status()));
  const absl::Status finished = [&]() -> absl::Status {
    OG_RETURN_IF_ERROR(dataset::FinishBranch(source, **clone));
    OG_CRASH_POINT(context.env, "branch_create.post_native");
    return absl::OkStatus();
  }();
  if (finished.ok()) return absl::OkStatus();
  // The answer may be what was lost: the file says whether the branch exists.
  OG_ASSIGN_OR_RETURN(const auto ref, ReadBranchRef(context.manifest.root(), name));
  if (!ref.has_value()) return FromStorage(finished);
  const std::optional<std::string> parent =
      source.branch().empty() ? std::nullopt : std::optional(source.branch());
  if (ref->parent_branch == parent && ref->parent_version == source.version() &&
      !absl::IsAlreadyExists(finished)) {
    return absl::OkStatus();
  }
  return ReadSetChanged(io::StrCat("branch_identifier:", name), std::nullopt,
                        EncodeBranchIdentifier(ref->identifier));
}

// A branch that was forked from `name`, or that reads a table of its.
absl::Status CheckNothingDepends(const GraphContext& context, const std::string& name,
                                 const BranchIdentifier& identifier,
                                 const std::vector<std::string>& branches) {
  const auto depends = [&name](std::string_view kind, const std::string& other) {
    return Conflict(io::StrCat("cannot delete branch '", name, "' because ", kind, " '", other,
                               "' still depends on it"));
  };
  const auto& own = identifier.version_mapping;
  std::vector<ManifestView> others;
  for (const std::string& other : branches) {
    if (other == name) continue;
    if (IsPathAbove(name, other)) {
      return Conflict(io::StrCat("cannot delete branch '", name, "' while live branch '", other,
                                 "' shares its physical Lance path; delete the child branch "
                                 "first"));
    }
    OG_ASSIGN_OR_RETURN(ManifestView view, context.manifest.OpenPresent(other));
    others.push_back(std::move(view));
  }
  for (const ManifestView& other : others) {
    const auto& theirs = other.identifier.version_mapping;
    if (theirs.size() > own.size() && std::equal(own.begin(), own.end(), theirs.begin())) {
      return depends("descendant branch", *other.branch);
    }
  }
  for (const ManifestView& other : others) {
    for (const TableEntry& table : other.state.tables()) {
      if (table.branch == name) return depends("branch", *other.branch);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CreateGraphBranch(const GraphContext& context, const std::optional<std::string>& from,
                               const std::string& name, const ManifestView* from_known) {
  const std::optional<std::string> awaited[] = {from, name};
  OG_ASSIGN_OR_RETURN(const ControlWindow window, EnterWindow(context, "branch_create", awaited));
  OG_RETURN_IF_ERROR(CheckUnresolved(window.unresolved, from));
  OG_RETURN_IF_ERROR(CheckUnresolved(window.unresolved, name));
  if (from.has_value() && std::ranges::count(window.branches, *from) == 0) {
    return NotFound(io::StrCat("branch '", *from, "' not found"));
  }
  OG_RETURN_IF_ERROR(CheckNameIsFree(name, window.branches));
  if (from_known != nullptr) {
    OG_ASSIGN_OR_RETURN(const bool current, context.manifest.IsCurrent(*from_known));
    if (current) return CreateRef(context, *from_known->dataset, name);
  }
  OG_ASSIGN_OR_RETURN(const ManifestView source, context.manifest.OpenPresent(from));
  OG_ASSIGN_OR_RETURN(const AcceptedSchema accepted, ReadContract(context.root));
  OG_RETURN_IF_ERROR(CheckTables(accepted.ir, source.state.tables(), source.version()));
  return CreateRef(context, *source.dataset, name);
}

absl::Status DeleteGraphBranch(const GraphContext& context, const std::string& name) {
  const std::optional<std::string> awaited[] = {name};
  OG_ASSIGN_OR_RETURN(const ControlWindow window, EnterWindow(context, "branch_delete", awaited));
  for (const RecoveryRecord& record : window.unresolved) {
    if (record.kind == WriterKind::kSchemaApply) {
      OG_RETURN_IF_ERROR(CheckUnresolved(std::span(&record, 1), name));
    }
  }
  OG_CRASH_POINT(context.env, "branch_delete.post_table_gates");
  if (std::ranges::count(window.branches, name) == 0) {
    return NotFound(io::StrCat("branch '", name, "' not found"));
  }
  OG_ASSIGN_OR_RETURN(const ManifestView view, context.manifest.OpenPresent(name));
  OG_RETURN_IF_ERROR(CheckNothingDepends(context, name, view.identifier, window.branches));
  // A later branch of the name must not find records of writes to this one.
  OG_RETURN_IF_ERROR(context.records.MakeRemovalsDurable());
  const absl::Status deleted = [&]() -> absl::Status {
    OG_RETURN_IF_ERROR(dataset::DeleteBranch(context.env, context.manifest.root(), name, false));
    OG_CRASH_POINT(context.env, "branch_delete.post_native");
    return absl::OkStatus();
  }();
  if (!deleted.ok()) {
    // Whether the branch is gone is what its file says.
    OG_ASSIGN_OR_RETURN(const auto ref, ReadBranchRef(context.manifest.root(), name));
    if (ref.has_value()) return FromStorage(deleted);
  }
  OG_CRASH_POINT(context.env, "branch_delete.before_table_cleanup");
  for (const TableEntry& table : view.state.tables()) {
    // What stays is unreachable, and removed by a cleanup.
    if (table.branch == name) RemoveTableRef(context, table.path, name).IgnoreError();
  }
  return absl::OkStatus();
}

}  // namespace og::engine::graph
