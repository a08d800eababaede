// Scans that leave out rows which nobody will want, judging by one column.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"

namespace og::engine::dataset {

// Of `rows`, ascending positions in `values`, those to keep, ascending. Called from several threads
// at once.
using RowSieve =
    std::function<std::vector<int64_t>(const format::Array& values, std::vector<int64_t> rows)>;

// As Scan(), but rows that pass the filter may be missing if `sieve` does not keep them by their
// values of the top-level column `column`. Other columns are fetched for the rows that are left,
// where these are few. REQUIRES: no offset, no limit.
absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanSieved(const Dataset& dataset,
                                                                const ScanOptions& options,
                                                                const std::string& column,
                                                                RowSieve sieve);

}  // namespace og::engine::dataset
