// A snapshot of a graph as the executor wants it: tables by type name.
#pragma once

#include <memory>

#include "engine/exec/snapshot.h"
#include "engine/graph/snapshot.h"
#include "engine/topology/topology_cache.h"

namespace og::engine::graph {

// The tables of `snapshot`, which the view keeps alive. Any thread may use it. `cache`, which may
// be null and serve any number of graphs, keeps what queries have learnt of the tables.
std::shared_ptr<const exec::Snapshot> QueryViewOf(
    std::shared_ptr<const GraphSnapshot> snapshot,
    std::shared_ptr<topology::TopologyCache> cache = nullptr);

}  // namespace og::engine::graph
