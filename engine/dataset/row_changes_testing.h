// Tables and rows of tests that change rows: given and compared as canonical JSON lines.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"
#include "io/env/env.h"

namespace og::engine::dataset {

// "id int64, name utf8, age int32?": a schema; `?` marks what may be null. Types: bool, int8 ...
// uint64, float32, float64, utf8, large_utf8, binary, date32. Aborts on anything else.
format::SchemaPtr SchemaOf(std::string_view text);

// `schema` with the metadata that makes `columns` the unenforced primary key, in this order.
format::SchemaPtr WithPrimaryKey(const format::SchemaPtr& schema,
                                 const std::vector<std::string>& columns);

// Rows of `schema` from JSON objects, one a line. Aborts on what does not fit.
format::RecordBatch RowsOf(const format::SchemaPtr& schema, std::string_view lines);
std::unique_ptr<format::BatchStream> StreamOf(const format::SchemaPtr& schema,
                                              std::string_view lines);

// A new dataset of these rows.
absl::StatusOr<DatasetPtr> CreateTable(io::Env& env, std::string_view uri,
                                       const format::SchemaPtr& schema, std::string_view lines,
                                       const CreateOptions& options);

// Appends rows as one fragment.
absl::StatusOr<DatasetPtr> AppendRows(const Dataset& dataset, std::string_view lines);

// All rows as sorted JSON lines; with what else `options` asks for.
absl::StatusOr<std::vector<std::string>> SortedRows(const Dataset& dataset,
                                                    const ScanOptions& options = {});

// A scan in its order as one text, a line a row.
absl::StatusOr<std::string> RowText(const Dataset& dataset, const ScanOptions& options = {});

}  // namespace og::engine::dataset
