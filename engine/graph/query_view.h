// A snapshot of a graph as the executor wants it: tables by type name.
#pragma once

#include <memory>

#include "engine/exec/snapshot.h"
#include "engine/graph/snapshot.h"

namespace og::engine::graph {

// The tables of `snapshot`, which the view keeps alive. Any thread may use it.
std::shared_ptr<const exec::Snapshot> QueryViewOf(std::shared_ptr<const GraphSnapshot> snapshot);

}  // namespace og::engine::graph
