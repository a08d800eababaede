// The three states of a merge, and what each table changed between them.
//
// Datasets are opened when they are first asked for and kept; so are the changes of the target,
// which only some merges need. Thread-compatible.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/context.h"
#include "engine/graph/manifest/store.h"
#include "engine/graph/merge/table_changes.h"

namespace og::engine::graph {

// Whether a table is published in the same state: identity, place, version, rows and JSON A.
bool SameState(const TableEntry* a, const TableEntry* b);

class MergeSides {
 public:
  // All must outlive this.
  MergeSides(const GraphContext& context, const ManifestView& base, const ManifestView& source,
             const ManifestView& target)
      : context_(context), base_(base), source_(source), target_(target) {}

  const ManifestView& base() const { return base_; }
  const ManifestView& source() const { return source_; }
  const ManifestView& target() const { return target_; }

  absl::StatusOr<dataset::DatasetPtr> Open(const TableEntry& entry);

  // What the source (the target) changed in a table since the base; nothing if it has the table in
  // the same state. REQUIRES: both have the table, with the same identity.
  absl::StatusOr<const TableChanges*> SourceChanges(std::string_view table_key);
  absl::StatusOr<const TableChanges*> TargetChanges(std::string_view table_key);

 private:
  using ChangesByKey = std::map<std::string, std::unique_ptr<TableChanges>, std::less<>>;

  absl::StatusOr<const TableChanges*> ChangesOf(std::string_view table_key,
                                                const ManifestView& side, ChangesByKey& known);

  const GraphContext& context_;
  const ManifestView& base_;
  const ManifestView& source_;
  const ManifestView& target_;
  std::map<std::string, dataset::DatasetPtr> open_;
  ChangesByKey source_changes_;
  ChangesByKey target_changes_;
};

}  // namespace og::engine::graph
