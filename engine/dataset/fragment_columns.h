// New columns of one fragment: a data file beside those that it has, with a row for each of its
// rows, deleted ones included.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/dataset_handle.h"
#include "engine/dataset/projection.h"
#include "format/arrow/array.h"
#include "format/file/lance_schema.h"
#include "format/table/manifest.h"

namespace og::engine::dataset {

// The new columns for live rows: their stored columns and their addresses. Called for the rows of
// all fragments in the order of a scan.
using ComputeColumns = std::function<absl::StatusOr<std::vector<format::ArrayPtr>>(
    const format::RecordBatch& rows, std::span<const uint64_t> addresses)>;

// Reads `read` of `fragment`, and writes what `compute` makes of it as the fields of `schema`.
// Deleted rows get null, or where that may not be the value of a neighbour. Notes the file in
// `staged`.
absl::StatusOr<format::DataFile> WriteFragmentColumns(
    const DatasetHandle& dataset, const format::Fragment& fragment, const Projection& read,
    std::shared_ptr<const format::LanceSchema> schema, const ComputeColumns& compute,
    StagedTransaction& staged);

}  // namespace og::engine::dataset
