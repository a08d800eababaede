// Runs a read query over a snapshot.
//
//   OG_ASSIGN_OR_RETURN(query::CheckedQuery checked, CheckQuery(snapshot.catalog(), query));
//   OG_ASSIGN_OR_RETURN(query::ParamValues params, BindParams(query, json));
//   OG_ASSIGN_OR_RETURN(QueryResult result, ExecuteQuery(env, snapshot, checked, params, {}));
//
// Rows come in the order that the query asks for; without one, in scan order of the first binding
// and expansion order behind it. No order depends on hashing, on threads, or on the way in which an
// expansion is carried out.
//
// Errors are kBadRequest (parameters that are missing, dates that are none), what the tables
// answer, kResourceExhausted from the memory budget, kResourceLimitExceeded from the limits of
// ExecOptions, and kUnimplemented naming a search function.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/exec/batch_spill.h"
#include "engine/exec/snapshot.h"
#include "engine/query/check.h"
#include "engine/query/params.h"
#include "engine/query/plan.h"
#include "format/arrow/array.h"
#include "io/env/env.h"
#include "io/env/memory_budget.h"

namespace og::engine::exec {

// How an expansion finds its edges.
enum class TraversalMode : uint8_t {
  kAuto,      // by cost, see ChooseIndexed in expand_choice.h
  kIndexed,   // filtered scans of the edge table
  kTopology,  // adjacency lists of the whole edge table
  kJoin,      // a walk over an index where that can be done, see edge_join.h; else kTopology
};

// Whether filters of later variables thin out earlier expansions over adjacency lists, see
// node_reduction.h.
enum class ReductionMode : uint8_t { kAuto, kAlways, kNever };

struct ExecOptions {
  TraversalMode traversal = TraversalMode::kAuto;
  ReductionMode reduction = ReductionMode::kAuto;
  // kAuto: more hops or more frontier rows than these always use the topology.
  uint32_t indexed_hops_max = 6;
  uint64_t indexed_frontier_max = 1024;
  // A result of more rows is refused (kResourceLimitExceeded).
  std::optional<uint64_t> rows_max = {};
  // Lets a result that does not fit into memory go to a temporary file (QueryResult::spilled);
  // else it is refused (kResourceExhausted).
  bool spill_result = false;
  // Asked between batches and now and then inside of long work; an error ends the query with it.
  std::function<absl::Status()> interrupt = {};
};

// An interrupt that refuses (kResourceLimitExceeded, code query_deadline) once `duration_ms` are
// over, counted from now.
std::function<absl::Status()> DeadlineAfter(io::Env& env, int64_t duration_ms);

struct QueryResult {
  format::SchemaPtr schema;  // a column is nullable iff it holds a null
  std::vector<format::RecordBatch> batches;
  // Rows behind those of `batches`; null: none.
  std::shared_ptr<const BatchSpill> spilled = {};

  uint64_t num_rows() const;

  // Calls `visit` with all rows in order; an error ends it.
  absl::Status ForEachBatch(
      const std::function<absl::Status(const format::RecordBatch&)>& visit) const;
};

// Runs the read `checked`, which was checked against the snapshot's catalog.
absl::StatusOr<QueryResult> ExecuteQuery(io::Env& env, const Snapshot& snapshot,
                                         const query::CheckedQuery& checked,
                                         const query::ParamValues& params,
                                         const ExecOptions& options);

// The same from a plan of the snapshot's catalog, with memory from `budget`.
absl::StatusOr<QueryResult> ExecutePlan(const std::shared_ptr<io::MemoryBudget>& budget,
                                        const Snapshot& snapshot, const query::ReadPlan& plan,
                                        const query::ParamValues& params,
                                        const ExecOptions& options);

}  // namespace og::engine::exec
