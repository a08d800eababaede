// The window of effects of a write: from its gates to the removal of its record.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/dataset/exact_commit.h"
#include "engine/graph/branch/table_fork.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/record_publish.h"
#include "engine/graph/recovery/resolve.h"
#include "engine/graph/recovery/sweep.h"
#include "engine/graph/write_session.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"
#include "io/env/together.h"

namespace og::engine::graph {
namespace {

using Tasks = std::vector<std::function<absl::Status()>>;

RecordedTable RecordedChange(const GraphContext& context, const WriteBase& base, WriterKind kind,
                             const TableChange& change) {
  RecordedTable table;
  table.identity = change.entry.identity;
  table.table_key = change.entry.table_key;
  table.table_uri = io::StrCat(context.root_uri, "/", change.entry.path);
  table.expected_version = change.entry.version;
  table.branch = base.manifest.branch;
  table.post_commit_pin = change.entry.version + 1;
  table.planned.push_back({.read_version = change.staged.transaction.read_version,
                           .uuid = change.staged.transaction.uuid});
  if (kind == WriterKind::kBranchMerge && NeedsFork(change.entry, base.manifest.branch)) {
    table.source_fork_version = change.entry.version;
  }
  return table;
}

RecoveryRecord MakeRecord(const GraphContext& context, const WriteBase& base,
                          const WriteIntent& intent) {
  RecoveryRecord record;
  record.operation_id = context.env.NewUlid();
  record.started_at_us = context.env.NowUs();
  record.branch = base.manifest.branch;
  record.actor_id = intent.actor_id;
  record.kind = intent.kind;
  record.authority = base.authority;
  record.lineage.graph_commit_id = context.env.NewUlid();
  record.lineage.branch = base.manifest.branch;
  record.lineage.actor_id = intent.actor_id;
  record.lineage.created_at_us = record.started_at_us;
  record.rollback_graph_commit_id = context.env.NewUlid();
  record.lineage.merged_parent_commit_id = intent.merged_parent_commit_id;
  for (const TableChange& change : intent.tables)
    record.tables.push_back(RecordedChange(context, base, intent.kind, change));
  for (const PointerChange& pointer : intent.pointers) {
    record.pointers.push_back({.identity = pointer.entry.identity,
                               .table_key = pointer.entry.table_key,
                               .expected_version = pointer.entry.version,
                               .branch = pointer.adopted.branch,
                               .confirmed = std::nullopt});
  }
  return record;
}

ConfirmedTable ConfirmedOf(const TableEntry& adopted) {
  return {.version = adopted.version,
          .branch = adopted.branch,
          .row_count = adopted.row_count,
          .metadata = adopted.metadata};
}

// Whether the branch was written to by someone who does not share our gates.
bool IsLostRace(const absl::Status& status) {
  const std::optional<io::ErrorDetail> detail = io::DetailOf(status);
  return detail.has_value() && (detail->kind == io::ErrorKind::kReadSetChanged ||
                                detail->kind == io::ErrorKind::kVersionMismatch);
}

class EffectWindow {
 public:
  EffectWindow(const GraphContext& context, const WriteBase& base, WriteIntent intent,
               WriteTurn turn)
      : context_(context),
        base_(base),
        intent_(std::move(intent)),
        turn_(turn.is_held() ? std::move(turn) : TakeTurn(context, base.manifest.branch)),
        record_(MakeRecord(context, base, intent_)),
        live_(context.gates->live().Enter(record_.operation_id)) {}

  absl::StatusOr<CommitInfo> Run() {
    absl::Status refused = Revalidate();
    if (refused.ok() && !intent_.tables.empty()) refused = Arm();
    if (!refused.ok()) return GiveUp(refused);
    // The record was armed without confirmations.
    for (size_t i = 0; i < record_.pointers.size(); ++i)
      record_.pointers[i].confirmed = ConfirmedOf(intent_.pointers[i].adopted);
    if (intent_.tables.empty()) return PublishAlone();
    OG_RETURN_IF_ERROR(CommitTables());
    absl::StatusOr<ManifestView> published = ConfirmAndPublish();
    if (!published.ok() && IsLostRace(published.status())) {
      return TakeBack(published.status());
    }
    if (!published.ok()) return Unfinished(published.status());
    Settle();
    return CommitOf(*published);
  }

 private:
  bool is_merge() const { return intent_.kind == WriterKind::kBranchMerge; }
  bool needs_fork(size_t i) const {
    return NeedsFork(intent_.tables[i].entry, base_.manifest.branch);
  }
  absl::Status RunTogether(const Tasks& tasks) const {
    return io::RunTogether(context_.env, *context_.root.store, tasks);
  }
  absl::Status Sync(const std::vector<std::string>& files) const {
    return FromStorage(context_.root.store->Sync(files, context_.env.durability()));
  }

  // --- Before the record -----------------------------------------------------------------------

  absl::Status Revalidate() {
    OG_CRASH_POINT(context_.env, "mutation.post_stage_pre_effect_gate");
    OG_RETURN_IF_ERROR(turn_.hold.status());
    OG_RETURN_IF_ERROR(CheckKnown());
    Tasks tasks = {[this] { return CheckNoUnfinished(); },
                   [this] { return CheckAuthority(context_, base_); }};
    if (!intent_.tables.empty() && HasLeases(context_)) {
      tasks.push_back([this]() -> absl::Status {
        OG_ASSIGN_OR_RETURN(record_.writer_lease, context_.gates->lease().Renew());
        return absl::OkStatus();
      });
    }
    for (size_t i = 0; i < intent_.tables.size(); ++i)
      tasks.push_back([this, i] { return CheckTable(i); });
    if (intent_.still_holds) tasks.push_back(intent_.still_holds);
    return RunTogether(tasks);
  }

  // Whether another writer of this process has published meanwhile, without asking.
  absl::Status CheckKnown() const {
    const auto known = context_.manifest.Known(base_.manifest.branch);
    if (known == nullptr || known->version() <= base_.manifest.version() ||
        !(known->identifier == base_.manifest.identifier) || base_.caller_head.has_value()) {
      return absl::OkStatus();
    }
    return ReadSetChanged(io::StrCat("graph_head:", BranchName(base_.manifest.branch)),
                          base_.manifest.head(), known->head());
  }

  // No unfinished write to the branch, and no change of the schema.
  absl::Status CheckNoUnfinished() const {
    OG_ASSIGN_OR_RETURN(std::vector<std::string> ids, context_.records.List());
    ids = OthersRecords(context_, std::move(ids));
    std::vector<std::optional<RecoveryRecord>> records(ids.size());
    Tasks reads;
    for (size_t i = 0; i < ids.size(); ++i) {
      reads.push_back([&, i]() -> absl::Status {
        OG_ASSIGN_OR_RETURN(records[i], context_.records.Read(ids[i]));
        return absl::OkStatus();
      });
    }
    OG_RETURN_IF_ERROR(RunTogether(reads));
    for (const std::optional<RecoveryRecord>& record : records) {
      if (!record.has_value()) continue;
      const absl::Status blocked = CheckUnresolved({&*record, 1}, base_.manifest.branch);
      if (blocked.ok()) continue;
      OG_ASSIGN_OR_RETURN(const bool may_live, WriterMayLive(context_, *record));
      if (!may_live) return blocked;
      return ReadSetChanged(io::StrCat("unfinished_write:", BranchName(base_.manifest.branch)),
                            std::nullopt, record->operation_id);
    }
    return absl::OkStatus();
  }

  absl::Status CheckTable(size_t i) const {
    const TableChange& change = intent_.tables[i];
    const uint64_t read_version = change.staged.transaction.read_version;
    if (read_version != change.entry.version) {
      return ReadSetChanged(io::StrCat("published_dataset_version:", change.entry.table_key),
                            io::StrCat(change.entry.version), io::StrCat(read_version));
    }
    if (needs_fork(i)) return absl::OkStatus();
    return CheckNoDrift(context_, base_, change.entry, *change.dataset);
  }

  // Makes the record durable, and beside it the files that the versions to come name.
  absl::Status Arm() {
    std::vector<std::string> files;
    for (const TableChange& table : intent_.tables)
      files.insert(files.end(), table.staged.files.begin(), table.staged.files.end());
    commits_.resize(intent_.tables.size());
    std::vector<std::string> transactions(intent_.tables.size());
    Tasks tasks = {[this]() -> absl::Status {
      OG_ASSIGN_OR_RETURN(armed_, context_.records.Arm(record_));
      return absl::OkStatus();
    }};
    for (size_t i = 0; i < intent_.tables.size(); ++i) {
      if (needs_fork(i)) continue;
      absl::StatusOr<dataset::ExactCommit> commit =
          dataset::ExactCommit::Prepare(intent_.tables[i].dataset, intent_.tables[i].staged);
      OG_RETURN_IF_ERROR(FromStorage(commit.status()));
      commits_[i] = *std::move(commit);
      tasks.push_back([&, i]() -> absl::Status {
        absl::StatusOr<std::string> file = commits_[i]->WriteTransaction();
        OG_RETURN_IF_ERROR(FromStorage(file.status()));
        transactions[i] = *std::move(file);
        return absl::OkStatus();
      });
    }
    OG_RETURN_IF_ERROR(RunTogether(tasks));
    std::erase(transactions, "");
    files.insert(files.end(), transactions.begin(), transactions.end());
    return Sync(files);
  }

  // Nothing has taken effect: what is staged goes, and so does the record if it was made.
  absl::Status GiveUp(const absl::Status& why) {
    if (!armed_.empty()) {
      const absl::Status removed = context_.records.Remove(record_.operation_id);
      if (!removed.ok()) return Unfinished(why);
    }
    DiscardWrite(intent_);
    return why;
  }

  // --- The effects -----------------------------------------------------------------------------

  absl::Status CommitTables() {
    const absl::Status stopped = PassPoint(is_merge() ? "branch_merge.post_sidecar_pre_fork"
                                                      : "mutation.post_sidecar_pre_fork");
    if (!stopped.ok()) return Unfinished(stopped);
    committed_.resize(intent_.tables.size());
    std::vector<absl::Status> results(intent_.tables.size());
    Tasks tasks;
    for (size_t i = 0; i < intent_.tables.size(); ++i) {
      tasks.push_back([&, i] {
        results[i] = CommitTable(i);
        return results[i];
      });
    }
    const absl::Status committed = RunTogether(tasks);
    if (committed.ok()) return committed;
    const auto is_lost = [](const absl::Status& status) { return absl::IsAborted(status); };
    if (std::ranges::none_of(results, is_lost)) return Unfinished(committed);
    // Another writer made a version that this one wanted to make.
    const std::string& table_key = record_.tables[0].table_key;
    const absl::Status lost =
        ReadSetChanged(io::StrCat("published_dataset_version:", table_key),
                       io::StrCat(record_.tables[0].expected_version), std::nullopt);
    if (!std::ranges::all_of(results, is_lost)) {
      const absl::StatusOr<CommitInfo> taken_back = TakeBack(lost);
      return taken_back.ok() ? lost : taken_back.status();
    }
    OG_RETURN_IF_ERROR(context_.records.Remove(record_.operation_id));
    DiscardWrite(intent_);
    return lost;
  }

  // The effect on one table: its ref if the branch has none yet, then the planned transaction.
  absl::Status CommitTable(size_t i) {
    absl::StatusOr<dataset::DatasetPtr> committed =
        needs_fork(i) ? CommitToFork(i) : commits_[i]->Publish();
    OG_RETURN_IF_ERROR(committed.status());
    committed_[i] = *std::move(committed);
    record_.tables[i].confirmed = ConfirmedTable{.version = committed_[i]->version(),
                                                 .branch = record_.tables[i].branch,
                                                 .row_count = committed_[i]->num_rows(),
                                                 .metadata = MetadataOf(context_, *committed_[i])};
    OG_CRASH_POINT(context_.env, "mutation.post_table_commit");
    return absl::OkStatus();
  }

  absl::StatusOr<dataset::DatasetPtr> CommitToFork(size_t i) const {
    const TableChange& change = intent_.tables[i];
    const std::string& branch = *base_.manifest.branch;
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr source,
                        OpenForWrite(context_, change.entry.branch, change.entry));
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr fork,
                        ForkTable(context_, *source, change.entry.identity, branch));
    OG_CRASH_POINT(context_.env, "mutation.post_fork_pre_commit");
    return fork->CommitExact(change.staged);
  }

  // --- Confirming and publishing -----------------------------------------------------------------

  absl::StatusOr<ManifestView> ConfirmAndPublish() {
    if (is_merge()) {
      OG_RETURN_IF_ERROR(PassPoint("branch_merge.post_effects_pre_confirm"));
    }
    const PublishRequest request = PublishOf(record_);
    std::optional<StagedPublish> staged;
    Tasks tasks = {[this] { return Confirm(); },
                   [&]() -> absl::Status {
                     OG_ASSIGN_OR_RETURN(staged, context_.manifest.Stage(request, base_.manifest));
                     return absl::OkStatus();
                   },
                   [this] { return CheckIncarnation(); }};
    for (const auto& commit : commits_) {
      if (!commit.has_value()) continue;
      tasks.push_back([&commit]() -> absl::Status {
        commit->WriteHint();
        return absl::OkStatus();
      });
    }
    OG_RETURN_IF_ERROR(RunTogether(tasks));
    OG_RETURN_IF_ERROR(PassPoint(is_merge() ? "branch_merge.post_phase_b_pre_manifest_commit"
                                            : "mutation.post_finalize_pre_publisher"));
    OG_ASSIGN_OR_RETURN(ManifestView published, context_.manifest.Publish(request, *staged));
    hint_ = *std::move(staged);
    return published;
  }

  absl::Status PassPoint(const char* name) const {
    OG_CRASH_POINT(context_.env, name);
    return absl::OkStatus();
  }

  // Notes in the record what the write made of its tables, as it is to be published.
  absl::Status Confirm() {
    for (RecordedTable& table : record_.tables) {
      if (!table.source_fork_version.has_value()) continue;
      const io::Location root =
          context_.root.Child(CanonicalTablePath(table.table_key, table.identity));
      OG_ASSIGN_OR_RETURN(auto ref, ReadBranchRef(root, *table.branch));
      if (!ref.has_value()) {
        return InternalFault(io::StrCat("the ref of ", table.table_key, " is gone"));
      }
      table.confirmed_branch_identifier = std::move(ref->identifier);
    }
    record_.effects_confirmed = true;
    return context_.records.Rewrite(record_, armed_);
  }

  // A branch may have been deleted on another machine and made again at the same version; main is
  // always the same.
  absl::Status CheckIncarnation() const {
    if (!base_.manifest.branch.has_value() || !HasLeases(context_)) return absl::OkStatus();
    return CheckBranchUnchanged(context_, base_);
  }

  // A commit without effects on tables.
  absl::StatusOr<CommitInfo> PublishAlone() const {
    const PublishRequest request = PublishOf(record_);
    OG_ASSIGN_OR_RETURN(const StagedPublish staged,
                        context_.manifest.Stage(request, base_.manifest));
    OG_ASSIGN_OR_RETURN(const ManifestView published, context_.manifest.Publish(request, staged));
    staged.WriteHint();
    return CommitOf(published);
  }

  absl::StatusOr<CommitInfo> CommitOf(const ManifestView& published) const {
    const std::string& id = record_.lineage.graph_commit_id;
    const CommitInfo* const commit = published.state.FindCommit(id);
    if (commit == nullptr) {
      return InternalFault(io::StrCat("published commit ", id, " is not in its manifest"));
    }
    return *commit;
  }

  // --- After the acknowledgement -----------------------------------------------------------------

  // The write is visible and durable. A record that stays is retired by the next writer.
  void Settle() const {
    for (size_t i = 0; i < intent_.tables.size(); ++i) {
      TableEntry entry = intent_.tables[i].entry;
      const ConfirmedTable& confirmed = *record_.tables[i].confirmed;
      entry.version = confirmed.version;
      entry.branch = confirmed.branch;
      entry.metadata = confirmed.metadata;
      context_.tables->Keep(entry, committed_[i]);
    }
    RunTogether({[this] { return context_.records.Remove(record_.operation_id); },
                 [this]() -> absl::Status {
                   hint_->WriteHint();
                   return absl::OkStatus();
                 }})
        .IgnoreError();
  }

  // Leaves the record to recovery.
  absl::Status Unfinished(const absl::Status& why) const {
    return RecoveryRequired(record_.operation_id, io::Message(why));
  }

  // The write lost after its effects had begun: its record is resolved at once, in the window that
  // it still has. `lost`, unless recovery elsewhere has finished the write.
  absl::StatusOr<CommitInfo> TakeBack(const absl::Status& lost) const {
    const auto stored = context_.records.Read(record_.operation_id);
    if (!stored.ok()) return Unfinished(lost);
    if (stored->has_value()) {
      const auto outcome = ResolveRecord(context_, SweepMode::kFull, **stored);
      if (!outcome.ok() || *outcome != Outcome::kResolved) return Unfinished(lost);
    }
    OG_ASSIGN_OR_RETURN(const ManifestView now, context_.manifest.Open(base_.manifest.branch));
    const CommitInfo* const commit = now.state.FindCommit(record_.lineage.graph_commit_id);
    return commit != nullptr ? absl::StatusOr<CommitInfo>(*commit) : lost;
  }

  const GraphContext& context_;
  const WriteBase& base_;
  const WriteIntent intent_;
  const WriteTurn turn_;
  RecoveryRecord record_;
  const LiveWrites::Entry live_;
  std::string armed_;  // the token of the record as it is stored
  std::vector<std::optional<dataset::ExactCommit>> commits_;  // one a table; none for a new ref
  std::vector<dataset::DatasetPtr> committed_;
  std::optional<StagedPublish> hint_;
};

}  // namespace

absl::StatusOr<CommitInfo> CommitWrite(const GraphContext& context, const WriteBase& base,
                                       WriteIntent intent, WriteTurn turn) {
  return EffectWindow(context, base, std::move(intent), std::move(turn)).Run();
}

void DiscardWrite(const WriteIntent& intent) {
  for (const TableChange& change : intent.tables)
    change.dataset->Discard(change.staged);
}

}  // namespace og::engine::graph
