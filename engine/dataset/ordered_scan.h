// Scans in the order of column values: ORDER BY, with or without a limit.
//
//   OG_ASSIGN_OR_RETURN(auto rows, ScanOrdered(*table, {.limit = 10}, {{.column = "age"}}));
//
// Only the columns of the order are read for all rows that the filter keeps; with a limit no more
// than about twice as many of them are held as rows are wanted. The other columns are taken for the
// rows that come out. Without a limit the columns of the order are held for all rows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"

namespace og::engine::dataset {

struct SortKey {
  std::string column;  // a name, or the path of a struct member
  bool descending = false;
  bool nulls_first = false;
};

// The rows of a scan by `keys`, the first one first; rows that are equal in all of them come as the
// scan has them. Floats are in IEEE 754 total order, text and bytes bytewise. `options` mean what
// they mean to Dataset::Scan(), offset and limit after the order.
//
//   kInvalidArgument  no key, or a column without an order (lists, structs)
//   kNotFound         an unknown column
absl::StatusOr<std::unique_ptr<format::BatchStream>> ScanOrdered(const Dataset& dataset,
                                                                 const ScanOptions& options,
                                                                 const std::vector<SortKey>& keys);

}  // namespace og::engine::dataset
