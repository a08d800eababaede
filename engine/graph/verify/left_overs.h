// What lies below the root of a graph although nothing refers to it: files of tables that no stored
// version names, and refs of tables that no branch reads.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "absl/status/status.h"

#include "engine/graph/context.h"
#include "engine/graph/manifest/store.h"

namespace og::engine::graph {

// `report` gets the path below the root and a sentence. `branches`: every branch of the graph, main
// among them. Versions of all refs of all tables are read.
absl::Status FindLeftOvers(
    const GraphContext& context, std::span<const ManifestView> branches,
    const std::function<void(const std::string& path, std::string message)>& report);

}  // namespace og::engine::graph
