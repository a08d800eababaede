#include "engine/graph/recovery/sweep.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/dataset/refs.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/resolve.h"
#include "engine/graph/recovery/staged_contract.h"
#include "engine/graph/recovery/writer_lease.h"
#include "io/base/status_macros.h"
#include "io/env/env.h"
#include "io/env/gate.h"
#include "io/env/together.h"
#include "io/local/folder_hold.h"

namespace og::engine::graph {
namespace {

// Where no other process can hold the root, a schema change that is older than this has died.
constexpr int64_t kSchemaChangeSecondsMax = 3600;

// Between two looks at a record whose writer lives elsewhere.
constexpr int64_t kPauseUsMin = 5'000;
constexpr int64_t kPauseUsMax = 250'000;

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
  bool has_staged = false;
  bool has_lock = false;
  OG_RETURN_IF_ERROR(io::RunTogether(
      context.env, *context.root.store,
      {[&]() -> absl::Status {
         OG_ASSIGN_OR_RETURN(has_staged, HasStagedContract(context.root));
         return absl::OkStatus();
       },
       [&]() -> absl::Status {
         OG_ASSIGN_OR_RETURN(const auto lock,
                             ReadBranchRef(context.manifest.root(), kSchemaApplyLockBranch));
         has_lock = lock.has_value();
         return absl::OkStatus();
       }}));
  return has_staged || has_lock;
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

// What a record is resolved under.
struct Window {
  io::GateHold schema_gate;
  io::GateHold branch_gate;
  io::FolderHold root;
  BranchHold branch;
};

// For a schema change, and a write to a branch that is gone, which is settled on main.
// Null: somebody writes, and `waits` is false.
absl::StatusOr<std::unique_ptr<Window>> EnterAlone(const GraphContext& context, bool waits) {
  auto window = std::make_unique<Window>();
  window->schema_gate = context.gates->schema().Exclusive(context.env);
  absl::StatusOr<io::FolderHold> hold = HoldRoot(context, waits ? kHoldTimeoutMs : 0);
  if (absl::IsUnavailable(hold.status()) && !waits) return nullptr;
  OG_RETURN_IF_ERROR(hold.status());
  window->root = *std::move(hold);
  return window;
}

// For a write to `branch`. Null: a writer is in it, and `waits` is false.
absl::StatusOr<std::unique_ptr<Window>> EnterBranch(const GraphContext& context,
                                                    const std::optional<std::string>& branch,
                                                    bool waits) {
  auto window = std::make_unique<Window>();
  window->schema_gate = context.gates->schema().Shared(context.env);
  io::Gate& gate = context.gates->branch(BranchName(branch));
  window->branch_gate = waits ? gate.Exclusive(context.env) : gate.TryExclusive();
  if (!window->branch_gate.held()) return nullptr;
  absl::StatusOr<BranchHold> hold = HoldBranch(context, branch, waits ? kHoldTimeoutMs : 0);
  if (absl::IsUnavailable(hold.status()) && !waits) return nullptr;
  OG_RETURN_IF_ERROR(hold.status());
  window->branch = *std::move(hold);
  return window;
}

// Whether a record was made under the lease of this process.
bool IsOurs(const GraphContext& context, const RecoveryRecord& record) {
  return record.writer_lease.has_value() && context.gates->lease().IsHeldBy(*record.writer_lease);
}

class Sweep {
 public:
  Sweep(const GraphContext& context, SweepMode mode,
        std::span<const std::optional<std::string>> awaited)
      : context_(context), mode_(mode), awaited_(awaited) {}

  absl::StatusOr<SweepResult> Run() {
    OG_ASSIGN_OR_RETURN(std::vector<std::string> ids, context_.records.List());
    ids = OthersRecords(context_, std::move(ids));
    if (!ids.empty()) {
      OG_CRASH_POINT(context_.env, "recovery.post_list_pre_gates");
    }
    for (const std::string& id : ids)
      OG_RETURN_IF_ERROR(Visit(id));
    if (mode_ == SweepMode::kRollForwardOnly) return std::move(result_);
    OG_ASSIGN_OR_RETURN(const bool left_overs, HasLeftOvers(context_));
    if (left_overs) {
      OG_ASSIGN_OR_RETURN(const auto window, EnterAlone(context_, /*waits=*/true));
      const bool owner_is_gone = window->root.is_held() || resolved_schema_change_;
      OG_RETURN_IF_ERROR(RemoveLeftOvers(context_, owner_is_gone, result_));
    }
    return std::move(result_);
  }

 private:
  bool IsAwaited(const RecoveryRecord& record) const {
    return record.kind == WriterKind::kSchemaApply ||
           std::ranges::count(awaited_, record.branch) != 0;
  }

  // Resolves one record, if it is there and its writer is dead.
  absl::Status Visit(const std::string& id) {
    const int64_t start_us = context_.env.NowUs();
    for (int64_t pause_us = kPauseUsMin;; pause_us = std::min(2 * pause_us, kPauseUsMax)) {
      OG_CRASH_POINT(context_.env, "recovery.post_sidecar_list_pre_read");
      OG_ASSIGN_OR_RETURN(std::optional<RecoveryRecord> record, context_.records.Read(id));
      if (!record.has_value()) return absl::OkStatus();
      const bool waits = IsAwaited(*record);
      OG_ASSIGN_OR_RETURN(const bool is_done, Resolve(*record, waits));
      if (is_done || !waits) return absl::OkStatus();
      if (context_.env.NowUs() - start_us > kHoldTimeoutMs * 1000) {
        result_.unresolved.push_back(*std::move(record));
        return absl::OkStatus();
      }
      context_.env.SleepUs(pause_us);
    }
  }

  // Whether nothing more is to be done about `seen`: false while its writer lives.
  absl::StatusOr<bool> Resolve(const RecoveryRecord& seen, bool waits) {
    bool alone = seen.kind == WriterKind::kSchemaApply;
    if (!alone) {
      OG_ASSIGN_OR_RETURN(alone, IsGone(seen.branch));
    }
    OG_ASSIGN_OR_RETURN(
        const std::unique_ptr<Window> window,
        alone ? EnterAlone(context_, waits) : EnterBranch(context_, seen.branch, waits));
    if (window == nullptr) return false;
    // Now that no writer of this machine has it.
    OG_ASSIGN_OR_RETURN(const std::optional<RecoveryRecord> record,
                        context_.records.Read(seen.operation_id));
    if (!record.has_value()) return true;
    OG_ASSIGN_OR_RETURN(const bool may_live, WriterMayLive(context_, *record));
    if (may_live) return false;
    if (!alone) {
      // The branch may have gone before its gate was taken.
      OG_ASSIGN_OR_RETURN(const bool is_gone, IsGone(record->branch));
      if (is_gone) return false;
    }
    const bool is_of_dead_process = record->writer_lease.has_value() && !IsOurs(context_, *record);
    const SweepMode mode = is_of_dead_process && waits ? SweepMode::kFull : mode_;
    const absl::StatusOr<Outcome> outcome = ResolveRecord(context_, mode, *record);
    if (!outcome.ok()) {
      // A sweep of another machine may have been faster: then nothing is left to do.
      const auto left = context_.records.Read(seen.operation_id);
      if (left.ok() && !left->has_value()) return true;
      return outcome.status();
    }
    if (*outcome == Outcome::kResolved) {
      ++result_.num_resolved;
      // The lock belongs to the change whose record this was.
      resolved_schema_change_ = resolved_schema_change_ || record->kind == WriterKind::kSchemaApply;
      if (is_of_dead_process) RemoveLease(context_.root, *record->writer_lease);
    } else {
      result_.unresolved.push_back(*record);
    }
    return true;
  }

  absl::StatusOr<bool> IsGone(const std::optional<std::string>& branch) const {
    if (!branch.has_value()) return false;
    OG_ASSIGN_OR_RETURN(const auto ref, ReadBranchRef(context_.manifest.root(), *branch));
    return !ref.has_value();
  }

  const GraphContext& context_;
  const SweepMode mode_;
  const std::span<const std::optional<std::string>> awaited_;
  bool resolved_schema_change_ = false;
  SweepResult result_;
};

}  // namespace

std::vector<std::string> OthersRecords(const GraphContext& context, std::vector<std::string> ids) {
  std::erase_if(ids, [&](const std::string& id) { return context.gates->live().Contains(id); });
  return ids;
}

absl::StatusOr<bool> WriterMayLive(const GraphContext& context, const RecoveryRecord& record) {
  if (!record.writer_lease.has_value() || IsOurs(context, record)) return false;
  return MayLive(context.env, context.root, *record.writer_lease);
}

absl::StatusOr<SweepResult> SweepRecords(const GraphContext& context, SweepMode mode,
                                         std::span<const std::optional<std::string>> awaited) {
  return Sweep(context, mode, awaited).Run();
}

}  // namespace og::engine::graph
