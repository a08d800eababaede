#include "engine/schema/json_parts.h"

#include <utility>

#include "io/base/sha256.h"
#include "io/base/text.h"

namespace og::engine::schema {

void WriteJson(const std::optional<std::string>& text, io::JsonWriter& out) {
  if (text.has_value()) {
    out.String(*text);
  } else {
    out.Null();
  }
}

void WriteJson(const PropType& type, io::JsonWriter& out) {
  out.BeginObject();
  out.Key("scalar");
  if (type.is_vector()) {
    out.BeginObject();
    out.Key("Vector");
    out.Uint(type.vector_dim);
    out.EndObject();
  } else {
    out.String(ScalarName(type.scalar));
  }
  out.Key("nullable");
  out.Bool(type.nullable);
  out.Key("list");
  out.Bool(type.list);
  out.Key("enum_values");
  if (type.enum_values.has_value()) {
    out.BeginArray();
    for (const std::string& value : *type.enum_values) {
      out.String(value);
    }
    out.EndArray();
  } else {
    out.Null();
  }
  out.EndObject();
}

void WriteJson(const Annotation& annotation, io::JsonWriter& out) {
  out.BeginObject();
  out.Key("name");
  out.String(annotation.name);
  out.Key("value");
  WriteJson(annotation.value, out);
  if (!annotation.kwargs.empty()) {
    out.Key("kwargs");
    out.BeginObject();
    for (const auto& [key, value] : annotation.kwargs) {
      out.Key(key);
      out.String(value);
    }
    out.EndObject();
  }
  out.EndObject();
}

void WriteJson(const std::vector<Annotation>& annotations, io::JsonWriter& out) {
  out.BeginArray();
  for (const Annotation& annotation : annotations) {
    WriteJson(annotation, out);
  }
  out.EndArray();
}

void WriteJson(const Cardinality& cardinality, io::JsonWriter& out) {
  out.BeginObject();
  out.Key("min");
  out.Uint(cardinality.min);
  out.Key("max");
  if (cardinality.max.has_value()) {
    out.Uint(*cardinality.max);
  } else {
    out.Null();
  }
  out.EndObject();
}

void WriteJson(const std::optional<Bound>& bound, io::JsonWriter& out) {
  if (!bound.has_value()) {
    out.Null();
    return;
  }
  out.BeginObject();
  if (const auto* integer = std::get_if<int64_t>(&*bound)) {
    out.Key("Integer");
    out.Int(*integer);
  } else {
    out.Key("Float");
    out.Float(std::get<double>(*bound));
  }
  out.EndObject();
}

void WriteJson(const Constraint& constraint, io::JsonWriter& out) {
  static constexpr std::string_view kTags[] = {"Key", "Unique", "Index", "Range", "Check"};
  out.BeginObject();
  out.Key(kTags[static_cast<size_t>(constraint.kind)]);
  if (constraint.kind == ConstraintKind::kRange || constraint.kind == ConstraintKind::kCheck) {
    out.BeginObject();
    out.Key("property");
    out.String(constraint.columns[0]);
    if (constraint.kind == ConstraintKind::kRange) {
      out.Key("min");
      WriteJson(constraint.min, out);
      out.Key("max");
      WriteJson(constraint.max, out);
    } else {
      out.Key("pattern");
      out.String(constraint.pattern);
    }
    out.EndObject();
  } else {
    out.BeginArray();
    for (const std::string& column : constraint.columns) {
      out.String(column);
    }
    out.EndArray();
  }
  out.EndObject();
}

void WriteJson(const std::vector<ConstraintKind>& property_constraints, io::JsonWriter& out) {
  out.BeginArray();
  for (const ConstraintKind kind : property_constraints) {
    out.String(ConstraintName(kind));
  }
  out.EndArray();
}

std::string AnnotationSortKey(const Annotation& annotation) {
  io::JsonWriter out;
  WriteJson(annotation, out);
  return std::move(out).Finish();
}

std::string HashText(std::string_view text) {
  return io::StrCat("sha256:", io::Sha256Hex(text));
}

}  // namespace og::engine::schema
