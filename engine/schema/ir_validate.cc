// The rules of an accepted IR. Rooms above rely on every one of them: table paths on identities,
// column order on names, hashes on the order of lists.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/schema/check.h"
#include "engine/schema/ir.h"
#include "engine/schema/json_parts.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

enum class Kind : uint8_t { kInterface, kNode, kEdge };

constexpr std::string_view kKindNames[] = {"interface", "node", "edge"};

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return io::DataLossError(io::StrCat("invalid accepted SchemaIR: ", parts...));
}

// What the three kinds of types have in common.
struct Owner {
  Kind kind;
  std::string_view name;
  uint64_t type_id;
  uint64_t table_incarnation_id;  // 0 for interfaces
  const std::vector<IrProperty>* properties;
};

class Validator {
 public:
  explicit Validator(const SchemaIr& ir) : ir_(ir) {
    for (const IrInterface& interface : ir.interfaces) {
      owners_.push_back(
          {Kind::kInterface, interface.name, interface.type_id, 0, &interface.properties});
    }
    for (const IrNode& node : ir.nodes) {
      owners_.push_back(
          {Kind::kNode, node.name, node.type_id, node.table_incarnation_id, &node.properties});
    }
    for (const IrEdge& edge : ir.edges) {
      owners_.push_back(
          {Kind::kEdge, edge.name, edge.type_id, edge.table_incarnation_id, &edge.properties});
    }
  }

  absl::Status Run() {
    if (!IsCanonicalUlid(ir_.identity_domain)) {
      return io::DataLossError(io::StrCat("invalid schema identity domain: '", ir_.identity_domain,
                                          "' is not a canonical uppercase ULID"));
    }
    if (ir_.next_identity_id == 0) {
      return Invalid("next_identity_id must be nonzero");
    }
    for (const Owner& owner : owners_) {
      OG_RETURN_IF_ERROR(RegisterOwner(owner));
    }
    if (ir_.next_identity_id <= max_id_) {
      return Invalid("next_identity_id ", ir_.next_identity_id, " does not exceed allocated id ",
                     max_id_);
    }
    OG_RETURN_IF_ERROR(CheckNameOrder(ir_.interfaces, "interfaces"));
    OG_RETURN_IF_ERROR(CheckNameOrder(ir_.nodes, "nodes"));
    OG_RETURN_IF_ERROR(CheckNameOrder(ir_.edges, "edges"));
    for (const Owner& owner : owners_) {
      OG_RETURN_IF_ERROR(CheckOwnerProperties(owner));
    }
    for (const IrNode& node : ir_.nodes) {
      OG_RETURN_IF_ERROR(CheckNode(node));
    }
    for (const IrEdge& edge : ir_.edges) {
      OG_RETURN_IF_ERROR(CheckEdge(edge));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Register(uint64_t id, const std::string& entity) {
    if (id == 0) {
      return Invalid(entity, " has identity 0");
    }
    const auto [previous, fresh] = entity_by_id_.emplace(id, entity);
    if (!fresh) {
      return Invalid("identity value ", id, " is reused by '", previous->second, "' and '", entity,
                     "'");
    }
    max_id_ = std::max(max_id_, id);
    return absl::OkStatus();
  }

  absl::Status RegisterOwner(const Owner& owner) {
    const std::string_view kind = kKindNames[static_cast<size_t>(owner.kind)];
    OG_RETURN_IF_ERROR(Register(owner.type_id, io::StrCat(kind, " type '", owner.name, "'")));
    if (!type_names_.emplace(owner.kind, owner.name).second) {
      return Invalid("duplicate ", kind, " name '", owner.name, "'");
    }
    owner_by_id_[owner.type_id] = &owner;
    if (owner.kind != Kind::kInterface) {
      OG_RETURN_IF_ERROR(Register(owner.table_incarnation_id,
                                  io::StrCat("table incarnation for '", owner.name, "'")));
    }
    std::set<std::string_view> names;
    for (const IrProperty& property : *owner.properties) {
      const std::string qualified = io::StrCat(owner.name, ".", property.name);
      if (IsReservedColumn(property.name)) {
        return Invalid("property '", qualified, "' uses a name reserved for a ",
                       kReservedColumnReason);
      }
      if (!names.insert(property.name).second) {
        return Invalid("duplicate property '", qualified, "'");
      }
      OG_RETURN_IF_ERROR(Register(property.property_id, io::StrCat("property '", qualified, "'")));
      property_by_id_[property.property_id] = {&owner, &property};
      OG_RETURN_IF_ERROR(CheckType(property.type, qualified));
      OG_RETURN_IF_ERROR(CheckAnnotationList(property.annotations, qualified));
      const auto& kinds = property.property_constraints;
      for (size_t i = 0; i < kinds.size(); ++i) {
        if (kinds[i] > ConstraintKind::kIndex || (i > 0 && kinds[i - 1] >= kinds[i])) {
          return Invalid("property constraints for '", qualified, "' are not sorted and unique");
        }
      }
    }
    return absl::OkStatus();
  }

  static absl::Status CheckType(const PropType& type, const std::string& qualified) {
    if (type.is_vector() != (type.vector_dim != 0) || type.vector_dim > kMaxVectorDimension) {
      return Invalid("vector dimension ", type.vector_dim, " of '", qualified, "' is out of range");
    }
    if (type.list && (type.is_vector() || type.is_blob() || type.enum_values.has_value())) {
      return Invalid("type of '", qualified, "' is not supported as a list element");
    }
    if (type.enum_values.has_value()) {
      if (type.scalar != ScalarKind::kString || type.enum_values->empty()) {
        return Invalid("enum '", qualified, "' is not a String with values");
      }
      if (!IsSortedUnique(*type.enum_values)) {
        return Invalid("enum values are not sorted and unique");
      }
    }
    return absl::OkStatus();
  }

  static absl::Status CheckAnnotationList(const std::vector<Annotation>& annotations,
                                          std::string_view entity) {
    std::vector<std::string> keys;
    for (const Annotation& annotation : annotations) {
      if (IsInterpretedAnnotation(annotation.name)) {
        return Invalid("typed annotation @", annotation.name,
                       " leaked into opaque annotations for '", entity, "'");
      }
      keys.push_back(AnnotationSortKey(annotation));
    }
    if (!IsSortedUnique(keys)) {
      return Invalid("annotations for '", entity, "' are not sorted and unique");
    }
    return absl::OkStatus();
  }

  template <typename T>
  static bool IsSortedUnique(const std::vector<T>& values) {
    return std::adjacent_find(values.begin(), values.end(),
                              [](const T& a, const T& b) { return !(a < b); }) == values.end();
  }

  template <typename Named>
  static absl::Status CheckNameOrder(const std::vector<Named>& entries, std::string_view what) {
    const auto wrong =
        std::adjacent_find(entries.begin(), entries.end(),
                           [](const Named& a, const Named& b) { return !(a.name < b.name); });
    return wrong == entries.end() ? absl::OkStatus() : Invalid(what, " are not sorted and unique");
  }

  absl::Status CheckRef(const PropertyRef& reference, uint64_t owner_id) const {
    const auto found = property_by_id_.find(reference.property_id);
    if (found == property_by_id_.end()) {
      return Invalid("property reference ", reference.property_id, " points to a missing ID");
    }
    const auto& [owner, property] = found->second;
    if ((owner_id != 0 && owner_id != reference.owner_type_id) ||
        owner->type_id != reference.owner_type_id || owner->name != reference.owner_type_name ||
        property->name != reference.property_name) {
      return Invalid("property reference name/id/owner mismatch for '", reference.owner_type_name,
                     ".", reference.property_name, "'");
    }
    return absl::OkStatus();
  }

  absl::Status CheckRef(const TypeRef& reference, Kind kind) const {
    const auto found = owner_by_id_.find(reference.type_id);
    if (found == owner_by_id_.end()) {
      return Invalid("type reference ", reference.type_id, " points to a missing ID");
    }
    if (found->second->kind != kind || found->second->name != reference.type_name) {
      return Invalid("type reference name/id mismatch for '", reference.type_name, "'");
    }
    return absl::OkStatus();
  }

  absl::Status CheckOwnerProperties(const Owner& owner) const {
    OG_RETURN_IF_ERROR(
        CheckNameOrder(*owner.properties, io::StrCat("properties of '", owner.name, "'")));
    for (const IrProperty& property : *owner.properties) {
      const std::string qualified = io::StrCat(owner.name, ".", property.name);
      if (owner.kind == Kind::kInterface &&
          (!property.declared_directly || !property.satisfies.empty())) {
        return Invalid("interface property '", qualified, "' has invalid concrete provenance");
      }
      if (owner.kind == Kind::kNode && !property.declared_directly && property.satisfies.empty()) {
        return Invalid("injected node property '", qualified, "' has no interface provenance");
      }
      if (property.embed.has_value()) {
        OG_RETURN_IF_ERROR(CheckRef(property.embed->source, owner.type_id));
      }
      for (const PropertyRef& reference : property.satisfies) {
        OG_RETURN_IF_ERROR(CheckRef(reference, 0));
        if (owner_by_id_.at(reference.owner_type_id)->kind != Kind::kInterface) {
          return Invalid("property '", qualified,
                         "' satisfaction target is not an interface property");
        }
      }
      if (!IsSortedUnique(property.satisfies)) {
        return Invalid("interface satisfaction links for '", qualified,
                       "' are not sorted and unique");
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckConstraintList(const Owner& owner,
                                   const std::vector<IrConstraint>& constraints) const {
    std::vector<std::string> keys;
    for (const IrConstraint& constraint : constraints) {
      const bool single =
          constraint.kind == ConstraintKind::kRange || constraint.kind == ConstraintKind::kCheck;
      if (constraint.fields.empty() || (single && constraint.fields.size() != 1)) {
        return Invalid("constraint of '", owner.name, "' has ", constraint.fields.size(),
                       " fields");
      }
      if (owner.kind == Kind::kEdge && constraint.kind != ConstraintKind::kUnique &&
          constraint.kind != ConstraintKind::kIndex) {
        return Invalid("@", ConstraintName(constraint.kind), " constraint on edge '", owner.name,
                       "'");
      }
      keys.push_back(ConstraintSortKey(ConstraintOf(constraint)));
    }
    if (!IsSortedUnique(keys)) {
      return Invalid("constraints for '", owner.name, "' are not sorted and unique");
    }
    for (const IrConstraint& constraint : constraints) {
      for (const FieldRef& field : constraint.fields) {
        if (const auto* property = std::get_if<PropertyRef>(&field)) {
          OG_RETURN_IF_ERROR(CheckRef(*property, owner.type_id));
          continue;
        }
        const auto& system = std::get<SystemRef>(field);
        if (system.stable_table_id != owner.type_id ||
            system.table_incarnation_id != owner.table_incarnation_id ||
            system.table_type_name != owner.name || owner.kind != Kind::kEdge) {
          return Invalid("invalid system-field reference");
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckNode(const IrNode& node) const {
    OG_RETURN_IF_ERROR(CheckAnnotationList(node.annotations, node.name));
    std::set<uint64_t> implemented;
    for (const TypeRef& reference : node.implements) {
      OG_RETURN_IF_ERROR(CheckRef(reference, Kind::kInterface));
      implemented.insert(reference.type_id);
    }
    if (!IsSortedUnique(node.implements)) {
      return Invalid("type references are not sorted and unique");
    }
    std::set<uint64_t> satisfied;
    for (const IrProperty& property : node.properties) {
      for (const PropertyRef& reference : property.satisfies) {
        if (!implemented.contains(reference.owner_type_id)) {
          return Invalid("node property '", node.name, ".", property.name,
                         "' satisfies an interface the node does not implement");
        }
        if (property_by_id_.at(reference.property_id).second->type != property.type) {
          return Invalid("node property '", node.name, ".", property.name,
                         "' is incompatible with satisfied interface property '",
                         reference.owner_type_name, ".", reference.property_name, "'");
        }
        satisfied.insert(reference.property_id);
      }
    }
    for (const uint64_t interface_id : implemented) {
      const Owner& interface = *owner_by_id_.at(interface_id);
      for (const IrProperty& property : *interface.properties) {
        if (!satisfied.contains(property.property_id)) {
          return Invalid("node '", node.name,
                         "' does not link an effective property to interface contract '",
                         interface.name, ".", property.name, "'");
        }
      }
    }
    return CheckConstraintList(*owner_by_id_.at(node.type_id), node.constraints);
  }

  absl::Status CheckEdge(const IrEdge& edge) const {
    OG_RETURN_IF_ERROR(CheckAnnotationList(edge.annotations, edge.name));
    for (const IrProperty& property : edge.properties) {
      if (!property.declared_directly || !property.satisfies.empty() ||
          property.embed.has_value()) {
        return Invalid("edge property '", edge.name, ".", property.name,
                       "' has invalid interface provenance");
      }
    }
    OG_RETURN_IF_ERROR(CheckRef(edge.from, Kind::kNode));
    OG_RETURN_IF_ERROR(CheckRef(edge.to, Kind::kNode));
    return CheckConstraintList(*owner_by_id_.at(edge.type_id), edge.constraints);
  }

  const SchemaIr& ir_;
  std::vector<Owner> owners_;
  std::map<uint64_t, std::string> entity_by_id_;
  std::set<std::pair<Kind, std::string_view>> type_names_;
  std::map<uint64_t, const Owner*> owner_by_id_;
  std::map<uint64_t, std::pair<const Owner*, const IrProperty*>> property_by_id_;
  uint64_t max_id_ = 0;
};

}  // namespace

bool IsCanonicalUlid(std::string_view text) {
  static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return text.size() == 26 && text[0] <= '7' &&
         text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

absl::Status ValidateIr(const SchemaIr& ir) {
  return Validator(ir).Run();
}

}  // namespace og::engine::schema
