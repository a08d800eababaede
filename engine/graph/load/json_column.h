// One property of a load: JSON values become a typed column.
//
// Strict input rules: a value of another JSON type is an error that names the property, the wanted
// type and the text found; integers must fit; 32-bit floats must stay finite; null (or a missing
// member) is only legal for nullable properties. Errors are kBadRequest without the line, which the
// caller knows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "engine/schema/catalog.h"
#include "format/arrow/array.h"

namespace simdjson::dom {
class element;
}

namespace og::engine::graph {

// Thread-compatible.
class JsonColumn {
 public:
  virtual ~JsonColumn() = default;

  // Appends `value`; JSON null is a null.
  virtual absl::Status Append(const simdjson::dom::element& value) = 0;

  // Appends a null; an error if the property is not nullable.
  virtual absl::Status AppendNull() = 0;

  // Whether Append would take every one of `values` as it stands.
  virtual bool Takes(const format::Array& values) const = 0;

  // `length` nulls; none for a property that is not nullable.
  virtual std::optional<format::ArrayPtr> Nulls(int64_t length) const = 0;

  // The values so far; the column starts again empty.
  virtual format::ArrayPtr Finish() = 0;

  virtual size_t MemoryBytes() const = 0;
};

std::unique_ptr<JsonColumn> MakeJsonColumn(const schema::Property& property);

// An error of the input: kBadRequest.
absl::Status InputError(std::string_view message);

// The compact JSON text of `value`, cut to a length that fits a message.
std::string JsonText(const simdjson::dom::element& value);

}  // namespace og::engine::graph
