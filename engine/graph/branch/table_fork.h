// The first write of a branch to a table.
//
// Creating a graph branch forks `__manifest` alone; its tables stay on the refs that they were
// inherited from. The first write to a table makes the table's own ref of that name, at exactly the
// inherited version, and publishes the row with `table_branch` set. Until then the ref does not
// exist, and what is staged for it lies in the folder that it will have.
//
// Source: engine.md 1.8, 3.5, 3.6.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/context.h"
#include "engine/graph/manifest/rows.h"

namespace og::engine::graph {

// Whether a write of `branch` to the table makes its ref.
bool NeedsFork(const TableEntry& entry, const std::optional<std::string>& branch);

// The table as a write of `branch` reads and stages on it: at its pin, on the ref of the branch or
// on the one that the write is going to make.
absl::StatusOr<dataset::DatasetPtr> OpenForWrite(const GraphContext& context,
                                                 const std::optional<std::string>& branch,
                                                 const TableEntry& entry);

// Makes the ref `branch` of the table that `source` is, at its version. A ref or a clone of that
// name that no live branch reads, which is what a crash or a deleted branch left, gives way.
// kConflict if one does. REQUIRES: a recovery record covers it, and the gates are held.
absl::StatusOr<dataset::DatasetPtr> ForkTable(const GraphContext& context,
                                              const dataset::Dataset& source,
                                              const TableIdentity& identity,
                                              std::string_view branch);

// Removes the ref `ref` of the table at `table`, which nobody reads, and its versions. Its files
// stay: a writer that is going to make the ref stages among them before it holds the gates.
// kConflict while another ref was forked from it.
absl::Status RemoveUnusedRef(const io::Location& table, std::string_view ref);

// Removes the ref `branch` of the table at `path` below the root with all its files, or what is
// left of it. kConflict while another ref of the table was forked from it. REQUIRES: the branch is
// gone.
absl::Status RemoveTableRef(const GraphContext& context, std::string_view path,
                            std::string_view branch);

}  // namespace og::engine::graph
