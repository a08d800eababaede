#include "engine/schema/identity.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "engine/expr/pattern.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

enum class Kind : uint8_t { kInterface, kNode, kEdge };

std::string_view KindName(Kind kind) {
  static constexpr std::string_view kNames[] = {"interface", "node", "edge"};
  return kNames[static_cast<size_t>(kind)];
}

template <typename... Parts>
absl::Status ResolutionError(const Parts&... parts) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
                           io::StrCat("schema identity resolution failed: ", parts...));
}

bool HasPattern(const SchemaIr& ir, std::string_view pattern) {
  return std::any_of(ir.nodes.begin(), ir.nodes.end(), [&](const IrNode& node) {
    return std::any_of(node.constraints.begin(), node.constraints.end(),
                       [&](const IrConstraint& held) { return held.pattern == pattern; });
  });
}

// Refuses what a write could never check: a pattern of the reference's syntax that RE2 has no
// counterpart for. What is no pattern there either is let through, as there, and fails the write.
// A graph that has such a pattern already may go on having it.
absl::Status CheckPatterns(const SchemaShape& shape, const SchemaIr* accepted) {
  for (const NodeShape& node : shape.nodes) {
    for (const Constraint& constraint : node.constraints) {
      if (constraint.kind != ConstraintKind::kCheck) continue;
      const absl::Status compiled = expr::Pattern::Compile(constraint.pattern).status();
      if (compiled.code() != absl::StatusCode::kUnimplemented) continue;
      if (accepted != nullptr && HasPattern(*accepted, constraint.pattern)) continue;
      return io::DetailedError(
          {.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
          io::StrCat("@check on ", node.name, ".", constraint.columns.front(), ": pattern '",
                     constraint.pattern, "': ", io::Message(compiled)));
    }
  }
  return absl::OkStatus();
}

struct AcceptedType {
  Kind kind;
  std::string_view name;
  uint64_t type_id;
  uint64_t incarnation;  // 0 for interfaces
  const std::vector<IrProperty>* properties;
};

struct DesiredType {
  Kind kind;
  std::string_view name;
  const std::optional<std::string>* rename_from;  // null for interfaces
  const std::vector<PropertyShape>* properties;

  const AcceptedType* matched = nullptr;
  uint64_t type_id = 0;
  uint64_t incarnation = 0;
};

class Resolver {
 public:
  // `accepted` is null at init. Both outlive the object.
  Resolver(std::string identity_domain, const SchemaIr* accepted, const SchemaShape& shape)
      : shape_(shape), evolving_(accepted != nullptr) {
    result_.ir.identity_domain = std::move(identity_domain);
    result_.ir.next_identity_id = evolving_ ? accepted->next_identity_id : 1;
    if (evolving_) {
      CollectAccepted(*accepted);
    }
    for (const InterfaceShape& interface : shape.interfaces) {
      desired_.push_back({Kind::kInterface, interface.name, nullptr, &interface.properties});
    }
    for (const NodeShape& node : shape.nodes) {
      desired_.push_back({Kind::kNode, node.name, &node.rename_from, &node.properties});
    }
    for (const EdgeShape& edge : shape.edges) {
      desired_.push_back({Kind::kEdge, edge.name, &edge.rename_from, &edge.properties});
    }
  }

  absl::StatusOr<SchemaResolution> Run() {
    OG_RETURN_IF_ERROR(MatchTypes());
    for (DesiredType& type : desired_) {
      if (type.matched == nullptr) {
        OG_ASSIGN_OR_RETURN(type.type_id, Allocate());
      }
      type_ids_[{type.kind, std::string(type.name)}] = type.type_id;
    }
    OG_RETURN_IF_ERROR(AssignProperties());
    OG_RETURN_IF_ERROR(AssignIncarnations());
    BuildIr();
    OG_RETURN_IF_ERROR(ValidateIr(result_.ir));
    return std::move(result_);
  }

 private:
  void CollectAccepted(const SchemaIr& ir) {
    for (const IrInterface& interface : ir.interfaces) {
      accepted_.push_back(
          {Kind::kInterface, interface.name, interface.type_id, 0, &interface.properties});
    }
    for (const IrNode& node : ir.nodes) {
      accepted_.push_back(
          {Kind::kNode, node.name, node.type_id, node.table_incarnation_id, &node.properties});
    }
    for (const IrEdge& edge : ir.edges) {
      accepted_.push_back(
          {Kind::kEdge, edge.name, edge.type_id, edge.table_incarnation_id, &edge.properties});
    }
  }

  absl::StatusOr<uint64_t> Allocate() {
    if (result_.ir.next_identity_id == std::numeric_limits<uint64_t>::max()) {
      return io::ResourceExhaustedError("schema identity allocator is exhausted");
    }
    return result_.ir.next_identity_id++;
  }

  void Warn(RenameWarning::Kind kind, std::string entity, const std::string& hint) {
    result_.warnings.push_back({.kind = kind, .entity = std::move(entity), .hint = hint});
  }

  const AcceptedType* FindAccepted(Kind kind, std::string_view name) const {
    const auto found = std::find_if(accepted_.begin(), accepted_.end(), [&](const auto& type) {
      return type.kind == kind && type.name == name;
    });
    return found == accepted_.end() ? nullptr : &*found;
  }

  absl::Status MatchTypes() {
    std::set<uint64_t> consumed;
    for (DesiredType& type : desired_) {
      const std::string entity = io::StrCat(KindName(type.kind), ":", type.name);
      const std::string* hint = type.rename_from != nullptr && type.rename_from->has_value()
                                    ? &**type.rename_from
                                    : nullptr;
      type.matched = FindAccepted(type.kind, type.name);
      if (type.matched != nullptr && hint != nullptr) {
        Warn(RenameWarning::Kind::kIgnoredExactMatch, entity, *hint);
      } else if (type.matched == nullptr && hint != nullptr && !evolving_) {
        Warn(RenameWarning::Kind::kInertAtInit, entity, *hint);
      } else if (type.matched == nullptr && hint != nullptr) {
        type.matched = FindAccepted(type.kind, *hint);
        if (type.matched == nullptr) {
          const bool elsewhere =
              std::any_of(accepted_.begin(), accepted_.end(),
                          [&](const AcceptedType& other) { return other.name == *hint; });
          if (elsewhere) {
            return ResolutionError(KindName(type.kind), " '", type.name,
                                   "' cannot rename accepted '", *hint,
                                   "' across declaration kinds");
          }
          return ResolutionError(KindName(type.kind), " '", type.name, "' declares @rename_from(\"",
                                 *hint, "\") but no accepted declaration has that name");
        }
      }
      if (type.matched == nullptr) {
        continue;
      }
      if (!consumed.insert(type.matched->type_id).second) {
        return ResolutionError("accepted ", KindName(type.matched->kind), " '", type.matched->name,
                               "' is consumed by more than one desired declaration");
      }
      type.type_id = type.matched->type_id;
      type.incarnation = type.matched->incarnation;
    }
    return absl::OkStatus();
  }

  // The accepted property that `property` continues; null for a new one.
  absl::StatusOr<const IrProperty*> MatchProperty(const DesiredType& owner,
                                                  const PropertyShape& property) {
    const std::optional<std::string>& hint = property.rename_from;
    const std::string entity =
        io::StrCat(KindName(owner.kind), ":", owner.name, ".", property.name);
    if (owner.matched == nullptr) {
      if (hint.has_value() && evolving_) {
        return ResolutionError("new owner '", KindName(owner.kind), ":", owner.name,
                               "' cannot import property identity with @rename_from(\"", *hint,
                               "\")");
      }
      if (hint.has_value()) {
        Warn(RenameWarning::Kind::kInertAtInit, entity, *hint);
      }
      return nullptr;
    }
    const auto find = [&](std::string_view name) -> const IrProperty* {
      for (const IrProperty& candidate : *owner.matched->properties) {
        if (candidate.name == name) {
          return &candidate;
        }
      }
      return nullptr;
    };
    if (const IrProperty* exact = find(property.name)) {
      if (hint.has_value()) {
        Warn(RenameWarning::Kind::kIgnoredExactMatch, entity, *hint);
      }
      return exact;
    }
    if (!hint.has_value()) {
      return nullptr;
    }
    if (const IrProperty* renamed = find(*hint)) {
      return renamed;
    }
    const bool elsewhere =
        std::any_of(accepted_.begin(), accepted_.end(), [&](const AcceptedType& other) {
          return std::any_of(other.properties->begin(), other.properties->end(),
                             [&](const IrProperty& candidate) { return candidate.name == *hint; });
        });
    return ResolutionError(
        "property '", owner.name, ".", property.name, "' declares @rename_from(\"", *hint, "\"): ",
        elsewhere ? "property moves across stable owners are not supported"
                  : "no accepted property with that name exists under the stable owner");
  }

  absl::Status AssignProperties() {
    std::set<uint64_t> consumed;
    std::vector<std::pair<uint64_t, std::string>> fresh;
    for (const DesiredType& owner : desired_) {
      for (const PropertyShape& property : *owner.properties) {
        OG_ASSIGN_OR_RETURN(const IrProperty* matched, MatchProperty(owner, property));
        if (matched == nullptr) {
          fresh.emplace_back(owner.type_id, property.name);
          continue;
        }
        if (!consumed.insert(matched->property_id).second) {
          return ResolutionError("accepted property id ", matched->property_id,
                                 " is consumed more than once");
        }
        property_ids_[{owner.type_id, property.name}] = matched->property_id;
      }
    }
    std::sort(fresh.begin(), fresh.end());
    for (auto& key : fresh) {
      OG_ASSIGN_OR_RETURN(const uint64_t id, Allocate());
      property_ids_[std::move(key)] = id;
    }
    return absl::OkStatus();
  }

  absl::Status AssignIncarnations() {
    std::vector<DesiredType*> fresh;
    for (DesiredType& type : desired_) {
      if (type.kind != Kind::kInterface && type.incarnation == 0) {
        fresh.push_back(&type);
      }
    }
    std::sort(fresh.begin(), fresh.end(),
              [](const DesiredType* a, const DesiredType* b) { return a->type_id < b->type_id; });
    for (DesiredType* type : fresh) {
      OG_ASSIGN_OR_RETURN(type->incarnation, Allocate());
    }
    return absl::OkStatus();
  }

  // References in a shape that CompileShape made always resolve.
  TypeRef RefTo(Kind kind, const std::string& name) const {
    return {.type_id = type_ids_.at({kind, name}), .type_name = name};
  }

  PropertyRef RefTo(uint64_t owner_id, std::string_view owner, const std::string& name) const {
    return {.owner_type_id = owner_id,
            .owner_type_name = std::string(owner),
            .property_id = property_ids_.at({owner_id, name}),
            .property_name = name};
  }

  std::vector<IrProperty> BuildProperties(const DesiredType& owner) const {
    std::vector<IrProperty> properties;
    for (const PropertyShape& shape : *owner.properties) {
      IrProperty property;
      property.name = shape.name;
      property.property_id = property_ids_.at({owner.type_id, shape.name});
      property.type = shape.type;
      property.annotations = shape.annotations;
      property.property_constraints = shape.property_constraints;
      if (shape.embed.has_value()) {
        property.embed = IrEmbed{.source = RefTo(owner.type_id, owner.name, shape.embed->property),
                                 .model = shape.embed->model};
      }
      property.declared_directly = shape.declared_directly;
      for (const ShapePropertyRef& reference : shape.satisfies) {
        const TypeRef interface = RefTo(Kind::kInterface, reference.owner);
        property.satisfies.push_back(RefTo(interface.type_id, reference.owner, reference.property));
      }
      std::sort(property.satisfies.begin(), property.satisfies.end());
      properties.push_back(std::move(property));
    }
    return properties;
  }

  FieldRef FieldOf(const DesiredType& owner, const std::string& column) const {
    const bool is_edge = owner.kind == Kind::kEdge;
    if (column == "id" || (is_edge && (column == "src" || column == "dst"))) {
      return SystemRef{.stable_table_id = owner.type_id,
                       .table_type_name = std::string(owner.name),
                       .table_incarnation_id = owner.incarnation,
                       .role = column == "id"    ? SystemRole::kId
                               : column == "src" ? SystemRole::kSrc
                                                 : SystemRole::kDst};
    }
    return RefTo(owner.type_id, owner.name, column);
  }

  std::vector<IrConstraint> BuildConstraints(const DesiredType& owner,
                                             const std::vector<Constraint>& constraints) const {
    std::vector<IrConstraint> result;
    for (const Constraint& constraint : constraints) {
      IrConstraint built;
      built.kind = constraint.kind;
      for (const std::string& column : constraint.columns) {
        built.fields.push_back(FieldOf(owner, column));
      }
      built.min = constraint.min;
      built.max = constraint.max;
      built.pattern = constraint.pattern;
      result.push_back(std::move(built));
    }
    return result;
  }

  // `desired_` is in the order of the shape's three lists.
  void BuildIr() {
    auto type = desired_.begin();
    for (const InterfaceShape& interface : shape_.interfaces) {
      result_.ir.interfaces.push_back(
          {.name = interface.name, .type_id = type->type_id, .properties = BuildProperties(*type)});
      ++type;
    }
    for (const NodeShape& shape : shape_.nodes) {
      IrNode node;
      node.name = shape.name;
      node.type_id = type->type_id;
      node.table_incarnation_id = type->incarnation;
      node.annotations = shape.annotations;
      for (const std::string& name : shape.implements) {
        node.implements.push_back(RefTo(Kind::kInterface, name));
      }
      std::sort(node.implements.begin(), node.implements.end());
      node.properties = BuildProperties(*type);
      node.constraints = BuildConstraints(*type, shape.constraints);
      result_.ir.nodes.push_back(std::move(node));
      ++type;
    }
    for (const EdgeShape& shape : shape_.edges) {
      IrEdge edge;
      edge.name = shape.name;
      edge.type_id = type->type_id;
      edge.table_incarnation_id = type->incarnation;
      edge.from = RefTo(Kind::kNode, shape.from);
      edge.to = RefTo(Kind::kNode, shape.to);
      edge.cardinality = shape.cardinality;
      edge.annotations = shape.annotations;
      edge.properties = BuildProperties(*type);
      edge.constraints = BuildConstraints(*type, shape.constraints);
      result_.ir.edges.push_back(std::move(edge));
      ++type;
    }
  }

  const SchemaShape& shape_;
  const bool evolving_;
  std::vector<AcceptedType> accepted_;
  std::vector<DesiredType> desired_;
  std::map<std::pair<Kind, std::string>, uint64_t> type_ids_;
  std::map<std::pair<uint64_t, std::string>, uint64_t> property_ids_;
  SchemaResolution result_;
};

}  // namespace

std::string_view RenameWarningName(RenameWarning::Kind kind) {
  return kind == RenameWarning::Kind::kInertAtInit ? "inert_initialization_rename_hint"
                                                   : "ignored_exact_match_rename_hint";
}

absl::StatusOr<SchemaResolution> InitializeIr(std::string_view identity_domain,
                                              const SchemaShape& shape) {
  OG_RETURN_IF_ERROR(CheckPatterns(shape, nullptr));
  return Resolver(std::string(identity_domain), nullptr, shape).Run();
}

absl::StatusOr<SchemaResolution> ResolveIr(const SchemaIr& accepted, const SchemaShape& shape) {
  OG_RETURN_IF_ERROR(ValidateIr(accepted));
  OG_RETURN_IF_ERROR(CheckPatterns(shape, &accepted));
  return Resolver(accepted.identity_domain, &accepted, shape).Run();
}

}  // namespace og::engine::schema
