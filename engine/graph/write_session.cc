#include "engine/graph/write_session.h"

#include <functional>
#include <utility>

#include "engine/dataset/exact_commit.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/sweep.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/together.h"

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

absl::Status CheckSchema(const GraphContext& context, const WriteBase& base) {
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

absl::Status CheckBranchUnchanged(const GraphContext& context, const WriteBase& base) {
  const std::string_view branch = BranchName(base.manifest.branch);
  OG_ASSIGN_OR_RETURN(const bool current, context.manifest.IsCurrent(base.manifest));
  if (current) return absl::OkStatus();
  OG_ASSIGN_OR_RETURN(const ManifestView now, context.manifest.OpenPresent(base.manifest.branch));
  if (!(now.identifier == base.manifest.identifier)) {
    return ReadSetChanged(io::StrCat("branch_identifier:", branch),
                          EncodeBranchIdentifier(base.manifest.identifier),
                          EncodeBranchIdentifier(now.identifier));
  }
  OG_RETURN_IF_ERROR(CheckCallerHead(base.caller_head, now));
  if (now.head() == base.manifest.head()) return absl::OkStatus();
  return ReadSetChanged(io::StrCat("graph_head:", branch), base.manifest.head(), now.head());
}

absl::Status CheckAuthority(const GraphContext& context, const WriteBase& base) {
  return io::RunTogether(context.env, *context.root.store,
                         {[&] { return CheckNoSchemaChange(context); },
                          [&] { return CheckBranchUnchanged(context, base); },
                          [&] { return CheckSchema(context, base); }});
}

WriteTurn TakeTurn(const GraphContext& context, const std::optional<std::string>& branch) {
  WriteTurn turn;
  turn.schema_gate = context.gates->schema().Shared(context.env);
  turn.branch_gate = context.gates->branch(BranchName(branch)).Exclusive(context.env);
  turn.hold = HoldBranch(context, branch);
  return turn;
}

absl::StatusOr<WriteBase> BeginWrite(const GraphContext& context,
                                     const std::optional<std::string>& branch,
                                     const std::optional<std::string>& caller_head,
                                     WriteTurn* turn) {
  absl::StatusOr<WriteBase> base;
  bool is_clean = false;
  const auto list_records = [&]() -> absl::Status {
    OG_ASSIGN_OR_RETURN(std::vector<std::string> ids, context.records.List());
    is_clean = OthersRecords(context, std::move(ids)).empty();
    return absl::OkStatus();
  };
  const auto capture = [&] {
    base = PrepareWrite(context, branch, caller_head);
    return absl::OkStatus();
  };
  OG_RETURN_IF_ERROR(io::RunTogether(context.env, *context.root.store, {list_records, capture}));
  if (is_clean) return base;
  if (turn != nullptr) *turn = {};
  OG_ASSIGN_OR_RETURN(const SweepResult swept,
                      SweepRecords(context, SweepMode::kRollForwardOnly, {&branch, 1}));
  OG_RETURN_IF_ERROR(CheckUnresolved(swept.unresolved, branch));
  return PrepareWrite(context, branch, caller_head);
}

absl::StatusOr<WriteBase> PrepareWrite(const GraphContext& context,
                                       const std::optional<std::string>& branch,
                                       const std::optional<std::string>& caller_head) {
  for (int i = 0; i < kCaptureTries; ++i) {
    AcceptedSchema schema;
    ManifestView manifest;
    const StateBinding binding = BindState(context);
    const std::vector<std::function<absl::Status()>> reads = {
        [&] { return CheckNoSchemaChange(context); },
        [&]() -> absl::Status {
          OG_ASSIGN_OR_RETURN(schema, context.contract->Read(context.root));
          return absl::OkStatus();
        },
        [&]() -> absl::Status {
          OG_ASSIGN_OR_RETURN(manifest, context.manifest.OpenPresent(branch));
          return absl::OkStatus();
        }};
    if (i == 0) {
      OG_RETURN_IF_ERROR(io::RunTogether(context.env, *context.root.store, reads));
    } else {
      for (const auto& read : reads)
        OG_RETURN_IF_ERROR(read());
    }
    const absl::Status fits = CheckTables(schema.ir, manifest.state.tables(), manifest.version());
    if (!fits.ok()) {
      if (i == 0) continue;  // the two may be of different times
      // Unless it has changed between the two reads, the schema contradicts what is published.
      OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(context.root));
      if (!(state == schema.state)) continue;
      return fits;
    }
    OG_RETURN_IF_ERROR(CheckCallerHead(caller_head, manifest));
    AuthorityToken authority = MakeAuthority(schema, manifest.identifier, manifest.head());
    ReadPins::Pin pin = PinState(context, manifest);
    return WriteBase{.manifest = std::move(manifest),
                     .schema = std::move(schema),
                     .authority = std::move(authority),
                     .pin = std::move(pin),
                     .caller_head = caller_head};
  }
  return ReadSetChanged(io::StrCat("write_authority:", BranchName(branch)), std::nullopt,
                        std::nullopt);
}

absl::Status CheckNoDrift(const GraphContext& context, const WriteBase& base,
                          const TableEntry& entry, const dataset::Dataset& pinned) {
  const absl::StatusOr<bool> is_newest = dataset::IsNewest(pinned);
  OG_RETURN_IF_ERROR(FromStorage(is_newest.status()));
  if (*is_newest && pinned.version() == entry.version) return absl::OkStatus();
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
  const WriteTurn turn = TakeTurn(context, base.manifest.branch);
  OG_RETURN_IF_ERROR(turn.hold.status());
  return CheckAuthority(context, base);
}

}  // namespace og::engine::graph
