// JSON columns at the edge of a dataset. Inside this room they are what the files store, JSONB in
// large_binary with the extension lance.json (format/codec/jsonb.h); filters and expressions see
// that. Callers get, and give, utf8 with the extension arrow.json. Columns may be members of
// structs and items of lists.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/expr/expr.h"
#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "format/file/lance_schema.h"

namespace og::engine::dataset {

enum class JsonForm : uint8_t { kText, kStored };

// Whether `field` is a JSON column, or has one below it.
bool HasJson(const format::LanceField& field);

// `stored` with the fields of JSON as text; the same field or schema if it has none.
format::Field WithTextJson(const format::Field& stored);
format::SchemaPtr WithTextJson(const format::SchemaPtr& stored);

// `array` of `field` with stored JSON as text. kDataLoss for what is no JSONB, kUnimplemented for
// JSONB beyond JSON; errors name the column.
absl::StatusOr<format::ArrayPtr> WithTextJson(const format::ArrayPtr& array,
                                              const format::LanceField& field);

// `array` of `field` with JSON as it is stored, from text; what is stored form already stays.
// kInvalidArgument for text that is no JSON; errors name the column. Arrays of other types come
// back as they are.
absl::StatusOr<format::ArrayPtr> WithStoredJson(const format::ArrayPtr& array,
                                                const format::LanceField& field);

// kInvalidArgument for a condition of `filter` that compares a JSON column of `table` with text,
// for the column is bytes there.
absl::Status RefuseJsonAsText(const expr::Expr& filter, const format::LanceSchema& table);

// The batches of `source` with the JSON columns of `table` in stored form; null if there is no such
// column. `source` and `table` must outlive the stream.
absl::StatusOr<std::unique_ptr<format::BatchStream>> WithStoredJson(
    format::BatchStream& source, const format::LanceSchema& table);

}  // namespace og::engine::dataset
