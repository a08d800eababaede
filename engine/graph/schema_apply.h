// Gives a graph another schema: one graph commit on main, and the three schema objects.
//
//   lock      the branch `__schema_apply_lock__`: every writer of any process sees it
//   stage     tables whose columns change are written again, whole; nothing is visible
//   arm       the record: which datasets are made or written, which aliases change, which end
//   effects   version 1 of new tables, the next version of rewritten ones
//   contract  the three schema objects, under their `.staging` names
//   publish   one version of `__manifest`: from here on the new schema holds
//   promote   the staged objects take their names; record and lock go
//
// A failure before the record is armed leaves the graph as it was. After that the result is success
// or RecoveryRequired; the next read-write open finishes the change or takes it back.
//
// Renames of types, new enum values, indexes and metadata touch no table. A dropped type keeps its
// dataset, and a dropped property the older versions of its table, until cleanup.
//
// Source: omnigraph 0.10.0: src/db/omnigraph/schema_apply.rs; engine.md 3.7, languages.md 5.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/graph.h"

namespace og::engine::graph {

// Applies the schema in `source`.
absl::StatusOr<SchemaApplyResult> ApplySchema(const GraphContext& context, std::string_view source,
                                              const SchemaApplyOptions& options);

}  // namespace og::engine::graph
