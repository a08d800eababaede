// Runs the statements of a mutation over one snapshot, in memory: which rows each table is to get
// and which it is to lose. Nothing is written; engine/graph checks the change as a whole and
// commits it.
//
// A statement sees the committed rows as the statements before it left them. Of rows with one id
// the last counts, so an update of a row that an insert of the same query brought changes that row,
// and a predicate is asked of a row as it is by then. A query of deletes never inserts, so they all
// look at the committed rows; a row that two of them match is deleted, and counted, once.
//
//   insert of a keyed node     the row replaces the node of its id, or is new
//   insert of other entities   the row is new, with an id made here
//   update                     whole rows, read and given back with the new values
//   delete of a node           the node and every edge that touches it
//
// Source: omnigraph 0.10.0: src/exec/mutation.rs; languages.md 7.7.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/snapshot.h"
#include "engine/query/params.h"
#include "engine/query/plan.h"
#include "format/arrow/array.h"
#include "io/env/env.h"

namespace og::engine::exec {

// What becomes of one table. It either gets rows or loses some.
struct StagedTable {
  dataset::DatasetPtr table;
  // One batch a statement, in the columns of the table; several may carry one id, and the last
  // counts.
  std::vector<format::RecordBatch> rows;
  // Rows of `rows` may replace rows of the table. Otherwise all their ids were made here.
  bool replaces = false;

  std::vector<std::string> deleted_ids;
  std::vector<uint64_t> deleted_addresses;
  std::string delete_predicate;  // as SQL text: all that matched something, joined by OR
};

struct StagedMutation {
  std::map<std::string, StagedTable> tables;  // by table key; tables without a change are left out
  uint64_t affected_nodes = 0;
  uint64_t affected_edges = 0;
};

// The rows of `plan`, a mutation of the snapshot's catalog. kBadRequest for values that do not fit
// their property, for a missing parameter and for an assignment to a key.
absl::StatusOr<StagedMutation> StageMutation(io::Env& env, const Snapshot& snapshot,
                                             const query::MutationPlan& plan,
                                             const query::ParamValues& params);

// `rows` as one batch in which every id stands once: of equal ids the last row, in order of first
// appearance. REQUIRES: not empty, a column `id`.
absl::StatusOr<format::RecordBatch> LastRowOfEachId(const std::vector<format::RecordBatch>& rows);

}  // namespace og::engine::exec
