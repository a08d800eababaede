#include "engine/graph/recovery/resolve.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/branch/table_fork.h"
#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/audit.h"
#include "engine/graph/recovery/finding.h"
#include "engine/graph/recovery/record_publish.h"
#include "engine/graph/recovery/staged_contract.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kRecoveryActor = "omnigraph:recovery";

class Resolver {
 public:
  Resolver(const GraphContext& context, SweepMode mode, const RecoveryRecord& record)
      : context_(context), mode_(mode), record_(record) {}

  absl::StatusOr<Outcome> Run() {
    OG_ASSIGN_OR_RETURN(const bool orphaned, BranchIsGone());
    if (orphaned) {
      OG_ASSIGN_OR_RETURN(const Outcome outcome, DiscardOrphan());
      // A later branch of the name must not find it again.
      OG_RETURN_IF_ERROR(context_.records.MakeRemovalsDurable());
      return outcome;
    }
    OG_ASSIGN_OR_RETURN(view_, context_.manifest.Open(record_.branch));
    if (record_.has_protocol() && (Original() != nullptr || Rollback() != nullptr)) {
      return Finalize();
    }
    OG_RETURN_IF_ERROR(FindTables());
    return record_.has_protocol() ? Decide() : DecideLoose();
  }

 private:
  bool is_schema_change() const { return record_.kind == WriterKind::kSchemaApply; }
  bool IsDataWrite() const {
    return record_.kind == WriterKind::kLoad || record_.kind == WriterKind::kMutation;
  }

  absl::Status FindTables() {
    for (const RecordedTable& table : record_.tables) {
      OG_ASSIGN_OR_RETURN(TableFinding finding, FindTable(context_, view_, table, is_fenced()));
      findings_.push_back(std::move(finding));
    }
    return absl::OkStatus();
  }

  // Its writer may be slow instead of dead.
  bool is_fenced() const { return record_.writer_lease.has_value(); }

  // A table on which a slow writer would still make the version after the published one.
  bool NeedsFence(size_t i) const {
    return is_fenced() && record_.tables[i].effect == EffectKind::kTransactions &&
           findings_[i].is_published_ref && findings_[i].ownership == Ownership::kNone &&
           findings_[i].head_version() == findings_[i].pin;
  }
  bool AnyNeedsFence() const {
    for (size_t i = 0; i < findings_.size(); ++i)
      if (NeedsFence(i)) return true;
    return false;
  }

  const CommitInfo* Original() const {
    return view_.state.FindCommit(record_.lineage.graph_commit_id);
  }
  const CommitInfo* Rollback() const {
    return view_.state.FindCommit(record_.rollback_graph_commit_id);
  }

  // Full: an error that keeps the record. Before a write: left for a read-write open.
  absl::StatusOr<Outcome> Stop(std::string_view reason) const {
    if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
    const std::string subject =
        io::StrCat(record_.kind == WriterKind::kLoad || record_.kind == WriterKind::kMutation
                       ? "OCC"
                       : WriterKindName(record_.kind),
                   " recovery sidecar '", record_.operation_id, "' ");
    switch (record_.kind) {
      case WriterKind::kBranchMerge:
        return InternalFault(io::StrCat(subject,
                                        record_.effects_confirmed
                                            ? "no longer matches its exact confirmed effects: "
                                            : "observed foreign or unverifiable physical state: ",
                                        reason));
      case WriterKind::kSchemaApply:
        return InternalFault(io::StrCat(subject,
                                        "is interleaved with unverifiable or foreign table "
                                        "movement; refusing destructive recovery: ",
                                        reason));
      case WriterKind::kEnsureIndices:
        return InternalFault(io::StrCat(subject, "observed unsafe physical state: ", reason));
      default:
        return InternalFault(io::StrCat(subject, reason));
    }
  }

  absl::StatusOr<bool> BranchIsGone() const {
    if (!record_.branch.has_value()) return false;
    OG_ASSIGN_OR_RETURN(const auto branches, ListBranchRefs(context_.manifest.root()));
    return std::find(branches.begin(), branches.end(), *record_.branch) == branches.end();
  }

  // --- Which way -----------------------------------------------------------------------------

  // Why the table cannot be touched, if so.
  std::optional<std::string> Danger(const RecordedTable& table, const TableFinding& finding) const {
    const std::string_view key = table.table_key;
    switch (finding.ownership) {
      case Ownership::kUnverifiable:
        return io::StrCat("cannot verify the history of ", key);
      case Ownership::kBeforeHead:
        return io::StrCat("finds its effect on ", key, " buried under another write");
      case Ownership::kNone:
        // What nobody reads, and the write did not make, is left alone: a ref of a branch that was
        // deleted, a dataset that somebody else created.
        if (!finding.is_published_ref || finding.head_version() == finding.pin) {
          return std::nullopt;
        }
        // A load or mutation without any effect leaves nothing to take back.
        if (IsDataWrite() && !AnyMoved()) return std::nullopt;
        return io::StrCat("finds ", key, " at version ", finding.head_version(),
                          ", which it did not make and which is not published (", finding.pin, ")");
      default:
        if (!finding.is_published_ref || finding.head_version() > finding.pin) return std::nullopt;
        return io::StrCat("finds ", key, " published past its effect");
    }
  }

  // How a merge that was confirmed differs from what it confirmed, if so. What it lost altogether,
  // or took back, is no such difference.
  std::optional<std::string> Mismatch(const RecordedTable& table,
                                      const TableFinding& finding) const {
    if (record_.kind != WriterKind::kBranchMerge || !record_.effects_confirmed ||
        finding.ownership != Ownership::kAtHead) {
      return std::nullopt;
    }
    if (finding.is_complete && finding.head_version() == table.confirmed->version) {
      return std::nullopt;
    }
    return io::StrCat("expected ", table.table_key, " at version ", table.confirmed->version,
                      ", observed ", finding.head_version());
  }

  bool AnyMoved() const {
    return std::any_of(findings_.begin(), findings_.end(),
                       [](const TableFinding& finding) { return finding.owned(); });
  }
  bool AnyFork() const {
    return std::any_of(findings_.begin(), findings_.end(), [](const TableFinding& finding) {
      return !finding.is_published_ref && finding.head != nullptr;
    });
  }

  absl::StatusOr<Outcome> Decide() {
    for (size_t i = 0; i < findings_.size(); ++i) {
      const auto danger = Danger(record_.tables[i], findings_[i]);
      if (danger.has_value()) return Stop(*danger);
      const auto mismatch = Mismatch(record_.tables[i], findings_[i]);
      if (mismatch.has_value()) return Stop(*mismatch);
    }
    const bool same_branch = view_.identifier == record_.authority.branch_identifier;
    if (!same_branch && (AnyMoved() || (!IsDataWrite() && AnyFork()))) {
      return Stop("belongs to an earlier incarnation of its branch");
    }
    OG_ASSIGN_OR_RETURN(const bool forward, MayRollForward());
    if (forward) return RollForward();
    if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
    const bool needs_rollback = AnyMoved() || AnyNeedsFence() || is_schema_change() ||
                                record_.kind == WriterKind::kEnsureIndices;
    if (same_branch && needs_rollback) return RollBack();
    OG_RETURN_IF_ERROR(RemoveUntouchedForks());
    OG_RETURN_IF_ERROR(context_.records.Remove(record_.operation_id));
    return Outcome::kResolved;
  }

  absl::StatusOr<bool> MayRollForward() const {
    if (!record_.effects_confirmed || view_.head() != record_.authority.graph_head ||
        !(view_.identifier == record_.authority.branch_identifier)) {
      return false;
    }
    for (size_t i = 0; i < findings_.size(); ++i) {
      const RecordedTable& table = record_.tables[i];
      const TableFinding& finding = findings_[i];
      if (!finding.is_complete || finding.head_version() != table.confirmed->version ||
          finding.pin != table.expected_version) {
        return false;
      }
      if (table.confirmed_branch_identifier.has_value() &&
          finding.ref_identifier != table.confirmed_branch_identifier) {
        return false;
      }
    }
    for (const RecordedPointer& pointer : record_.pointers) {
      if (view_.state.LatestVersion(pointer.identity) != pointer.expected_version) return false;
    }
    OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(context_.root));
    if (state.ir_hash != record_.authority.schema_ir_hash ||
        state.identity_domain != record_.authority.schema_identity_domain ||
        state.identity_version != record_.authority.schema_identity_version) {
      return false;
    }
    if (!is_schema_change()) return true;
    // Once it has begun to go back it goes back.
    if (!record_.rollback_audit_outcomes.empty()) return false;
    const absl::StatusOr<AcceptedSchema> target = ReadPromoted(context_.root);
    return target.ok() && target->state.ir_hash == record_.target_schema_ir_hash;
  }

  // --- Forward -------------------------------------------------------------------------------

  absl::StatusOr<Outcome> RollForward() {
    OG_CRASH_POINT(context_.env, "recovery.before_roll_forward_publish");
    const absl::StatusOr<ManifestView> published = context_.manifest.Publish(PublishOf(record_));
    if (!published.ok()) {
      // Another process may have resolved the same record.
      OG_ASSIGN_OR_RETURN(view_, context_.manifest.Open(record_.branch));
      if (Original() != nullptr || Rollback() != nullptr) return Finalize();
      if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
      return published.status();
    }
    if (is_schema_change()) {
      OG_RETURN_IF_ERROR(PromoteStaged(context_, record_.target_schema_ir_hash));
    }
    return Settle(record_.lineage.graph_commit_id, RecoveryKind::kRolledForward, ForwardOutcomes());
  }

  std::vector<AuditOutcome> ForwardOutcomes() const {
    std::vector<AuditOutcome> outcomes;
    for (const RecordedTable& table : record_.tables) {
      outcomes.push_back({.table_key = table.table_key,
                          .from_version = table.expected_version,
                          .to_version = table.confirmed.has_value() ? table.confirmed->version
                                                                    : table.post_commit_pin});
    }
    return outcomes;
  }

  // --- Back ----------------------------------------------------------------------------------

  // The alias under which the table is published while the write is not.
  std::string_view PublishedKey(const RecordedTable& table) const {
    for (const RecordedRename& rename : record_.renames) {
      if (rename.identity == table.identity) return rename.expected_table_key;
    }
    return table.table_key;
  }

  // What the table goes back to: what is published, or what its ref was forked from.
  static uint64_t ContentVersion(const TableFinding& finding) {
    return finding.is_published_ref ? finding.pin : finding.fork_version;
  }

  // Refs that the write made and did not use, and datasets that it created.
  absl::Status RemoveUntouchedForks() const {
    for (size_t i = 0; i < findings_.size(); ++i) {
      const RecordedTable& table = record_.tables[i];
      const TableFinding& finding = findings_[i];
      if (finding.is_published_ref || !table.branch.has_value()) continue;
      if (finding.head != nullptr && !finding.is_untouched_fork()) continue;
      OG_ASSIGN_OR_RETURN(const bool claimed, IsClaimedByOthers(table));
      if (claimed) continue;
      OG_RETURN_IF_ERROR(RemoveUnusedRef(
          context_.root.Child(CanonicalTablePath(table.table_key, table.identity)), *table.branch));
    }
    return absl::OkStatus();
  }

  // Whether another unfinished write has the same ref of the same table: its record decides.
  absl::StatusOr<bool> IsClaimedByOthers(const RecordedTable& table) const {
    OG_ASSIGN_OR_RETURN(const std::vector<RecoveryRecord> records, context_.records.ReadAll());
    return std::ranges::any_of(records, [&](const RecoveryRecord& other) {
      return other.operation_id != record_.operation_id &&
             std::ranges::any_of(other.tables, [&](const RecordedTable& theirs) {
               return theirs.identity == table.identity && theirs.branch == table.branch;
             });
    });
  }

  absl::Status RemoveCreatedTables() const {
    for (size_t i = 0; i < findings_.size(); ++i) {
      const RecordedTable& table = record_.tables[i];
      if (table.effect != EffectKind::kCreate || findings_[i].pin != 0) continue;
      if (findings_[i].head != nullptr && !findings_[i].is_complete) continue;
      const io::Location place =
          context_.root.Child(CanonicalTablePath(table.table_key, table.identity));
      OG_RETURN_IF_ERROR(FromStorage(place.store->DeletePrefix(place.path)));
    }
    return absl::OkStatus();
  }

  // Says in the record, before anything is restored, what the audit is going to say.
  absl::Status PlanRollbackAudit() {
    if (!record_.has_protocol() || !record_.rollback_audit_outcomes.empty()) {
      return absl::OkStatus();
    }
    for (size_t i = 0; i < findings_.size(); ++i) {
      if (!IsRestored(i)) continue;
      record_.rollback_audit_outcomes.push_back(
          {.table_key = std::string(PublishedKey(record_.tables[i])),
           .from_version = findings_[i].head_version(),
           .to_version = ContentVersion(findings_[i])});
    }
    if (record_.rollback_audit_outcomes.empty()) return absl::OkStatus();
    return context_.records.Rewrite(record_);
  }

  // Whether rolling back restores the i-th table. One that the write created goes away instead.
  bool IsRestored(size_t i) const {
    if (record_.tables[i].effect == EffectKind::kCreate) return false;
    if (record_.tables[i].effect == EffectKind::kLoose) {
      return findings_[i].head_version() > findings_[i].pin;
    }
    return findings_[i].owned() || NeedsFence(i);
  }

  absl::StatusOr<Outcome> RollBack() {
    OG_RETURN_IF_ERROR(RemoveUntouchedForks());
    OG_RETURN_IF_ERROR(PlanRollbackAudit());
    PublishRequest request;
    request.branch = record_.branch;
    request.commit.graph_commit_id =
        record_.has_protocol() ? record_.rollback_graph_commit_id : context_.env.NewUlid();
    request.commit.actor_id = std::string(kRecoveryActor);
    request.commit.created_at_us =
        record_.has_protocol() ? record_.started_at_us : context_.env.NowUs();
    std::vector<AuditOutcome> outcomes = record_.rollback_audit_outcomes;
    for (size_t i = 0; i < findings_.size(); ++i) {
      if (!IsRestored(i)) continue;
      const RecordedTable& table = record_.tables[i];
      OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr restored, Restored(findings_[i]));
      request.versions.push_back({.identity = table.identity,
                                  .table_key = std::string(PublishedKey(table)),
                                  .version = restored->version(),
                                  .branch = table.branch,
                                  .row_count = restored->num_rows(),
                                  .metadata = MetadataOf(context_, *restored)});
      if (!record_.has_protocol()) {
        outcomes.push_back({.table_key = table.table_key,
                            .from_version = findings_[i].head_version(),
                            .to_version = findings_[i].pin});
      }
    }
    if (is_schema_change()) OG_RETURN_IF_ERROR(TakeBackSchema());
    OG_CRASH_POINT(context_.env, "recovery.post_table_restore_pre_publish");
    OG_RETURN_IF_ERROR(context_.manifest.Publish(request).status());
    OG_CRASH_POINT(context_.env, "recovery.post_rollback_publish_pre_audit");
    return Settle(request.commit.graph_commit_id, RecoveryKind::kRolledBack, std::move(outcomes));
  }

  // The newest version of the table with the content that is published.
  absl::StatusOr<dataset::DatasetPtr> Restored(const TableFinding& finding) const {
    if (finding.ownership == Ownership::kCompensatedAtHead) return finding.head;
    const absl::StatusOr<dataset::StagedTransaction> staged =
        finding.head->StageRestore(ContentVersion(finding), {});
    OG_RETURN_IF_ERROR(FromStorage(staged.status()));
    const absl::StatusOr<dataset::DatasetPtr> restored = finding.head->CommitExact(*staged);
    OG_RETURN_IF_ERROR(FromStorage(restored.status()));
    return restored;
  }

  // The accepted schema stays: what the change created and staged goes away.
  absl::Status TakeBackSchema() const {
    OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(context_.root));
    if (state.ir_hash != record_.authority.schema_ir_hash) {
      return InternalFault(io::StrCat("SchemaApply recovery sidecar '", record_.operation_id,
                                      "' would roll back, but the live schema is not the one that "
                                      "it started from"));
    }
    OG_RETURN_IF_ERROR(RemoveCreatedTables());
    return DiscardStaged(context_);
  }

  // --- Published already ---------------------------------------------------------------------

  absl::StatusOr<Outcome> Finalize() {
    const CommitInfo* const original = Original();
    const CommitInfo* const rollback = Rollback();
    if (original != nullptr && rollback != nullptr) {
      return Stop("finds both its commit and its rollback published");
    }
    if (rollback != nullptr) {
      if (is_schema_change()) {
        // A loss of power may have brought back what was removed.
        OG_RETURN_IF_ERROR(FindTables());
        OG_RETURN_IF_ERROR(TakeBackSchema());
      }
      return Settle(rollback->graph_commit_id, RecoveryKind::kRolledBack,
                    record_.rollback_audit_outcomes);
    }
    const LineageIntent& lineage = record_.lineage;
    if (original->graph_branch != record_.branch || original->actor_id != lineage.actor_id ||
        original->merged_parent_commit_id != lineage.merged_parent_commit_id ||
        original->created_at_us != lineage.created_at_us ||
        (record_.authority.graph_head.has_value() &&
         original->parent_commit_id != record_.authority.graph_head)) {
      return Stop("does not match the published commit of its id");
    }
    OG_ASSIGN_OR_RETURN(const ManifestView then,
                        context_.manifest.OpenAt(record_.branch, original->graph_manifest_version));
    const auto published = [&then](const auto& slot) {
      const TableEntry* const entry = then.state.Find(slot.identity);
      return entry != nullptr && slot.confirmed.has_value() &&
             entry->version == slot.confirmed->version && entry->branch == slot.confirmed->branch &&
             entry->row_count == slot.confirmed->row_count &&
             entry->metadata == slot.confirmed->metadata;
    };
    if (!std::all_of(record_.tables.begin(), record_.tables.end(), published) ||
        !std::all_of(record_.pointers.begin(), record_.pointers.end(), published)) {
      return Stop("does not match the published tables of its commit");
    }
    if (is_schema_change()) {
      OG_RETURN_IF_ERROR(PromoteStaged(context_, record_.target_schema_ir_hash));
    }
    return Settle(original->graph_commit_id, RecoveryKind::kRolledForward, ForwardOutcomes());
  }

  // --- Optimize: whatever versions it made are good --------------------------------------------

  absl::StatusOr<Outcome> DecideLoose() {
    bool all_moved = true;
    bool none_moved = true;
    bool stale = false;
    for (size_t i = 0; i < findings_.size(); ++i) {
      const TableFinding& finding = findings_[i];
      if (finding.head_version() < finding.pin) {
        return Stop(io::StrCat("finds ", record_.tables[i].table_key, " at version ",
                               finding.head_version(), ", below the published ", finding.pin));
      }
      const bool moved =
          finding.head_version() > finding.pin && record_.tables[i].expected_version == finding.pin;
      all_moved = all_moved && moved;
      none_moved = none_moved && finding.head_version() == finding.pin;
      stale = stale || finding.pin > record_.tables[i].expected_version;
    }
    if (all_moved || (none_moved && stale)) return PublishHeads();
    if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
    return RollBack();
  }

  // The newest versions of all tables; of tables that are published already, nothing.
  absl::StatusOr<Outcome> PublishHeads() {
    PublishRequest request;
    request.branch = record_.branch;
    request.commit.graph_commit_id = context_.env.NewUlid();
    request.commit.actor_id = std::string(kRecoveryActor);
    request.commit.created_at_us = context_.env.NowUs();
    std::vector<AuditOutcome> outcomes;
    for (size_t i = 0; i < findings_.size(); ++i) {
      const TableFinding& finding = findings_[i];
      const RecordedTable& table = record_.tables[i];
      outcomes.push_back({.table_key = table.table_key,
                          .from_version = finding.pin,
                          .to_version = finding.head_version()});
      if (finding.head_version() == finding.pin) continue;
      request.expected[table.identity] = finding.pin;
      request.versions.push_back({.identity = table.identity,
                                  .table_key = table.table_key,
                                  .version = finding.head_version(),
                                  .branch = table.branch,
                                  .row_count = finding.head->num_rows(),
                                  .metadata = MetadataOf(context_, *finding.head)});
    }
    OG_CRASH_POINT(context_.env, "recovery.before_roll_forward_publish");
    const absl::StatusOr<ManifestView> published = context_.manifest.Publish(request);
    if (published.ok()) {
      return Settle(request.commit.graph_commit_id, RecoveryKind::kRolledForward,
                    std::move(outcomes));
    }
    return Converge(published.status(), std::move(outcomes));
  }

  // Someone else may have published the same heads.
  absl::StatusOr<Outcome> Converge(const absl::Status& lost, std::vector<AuditOutcome> outcomes) {
    OG_ASSIGN_OR_RETURN(view_, context_.manifest.Open(record_.branch));
    for (size_t i = 0; i < findings_.size(); ++i) {
      if (view_.state.LatestVersion(record_.tables[i].identity) < findings_[i].head_version()) {
        return mode_ == SweepMode::kRollForwardOnly ? absl::StatusOr<Outcome>(Outcome::kDeferred)
                                                    : lost;
      }
    }
    OG_ASSIGN_OR_RETURN(const auto left, context_.records.Read(record_.operation_id));
    if (!left.has_value()) return Outcome::kResolved;
    std::string commit_id;
    for (const CommitInfo& commit : view_.state.commits()) {
      if (commit.actor_id == kRecoveryActor) commit_id = commit.graph_commit_id;
    }
    if (commit_id.empty()) return lost;
    return Settle(commit_id, RecoveryKind::kRolledForward, std::move(outcomes));
  }

  // --- Without its branch --------------------------------------------------------------------

  absl::StatusOr<Outcome> DiscardOrphan() {
    OG_ASSIGN_OR_RETURN(const bool audited,
                        HasAudit(context_.env, context_.root, record_.operation_id));
    if (audited) {
      OG_RETURN_IF_ERROR(context_.records.Remove(record_.operation_id));
      return Outcome::kResolved;
    }
    PublishRequest request;
    request.commit.graph_commit_id = context_.env.NewUlid();
    request.commit.actor_id = std::string(kRecoveryActor);
    request.commit.created_at_us = context_.env.NowUs();
    OG_RETURN_IF_ERROR(context_.manifest.Publish(request).status());
    OG_CRASH_POINT(context_.env, "recovery.orphan_discard_audit_append");
    return Settle(request.commit.graph_commit_id, RecoveryKind::kOrphanedBranchDiscarded, {});
  }

  absl::StatusOr<Outcome> Settle(const std::string& commit_id, RecoveryKind kind,
                                 std::vector<AuditOutcome> outcomes) const {
    OG_RETURN_IF_ERROR(AppendAudit(context_.env, context_.root,
                                   {.graph_commit_id = commit_id,
                                    .kind = kind,
                                    .actor_id = record_.actor_id,
                                    .operation_id = record_.operation_id,
                                    .writer = record_.kind,
                                    .outcomes = std::move(outcomes)}));
    OG_RETURN_IF_ERROR(context_.records.Remove(record_.operation_id));
    return Outcome::kResolved;
  }

  const GraphContext& context_;
  const SweepMode mode_;
  RecoveryRecord record_;
  ManifestView view_;
  std::vector<TableFinding> findings_;
};

}  // namespace

absl::StatusOr<Outcome> ResolveRecord(const GraphContext& context, SweepMode mode,
                                      const RecoveryRecord& record) {
  return Resolver(context, mode, record).Run();
}

}  // namespace og::engine::graph
