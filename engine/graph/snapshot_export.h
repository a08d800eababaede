// All rows of a snapshot as JSON lines: tables by key, so edges before nodes; rows by id.
#pragma once

#include "absl/status/status.h"

#include "engine/graph/graph.h"
#include "engine/graph/snapshot.h"
#include "io/env/env.h"

namespace og::engine::graph {

// BadRequest: `options.types` names a type that the snapshot does not have, or a stored float is
// not finite. Memory stays bounded: rows are sorted outside memory beyond the budget.
absl::Status ExportSnapshot(io::Env& env, const GraphSnapshot& snapshot,
                            const ExportOptions& options, const ExportSink& sink);

}  // namespace og::engine::graph
