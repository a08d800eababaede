// A schema source after parsing and checking: declarations in the order of the text, with every
// implemented interface resolved into its nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/schema/type.h"

namespace og::engine::schema {

enum class ConstraintKind : uint8_t { kKey, kUnique, kIndex, kRange, kCheck };

// "key", "unique", "index", "range", "check".
std::string_view ConstraintName(ConstraintKind kind);

// A constraint in terms of names. kRange and kCheck have exactly one column.
struct Constraint {
  ConstraintKind kind = ConstraintKind::kKey;
  std::vector<std::string> columns;
  std::optional<Bound> min;
  std::optional<Bound> max;
  std::string pattern;

  friend bool operator==(const Constraint&, const Constraint&) = default;
};

struct PropertyDecl {
  std::string name;
  PropType type;
  std::vector<Annotation> annotations;
};

struct InterfaceDecl {
  std::string name;
  std::vector<PropertyDecl> properties;
};

struct NodeDecl {
  std::string name;
  std::vector<Annotation> annotations;
  std::vector<std::string> implements;
  // The declared ones, then those injected by interfaces.
  std::vector<PropertyDecl> properties;
  size_t num_declared_properties = 0;
  // Those of the body, those of the declared properties' annotations, then the injected ones.
  std::vector<Constraint> constraints;
  size_t num_declared_constraints = 0;
};

struct EdgeDecl {
  std::string name;
  std::string from;
  std::string to;
  Cardinality cardinality;
  std::vector<Annotation> annotations;
  std::vector<PropertyDecl> properties;
  std::vector<Constraint> constraints;
};

using Declaration = std::variant<InterfaceDecl, NodeDecl, EdgeDecl>;

struct SchemaSource {
  std::vector<Declaration> declarations;
};

// The first annotation called `name`, or null.
const Annotation* FindAnnotation(const std::vector<Annotation>& annotations, std::string_view name);

// The name that @rename_from gives among `annotations`; null without one.
const std::string* RenameHint(const std::vector<Annotation>& annotations);

}  // namespace og::engine::schema
