// A load: a graph batch becomes one graph commit.
//
//   read   records leave the parser as batches of their table; each table's rows are staged as
//          fragments whenever they reach a chunk, so memory does not grow with the input
//   check  what holds across rows, against the input and the committed tables
//   write  what is left is staged, all tables at once; then the write session publishes
//
// A merge keeps its rows in memory until the end, within a budget.
//
// Nothing is visible before the end. A failed load leaves the graph as it was. An append or merge
// that loses against another writer is run again if its source can be read again.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/graph.h"

namespace og::engine::graph {

// Loads `source` into `branch` (null: main), which exists.
absl::StatusOr<LoadResult> LoadGraphBatch(const GraphContext& context,
                                          const std::optional<std::string>& branch,
                                          ByteSource& source, const LoadOptions& options);

}  // namespace og::engine::graph
