// `_schema.ir.json` and `__schema_state.json` to their structs.
#include <limits>
#include <utility>

#include "engine/schema/contract.h"
#include "engine/schema/ir.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

using io::JsonValue;

const JsonValue kAbsent;

// Reads values of a parsed document and remembers the first thing that is not as it has to be;
// after that reads give empty values, so that callers check once at the end.
class Reader {
 public:
  const absl::Status& status() const { return status_; }

  void Fail(std::string_view where, std::string_view what) {
    if (status_.ok()) {
      status_ = io::DataLossError(io::StrCat("field '", where, "' ", what));
    }
  }

  // An object with exactly `num_fields` fields; the caller reads each by name, so none is unknown.
  const JsonValue& Object(const JsonValue& value, std::string_view where, size_t num_fields) {
    if (!value.is_object()) {
      Fail(where, "is not an object");
    } else if (value.members().size() != num_fields) {
      Fail(where, io::StrCat("has ", value.members().size(), " fields instead of ", num_fields));
    }
    return value;
  }

  const JsonValue& Field(const JsonValue& object, std::string_view name) {
    const JsonValue* value = object.Find(name);
    if (value == nullptr) {
      Fail(name, "is missing");
    }
    return value == nullptr ? kAbsent : *value;
  }

  std::string Text(const JsonValue& value, std::string_view name) {
    if (!value.is_string()) {
      Fail(name, "is not a string");
    }
    return value.string();
  }
  std::string TextField(const JsonValue& object, std::string_view name) {
    return Text(Field(object, name), name);
  }

  std::optional<std::string> OptionalText(const JsonValue& object, std::string_view name) {
    const JsonValue& value = Field(object, name);
    return value.is_null() ? std::nullopt : std::optional<std::string>(Text(value, name));
  }

  uint64_t Uint(const JsonValue& object, std::string_view name) {
    const std::optional<uint64_t> number = Field(object, name).AsUint64();
    if (!number.has_value()) {
      Fail(name, "is not an unsigned integer");
    }
    return number.value_or(0);
  }

  uint32_t Uint32(const JsonValue& object, std::string_view name) {
    const uint64_t number = Uint(object, name);
    if (number > std::numeric_limits<uint32_t>::max()) {
      Fail(name, "does not fit 32 bits");
    }
    return static_cast<uint32_t>(number);
  }

  bool Bool(const JsonValue& object, std::string_view name) {
    const std::optional<bool> flag = Field(object, name).AsBool();
    if (!flag.has_value()) {
      Fail(name, "is not a boolean");
    }
    return flag.value_or(false);
  }

  // The elements of the array `name`.
  const std::vector<JsonValue>& Items(const JsonValue& object, std::string_view name) {
    const JsonValue& value = Field(object, name);
    if (!value.is_array()) {
      Fail(name, "is not an array");
    }
    return value.items();
  }

 private:
  absl::Status status_;
};

PropType ReadType(Reader& in, const JsonValue& value) {
  PropType type;
  const JsonValue& object = in.Object(value, "prop_type", 4);
  const JsonValue& scalar = in.Field(object, "scalar");
  if (scalar.is_object()) {
    type.scalar = ScalarKind::kVector;
    type.vector_dim = in.Uint32(in.Object(scalar, "scalar", 1), "Vector");
  } else {
    const std::optional<ScalarKind> kind = ScalarNamed(in.Text(scalar, "scalar"));
    if (!kind.has_value()) {
      in.Fail("scalar", "names no type");
    }
    type.scalar = kind.value_or(ScalarKind::kString);
  }
  type.nullable = in.Bool(object, "nullable");
  type.list = in.Bool(object, "list");
  if (!in.Field(object, "enum_values").is_null()) {
    type.enum_values.emplace();
    for (const JsonValue& element : in.Items(object, "enum_values")) {
      type.enum_values->push_back(in.Text(element, "enum_values"));
    }
  }
  return type;
}

std::vector<Annotation> ReadAnnotations(Reader& in, const JsonValue& owner) {
  std::vector<Annotation> annotations;
  for (const JsonValue& element : in.Items(owner, "annotations")) {
    const JsonValue* kwargs = element.Find("kwargs");
    const JsonValue& object = in.Object(element, "annotations", kwargs != nullptr ? 3 : 2);
    Annotation annotation;
    annotation.name = in.TextField(object, "name");
    annotation.value = in.OptionalText(object, "value");
    if (kwargs != nullptr && !kwargs->is_object()) {
      in.Fail("kwargs", "is not an object");
    } else if (kwargs != nullptr) {
      for (const auto& [key, value] : kwargs->members()) {
        annotation.kwargs[key] = in.Text(value, key);
      }
    }
    annotations.push_back(std::move(annotation));
  }
  return annotations;
}

TypeRef ReadTypeRef(Reader& in, const JsonValue& value, std::string_view name) {
  const JsonValue& object = in.Object(value, name, 2);
  return {.type_id = in.Uint(object, "type_id"), .type_name = in.TextField(object, "type_name")};
}

PropertyRef ReadPropertyRef(Reader& in, const JsonValue& object) {
  return {.owner_type_id = in.Uint(object, "owner_type_id"),
          .owner_type_name = in.TextField(object, "owner_type_name"),
          .property_id = in.Uint(object, "property_id"),
          .property_name = in.TextField(object, "property_name")};
}

FieldRef ReadField(Reader& in, const JsonValue& value) {
  const JsonValue& object = in.Object(value, "field", 5);
  const std::string kind = in.TextField(object, "kind");
  if (kind == "property") {
    return ReadPropertyRef(in, object);
  }
  if (kind != "system") {
    in.Fail("kind", "names no kind of field");
  }
  SystemRef reference;
  reference.stable_table_id = in.Uint(object, "stable_table_id");
  reference.table_type_name = in.TextField(object, "table_type_name");
  reference.table_incarnation_id = in.Uint(object, "table_incarnation_id");
  const std::string role = in.TextField(object, "role");
  if (role == "src") {
    reference.role = SystemRole::kSrc;
  } else if (role == "dst") {
    reference.role = SystemRole::kDst;
  } else if (role != "id") {
    in.Fail("role", "names no system field");
  }
  return reference;
}

std::optional<Bound> ReadBound(Reader& in, const JsonValue& owner, std::string_view name) {
  const JsonValue& value = in.Field(owner, name);
  if (value.is_null()) {
    return std::nullopt;
  }
  const JsonValue& object = in.Object(value, name, 1);
  if (const JsonValue* integer = object.Find("Integer"); integer && integer->AsInt64()) {
    return Bound(*integer->AsInt64());
  }
  if (const JsonValue* number = object.Find("Float"); number && number->AsDouble()) {
    return Bound(*number->AsDouble());
  }
  in.Fail(name, "is not a bound");
  return std::nullopt;
}

IrConstraint ReadConstraint(Reader& in, const JsonValue& object) {
  IrConstraint constraint;
  const std::string kind = in.TextField(object, "kind");
  if (kind == "range") {
    constraint.kind = ConstraintKind::kRange;
    in.Object(object, "constraints", 4);
    constraint.fields.push_back(ReadField(in, in.Field(object, "field")));
    constraint.min = ReadBound(in, object, "min");
    constraint.max = ReadBound(in, object, "max");
  } else if (kind == "check") {
    constraint.kind = ConstraintKind::kCheck;
    in.Object(object, "constraints", 3);
    constraint.fields.push_back(ReadField(in, in.Field(object, "field")));
    constraint.pattern = in.TextField(object, "pattern");
  } else if (kind == "key" || kind == "unique" || kind == "index") {
    constraint.kind = kind == "key"      ? ConstraintKind::kKey
                      : kind == "unique" ? ConstraintKind::kUnique
                                         : ConstraintKind::kIndex;
    in.Object(object, "constraints", 2);
    for (const JsonValue& field : in.Items(object, "fields")) {
      constraint.fields.push_back(ReadField(in, field));
    }
  } else {
    in.Fail("kind", "names no kind of constraint");
  }
  return constraint;
}

std::vector<IrConstraint> ReadConstraints(Reader& in, const JsonValue& owner) {
  std::vector<IrConstraint> constraints;
  for (const JsonValue& element : in.Items(owner, "constraints")) {
    constraints.push_back(ReadConstraint(in, element));
  }
  return constraints;
}

ConstraintKind ReadPropertyConstraint(Reader& in, const JsonValue& value) {
  const std::string name = in.Text(value, "property_constraints");
  for (const ConstraintKind kind : {ConstraintKind::kUnique, ConstraintKind::kIndex}) {
    if (name == ConstraintName(kind)) {
      return kind;
    }
  }
  if (name != "key") {
    in.Fail("property_constraints", "names no constraint of a property");
  }
  return ConstraintKind::kKey;
}

std::vector<IrProperty> ReadProperties(Reader& in, const JsonValue& owner) {
  std::vector<IrProperty> properties;
  for (const JsonValue& element : in.Items(owner, "properties")) {
    const JsonValue& object = in.Object(element, "properties", 8);
    IrProperty property;
    property.name = in.TextField(object, "name");
    property.property_id = in.Uint(object, "property_id");
    property.type = ReadType(in, in.Field(object, "prop_type"));
    property.annotations = ReadAnnotations(in, object);
    for (const JsonValue& value : in.Items(object, "property_constraints")) {
      property.property_constraints.push_back(ReadPropertyConstraint(in, value));
    }
    if (const JsonValue& embed = in.Field(object, "embed_source"); !embed.is_null()) {
      in.Object(embed, "embed_source", 2);
      IrEmbed& read = property.embed.emplace();
      read.source = ReadPropertyRef(in, in.Object(in.Field(embed, "source"), "source", 4));
      read.model = in.OptionalText(embed, "model");
    }
    property.declared_directly = in.Bool(object, "declared_directly");
    for (const JsonValue& value : in.Items(object, "satisfies_interface_properties")) {
      property.satisfies.push_back(
          ReadPropertyRef(in, in.Object(value, "satisfies_interface_properties", 4)));
    }
    properties.push_back(std::move(property));
  }
  return properties;
}

IrInterface ReadInterface(Reader& in, const JsonValue& object) {
  in.Object(object, "interfaces", 3);
  IrInterface interface;
  interface.name = in.TextField(object, "name");
  interface.type_id = in.Uint(object, "type_id");
  interface.properties = ReadProperties(in, object);
  return interface;
}

IrNode ReadNode(Reader& in, const JsonValue& object) {
  in.Object(object, "nodes", 7);
  IrNode node;
  node.name = in.TextField(object, "name");
  node.type_id = in.Uint(object, "type_id");
  node.table_incarnation_id = in.Uint(object, "table_incarnation_id");
  node.annotations = ReadAnnotations(in, object);
  for (const JsonValue& reference : in.Items(object, "implements")) {
    node.implements.push_back(ReadTypeRef(in, reference, "implements"));
  }
  node.properties = ReadProperties(in, object);
  node.constraints = ReadConstraints(in, object);
  return node;
}

IrEdge ReadEdge(Reader& in, const JsonValue& object) {
  in.Object(object, "edges", 9);
  IrEdge edge;
  edge.name = in.TextField(object, "name");
  edge.type_id = in.Uint(object, "type_id");
  edge.table_incarnation_id = in.Uint(object, "table_incarnation_id");
  edge.from = ReadTypeRef(in, in.Field(object, "from_type"), "from_type");
  edge.to = ReadTypeRef(in, in.Field(object, "to_type"), "to_type");
  const JsonValue& cardinality = in.Object(in.Field(object, "cardinality"), "cardinality", 2);
  edge.cardinality.min = in.Uint32(cardinality, "min");
  if (!in.Field(cardinality, "max").is_null()) {
    edge.cardinality.max = in.Uint32(cardinality, "max");
  }
  edge.annotations = ReadAnnotations(in, object);
  edge.properties = ReadProperties(in, object);
  edge.constraints = ReadConstraints(in, object);
  return edge;
}

SchemaIr ReadIr(Reader& in, const JsonValue& root) {
  SchemaIr ir;
  const JsonValue& document = in.Object(root, "SchemaIR", 6);
  if (const uint64_t version = in.Uint(document, "ir_version"); version != kIrVersion) {
    in.Fail("ir_version", io::StrCat("is ", version, " instead of ", kIrVersion));
  }
  ir.identity_domain = in.TextField(document, "schema_identity_domain");
  ir.next_identity_id = in.Uint(document, "next_identity_id");
  for (const JsonValue& element : in.Items(document, "interfaces")) {
    ir.interfaces.push_back(ReadInterface(in, element));
  }
  for (const JsonValue& element : in.Items(document, "nodes")) {
    ir.nodes.push_back(ReadNode(in, element));
  }
  for (const JsonValue& element : in.Items(document, "edges")) {
    ir.edges.push_back(ReadEdge(in, element));
  }
  return ir;
}

absl::StatusOr<JsonValue> ParseDocument(std::string_view json) {
  absl::StatusOr<JsonValue> document = JsonValue::Parse(json);
  return document.ok() ? std::move(document) : io::DataLossError(io::Message(document.status()));
}

}  // namespace

absl::StatusOr<SchemaIr> ParseIr(std::string_view json) {
  OG_ASSIGN_OR_RETURN(const JsonValue document, ParseDocument(json));
  Reader in;
  SchemaIr ir = ReadIr(in, document);
  OG_RETURN_IF_ERROR(in.status());
  OG_RETURN_IF_ERROR(ValidateIr(ir));
  return ir;
}

absl::StatusOr<SchemaState> ParseState(std::string_view json) {
  OG_ASSIGN_OR_RETURN(const JsonValue document, ParseDocument(json));
  Reader in;
  const JsonValue& object = in.Object(document, "schema state", 5);
  SchemaState state;
  state.format_version = in.Uint(object, "format_version");
  state.shape_hash = in.TextField(object, "schema_shape_hash");
  state.ir_hash = in.TextField(object, "schema_ir_hash");
  state.identity_version = in.Uint(object, "schema_identity_version");
  state.identity_domain = in.TextField(object, "schema_identity_domain");
  OG_RETURN_IF_ERROR(in.status());
  return state;
}

}  // namespace og::engine::schema
