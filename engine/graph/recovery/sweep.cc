#include "engine/graph/recovery/sweep.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/audit.h"
#include "format/table/transaction.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kRecoveryActor = "omnigraph:recovery";
constexpr uint64_t kHistoryVersionsMax = 1026;

// Whether and where a table carries the transaction that a record planned for it.
enum class Ownership : uint8_t {
  kNone,
  kAtHead,
  kBeforeHead,         // someone wrote on top of it
  kCompensatedAtHead,  // and the newest version restores what is published
  kUnverifiable,
};

struct TableFinding {
  dataset::DatasetPtr head;  // null: the table's ref does not exist
  uint64_t pin = 0;          // published now
  Ownership ownership = Ownership::kNone;

  bool owned() const {
    return ownership == Ownership::kAtHead || ownership == Ownership::kCompensatedAtHead;
  }
  uint64_t head_version() const { return head == nullptr ? 0 : head->version(); }
};

enum class Outcome : uint8_t { kResolved, kDeferred };

class RecordResolver {
 public:
  RecordResolver(const GraphContext& context, SweepMode mode, const RecoveryRecord& record)
      : context_(context), mode_(mode), record_(record) {}

  absl::StatusOr<Outcome> Run() {
    if (!record_.has_protocol) return Unsupported();
    OG_ASSIGN_OR_RETURN(const bool orphaned, BranchIsGone());
    if (orphaned) return DiscardOrphan();
    OG_ASSIGN_OR_RETURN(view_, context_.manifest.Open(record_.branch));
    if (Original() != nullptr || Rollback() != nullptr) return Finalize();

    for (const RecordedTable& table : record_.tables) {
      OG_ASSIGN_OR_RETURN(TableFinding finding, Inspect(table));
      findings_.push_back(std::move(finding));
    }
    return Decide();
  }

 private:
  const CommitInfo* Original() const {
    return view_.state.FindCommit(record_.lineage.graph_commit_id);
  }
  const CommitInfo* Rollback() const {
    return view_.state.FindCommit(record_.rollback_graph_commit_id);
  }

  // Full: an error that keeps the record. Before a write: left for a read-write open.
  absl::StatusOr<Outcome> Stop(std::string_view reason) const {
    if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
    return InternalFault(io::StrCat("OCC recovery sidecar '", record_.operation_id, "' ", reason));
  }

  absl::StatusOr<Outcome> Unsupported() const {
    if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
    return io::DetailedError(
        {.kind = io::ErrorKind::kRecoveryRequired,
         .code = "recovery_required",
         .fields = {{"operation_id", record_.operation_id}}},
        io::StrCat("recovery required for operation ", record_.operation_id, ": a pending ",
                   WriterKindName(record_.kind),
                   " was interrupted and this release recovers Load and Mutation only; open the "
                   "graph read-write with the release that wrote it"));
  }

  absl::StatusOr<bool> BranchIsGone() const {
    if (!record_.branch.has_value()) return false;
    OG_ASSIGN_OR_RETURN(const auto branches, ListBranchRefs(context_.manifest.root()));
    return std::find(branches.begin(), branches.end(), *record_.branch) == branches.end();
  }

  // Where the record's own transaction stands on the table's ref.
  absl::StatusOr<TableFinding> Inspect(const RecordedTable& table) const {
    TableFinding finding;
    finding.pin = view_.state.LatestVersion(table.identity);
    dataset::OpenOptions options;
    options.branch = table.branch.value_or("");
    options.session = context_.session;
    const io::Location root =
        context_.root.Child(CanonicalTablePath(table.table_key, table.identity));
    const absl::StatusOr<dataset::DatasetPtr> head =
        dataset::Dataset::Open(context_.env, root, options);
    if (absl::IsNotFound(head.status()) && table.branch.has_value()) return finding;
    OG_RETURN_IF_ERROR(FromStorage(head.status()));
    finding.head = *head;
    OG_ASSIGN_OR_RETURN(finding.ownership, OwnershipOf(table, finding));
    return finding;
  }

  absl::StatusOr<Ownership> OwnershipOf(const RecordedTable& table,
                                        const TableFinding& finding) const {
    const uint64_t newest = finding.head->version();
    if (newest >= table.post_commit_pin + kHistoryVersionsMax) return Ownership::kUnverifiable;
    bool unreadable = false;
    for (uint64_t version = newest; version >= table.post_commit_pin; --version) {
      const absl::StatusOr<format::Transaction> transaction = finding.head->TransactionOf(version);
      if (!transaction.ok()) {
        unreadable = true;
        continue;
      }
      if (transaction->uuid != table.planned.uuid) continue;
      if (version == newest) return Ownership::kAtHead;
      return RestoresPin(finding) ? Ownership::kCompensatedAtHead : Ownership::kBeforeHead;
    }
    return unreadable ? Ownership::kUnverifiable : Ownership::kNone;
  }

  static bool RestoresPin(const TableFinding& finding) {
    const absl::StatusOr<format::Transaction> newest =
        finding.head->TransactionOf(finding.head->version());
    if (!newest.ok()) return false;
    const auto* restore = std::get_if<format::RestoreOperation>(&newest->operation);
    return restore != nullptr && restore->version == finding.pin;
  }

  absl::StatusOr<Outcome> Decide() {
    const bool any_owned = std::any_of(findings_.begin(), findings_.end(),
                                       [](const TableFinding& f) { return f.owned(); });
    for (size_t i = 0; i < findings_.size(); ++i) {
      const TableFinding& finding = findings_[i];
      const std::string_view key = record_.tables[i].table_key;
      if (finding.ownership == Ownership::kUnverifiable) {
        return Stop(io::StrCat("cannot verify the history of ", key));
      }
      if (finding.ownership == Ownership::kBeforeHead) {
        return Stop(io::StrCat("finds its effect on ", key, " buried under another write"));
      }
      if (finding.ownership == Ownership::kNone && finding.head != nullptr &&
          finding.head_version() != finding.pin && IsPublishedRef(record_.tables[i])) {
        return Stop(io::StrCat("finds ", key, " at version ", finding.head_version(),
                               ", which it did not make and which is not published (", finding.pin,
                               ")"));
      }
      if (finding.owned() && finding.head_version() <= finding.pin) {
        return Stop(io::StrCat("finds ", key, " published past its effect"));
      }
    }
    const bool same_branch = view_.identifier == record_.authority.branch_identifier;
    if (!any_owned) {
      if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
      OG_RETURN_IF_ERROR(context_.records.Remove(record_.operation_id));
      return Outcome::kResolved;
    }
    if (!same_branch) return Stop("belongs to an earlier incarnation of its branch");
    OG_ASSIGN_OR_RETURN(const bool forward, MayRollForward());
    if (forward) return RollForward();
    if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
    return RollBack();
  }

  // Whether the ref that the record writes is the one that is published now; a first-touch fork has
  // no published version of its own yet.
  bool IsPublishedRef(const RecordedTable& table) const {
    const TableEntry* const entry = view_.state.Find(table.identity);
    return entry != nullptr && entry->branch == table.branch;
  }

  absl::StatusOr<bool> MayRollForward() const {
    if (!record_.effects_confirmed) return false;
    for (size_t i = 0; i < findings_.size(); ++i) {
      const RecordedTable& table = record_.tables[i];
      if (findings_[i].ownership != Ownership::kAtHead ||
          findings_[i].head_version() != table.confirmed->version ||
          findings_[i].pin != table.expected_version) {
        return false;
      }
    }
    if (view_.head() != record_.authority.graph_head) return false;
    OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(context_.root));
    return state.ir_hash == record_.authority.schema_ir_hash &&
           state.identity_domain == record_.authority.schema_identity_domain &&
           state.identity_version == record_.authority.schema_identity_version;
  }

  absl::StatusOr<Outcome> RollForward() {
    PublishRequest request;
    request.branch = record_.branch;
    request.commit.graph_commit_id = record_.lineage.graph_commit_id;
    request.commit.actor_id = record_.lineage.actor_id;
    request.commit.merged_parent_commit_id = record_.lineage.merged_parent_commit_id;
    request.commit.created_at_us = record_.lineage.created_at_us;
    request.precondition = ExactHead{.identifier = record_.authority.branch_identifier,
                                     .head = record_.authority.graph_head};
    for (const RecordedTable& table : record_.tables) {
      request.expected[table.identity] = table.expected_version;
      request.versions.push_back({.identity = table.identity,
                                  .table_key = table.table_key,
                                  .version = table.confirmed->version,
                                  .branch = table.confirmed->branch,
                                  .row_count = table.confirmed->row_count,
                                  .metadata = table.confirmed->metadata});
    }
    OG_CRASH_POINT(context_.env, "recovery.before_roll_forward_publish");
    const absl::StatusOr<ManifestView> published = context_.manifest.Publish(request);
    if (!published.ok()) {
      // Another process may have resolved the same record.
      OG_ASSIGN_OR_RETURN(view_, context_.manifest.Open(record_.branch));
      if (Original() != nullptr || Rollback() != nullptr) return Finalize();
      if (mode_ == SweepMode::kRollForwardOnly) return Outcome::kDeferred;
      return published.status();
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

  absl::StatusOr<Outcome> RollBack() {
    if (record_.rollback_audit_outcomes.empty()) {
      for (size_t i = 0; i < findings_.size(); ++i) {
        if (!findings_[i].owned()) continue;
        record_.rollback_audit_outcomes.push_back({.table_key = record_.tables[i].table_key,
                                                   .from_version = findings_[i].head_version(),
                                                   .to_version = findings_[i].pin});
      }
      OG_RETURN_IF_ERROR(context_.records.Rewrite(record_));
    }
    PublishRequest request;
    request.branch = record_.branch;
    request.commit.graph_commit_id = record_.rollback_graph_commit_id;
    request.commit.actor_id = std::string(kRecoveryActor);
    request.commit.created_at_us = record_.started_at_us;
    for (size_t i = 0; i < findings_.size(); ++i) {
      if (!findings_[i].owned()) continue;
      OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr restored, Restored(findings_[i]));
      const RecordedTable& table = record_.tables[i];
      request.versions.push_back({.identity = table.identity,
                                  .table_key = table.table_key,
                                  .version = restored->version(),
                                  .branch = table.branch,
                                  .row_count = restored->num_rows(),
                                  .metadata = MetadataOf(context_, *restored)});
    }
    OG_CRASH_POINT(context_.env, "recovery.post_table_restore_pre_publish");
    OG_RETURN_IF_ERROR(context_.manifest.Publish(request).status());
    OG_CRASH_POINT(context_.env, "recovery.post_rollback_publish_pre_audit");
    return Settle(record_.rollback_graph_commit_id, RecoveryKind::kRolledBack,
                  record_.rollback_audit_outcomes);
  }

  // The newest version of the table with the content that is published.
  absl::StatusOr<dataset::DatasetPtr> Restored(const TableFinding& finding) const {
    if (finding.ownership == Ownership::kCompensatedAtHead) return finding.head;
    OG_ASSIGN_OR_RETURN(const dataset::StagedTransaction staged,
                        finding.head->StageRestore(finding.pin, {}));
    return finding.head->CommitExact(staged);
  }

  // The fixed outcome is visible already: check that it is what the record meant, and settle.
  absl::StatusOr<Outcome> Finalize() {
    const CommitInfo* const original = Original();
    const CommitInfo* const rollback = Rollback();
    if (original != nullptr && rollback != nullptr) {
      return Stop("finds both its commit and its rollback published");
    }
    if (rollback != nullptr) {
      return Settle(rollback->graph_commit_id, RecoveryKind::kRolledBack,
                    record_.rollback_audit_outcomes);
    }
    if (original->graph_branch != record_.branch ||
        original->actor_id != record_.lineage.actor_id ||
        original->merged_parent_commit_id != record_.lineage.merged_parent_commit_id ||
        original->created_at_us != record_.lineage.created_at_us ||
        (record_.authority.graph_head.has_value() &&
         original->parent_commit_id != record_.authority.graph_head)) {
      return Stop("does not match the published commit of its id");
    }
    OG_ASSIGN_OR_RETURN(const ManifestView then,
                        context_.manifest.OpenAt(record_.branch, original->graph_manifest_version));
    for (const RecordedTable& table : record_.tables) {
      const TableEntry* const entry = then.state.Find(table.identity);
      if (entry == nullptr || !table.confirmed.has_value() ||
          entry->version != table.confirmed->version || entry->branch != table.confirmed->branch ||
          entry->row_count != table.confirmed->row_count ||
          !(entry->metadata == table.confirmed->metadata)) {
        return Stop("does not match the published tables of its commit");
      }
    }
    return Settle(original->graph_commit_id, RecoveryKind::kRolledForward, ForwardOutcomes());
  }

  absl::StatusOr<Outcome> DiscardOrphan() {
    PublishRequest request;
    request.commit.graph_commit_id = context_.env.NewUlid();
    request.commit.actor_id = std::string(kRecoveryActor);
    request.commit.created_at_us = context_.env.NowUs();
    OG_RETURN_IF_ERROR(context_.manifest.Publish(request).status());
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

absl::StatusOr<SweepResult> SweepRecords(const GraphContext& context, SweepMode mode) {
  SweepResult result;
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> listed, context.records.List());
  if (listed.empty()) return result;
  OG_CRASH_POINT(context.env, "recovery.post_list_pre_gates");
  const io::GateHold gate = context.gates->schema().Exclusive(context.env);
  // From here on no writer of this machine has a record of its own.
  OG_ASSIGN_OR_RETURN(const io::FolderHold hold, HoldRoot(context));
  OG_ASSIGN_OR_RETURN(const std::vector<std::string> ids, context.records.List());
  for (const std::string& id : ids) {
    OG_ASSIGN_OR_RETURN(std::optional<RecoveryRecord> record, context.records.Read(id));
    if (!record.has_value()) continue;
    OG_ASSIGN_OR_RETURN(const Outcome outcome, RecordResolver(context, mode, *record).Run());
    if (outcome == Outcome::kResolved) {
      ++result.num_resolved;
    } else {
      result.unresolved.push_back(*std::move(record));
    }
  }
  return result;
}

}  // namespace og::engine::graph
