// The one way in which a graph changes: a prepared base, staged files, and then a window of effects
// that a recovery record covers from its first to its last.
//
//   BeginWrite     resolve what died on the branch, capture head, schema and published versions
//   (caller)       stage one transaction a table; nothing is visible
//   CommitWrite    gates -> everything still as captured -> sync staged files -> arm the record
//                  -> commit each table exactly -> confirm the record -> publish -> remove it
//
// A failure before the record is armed leaves the graph as it was and some files that nobody names.
// After that the result is success or RecoveryRequired: the next writer or read-write open decides
// from the record, forward or back. Either way all of the write becomes visible or nothing. A write
// that lost against another machine in between takes its own record back.
//
// What does not depend on each other is asked for at the same time; docs/dev/write-session.md has
// the rounds.
//
// Source: engine.md 3.1, 3.5.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/context.h"
#include "engine/graph/contract_store.h"
#include "engine/graph/manifest/store.h"
#include "engine/graph/recovery/record.h"
#include "io/env/gate.h"

namespace og::engine::graph {

// What a write is prepared against.
struct WriteBase {
  ManifestView manifest;
  AcceptedSchema schema;
  AuthorityToken authority;
  // Of the state of `manifest`, which the write reads until it is committed.
  ReadPins::Pin pin = {};
  // The caller writes only if this is the head of the branch: kPreconditionFailed otherwise.
  std::optional<std::string> caller_head = {};

  // The head of the branch; of a branch without commits of its own the one that it inherits.
  std::optional<std::string> effective_head() const;
};

// A staged change of one table, which the branch has at `entry`. `dataset` is what OpenForWrite()
// gave; if that is a ref that does not exist yet, the write makes it.
struct TableChange {
  TableEntry entry;
  dataset::DatasetPtr dataset;
  dataset::StagedTransaction staged;
};

// A table that a merge publishes as it stands on main: no effect, one row.
struct PointerChange {
  TableEntry entry;    // on the target
  TableEntry adopted;  // on the source
};

struct WriteIntent {
  WriterKind kind = WriterKind::kLoad;
  std::optional<std::string> actor_id;
  std::optional<std::string> merged_parent_commit_id;  // merges only
  std::vector<TableChange> tables;
  std::vector<PointerChange> pointers;
  // What else must still hold, asked under the gates; may be empty.
  std::function<absl::Status()> still_holds;
};

// kRecoveryRequired if one of `records`, which recovery has left, stands in the way of a write to
// `branch`: one of the branch, or a schema change.
absl::Status CheckUnresolved(std::span<const RecoveryRecord> records,
                             const std::optional<std::string>& branch);

// How often a write that lost against another one is prepared again.
inline constexpr int kRepreparationsMax = 32;

// Whether a write that failed with `status` had no effect and may be prepared again.
bool MayPrepareAgain(const absl::Status& status);

// The gates and holds of a write to one branch, in their order. CommitWrite takes them by itself; a
// write that has lost once takes them before it is prepared again, so that it does not lose to its
// neighbours for ever.
struct WriteTurn {
  io::GateHold schema_gate;
  io::GateHold branch_gate;
  absl::StatusOr<BranchHold> hold = BranchHold();

  bool is_held() const { return branch_gate.held(); }
};
WriteTurn TakeTurn(const GraphContext& context, const std::optional<std::string>& branch);

// Resolves what dead writers left on `branch`, waits for living ones of other machines, and
// captures a base. Refused while a schema change is under way, and by what cannot be resolved.
// `caller_head`: see WriteBase. `turn`, if not null, is given up where recovery needs it.
absl::StatusOr<WriteBase> BeginWrite(const GraphContext& context,
                                     const std::optional<std::string>& branch,
                                     const std::optional<std::string>& caller_head = {},
                                     WriteTurn* turn = nullptr);

// The capture alone.
absl::StatusOr<WriteBase> PrepareWrite(const GraphContext& context,
                                       const std::optional<std::string>& branch,
                                       const std::optional<std::string>& caller_head = {});

// Whether the branch is still the same incarnation at the captured head; errors as below.
absl::Status CheckBranchUnchanged(const GraphContext& context, const WriteBase& base);

// Whether everything is still as captured: kReadSetChanged says what is not, kPreconditionFailed
// that the head is not the caller's. One round of requests.
absl::Status CheckAuthority(const GraphContext& context, const WriteBase& base);

// kConflict, kRecoveryRequired or kReadSetChanged unless the newest version of a table is the one
// that the base pins and `pinned` holds: nothing would say which of the two a change belongs to.
// REQUIRES: the root is held.
absl::Status CheckNoDrift(const GraphContext& context, const WriteBase& base,
                          const TableEntry& entry, const dataset::Dataset& pinned);

// Ok if everything is still as captured, at one moment: what a write without effects that depends
// on `caller_head` is acknowledged by.
absl::Status ConfirmUnchanged(const GraphContext& context, const WriteBase& base);

// Makes the change visible as one commit. No tables: a commit without changes.
//   kReadSetChanged    the base is not the newest state any more
//   kPreconditionFailed  the same, and the caller named the head that it has to be
//   kConflict          a table is ahead of what is published, for no known reason; texts advise
//   kRecoveryRequired  an unfinished write stands in the way, or this one has become one
// `turn`: the write's own, if it is held already.
absl::StatusOr<CommitInfo> CommitWrite(const GraphContext& context, const WriteBase& base,
                                       WriteIntent intent, WriteTurn turn = {});

// Removes the staged files of an intent that is given up before CommitWrite. Best effort.
void DiscardWrite(const WriteIntent& intent);

}  // namespace og::engine::graph
