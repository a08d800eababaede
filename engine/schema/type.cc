#include "engine/schema/type.h"

#include <algorithm>
#include <iterator>

#include "io/base/text.h"

namespace og::engine::schema {
namespace {

constexpr std::string_view kNames[] = {"String", "Bool", "I32",  "I64",      "U32",  "U64",
                                       "F32",    "F64",  "Date", "DateTime", "Blob", "Vector"};

}  // namespace

std::string_view ScalarName(ScalarKind kind) {
  return kNames[static_cast<size_t>(kind)];
}

std::optional<ScalarKind> ScalarNamed(std::string_view name) {
  const auto end = std::end(kNames) - 1;
  const auto found = std::find(std::begin(kNames), end, name);
  if (found == end) {
    return std::nullopt;
  }
  return static_cast<ScalarKind>(found - std::begin(kNames));
}

bool IsNumeric(ScalarKind kind) {
  return kind >= ScalarKind::kI32 && kind <= ScalarKind::kF64;
}

std::string PropType::ToString() const {
  std::string text;
  if (enum_values.has_value()) {
    text = io::StrCat("enum(", io::Join(*enum_values, ", "), ")");
  } else if (is_vector()) {
    text = io::StrCat("Vector(", vector_dim, ")");
  } else {
    text = ScalarName(scalar);
  }
  if (list) {
    text = io::StrCat("[", text, "]");
  }
  if (nullable) {
    text += '?';
  }
  return text;
}

}  // namespace og::engine::schema
