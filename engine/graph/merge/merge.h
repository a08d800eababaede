// Merging one branch into another.
//
//   heads and merge base (merge_base.h)      nothing to do, fast-forward, or three ways
//   each table whose state differs           adopted as it is, or merged by rows (table_merge.h)
//   conflicts, then the merged graph         all of them at once (validation.h)
//   stage                                    one transaction a table: rows replaced, added, removed
//   write session                            one commit with two parents
//
// A table is adopted, by a row of `__manifest` alone, where the target is a named branch that has
// not written it and the source has it as main does. Everything else is copied: only the rows that
// differ, to the ref of the target.
//
// Source: engine.md 5.
#pragma once

#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/graph.h"

namespace og::engine::graph {

// As Graph::MergeBranch. A target that moved meanwhile is merged again.
absl::StatusOr<MergeResult> MergeBranches(const GraphContext& context, const MergeOptions& options);

}  // namespace og::engine::graph
