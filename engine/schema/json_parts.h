// The JSON of the parts that the shape, the IR and a migration plan share. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/schema/source.h"
#include "io/base/json_writer.h"

namespace og::engine::schema {

// {"scalar","nullable","list","enum_values"}; a vector's scalar is {"Vector":n}.
void WriteJson(const PropType& type, io::JsonWriter& out);

// {"name","value",["kwargs"]}: kwargs only when there are some.
void WriteJson(const Annotation& annotation, io::JsonWriter& out);
void WriteJson(const std::vector<Annotation>& annotations, io::JsonWriter& out);

// {"min","max"}.
void WriteJson(const Cardinality& cardinality, io::JsonWriter& out);

// null, {"Integer":n} or {"Float":x}.
void WriteJson(const std::optional<Bound>& bound, io::JsonWriter& out);

// {"Key":[...]}, {"Range":{"property","min","max"}}, {"Check":{"property","pattern"}}.
void WriteJson(const Constraint& constraint, io::JsonWriter& out);

// ["key","unique","index"], or those of them that there are.
void WriteJson(const std::vector<ConstraintKind>& property_constraints, io::JsonWriter& out);

// `text`, or null.
void WriteJson(const std::optional<std::string>& text, io::JsonWriter& out);

// The order of annotations: their compact JSON.
std::string AnnotationSortKey(const Annotation& annotation);

// "sha256:" and the hexadecimal digest of `text`.
std::string HashText(std::string_view text);

}  // namespace og::engine::schema
