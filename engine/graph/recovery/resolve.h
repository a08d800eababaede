// One recovery record: decides whether the write that it is about goes forward or back, and does
// it.
//
//   its commit or its rollback is published    only the audit and the record are missing
//   all confirmed, nothing changed since       publish what the record says
//   anything else of its own                   each table gets a version that restores what is
//                                              published; these are published under the fixed id
//   nothing of its own                         untouched forks and the record are removed
//
// A writer that is only slow must lose. Where leases tell who lives, a table that it planned to
// commit to and has not gets a version that restores it as well: the number that it would make is
// taken.
//
// Every step can be repeated. Movement that the record does not explain is never touched.
//
// Source: engine.md 4.4, 4.5.
#pragma once

#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/recovery/record.h"
#include "engine/graph/recovery/sweep.h"

namespace og::engine::graph {

enum class Outcome : uint8_t { kResolved, kDeferred };

// kDeferred: the record needs what `mode` forbids. In full mode a record that cannot be resolved is
// an error and stays. REQUIRES: the gates and holds of a write to the record's branch, or, for a
// schema change and for a branch that is gone, those of a schema change.
absl::StatusOr<Outcome> ResolveRecord(const GraphContext& context, SweepMode mode,
                                      const RecoveryRecord& record);

}  // namespace og::engine::graph
