// Creating and deleting the branches of a graph. A branch is a ref of `__manifest`; its file
// `__manifest/_refs/branches/{name}.json` alone says whether it exists. Neither operation makes a
// commit, and neither touches a table before the ref says so.
//
//   create   the clone below `__manifest/tree/`, then the ref file: the branch exists
//   delete   the ref file: it is gone; then its clone and the refs of tables that it had written
//
// A crash between the steps leaves files that nothing reads; the next create of the name, a delete
// or a cleanup removes them.
//
// Source: engine.md 1.8, 3.6.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "engine/graph/context.h"
#include "engine/graph/recovery/record.h"

namespace og::engine::graph {

// Forks `name` from the head of `from` (null: main). `from_known`: the newest state of `from` that
// the caller knows, which spares reading it when it still is; may be null.
//   kConflict          the name is taken, or lies above or below that of another branch
//   kNotFound          there is no branch `from`
//   kRecoveryRequired  an unfinished write to one of the two stands in the way
absl::Status CreateGraphBranch(const GraphContext& context, const std::optional<std::string>& from,
                               const std::string& name, const ManifestView* from_known);

// Removes the branch. kConflict while another branch depends on it. Unfinished writes to it are
// orphaned, and resolved as such by the next read-write open.
absl::Status DeleteGraphBranch(const GraphContext& context, const std::string& name);

}  // namespace og::engine::graph
