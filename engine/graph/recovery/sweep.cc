#include "engine/graph/recovery/sweep.h"

#include <optional>
#include <string>
#include <utility>

#include "engine/dataset/refs.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/resolve.h"
#include "engine/graph/recovery/staged_contract.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {
namespace {

// Where no other process can hold the root, a schema change that is older than this has died.
constexpr int64_t kSchemaChangeSecondsMax = 3600;

// A schema change that died before it had a record left its lock branch: nothing of it is
// published, and nobody else would ever remove it.
absl::Status RemoveStaleLock(const GraphContext& context, bool owner_is_gone) {
  OG_ASSIGN_OR_RETURN(const auto lock,
                      ReadBranchRef(context.manifest.root(), kSchemaApplyLockBranch));
  if (!lock.has_value()) return absl::OkStatus();
  const int64_t age_s = context.env.NowUs() / 1'000'000 - lock->created_at_s;
  if (!owner_is_gone && age_s < kSchemaChangeSecondsMax) return absl::OkStatus();
  return FromStorage(
      dataset::DeleteBranch(context.env, context.manifest.root(), kSchemaApplyLockBranch, true));
}

// Whether anything but records may be left of an unfinished write.
absl::StatusOr<bool> HasLeftOvers(const GraphContext& context) {
  OG_ASSIGN_OR_RETURN(const bool staged, HasStagedContract(context.root));
  if (staged) return true;
  OG_ASSIGN_OR_RETURN(const auto lock,
                      ReadBranchRef(context.manifest.root(), kSchemaApplyLockBranch));
  return lock.has_value();
}

// Objects of schema changes that no record explains.
absl::Status RemoveLeftOvers(const GraphContext& context, bool owner_is_gone,
                             const SweepResult& result) {
  for (const RecoveryRecord& record : result.unresolved) {
    if (record.kind == WriterKind::kSchemaApply) return absl::OkStatus();
  }
  OG_RETURN_IF_ERROR(ReconcileStaged(context));
  return RemoveStaleLock(context, owner_is_gone);
}

}  // namespace

absl::StatusOr<SweepResult> SweepRecords(const GraphContext& context, SweepMode mode) {
  SweepResult result;
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> listed, context.records.List());
  if (listed.empty()) {
    if (mode == SweepMode::kRollForwardOnly) return result;
    OG_ASSIGN_OR_RETURN(const bool left_overs, HasLeftOvers(context));
    if (!left_overs) return result;
  }
  OG_CRASH_POINT(context.env, "recovery.post_list_pre_gates");
  const io::GateHold gate = context.gates->schema().Exclusive(context.env);
  // From here on no writer of this machine has a record of its own.
  OG_ASSIGN_OR_RETURN(const io::FolderHold hold, HoldRoot(context));
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> ids, context.records.List());
  bool owner_is_gone = hold.is_held();
  for (const std::string& id : ids) {
    OG_CRASH_POINT(context.env, "recovery.post_sidecar_list_pre_read");
    OG_ASSIGN_OR_RETURN(std::optional<RecoveryRecord> record, context.records.Read(id));
    if (!record.has_value()) continue;
    OG_ASSIGN_OR_RETURN(const Outcome outcome, ResolveRecord(context, mode, *record));
    if (outcome == Outcome::kResolved) {
      ++result.num_resolved;
      // The lock belongs to the change whose record this was.
      owner_is_gone = owner_is_gone || record->kind == WriterKind::kSchemaApply;
    } else {
      result.unresolved.push_back(*std::move(record));
    }
  }
  if (mode == SweepMode::kFull) OG_RETURN_IF_ERROR(RemoveLeftOvers(context, owner_is_gone, result));
  return result;
}

}  // namespace og::engine::graph
