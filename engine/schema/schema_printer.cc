#include "engine/schema/schema_printer.h"

#include <charconv>

#include "io/base/text.h"

namespace og::engine::schema {
namespace {

// A string literal that decodes to `text`.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + '"';
}

std::string Format(const std::vector<Annotation>& annotations) {
  std::string text;
  for (const Annotation& annotation : annotations) {
    text += io::StrCat(" @", annotation.name);
    if (!annotation.value.has_value()) {
      continue;
    }
    text += io::StrCat("(", Quoted(*annotation.value));
    for (const auto& [key, value] : annotation.kwargs) {
      text += io::StrCat(", ", key, "=", Quoted(value));
    }
    text += ')';
  }
  return text;
}

std::string Format(const Bound& bound) {
  if (const auto* integer = std::get_if<int64_t>(&bound)) {
    return io::StrCat(*integer);
  }
  // The grammar has no exponents.
  char digits[400];
  const auto end = std::to_chars(digits, digits + sizeof(digits), std::get<double>(bound),
                                 std::chars_format::fixed);
  std::string text(digits, end.ptr);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string Format(const Constraint& constraint) {
  std::string text =
      io::StrCat("  @", ConstraintName(constraint.kind), "(", io::Join(constraint.columns, ", "));
  if (constraint.kind == ConstraintKind::kRange) {
    text += io::StrCat(", ", Format(*constraint.min), "..",
                       constraint.max.has_value() ? Format(*constraint.max) : "");
  } else if (constraint.kind == ConstraintKind::kCheck) {
    text += io::StrCat(", ", Quoted(constraint.pattern));
  }
  return text + ")\n";
}

// The annotations of a property are constraints of its type as well; the text has them once.
size_t NumBodyConstraints(const std::vector<PropertyDecl>& properties, size_t num_properties,
                          size_t num_constraints) {
  for (size_t i = 0; i < num_properties; ++i) {
    for (const Annotation& annotation : properties[i].annotations) {
      const bool desugared =
          !annotation.value.has_value() &&
          (annotation.name == "key" || annotation.name == "unique" || annotation.name == "index");
      num_constraints -= desugared ? 1 : 0;
    }
  }
  return num_constraints;
}

std::string FormatBody(const std::vector<PropertyDecl>& properties, size_t num_properties,
                       const std::vector<Constraint>& constraints, size_t num_constraints) {
  std::string text = " {\n";
  for (size_t i = 0; i < num_properties; ++i) {
    text += io::StrCat("  ", properties[i].name, ": ", properties[i].type.ToString(),
                       Format(properties[i].annotations), "\n");
  }
  const size_t num_body = NumBodyConstraints(properties, num_properties, num_constraints);
  for (size_t i = 0; i < num_body; ++i) {
    text += Format(constraints[i]);
  }
  return text + "}\n";
}

std::string Format(const Declaration& declaration) {
  if (const auto* interface = std::get_if<InterfaceDecl>(&declaration)) {
    return io::StrCat("interface ", interface->name,
                      FormatBody(interface->properties, interface->properties.size(), {}, 0));
  }
  if (const auto* node = std::get_if<NodeDecl>(&declaration)) {
    return io::StrCat("node ", node->name, Format(node->annotations),
                      node->implements.empty() ? "" : " implements ",
                      io::Join(node->implements, ", "),
                      FormatBody(node->properties, node->num_declared_properties, node->constraints,
                                 node->num_declared_constraints));
  }
  const auto& edge = std::get<EdgeDecl>(declaration);
  std::string card;
  if (!edge.cardinality.is_default()) {
    card =
        io::StrCat(" @card(", edge.cardinality.min, "..",
                   edge.cardinality.max.has_value() ? io::StrCat(*edge.cardinality.max) : "", ")");
  }
  return io::StrCat("edge ", edge.name, ": ", edge.from, " -> ", edge.to, card,
                    Format(edge.annotations),
                    FormatBody(edge.properties, edge.properties.size(), edge.constraints,
                               edge.constraints.size()));
}

}  // namespace

std::string PrintSchema(const SchemaSource& source) {
  std::string text;
  for (const Declaration& declaration : source.declarations) {
    text += Format(declaration);
  }
  return text;
}

}  // namespace og::engine::schema
