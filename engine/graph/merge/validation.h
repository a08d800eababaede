// Whether the merged graph holds what every graph holds: unique groups, both ends of each edge,
// cardinalities.
//
// Both sides hold it already. So only what one side changed can break what the other side changed,
// and it is enough to look at the changes of the two sides: a value that both gave to different
// entities, an edge of one side whose end the other one deleted, a source of edges that both
// touched. Cost follows the changes, not the graph.
//
// Source: engine.md 5.6.
#pragma once

#include <vector>

#include "absl/status/statusor.h"

#include "engine/graph/graph.h"
#include "engine/graph/merge/sides.h"
#include "engine/graph/merge/table_merge.h"
#include "engine/schema/catalog.h"

namespace og::engine::graph {

// `merges`: the tables that the target changes, by key; the changes of the target itself come from
// `sides`. All violations, in the order of the tables.
absl::StatusOr<std::vector<MergeConflict>> ValidateMerge(const schema::Catalog& catalog,
                                                         MergeSides& sides,
                                                         const std::vector<TableMerge>& merges);

}  // namespace og::engine::graph
