// The meaning of a schema without identities and without the accidents of its text: everything is
// sorted and deduplicated, so that two sources with the same meaning have the same shape. Its hash
// is part of a graph's schema contract.
//
// Hash input, compact JSON: {"interfaces":[{"name","properties"}],"nodes":[{"name","annotations",
// "implements","properties","constraints"}],"edges":[{"name","from_type","to_type","cardinality",
// "annotations","properties","constraints"}]}. Rename hints stand beside the shape and are not
// hashed.
//
// Source: omnigraph-compiler 0.10.0: src/catalog/schema_shape.rs.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/schema/source.h"

namespace og::engine::schema {

struct ShapePropertyRef {
  std::string owner;
  std::string property;

  friend auto operator<=>(const ShapePropertyRef&, const ShapePropertyRef&) = default;
};

struct ShapeEmbed {
  std::string property;
  std::optional<std::string> model;

  friend bool operator==(const ShapeEmbed&, const ShapeEmbed&) = default;
};

struct PropertyShape {
  std::string name;
  std::optional<std::string> rename_from;
  PropType type;
  std::vector<Annotation> annotations;               // the opaque ones
  std::vector<ConstraintKind> property_constraints;  // kKey, kUnique, kIndex in this order
  std::optional<ShapeEmbed> embed;
  bool declared_directly = true;  // false: injected by an interface
  std::vector<ShapePropertyRef> satisfies;
};

struct InterfaceShape {
  std::string name;
  std::vector<PropertyShape> properties;
};

struct NodeShape {
  std::string name;
  std::optional<std::string> rename_from;
  std::vector<Annotation> annotations;
  std::vector<std::string> implements;
  std::vector<PropertyShape> properties;
  std::vector<Constraint> constraints;
};

struct EdgeShape {
  std::string name;
  std::optional<std::string> rename_from;
  std::string from;
  std::string to;
  Cardinality cardinality;
  std::vector<Annotation> annotations;
  std::vector<PropertyShape> properties;
  std::vector<Constraint> constraints;
};

struct SchemaShape {
  std::vector<InterfaceShape> interfaces;
  std::vector<NodeShape> nodes;
  std::vector<EdgeShape> edges;
};

// The shape of a checked source. kBadRequest with "catalog error: ..." for what only the whole
// schema shows: duplicates, unknown endpoints, interfaces that disagree about a property.
absl::StatusOr<SchemaShape> CompileShape(const SchemaSource& source);

// The hash input.
std::string ShapeJson(const SchemaShape& shape);

// "sha256:" and the hexadecimal digest of ShapeJson.
std::string ShapeHash(const SchemaShape& shape);

// The text by which constraints of one type are ordered: "key:a,b",
// "range:p:Some(Integer(1)):None".
std::string ConstraintSortKey(const Constraint& constraint);

// "None", "Some(Integer(5))", "Some(Float(1e-5))".
std::string BoundText(const std::optional<Bound>& bound);

// "@key", "@embed" and the other annotations that have typed fields of their own.
bool IsInterpretedAnnotation(std::string_view name);

}  // namespace og::engine::schema
