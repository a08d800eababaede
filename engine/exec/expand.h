// Expansion: each row continued over the edges of one bound node.
//
// A source row reaches each distinct destination at most once, at its first depth in a
// breadth-first walk that is at least `min_hops`; the walk starts with the source visited, so that
// cycles do not come back to it. A self-loop yields its node (once, from the minimum depth on) and
// is not walked on. Edges between different types take one hop whatever the bounds. Undirected:
// outgoing edges first, then incoming ones. Edges to nodes that do not exist are not followed. With
// an edge binding: one row for each edge row, ordered by edge id and opposite id.
//
// Three ways lead to the same rows in the same order: filtered scans of the edge table, adjacency
// lists of all of it, and, for edge bindings, the edge rows themselves.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "engine/exec/pipeline.h"
#include "engine/exec/rows.h"
#include "engine/query/plan.h"

namespace og::engine::exec {

absl::StatusOr<std::unique_ptr<Operator>> MakeExpandStage(const ExecContext& context,
                                                          const query::Expand& expand,
                                                          Operator* next);

}  // namespace og::engine::exec
