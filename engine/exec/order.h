// Rows in the order of their keys.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"

namespace og::engine::exec {

// Nulls are smaller than all values, so they come first, or last if descending. Floats are in total
// order, text is bytewise.
struct SortKey {
  format::ArrayPtr values;
  bool descending = false;
};

// kBadRequest for a type that has no order: lists, structs.
absl::Status CheckSortable(const format::DataType& type);

// The first `limit` rows (absent: all) of `num_rows` in the order of `keys`, the first key first;
// rows that are equal in all keys stay in their order. REQUIRES: sortable keys of num_rows values.
std::vector<int64_t> SortRows(const std::vector<SortKey>& keys, int64_t num_rows,
                              std::optional<uint64_t> limit);

// Negative, zero or positive as row `i` of `a` comes before, with or after row `j` of `b`.
// REQUIRES: as many keys of the same types and directions.
int CompareRows(const std::vector<SortKey>& a, int64_t i, const std::vector<SortKey>& b, int64_t j);

}  // namespace og::engine::exec
