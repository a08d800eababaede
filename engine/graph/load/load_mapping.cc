#include "engine/graph/load/load_mapping.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "engine/graph/load/json_column.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using io::JsonValue;

absl::Status MappingError(std::string_view message) {
  return InputError(io::StrCat("mapping: ", message));
}

absl::Status CheckMembers(const JsonValue& object, std::string_view where,
                          std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return MappingError(io::StrCat(where, " must be an object"));
  for (const auto& [name, value] : object.members()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return MappingError(io::StrCat("unknown member '", name, "' of ", where));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Text(const JsonValue& object, std::string_view name,
                                 std::string_view otherwise = "") {
  const JsonValue* const value = object.Find(name);
  if (value == nullptr) return std::string(otherwise);
  if (!value->is_string()) return MappingError(io::StrCat("'", name, "' must be a string"));
  return std::string(value->string());
}

schema::PropType TextType() {
  schema::PropType type;
  type.nullable = true;
  return type;
}

// The columns of the properties of one type.
absl::Status AddProperties(const JsonValue& table, const std::vector<schema::Property>& properties,
                           TableMapping& mapping) {
  const JsonValue* const columns = table.Find("columns");
  if (columns == nullptr) {
    for (const schema::Property& property : properties) {
      mapping.columns.push_back({.member = property.name,
                                 .column = property.name,
                                 .type = property.type,
                                 .is_required = false});
    }
    return absl::OkStatus();
  }
  if (!columns->is_object()) return MappingError("'columns' must be an object");
  mapping.names_columns = true;
  for (const auto& [name, column] : columns->members()) {
    const auto property =
        std::find_if(properties.begin(), properties.end(),
                     [&](const schema::Property& declared) { return declared.name == name; });
    if (property == properties.end()) {
      return MappingError(
          io::StrCat("type '", mapping.type_name, "' has no property '", name, "'"));
    }
    if (!column.is_string()) {
      return MappingError(io::StrCat("the column of '", name, "' must be a string"));
    }
    mapping.columns.push_back(
        {.member = name, .column = std::string(column.string()), .type = property->type});
  }
  return absl::OkStatus();
}

absl::StatusOr<TableMapping> ParseTable(const JsonValue& table, const schema::Catalog& catalog) {
  OG_RETURN_IF_ERROR(
      CheckMembers(table, "a table", {"file", "type", "edge", "from", "to", "id", "columns"}));
  TableMapping mapping;
  OG_ASSIGN_OR_RETURN(mapping.file, Text(table, "file"));
  OG_ASSIGN_OR_RETURN(const std::string node_name, Text(table, "type"));
  OG_ASSIGN_OR_RETURN(const std::string edge_name, Text(table, "edge"));
  if (node_name.empty() == edge_name.empty()) {
    return MappingError("a table needs either 'type' or 'edge'");
  }
  mapping.is_edge = node_name.empty();
  const schema::NodeType* const node = mapping.is_edge ? nullptr : catalog.FindNode(node_name);
  const schema::EdgeType* const edge = mapping.is_edge ? catalog.FindEdge(edge_name) : nullptr;
  if (node == nullptr && edge == nullptr) {
    return MappingError(mapping.is_edge ? io::StrCat("unknown edge type '", edge_name, "'")
                                        : io::StrCat("unknown node type '", node_name, "'"));
  }
  mapping.type_name = mapping.is_edge ? edge->name : node->name;
  OG_ASSIGN_OR_RETURN(const std::string id, Text(table, "id"));
  if (!id.empty()) mapping.columns.push_back({.member = "id", .column = id, .type = TextType()});
  for (const std::string_view end : {"from", "to"}) {
    if (!mapping.is_edge) {
      if (table.Find(end) == nullptr) continue;
      return MappingError(io::StrCat("a node has no '", end, "'"));
    }
    OG_ASSIGN_OR_RETURN(std::string column, Text(table, end, end));
    mapping.columns.push_back({.member = std::string(end),
                               .column = std::move(column),
                               .type = TextType(),
                               .in_data = false});
  }
  OG_RETURN_IF_ERROR(
      AddProperties(table, mapping.is_edge ? edge->properties : node->properties, mapping));
  return mapping;
}

absl::StatusOr<format::CsvOptions> ParseCsv(const JsonValue& csv) {
  OG_RETURN_IF_ERROR(CheckMembers(csv, "'csv'", {"delimiter", "null"}));
  format::CsvOptions options;
  OG_ASSIGN_OR_RETURN(const std::string delimiter, Text(csv, "delimiter", ","));
  if (delimiter.size() != 1) return MappingError("'delimiter' must be one ASCII character");
  options.delimiter = delimiter[0];
  OG_ASSIGN_OR_RETURN(options.null_text, Text(csv, "null"));
  return options;
}

}  // namespace

absl::StatusOr<LoadMapping> ParseLoadMapping(const JsonValue& document,
                                             const schema::Catalog& catalog) {
  OG_RETURN_IF_ERROR(CheckMembers(document, "the mapping", {"tables", "csv"}));
  LoadMapping mapping;
  const JsonValue* const tables = document.Find("tables");
  if (tables == nullptr || !tables->is_array() || tables->items().empty()) {
    return MappingError("'tables' must be a list with at least one table");
  }
  for (const JsonValue& table : tables->items()) {
    OG_ASSIGN_OR_RETURN(TableMapping parsed, ParseTable(table, catalog));
    mapping.tables.push_back(std::move(parsed));
  }
  if (const JsonValue* const csv = document.Find("csv"); csv != nullptr) {
    OG_ASSIGN_OR_RETURN(mapping.csv, ParseCsv(*csv));
  }
  return mapping;
}

}  // namespace og::engine::graph
