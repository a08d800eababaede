#include "engine/schema/source.h"

#include <algorithm>

namespace og::engine::schema {

std::string_view ConstraintName(ConstraintKind kind) {
  static constexpr std::string_view kNames[] = {"key", "unique", "index", "range", "check"};
  return kNames[static_cast<size_t>(kind)];
}

const Annotation* FindAnnotation(const std::vector<Annotation>& annotations,
                                 std::string_view name) {
  const auto found =
      std::find_if(annotations.begin(), annotations.end(),
                   [&](const Annotation& annotation) { return annotation.name == name; });
  return found == annotations.end() ? nullptr : &*found;
}

const std::string* RenameHint(const std::vector<Annotation>& annotations) {
  const Annotation* hint = FindAnnotation(annotations, "rename_from");
  return hint != nullptr && hint->value.has_value() ? &*hint->value : nullptr;
}

}  // namespace og::engine::schema
