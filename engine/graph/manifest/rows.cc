#include "engine/graph/manifest/rows.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "format/arrow/builder.h"
#include "io/base/json_value.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using format::Field;
using format::RecordBatch;

constexpr std::string_view kTable = "table";
constexpr std::string_view kTableVersion = "table_version";
constexpr std::string_view kTableTombstone = "table_tombstone";
constexpr std::string_view kGraphCommit = "graph_commit";
constexpr std::string_view kGraphHead = "graph_head";

std::string IdentityText(const TableIdentity& identity) {
  return io::StrCat(io::Hex(identity.stable_table_id, 16), ":",
                    io::Hex(identity.table_incarnation_id, 16));
}

std::string VersionedObjectId(std::string_view kind, const TableIdentity& identity,
                              uint64_t version) {
  return io::StrCat(kind, ":", IdentityText(identity), ":", io::ZeroPadded(version, 20));
}

void OptionalString(io::JsonWriter& json, std::string_view key,
                    const std::optional<std::string>& value) {
  json.Key(key);
  value ? json.String(*value) : json.Null();
}

std::string EncodeCommit(const CommitInfo& commit) {
  io::JsonWriter json;
  json.BeginObject();
  const auto optional = [&json](std::string_view key, const std::optional<std::string>& value) {
    if (!value) return;
    json.Key(key);
    json.String(*value);
  };
  optional("parent_commit_id", commit.parent_commit_id);
  optional("merged_parent_commit_id", commit.merged_parent_commit_id);
  optional("actor_id", commit.actor_id);
  json.Key("created_at");
  json.Int(commit.created_at_us);
  json.EndObject();
  return std::move(json).Finish();
}

std::string EncodeHead(const CommitInfo& commit) {
  io::JsonWriter json;
  json.BeginObject();
  json.Key("head_commit_id");
  json.String(commit.graph_commit_id);
  if (commit.parent_commit_id) {
    json.Key("parent_commit_id");
    json.String(*commit.parent_commit_id);
  }
  json.EndObject();
  return std::move(json).Finish();
}

// The columns of one batch of `__manifest`, found by name; row i as typed values.
class RowReader {
 public:
  static absl::StatusOr<RowReader> Open(const RecordBatch& batch) {
    RowReader reader;
    const std::pair<std::string_view, format::ArrayPtr*> strings[] = {
        {"object_id", &reader.object_id_}, {"object_type", &reader.object_type_},
        {"location", &reader.location_},   {"metadata", &reader.metadata_},
        {"table_key", &reader.table_key_}, {"table_branch", &reader.table_branch_}};
    for (const auto& [name, column] : strings) {
      OG_RETURN_IF_ERROR(Find(batch, name, format::TypeId::kUtf8, *column));
    }
    const std::pair<std::string_view, format::ArrayPtr*> numbers[] = {
        {"stable_table_id", &reader.stable_table_id_},
        {"table_incarnation_id", &reader.table_incarnation_id_},
        {"table_version", &reader.table_version_},
        {"row_count", &reader.row_count_}};
    for (const auto& [name, column] : numbers) {
      OG_RETURN_IF_ERROR(Find(batch, name, format::TypeId::kUint64, *column));
    }
    return reader;
  }

  std::string_view object_id(int64_t i) const { return object_id_->StringValue(i); }
  std::string_view object_type(int64_t i) const { return object_type_->StringValue(i); }
  std::string_view table_key(int64_t i) const { return table_key_->StringValue(i); }
  std::optional<std::string> location(int64_t i) const { return Text(*location_, i); }
  std::optional<std::string> metadata(int64_t i) const { return Text(*metadata_, i); }
  std::optional<std::string> branch(int64_t i) const { return Text(*table_branch_, i); }
  std::optional<uint64_t> version(int64_t i) const { return Number(*table_version_, i); }
  std::optional<uint64_t> row_count(int64_t i) const { return Number(*row_count_, i); }

  bool has_identity(int64_t i) const {
    return stable_table_id_->IsValid(i) || table_incarnation_id_->IsValid(i);
  }

  // The identity of a table row, whose object_id must spell it.
  absl::StatusOr<TableIdentity> Identity(int64_t i) const {
    const TableIdentity identity{Number(*stable_table_id_, i).value_or(0),
                                 Number(*table_incarnation_id_, i).value_or(0)};
    if (identity.stable_table_id == 0 || identity.table_incarnation_id == 0) {
      return Malformed(i, "has no table identity");
    }
    return identity;
  }

  absl::Status Malformed(int64_t i, std::string_view what) const {
    return io::DataLossError(io::StrCat("__manifest row '", object_id(i), "' ", what));
  }

 private:
  static absl::Status Find(const RecordBatch& batch, std::string_view name, format::TypeId type,
                           format::ArrayPtr& column) {
    column = batch.Column(name);
    if (column == nullptr) {
      return io::DataLossError(io::StrCat("__manifest has no column '", name, "'"));
    }
    if (column->type->id == type) return absl::OkStatus();
    return io::DataLossError(
        io::StrCat("__manifest column '", name, "' has type ", column->type->ToString()));
  }

  static std::optional<std::string> Text(const format::Array& column, int64_t i) {
    if (column.IsNull(i)) return std::nullopt;
    return std::string(column.StringValue(i));
  }

  static std::optional<uint64_t> Number(const format::Array& column, int64_t i) {
    if (column.IsNull(i)) return std::nullopt;
    return column.Value<uint64_t>(i);
  }

  format::ArrayPtr object_id_, object_type_, location_, metadata_, table_key_, table_branch_;
  format::ArrayPtr stable_table_id_, table_incarnation_id_, table_version_, row_count_;
};

// All rows of one kind each, before they are reduced.
struct AllRows {
  std::map<TableIdentity, TableRegistration> tables;
  std::map<TableIdentity, TableVersion> versions;  // the greatest of each
  std::map<TableIdentity, TableTombstone> tombstones;
  std::vector<CommitInfo> commits;
  std::map<std::string, std::string, std::less<>> heads;
};

absl::Status AddRegistration(const RowReader& row, int64_t i, AllRows& all) {
  OG_ASSIGN_OR_RETURN(const TableIdentity identity, row.Identity(i));
  if (row.object_id(i) != TableObjectId(identity)) {
    return row.Malformed(i, "does not name its identity");
  }
  TableRegistration table{identity, std::string(row.table_key(i)),
                          row.location(i).value_or(std::string())};
  if (table.location != CanonicalTablePath(table.table_key, identity)) {
    return row.Malformed(i, io::StrCat("has the location '", table.location, "', expected '",
                                       CanonicalTablePath(table.table_key, identity), "'"));
  }
  const auto [known, added] = all.tables.try_emplace(identity, table);
  if (!added && known->second.table_key != table.table_key) {
    return io::InternalError(io::StrCat("__manifest registers ", IdentityText(identity), " as '",
                                        known->second.table_key, "' and as '", table.table_key,
                                        "'"));
  }
  return absl::OkStatus();
}

absl::Status AddVersion(const RowReader& row, int64_t i, AllRows& all) {
  OG_ASSIGN_OR_RETURN(const TableIdentity identity, row.Identity(i));
  const auto version = row.version(i);
  if (!version || row.object_id(i) != VersionObjectId(identity, *version)) {
    return row.Malformed(i, "does not name its identity and version");
  }
  const auto json = row.metadata(i);
  if (!json) return row.Malformed(i, "has no metadata");
  auto metadata = DecodeVersionMetadata(*json);
  if (!metadata.ok()) {
    return row.Malformed(i, io::StrCat("has malformed metadata: ", io::Message(metadata.status())));
  }
  TableVersion entry{identity,      std::string(row.table_key(i)), *version,
                     row.branch(i), row.row_count(i).value_or(0),  *std::move(metadata)};
  const auto [known, added] = all.versions.try_emplace(identity, entry);
  if (!added && known->second.version < entry.version) known->second = std::move(entry);
  return absl::OkStatus();
}

absl::Status AddTombstone(const RowReader& row, int64_t i, AllRows& all) {
  OG_ASSIGN_OR_RETURN(const TableIdentity identity, row.Identity(i));
  const auto version = row.version(i);
  if (!version || row.object_id(i) != VersionedObjectId(kTableTombstone, identity, *version)) {
    return row.Malformed(i, "does not name its identity and version");
  }
  TableTombstone tombstone{identity, std::string(row.table_key(i)), *version};
  const auto [known, added] = all.tombstones.try_emplace(identity, tombstone);
  if (!added && known->second.version < tombstone.version) known->second = std::move(tombstone);
  return absl::OkStatus();
}

absl::Status AddCommit(const RowReader& row, int64_t i, AllRows& all) {
  if (row.has_identity(i)) return row.Malformed(i, "is a commit with a table identity");
  const auto version = row.version(i);
  if (!version) return row.Malformed(i, "has no manifest version");
  const auto json = io::JsonValue::Parse(row.metadata(i).value_or(std::string()));
  if (!json.ok()) return row.Malformed(i, "has malformed metadata");
  CommitInfo commit;
  commit.graph_commit_id = std::string(row.object_id(i));
  commit.graph_branch = row.branch(i);
  commit.graph_manifest_version = *version;
  OG_ASSIGN_OR_RETURN(commit.parent_commit_id, json->OptionalStringMember("parent_commit_id"));
  OG_ASSIGN_OR_RETURN(commit.merged_parent_commit_id,
                      json->OptionalStringMember("merged_parent_commit_id"));
  OG_ASSIGN_OR_RETURN(commit.actor_id, json->OptionalStringMember("actor_id"));
  OG_ASSIGN_OR_RETURN(commit.created_at_us, json->Int64Member("created_at"));
  all.commits.push_back(std::move(commit));
  return absl::OkStatus();
}

absl::Status AddHead(const RowReader& row, int64_t i, AllRows& all) {
  if (row.has_identity(i)) return row.Malformed(i, "is a head with a table identity");
  constexpr std::string_view kPrefix = "graph_head:";
  if (!row.object_id(i).starts_with(kPrefix)) return row.Malformed(i, "is no head of a branch");
  const auto json = io::JsonValue::Parse(row.metadata(i).value_or(std::string()));
  if (!json.ok()) return row.Malformed(i, "has malformed metadata");
  OG_ASSIGN_OR_RETURN(std::string head, json->StringMember("head_commit_id"));
  all.heads[std::string(row.object_id(i).substr(kPrefix.size()))] = std::move(head);
  return absl::OkStatus();
}

absl::Status AddRow(const RowReader& row, int64_t i, AllRows& all) {
  const std::string_view kind = row.object_type(i);
  if (kind == kTable) return AddRegistration(row, i, all);
  if (kind == kTableVersion) return AddVersion(row, i, all);
  if (kind == kTableTombstone) return AddTombstone(row, i, all);
  if (kind == kGraphCommit) return AddCommit(row, i, all);
  if (kind == kGraphHead) return AddHead(row, i, all);
  return absl::OkStatus();  // a kind of a later release
}

auto CommitOrder(const CommitInfo& commit) {
  return std::tie(commit.graph_manifest_version, commit.created_at_us, commit.graph_commit_id);
}

}  // namespace

std::string_view TableEntry::type_name() const {
  return std::string_view(table_key).substr(table_key.find(':') + 1);
}

std::string_view BranchName(const std::optional<std::string>& branch) {
  return branch ? std::string_view(*branch) : std::string_view("main");
}

std::string CanonicalTablePath(std::string_view table_key, const TableIdentity& identity) {
  return io::StrCat(table_key.starts_with("edge:") ? "edges/" : "nodes/",
                    io::Hex(identity.stable_table_id, 16), "-",
                    io::Hex(identity.table_incarnation_id, 16));
}

std::string TableObjectId(const TableIdentity& identity) {
  return io::StrCat(kTable, ":", IdentityText(identity));
}

std::string VersionObjectId(const TableIdentity& identity, uint64_t version) {
  return VersionedObjectId(kTableVersion, identity, version);
}

std::string TombstoneObjectId(const TableIdentity& identity, uint64_t version) {
  return VersionedObjectId(kTableTombstone, identity, version);
}

std::string HeadObjectId(const std::optional<std::string>& branch) {
  return io::StrCat(kGraphHead, ":", BranchName(branch));
}

std::string EncodeVersionMetadata(const VersionMetadata& metadata) {
  io::JsonWriter json;
  json.BeginObject();
  json.Key("manifest_path");
  json.String(metadata.manifest_path);
  json.Key("manifest_size");
  metadata.manifest_size ? json.Uint(*metadata.manifest_size) : json.Null();
  OptionalString(json, "e_tag", metadata.e_tag);
  OptionalString(json, "naming_scheme", metadata.naming_scheme);
  json.EndObject();
  return std::move(json).Finish();
}

absl::StatusOr<VersionMetadata> DecodeVersionMetadata(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const io::JsonValue json, io::JsonValue::Parse(text));
  return ReadVersionMetadata(json);
}

absl::StatusOr<VersionMetadata> ReadVersionMetadata(const io::JsonValue& json) {
  VersionMetadata metadata;
  OG_ASSIGN_OR_RETURN(metadata.manifest_path, json.StringMember("manifest_path"));
  OG_ASSIGN_OR_RETURN(metadata.manifest_size, json.OptionalUint64Member("manifest_size"));
  OG_ASSIGN_OR_RETURN(metadata.e_tag, json.OptionalStringMember("e_tag"));
  OG_ASSIGN_OR_RETURN(metadata.naming_scheme, json.OptionalStringMember("naming_scheme"));
  return metadata;
}

format::SchemaPtr ManifestSchema() {
  static const auto* const kSchema = new format::SchemaPtr([] {
    const auto field = [](std::string name, format::TypePtr type, bool nullable) {
      return Field{std::move(name), std::move(type), nullable, {}};
    };
    Field object_id = field("object_id", format::Utf8(), false);
    object_id.metadata["lance-schema:unenforced-primary-key"] = "true";
    return std::make_shared<format::Schema>(format::Schema{
        {std::move(object_id), field("object_type", format::Utf8(), false),
         field("location", format::Utf8(), true), field("metadata", format::Utf8(), true),
         field("base_objects", format::ListOf(format::Utf8()), true),
         field("table_key", format::Utf8(), false),
         field("stable_table_id", format::Uint64(), true),
         field("table_incarnation_id", format::Uint64(), true),
         field("table_version", format::Uint64(), true),
         field("table_branch", format::Utf8(), true), field("row_count", format::Uint64(), true)},
        {}});
  }());
  return *kSchema;
}

struct ManifestRows::Row {
  std::string object_id;
  std::string_view object_type;
  std::optional<std::string_view> location;
  std::optional<std::string> metadata;
  std::string_view table_key;
  std::optional<TableIdentity> identity;
  std::optional<uint64_t> table_version;
  std::optional<std::string> table_branch;
  std::optional<uint64_t> row_count;
};

struct ManifestRows::Columns {
  format::StringBuilder object_id{format::Utf8()};
  format::StringBuilder object_type{format::Utf8()};
  format::StringBuilder location{format::Utf8()};
  format::StringBuilder metadata{format::Utf8()};
  format::ListBuilder base_objects{format::ListOf(format::Utf8())};
  format::StringBuilder table_key{format::Utf8()};
  format::FixedBuilder<uint64_t> stable_table_id{format::Uint64()};
  format::FixedBuilder<uint64_t> table_incarnation_id{format::Uint64()};
  format::FixedBuilder<uint64_t> table_version{format::Uint64()};
  format::StringBuilder table_branch{format::Utf8()};
  format::FixedBuilder<uint64_t> row_count{format::Uint64()};
};

ManifestRows::ManifestRows() : columns_(std::make_unique<Columns>()) {}
ManifestRows::~ManifestRows() = default;
ManifestRows::ManifestRows(ManifestRows&&) noexcept = default;
ManifestRows& ManifestRows::operator=(ManifestRows&&) noexcept = default;

void ManifestRows::Append(const Row& row) {
  const auto text = [](format::StringBuilder& builder, const auto& value) {
    value ? builder.Append(*value) : builder.AppendNull();
  };
  const auto number = [](format::FixedBuilder<uint64_t>& builder, std::optional<uint64_t> value) {
    value ? builder.Append(*value) : builder.AppendNull();
  };
  const auto& identity = row.identity;
  columns_->object_id.Append(row.object_id);
  columns_->object_type.Append(row.object_type);
  text(columns_->location, row.location);
  text(columns_->metadata, row.metadata);
  columns_->base_objects.AppendNull();
  columns_->table_key.Append(row.table_key);
  number(columns_->stable_table_id,
         identity ? std::optional(identity->stable_table_id) : std::nullopt);
  number(columns_->table_incarnation_id,
         identity ? std::optional(identity->table_incarnation_id) : std::nullopt);
  number(columns_->table_version, row.table_version);
  text(columns_->table_branch, row.table_branch);
  number(columns_->row_count, row.row_count);
  object_ids_.push_back(row.object_id);
}

void ManifestRows::AddTable(const TableRegistration& table) {
  Append({.object_id = TableObjectId(table.identity),
          .object_type = kTable,
          .location = table.location,
          .metadata = {},
          .table_key = table.table_key,
          .identity = table.identity,
          .table_version = {},
          .table_branch = {},
          .row_count = {}});
}

void ManifestRows::AddVersion(const TableVersion& version) {
  Append({.object_id = VersionObjectId(version.identity, version.version),
          .object_type = kTableVersion,
          .location = {},
          .metadata = EncodeVersionMetadata(version.metadata),
          .table_key = version.table_key,
          .identity = version.identity,
          .table_version = version.version,
          .table_branch = version.branch,
          .row_count = version.row_count});
}

void ManifestRows::AddTombstone(const TableTombstone& tombstone) {
  Append({.object_id = VersionedObjectId(kTableTombstone, tombstone.identity, tombstone.version),
          .object_type = kTableTombstone,
          .location = {},
          .metadata = {},
          .table_key = tombstone.table_key,
          .identity = tombstone.identity,
          .table_version = tombstone.version,
          .table_branch = {},
          .row_count = {}});
}

void ManifestRows::AddCommit(const CommitInfo& commit) {
  Append({.object_id = commit.graph_commit_id,
          .object_type = kGraphCommit,
          .location = {},
          .metadata = EncodeCommit(commit),
          .table_key = "",
          .identity = {},
          .table_version = commit.graph_manifest_version,
          .table_branch = commit.graph_branch,
          .row_count = {}});
}

void ManifestRows::AddHead(const CommitInfo& commit) {
  Append({.object_id = HeadObjectId(commit.graph_branch),
          .object_type = kGraphHead,
          .location = {},
          .metadata = EncodeHead(commit),
          .table_key = "",
          .identity = {},
          .table_version = {},
          .table_branch = {},
          .row_count = {}});
}

format::RecordBatch ManifestRows::Finish() {
  const auto rows = static_cast<int64_t>(object_ids_.size());
  Columns& c = *columns_;
  return {ManifestSchema(),
          rows,
          {c.object_id.Finish(), c.object_type.Finish(), c.location.Finish(), c.metadata.Finish(),
           c.base_objects.Finish(), c.table_key.Finish(), c.stable_table_id.Finish(),
           c.table_incarnation_id.Finish(), c.table_version.Finish(), c.table_branch.Finish(),
           c.row_count.Finish()}};
}

absl::StatusOr<std::vector<bool>> FindHistory(std::span<const RecordBatch> batches) {
  std::map<TableIdentity, uint64_t> newest_versions;
  std::optional<CommitInfo> newest_commit;
  const auto visit = [&](const auto& on_version, const auto& on_commit) -> absl::Status {
    size_t row = 0;
    for (const RecordBatch& batch : batches) {
      OG_ASSIGN_OR_RETURN(const RowReader rows, RowReader::Open(batch));
      for (int64_t i = 0; i < batch.num_rows; ++i, ++row) {
        if (rows.object_type(i) == kTableVersion) {
          OG_ASSIGN_OR_RETURN(const TableIdentity identity, rows.Identity(i));
          on_version(row, identity, rows.version(i).value_or(0));
        } else if (rows.object_type(i) == kGraphCommit) {
          AllRows one;
          OG_RETURN_IF_ERROR(AddCommit(rows, i, one));
          on_commit(row, one.commits[0]);
        }
      }
    }
    return absl::OkStatus();
  };
  OG_RETURN_IF_ERROR(visit(
      [&](size_t, const TableIdentity& identity, uint64_t version) {
        uint64_t& newest = newest_versions[identity];
        newest = std::max(newest, version);
      },
      [&](size_t, const CommitInfo& commit) {
        if (!newest_commit || CommitOrder(*newest_commit) < CommitOrder(commit)) {
          newest_commit = commit;
        }
      }));
  size_t num_rows = 0;
  for (const RecordBatch& batch : batches)
    num_rows += static_cast<size_t>(batch.num_rows);
  std::vector<bool> is_history(num_rows);
  OG_RETURN_IF_ERROR(
      visit([&](size_t row, const TableIdentity& identity,
                uint64_t version) { is_history[row] = version < newest_versions[identity]; },
            [&](size_t row, const CommitInfo& commit) {
              is_history[row] = commit.graph_commit_id != newest_commit->graph_commit_id;
            }));
  return is_history;
}

absl::StatusOr<ManifestState> ManifestState::Reduce(std::span<const RecordBatch> batches) {
  AllRows all;
  ManifestState state;
  for (const RecordBatch& batch : batches) {
    OG_ASSIGN_OR_RETURN(const RowReader rows, RowReader::Open(batch));
    for (int64_t i = 0; i < batch.num_rows; ++i) {
      OG_RETURN_IF_ERROR(AddRow(rows, i, all));
    }
  }

  for (auto& [identity, version] : all.versions) {
    const auto tombstone = all.tombstones.find(identity);
    const bool dead =
        tombstone != all.tombstones.end() && tombstone->second.version >= version.version;
    state.latest_versions_[identity] = dead ? tombstone->second.version : version.version;
    if (dead) continue;
    const auto table = all.tables.find(identity);
    if (table == all.tables.end()) {
      return io::InternalError(io::StrCat("__manifest has versions of ", IdentityText(identity),
                                          " ('", version.table_key, "') but no table row"));
    }
    state.tables_.push_back({identity, table->second.table_key, table->second.location,
                             version.version, std::move(version.branch), version.row_count,
                             std::move(version.metadata)});
  }
  std::sort(state.tables_.begin(), state.tables_.end(),
            [](const TableEntry& a, const TableEntry& b) { return a.table_key < b.table_key; });
  const auto twice = std::adjacent_find(
      state.tables_.begin(), state.tables_.end(),
      [](const TableEntry& a, const TableEntry& b) { return a.table_key == b.table_key; });
  if (twice != state.tables_.end()) {
    return io::InternalError(
        io::StrCat("__manifest has two live tables called '", twice->table_key, "'"));
  }
  state.commits_ = std::move(all.commits);
  std::sort(
      state.commits_.begin(), state.commits_.end(),
      [](const CommitInfo& a, const CommitInfo& b) { return CommitOrder(a) < CommitOrder(b); });
  state.heads_ = std::move(all.heads);
  return state;
}

const TableEntry* ManifestState::Find(std::string_view table_key) const {
  const auto found = std::lower_bound(
      tables_.begin(), tables_.end(), table_key,
      [](const TableEntry& table, std::string_view key) { return table.table_key < key; });
  return found != tables_.end() && found->table_key == table_key ? &*found : nullptr;
}

const TableEntry* ManifestState::Find(const TableIdentity& identity) const {
  const auto found = std::find_if(tables_.begin(), tables_.end(), [&](const TableEntry& table) {
    return table.identity == identity;
  });
  return found != tables_.end() ? &*found : nullptr;
}

uint64_t ManifestState::LatestVersion(const TableIdentity& identity) const {
  const auto found = latest_versions_.find(identity);
  return found == latest_versions_.end() ? 0 : found->second;
}

const CommitInfo* ManifestState::FindCommit(std::string_view id) const {
  const auto found = std::find_if(commits_.begin(), commits_.end(), [&](const CommitInfo& commit) {
    return commit.graph_commit_id == id;
  });
  return found != commits_.end() ? &*found : nullptr;
}

std::optional<std::string> ManifestState::ExactHead(std::string_view branch) const {
  const auto found = heads_.find(branch);
  return found == heads_.end() ? std::nullopt : std::optional(found->second);
}

const CommitInfo* ManifestState::NewestCommit() const {
  return commits_.empty() ? nullptr : &commits_.back();
}

}  // namespace og::engine::graph
