#include "engine/schema/catalog.h"

#include <algorithm>
#include <utility>

#include "engine/schema/ir.h"
#include "engine/schema/parse.h"
#include "engine/schema/peg.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

std::string Folded(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return folded;
}

const Property* FindIn(const std::vector<Property>& properties, std::string_view name) {
  const auto found = std::find_if(properties.begin(), properties.end(),
                                  [&](const Property& p) { return p.name == name; });
  return found == properties.end() ? nullptr : &*found;
}

std::string TablePathOf(std::string_view folder, uint64_t type_id, uint64_t incarnation) {
  return io::StrCat(folder, "/", io::Hex(type_id, 16), "-", io::Hex(incarnation, 16));
}

Property FromDecl(const PropertyDecl& decl) {
  Property property;
  property.name = decl.name;
  property.type = decl.type;
  for (const Annotation& annotation : decl.annotations) {
    if (!IsInterpretedAnnotation(annotation.name)) {
      property.annotations.push_back(annotation);
    }
  }
  const Annotation* embed = FindAnnotation(decl.annotations, "embed");
  if (embed != nullptr && embed->value.has_value()) {
    property.embed = EmbedSource{.property = *embed->value, .model = std::nullopt};
    if (const auto model = embed->kwargs.find("model"); model != embed->kwargs.end()) {
      property.embed->model = model->second;
    }
  }
  return property;
}

Property FromIr(const IrProperty& ir) {
  Property property;
  property.name = ir.name;
  property.property_id = ir.property_id;
  property.type = ir.type;
  property.annotations = ir.annotations;
  if (ir.embed.has_value()) {
    property.embed =
        EmbedSource{.property = ir.embed->source.property_name, .model = ir.embed->model};
  }
  return property;
}

// The position of `name`; the checks before have made sure that there is one.
size_t PositionOf(const std::vector<Property>& properties, std::string_view name) {
  return static_cast<size_t>(FindIn(properties, name) - properties.data());
}

void AddGroup(const ColumnGroup& group, std::vector<ColumnGroup>* groups) {
  if (std::find(groups->begin(), groups->end(), group) == groups->end()) {
    groups->push_back(group);
  }
}

// Distributes the constraints of a node. The key's columns come last among the index groups.
void ApplyConstraints(const std::vector<Constraint>& constraints, NodeType* node) {
  ColumnGroup key;
  for (const Constraint& constraint : constraints) {
    switch (constraint.kind) {
      case ConstraintKind::kKey:
        key = constraint.columns;
        break;
      case ConstraintKind::kUnique:
        node->unique_groups.push_back(constraint.columns);
        break;
      case ConstraintKind::kIndex:
        node->index_groups.push_back(constraint.columns);
        break;
      case ConstraintKind::kRange:
        node->ranges.push_back(
            {.property = constraint.columns[0], .min = constraint.min, .max = constraint.max});
        break;
      case ConstraintKind::kCheck:
        node->checks.push_back({.property = constraint.columns[0], .pattern = constraint.pattern});
        break;
    }
  }
  for (const std::string& column : key) {
    const size_t position = PositionOf(node->properties, column);
    if (std::find(node->key.begin(), node->key.end(), position) == node->key.end()) {
      node->key.push_back(position);
    }
  }
  std::stable_sort(node->key.begin(), node->key.end(), [&](size_t a, size_t b) {
    return node->properties[a].property_id < node->properties[b].property_id;
  });
  if (!key.empty()) {
    AddGroup(key, &node->index_groups);
  }
}

void ApplyConstraints(const std::vector<Constraint>& constraints, EdgeType* edge) {
  for (const Constraint& constraint : constraints) {
    (constraint.kind == ConstraintKind::kUnique ? edge->unique_groups : edge->index_groups)
        .push_back(constraint.columns);
  }
}

template <typename Type>
std::vector<Annotation> OpaqueAnnotations(const Type& decl) {
  std::vector<Annotation> result;
  for (const Annotation& annotation : decl.annotations) {
    if (!IsInterpretedAnnotation(annotation.name)) {
      result.push_back(annotation);
    }
  }
  return result;
}

std::vector<Constraint> NamedConstraints(const std::vector<IrConstraint>& constraints) {
  std::vector<Constraint> result;
  for (const IrConstraint& constraint : constraints) {
    result.push_back(ConstraintOf(constraint));
  }
  return result;
}

}  // namespace

const Property* NodeType::Find(std::string_view property) const {
  return FindIn(properties, property);
}

std::string NodeType::TableKey() const {
  return io::StrCat("node:", name);
}

std::string NodeType::TablePath() const {
  return TablePathOf("nodes", type_id, table_incarnation_id);
}

const Property* EdgeType::Find(std::string_view property) const {
  return FindIn(properties, property);
}

std::string EdgeType::TableKey() const {
  return io::StrCat("edge:", name);
}

std::string EdgeType::TablePath() const {
  return TablePathOf("edges", type_id, table_incarnation_id);
}

absl::StatusOr<CatalogPtr> Catalog::Create(std::vector<NodeType> nodes,
                                           std::vector<EdgeType> edges) {
  const std::shared_ptr<Catalog> catalog(new Catalog());
  catalog->nodes_ = std::move(nodes);
  catalog->edges_ = std::move(edges);
  for (size_t i = 0; i < catalog->nodes_.size(); ++i) {
    const std::string& name = catalog->nodes_[i].name;
    if (!catalog->node_by_name_.emplace(name, i).second) {
      return CompilerError("catalog error", io::StrCat("duplicate node type: ", name));
    }
  }
  for (size_t i = 0; i < catalog->edges_.size(); ++i) {
    const EdgeType& edge = catalog->edges_[i];
    if (!catalog->edge_by_name_.emplace(edge.name, i).second) {
      return CompilerError("catalog error", io::StrCat("duplicate edge type: ", edge.name));
    }
    if (!catalog->node_by_name_.contains(edge.from)) {
      return CompilerError(
          "catalog error",
          io::StrCat("edge ", edge.name, " references unknown source type: ", edge.from));
    }
    if (!catalog->node_by_name_.contains(edge.to)) {
      return CompilerError(
          "catalog error",
          io::StrCat("edge ", edge.name, " references unknown target type: ", edge.to));
    }
    const auto [previous, fresh] = catalog->edge_by_folded_name_.emplace(Folded(edge.name), i);
    if (!fresh) {
      return CompilerError(
          "catalog error",
          io::StrCat("edge name collision after case folding: '", edge.name, "' conflicts with '",
                     catalog->edges_[previous->second].name, "'"));
    }
  }
  return catalog;
}

const NodeType* Catalog::FindNode(std::string_view name) const {
  const auto found = node_by_name_.find(std::string(name));
  return found == node_by_name_.end() ? nullptr : &nodes_[found->second];
}

const EdgeType* Catalog::FindEdgeExactly(std::string_view name) const {
  const auto found = edge_by_name_.find(std::string(name));
  return found == edge_by_name_.end() ? nullptr : &edges_[found->second];
}

const EdgeType* Catalog::FindEdge(std::string_view name) const {
  if (const EdgeType* exact = FindEdgeExactly(name)) {
    return exact;
  }
  const auto found = edge_by_folded_name_.find(Folded(name));
  return found == edge_by_folded_name_.end() ? nullptr : &edges_[found->second];
}

absl::StatusOr<CatalogPtr> BuildCatalog(const SchemaSource& source) {
  std::vector<NodeType> nodes;
  std::vector<EdgeType> edges;
  for (const Declaration& declaration : source.declarations) {
    if (const auto* decl = std::get_if<NodeDecl>(&declaration)) {
      NodeType node;
      node.name = decl->name;
      node.annotations = OpaqueAnnotations(*decl);
      node.implements = decl->implements;
      for (const PropertyDecl& property : decl->properties) {
        node.properties.push_back(FromDecl(property));
      }
      ApplyConstraints(decl->constraints, &node);
      nodes.push_back(std::move(node));
    } else if (const auto* edge_decl = std::get_if<EdgeDecl>(&declaration)) {
      EdgeType edge;
      edge.name = edge_decl->name;
      edge.from = edge_decl->from;
      edge.to = edge_decl->to;
      edge.cardinality = edge_decl->cardinality;
      edge.annotations = OpaqueAnnotations(*edge_decl);
      for (const PropertyDecl& property : edge_decl->properties) {
        edge.properties.push_back(FromDecl(property));
      }
      ApplyConstraints(edge_decl->constraints, &edge);
      edges.push_back(std::move(edge));
    }
  }
  return Catalog::Create(std::move(nodes), std::move(edges));
}

absl::StatusOr<CatalogPtr> CatalogFromIr(const SchemaIr& ir) {
  OG_RETURN_IF_ERROR(ValidateIr(ir));
  std::vector<NodeType> nodes;
  std::vector<EdgeType> edges;
  for (const IrNode& entry : ir.nodes) {
    NodeType node;
    node.name = entry.name;
    node.type_id = entry.type_id;
    node.table_incarnation_id = entry.table_incarnation_id;
    node.annotations = entry.annotations;
    for (const TypeRef& reference : entry.implements) {
      node.implements.push_back(reference.type_name);
    }
    for (const IrProperty& property : entry.properties) {
      node.properties.push_back(FromIr(property));
    }
    ApplyConstraints(NamedConstraints(entry.constraints), &node);
    nodes.push_back(std::move(node));
  }
  for (const IrEdge& entry : ir.edges) {
    EdgeType edge;
    edge.name = entry.name;
    edge.type_id = entry.type_id;
    edge.table_incarnation_id = entry.table_incarnation_id;
    edge.from = entry.from.type_name;
    edge.to = entry.to.type_name;
    edge.cardinality = entry.cardinality;
    edge.annotations = entry.annotations;
    for (const IrProperty& property : entry.properties) {
      edge.properties.push_back(FromIr(property));
    }
    ApplyConstraints(NamedConstraints(entry.constraints), &edge);
    edges.push_back(std::move(edge));
  }
  return Catalog::Create(std::move(nodes), std::move(edges));
}

absl::StatusOr<CatalogPtr> CatalogFromText(std::string_view text) {
  OG_ASSIGN_OR_RETURN(const SchemaSource source, ParseSchema(text));
  return BuildCatalog(source);
}

}  // namespace og::engine::schema
