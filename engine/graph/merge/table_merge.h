// The three-way merge of one table: what the target has to become, or why it cannot.
//
//   source changed   target changed   same result   then
//   no               any              -             the target stays
//   yes              no               -             the source's row, or its absence, is taken
//   yes              yes              yes           the target stays
//   yes              yes              no            a conflict
//
// Source: engine.md 5.5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/graph/graph.h"
#include "engine/graph/merge/sides.h"

namespace og::engine::graph {

// A row of the source that the target takes over; row addresses.
struct TakenRow {
  std::string id;
  uint64_t source = 0;
  std::optional<uint64_t> replaced;  // in the target; absent: an insert
};

struct RemovedRow {
  std::string id;
  uint64_t target = 0;
};

struct TableMerge {
  std::string table_key;
  std::vector<TakenRow> taken;      // by id
  std::vector<RemovedRow> removed;  // by id
  std::vector<MergeConflict> conflicts;

  bool empty() const { return taken.empty() && removed.empty(); }
  uint64_t num_inserts() const;
};

// REQUIRES: all three states have the table, with one identity.
absl::StatusOr<TableMerge> MergeTable(MergeSides& sides, std::string_view table_key);

}  // namespace og::engine::graph
