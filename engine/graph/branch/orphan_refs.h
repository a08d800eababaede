// Refs of tables that no branch reads: what a deleted branch, or a first write that died, has left.
//
// A write that makes the ref of its branch has a recovery record until the ref is published, and
// the branch is asked once more: a ref that a record speaks of, or of which the branch cannot be
// read, is left for the next time. On storage that several machines share, so is the ref of a
// branch that lives: its next write makes the ref anew, perhaps at this moment.
//
// Source: omnigraph 0.10.0: src/db/omnigraph/optimize.rs (reconcile_orphaned_branches),
// table_ops.rs (classify_fork_ref); engine.md 7.4.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "engine/graph/branch/reconciled_refs.h"
#include "engine/graph/context.h"
#include "engine/graph/manifest/rows.h"

namespace og::engine::graph {

// Removes the refs of `tables`, those of main, that `is_needed` does not ask for. What cannot be
// removed is reported and does not stop the others. REQUIRES: the root is held as for branch
// control.
ReconciledRefs RemoveOrphanRefs(
    const GraphContext& context, const std::vector<TableEntry>& tables,
    const std::function<bool(const TableEntry& table, std::string_view ref)>& is_needed);

}  // namespace og::engine::graph
