#include "engine/graph/recovery/record.h"

#include <utility>

#include "engine/graph/recovery/record_names.h"
#include "io/base/json_writer.h"

namespace og::engine::graph {
namespace {

using io::JsonWriter;

constexpr std::pair<WriterKind, std::string_view> kKindNames[] = {
    {WriterKind::kMutation, "Mutation"},           {WriterKind::kLoad, "Load"},
    {WriterKind::kSchemaApply, "SchemaApply"},     {WriterKind::kBranchMerge, "BranchMerge"},
    {WriterKind::kEnsureIndices, "EnsureIndices"}, {WriterKind::kOptimize, "Optimize"}};

void WriteString(JsonWriter& json, std::string_view key, std::string_view value) {
  json.Key(key);
  json.String(value);
}

void WriteUint(JsonWriter& json, std::string_view key, uint64_t value) {
  json.Key(key);
  json.Uint(value);
}

void WriteOptional(JsonWriter& json, std::string_view key,
                   const std::optional<std::string>& value) {
  json.Key(key);
  value ? json.String(*value) : json.Null();
}

void WriteIdentity(JsonWriter& json, const TableIdentity& identity) {
  json.Key("identity");
  json.BeginObject();
  WriteUint(json, "stable_table_id", identity.stable_table_id);
  WriteUint(json, "table_incarnation_id", identity.table_incarnation_id);
  json.EndObject();
}

void WriteBranchIdentifier(JsonWriter& json, const BranchIdentifier& identifier) {
  json.BeginObject();
  json.Key("version_mapping");
  json.BeginArray();
  for (const auto& [version, id] : identifier.version_mapping) {
    json.BeginArray();
    json.Uint(version);
    json.String(id);
    json.EndArray();
  }
  json.EndArray();
  json.EndObject();
}

void WriteTransaction(JsonWriter& json, const TransactionId& transaction) {
  json.BeginObject();
  WriteUint(json, "read_version", transaction.read_version);
  WriteString(json, "uuid", transaction.uuid);
  json.EndObject();
}

void WriteTransaction(JsonWriter& json, std::string_view key, const TransactionId& transaction) {
  json.Key(key);
  WriteTransaction(json, transaction);
}

void WriteAuthority(JsonWriter& json, const AuthorityToken& authority) {
  json.Key("authority");
  json.BeginObject();
  json.Key("branch_identifier");
  WriteBranchIdentifier(json, authority.branch_identifier);
  WriteOptional(json, "graph_head", authority.graph_head);
  WriteString(json, "schema_identity_domain", authority.schema_identity_domain);
  WriteString(json, "schema_ir_hash", authority.schema_ir_hash);
  WriteUint(json, "schema_identity_version", authority.schema_identity_version);
  json.EndObject();
}

void WriteLineage(JsonWriter& json, const LineageIntent& lineage) {
  json.Key("lineage");
  json.BeginObject();
  WriteString(json, "graph_commit_id", lineage.graph_commit_id);
  WriteOptional(json, "branch", lineage.branch);
  WriteOptional(json, "actor_id", lineage.actor_id);
  WriteOptional(json, "merged_parent_commit_id", lineage.merged_parent_commit_id);
  json.Key("created_at");
  json.Int(lineage.created_at_us);
  json.EndObject();
}

void WritePin(JsonWriter& json, const RecordedTable& table) {
  json.BeginObject();
  WriteIdentity(json, table.identity);
  WriteString(json, "table_key", table.table_key);
  WriteString(json, "table_path", table.table_uri);
  WriteUint(json, "expected_version", table.expected_version);
  WriteUint(json, "post_commit_pin", table.post_commit_pin);
  if (table.confirmed) WriteUint(json, "confirmed_version", table.confirmed->version);
  if (table.branch) WriteString(json, "table_branch", *table.branch);
  json.EndObject();
}

void WriteIdentifierMember(JsonWriter& json, std::string_view key,
                           const std::optional<BranchIdentifier>& identifier) {
  if (!identifier) return;
  json.Key(key);
  WriteBranchIdentifier(json, *identifier);
}

// What a merge does to a table, as an object with the member `kind` first.
void WriteMergeEffect(JsonWriter& json, const RecordedTable& table) {
  json.Key("kind");
  json.BeginObject();
  if (table.effect == EffectKind::kRefOnlyFork) {
    WriteString(json, "kind", kRefOnlyFork);
    WriteUint(json, "source_version", table.source_fork_version.value_or(0));
  } else {
    WriteString(json, "kind", kMultiCommitHead);
    if (table.source_fork_version) {
      WriteUint(json, "source_fork_version", *table.source_fork_version);
    }
    json.Key("planned_transactions");
    json.BeginArray();
    for (const TransactionId& planned : table.planned)
      WriteTransaction(json, planned);
    json.EndArray();
    if (table.confirmed) WriteUint(json, "confirmed_version", table.confirmed->version);
  }
  WriteIdentifierMember(json, "confirmed_branch_identifier", table.confirmed_branch_identifier);
  json.EndObject();
}

void WriteSchemaEffect(JsonWriter& json, const RecordedTable& table) {
  json.Key("kind");
  json.BeginObject();
  WriteString(json, "kind",
              table.effect == EffectKind::kCreate ? kFirstTouchDataset : kExistingOverwrite);
  WriteTransaction(json, "planned_transaction", table.planned.front());
  if (table.confirmed) WriteTransaction(json, "confirmed_transaction", table.planned.front());
  json.EndObject();
}

void WriteIndexEffect(JsonWriter& json, const RecordedTable& table) {
  WriteTransaction(json, "planned_transaction", table.planned.front());
  if (table.source_fork_version) {
    WriteUint(json, "source_fork_version", *table.source_fork_version);
  }
  if (table.confirmed) WriteTransaction(json, "confirmed_transaction", table.planned.front());
  WriteIdentifierMember(json, "confirmed_branch_identifier", table.confirmed_branch_identifier);
}

void WriteEffect(JsonWriter& json, WriterKind kind, const RecordedTable& table) {
  json.BeginObject();
  WriteIdentity(json, table.identity);
  WriteString(json, "table_key", table.table_key);
  switch (kind) {
    case WriterKind::kBranchMerge:
      WriteMergeEffect(json, table);
      break;
    case WriterKind::kSchemaApply:
      WriteSchemaEffect(json, table);
      break;
    case WriterKind::kEnsureIndices:
      WriteIndexEffect(json, table);
      break;
    default:
      WriteTransaction(json, "planned_transaction", table.planned.front());
      if (table.confirmed) WriteTransaction(json, "confirmed_transaction", table.planned.front());
  }
  json.EndObject();
}

void WriteConfirmed(JsonWriter& json, const ConfirmedTable& confirmed) {
  json.Key("confirmed");
  json.BeginObject();
  WriteUint(json, "table_version", confirmed.version);
  WriteOptional(json, "table_branch", confirmed.branch);
  WriteUint(json, "row_count", confirmed.row_count);
  json.Key("version_metadata");
  json.BeginObject();
  WriteString(json, "manifest_path", confirmed.metadata.manifest_path);
  json.Key("manifest_size");
  const auto& size = confirmed.metadata.manifest_size;
  size ? json.Uint(*size) : json.Null();
  WriteOptional(json, "e_tag", confirmed.metadata.e_tag);
  WriteOptional(json, "naming_scheme", confirmed.metadata.naming_scheme);
  json.EndObject();
  json.EndObject();
}

// A table of the change with or without an effect: RecordedTable and RecordedPointer alike.
template <typename Slot>
void WriteSlot(JsonWriter& json, const Slot& slot) {
  json.BeginObject();
  WriteIdentity(json, slot.identity);
  WriteString(json, "table_key", slot.table_key);
  WriteUint(json, "expected_version", slot.expected_version);
  WriteOptional(json, "table_branch", slot.branch);
  if (slot.confirmed) WriteConfirmed(json, *slot.confirmed);
  json.EndObject();
}

void WriteRegistration(JsonWriter& json, const RecordedRegistration& registration) {
  json.BeginObject();
  WriteIdentity(json, registration.identity);
  WriteString(json, "table_key", registration.table_key);
  WriteString(json, "table_path", registration.table_path);
  if (registration.branch) WriteString(json, "table_branch", *registration.branch);
  json.EndObject();
}

void WriteRename(JsonWriter& json, const RecordedRename& rename) {
  json.BeginObject();
  WriteIdentity(json, rename.identity);
  WriteString(json, "expected_table_key", rename.expected_table_key);
  WriteUint(json, "expected_version", rename.expected_version);
  WriteString(json, "table_key", rename.table_key);
  WriteString(json, "table_path", rename.table_path);
  json.EndObject();
}

void WriteTombstone(JsonWriter& json, const TableTombstone& tombstone) {
  json.BeginObject();
  WriteIdentity(json, tombstone.identity);
  WriteString(json, "table_key", tombstone.table_key);
  WriteUint(json, "tombstone_version", tombstone.version);
  json.EndObject();
}

void WriteOutcome(JsonWriter& json, const AuditOutcome& outcome) {
  json.BeginObject();
  WriteString(json, "table_key", outcome.table_key);
  WriteUint(json, "from_version", outcome.from_version);
  WriteUint(json, "to_version", outcome.to_version);
  json.EndObject();
}

template <typename Item, typename Write>
void WriteEach(JsonWriter& json, std::string_view key, const std::vector<Item>& items,
               Write write) {
  json.Key(key);
  json.BeginArray();
  for (const Item& item : items)
    write(json, item);
  json.EndArray();
}

template <typename Item, typename Write>
void WriteEachIfAny(JsonWriter& json, std::string_view key, const std::vector<Item>& items,
                    Write write) {
  if (!items.empty()) WriteEach(json, key, items, write);
}

void WriteDelta(JsonWriter& json, const RecoveryRecord& record) {
  json.Key("intended_delta");
  json.BeginObject();
  json.Key("table_updates");
  json.BeginArray();
  for (const RecordedTable& table : record.tables)
    WriteSlot(json, table);
  for (const RecordedPointer& pointer : record.pointers)
    WriteSlot(json, pointer);
  json.EndArray();
  WriteEachIfAny(json, "registrations", record.registrations, WriteRegistration);
  WriteEachIfAny(json, "renames", record.renames, WriteRename);
  WriteEachIfAny(json, "tombstones", record.tombstones, WriteTombstone);
  json.EndObject();
}

void WriteProtocol(JsonWriter& json, const RecoveryRecord& record) {
  json.Key(ProtocolName(record.kind));
  json.BeginObject();
  WriteAuthority(json, record.authority);
  WriteLineage(json, record.lineage);
  WriteString(json, "rollback_graph_commit_id", record.rollback_graph_commit_id);
  WriteEachIfAny(json, "rollback_audit_outcomes", record.rollback_audit_outcomes, WriteOutcome);
  if (record.kind == WriterKind::kSchemaApply) {
    WriteString(json, "target_schema_ir_hash", record.target_schema_ir_hash);
  }
  WriteString(json, "effect_phase", record.effects_confirmed ? "EffectsConfirmed" : "Armed");
  WriteEach(json, "effects", record.tables, [&record](JsonWriter& out, const RecordedTable& table) {
    WriteEffect(out, record.kind, table);
  });
  WriteDelta(json, record);
  json.EndObject();
}

}  // namespace

std::string_view WriterKindName(WriterKind kind) {
  return kKindNames[static_cast<size_t>(kind)].second;
}

std::optional<WriterKind> WriterKindNamed(std::string_view name) {
  for (const auto& [kind, known] : kKindNames) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

std::string_view ProtocolName(WriterKind kind) {
  switch (kind) {
    case WriterKind::kBranchMerge:
      return "protocol_v4";
    case WriterKind::kSchemaApply:
      return "protocol_v7";
    case WriterKind::kEnsureIndices:
      return "protocol_v8";
    default:
      return "protocol_v3";
  }
}

std::string EncodeRecoveryRecord(const RecoveryRecord& record) {
  JsonWriter json(JsonWriter::Style::kPretty);
  json.BeginObject();
  WriteUint(json, "schema_version", kRecoveryRecordVersion);
  WriteString(json, "operation_id", record.operation_id);
  WriteString(json, "started_at", std::to_string(record.started_at_us));
  WriteOptional(json, "branch", record.branch);
  WriteOptional(json, "actor_id", record.actor_id);
  WriteString(json, "writer_kind", WriterKindName(record.kind));
  json.Key("tables");
  json.BeginArray();
  for (const RecordedTable& table : record.tables)
    WritePin(json, table);
  json.EndArray();
  json.Key("schema_apply_manifest_published");
  json.Bool(false);
  if (record.has_protocol()) WriteProtocol(json, record);
  if (record.writer_lease) WriteString(json, "writer_lease", *record.writer_lease);
  json.EndObject();
  return std::move(json).Finish();
}

std::string EncodeBranchIdentifier(const BranchIdentifier& identifier) {
  JsonWriter json;
  WriteBranchIdentifier(json, identifier);
  return std::move(json).Finish();
}

}  // namespace og::engine::graph
