// Schemas as JSON: what `lance-tool schema` prints and `lance-tool write --schema` reads.
//
//   {"fields": [field, ...], "metadata": {key: text}}
//   field = {"name", "type", "nullable", "metadata"?, "children"?}
//
// Types are spelled as in "int32", "timestamp[us,UTC]", "decimal128(10,2)", "fixed_size_binary:16",
// "fixed_size_list:3", "dictionary<int8,utf8>"; struct, list, large_list, fixed_size_list and map
// (key and value) have children. Reading takes "nullable" as true and "metadata" as empty when
// absent, ignores "field_ids", and accepts a bare list of fields.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "format/arrow/type.h"
#include "io/base/json_writer.h"

namespace og::cli {

void WriteSchemaJson(const format::Schema& schema, io::JsonWriter& json);

// kInvalidArgument says what does not fit.
absl::StatusOr<format::SchemaPtr> ParseSchemaJson(std::string_view text);

// The name of a type without its children.
std::string TypeName(const format::DataType& type);

}  // namespace og::cli
