#include "engine/graph/recovery/record.h"

#include <algorithm>
#include <set>
#include <utility>

#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using io::JsonValue;
using io::JsonWriter;

constexpr std::pair<WriterKind, std::string_view> kKindNames[] = {
    {WriterKind::kMutation, "Mutation"},           {WriterKind::kLoad, "Load"},
    {WriterKind::kSchemaApply, "SchemaApply"},     {WriterKind::kBranchMerge, "BranchMerge"},
    {WriterKind::kEnsureIndices, "EnsureIndices"}, {WriterKind::kOptimize, "Optimize"}};

// --- Writing ---------------------------------------------------------------------------------

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

void WriteTransaction(JsonWriter& json, std::string_view key, const TransactionId& transaction) {
  json.Key(key);
  json.BeginObject();
  WriteUint(json, "read_version", transaction.read_version);
  WriteString(json, "uuid", transaction.uuid);
  json.EndObject();
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

void WriteEffect(JsonWriter& json, const RecordedTable& table) {
  json.BeginObject();
  WriteIdentity(json, table.identity);
  WriteString(json, "table_key", table.table_key);
  WriteTransaction(json, "planned_transaction", table.planned);
  if (table.confirmed) WriteTransaction(json, "confirmed_transaction", table.planned);
  json.EndObject();
}

void WriteSlot(JsonWriter& json, const RecordedTable& table) {
  json.BeginObject();
  WriteIdentity(json, table.identity);
  WriteString(json, "table_key", table.table_key);
  WriteUint(json, "expected_version", table.expected_version);
  WriteOptional(json, "table_branch", table.branch);
  if (table.confirmed) {
    const ConfirmedTable& confirmed = *table.confirmed;
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
  json.EndObject();
}

void WriteProtocol(JsonWriter& json, const RecoveryRecord& record) {
  const auto each = [&](std::string_view key, auto write) {
    json.Key(key);
    json.BeginArray();
    for (const RecordedTable& table : record.tables)
      write(json, table);
    json.EndArray();
  };
  json.Key("protocol_v3");
  json.BeginObject();
  WriteAuthority(json, record.authority);
  WriteLineage(json, record.lineage);
  WriteString(json, "rollback_graph_commit_id", record.rollback_graph_commit_id);
  if (!record.rollback_audit_outcomes.empty()) {
    json.Key("rollback_audit_outcomes");
    json.BeginArray();
    for (const AuditOutcome& outcome : record.rollback_audit_outcomes) {
      json.BeginObject();
      WriteString(json, "table_key", outcome.table_key);
      WriteUint(json, "from_version", outcome.from_version);
      WriteUint(json, "to_version", outcome.to_version);
      json.EndObject();
    }
    json.EndArray();
  }
  WriteString(json, "effect_phase", record.effects_confirmed ? "EffectsConfirmed" : "Armed");
  each("effects", WriteEffect);
  json.Key("intended_delta");
  json.BeginObject();
  each("table_updates", WriteSlot);
  json.EndObject();
  json.EndObject();
}

// --- Reading ---------------------------------------------------------------------------------

absl::Status Shape(std::string_view reason) {
  return io::InvalidArgumentError(reason);
}

absl::StatusOr<const JsonValue*> ArrayMember(const JsonValue& json, std::string_view name) {
  OG_ASSIGN_OR_RETURN(const JsonValue* member, json.RequiredMember(name));
  if (!member->is_array()) return Shape(io::StrCat("field `", name, "` is no array"));
  return member;
}

absl::StatusOr<TableIdentity> ReadIdentity(const JsonValue& json) {
  OG_ASSIGN_OR_RETURN(const JsonValue* member, json.RequiredMember("identity"));
  TableIdentity identity;
  OG_ASSIGN_OR_RETURN(identity.stable_table_id, member->Uint64Member("stable_table_id"));
  OG_ASSIGN_OR_RETURN(identity.table_incarnation_id, member->Uint64Member("table_incarnation_id"));
  if (identity.stable_table_id == 0 || identity.table_incarnation_id == 0) {
    return Shape("a table identity is zero");
  }
  return identity;
}

absl::StatusOr<BranchIdentifier> ReadBranchIdentifier(const JsonValue& json) {
  BranchIdentifier identifier;
  OG_ASSIGN_OR_RETURN(const JsonValue* mapping, ArrayMember(json, "version_mapping"));
  for (const JsonValue& pair : mapping->items()) {
    if (pair.items().size() != 2 || !pair.items()[0].AsUint64() || !pair.items()[1].is_string()) {
      return Shape("branch identifier is no list of [version, id]");
    }
    identifier.version_mapping.emplace_back(*pair.items()[0].AsUint64(), pair.items()[1].string());
  }
  return identifier;
}

absl::StatusOr<AuthorityToken> ReadAuthority(const JsonValue& protocol) {
  OG_ASSIGN_OR_RETURN(const JsonValue* json, protocol.RequiredMember("authority"));
  AuthorityToken authority;
  OG_ASSIGN_OR_RETURN(const JsonValue* identifier, json->RequiredMember("branch_identifier"));
  OG_ASSIGN_OR_RETURN(authority.branch_identifier, ReadBranchIdentifier(*identifier));
  OG_ASSIGN_OR_RETURN(authority.graph_head, json->OptionalStringMember("graph_head"));
  OG_ASSIGN_OR_RETURN(authority.schema_identity_domain,
                      json->StringMember("schema_identity_domain"));
  OG_ASSIGN_OR_RETURN(authority.schema_ir_hash, json->StringMember("schema_ir_hash"));
  OG_ASSIGN_OR_RETURN(const uint64_t version, json->Uint64Member("schema_identity_version"));
  authority.schema_identity_version = static_cast<uint32_t>(version);
  if (authority.schema_identity_domain.empty() || authority.schema_ir_hash.empty() ||
      version == 0 || version > UINT32_MAX) {
    return Shape("authority has an empty schema identity");
  }
  return authority;
}

absl::StatusOr<LineageIntent> ReadLineage(const JsonValue& protocol) {
  OG_ASSIGN_OR_RETURN(const JsonValue* json, protocol.RequiredMember("lineage"));
  LineageIntent lineage;
  OG_ASSIGN_OR_RETURN(lineage.graph_commit_id, json->StringMember("graph_commit_id"));
  OG_ASSIGN_OR_RETURN(lineage.branch, json->OptionalStringMember("branch"));
  OG_ASSIGN_OR_RETURN(lineage.actor_id, json->OptionalStringMember("actor_id"));
  OG_ASSIGN_OR_RETURN(lineage.merged_parent_commit_id,
                      json->OptionalStringMember("merged_parent_commit_id"));
  OG_ASSIGN_OR_RETURN(lineage.created_at_us, json->Int64Member("created_at"));
  return lineage;
}

absl::StatusOr<TransactionId> ReadTransaction(const JsonValue& json) {
  TransactionId transaction;
  OG_ASSIGN_OR_RETURN(transaction.read_version, json.Uint64Member("read_version"));
  OG_ASSIGN_OR_RETURN(transaction.uuid, json.StringMember("uuid"));
  return transaction;
}

absl::StatusOr<RecordedTable> ReadPin(const JsonValue& json, std::string_view root_uri) {
  RecordedTable table;
  OG_ASSIGN_OR_RETURN(table.identity, ReadIdentity(json));
  OG_ASSIGN_OR_RETURN(table.table_key, json.StringMember("table_key"));
  OG_ASSIGN_OR_RETURN(table.table_uri, json.StringMember("table_path"));
  OG_ASSIGN_OR_RETURN(table.expected_version, json.Uint64Member("expected_version"));
  OG_ASSIGN_OR_RETURN(table.post_commit_pin, json.Uint64Member("post_commit_pin"));
  OG_ASSIGN_OR_RETURN(table.branch, json.OptionalStringMember("table_branch"));
  OG_ASSIGN_OR_RETURN(const auto confirmed, json.OptionalUint64Member("confirmed_version"));
  if (confirmed) table.confirmed.emplace().version = *confirmed;
  const std::string canonical =
      io::StrCat(root_uri, "/", CanonicalTablePath(table.table_key, table.identity));
  if (table.table_uri != canonical) {
    return Shape(io::StrCat("binds table identity ", table.identity.stable_table_id, ":",
                            table.identity.table_incarnation_id, " alias '", table.table_key,
                            "' to foreign or non-canonical URI '", table.table_uri, "'"));
  }
  return table;
}

absl::StatusOr<ConfirmedTable> ReadConfirmed(const JsonValue& json) {
  ConfirmedTable confirmed;
  OG_ASSIGN_OR_RETURN(confirmed.version, json.Uint64Member("table_version"));
  OG_ASSIGN_OR_RETURN(confirmed.branch, json.OptionalStringMember("table_branch"));
  OG_ASSIGN_OR_RETURN(confirmed.row_count, json.Uint64Member("row_count"));
  OG_ASSIGN_OR_RETURN(const JsonValue* metadata, json.RequiredMember("version_metadata"));
  OG_ASSIGN_OR_RETURN(confirmed.metadata, ReadVersionMetadata(*metadata));
  return confirmed;
}

absl::StatusOr<RecordedTable*> PinOf(RecoveryRecord& record, const JsonValue& json) {
  OG_ASSIGN_OR_RETURN(const TableIdentity identity, ReadIdentity(json));
  OG_ASSIGN_OR_RETURN(const std::string key, json.StringMember("table_key"));
  for (RecordedTable& table : record.tables) {
    if (table.identity == identity && table.table_key == key) return &table;
  }
  return Shape(io::StrCat("'", key, "' has no pin"));
}

absl::Status ReadEffects(const JsonValue& protocol, RecoveryRecord& record) {
  OG_ASSIGN_OR_RETURN(const JsonValue* effects, ArrayMember(protocol, "effects"));
  if (effects->items().size() != record.tables.size()) return Shape("pins and effects differ");
  std::set<std::string> uuids;
  for (const JsonValue& effect : effects->items()) {
    OG_ASSIGN_OR_RETURN(RecordedTable * table, PinOf(record, effect));
    OG_ASSIGN_OR_RETURN(const JsonValue* planned, effect.RequiredMember("planned_transaction"));
    OG_ASSIGN_OR_RETURN(table->planned, ReadTransaction(*planned));
    if (table->planned.read_version != table->expected_version) {
      return Shape("a planned transaction does not read the expected version");
    }
    if (!uuids.insert(table->planned.uuid).second) return Shape("a transaction uuid repeats");
    const JsonValue* confirmed = effect.Find("confirmed_transaction");
    const bool is_confirmed = confirmed != nullptr && !confirmed->is_null();
    if (is_confirmed != record.effects_confirmed) {
      return Shape("effect phase and confirmed transactions differ");
    }
    if (!is_confirmed) continue;
    OG_ASSIGN_OR_RETURN(const TransactionId transaction, ReadTransaction(*confirmed));
    if (transaction != table->planned) return Shape("a confirmed transaction was not planned");
  }
  return absl::OkStatus();
}

absl::Status ReadSlots(const JsonValue& protocol, RecoveryRecord& record) {
  OG_ASSIGN_OR_RETURN(const JsonValue* delta, protocol.RequiredMember("intended_delta"));
  OG_ASSIGN_OR_RETURN(const JsonValue* slots, ArrayMember(*delta, "table_updates"));
  if (slots->items().size() != record.tables.size()) return Shape("pins and slots differ");
  std::set<TableIdentity> seen;
  for (const JsonValue& slot : slots->items()) {
    OG_ASSIGN_OR_RETURN(RecordedTable * table, PinOf(record, slot));
    if (!seen.insert(table->identity).second) return Shape("a slot repeats");
    OG_ASSIGN_OR_RETURN(const uint64_t expected, slot.Uint64Member("expected_version"));
    if (expected != table->expected_version) return Shape("pin and slot expect other versions");
    const JsonValue* confirmed = slot.Find("confirmed");
    const bool is_confirmed = confirmed != nullptr && !confirmed->is_null();
    if (is_confirmed != record.effects_confirmed ||
        table->confirmed.has_value() != record.effects_confirmed) {
      return Shape("effect phase and confirmed slots differ");
    }
    if (!is_confirmed) continue;
    const uint64_t pinned = table->confirmed->version;
    OG_ASSIGN_OR_RETURN(table->confirmed, ReadConfirmed(*confirmed));
    if (table->confirmed->version != pinned || table->confirmed->branch != table->branch) {
      return Shape("pin and slot confirm different versions");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadOutcomes(const JsonValue& protocol, RecoveryRecord& record) {
  const JsonValue* outcomes = protocol.Find("rollback_audit_outcomes");
  if (outcomes == nullptr || outcomes->is_null()) return absl::OkStatus();
  std::set<std::string> keys;
  for (const JsonValue& item : outcomes->items()) {
    AuditOutcome outcome;
    OG_ASSIGN_OR_RETURN(outcome.table_key, item.StringMember("table_key"));
    OG_ASSIGN_OR_RETURN(outcome.from_version, item.Uint64Member("from_version"));
    OG_ASSIGN_OR_RETURN(outcome.to_version, item.Uint64Member("to_version"));
    const auto has_pin = [&](const RecordedTable& t) { return t.table_key == outcome.table_key; };
    if (!keys.insert(outcome.table_key).second ||
        std::none_of(record.tables.begin(), record.tables.end(), has_pin)) {
      return Shape("rollback outcomes do not name a unique subset of the pins");
    }
    record.rollback_audit_outcomes.push_back(std::move(outcome));
  }
  return absl::OkStatus();
}

absl::Status ReadProtocol(const JsonValue& protocol, RecoveryRecord& record) {
  record.has_protocol = true;
  OG_ASSIGN_OR_RETURN(record.authority, ReadAuthority(protocol));
  OG_ASSIGN_OR_RETURN(record.lineage, ReadLineage(protocol));
  OG_ASSIGN_OR_RETURN(record.rollback_graph_commit_id,
                      protocol.StringMember("rollback_graph_commit_id"));
  OG_ASSIGN_OR_RETURN(const std::string phase, protocol.StringMember("effect_phase"));
  if (phase != "Armed" && phase != "EffectsConfirmed") {
    return Shape(io::StrCat("unknown effect phase '", phase, "'"));
  }
  record.effects_confirmed = phase == "EffectsConfirmed";
  if (record.lineage.graph_commit_id.empty() || record.rollback_graph_commit_id.empty() ||
      record.lineage.graph_commit_id == record.rollback_graph_commit_id) {
    return Shape("original and rollback commit ids do not differ");
  }
  if (record.lineage.branch != record.branch || record.lineage.actor_id != record.actor_id) {
    return Shape("branch or actor differ from the lineage's");
  }
  if (record.lineage.merged_parent_commit_id) return Shape("lineage has a merged parent");
  OG_RETURN_IF_ERROR(ReadEffects(protocol, record));
  OG_RETURN_IF_ERROR(ReadSlots(protocol, record));
  return ReadOutcomes(protocol, record);
}

absl::Status ReadEnvelope(const JsonValue& json, std::string_view root_uri,
                          RecoveryRecord& record) {
  OG_ASSIGN_OR_RETURN(record.operation_id, json.StringMember("operation_id"));
  OG_ASSIGN_OR_RETURN(const std::string started_at, json.StringMember("started_at"));
  const auto started = io::ParseInt64(started_at);
  if (!started) return Shape("started_at is no number of microseconds");
  record.started_at_us = *started;
  OG_ASSIGN_OR_RETURN(record.branch, json.OptionalStringMember("branch"));
  OG_ASSIGN_OR_RETURN(record.actor_id, json.OptionalStringMember("actor_id"));
  OG_ASSIGN_OR_RETURN(const std::string kind, json.StringMember("writer_kind"));
  const auto* named = std::find_if(std::begin(kKindNames), std::end(kKindNames),
                                   [&](const auto& entry) { return entry.second == kind; });
  if (named == std::end(kKindNames)) return Shape(io::StrCat("unknown writer kind '", kind, "'"));
  record.kind = named->first;
  OG_ASSIGN_OR_RETURN(const JsonValue* pins, ArrayMember(json, "tables"));
  std::set<TableIdentity> identities;
  std::set<std::string> keys;
  for (const JsonValue& pin : pins->items()) {
    OG_ASSIGN_OR_RETURN(RecordedTable table, ReadPin(pin, root_uri));
    if (!identities.insert(table.identity).second || !keys.insert(table.table_key).second) {
      return Shape("a pin repeats");
    }
    record.tables.push_back(std::move(table));
  }
  return absl::OkStatus();
}

absl::Status Read(const JsonValue& json, std::string_view root_uri, RecoveryRecord& record) {
  OG_RETURN_IF_ERROR(ReadEnvelope(json, root_uri, record));
  if (record.kind != WriterKind::kMutation && record.kind != WriterKind::kLoad) {
    return absl::OkStatus();
  }
  OG_ASSIGN_OR_RETURN(const JsonValue* protocol, json.RequiredMember("protocol_v3"));
  return ReadProtocol(*protocol, record);
}

}  // namespace

std::string_view WriterKindName(WriterKind kind) {
  return kKindNames[static_cast<size_t>(kind)].second;
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
  WriteProtocol(json, record);
  json.EndObject();
  return std::move(json).Finish();
}

absl::StatusOr<RecoveryRecord> DecodeRecoveryRecord(std::string_view text, std::string_view uri,
                                                    std::string_view root_uri) {
  const std::string subject = io::StrCat("recovery sidecar at '", uri, "' ");
  const auto json = JsonValue::Parse(text);
  if (!json.ok()) {
    return io::InternalError(
        io::StrCat(subject, "is not valid JSON: ", io::Message(json.status())));
  }
  const auto version = json->Uint64Member("schema_version");
  if (!version.ok()) {
    return io::InternalError(
        io::StrCat(subject, "failed to deserialize: ", io::Message(version.status())));
  }
  if (*version > kRecoveryRecordVersion) {
    return io::InternalError(io::StrCat(
        subject, "declares schema_version=", *version,
        ", newer than the maximum this binary supports (schema_version=", kRecoveryRecordVersion,
        "); refusing to interpret — upgrade omnigraph or remove the sidecar with operator review"));
  }
  if (*version != kRecoveryRecordVersion) {
    return io::InternalError(io::StrCat(
        subject, "declares schema_version=", *version,
        ", which no writer of this graph format emits; remove the sidecar with operator review"));
  }
  RecoveryRecord record;
  const absl::Status read = Read(*json, root_uri, record);
  if (read.ok()) return record;
  return io::InternalError(
      io::StrCat(subject, "has an invalid schema-v9 shape: ", io::Message(read)));
}

std::string EncodeBranchIdentifier(const BranchIdentifier& identifier) {
  JsonWriter json;
  WriteBranchIdentifier(json, identifier);
  return std::move(json).Finish();
}

}  // namespace og::engine::graph
