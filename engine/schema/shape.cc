#include "engine/schema/shape.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "engine/schema/check.h"
#include "engine/schema/json_parts.h"
#include "engine/schema/peg.h"
#include "io/base/json_writer.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

using InterfaceMap = std::map<std::string_view, const InterfaceDecl*>;

absl::Status CatalogError(std::string_view message) {
  return CompilerError("catalog error", message);
}

std::optional<std::string> CopiedHint(const std::vector<Annotation>& annotations) {
  const std::string* hint = RenameHint(annotations);
  return hint == nullptr ? std::nullopt : std::optional<std::string>(*hint);
}

std::vector<Annotation> CanonicalAnnotations(const std::vector<Annotation>& annotations) {
  std::vector<std::pair<std::string, Annotation>> keyed;
  for (const Annotation& annotation : annotations) {
    if (!IsInterpretedAnnotation(annotation.name)) {
      keyed.emplace_back(AnnotationSortKey(annotation), annotation);
    }
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Annotation> result;
  for (auto& [key, annotation] : keyed) {
    if (result.empty() || result.back() != annotation) {
      result.push_back(std::move(annotation));
    }
  }
  return result;
}

std::vector<Constraint> CanonicalConstraints(std::vector<Constraint> constraints) {
  std::vector<std::pair<std::string, Constraint>> keyed;
  for (Constraint& constraint : constraints) {
    SortUnique(&constraint.columns);
    std::string key = ConstraintSortKey(constraint);
    keyed.emplace_back(std::move(key), std::move(constraint));
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Constraint> result;
  for (auto& [key, constraint] : keyed) {
    if (result.empty() || !(result.back() == constraint)) {
      result.push_back(std::move(constraint));
    }
  }
  return result;
}

PropertyShape ShapeOf(const PropertyDecl& property, bool declared_directly) {
  PropertyShape shape;
  shape.name = property.name;
  shape.rename_from = CopiedHint(property.annotations);
  shape.type = property.type;
  shape.annotations = CanonicalAnnotations(property.annotations);
  shape.declared_directly = declared_directly;
  std::set<ConstraintKind> kinds;
  std::vector<Constraint> constraints;
  AppendPropertyConstraints({property}, &constraints);
  for (const Constraint& constraint : constraints) {
    kinds.insert(constraint.kind);
  }
  shape.property_constraints.assign(kinds.begin(), kinds.end());
  const Annotation* embed = FindAnnotation(property.annotations, "embed");
  if (embed != nullptr && embed->value.has_value()) {
    shape.embed = ShapeEmbed{.property = *embed->value, .model = std::nullopt};
    const auto model = embed->kwargs.find("model");
    if (model != embed->kwargs.end()) {
      shape.embed->model = model->second;
    }
  }
  return shape;
}

bool ByName(const PropertyShape& a, const PropertyShape& b) {
  return a.name < b.name;
}

absl::StatusOr<std::vector<PropertyShape>> DeclaredProperties(
    const std::string& owner, const std::vector<PropertyDecl>& properties) {
  std::vector<PropertyShape> result;
  for (const PropertyDecl& property : properties) {
    result.push_back(ShapeOf(property, true));
  }
  std::stable_sort(result.begin(), result.end(), ByName);
  const auto twin = std::adjacent_find(
      result.begin(), result.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twin != result.end()) {
    return CatalogError(io::StrCat("duplicate property in schema shape for '", owner, "'"));
  }
  return result;
}

void WriteProperties(const std::vector<PropertyShape>& properties, io::JsonWriter& out) {
  out.BeginArray();
  for (const PropertyShape& property : properties) {
    out.BeginObject();
    out.Key("name");
    out.String(property.name);
    out.Key("prop_type");
    WriteJson(property.type, out);
    out.Key("annotations");
    WriteJson(property.annotations, out);
    out.Key("property_constraints");
    WriteJson(property.property_constraints, out);
    out.Key("embed_source");
    if (property.embed.has_value()) {
      out.BeginObject();
      out.Key("property_name");
      out.String(property.embed->property);
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
    for (const ShapePropertyRef& reference : property.satisfies) {
      out.BeginObject();
      out.Key("owner_name");
      out.String(reference.owner);
      out.Key("property_name");
      out.String(reference.property);
      out.EndObject();
    }
    out.EndArray();
    out.EndObject();
  }
  out.EndArray();
}

void WriteConstraints(const std::vector<Constraint>& constraints, io::JsonWriter& out) {
  out.BeginArray();
  for (const Constraint& constraint : constraints) {
    WriteJson(constraint, out);
  }
  out.EndArray();
}

// What two interfaces have to agree on when both inject one property: everything that is persisted.
std::string Semantics(const PropertyDecl& property) {
  io::JsonWriter out;
  WriteProperties({ShapeOf(property, false)}, out);
  return std::move(out).Finish();
}

// The declarations of `name` in the interfaces that `node` implements, by interface name.
std::map<std::string, const PropertyDecl*> Contributions(const NodeDecl& node,
                                                         std::string_view name,
                                                         const InterfaceMap& interfaces) {
  std::map<std::string, const PropertyDecl*> result;
  for (const std::string& interface_name : node.implements) {
    for (const PropertyDecl& property : interfaces.at(interface_name)->properties) {
      if (property.name == name) {
        result.emplace(interface_name, &property);
      }
    }
  }
  return result;
}

absl::StatusOr<PropertyShape> NodeProperty(const NodeDecl& node, size_t position,
                                           const InterfaceMap& interfaces) {
  const PropertyDecl* property = &node.properties[position];
  const bool direct = position < node.num_declared_properties;
  const auto contributions = Contributions(node, property->name, interfaces);
  if (!direct) {
    property = contributions.begin()->second;
    const std::string wanted = Semantics(*property);
    for (const auto& [interface_name, candidate] : contributions) {
      if (Semantics(*candidate) != wanted) {
        return CatalogError(io::StrCat("interfaces contributing '", node.name, ".", property->name,
                                       "' have incompatible property semantics"));
      }
    }
  }
  PropertyShape shape = ShapeOf(*property, direct);
  for (const auto& [interface_name, candidate] : contributions) {
    shape.satisfies.push_back({.owner = interface_name, .property = property->name});
  }
  return shape;
}

absl::StatusOr<NodeShape> ShapeOf(const NodeDecl& node, const InterfaceMap& interfaces) {
  NodeShape shape;
  shape.name = node.name;
  shape.rename_from = CopiedHint(node.annotations);
  shape.annotations = CanonicalAnnotations(node.annotations);
  shape.implements = node.implements;
  SortUnique(&shape.implements);
  for (size_t i = 0; i < node.properties.size(); ++i) {
    OG_ASSIGN_OR_RETURN(PropertyShape property, NodeProperty(node, i, interfaces));
    shape.properties.push_back(std::move(property));
  }
  std::stable_sort(shape.properties.begin(), shape.properties.end(), ByName);
  std::vector<Constraint> constraints(
      node.constraints.begin(),
      node.constraints.begin() + static_cast<std::ptrdiff_t>(node.num_declared_constraints));
  for (const PropertyShape& property : shape.properties) {
    if (property.declared_directly) {
      continue;
    }
    for (const ConstraintKind kind : property.property_constraints) {
      Constraint constraint;
      constraint.kind = kind;
      constraint.columns = {property.name};
      constraints.push_back(std::move(constraint));
    }
  }
  shape.constraints = CanonicalConstraints(std::move(constraints));
  return shape;
}

absl::StatusOr<EdgeShape> ShapeOf(const EdgeDecl& edge) {
  EdgeShape shape;
  shape.name = edge.name;
  shape.rename_from = CopiedHint(edge.annotations);
  shape.from = edge.from;
  shape.to = edge.to;
  shape.cardinality = edge.cardinality;
  shape.annotations = CanonicalAnnotations(edge.annotations);
  OG_ASSIGN_OR_RETURN(shape.properties, DeclaredProperties(edge.name, edge.properties));
  shape.constraints = CanonicalConstraints(edge.constraints);
  return shape;
}

template <typename Shape>
bool HasDuplicateName(const std::vector<Shape>& sorted) {
  return std::adjacent_find(sorted.begin(), sorted.end(), [](const Shape& a, const Shape& b) {
           return a.name == b.name;
         }) != sorted.end();
}

absl::Status CheckShape(const SchemaShape& shape) {
  if (HasDuplicateName(shape.interfaces)) {
    return CatalogError("duplicate interface name in schema shape");
  }
  if (HasDuplicateName(shape.nodes)) {
    return CatalogError("duplicate node name in schema shape");
  }
  std::set<std::string_view> nodes;
  for (const NodeShape& node : shape.nodes) {
    nodes.insert(node.name);
  }
  std::set<std::string_view> edges;
  for (const EdgeShape& edge : shape.edges) {
    if (!edges.insert(edge.name).second) {
      return CatalogError(io::StrCat("duplicate edge name '", edge.name, "' in schema shape"));
    }
    if (!nodes.contains(edge.from) || !nodes.contains(edge.to)) {
      return CatalogError(io::StrCat("edge '", edge.name, "' has an unresolved endpoint"));
    }
  }
  return absl::OkStatus();
}

// A float as Rust's debug form has it.
std::string DebugFloat(double value) {
  char buffer[512];
  const double magnitude = std::fabs(value);
  if (magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16)) {
    const auto end =
        std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed);
    std::string text(buffer, end.ptr);
    return text.find('.') == std::string::npos ? text + ".0" : text;
  }
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = text.find('e');
  std::string_view exponent = text.substr(e + 1);
  const bool negative = exponent.starts_with('-');
  exponent.remove_prefix(1);
  while (exponent.size() > 1 && exponent.starts_with('0')) {
    exponent.remove_prefix(1);
  }
  return io::StrCat(text.substr(0, e), negative ? "e-" : "e", exponent);
}

}  // namespace

bool IsInterpretedAnnotation(std::string_view name) {
  return name == "rename_from" || name == "embed" || name == "key" || name == "unique" ||
         name == "index";
}

std::string BoundText(const std::optional<Bound>& bound) {
  if (!bound.has_value()) {
    return "None";
  }
  if (const auto* integer = std::get_if<int64_t>(&*bound)) {
    return io::StrCat("Some(Integer(", *integer, "))");
  }
  return io::StrCat("Some(Float(", DebugFloat(std::get<double>(*bound)), "))");
}

std::string ConstraintSortKey(const Constraint& constraint) {
  std::string key =
      io::StrCat(ConstraintName(constraint.kind), ":", io::Join(constraint.columns, ","));
  if (constraint.kind == ConstraintKind::kRange) {
    key += io::StrCat(":", BoundText(constraint.min), ":", BoundText(constraint.max));
  } else if (constraint.kind == ConstraintKind::kCheck) {
    key += io::StrCat(":", constraint.pattern);
  }
  return key;
}

absl::StatusOr<SchemaShape> CompileShape(const SchemaSource& source) {
  InterfaceMap interfaces;
  for (const Declaration& declaration : source.declarations) {
    if (const auto* interface = std::get_if<InterfaceDecl>(&declaration)) {
      interfaces[interface->name] = interface;
    }
  }
  SchemaShape shape;
  for (const Declaration& declaration : source.declarations) {
    if (const auto* interface = std::get_if<InterfaceDecl>(&declaration)) {
      OG_ASSIGN_OR_RETURN(auto properties,
                          DeclaredProperties(interface->name, interface->properties));
      shape.interfaces.push_back({.name = interface->name, .properties = std::move(properties)});
    } else if (const auto* node = std::get_if<NodeDecl>(&declaration)) {
      OG_ASSIGN_OR_RETURN(NodeShape node_shape, ShapeOf(*node, interfaces));
      shape.nodes.push_back(std::move(node_shape));
    } else if (const auto* edge = std::get_if<EdgeDecl>(&declaration)) {
      OG_ASSIGN_OR_RETURN(EdgeShape edge_shape, ShapeOf(*edge));
      shape.edges.push_back(std::move(edge_shape));
    }
  }
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::stable_sort(shape.interfaces.begin(), shape.interfaces.end(), by_name);
  std::stable_sort(shape.nodes.begin(), shape.nodes.end(), by_name);
  std::stable_sort(shape.edges.begin(), shape.edges.end(), by_name);
  OG_RETURN_IF_ERROR(CheckShape(shape));
  return shape;
}

std::string ShapeJson(const SchemaShape& shape) {
  io::JsonWriter out;
  out.BeginObject();
  out.Key("interfaces");
  out.BeginArray();
  for (const InterfaceShape& interface : shape.interfaces) {
    out.BeginObject();
    out.Key("name");
    out.String(interface.name);
    out.Key("properties");
    WriteProperties(interface.properties, out);
    out.EndObject();
  }
  out.EndArray();
  out.Key("nodes");
  out.BeginArray();
  for (const NodeShape& node : shape.nodes) {
    out.BeginObject();
    out.Key("name");
    out.String(node.name);
    out.Key("annotations");
    WriteJson(node.annotations, out);
    out.Key("implements");
    out.BeginArray();
    for (const std::string& name : node.implements) {
      out.String(name);
    }
    out.EndArray();
    out.Key("properties");
    WriteProperties(node.properties, out);
    out.Key("constraints");
    WriteConstraints(node.constraints, out);
    out.EndObject();
  }
  out.EndArray();
  out.Key("edges");
  out.BeginArray();
  for (const EdgeShape& edge : shape.edges) {
    out.BeginObject();
    out.Key("name");
    out.String(edge.name);
    out.Key("from_type");
    out.String(edge.from);
    out.Key("to_type");
    out.String(edge.to);
    out.Key("cardinality");
    WriteJson(edge.cardinality, out);
    out.Key("annotations");
    WriteJson(edge.annotations, out);
    out.Key("properties");
    WriteProperties(edge.properties, out);
    out.Key("constraints");
    WriteConstraints(edge.constraints, out);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return std::move(out).Finish();
}

std::string ShapeHash(const SchemaShape& shape) {
  return HashText(ShapeJson(shape));
}

}  // namespace og::engine::schema
