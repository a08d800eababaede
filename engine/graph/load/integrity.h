// The checks of a load that look across rows: ids and keys are unique, @unique groups hold, edges
// have both ends, @card holds. They run over the whole change before anything is committed.
//
//   Integrity integrity(env, catalog, mode, budget);
//   ... AddInput(batch) for every batch of the input ...
//   for (need : integrity.CommittedNeeds()) ... AddCommitted(batch) for every batch of its scan ...
//
// Where edges end at committed nodes, an append takes less memory if NeedsBefore is asked before
// the first batch of a table of edges, and what it names fed at once.
//
//   integrity.Finish(lookup)
//
// Only hashes and row numbers are kept; the texts of an error are looked up once it is known. Of
// several violations the first is reported in this order: node ids and keys, node @unique, edge ids
// and @unique, endpoints, cardinality; within one check the row that comes first.
//
// Thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/graph.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"
#include "io/env/memory_budget.h"

namespace og::engine::graph {

// One row: the row-th of the input's rows of a table, or of the table's committed live rows.
struct RowRef {
  std::string table_key;
  bool committed = false;
  uint64_t row = 0;
};

// Reads columns of one row; the result has one row and these columns.
using RowLookup = std::function<absl::StatusOr<format::RecordBatch>(
    const RowRef& row, const std::vector<std::string>& columns)>;

// Columns of a committed table that have to be fed, all live rows in order.
struct CommittedNeed {
  std::string table_key;
  std::vector<std::string> columns;
};

class Integrity {
 public:
  // `mode` kOverwrite: the tables that the input names are replaced. kAppend: they grow.
  Integrity(io::Env& env, schema::CatalogPtr catalog, LoadMode mode,
            std::shared_ptr<io::MemoryBudget> budget);
  ~Integrity();

  // Rows of a table, in order. `ids_are_fresh`: they were made for this load and repeat nothing.
  absl::Status AddInput(std::string_view table_key, const format::RecordBatch& batch,
                        bool ids_are_fresh);

  // The ids of the nodes where edges of `table_key` end, if they were not named before and stay
  // whatever the input brings.
  std::vector<CommittedNeed> NeedsBefore(std::string_view table_key);

  // What Finish needs of the committed state, and has not got; call after the last AddInput.
  std::vector<CommittedNeed> CommittedNeeds();
  absl::Status AddCommitted(std::string_view table_key, const format::RecordBatch& batch);

  // The first violation: kBadRequest, or kKeyConflict for an appended id that exists. Call once.
  absl::Status Finish(const RowLookup& lookup);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace og::engine::graph
