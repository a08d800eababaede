#include "engine/graph/merge/sides.h"

#include <utility>

#include "engine/graph/errors.h"
#include "engine/graph/snapshot.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {

bool SameState(const TableEntry* a, const TableEntry* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->identity == b->identity && a->path == b->path && a->version == b->version &&
         a->branch == b->branch && a->row_count == b->row_count && a->metadata == b->metadata;
}

absl::StatusOr<dataset::DatasetPtr> MergeSides::Open(const TableEntry& entry) {
  const std::string key =
      io::StrCat(entry.path, "@", entry.branch.value_or(""), "@", entry.version);
  dataset::DatasetPtr& dataset = open_[key];
  if (dataset == nullptr) {
    OG_ASSIGN_OR_RETURN(dataset, OpenPinned(context_.env, context_.root, entry, context_.session));
  }
  return dataset;
}

absl::StatusOr<const TableChanges*> MergeSides::SourceChanges(std::string_view table_key) {
  return ChangesOf(table_key, source_, source_changes_);
}

absl::StatusOr<const TableChanges*> MergeSides::TargetChanges(std::string_view table_key) {
  return ChangesOf(table_key, target_, target_changes_);
}

absl::StatusOr<const TableChanges*> MergeSides::ChangesOf(std::string_view table_key,
                                                          const ManifestView& side,
                                                          ChangesByKey& known) {
  const auto found = known.find(table_key);
  if (found != known.end()) return found->second.get();
  auto changes = std::make_unique<TableChanges>();
  const TableEntry* const before = base_.state.Find(table_key);
  const TableEntry* const after = side.state.Find(table_key);
  if (before == nullptr || after == nullptr || !(before->identity == after->identity)) {
    return InternalFault(io::StrCat("a merge compares ", table_key, ", which one side lacks"));
  }
  if (!SameState(before, after)) {
    OG_ASSIGN_OR_RETURN(const bool descends, IsDescendant(context_.root, *before, *after));
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr old, Open(*before));
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr now, Open(*after));
    OG_ASSIGN_OR_RETURN(*changes, FindChanges(*old, *now, descends));
  }
  return known.emplace(std::string(table_key), std::move(changes)).first->second.get();
}

}  // namespace og::engine::graph
