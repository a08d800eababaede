// Reading recovery records. Each part is read first; Check() then compares the parts.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "engine/graph/recovery/record.h"
#include "engine/graph/recovery/record_names.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using io::JsonValue;

// Data transactions that a merge may commit to one table.
constexpr size_t kChainMax = 1024;

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

// The pin, or for a merge the pointer, that an effect or slot belongs to.
absl::StatusOr<RecordedTable*> PinOf(RecoveryRecord& record, const JsonValue& json) {
  OG_ASSIGN_OR_RETURN(const TableIdentity identity, ReadIdentity(json));
  OG_ASSIGN_OR_RETURN(const std::string key, json.StringMember("table_key"));
  for (RecordedTable& table : record.tables) {
    if (table.identity == identity && table.table_key == key) return &table;
  }
  return Shape(io::StrCat("'", key, "' has no pin"));
}

absl::StatusOr<std::optional<TransactionId>> OptionalTransaction(const JsonValue& json,
                                                                 std::string_view name) {
  const JsonValue* member = json.Find(name);
  if (member == nullptr || member->is_null()) return std::nullopt;
  OG_ASSIGN_OR_RETURN(TransactionId transaction, ReadTransaction(*member));
  return transaction;
}

absl::StatusOr<std::optional<BranchIdentifier>> OptionalIdentifier(const JsonValue& json,
                                                                   std::string_view name) {
  const JsonValue* member = json.Find(name);
  if (member == nullptr || member->is_null()) return std::nullopt;
  OG_ASSIGN_OR_RETURN(BranchIdentifier identifier, ReadBranchIdentifier(*member));
  return identifier;
}

// `planned_transaction` and `confirmed_transaction` of an effect that is one transaction.
absl::Status ReadSingle(const JsonValue& json, const RecoveryRecord& record, RecordedTable& table) {
  OG_ASSIGN_OR_RETURN(const JsonValue* planned, json.RequiredMember("planned_transaction"));
  OG_ASSIGN_OR_RETURN(TransactionId transaction, ReadTransaction(*planned));
  table.planned.push_back(std::move(transaction));
  OG_ASSIGN_OR_RETURN(const auto confirmed, OptionalTransaction(json, "confirmed_transaction"));
  if (confirmed.has_value() != record.effects_confirmed) {
    return Shape("effect phase and confirmed transactions differ");
  }
  if (confirmed && *confirmed != table.planned.front()) {
    return Shape("a confirmed transaction was not planned");
  }
  return absl::OkStatus();
}

absl::Status ReadMergeEffect(const JsonValue& json, const RecoveryRecord& record,
                             RecordedTable& table) {
  OG_ASSIGN_OR_RETURN(const std::string kind, json.StringMember("kind"));
  OG_ASSIGN_OR_RETURN(table.confirmed_branch_identifier,
                      OptionalIdentifier(json, "confirmed_branch_identifier"));
  if (kind == kRefOnlyFork) {
    table.effect = EffectKind::kRefOnlyFork;
    OG_ASSIGN_OR_RETURN(table.source_fork_version, json.Uint64Member("source_version"));
    return absl::OkStatus();
  }
  if (kind != kMultiCommitHead) return Shape(io::StrCat("unknown merge effect '", kind, "'"));
  OG_ASSIGN_OR_RETURN(table.source_fork_version, json.OptionalUint64Member("source_fork_version"));
  OG_ASSIGN_OR_RETURN(const JsonValue* chain, ArrayMember(json, "planned_transactions"));
  for (const JsonValue& item : chain->items()) {
    OG_ASSIGN_OR_RETURN(TransactionId transaction, ReadTransaction(item));
    table.planned.push_back(std::move(transaction));
  }
  OG_ASSIGN_OR_RETURN(const auto confirmed, json.OptionalUint64Member("confirmed_version"));
  if (confirmed.has_value() != record.effects_confirmed) {
    return Shape("effect phase and confirmed versions differ");
  }
  if (confirmed && (!table.confirmed || table.confirmed->version != *confirmed)) {
    return Shape("pin and effect confirm different versions");
  }
  return absl::OkStatus();
}

absl::Status ReadSchemaEffect(const JsonValue& json, const RecoveryRecord& record,
                              RecordedTable& table) {
  OG_ASSIGN_OR_RETURN(const std::string kind, json.StringMember("kind"));
  if (kind == kFirstTouchDataset) {
    table.effect = EffectKind::kCreate;
  } else if (kind != kExistingOverwrite) {
    return Shape(io::StrCat("unknown schema effect '", kind, "'"));
  }
  return ReadSingle(json, record, table);
}

absl::Status ReadEffect(const JsonValue& json, const RecoveryRecord& record, RecordedTable& table) {
  switch (record.kind) {
    case WriterKind::kBranchMerge:
    case WriterKind::kSchemaApply: {
      OG_ASSIGN_OR_RETURN(const JsonValue* kind, json.RequiredMember("kind"));
      return record.kind == WriterKind::kBranchMerge ? ReadMergeEffect(*kind, record, table)
                                                     : ReadSchemaEffect(*kind, record, table);
    }
    case WriterKind::kEnsureIndices: {
      OG_ASSIGN_OR_RETURN(table.source_fork_version,
                          json.OptionalUint64Member("source_fork_version"));
      OG_ASSIGN_OR_RETURN(table.confirmed_branch_identifier,
                          OptionalIdentifier(json, "confirmed_branch_identifier"));
      return ReadSingle(json, record, table);
    }
    default:
      return ReadSingle(json, record, table);
  }
}

absl::Status ReadEffects(const JsonValue& protocol, RecoveryRecord& record) {
  OG_ASSIGN_OR_RETURN(const JsonValue* effects, ArrayMember(protocol, "effects"));
  if (effects->items().size() != record.tables.size()) return Shape("pins and effects differ");
  std::set<TableIdentity> seen;
  for (const JsonValue& effect : effects->items()) {
    OG_ASSIGN_OR_RETURN(RecordedTable * table, PinOf(record, effect));
    if (!seen.insert(table->identity).second) return Shape("an effect repeats");
    OG_RETURN_IF_ERROR(ReadEffect(effect, record, *table));
  }
  return absl::OkStatus();
}

absl::Status ReadPinnedSlot(const JsonValue& slot, RecordedTable& table) {
  OG_ASSIGN_OR_RETURN(const uint64_t expected, slot.Uint64Member("expected_version"));
  OG_ASSIGN_OR_RETURN(const auto branch, slot.OptionalStringMember("table_branch"));
  if (expected != table.expected_version || branch != table.branch) {
    return Shape("pin and slot expect other versions");
  }
  const JsonValue* confirmed = slot.Find("confirmed");
  const bool is_confirmed = confirmed != nullptr && !confirmed->is_null();
  if (is_confirmed != table.confirmed.has_value()) {
    return Shape("effect phase and confirmed slots differ");
  }
  if (!is_confirmed) return absl::OkStatus();
  const uint64_t pinned = table.confirmed->version;
  OG_ASSIGN_OR_RETURN(table.confirmed, ReadConfirmed(*confirmed));
  if (table.confirmed->version != pinned || table.confirmed->branch != table.branch) {
    return Shape("pin and slot confirm different versions");
  }
  return absl::OkStatus();
}

absl::StatusOr<RecordedPointer> ReadPointer(const JsonValue& slot) {
  RecordedPointer pointer;
  OG_ASSIGN_OR_RETURN(pointer.identity, ReadIdentity(slot));
  OG_ASSIGN_OR_RETURN(pointer.table_key, slot.StringMember("table_key"));
  OG_ASSIGN_OR_RETURN(pointer.expected_version, slot.Uint64Member("expected_version"));
  OG_ASSIGN_OR_RETURN(pointer.branch, slot.OptionalStringMember("table_branch"));
  const JsonValue* confirmed = slot.Find("confirmed");
  if (confirmed == nullptr || confirmed->is_null()) return pointer;
  OG_ASSIGN_OR_RETURN(pointer.confirmed, ReadConfirmed(*confirmed));
  if (pointer.confirmed->branch != pointer.branch) {
    return Shape("a pointer is confirmed on another ref than planned");
  }
  return pointer;
}

absl::Status ReadSlots(const JsonValue& delta, RecoveryRecord& record) {
  OG_ASSIGN_OR_RETURN(const JsonValue* slots, ArrayMember(delta, "table_updates"));
  std::set<TableIdentity> identities;
  std::set<std::string> keys;
  size_t pinned = 0;
  for (const JsonValue& slot : slots->items()) {
    OG_ASSIGN_OR_RETURN(const TableIdentity identity, ReadIdentity(slot));
    OG_ASSIGN_OR_RETURN(const std::string key, slot.StringMember("table_key"));
    if (!identities.insert(identity).second || !keys.insert(key).second) {
      return Shape("a slot repeats");
    }
    const absl::StatusOr<RecordedTable*> table = PinOf(record, slot);
    if (table.ok()) {
      OG_RETURN_IF_ERROR(ReadPinnedSlot(slot, **table));
      ++pinned;
    } else if (record.kind == WriterKind::kBranchMerge) {
      OG_ASSIGN_OR_RETURN(RecordedPointer pointer, ReadPointer(slot));
      record.pointers.push_back(std::move(pointer));
    } else {
      return table.status();
    }
  }
  if (pinned != record.tables.size()) return Shape("pins and slots differ");
  return absl::OkStatus();
}

// An optional array of objects.
template <typename Item>
absl::Status ReadEach(const JsonValue& json, std::string_view name, std::vector<Item>& items,
                      absl::StatusOr<Item> (*read)(const JsonValue&)) {
  const JsonValue* member = json.Find(name);
  if (member == nullptr || member->is_null()) return absl::OkStatus();
  for (const JsonValue& value : member->items()) {
    OG_ASSIGN_OR_RETURN(Item item, read(value));
    items.push_back(std::move(item));
  }
  return absl::OkStatus();
}

absl::StatusOr<AuditOutcome> ReadOutcome(const JsonValue& json) {
  AuditOutcome outcome;
  OG_ASSIGN_OR_RETURN(outcome.table_key, json.StringMember("table_key"));
  OG_ASSIGN_OR_RETURN(outcome.from_version, json.Uint64Member("from_version"));
  OG_ASSIGN_OR_RETURN(outcome.to_version, json.Uint64Member("to_version"));
  return outcome;
}

absl::StatusOr<RecordedRegistration> ReadRegistration(const JsonValue& json) {
  RecordedRegistration registration;
  OG_ASSIGN_OR_RETURN(registration.identity, ReadIdentity(json));
  OG_ASSIGN_OR_RETURN(registration.table_key, json.StringMember("table_key"));
  OG_ASSIGN_OR_RETURN(registration.table_path, json.StringMember("table_path"));
  OG_ASSIGN_OR_RETURN(registration.branch, json.OptionalStringMember("table_branch"));
  return registration;
}

absl::StatusOr<RecordedRename> ReadRename(const JsonValue& json) {
  RecordedRename rename;
  OG_ASSIGN_OR_RETURN(rename.identity, ReadIdentity(json));
  OG_ASSIGN_OR_RETURN(rename.expected_table_key, json.StringMember("expected_table_key"));
  OG_ASSIGN_OR_RETURN(rename.expected_version, json.Uint64Member("expected_version"));
  OG_ASSIGN_OR_RETURN(rename.table_key, json.StringMember("table_key"));
  OG_ASSIGN_OR_RETURN(rename.table_path, json.StringMember("table_path"));
  return rename;
}

absl::StatusOr<TableTombstone> ReadTombstone(const JsonValue& json) {
  TableTombstone tombstone;
  OG_ASSIGN_OR_RETURN(tombstone.identity, ReadIdentity(json));
  OG_ASSIGN_OR_RETURN(tombstone.table_key, json.StringMember("table_key"));
  OG_ASSIGN_OR_RETURN(tombstone.version, json.Uint64Member("tombstone_version"));
  return tombstone;
}

absl::Status ReadProtocol(const JsonValue& protocol, RecoveryRecord& record) {
  OG_ASSIGN_OR_RETURN(record.authority, ReadAuthority(protocol));
  OG_ASSIGN_OR_RETURN(record.lineage, ReadLineage(protocol));
  OG_ASSIGN_OR_RETURN(record.rollback_graph_commit_id,
                      protocol.StringMember("rollback_graph_commit_id"));
  if (record.kind == WriterKind::kSchemaApply) {
    OG_ASSIGN_OR_RETURN(record.target_schema_ir_hash,
                        protocol.StringMember("target_schema_ir_hash"));
  }
  OG_ASSIGN_OR_RETURN(const std::string phase, protocol.StringMember("effect_phase"));
  if (phase != "Armed" && phase != "EffectsConfirmed") {
    return Shape(io::StrCat("unknown effect phase '", phase, "'"));
  }
  record.effects_confirmed = phase == "EffectsConfirmed";
  OG_RETURN_IF_ERROR(ReadEffects(protocol, record));
  OG_ASSIGN_OR_RETURN(const JsonValue* delta, protocol.RequiredMember("intended_delta"));
  OG_RETURN_IF_ERROR(ReadSlots(*delta, record));
  OG_RETURN_IF_ERROR(ReadEach(*delta, "registrations", record.registrations, ReadRegistration));
  OG_RETURN_IF_ERROR(ReadEach(*delta, "renames", record.renames, ReadRename));
  OG_RETURN_IF_ERROR(ReadEach(*delta, "tombstones", record.tombstones, ReadTombstone));
  return ReadEach(protocol, "rollback_audit_outcomes", record.rollback_audit_outcomes, ReadOutcome);
}

// Whether `holder` names one lease: it becomes part of a path.
bool IsLeaseHolder(std::string_view holder) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  return !holder.empty() && std::ranges::all_of(holder, is_letter_or_digit);
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
  OG_ASSIGN_OR_RETURN(record.writer_lease, json.OptionalStringMember("writer_lease"));
  if (record.writer_lease.has_value() && !IsLeaseHolder(*record.writer_lease)) {
    return Shape(io::StrCat("writer_lease '", *record.writer_lease, "' is no holder of a lease"));
  }
  OG_ASSIGN_OR_RETURN(const std::string kind, json.StringMember("writer_kind"));
  const std::optional<WriterKind> named = WriterKindNamed(kind);
  if (!named) return Shape(io::StrCat("unknown writer kind '", kind, "'"));
  record.kind = *named;
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

// --- What must fit together --------------------------------------------------------------------

absl::Status CheckLineage(const RecoveryRecord& record) {
  const LineageIntent& lineage = record.lineage;
  if (lineage.graph_commit_id.empty() || record.rollback_graph_commit_id.empty() ||
      lineage.graph_commit_id == record.rollback_graph_commit_id) {
    return Shape("original and rollback commit ids do not differ");
  }
  if (lineage.branch != record.branch || lineage.actor_id != record.actor_id) {
    return Shape("branch or actor differ from the lineage's");
  }
  if (lineage.merged_parent_commit_id.has_value() != (record.kind == WriterKind::kBranchMerge)) {
    return Shape("a merged parent belongs to a merge and to nothing else");
  }
  return absl::OkStatus();
}

// The transactions of one table: each reads what the one before it made.
absl::Status CheckChain(const RecordedTable& table, bool may_be_long,
                        std::set<std::string_view>& uuids) {
  if (table.planned.empty() || table.planned.size() > (may_be_long ? kChainMax : 1)) {
    return Shape(
        io::StrCat("'", table.table_key, "' plans ", table.planned.size(), " transactions"));
  }
  uint64_t version = table.expected_version;
  for (const TransactionId& planned : table.planned) {
    if (planned.read_version != version++) {
      return Shape("a planned transaction does not read the expected version");
    }
    if (planned.uuid.empty() || !uuids.insert(planned.uuid).second) {
      return Shape("a transaction uuid is empty or repeats");
    }
  }
  if (table.post_commit_pin != table.expected_version + 1) {
    return Shape("a pin is not at the first planned version");
  }
  if (table.confirmed && table.confirmed->version < version) {
    return Shape("a confirmed version lies before the planned ones");
  }
  return absl::OkStatus();
}

absl::Status CheckFork(const RecordedTable& table, bool confirmed) {
  if (!table.source_fork_version) {
    return table.confirmed_branch_identifier ? Shape("a ref that exists is confirmed as new")
                                             : absl::OkStatus();
  }
  if (!table.branch) return Shape("a fork does not name a ref");
  if (table.confirmed_branch_identifier.has_value() != confirmed) {
    return Shape("effect phase and confirmed refs differ");
  }
  if (table.effect == EffectKind::kRefOnlyFork) {
    return table.post_commit_pin == *table.source_fork_version &&
                   (!table.confirmed || table.confirmed->version == *table.source_fork_version)
               ? absl::OkStatus()
               : Shape("a fork is not pinned at its source version");
  }
  return *table.source_fork_version == table.expected_version
             ? absl::OkStatus()
             : Shape("a fork is not made of the expected version");
}

absl::Status CheckTables(const RecoveryRecord& record) {
  std::set<std::string_view> uuids;
  for (const RecordedTable& table : record.tables) {
    if (table.confirmed.has_value() != record.effects_confirmed) {
      return Shape("effect phase and confirmed pins differ");
    }
    if (table.effect != EffectKind::kRefOnlyFork) {
      OG_RETURN_IF_ERROR(CheckChain(table, record.kind == WriterKind::kBranchMerge, uuids));
    }
    OG_RETURN_IF_ERROR(CheckFork(table, record.effects_confirmed));
    if (record.kind == WriterKind::kSchemaApply &&
        (table.branch || (table.effect == EffectKind::kCreate) != (table.expected_version == 0))) {
      return Shape("a schema effect is neither an overwrite nor a creation on main");
    }
  }
  for (const RecordedPointer& pointer : record.pointers) {
    if (pointer.confirmed.has_value() != record.effects_confirmed) {
      return Shape("effect phase and confirmed slots differ");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSchemaChange(const RecoveryRecord& record) {
  if (record.kind != WriterKind::kSchemaApply) {
    return record.registrations.empty() && record.renames.empty() && record.tombstones.empty()
               ? absl::OkStatus()
               : Shape("only a schema change registers, renames or drops tables");
  }
  if (record.branch || record.target_schema_ir_hash.empty()) {
    return Shape("a schema change is not on main or names no target schema");
  }
  std::set<TableIdentity> identities;
  std::set<std::string_view> aliases;
  std::set<TableIdentity> created;
  for (const RecordedTable& table : record.tables) {
    if (table.effect == EffectKind::kCreate) created.insert(table.identity);
  }
  for (const RecordedRegistration& registration : record.registrations) {
    if (created.erase(registration.identity) == 0 || registration.branch ||
        !identities.insert(registration.identity).second ||
        !aliases.insert(registration.table_key).second ||
        registration.table_path !=
            CanonicalTablePath(registration.table_key, registration.identity)) {
      return Shape("a registration does not match a created table");
    }
  }
  if (!created.empty()) return Shape("a created table is not registered");
  for (const RecordedRename& rename : record.renames) {
    if (rename.expected_version == 0 || rename.expected_table_key == rename.table_key ||
        !identities.insert(rename.identity).second || !aliases.insert(rename.table_key).second ||
        rename.table_path != CanonicalTablePath(rename.table_key, rename.identity)) {
      return Shape("a rename does not give a live table another name");
    }
  }
  for (const TableTombstone& tombstone : record.tombstones) {
    if (!identities.insert(tombstone.identity).second) {
      return Shape("a table is dropped and renamed or added");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOutcomes(const RecoveryRecord& record) {
  std::set<std::string_view> keys;
  for (const RecordedTable& table : record.tables)
    keys.insert(table.table_key);
  for (const RecordedRename& rename : record.renames)
    keys.insert(rename.expected_table_key);
  for (const AuditOutcome& outcome : record.rollback_audit_outcomes) {
    if (keys.erase(outcome.table_key) == 0) {
      return Shape("rollback outcomes do not name a unique subset of the pins");
    }
  }
  return absl::OkStatus();
}

absl::Status Check(const RecoveryRecord& record) {
  OG_RETURN_IF_ERROR(CheckLineage(record));
  OG_RETURN_IF_ERROR(CheckTables(record));
  OG_RETURN_IF_ERROR(CheckSchemaChange(record));
  return CheckOutcomes(record);
}

// Optimize: nothing but pins.
absl::Status CheckLoose(RecoveryRecord& record) {
  for (RecordedTable& table : record.tables) {
    table.effect = EffectKind::kLoose;
    if (table.confirmed || table.post_commit_pin <= table.expected_version) {
      return Shape("an Optimize pin is confirmed or does not lie above its version");
    }
  }
  return absl::OkStatus();
}

absl::Status Read(const JsonValue& json, std::string_view root_uri, RecoveryRecord& record) {
  OG_RETURN_IF_ERROR(ReadEnvelope(json, root_uri, record));
  for (const WriterKind kind : {WriterKind::kMutation, WriterKind::kBranchMerge,
                                WriterKind::kSchemaApply, WriterKind::kEnsureIndices}) {
    const std::string_view name = ProtocolName(kind);
    const JsonValue* protocol = json.Find(name);
    const bool is_there = protocol != nullptr && !protocol->is_null();
    const bool is_wanted = record.has_protocol() && ProtocolName(record.kind) == name;
    if (is_there != is_wanted) {
      return Shape(io::StrCat(name, is_there ? " belongs to another writer kind" : " is missing"));
    }
  }
  if (!record.has_protocol()) return CheckLoose(record);
  OG_RETURN_IF_ERROR(ReadProtocol(*json.Find(ProtocolName(record.kind)), record));
  return Check(record);
}

}  // namespace

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

}  // namespace og::engine::graph
