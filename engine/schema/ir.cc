#include "engine/schema/ir.h"

#include <algorithm>
#include <utility>

#include "engine/schema/check.h"
#include "engine/schema/json_parts.h"
#include "io/base/json_writer.h"

namespace og::engine::schema {
namespace {

void Write(const PropertyRef& reference, io::JsonWriter& out) {
  out.Key("owner_type_id");
  out.Uint(reference.owner_type_id);
  out.Key("owner_type_name");
  out.String(reference.owner_type_name);
  out.Key("property_id");
  out.Uint(reference.property_id);
  out.Key("property_name");
  out.String(reference.property_name);
}

void Write(const TypeRef& reference, io::JsonWriter& out) {
  out.BeginObject();
  out.Key("type_id");
  out.Uint(reference.type_id);
  out.Key("type_name");
  out.String(reference.type_name);
  out.EndObject();
}

void Write(const FieldRef& field, io::JsonWriter& out) {
  out.BeginObject();
  out.Key("kind");
  if (const auto* property = std::get_if<PropertyRef>(&field)) {
    out.String("property");
    Write(*property, out);
  } else {
    const auto& system = std::get<SystemRef>(field);
    out.String("system");
    out.Key("stable_table_id");
    out.Uint(system.stable_table_id);
    out.Key("table_type_name");
    out.String(system.table_type_name);
    out.Key("table_incarnation_id");
    out.Uint(system.table_incarnation_id);
    out.Key("role");
    out.String(SystemRoleName(system.role));
  }
  out.EndObject();
}

void Write(const IrConstraint& constraint, io::JsonWriter& out) {
  out.BeginObject();
  out.Key("kind");
  out.String(ConstraintName(constraint.kind));
  switch (constraint.kind) {
    case ConstraintKind::kKey:
    case ConstraintKind::kUnique:
    case ConstraintKind::kIndex:
      out.Key("fields");
      out.BeginArray();
      for (const FieldRef& field : constraint.fields) {
        Write(field, out);
      }
      out.EndArray();
      break;
    case ConstraintKind::kRange:
      out.Key("field");
      Write(constraint.fields[0], out);
      out.Key("min");
      WriteJson(constraint.min, out);
      out.Key("max");
      WriteJson(constraint.max, out);
      break;
    case ConstraintKind::kCheck:
      out.Key("field");
      Write(constraint.fields[0], out);
      out.Key("pattern");
      out.String(constraint.pattern);
      break;
  }
  out.EndObject();
}

void Write(const std::vector<IrConstraint>& constraints, io::JsonWriter& out) {
  out.BeginArray();
  for (const IrConstraint& constraint : constraints) {
    Write(constraint, out);
  }
  out.EndArray();
}

void Write(const IrProperty& property, io::JsonWriter& out) {
  out.BeginObject();
  out.Key("name");
  out.String(property.name);
  out.Key("property_id");
  out.Uint(property.property_id);
  out.Key("prop_type");
  WriteJson(property.type, out);
  out.Key("annotations");
  WriteJson(property.annotations, out);
  out.Key("property_constraints");
  WriteJson(property.property_constraints, out);
  out.Key("embed_source");
  if (property.embed.has_value()) {
    out.BeginObject();
    out.Key("source");
    out.BeginObject();
    Write(property.embed->source, out);
    out.EndObject();
    out.Key("model");
    WriteJson(property.embed->model, out);
    out.EndObject();
  } else {
    out.Null();
  }
  out.Key("declared_directly");
  out.Bool(property.declared_directly);
  out.Key("satisfies_interface_properties");
  out.BeginArray();
  for (const PropertyRef& reference : property.satisfies) {
    out.BeginObject();
    Write(reference, out);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

void Write(const std::vector<IrProperty>& properties, io::JsonWriter& out) {
  out.BeginArray();
  for (const IrProperty& property : properties) {
    Write(property, out);
  }
  out.EndArray();
}

std::string IrJson(const SchemaIr& ir, io::JsonWriter::Style style) {
  io::JsonWriter out(style);
  out.BeginObject();
  out.Key("ir_version");
  out.Uint(kIrVersion);
  out.Key("schema_identity_domain");
  out.String(ir.identity_domain);
  out.Key("next_identity_id");
  out.Uint(ir.next_identity_id);
  out.Key("interfaces");
  out.BeginArray();
  for (const IrInterface& interface : ir.interfaces) {
    out.BeginObject();
    out.Key("name");
    out.String(interface.name);
    out.Key("type_id");
    out.Uint(interface.type_id);
    out.Key("properties");
    Write(interface.properties, out);
    out.EndObject();
  }
  out.EndArray();
  out.Key("nodes");
  out.BeginArray();
  for (const IrNode& node : ir.nodes) {
    out.BeginObject();
    out.Key("name");
    out.String(node.name);
    out.Key("type_id");
    out.Uint(node.type_id);
    out.Key("table_incarnation_id");
    out.Uint(node.table_incarnation_id);
    out.Key("annotations");
    WriteJson(node.annotations, out);
    out.Key("implements");
    out.BeginArray();
    for (const TypeRef& reference : node.implements) {
      Write(reference, out);
    }
    out.EndArray();
    out.Key("properties");
    Write(node.properties, out);
    out.Key("constraints");
    Write(node.constraints, out);
    out.EndObject();
  }
  out.EndArray();
  out.Key("edges");
  out.BeginArray();
  for (const IrEdge& edge : ir.edges) {
    out.BeginObject();
    out.Key("name");
    out.String(edge.name);
    out.Key("type_id");
    out.Uint(edge.type_id);
    out.Key("table_incarnation_id");
    out.Uint(edge.table_incarnation_id);
    out.Key("from_type");
    Write(edge.from, out);
    out.Key("to_type");
    Write(edge.to, out);
    out.Key("cardinality");
    WriteJson(edge.cardinality, out);
    out.Key("annotations");
    WriteJson(edge.annotations, out);
    out.Key("properties");
    Write(edge.properties, out);
    out.Key("constraints");
    Write(edge.constraints, out);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return std::move(out).Finish();
}

std::vector<PropertyShape> ShapesOf(const std::vector<IrProperty>& properties) {
  std::vector<PropertyShape> shapes;
  for (const IrProperty& property : properties) {
    PropertyShape shape;
    shape.name = property.name;
    shape.type = property.type;
    shape.annotations = property.annotations;
    shape.property_constraints = property.property_constraints;
    if (property.embed.has_value()) {
      shape.embed = ShapeEmbed{.property = property.embed->source.property_name,
                               .model = property.embed->model};
    }
    shape.declared_directly = property.declared_directly;
    for (const PropertyRef& reference : property.satisfies) {
      shape.satisfies.push_back(
          {.owner = reference.owner_type_name, .property = reference.property_name});
    }
    std::sort(shape.satisfies.begin(), shape.satisfies.end());
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

std::vector<Constraint> ConstraintsOf(const std::vector<IrConstraint>& constraints) {
  std::vector<Constraint> result;
  for (const IrConstraint& constraint : constraints) {
    result.push_back(ConstraintOf(constraint));
  }
  return result;
}

}  // namespace

std::string_view SystemRoleName(SystemRole role) {
  static constexpr std::string_view kNames[] = {"id", "src", "dst"};
  return kNames[static_cast<size_t>(role)];
}

std::string CompactIrJson(const SchemaIr& ir) {
  return IrJson(ir, io::JsonWriter::Style::kCompact);
}

std::string PrettyIrJson(const SchemaIr& ir) {
  return IrJson(ir, io::JsonWriter::Style::kPretty);
}

std::string IrHash(const SchemaIr& ir) {
  return HashText(CompactIrJson(ir));
}

std::string_view FieldName(const FieldRef& field) {
  if (const auto* property = std::get_if<PropertyRef>(&field)) {
    return property->property_name;
  }
  return SystemRoleName(std::get<SystemRef>(field).role);
}

Constraint ConstraintOf(const IrConstraint& constraint) {
  Constraint result;
  result.kind = constraint.kind;
  for (const FieldRef& field : constraint.fields) {
    result.columns.emplace_back(FieldName(field));
  }
  result.min = constraint.min;
  result.max = constraint.max;
  result.pattern = constraint.pattern;
  return result;
}

SchemaShape ShapeOfIr(const SchemaIr& ir) {
  SchemaShape shape;
  for (const IrInterface& interface : ir.interfaces) {
    shape.interfaces.push_back(
        {.name = interface.name, .properties = ShapesOf(interface.properties)});
  }
  for (const IrNode& node : ir.nodes) {
    NodeShape node_shape;
    node_shape.name = node.name;
    node_shape.annotations = node.annotations;
    for (const TypeRef& reference : node.implements) {
      node_shape.implements.push_back(reference.type_name);
    }
    SortUnique(&node_shape.implements);
    node_shape.properties = ShapesOf(node.properties);
    node_shape.constraints = ConstraintsOf(node.constraints);
    shape.nodes.push_back(std::move(node_shape));
  }
  for (const IrEdge& edge : ir.edges) {
    EdgeShape edge_shape;
    edge_shape.name = edge.name;
    edge_shape.from = edge.from.type_name;
    edge_shape.to = edge.to.type_name;
    edge_shape.cardinality = edge.cardinality;
    edge_shape.annotations = edge.annotations;
    edge_shape.properties = ShapesOf(edge.properties);
    edge_shape.constraints = ConstraintsOf(edge.constraints);
    shape.edges.push_back(std::move(edge_shape));
  }
  return shape;
}

}  // namespace og::engine::schema
