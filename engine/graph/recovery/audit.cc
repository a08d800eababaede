#include "engine/graph/recovery/audit.h"

#include <memory>
#include <utility>

#include "engine/dataset/dataset.h"
#include "engine/graph/errors.h"
#include "format/arrow/builder.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"

namespace og::engine::graph {
namespace {

using format::Field;

constexpr int kAppendTries = 5;

std::string_view KindText(RecoveryKind kind) {
  switch (kind) {
    case RecoveryKind::kRolledForward:
      return "RolledForward";
    case RecoveryKind::kRolledBack:
      return "RolledBack";
    case RecoveryKind::kOrphanedBranchDiscarded:
      break;
  }
  return "OrphanedBranchDiscarded";
}

format::SchemaPtr AuditSchema() {
  static const format::SchemaPtr schema = std::make_shared<const format::Schema>(
      format::Schema{{Field{"graph_commit_id", format::Utf8(), false, {}},
                      Field{"recovery_kind", format::Utf8(), false, {}},
                      Field{"recovery_for_actor", format::Utf8(), true, {}},
                      Field{"operation_id", format::Utf8(), false, {}},
                      Field{"sidecar_writer_kind", format::Utf8(), false, {}},
                      Field{"per_table_outcomes_json", format::Utf8(), false, {}},
                      Field{"created_at", format::Timestamp(format::TimeUnit::kMicro), false, {}}},
                     {}});
  return schema;
}

std::string OutcomesJson(const std::vector<AuditOutcome>& outcomes) {
  io::JsonWriter json;
  json.BeginArray();
  for (const AuditOutcome& outcome : outcomes) {
    json.BeginObject();
    json.Key("table_key");
    json.String(outcome.table_key);
    json.Key("from_version");
    json.Uint(outcome.from_version);
    json.Key("to_version");
    json.Uint(outcome.to_version);
    json.EndObject();
  }
  json.EndArray();
  return std::move(json).Finish();
}

format::ArrayPtr OneText(const std::optional<std::string>& text) {
  format::StringBuilder builder(format::Utf8());
  text.has_value() ? builder.Append(*text) : builder.AppendNull();
  return builder.Finish();
}

format::RecordBatch RowOf(const AuditEntry& entry, int64_t now_us) {
  format::FixedBuilder<int64_t> created(format::Timestamp(format::TimeUnit::kMicro));
  created.Append(now_us);
  return {AuditSchema(),
          1,
          {OneText(entry.graph_commit_id), OneText(std::string(KindText(entry.kind))),
           OneText(entry.actor_id), OneText(entry.operation_id),
           OneText(std::string(WriterKindName(entry.writer))),
           OneText(OutcomesJson(entry.outcomes)), created.Finish()}};
}

absl::StatusOr<bool> HasEntry(const dataset::Dataset& audit, std::string_view operation_id) {
  dataset::ScanOptions options;
  options.columns = {"operation_id"};
  OG_ASSIGN_OR_RETURN(const auto stream, audit.Scan(options));
  for (;;) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch.has_value()) return false;
    for (int64_t i = 0; i < batch->num_rows; ++i) {
      if (batch->columns[0]->StringValue(i) == operation_id) return true;
    }
  }
}

// True: the entry is there. False: another writer was faster, look again.
absl::StatusOr<bool> TryAppend(io::Env& env, const io::Location& root, const AuditEntry& entry) {
  const auto rows = format::MakeStream(AuditSchema(), {RowOf(entry, env.NowUs())});
  const absl::StatusOr<dataset::DatasetPtr> audit = dataset::Dataset::Open(env, root, {});
  if (absl::IsNotFound(audit.status())) {
    OG_ASSIGN_OR_RETURN(const dataset::StagedTransaction staged,
                        dataset::Dataset::StageCreate(env, root, AuditSchema(), rows.get(), {}));
    const auto created = dataset::Dataset::CommitCreate(env, root, staged);
    if (absl::IsAlreadyExists(created.status())) return false;
    OG_RETURN_IF_ERROR(created.status());
    return true;
  }
  OG_RETURN_IF_ERROR(audit.status());
  OG_ASSIGN_OR_RETURN(const bool known, HasEntry(**audit, entry.operation_id));
  if (known) return true;
  OG_ASSIGN_OR_RETURN(const dataset::StagedTransaction staged, (*audit)->StageAppend(*rows, {}));
  const auto appended = (*audit)->CommitExact(staged);
  if (absl::IsAborted(appended.status())) {
    (*audit)->Discard(staged);
    return false;
  }
  OG_RETURN_IF_ERROR(appended.status());
  return true;
}

}  // namespace

absl::StatusOr<bool> HasAudit(io::Env& env, const io::Location& graph_root,
                              std::string_view operation_id) {
  const absl::StatusOr<dataset::DatasetPtr> audit =
      dataset::Dataset::Open(env, graph_root.Child(kAuditFolder), {});
  if (absl::IsNotFound(audit.status())) return false;
  OG_RETURN_IF_ERROR(FromStorage(audit.status()));
  const absl::StatusOr<bool> known = HasEntry(**audit, operation_id);
  OG_RETURN_IF_ERROR(FromStorage(known.status()));
  return known;
}

absl::Status AppendAudit(io::Env& env, const io::Location& graph_root, const AuditEntry& entry) {
  OG_CRASH_POINT(env, "recovery.record_audit");
  const io::Location root = graph_root.Child(kAuditFolder);
  for (int i = 0; i < kAppendTries; ++i) {
    const absl::StatusOr<bool> appended = TryAppend(env, root, entry);
    OG_RETURN_IF_ERROR(FromStorage(appended.status()));
    if (*appended) return absl::OkStatus();
  }
  return Conflict("recovery audit append lost against concurrent writers");
}

}  // namespace og::engine::graph
