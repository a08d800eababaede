#include "engine/graph/write_session.h"

#include <utility>

#include "engine/graph/branch/table_fork.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/record_publish.h"
#include "engine/graph/snapshot.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr int kCaptureTries = 8;

absl::Status CheckNoSchemaChange(const GraphContext& context) {
  OG_ASSIGN_OR_RETURN(const auto lock,
                      ReadBranchRef(context.manifest.root(), kSchemaApplyLockBranch));
  if (!lock.has_value()) return absl::OkStatus();
  return Conflict("write is unavailable while schema apply is in progress");
}

std::optional<std::string> EffectiveHead(const ManifestView& view) {
  if (view.head().has_value()) return view.head();
  const CommitInfo* const newest = view.state.NewestCommit();
  return newest == nullptr ? std::nullopt : std::optional(newest->graph_commit_id);
}

absl::Status CheckCallerHead(const std::optional<std::string>& caller_head,
                             const ManifestView& view) {
  if (!caller_head.has_value()) return absl::OkStatus();
  const std::optional<std::string> head = EffectiveHead(view);
  return head == caller_head ? absl::OkStatus()
                             : PreconditionFailed(BranchName(view.branch), *caller_head, head);
}

absl::Status CheckAuthority(const GraphContext& context, const WriteBase& base) {
  OG_RETURN_IF_ERROR(CheckNoSchemaChange(context));
  const std::string_view branch = BranchName(base.manifest.branch);
  OG_ASSIGN_OR_RETURN(const bool current, context.manifest.IsCurrent(base.manifest));
  if (!current) {
    OG_ASSIGN_OR_RETURN(const ManifestView now, context.manifest.OpenPresent(base.manifest.branch));
    if (!(now.identifier == base.manifest.identifier)) {
      return ReadSetChanged(io::StrCat("branch_identifier:", branch),
                            EncodeBranchIdentifier(base.manifest.identifier),
                            EncodeBranchIdentifier(now.identifier));
    }
    OG_RETURN_IF_ERROR(CheckCallerHead(base.caller_head, now));
    if (now.head() != base.manifest.head()) {
      return ReadSetChanged(io::StrCat("graph_head:", branch), base.manifest.head(), now.head());
    }
  }
  OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(context.root));
  if (state.ir_hash != base.schema.state.ir_hash) {
    return ReadSetChanged("schema_ir_hash", base.schema.state.ir_hash, state.ir_hash);
  }
  if (state.identity_domain != base.schema.state.identity_domain) {
    return ReadSetChanged("schema_identity_domain", base.schema.state.identity_domain,
                          state.identity_domain);
  }
  return absl::OkStatus();
}

// Staged files of all tables, in one barrier.
absl::Status SyncStaged(const GraphContext& context, const WriteIntent& intent) {
  std::vector<std::string> files;
  for (const TableChange& table : intent.tables) {
    files.insert(files.end(), table.staged.files.begin(), table.staged.files.end());
  }
  return FromStorage(context.root.store->Sync(files, context.env.durability()));
}

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

// The effect of one table: its ref if the branch has none yet, then the planned transaction.
absl::StatusOr<dataset::DatasetPtr> ApplyEffect(const GraphContext& context,
                                                const TableChange& change,
                                                const RecordedTable& table) {
  if (!NeedsFork(change.entry, table.branch)) return change.dataset->CommitExact(change.staged);
  OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr source,
                      OpenPinned(context.env, context.root, change.entry, context.session));
  OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr fork,
                      ForkTable(context, *source, table.identity, *table.branch));
  OG_CRASH_POINT(context.env, "mutation.post_fork_pre_commit");
  return fork->CommitExact(change.staged);
}

ConfirmedTable ConfirmedOf(const TableEntry& adopted) {
  return {.version = adopted.version,
          .branch = adopted.branch,
          .row_count = adopted.row_count,
          .metadata = adopted.metadata};
}

// Notes what the write made of its tables, as it is to be published.
absl::Status ConfirmForks(const GraphContext& context, RecoveryRecord& record) {
  for (RecordedTable& table : record.tables) {
    if (!table.source_fork_version.has_value()) continue;
    const io::Location root =
        context.root.Child(CanonicalTablePath(table.table_key, table.identity));
    OG_ASSIGN_OR_RETURN(auto ref, ReadBranchRef(root, *table.branch));
    if (!ref.has_value()) {
      return InternalFault(io::StrCat("the ref of ", table.table_key, " is gone"));
    }
    table.confirmed_branch_identifier = std::move(ref->identifier);
  }
  return absl::OkStatus();
}

// The armed part of a write. `armed`: the token of the record as it is stored. Every failure in
// here is the record's to resolve.
absl::Status ApplyEffects(const GraphContext& context, const WriteIntent& intent,
                          const std::string& armed, RecoveryRecord& record) {
  const bool is_merge = intent.kind == WriterKind::kBranchMerge;
  if (is_merge) {
    OG_CRASH_POINT(context.env, "branch_merge.post_sidecar_pre_fork");
  } else {
    OG_CRASH_POINT(context.env, "mutation.post_sidecar_pre_fork");
  }
  for (size_t i = 0; i < intent.tables.size(); ++i) {
    OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr committed,
                        ApplyEffect(context, intent.tables[i], record.tables[i]));
    record.tables[i].confirmed = ConfirmedTable{.version = committed->version(),
                                                .branch = record.tables[i].branch,
                                                .row_count = committed->num_rows(),
                                                .metadata = MetadataOf(context, *committed)};
    OG_CRASH_POINT(context.env, "mutation.post_table_commit");
  }
  if (is_merge) OG_CRASH_POINT(context.env, "branch_merge.post_effects_pre_confirm");
  OG_RETURN_IF_ERROR(ConfirmForks(context, record));
  record.effects_confirmed = true;
  OG_RETURN_IF_ERROR(context.records.Rewrite(record, armed));
  if (is_merge) {
    OG_CRASH_POINT(context.env, "branch_merge.post_phase_b_pre_manifest_commit");
  } else {
    OG_CRASH_POINT(context.env, "mutation.post_finalize_pre_publisher");
  }
  return absl::OkStatus();
}

absl::StatusOr<CommitInfo> Published(const absl::StatusOr<ManifestView>& view,
                                     const std::string& commit_id) {
  OG_RETURN_IF_ERROR(view.status());
  const CommitInfo* const commit = view->state.FindCommit(commit_id);
  if (commit == nullptr) {
    return InternalFault(io::StrCat("published commit ", commit_id, " is not in its manifest"));
  }
  return *commit;
}

}  // namespace

absl::Status CheckUnresolved(std::span<const RecoveryRecord> records,
                             const std::optional<std::string>& branch) {
  for (const RecoveryRecord& record : records) {
    if (record.kind != WriterKind::kSchemaApply && record.branch != branch) continue;
    return RecoveryRequired(
        record.operation_id,
        io::StrCat("pending ", WriterKindName(record.kind), " recovery operation on branch '",
                   BranchName(record.branch),
                   "' blocks the synchronous write/control recovery barrier (branch '",
                   BranchName(branch), "'); reopen the graph read-write before retrying"));
  }
  return absl::OkStatus();
}

std::optional<std::string> WriteBase::effective_head() const {
  return EffectiveHead(manifest);
}

bool MayPrepareAgain(const absl::Status& status) {
  const std::optional<io::ErrorDetail> detail = io::DetailOf(status);
  return detail.has_value() && detail->kind == io::ErrorKind::kReadSetChanged;
}

absl::StatusOr<WriteBase> PrepareWrite(const GraphContext& context,
                                       const std::optional<std::string>& branch,
                                       const std::optional<std::string>& caller_head) {
  for (int i = 0; i < kCaptureTries; ++i) {
    OG_RETURN_IF_ERROR(CheckNoSchemaChange(context));
    OG_ASSIGN_OR_RETURN(AcceptedSchema schema, context.contract->Read(context.root));
    OG_ASSIGN_OR_RETURN(ManifestView manifest, context.manifest.OpenPresent(branch));
    const absl::Status fits = CheckTables(schema.ir, manifest.state.tables(), manifest.version());
    if (!fits.ok()) {
      // Unless it has changed between the two reads, the schema contradicts what is published.
      OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(context.root));
      if (!(state == schema.state)) continue;
      return fits;
    }
    OG_RETURN_IF_ERROR(CheckCallerHead(caller_head, manifest));
    AuthorityToken authority = MakeAuthority(schema, manifest.identifier, manifest.head());
    return WriteBase{.manifest = std::move(manifest),
                     .schema = std::move(schema),
                     .authority = std::move(authority),
                     .caller_head = caller_head};
  }
  return ReadSetChanged(io::StrCat("write_authority:", BranchName(branch)), std::nullopt,
                        std::nullopt);
}

absl::Status CheckNoDrift(const GraphContext& context, const WriteBase& base,
                          const TableEntry& entry, const dataset::Dataset& pinned) {
  const absl::StatusOr<uint64_t> newest = pinned.LatestVersion();
  OG_RETURN_IF_ERROR(FromStorage(newest.status()));
  const uint64_t version = *newest;
  if (version == entry.version) return absl::OkStatus();
  if (version < entry.version) {
    return InternalFault(io::StrCat(Subject(entry.table_key), " is at Lance HEAD version ", version,
                                    ", below published dataset version ", entry.version));
  }
  const std::string drift =
      io::StrCat(Subject(entry.table_key), " is at Lance HEAD version ", version,
                 ", ahead of published dataset version ", entry.version);
  const absl::StatusOr<std::vector<RecoveryRecord>> records = context.records.ReadAll();
  if (!records.ok()) {
    return Conflict(io::StrCat(
        drift,
        "; could not classify the drift (sidecar listing failed: ", io::Message(records.status()),
        "); run `omnigraph repair`, or reopen the graph read-write if repair reports a pending "
        "recovery sidecar"));
  }
  for (const RecoveryRecord& record : *records) {
    for (const RecordedTable& table : record.tables) {
      if (table.identity == entry.identity && table.branch == entry.branch) {
        return RecoveryRequired(record.operation_id,
                                io::StrCat(drift,
                                           "; the pending recovery operation owns this "
                                           "drift"));
      }
    }
  }
  // Without a record someone may just have published over the captured base.
  OG_ASSIGN_OR_RETURN(const bool current, context.manifest.IsCurrent(base.manifest));
  if (!current) {
    return ReadSetChanged(io::StrCat("published_dataset_version:", entry.table_key),
                          io::StrCat(entry.version), io::StrCat(version));
  }
  return Conflict(io::StrCat(drift, "; run `omnigraph repair` before writing"));
}

absl::Status ConfirmUnchanged(const GraphContext& context, const WriteBase& base) {
  OG_CRASH_POINT(context.env, "mutation.post_no_effect_pre_gate");
  io::GateHold schema_gate = context.gates->schema().Shared(context.env);
  io::GateHold branch_gate =
      context.gates->branch(BranchName(base.manifest.branch)).Exclusive(context.env);
  const auto hold = HoldBranch(context, base.manifest.branch);
  OG_RETURN_IF_ERROR(hold.status());
  return CheckAuthority(context, base);
}

absl::StatusOr<CommitInfo> CommitWrite(const GraphContext& context, const WriteBase& base,
                                       WriteIntent intent) {
  io::GateHold schema_gate = context.gates->schema().Shared(context.env);
  io::GateHold branch_gate =
      context.gates->branch(BranchName(base.manifest.branch)).Exclusive(context.env);
  const auto hold = HoldBranch(context, base.manifest.branch);
  RecoveryRecord record = MakeRecord(context, base, intent);
  std::string armed;
  const auto refused = [&]() -> absl::Status {
    OG_CRASH_POINT(context.env, "mutation.post_stage_pre_effect_gate");
    OG_RETURN_IF_ERROR(hold.status());
    OG_ASSIGN_OR_RETURN(const std::vector<RecoveryRecord> records, context.records.ReadAll());
    OG_RETURN_IF_ERROR(CheckUnresolved(records, base.manifest.branch));
    OG_RETURN_IF_ERROR(CheckAuthority(context, base));
    for (const TableChange& change : intent.tables) {
      const uint64_t read_version = change.staged.transaction.read_version;
      if (read_version != change.entry.version) {
        return ReadSetChanged(io::StrCat("published_dataset_version:", change.entry.table_key),
                              io::StrCat(change.entry.version), io::StrCat(read_version));
      }
      if (!NeedsFork(change.entry, base.manifest.branch)) {
        OG_RETURN_IF_ERROR(CheckNoDrift(context, base, change.entry, *change.dataset));
      }
    }
    if (intent.tables.empty()) return absl::OkStatus();
    OG_RETURN_IF_ERROR(SyncStaged(context, intent));
    OG_ASSIGN_OR_RETURN(armed, context.records.Arm(record));
    return absl::OkStatus();
  }();
  if (!refused.ok()) {
    DiscardWrite(intent);
    return refused;
  }
  // The record was armed without confirmations.
  for (size_t i = 0; i < record.pointers.size(); ++i)
    record.pointers[i].confirmed = ConfirmedOf(intent.pointers[i].adopted);
  if (intent.tables.empty()) {
    return Published(context.manifest.Publish(PublishOf(record), &base.manifest),
                     record.lineage.graph_commit_id);
  }

  if (const absl::Status applied = ApplyEffects(context, intent, armed, record); !applied.ok()) {
    if (!absl::IsAborted(applied) || record.tables[0].confirmed.has_value()) {
      return RecoveryRequired(record.operation_id, io::Message(applied));
    }
    // Another writer made the version that the first table wanted: there is no effect to recover.
    OG_RETURN_IF_ERROR(context.records.Remove(record.operation_id));
    DiscardWrite(intent);
    return ReadSetChanged(io::StrCat("published_dataset_version:", record.tables[0].table_key),
                          io::StrCat(record.tables[0].expected_version), std::nullopt);
  }
  const absl::StatusOr<CommitInfo> commit = Published(
      context.manifest.Publish(PublishOf(record), &base.manifest), record.lineage.graph_commit_id);
  if (!commit.ok()) return RecoveryRequired(record.operation_id, io::Message(commit.status()));
  // The write is visible and durable. A record that stays is retired by the next writer.
  context.records.Remove(record.operation_id).IgnoreError();
  return commit;
}

void DiscardWrite(const WriteIntent& intent) {
  for (const TableChange& change : intent.tables)
    change.dataset->Discard(change.staged);
}

}  // namespace og::engine::graph
