#include "engine/schema/check.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/schema/peg.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

using PropertyMap = std::map<std::string_view, const PropertyDecl*>;

// Whether `text` is empty or white space, as Unicode has it.
bool IsBlankText(std::string_view text) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    if (byte == ' ' || (byte >= 9 && byte <= 13)) {
      text.remove_prefix(1);
      continue;
    }
    static constexpr std::string_view kWide[] = {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001",
                                                 "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
                                                 "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
                                                 "\u2029", "\u202f", "\u205f", "\u3000"};
    const auto blank = std::find_if(std::begin(kWide), std::end(kWide),
                                    [&](std::string_view wide) { return text.starts_with(wide); });
    if (blank == std::end(kWide)) {
      return false;
    }
    text.remove_prefix(blank->size());
  }
  return true;
}

bool IsIndexing(std::string_view annotation) {
  return annotation == "key" || annotation == "unique" || annotation == "index";
}

// @description and @instruction: at most once, with a text.
absl::Status CheckText(const std::vector<Annotation>& annotations, std::string_view name,
                       std::string_view target) {
  bool seen = false;
  for (const Annotation& annotation : annotations) {
    if (annotation.name != name) {
      continue;
    }
    if (seen) {
      return SourceError(io::StrCat(target, " declares @", name, " multiple times"));
    }
    if (!annotation.value.has_value() || IsBlankText(*annotation.value)) {
      return SourceError(io::StrCat("@", name, " on ", target, " requires a non-empty value"));
    }
    seen = true;
  }
  return absl::OkStatus();
}

absl::Status CheckRename(const std::vector<Annotation>& annotations, std::string_view target) {
  const auto is_hint = [](const Annotation& annotation) {
    return annotation.name == "rename_from";
  };
  const auto num_hints = std::count_if(annotations.begin(), annotations.end(), is_hint);
  if (num_hints == 0) {
    return absl::OkStatus();
  }
  if (num_hints > 1) {
    return SourceError(io::StrCat(target, " declares @rename_from multiple times"));
  }
  const Annotation& hint = *FindAnnotation(annotations, "rename_from");
  if (!hint.value.has_value() || IsBlankText(*hint.value)) {
    return SourceError(
        io::StrCat("@rename_from on ", target, " requires exactly one non-empty positional value"));
  }
  if (!hint.kwargs.empty()) {
    return SourceError(
        io::StrCat("@rename_from on ", target, " does not accept keyword arguments"));
  }
  return absl::OkStatus();
}

absl::Status CheckEmbed(const Annotation& embed, const PropertyDecl& property,
                        std::string_view qualified, std::string_view type_name,
                        const std::vector<PropertyDecl>& properties) {
  if (!property.type.is_vector()) {
    return SourceError(
        io::StrCat("@embed is only supported on vector properties (", qualified, ")"));
  }
  if (!embed.value.has_value()) {
    return SourceError(io::StrCat("@embed on ", qualified, " requires a source property name"));
  }
  if (IsBlankText(*embed.value)) {
    return SourceError(
        io::StrCat("@embed on ", qualified, " requires a non-empty source property name"));
  }
  const auto source =
      std::find_if(properties.begin(), properties.end(),
                   [&](const auto& candidate) { return candidate.name == *embed.value; });
  if (source == properties.end()) {
    return SourceError(
        io::StrCat("@embed on ", qualified, " references unknown source property ", *embed.value));
  }
  if (source->type.list || source->type.scalar != ScalarKind::kString) {
    return SourceError(
        io::StrCat("@embed source property ", type_name, ".", *embed.value, " must be String"));
  }
  for (const auto& [key, value] : embed.kwargs) {
    if (key != "model") {
      return SourceError(io::StrCat("@embed on ", qualified, " has unknown argument '", key,
                                    "=' (only 'model' is supported)"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPropertyAnnotations(const PropertyDecl& property, std::string_view type_name,
                                      const std::vector<PropertyDecl>& properties, bool is_edge) {
  const std::string qualified = io::StrCat(type_name, ".", property.name);
  const std::string target = io::StrCat("property ", qualified);
  OG_RETURN_IF_ERROR(CheckText(property.annotations, "description", target));
  OG_RETURN_IF_ERROR(CheckRename(property.annotations, target));

  std::vector<std::string_view> seen;
  for (const Annotation& annotation : property.annotations) {
    const std::string_view name = annotation.name;
    const bool interpreted = IsIndexing(name) || name == "embed";
    std::string_view refused_kind;
    if (property.type.list && interpreted) {
      refused_kind = "list";
    } else if (property.type.is_vector() && (name == "key" || name == "unique")) {
      refused_kind = "vector";
    } else if (property.type.is_blob() && interpreted) {
      refused_kind = "blob";
    }
    if (!refused_kind.empty()) {
      return SourceError(
          io::StrCat("@", name, " is not supported on ", refused_kind, " property ", qualified));
    }
    if (name == "instruction") {
      return SourceError(
          io::StrCat("@instruction is only supported on node and edge types (", target, ")"));
    }
    if (is_edge && (name == "key" || name == "embed")) {
      return SourceError(
          io::StrCat("@", name, " is not supported on edge properties (edge ", qualified, ")"));
    }
    if (!interpreted) {
      continue;
    }
    if (name != "embed" && annotation.value.has_value()) {
      return SourceError(io::StrCat("@", name, " on ", qualified, " does not accept a value"));
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return SourceError(io::StrCat(target, " declares @", name, " multiple times"));
    }
    seen.push_back(name);
    if (name == "embed") {
      OG_RETURN_IF_ERROR(CheckEmbed(annotation, property, qualified, type_name, properties));
    }
  }
  return absl::OkStatus();
}

// The annotations of a node or edge type itself.
absl::Status CheckTypeAnnotations(const std::vector<Annotation>& annotations,
                                  const std::string& target, bool is_edge) {
  OG_RETURN_IF_ERROR(CheckRename(annotations, target));
  for (const Annotation& annotation : annotations) {
    if (IsIndexing(annotation.name) || annotation.name == "embed") {
      return SourceError(
          io::StrCat("@", annotation.name,
                     is_edge ? " is not supported on edges ("
                             : " is only supported on node properties or as body constraint (",
                     target, ")"));
    }
  }
  OG_RETURN_IF_ERROR(CheckText(annotations, "description", target));
  return CheckText(annotations, "instruction", target);
}

absl::Status CheckKeyColumn(const PropertyDecl& property, const std::string& qualified) {
  if (property.type.nullable) {
    return SourceError(io::StrCat("@key property ", qualified, " cannot be nullable"));
  }
  const std::string_view kind = property.type.list          ? "list"
                                : property.type.is_vector() ? "vector"
                                : property.type.is_blob()   ? "blob"
                                                            : "";
  if (!kind.empty()) {
    return SourceError(io::StrCat("@key is not supported on ", kind, " property ", qualified));
  }
  return absl::OkStatus();
}

absl::Status CheckConstraintColumn(const Constraint& constraint, const PropertyDecl& property,
                                   const std::string& qualified, SourceMode mode) {
  switch (constraint.kind) {
    case ConstraintKind::kKey:
      return CheckKeyColumn(property, qualified);
    case ConstraintKind::kUnique:
    case ConstraintKind::kIndex:
      if (property.type.is_blob() &&
          !(constraint.kind == ConstraintKind::kUnique && mode == SourceMode::kAccepted)) {
        return SourceError(io::StrCat("@", ConstraintName(constraint.kind),
                                      " is not supported on blob property ", qualified));
      }
      return absl::OkStatus();
    case ConstraintKind::kRange:
      if (!IsNumeric(property.type.scalar)) {
        return SourceError(io::StrCat("@range on ", qualified, " requires a numeric type, got ",
                                      property.type.ToString()));
      }
      return absl::OkStatus();
    case ConstraintKind::kCheck:
      if (property.type.scalar != ScalarKind::kString) {
        return SourceError(io::StrCat("@check on ", qualified, " requires String type, got ",
                                      property.type.ToString()));
      }
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status CheckTypeConstraints(const std::vector<Constraint>& constraints,
                                  const std::vector<PropertyDecl>& properties,
                                  std::string_view type_name, bool is_edge, SourceMode mode) {
  PropertyMap by_name;
  for (const PropertyDecl& property : properties) {
    by_name[property.name] = &property;
  }
  bool has_key = false;
  for (const Constraint& constraint : constraints) {
    const bool grouping =
        constraint.kind == ConstraintKind::kUnique || constraint.kind == ConstraintKind::kIndex;
    const std::string_view name = ConstraintName(constraint.kind);
    if (is_edge && !grouping) {
      return SourceError(
          io::StrCat("@", name, " constraint is not supported on edges (edge ", type_name, ")"));
    }
    if (constraint.kind == ConstraintKind::kKey && std::exchange(has_key, true)) {
      return SourceError(io::StrCat("node type ", type_name,
                                    " has multiple @key constraints; only one is supported"));
    }
    for (const std::string& column : constraint.columns) {
      if (is_edge && (column == "src" || column == "dst")) {
        continue;
      }
      const auto found = by_name.find(column);
      if (found == by_name.end()) {
        return SourceError(io::StrCat("@", name, " on ", type_name,
                                      " references unknown property '", column, "'"));
      }
      OG_RETURN_IF_ERROR(CheckConstraintColumn(constraint, *found->second,
                                               io::StrCat(type_name, ".", column), mode));
    }
  }
  return absl::OkStatus();
}

absl::Status ResolveNode(const std::map<std::string_view, const InterfaceDecl*>& interfaces,
                         NodeDecl* node) {
  for (const std::string& name : node->implements) {
    const auto found = interfaces.find(name);
    if (found == interfaces.end()) {
      return SourceError(
          io::StrCat("node ", node->name, " implements unknown interface '", name, "'"));
    }
    for (const PropertyDecl& wanted : found->second->properties) {
      const auto existing =
          std::find_if(node->properties.begin(), node->properties.end(),
                       [&](const auto& property) { return property.name == wanted.name; });
      if (existing == node->properties.end()) {
        node->properties.push_back(wanted);
        AppendPropertyConstraints({wanted}, &node->constraints);
      } else if (existing->type != wanted.type) {
        return SourceError(io::StrCat("node ", node->name, " property '", wanted.name,
                                      "' has type ", existing->type.ToString(), " but interface ",
                                      name, " declares it as ", wanted.type.ToString()));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool IsReservedColumn(std::string_view name) {
  return name == "_rowid" || name == "_rowaddr" || name == "_rowoffset" ||
         name == "_row_created_at_version" || name == "_row_last_updated_at_version";
}

bool SortUnique(std::vector<std::string>* values) {
  std::sort(values->begin(), values->end());
  const auto end = std::unique(values->begin(), values->end());
  const bool unique = end == values->end();
  values->erase(end, values->end());
  return unique;
}

void AppendPropertyConstraints(const std::vector<PropertyDecl>& properties,
                               std::vector<Constraint>* constraints) {
  for (const PropertyDecl& property : properties) {
    for (const Annotation& annotation : property.annotations) {
      if (annotation.value.has_value() || !IsIndexing(annotation.name)) {
        continue;
      }
      Constraint constraint;
      constraint.kind = annotation.name == "key"      ? ConstraintKind::kKey
                        : annotation.name == "unique" ? ConstraintKind::kUnique
                                                      : ConstraintKind::kIndex;
      constraint.columns = {property.name};
      constraints->push_back(std::move(constraint));
    }
  }
}

absl::Status ResolveInterfaces(SchemaSource* source) {
  std::map<std::string_view, const InterfaceDecl*> interfaces;
  for (const Declaration& declaration : source->declarations) {
    if (const auto* interface = std::get_if<InterfaceDecl>(&declaration)) {
      interfaces[interface->name] = interface;
    }
  }
  for (Declaration& declaration : source->declarations) {
    if (auto* node = std::get_if<NodeDecl>(&declaration)) {
      OG_RETURN_IF_ERROR(ResolveNode(interfaces, node));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAnnotations(const SchemaSource& source) {
  for (const Declaration& declaration : source.declarations) {
    if (const auto* interface = std::get_if<InterfaceDecl>(&declaration)) {
      for (const PropertyDecl& property : interface->properties) {
        OG_RETURN_IF_ERROR(CheckRename(
            property.annotations, io::StrCat("property ", interface->name, ".", property.name)));
      }
    } else if (const auto* node = std::get_if<NodeDecl>(&declaration)) {
      OG_RETURN_IF_ERROR(
          CheckTypeAnnotations(node->annotations, io::StrCat("node ", node->name), false));
      for (const PropertyDecl& property : node->properties) {
        OG_RETURN_IF_ERROR(CheckPropertyAnnotations(property, node->name, node->properties, false));
      }
    } else if (const auto* edge = std::get_if<EdgeDecl>(&declaration)) {
      OG_RETURN_IF_ERROR(
          CheckTypeAnnotations(edge->annotations, io::StrCat("edge ", edge->name), true));
      for (const PropertyDecl& property : edge->properties) {
        OG_RETURN_IF_ERROR(CheckPropertyAnnotations(property, edge->name, edge->properties, true));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckConstraints(const SchemaSource& source, SourceMode mode) {
  for (const Declaration& declaration : source.declarations) {
    if (const auto* node = std::get_if<NodeDecl>(&declaration)) {
      OG_RETURN_IF_ERROR(
          CheckTypeConstraints(node->constraints, node->properties, node->name, false, mode));
    } else if (const auto* edge = std::get_if<EdgeDecl>(&declaration)) {
      OG_RETURN_IF_ERROR(
          CheckTypeConstraints(edge->constraints, edge->properties, edge->name, true, mode));
    }
  }
  return absl::OkStatus();
}

}  // namespace og::engine::schema
