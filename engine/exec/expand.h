// Expansion: each row continued over the edges of one bound node.
//
// A source row reaches each distinct destination at most once, at its first depth in a
// breadth-first walk that is at least `min_hops`; the walk starts with the source visited, so that
// cycles do not come back to it. A self-loop yields its node (once, from the minimum depth on) and
// is not walked on. Edges between different types take one hop whatever the bounds. Undirected:
// outgoing edges first, then incoming ones. Edges to nodes that do not exist are not followed. With
// an edge binding: one row for each edge row, ordered by edge id and opposite id.
//
// Four ways lead to the same rows in the same order: looking edges up (a filtered scan, which an
// index answers where there is one), a semi-join (one walk over an index, for single hops of many
// rows), adjacency lists of the whole table, and, for edge bindings, the edge rows themselves.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/exec/node_reduction.h"
#include "engine/exec/pipeline.h"
#include "engine/exec/rows.h"
#include "engine/query/plan.h"

namespace og::engine::exec {

// What comes behind an expansion wants of its rows.
struct ExpandPurpose {
  // Only which rows come through at all.
  bool asks_existence = false;
  // Only rows whose destination is the node that this variable, bound before, is bound to. A filter
  // that follows decides.
  std::optional<std::string> closes_on = {};
  // All rows come before the first Flush().
  bool flushes_once = false;
  // Expansions that rows have to take afterwards and that not every node leads on to.
  std::vector<Continuation> continuations = {};
};

// `costs`: where the stage notes the way that it takes; may be null.
absl::StatusOr<std::unique_ptr<Operator>> MakeExpandStage(const ExecContext& context,
                                                          const query::Expand& expand,
                                                          const ExpandPurpose& purpose,
                                                          StageCosts* costs, Operator* next);

struct ExpandEstimate {
  std::string way;             // "index", "edge scan", "semi-join", "topology"
  double rows_per_source = 0;  // before the filters of the destination
  std::string reduced_by;      // variables whose filters thin the rows out beforehand; may be empty
};

// What the stage for `expand` would do with `frontier_rows` rows.
absl::StatusOr<ExpandEstimate> EstimateExpand(const ExecContext& context,
                                              const query::Expand& expand,
                                              const ExpandPurpose& purpose, uint64_t frontier_rows);

}  // namespace og::engine::exec
