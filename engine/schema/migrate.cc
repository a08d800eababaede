#include "engine/schema/migrate.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "engine/schema/json_parts.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

constexpr std::string_view kNotSupported = " is not supported in schema migration v1";

bool IsMetadata(const Annotation& annotation) {
  return annotation.name == "description" || annotation.name == "instruction";
}

std::vector<Annotation> Select(const std::vector<Annotation>& annotations, bool metadata) {
  std::vector<Annotation> result;
  for (const Annotation& annotation : annotations) {
    if (IsMetadata(annotation) == metadata) {
      result.push_back(annotation);
    }
  }
  return result;
}

// A constraint's text in terms of identities, so that renames do not show.
std::string IdentityKey(const IrConstraint& constraint) {
  std::vector<std::string> fields;
  for (const FieldRef& field : constraint.fields) {
    if (const auto* property = std::get_if<PropertyRef>(&field)) {
      fields.push_back(
          io::StrCat("property:", property->owner_type_id, ":", property->property_id));
    } else {
      const auto& system = std::get<SystemRef>(field);
      fields.push_back(io::StrCat("system:", system.stable_table_id, ":",
                                  system.table_incarnation_id, ":", SystemRoleName(system.role)));
    }
  }
  std::sort(fields.begin(), fields.end());
  std::string key = io::StrCat(ConstraintName(constraint.kind), ":", io::Join(fields, ","));
  if (constraint.kind == ConstraintKind::kRange) {
    key += io::StrCat(":", BoundText(constraint.min), ":", BoundText(constraint.max));
  } else if (constraint.kind == ConstraintKind::kCheck) {
    key += io::StrCat(":", constraint.pattern);
  }
  return key;
}

// The values that `desired` adds, if it differs from `accepted` only by more enum values.
std::vector<std::string> AddedValues(const PropType& accepted, const PropType& desired) {
  std::vector<std::string> added;
  if (!accepted.enum_values.has_value() || !desired.enum_values.has_value() ||
      accepted.nullable != desired.nullable || accepted.list != desired.list ||
      !std::includes(desired.enum_values->begin(), desired.enum_values->end(),
                     accepted.enum_values->begin(), accepted.enum_values->end())) {
    return added;
  }
  std::set_difference(desired.enum_values->begin(), desired.enum_values->end(),
                      accepted.enum_values->begin(), accepted.enum_values->end(),
                      std::back_inserter(added));
  return added;
}

bool SameEmbed(const std::optional<IrEmbed>& a, const std::optional<IrEmbed>& b) {
  if (!a.has_value() || !b.has_value()) {
    return a.has_value() == b.has_value();
  }
  return a->source.owner_type_id == b->source.owner_type_id &&
         a->source.property_id == b->source.property_id && a->model == b->model;
}

std::set<std::pair<uint64_t, uint64_t>> Identities(const std::vector<PropertyRef>& references) {
  std::set<std::pair<uint64_t, uint64_t>> result;
  for (const PropertyRef& reference : references) {
    result.emplace(reference.owner_type_id, reference.property_id);
  }
  return result;
}

std::set<uint64_t> Identities(const std::vector<TypeRef>& references) {
  std::set<uint64_t> result;
  for (const TypeRef& reference : references) {
    result.insert(reference.type_id);
  }
  return result;
}

class Planner {
 public:
  explicit Planner(bool hard_drops) : hard_drops_(hard_drops) {}

  MigrationPlan Run(const SchemaIr& accepted, const SchemaIr& desired) {
    PlanKind("interface", accepted.interfaces, desired.interfaces);
    PlanKind("node", accepted.nodes, desired.nodes);
    PlanKind("edge", accepted.edges, desired.edges);
    if (plan_.steps.empty() && !(accepted == desired)) {
      Refuse("schema", "schema migration contains an unclassified semantic IR change");
    }
    return std::move(plan_);
  }

 private:
  MigrationStep& Add(StepKind kind) {
    MigrationStep& step = plan_.steps.emplace_back();
    step.kind = kind;
    step.type_kind = type_kind_;
    step.type_name = type_name_;
    return step;
  }

  void Refuse(std::string entity, std::string reason, std::string_view code = "") {
    MigrationStep& step = Add(StepKind::kUnsupportedChange);
    step.entity = std::move(entity);
    step.reason = std::move(reason);
    step.code = code;
  }

  void RefuseType(std::string_view what) {
    Refuse(io::StrCat(type_kind_, ":", type_name_), io::StrCat(what, kNotSupported));
  }

  void RefuseProperty(const std::string& property, std::string_view before,
                      std::string_view after = kNotSupported, std::string_view code = "") {
    Refuse(io::StrCat(type_kind_, ":", type_name_, ".", property),
           io::StrCat(before, " '", type_name_, ".", property, "'", after), code);
  }

  template <typename Type>
  void PlanKind(std::string_view kind, const std::vector<Type>& accepted,
                const std::vector<Type>& desired) {
    type_kind_ = kind;
    std::map<uint64_t, const Type*> by_id;
    for (const Type& type : accepted) {
      by_id[type.type_id] = &type;
    }
    for (const Type& type : desired) {
      type_name_ = type.name;
      const auto found = by_id.find(type.type_id);
      if (found == by_id.end()) {
        Add(StepKind::kAddType);
        continue;
      }
      PlanType(*found->second, type);
      by_id.erase(found);
    }
    for (const Type& type : accepted) {
      if (by_id.contains(type.type_id)) {
        type_name_ = type.name;
        PlanRemoval(type);
      }
    }
  }

  void PlanRemoval(const IrInterface& interface) {
    RefuseType(io::StrCat("removing interface '", interface.name, "'"));
  }

  template <typename Type>
  void PlanRemoval(const Type& /*type*/) {
    Add(StepKind::kDropType).hard = hard_drops_;
  }

  void PlanType(const IrInterface& accepted, const IrInterface& desired) {
    if (accepted.name != desired.name) {
      Refuse(io::StrCat("interface:", desired.name),
             "renaming interfaces is not supported in schema migration v1");
    }
    PlanProperties(accepted.properties, desired.properties);
  }

  void PlanType(const IrNode& accepted, const IrNode& desired) {
    PlanRename(accepted.name, desired.name);
    if (Identities(accepted.implements) != Identities(desired.implements)) {
      RefuseType(io::StrCat("changing implemented interfaces on node '", desired.name, "'"));
    }
    PlanTable(accepted, desired);
  }

  void PlanType(const IrEdge& accepted, const IrEdge& desired) {
    PlanRename(accepted.name, desired.name);
    if (accepted.from.type_id != desired.from.type_id ||
        accepted.to.type_id != desired.to.type_id) {
      RefuseType(io::StrCat("changing edge endpoints on '", desired.name, "'"));
    }
    if (!(accepted.cardinality == desired.cardinality)) {
      RefuseType(io::StrCat("changing cardinality on edge '", desired.name, "'"));
    }
    PlanTable(accepted, desired);
  }

  void PlanRename(const std::string& from, const std::string& to) {
    if (from != to) {
      MigrationStep& step = Add(StepKind::kRenameType);
      step.from = from;
      step.to = to;
    }
  }

  template <typename Type>
  void PlanTable(const Type& accepted, const Type& desired) {
    PlanMetadata(accepted.annotations, desired.annotations, "");
    PlanProperties(accepted.properties, desired.properties);
    PlanConstraints(accepted.constraints, desired.constraints);
  }

  // `property` is empty for the type's own annotations.
  void PlanMetadata(const std::vector<Annotation>& accepted, const std::vector<Annotation>& desired,
                    const std::string& property) {
    if (Select(accepted, false) != Select(desired, false)) {
      Refuse(io::StrCat(type_kind_, ":", type_name_, property.empty() ? "" : ".", property),
             "changing annotations beyond @description/@instruction is not supported in schema "
             "migration v1");
      return;
    }
    std::vector<Annotation> metadata = Select(desired, true);
    if (Select(accepted, true) != metadata) {
      MigrationStep& step =
          Add(property.empty() ? StepKind::kUpdateTypeMetadata : StepKind::kUpdatePropertyMetadata);
      step.property = property;
      step.annotations = std::move(metadata);
    }
  }

  void PlanProperties(const std::vector<IrProperty>& accepted,
                      const std::vector<IrProperty>& desired) {
    std::map<uint64_t, const IrProperty*> by_id;
    for (const IrProperty& property : accepted) {
      by_id[property.property_id] = &property;
    }
    for (const IrProperty& property : desired) {
      const auto found = by_id.find(property.property_id);
      if (found != by_id.end()) {
        PlanProperty(*found->second, property);
        by_id.erase(found);
      } else if (property.type.nullable) {
        MigrationStep& step = Add(StepKind::kAddProperty);
        step.property = property.name;
        step.property_type = property.type;
      } else {
        RefuseProperty(property.name, "adding required property",
                       " requires a backfill and is not supported in schema migration v1",
                       "OG-MF-103");
      }
    }
    for (const IrProperty& property : accepted) {
      if (by_id.contains(property.property_id)) {
        MigrationStep& step = Add(StepKind::kDropProperty);
        step.property = property.name;
        step.hard = hard_drops_;
      }
    }
  }

  void PlanProperty(const IrProperty& accepted, const IrProperty& desired) {
    const std::string& name = desired.name;
    if (accepted.name != name) {
      MigrationStep& step = Add(StepKind::kRenameProperty);
      step.from = accepted.name;
      step.to = name;
    }
    std::vector<std::string> added = AddedValues(accepted.type, desired.type);
    if (!added.empty()) {
      MigrationStep& step = Add(StepKind::kExtendEnum);
      step.property = name;
      step.added_values = std::move(added);
    } else if (accepted.type != desired.type) {
      RefuseProperty(name, "changing property type for", kNotSupported, "OG-MF-106");
    }
    if (!SameEmbed(accepted.embed, desired.embed)) {
      RefuseProperty(name, "changing @embed source or model for",
                     " is not supported in schema migration v1; rebuild the graph so stored "
                     "vectors and their declared embedding space cannot diverge");
    }
    PlanPropertyConstraints(accepted, desired);
    if (accepted.declared_directly != desired.declared_directly) {
      RefuseProperty(name, "changing declaration provenance for");
    }
    if (Identities(accepted.satisfies) != Identities(desired.satisfies)) {
      RefuseProperty(name, "changing interface-property satisfaction links for");
    }
    PlanMetadata(accepted.annotations, desired.annotations, name);
  }

  void PlanPropertyConstraints(const IrProperty& accepted, const IrProperty& desired) {
    const auto& before = accepted.property_constraints;
    const auto& after = desired.property_constraints;
    if (!std::includes(after.begin(), after.end(), before.begin(), before.end())) {
      RefuseProperty(desired.name, "removing property constraints from");
    }
    for (const ConstraintKind kind : after) {
      if (std::find(before.begin(), before.end(), kind) != before.end()) {
        continue;
      }
      if (kind == ConstraintKind::kIndex) {
        Constraint index;
        index.kind = ConstraintKind::kIndex;
        index.columns = {desired.name};
        AddIndex(std::move(index));
      } else {
        RefuseProperty(desired.name, io::StrCat("adding a property-level @", ConstraintName(kind),
                                                " constraint to"));
      }
    }
  }

  // Once: a property's @index is a constraint of its type as well.
  void AddIndex(Constraint index) {
    const bool known =
        std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const MigrationStep& step) {
          return step.kind == StepKind::kAddConstraint && step.type_kind == type_kind_ &&
                 step.type_name == type_name_ && step.constraint == index;
        });
    if (!known) {
      Add(StepKind::kAddConstraint).constraint = std::move(index);
    }
  }

  void PlanConstraints(const std::vector<IrConstraint>& accepted,
                       const std::vector<IrConstraint>& desired) {
    std::map<std::string, const IrConstraint*> before;
    std::map<std::string, const IrConstraint*> after;
    for (const IrConstraint& constraint : accepted) {
      before[IdentityKey(constraint)] = &constraint;
    }
    for (const IrConstraint& constraint : desired) {
      after[IdentityKey(constraint)] = &constraint;
    }
    if (std::any_of(before.begin(), before.end(),
                    [&](const auto& entry) { return !after.contains(entry.first); })) {
      RefuseType(io::StrCat("removing constraints from '", type_name_, "'"));
    }
    for (const auto& [key, constraint] : after) {
      if (before.contains(key)) {
        continue;
      }
      if (constraint->kind == ConstraintKind::kIndex) {
        AddIndex(ConstraintOf(*constraint));
      } else {
        RefuseType(io::StrCat("adding constraint '", key, "' to '", type_name_, "'"));
      }
    }
  }

  const bool hard_drops_;
  std::string type_kind_;
  std::string type_name_;
  MigrationPlan plan_;
};

// What makes `desired` a successor of `accepted` at all: no identity goes back, changes its kind or
// owner, or comes from retired numbers.
class EvolutionCheck {
 public:
  static absl::Status Run(const SchemaIr& accepted, const SchemaIr& desired) {
    if (accepted.identity_domain != desired.identity_domain) {
      return Error(
          "migration planning requires accepted and desired IR in the same identity domain");
    }
    if (desired.next_identity_id < accepted.next_identity_id) {
      return Error(io::StrCat("desired next_identity_id ", desired.next_identity_id,
                              " regresses accepted high-water mark ", accepted.next_identity_id));
    }
    EvolutionCheck check(accepted);
    return check.Check(desired);
  }

 private:
  struct Type {
    int kind;
    uint64_t incarnation;
    friend bool operator==(const Type&, const Type&) = default;
  };

  explicit EvolutionCheck(const SchemaIr& accepted) : next_id_(accepted.next_identity_id) {
    ForEach(accepted, [&](int kind, const auto& type, uint64_t incarnation) {
      types_[type.type_id] = {kind, incarnation};
      for (const IrProperty& property : type.properties) {
        owners_[property.property_id] = type.type_id;
      }
    });
  }

  absl::Status Check(const SchemaIr& desired) const {
    absl::Status status;
    ForEach(desired, [&](int kind, const auto& type, uint64_t incarnation) {
      if (status.ok()) {
        status = CheckType(type.type_id, {kind, incarnation});
      }
      for (const IrProperty& property : type.properties) {
        if (status.ok()) {
          status = CheckProperty(property.property_id, type.type_id);
        }
      }
    });
    return status;
  }

  absl::Status CheckType(uint64_t type_id, const Type& type) const {
    const auto found = types_.find(type_id);
    if (found != types_.end()) {
      return found->second == type
                 ? absl::OkStatus()
                 : Error(io::StrCat("stable type id ", type_id,
                                    " changes declaration kind or table incarnation"));
    }
    if (type_id < next_id_) {
      return Error(io::StrCat("new stable type id ", type_id, " reuses retired allocator space"));
    }
    if (type.incarnation != 0 && type.incarnation < next_id_) {
      return Error(io::StrCat("new table incarnation id ", type.incarnation,
                              " reuses retired allocator space"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckProperty(uint64_t property_id, uint64_t owner_id) const {
    const auto found = owners_.find(property_id);
    if (found != owners_.end() && found->second != owner_id) {
      return Error(io::StrCat("stable property id ", property_id, " moves across owners"));
    }
    if (found == owners_.end() && property_id < next_id_) {
      return Error(
          io::StrCat("new stable property id ", property_id, " reuses retired allocator space"));
    }
    return absl::OkStatus();
  }

  template <typename Visit>
  static void ForEach(const SchemaIr& ir, Visit&& visit) {
    for (const IrInterface& interface : ir.interfaces) {
      visit(0, interface, uint64_t{0});
    }
    for (const IrNode& node : ir.nodes) {
      visit(1, node, node.table_incarnation_id);
    }
    for (const IrEdge& edge : ir.edges) {
      visit(2, edge, edge.table_incarnation_id);
    }
  }

  static absl::Status Error(std::string_view message) {
    return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
                             io::StrCat("schema identity resolution failed: ", message));
  }

  uint64_t next_id_;
  std::map<uint64_t, Type> types_;
  std::map<uint64_t, uint64_t> owners_;
};

std::string_view StepName(StepKind kind) {
  static constexpr std::string_view kNames[] = {
      "add_type",       "rename_type",   "add_property",         "rename_property",
      "add_constraint", "extend_enum",   "update_type_metadata", "update_property_metadata",
      "drop_type",      "drop_property", "unsupported_change"};
  return kNames[static_cast<size_t>(kind)];
}

void WriteField(io::JsonWriter& out, std::string_view key, std::string_view value) {
  out.Key(key);
  out.String(value);
}

}  // namespace

bool MigrationPlan::supported() const {
  return std::none_of(steps.begin(), steps.end(), [](const MigrationStep& step) {
    return step.kind == StepKind::kUnsupportedChange;
  });
}

std::string MigrationPlan::RefusalText() const {
  const auto refused = std::find_if(steps.begin(), steps.end(), [](const MigrationStep& step) {
    return step.kind == StepKind::kUnsupportedChange;
  });
  if (refused == steps.end()) {
    return std::string();
  }
  return refused->code.empty() ? refused->reason
                               : io::StrCat("[", refused->code, "] ", refused->reason);
}

absl::StatusOr<MigrationPlan> PlanMigration(const SchemaIr& accepted, const SchemaIr& desired,
                                            bool hard_drops) {
  OG_RETURN_IF_ERROR(ValidateIr(accepted));
  OG_RETURN_IF_ERROR(ValidateIr(desired));
  OG_RETURN_IF_ERROR(EvolutionCheck::Run(accepted, desired));
  return Planner(hard_drops).Run(accepted, desired);
}

void WriteStep(const MigrationStep& step, io::JsonWriter& out) {
  out.BeginObject();
  WriteField(out, "kind", StepName(step.kind));
  if (step.kind == StepKind::kUnsupportedChange) {
    WriteField(out, "entity", step.entity);
    WriteField(out, "reason", step.reason);
    if (!step.code.empty()) {
      WriteField(out, "code", step.code);
    }
    out.EndObject();
    return;
  }
  WriteField(out, "type_kind", step.type_kind);
  const bool names_type = step.kind == StepKind::kAddType || step.kind == StepKind::kDropType ||
                          step.kind == StepKind::kUpdateTypeMetadata;
  if (names_type) {
    WriteField(out, "name", step.type_name);
  } else if (step.kind != StepKind::kRenameType) {
    WriteField(out, "type_name", step.type_name);
  }
  switch (step.kind) {
    case StepKind::kAddType:
    case StepKind::kUnsupportedChange:
      break;
    case StepKind::kRenameType:
    case StepKind::kRenameProperty:
      WriteField(out, "from", step.from);
      WriteField(out, "to", step.to);
      break;
    case StepKind::kAddProperty:
      WriteField(out, "property_name", step.property);
      out.Key("property_type");
      WriteJson(step.property_type, out);
      break;
    case StepKind::kAddConstraint:
      out.Key("constraint");
      WriteJson(step.constraint, out);
      break;
    case StepKind::kExtendEnum:
      WriteField(out, "property_name", step.property);
      out.Key("added_values");
      out.BeginArray();
      for (const std::string& value : step.added_values) {
        out.String(value);
      }
      out.EndArray();
      break;
    case StepKind::kUpdatePropertyMetadata:
      WriteField(out, "property_name", step.property);
      [[fallthrough]];
    case StepKind::kUpdateTypeMetadata:
      out.Key("annotations");
      WriteJson(step.annotations, out);
      break;
    case StepKind::kDropProperty:
      WriteField(out, "property_name", step.property);
      [[fallthrough]];
    case StepKind::kDropType:
      WriteField(out, "mode", step.hard ? "hard" : "soft");
      break;
  }
  out.EndObject();
}

void WritePlan(const MigrationPlan& plan, std::string_view uri, io::JsonWriter& out) {
  out.BeginObject();
  WriteField(out, "uri", uri);
  out.Key("supported");
  out.Bool(plan.supported());
  out.Key("step_count");
  out.Uint(plan.steps.size());
  out.Key("steps");
  out.BeginArray();
  for (const MigrationStep& step : plan.steps) {
    WriteStep(step, out);
  }
  out.EndArray();
  out.EndObject();
}

}  // namespace og::engine::schema
