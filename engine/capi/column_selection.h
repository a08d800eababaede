// Columns as callers of lance.h name them: a path of struct members gives a column of that name,
// the order is that of the list, and `_rowid` and its likes stand where they are named.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"

namespace og::engine::capi {

// The parts of "a.b" or "a.`b.c`". A top-level column of the whole name comes first.
std::vector<std::string> SplitColumn(const dataset::Dataset& table, const std::string& name);

// Scans `table`; `options.columns` are names as above. kInvalidArgument for a column that does not
// exist or is named twice.
absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanColumns(const dataset::Dataset& table,
                                                                 dataset::ScanOptions options);

// Columns of takes: paths stay inside their struct, `_rowid` and `_rowaddr` stand where they are
// named. `take` gets the options for the engine.
absl::StatusOr<format::RecordBatch> TakeColumns(
    const dataset::Dataset& table, const std::optional<std::vector<std::string>>& columns,
    const std::function<absl::StatusOr<format::RecordBatch>(const dataset::TakeOptions&)>& take);

}  // namespace og::engine::capi
