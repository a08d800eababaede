// The schema objects of a schema change under way: `_schema.pg.staging`, `_schema.ir.json.staging`
// and `__schema_state.json.staging` at the root. They take their final names one by one after the
// change was published, so a crash can leave some of them promoted.
//
// Source: engine.md 3.7, 4.7.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/contract_store.h"

namespace og::engine::graph {

// The contract as it will be when the staged objects have their final names; with nothing staged,
// the accepted one.
absl::StatusOr<AcceptedSchema> ReadPromoted(const io::Location& root);

// Gives the staged objects that exist their final names, and checks that the IR then is the one
// with `ir_hash`.
absl::Status PromoteStaged(const GraphContext& context, std::string_view ir_hash);

// Removes what is staged, of which there is a record; no loss of power brings it back. REQUIRES:
// there is an accepted schema.
absl::Status DiscardStaged(const GraphContext& context);

// Resolves staged objects of a change of which there is no record: they are finished if the
// published tables are theirs, removed if those are the accepted schema's. kConflict if both or
// neither fit. REQUIRES: the schema gate is held exclusively.
absl::Status ReconcileStaged(const GraphContext& context);

}  // namespace og::engine::graph
