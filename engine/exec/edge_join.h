// A hop of many nodes as a semi-join: one walk over the index of the end that they are at keeps the
// edges of these nodes, and only of those the other end is read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/pipeline.h"
#include "engine/topology/grouped_topology.h"
#include "engine/topology/node_index.h"

namespace og::engine::exec {

// Lists of edges that lead from a set of nodes.
struct JoinedEdges {
  std::vector<uint32_t> starts;  // by node of the set, and the end
  std::vector<uint32_t> ends;    // numbers of the nodes that they lead to, in the order of rows
  HeldMemory memory;

  std::span<const uint32_t> Of(uint32_t node) const {
    return std::span(ends).subspan(starts[node], starts[node + 1] - starts[node]);
  }
};

// The edges of `edges`, a stored table, that have one of `nodes` at `end`, with the numbers in
// `others` of the nodes at the other one; edges to none are left out. Nullopt where no index tells,
// or once there are more than `edges_max`.
//
//   kResourceExhausted  the budget refuses
absl::StatusOr<std::optional<JoinedEdges>> JoinEdges(
    const ExecContext& context, const dataset::Dataset& edges, topology::EdgeEnd end,
    const topology::NodeIndex& nodes, const topology::NodeIndex& others, uint64_t edges_max);

}  // namespace og::engine::exec
