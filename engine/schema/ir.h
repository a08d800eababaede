// The accepted schema of a graph with its stable identities: the document `_schema.ir.json`. Types,
// properties and table incarnations carry numbers that survive renames and are never used twice,
// all drawn from one counter inside one identity domain (a ULID minted at init).
//
//   object        fields in order
//   SchemaIr      ir_version (2), schema_identity_domain, next_identity_id, interfaces, nodes,
//   edges IrInterface   name, type_id, properties IrNode        name, type_id,
//   table_incarnation_id, annotations, implements, properties,
//                 constraints
//   IrEdge        name, type_id, table_incarnation_id, from_type, to_type, cardinality,
//   annotations,
//                 properties, constraints
//   IrProperty    name, property_id, prop_type, annotations, property_constraints, embed_source,
//                 declared_directly, satisfies_interface_properties
//
// The file is pretty JSON without a final newline; what is hashed is the compact form. All lists
// are sorted: declarations and properties by name, references by identity, constraints by their
// text.
//
// Source: omnigraph-compiler 0.10.0: src/catalog/schema_ir.rs.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/schema/shape.h"

namespace og::engine::schema {

inline constexpr uint32_t kIrVersion = 2;

struct TypeRef {
  uint64_t type_id = 0;
  std::string type_name;

  friend auto operator<=>(const TypeRef&, const TypeRef&) = default;
};

struct PropertyRef {
  uint64_t owner_type_id = 0;
  std::string owner_type_name;
  uint64_t property_id = 0;
  std::string property_name;

  friend auto operator<=>(const PropertyRef&, const PropertyRef&) = default;
};

enum class SystemRole : uint8_t { kId, kSrc, kDst };

// "id", "src", "dst".
std::string_view SystemRoleName(SystemRole role);

struct SystemRef {
  uint64_t stable_table_id = 0;
  std::string table_type_name;
  uint64_t table_incarnation_id = 0;
  SystemRole role = SystemRole::kId;

  friend bool operator==(const SystemRef&, const SystemRef&) = default;
};

using FieldRef = std::variant<PropertyRef, SystemRef>;

// kRange and kCheck have exactly one field.
struct IrConstraint {
  ConstraintKind kind = ConstraintKind::kKey;
  std::vector<FieldRef> fields;
  std::optional<Bound> min;
  std::optional<Bound> max;
  std::string pattern;

  friend bool operator==(const IrConstraint&, const IrConstraint&) = default;
};

struct IrEmbed {
  PropertyRef source;
  std::optional<std::string> model;

  friend bool operator==(const IrEmbed&, const IrEmbed&) = default;
};

struct IrProperty {
  std::string name;
  uint64_t property_id = 0;
  PropType type;
  std::vector<Annotation> annotations;
  std::vector<ConstraintKind> property_constraints;
  std::optional<IrEmbed> embed;
  bool declared_directly = true;
  std::vector<PropertyRef> satisfies;

  friend bool operator==(const IrProperty&, const IrProperty&) = default;
};

struct IrInterface {
  std::string name;
  uint64_t type_id = 0;
  std::vector<IrProperty> properties;

  friend bool operator==(const IrInterface&, const IrInterface&) = default;
};

struct IrNode {
  std::string name;
  uint64_t type_id = 0;
  uint64_t table_incarnation_id = 0;
  std::vector<Annotation> annotations;
  std::vector<TypeRef> implements;
  std::vector<IrProperty> properties;
  std::vector<IrConstraint> constraints;

  friend bool operator==(const IrNode&, const IrNode&) = default;
};

struct IrEdge {
  std::string name;
  uint64_t type_id = 0;
  uint64_t table_incarnation_id = 0;
  TypeRef from;
  TypeRef to;
  Cardinality cardinality;
  std::vector<Annotation> annotations;
  std::vector<IrProperty> properties;
  std::vector<IrConstraint> constraints;

  friend bool operator==(const IrEdge&, const IrEdge&) = default;
};

struct SchemaIr {
  std::string identity_domain;
  uint64_t next_identity_id = 1;
  std::vector<IrInterface> interfaces;
  std::vector<IrNode> nodes;
  std::vector<IrEdge> edges;

  friend bool operator==(const SchemaIr&, const SchemaIr&) = default;
};

// The document, compact (what is hashed) or pretty (what is stored).
std::string CompactIrJson(const SchemaIr& ir);
std::string PrettyIrJson(const SchemaIr& ir);

// "sha256:" and the hexadecimal digest of the compact document.
std::string IrHash(const SchemaIr& ir);

// Reads a document and validates it. kDataLoss for anything that is not a valid IR; text that is
// JSON but breaks a rule says "invalid accepted SchemaIR: ...".
absl::StatusOr<SchemaIr> ParseIr(std::string_view json);

// The rules of an accepted IR: identities non-zero, unique and below the counter; names unique;
// lists sorted; references that agree in id, name and owner; interface contracts satisfied.
absl::Status ValidateIr(const SchemaIr& ir);

// Whether `text` is 26 characters of Crockford's base 32 in upper case, of a value below 2^128.
bool IsCanonicalUlid(std::string_view text);

// The name by which a constraint calls a field: the property's, or "id", "src", "dst".
std::string_view FieldName(const FieldRef& field);

// `constraint` in terms of names.
Constraint ConstraintOf(const IrConstraint& constraint);

// The shape whose identities `ir` holds. REQUIRES: `ir` is valid.
SchemaShape ShapeOfIr(const SchemaIr& ir);

}  // namespace og::engine::schema
