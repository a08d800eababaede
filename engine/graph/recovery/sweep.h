// Resolves writes that did not finish: every record under `__recovery/` is rolled forward or back,
// whichever its content and the state of its tables prove to be right, and removed.
//
// Which way. A record says which transaction it planned for each table; the versions of the table
// say whether that transaction is there. Nothing there: the record is dropped. All there,
// confirmed, and the branch still what the write was prepared on: published as the write intended.
// Anything else of its own: each table gets a version that restores what is published, and these
// are published under an id fixed in the record. Every step can be repeated: a crash in the middle
// of recovery is recovered the same way.
//
// Movement that the record does not explain is never touched: an error, and the record stays.
//
// Whose records. A writer that lives is never recovered: one of this process is known, one of this
// machine holds its branch, one elsewhere has a lease (writer_lease.h). Who wants to write to the
// same branch waits for it; all others pass its record over.
//
// Before a write, only what can go forward is resolved: the rest is for the next read-write open.
// The exception is a record of another process whose lease is over, on the branch that is to be
// written: nobody else can be meant by it.
//
// Source: engine.md 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/context.h"
#include "engine/graph/recovery/record.h"

namespace og::engine::graph {

enum class SweepMode : uint8_t {
  kFull,             // read-write open: may roll back
  kRollForwardOnly,  // before a write: never destroys; leaves what it cannot finish
};

struct SweepResult {
  size_t num_resolved = 0;
  // What `mode` forbade to finish, and what a writer of an awaited branch did not finish in time.
  std::vector<RecoveryRecord> unresolved;
};

// Resolves the records of writers that are dead. Takes the gates of each record's branch in turn.
// `awaited`: branches of which no living writer is passed over. Records that cannot be understood,
// and, in full mode, records that cannot be resolved, are errors.
absl::StatusOr<SweepResult> SweepRecords(const GraphContext& context, SweepMode mode,
                                         std::span<const std::optional<std::string>> awaited);

// Whether the writer of a record that was found under the gates of its branch, and that is no write
// under way in this process, may live: in another one.
absl::StatusOr<bool> WriterMayLive(const GraphContext& context, const RecoveryRecord& record);

// Ids of the records that do not belong to writes under way in this process.
std::vector<std::string> OthersRecords(const GraphContext& context, std::vector<std::string> ids);

}  // namespace og::engine::graph
