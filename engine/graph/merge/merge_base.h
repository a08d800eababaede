// The merge base of two branches: the commit from which both developed.
//
// Commits form a graph over first and merged parents. The base is the common ancestor with the
// smallest sum of distances to the two heads; of several the one with the greatest manifest
// version, then the greatest id.
//
// Source: engine.md 5.1.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "engine/graph/graph.h"

namespace og::engine::graph {

// `source` and `target`: all commits that the two branches see; together they are the graph, and a
// parent that neither sees ends it. nullopt: the two heads have nothing in common.
std::optional<CommitInfo> FindMergeBase(std::span<const CommitInfo> source,
                                        std::span<const CommitInfo> target,
                                        std::string_view source_head, std::string_view target_head);

}  // namespace og::engine::graph
