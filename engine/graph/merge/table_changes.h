// What changed between two versions of one table, found without reading what did not.
//
//   1. Fragments with the same data files and the same deletions on both sides are the same rows.
//      They are recognised by the places of their files, so also between refs of the table.
//   2. Of the other fragments only row ids and version numbers are read, which stand in the
//      manifest. If the newer version descends from the older one, a row that both have with the
//      same version of its last update did not change: compaction moved it.
//   3. What is left is read, ids first, and compared value by value: a row that was rewritten with
//      the same values did not change.
//
// Where the newer version does not descend from the older one, such as after an earlier merge, row
// ids mean nothing across the two; then the ids of the other fragments are read and matched.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/manifest/rows.h"
#include "io/store/store.h"

namespace og::engine::graph {

// One entity that differs. Row addresses in the older and the newer version.
struct ChangedRow {
  std::string id;
  std::optional<uint64_t> before;  // absent: inserted
  std::optional<uint64_t> after;   // absent: deleted
};

class TableChanges {
 public:
  // Nothing changed; every row is where it was.
  TableChanges() = default;

  // By id.
  const std::vector<ChangedRow>& rows() const { return rows_; }
  const ChangedRow* Find(std::string_view id) const;

  // Where the row that was at `before`, and did not change, is in the newer version.
  uint64_t PlaceAfter(uint64_t before) const;

 private:
  friend class ChangeFinder;

  std::vector<ChangedRow> rows_;
  std::vector<std::pair<uint64_t, uint64_t>> moved_;  // before, after; by before
  std::map<uint64_t, uint64_t> fragments_;            // ids of fragments that both have
};

// `is_descendant`: the newer version was made from the older one, see IsDescendant().
absl::StatusOr<TableChanges> FindChanges(const dataset::Dataset& before,
                                         const dataset::Dataset& after, bool is_descendant);

// Whether `after` continues the history that `before` is a version of: the same ref, or one that
// was forked from it, directly or not, at that version or a later one.
absl::StatusOr<bool> IsDescendant(const io::Location& graph_root, const TableEntry& before,
                                  const TableEntry& after);

}  // namespace og::engine::graph
