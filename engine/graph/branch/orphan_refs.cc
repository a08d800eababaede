#include "engine/graph/branch/orphan_refs.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "engine/dataset/refs.h"
#include "engine/graph/branch/table_fork.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "format/table/manifest.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::graph {
namespace {

enum class RefState : uint8_t { kOrphan, kRead, kUnclear };

// Whether a pending write is going to publish the ref.
absl::StatusOr<bool> IsClaimed(const GraphContext& context, const TableEntry& table,
                               std::string_view ref) {
  OG_ASSIGN_OR_RETURN(const std::vector<RecoveryRecord> records, context.records.ReadAll());
  return std::ranges::any_of(records, [&](const RecoveryRecord& record) {
    return record.branch == ref && std::ranges::any_of(record.tables, [&](const auto& recorded) {
             return recorded.identity == table.identity;
           });
  });
}

// What storage says now.
absl::StatusOr<RefState> StateOf(const GraphContext& context, const TableEntry& table,
                                 const std::string& ref, bool is_live) {
  OG_ASSIGN_OR_RETURN(const bool claimed, IsClaimed(context, table, ref));
  if (claimed) return RefState::kUnclear;
  if (!is_live) return RefState::kOrphan;
  OG_CRASH_POINT(context.env, "cleanup.resolve_branch_snapshot");
  OG_ASSIGN_OR_RETURN(const ManifestView view, context.manifest.OpenPresent(ref));
  const TableEntry* const entry = view.state.Find(table.identity);
  return entry != nullptr && entry->branch == ref ? RefState::kRead : RefState::kOrphan;
}

// What the versions of the ref have written below its folder.
struct OwnFiles {
  std::set<std::string> files;
  std::set<std::string> folders;
};

absl::StatusOr<OwnFiles> FilesOf(const GraphContext& context, const io::Location& table,
                                 const std::string& ref) {
  OwnFiles own;
  dataset::OpenOptions options;
  options.branch = ref;
  OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr head,
                      dataset::Dataset::Open(context.env, table, options));
  OG_ASSIGN_OR_RETURN(const std::vector<dataset::VersionInfo> versions, head->ListVersions());
  for (const dataset::VersionInfo& info : versions) {
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr version, head->Checkout(info.version));
    for (const format::Fragment& fragment : version->manifest().fragments) {
      for (const format::DataFile& file : fragment.files) {
        if (file.base_id.has_value()) continue;
        own.files.insert(io::StrCat("data/", file.path));
        own.folders.insert(io::StrCat("data/", file.path.substr(0, file.path.rfind('.'))));
      }
      if (fragment.deletion_file.has_value() && !fragment.deletion_file->base_id.has_value())
        own.files.insert(format::DeletionFilePath(fragment.id, *fragment.deletion_file));
    }
    for (const format::IndexMetadata& index : version->manifest().indices) {
      if (!index.base_id.has_value()) own.folders.insert(io::StrCat("_indices/", index.uuid));
    }
  }
  return own;
}

// The ref of a branch that lives: what a writer stages there beside us stays. The ref goes last, so
// that a removal that stops is taken up again.
absl::Status RemoveRefOfLiveBranch(const GraphContext& context, const TableEntry& entry,
                                   const std::string& ref) {
  const io::Location table = context.root.Child(entry.path);
  const io::Location tree = table.Child(io::StrCat("tree/", ref));
  // Without a version that can be read nothing says which files are its own.
  if (const auto own = FilesOf(context, table, ref); own.ok()) {
    for (const std::string& file : own->files)
      OG_RETURN_IF_ERROR(FromStorage(tree.store->Delete(tree.Child(file).path)));
    for (const std::string& folder : own->folders)
      OG_RETURN_IF_ERROR(FromStorage(tree.store->DeletePrefix(tree.Child(folder).path)));
  }
  return RemoveUnusedRef(table, ref);
}

absl::Status Remove(const GraphContext& context, const TableEntry& table, const std::string& ref,
                    bool is_live) {
  OG_CRASH_POINT(context.env, "cleanup.reconcile_fork");
  return is_live ? RemoveRefOfLiveBranch(context, table, ref)
                 : RemoveTableRef(context, table.path, ref);
}

// Whether the ref was removed.
absl::StatusOr<bool> Reconcile(const GraphContext& context, const TableEntry& table,
                               const std::string& ref) {
  OG_ASSIGN_OR_RETURN(const auto branch, ReadBranchRef(context.manifest.root(), ref));
  const bool is_live = branch.has_value();
  if (is_live && HasLeases(context)) return false;
  OG_ASSIGN_OR_RETURN(const RefState state, StateOf(context, table, ref, is_live));
  if (state == RefState::kUnclear) {
    return Conflict(io::StrCat("indeterminate fork status for ", ref));
  }
  if (state == RefState::kRead) return false;
  OG_RETURN_IF_ERROR(Remove(context, table, ref, is_live));
  return true;
}

}  // namespace

ReconciledRefs RemoveOrphanRefs(
    const GraphContext& context, const std::vector<TableEntry>& tables,
    const std::function<bool(const TableEntry& table, std::string_view ref)>& is_needed) {
  ReconciledRefs result;
  for (const TableEntry& table : tables) {
    const auto listed = dataset::ListBranches(context.root.Child(table.path));
    if (!listed.ok()) {
      result.failures.push_back({table.table_key, std::string(io::Message(listed.status()))});
      continue;
    }
    std::vector<std::string> refs;
    for (const dataset::BranchInfo& ref : *listed) {
      if (!IsSystemBranch(ref.name) && !is_needed(table, ref.name)) refs.push_back(ref.name);
    }
    // A ref that was forked from another one goes before it: its name is the longer one.
    std::ranges::sort(refs, [](const std::string& a, const std::string& b) {
      return std::tuple(b.size(), std::string_view(a)) < std::tuple(a.size(), std::string_view(b));
    });
    for (const std::string& ref : refs) {
      const absl::StatusOr<bool> removed = Reconcile(context, table, ref);
      if (!removed.ok()) {
        result.failures.push_back({table.table_key, std::string(io::Message(removed.status()))});
      } else if (*removed) {
        result.removed.push_back({table.table_key, ref});
      }
    }
  }
  return result;
}

}  // namespace og::engine::graph
