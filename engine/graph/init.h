// Creating a graph.
//
// A claim object makes one initializer the owner of the root; the schema contract and the empty
// tables are written under it; version 1 of `__manifest` makes the graph exist; the claim goes
// last. A failure before the first table takes back what was written. A failure later keeps
// everything: only an exact genesis found in `__manifest` counts as success.
//
// Source: engine.md 3.4.
#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "engine/graph/context.h"
#include "engine/graph/graph.h"

namespace og::engine::graph {

inline constexpr std::string_view kInitClaim = "__init_claim.json";

absl::Status InitGraph(const GraphContext& context, std::string_view schema_source,
                       const InitOptions& options);

// Proves on a local root that create-if-absent works there, by making and removing one object.
// Elsewhere nothing is done: the store's own contract has to do.
absl::Status ProbeCreateIfAbsent(const GraphContext& context);

}  // namespace og::engine::graph
