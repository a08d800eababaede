// Adjacency lists from the indexes over the ends of an edge table, which have the edges of a node
// together: neither the table nor most of the look-ups that its ends would take are needed.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/topology/node_index.h"
#include "engine/topology/topology.h"
#include "io/env/memory_budget.h"

namespace og::engine::exec {

// The topology of all rows of `edges`, a stored table, or nullopt where there are no indexes over
// `src` and `dst` that tell it. Any error is one of reading indexes, or of memory: the table may
// well be readable.
absl::StatusOr<std::optional<topology::Topology>> TopologyFromIndexes(
    const dataset::Dataset& edges, const topology::NodeIndex& sources,
    const topology::NodeIndex& destinations, const topology::TopologyOptions& options,
    const std::shared_ptr<io::MemoryBudget>& budget);

}  // namespace og::engine::exec
