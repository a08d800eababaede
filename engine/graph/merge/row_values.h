// Rows by address, as a merge compares, shows and copies them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"

namespace og::engine::graph {

// Rows of one chunk when many are read.
inline constexpr size_t kRowsOfChunk = 1024;

// Columns of the rows at `addresses`, in this order; all columns if `columns` is empty.
absl::StatusOr<format::RecordBatch> TakeRows(const dataset::Dataset& dataset,
                                             std::span<const uint64_t> addresses,
                                             const std::vector<std::string>& columns);

// The ids of the rows at `addresses`, in this order.
absl::StatusOr<std::vector<std::string>> TakeIds(const dataset::Dataset& dataset,
                                                 std::span<const uint64_t> addresses);

// Whether row `i` of `a` and row `j` of `b` have the same values: columns by name, one that a side
// lacks counts as null, null differs from empty, NaN is equal to itself.
bool RowsEqual(const format::RecordBatch& a, int64_t i, const format::RecordBatch& b, int64_t j);

// The value as exports write it: JSON.
absl::StatusOr<std::string> JsonOf(const format::Array& column, int64_t i);

// The rows at `addresses`, all columns, read chunk by chunk.
std::unique_ptr<format::BatchStream> StreamRows(dataset::DatasetPtr dataset,
                                                std::vector<uint64_t> addresses);

}  // namespace og::engine::graph
