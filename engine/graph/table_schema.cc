#include "engine/graph/table_schema.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/errors.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

using format::Field;
using schema::ScalarKind;

format::TypePtr ScalarType(const schema::PropType& type) {
  switch (type.scalar) {
    case ScalarKind::kString:
      return format::Utf8();
    case ScalarKind::kBool:
      return format::Bool();
    case ScalarKind::kI32:
      return format::Int32();
    case ScalarKind::kI64:
      return format::Int64();
    case ScalarKind::kU32:
      return format::Uint32();
    case ScalarKind::kU64:
      return format::Uint64();
    case ScalarKind::kF32:
      return format::Float32();
    case ScalarKind::kF64:
      return format::Float64();
    case ScalarKind::kDate:
      return format::Date32();
    case ScalarKind::kDateTime:
      return format::Date64();
    case ScalarKind::kVector:
      return format::FixedSizeListOf(format::Float32(), static_cast<int32_t>(type.vector_dim));
    case ScalarKind::kBlob:
      return format::Struct(
          {Field{"data", format::LargeBinary(), true, {}}, Field{"uri", format::Utf8(), true, {}}});
  }
  return format::Null();
}

Field IdField() {
  Field id{"id", format::Utf8(), false, {}};
  id.metadata[kPrimaryKeyMark] = "true";
  return id;
}

void AppendProperties(const std::vector<schema::Property>& properties, format::Schema& table) {
  for (const schema::Property& property : properties) {
    Field field{property.name, StorageType(property.type), property.type.nullable, {}};
    field.metadata[kPropertyIdMark] = std::to_string(property.property_id);
    if (property.type.is_blob()) field.metadata["ARROW:extension:name"] = "lance.blob.v2";
    table.fields.push_back(std::move(field));
  }
}

}  // namespace

format::TypePtr StorageType(const schema::PropType& type) {
  return type.list ? format::ListOf(ScalarType(type)) : ScalarType(type);
}

format::SchemaPtr TableSchema(const schema::NodeType& type) {
  format::Schema table;
  table.fields.push_back(IdField());
  AppendProperties(type.properties, table);
  return std::make_shared<const format::Schema>(std::move(table));
}

format::SchemaPtr TableSchema(const schema::EdgeType& type) {
  format::Schema table;
  table.fields.push_back(IdField());
  table.fields.push_back({"src", format::Utf8(), false, {}});
  table.fields.push_back({"dst", format::Utf8(), false, {}});
  AppendProperties(type.properties, table);
  return std::make_shared<const format::Schema>(std::move(table));
}

absl::Status CheckColumnNames(const schema::Catalog& catalog) {
  const auto refuse = [](const std::string& table_key, std::string_view column) {
    return BadRequest(io::StrCat("physical schema for '", table_key,
                                 "' must contain exactly one top-level `", column,
                                 "` field; found 2"));
  };
  for (const schema::NodeType& node : catalog.nodes()) {
    if (node.Find("id") != nullptr) return refuse(node.TableKey(), "id");
  }
  for (const schema::EdgeType& edge : catalog.edges()) {
    for (const std::string_view column : {"id", "src", "dst"}) {
      if (edge.Find(column) != nullptr) return refuse(edge.TableKey(), column);
    }
  }
  return absl::OkStatus();
}

}  // namespace og::engine::graph
