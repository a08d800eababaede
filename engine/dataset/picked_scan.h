// Scans for rows that a function picks instead of a filter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset_handle.h"
#include "format/arrow/array.h"

namespace og::engine::dataset {

// The rows of a batch to keep, ascending. Called from several threads at once.
using RowPicker =
    std::function<absl::StatusOr<std::vector<int64_t>>(const format::RecordBatch& batch)>;

// As ScanStored(), but for `pick`, which gets batches with the top-level columns `columns` at
// least. REQUIRES: options.filter is null.
absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanPicked(
    const DatasetHandle& dataset, const ScanOptions& options,
    const std::vector<std::string>& columns, RowPicker pick);

}  // namespace og::engine::dataset
