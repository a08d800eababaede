#include "engine/graph/load/table_rows.h"

#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include <simdjson.h>

#include "engine/expr/text.h"
#include "engine/graph/load/json_column.h"
#include "engine/graph/load/value_checks.h"
#include "engine/graph/table_schema.h"
#include "format/arrow/builder.h"
#include "io/base/json_writer.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/env.h"

namespace og::engine::graph {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::string_view kReservedFields[] = {"_tombstone",
                                                "_rowid",
                                                "_rowaddr",
                                                "_rowoffset",
                                                "_row_created_at_version",
                                                "_row_last_updated_at_version"};

bool IsReserved(std::string_view field) {
  for (const std::string_view reserved : kReservedFields) {
    if (field == reserved) return true;
  }
  return false;
}

absl::Status AtLine(uint64_t line, const absl::Status& status) {
  return status.ok() ? status : io::Annotate(status, io::StrCat("line ", line));
}

}  // namespace

struct TableRows::State {
  State(std::string key, std::string name, bool edge,
        const std::vector<schema::Property>& properties, format::SchemaPtr table_schema)
      : table_key(std::move(key)),
        type_name(std::move(name)),
        is_edge(edge),
        schema(std::move(table_schema)),
        checks(type_name, properties),
        rows_seen(properties.size(), 0) {
    for (size_t i = 0; i < properties.size(); ++i) {
      columns.push_back(MakeJsonColumn(properties[i]));
      column_by_name.emplace(properties[i].name, i);
      names.push_back(properties[i].name);
    }
  }

  absl::Status Append(uint64_t line, const object* data);
  absl::Status AppendData(const object& data);
  absl::Status AppendField(std::string_view name, const element& value, size_t position);
  absl::Status UnknownField(std::string_view name) const;
  std::optional<size_t> ColumnOf(std::string_view name, size_t position);
  // Behind the id, and of an edge its ends.
  size_t first_property() const { return is_edge ? 3 : 1; }

  // Puts the column of ids into its empty place in `batch`, and checks the values.
  absl::StatusOr<format::RecordBatch> Checked(format::RecordBatch batch,
                                              const format::ArrayPtr& given_ids);
  absl::StatusOr<format::ArrayPtr> FinishIds(const format::RecordBatch& batch,
                                             const format::ArrayPtr& given);
  absl::StatusOr<std::string> KeyText(const format::RecordBatch& batch, int64_t row) const;
  absl::Status CheckExplicitId(int64_t row, const format::Array& given,
                               std::string_view canonical) const;

  const std::string table_key;
  const std::string type_name;
  const bool is_edge;
  const format::SchemaPtr schema;
  ValueChecks checks;

  std::vector<std::unique_ptr<JsonColumn>> columns;  // one for each property
  std::vector<std::string> names;
  std::map<std::string, size_t, std::less<>> column_by_name;
  // The column that the member at this position named in the row before: most rows look alike.
  std::vector<size_t> column_at_position;
  // The number of the row (from 1) that last set the column: finds repeats and what is missing.
  std::vector<uint64_t> rows_seen;
  uint64_t row_number = 0;
  bool id_seen = false;

  std::vector<size_t> key_columns;  // positions among the properties, in key order
  format::StringBuilder explicit_ids{format::Utf8()};
  bool has_explicit_ids = false;
  format::StringBuilder src{format::Utf8()};
  format::StringBuilder dst{format::Utf8()};
  std::vector<uint64_t> lines;
};

absl::Status TableRows::State::UnknownField(std::string_view name) const {
  if (IsReserved(name)) {
    return InputError(io::StrCat("input field '", name, "' is reserved physical state"));
  }
  if (is_edge && (name == "src" || name == "dst")) {
    return InputError(io::StrCat("edge data field '", name, "' is reserved structural state"));
  }
  return InputError(io::StrCat("unknown input field '", name, "' for '", table_key, "'"));
}

std::optional<size_t> TableRows::State::ColumnOf(std::string_view name, size_t position) {
  if (position < column_at_position.size() && names[column_at_position[position]] == name) {
    return column_at_position[position];
  }
  const auto found = column_by_name.find(name);
  if (found == column_by_name.end()) return std::nullopt;
  if (position >= column_at_position.size()) column_at_position.resize(position + 1, 0);
  column_at_position[position] = found->second;
  return found->second;
}

absl::Status TableRows::State::AppendField(std::string_view name, const element& value,
                                           size_t position) {
  if (const auto column = names.empty() ? std::nullopt : ColumnOf(name, position)) {
    if (std::exchange(rows_seen[*column], row_number) == row_number) {
      return InputError(io::StrCat("invalid strict JSON: duplicate JSON member '", name, "'"));
    }
    return columns[*column]->Append(value);
  }
  if (name != "id") return UnknownField(name);
  if (std::exchange(id_seen, true)) {
    return InputError("invalid strict JSON: duplicate JSON member 'id'");
  }
  std::string_view id;
  if (value.get_string().get(id) != simdjson::SUCCESS) {
    return InputError(io::StrCat("input entity of type '", type_name,
                                 "' field 'id' must be a string, got ", JsonText(value)));
  }
  explicit_ids.Append(id);
  has_explicit_ids = true;
  return absl::OkStatus();
}

absl::Status TableRows::State::AppendData(const object& data) {
  size_t position = 0;
  for (const auto& [name, value] : data) {
    OG_RETURN_IF_ERROR(AppendField(name, value, position++));
  }
  return absl::OkStatus();
}

absl::Status TableRows::State::Append(uint64_t line, const object* data) {
  ++row_number;
  id_seen = false;
  if (data != nullptr) OG_RETURN_IF_ERROR(AtLine(line, AppendData(*data)));
  if (!id_seen) explicit_ids.AppendNull();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (rows_seen[i] != row_number) OG_RETURN_IF_ERROR(AtLine(line, columns[i]->AppendNull()));
  }
  lines.push_back(line);
  return absl::OkStatus();
}

absl::StatusOr<std::string> TableRows::State::KeyText(const format::RecordBatch& batch,
                                                      int64_t row) const {
  std::vector<std::string> parts;
  for (const size_t column : key_columns) {
    OG_ASSIGN_OR_RETURN(const auto part, expr::CanonicalText(*batch.columns[column + 1], row));
    if (!part) {
      return InputError(io::StrCat("node ", type_name, " is missing a non-null @key value"));
    }
    parts.push_back(*part);
  }
  if (parts.size() == 1) return std::move(parts[0]);
  io::JsonWriter json;
  json.BeginArray();
  for (const std::string& part : parts)
    json.String(part);
  json.EndArray();
  return std::move(json).Finish();
}

absl::Status TableRows::State::CheckExplicitId(int64_t row, const format::Array& given,
                                               std::string_view canonical) const {
  if (given.IsNull(row) || given.StringValue(row) == canonical) return absl::OkStatus();
  return AtLine(lines[static_cast<size_t>(row)],
                InputError(io::StrCat("node ", type_name, " explicit id '", given.StringValue(row),
                                      "' does not match its canonical @key id '", canonical, "'")));
}

absl::StatusOr<format::ArrayPtr> TableRows::State::FinishIds(const format::RecordBatch& batch,
                                                             const format::ArrayPtr& given) {
  const bool any_given = given->null_count < given->length;
  if (key_columns.empty()) return given;
  if (key_columns.size() == 1) {
    const format::ArrayPtr& key = batch.columns[key_columns[0] + 1];
    if (key->type->id == format::TypeId::kUtf8) {
      for (int64_t row = 0; any_given && row < given->length; ++row) {
        OG_RETURN_IF_ERROR(CheckExplicitId(row, *given, key->StringValue(row)));
      }
      return key;
    }
  }
  format::StringBuilder ids(format::Utf8());
  for (int64_t row = 0; row < given->length; ++row) {
    const auto text = KeyText(batch, row);
    if (!text.ok()) return AtLine(lines[static_cast<size_t>(row)], text.status());
    OG_RETURN_IF_ERROR(CheckExplicitId(row, *given, *text));
    ids.Append(*text);
  }
  return ids.Finish();
}

absl::StatusOr<format::RecordBatch> TableRows::State::Checked(format::RecordBatch batch,
                                                              const format::ArrayPtr& given_ids) {
  OG_ASSIGN_OR_RETURN(batch.columns[0], FinishIds(batch, given_ids));
  OG_RETURN_IF_ERROR(checks.Check(std::span(batch.columns).subspan(first_property()), lines));
  lines.clear();
  return batch;
}

TableRows::TableRows(const schema::NodeType& type)
    : state_(std::make_unique<State>(type.TableKey(), type.name, false, type.properties,
                                     TableSchema(type))) {
  state_->key_columns = type.key;
  state_->checks.Add(type.ranges, type.checks);
}

TableRows::TableRows(const schema::EdgeType& type)
    : state_(std::make_unique<State>(type.TableKey(), type.name, true, type.properties,
                                     TableSchema(type))) {}

TableRows::~TableRows() = default;

absl::Status TableRows::AppendNode(uint64_t line, const object& data) {
  return state_->Append(line, &data);
}

absl::Status TableRows::AppendNode(uint64_t line) {
  return state_->Append(line, nullptr);
}

absl::Status TableRows::AppendEdge(uint64_t line, std::string_view from, std::string_view to,
                                   const object& data) {
  state_->src.Append(from);
  state_->dst.Append(to);
  return state_->Append(line, &data);
}

absl::Status TableRows::AppendEdge(uint64_t line, std::string_view from, std::string_view to) {
  state_->src.Append(from);
  state_->dst.Append(to);
  return state_->Append(line, nullptr);
}

const format::SchemaPtr& TableRows::schema() const {
  return state_->schema;
}
std::string_view TableRows::table_key() const {
  return state_->table_key;
}
int64_t TableRows::num_rows() const {
  return static_cast<int64_t>(state_->lines.size());
}

bool TableRows::ids_are_fresh() const {
  return state_->key_columns.empty() && !state_->has_explicit_ids;
}

size_t TableRows::MemoryBytes() const {
  size_t bytes = state_->lines.size() * sizeof(uint64_t) + state_->explicit_ids.MemoryBytes() +
                 state_->src.MemoryBytes() + state_->dst.MemoryBytes();
  for (const auto& column : state_->columns)
    bytes += column->MemoryBytes();
  return bytes;
}

absl::StatusOr<format::RecordBatch> TableRows::Finish() {
  State& state = *state_;
  format::RecordBatch batch{state.schema, num_rows(), {nullptr}};
  if (state.is_edge) {
    batch.columns.push_back(state.src.Finish());
    batch.columns.push_back(state.dst.Finish());
  }
  for (const auto& column : state.columns)
    batch.columns.push_back(column->Finish());
  state.has_explicit_ids = false;
  return state.Checked(std::move(batch), state.explicit_ids.Finish());
}

absl::StatusOr<std::optional<format::RecordBatch>> TableRows::FinishColumns(
    const SourceRows& rows) {
  State& state = *state_;
  const size_t first_property = state.first_property();
  format::RecordBatch batch{state.schema, rows.num_rows, {}};
  batch.columns.resize(first_property + state.columns.size());
  format::ArrayPtr given_ids = format::NullArray(format::Utf8(), rows.num_rows);
  for (const SourceRows::Member& member : rows.members) {
    const format::Array& values = *member.values;
    const auto property = state.column_by_name.find(member.name);
    if (member.in_data && property != state.column_by_name.end()) {
      if (!state.columns[property->second]->Takes(values)) return std::nullopt;
      batch.columns[first_property + property->second] = member.values;
    } else if (!(*values.type == *format::Utf8())) {
      return std::nullopt;
    } else if (member.in_data) {
      if (member.name != "id") return std::nullopt;
      given_ids = member.values;
    } else {
      if (values.null_count > 0 || !state.is_edge) return std::nullopt;
      batch.columns[member.name == "from" ? 1 : 2] = member.values;
    }
  }
  for (size_t i = 0; i < state.columns.size(); ++i) {
    format::ArrayPtr& column = batch.columns[first_property + i];
    if (column != nullptr) continue;
    const std::optional<format::ArrayPtr> nulls = state.columns[i]->Nulls(rows.num_rows);
    if (!nulls) return std::nullopt;
    column = *nulls;
  }
  state.lines.resize(static_cast<size_t>(rows.num_rows));
  std::iota(state.lines.begin(), state.lines.end(), rows.first_line);
  return state.Checked(std::move(batch), given_ids);
}

void GiveFreshIds(io::Env& env, format::RecordBatch& rows) {
  format::ArrayPtr& ids = rows.columns[0];
  if (ids->null_count == 0) return;
  format::StringBuilder filled(format::Utf8());
  for (int64_t row = 0; row < ids->length; ++row) {
    if (ids->IsValid(row)) {
      filled.Append(ids->StringValue(row));
    } else {
      filled.Append(env.NewUlid());
    }
  }
  ids = filled.Finish();
}

}  // namespace og::engine::graph
