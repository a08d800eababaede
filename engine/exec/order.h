// Rows in the order of their keys.
#pragma once

#include <atomic>
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

// The rows, ascending, that fewer than `limit` rows come before: the first `limit` ones in whatever
// order those are brought that are equal in all keys. REQUIRES: as above, at least one key,
// limit > 0.
std::vector<int64_t> RowsWithin(const std::vector<SortKey>& keys, int64_t num_rows, uint64_t limit);

// What the first key of the first `limit` rows of an order cannot be behind, learnt from the rows
// that were looked at. Any thread may call Keep.
class FirstKeyBound {
 public:
  // REQUIRES: limit > 0.
  FirstKeyBound(bool descending, uint64_t limit) : descending_(descending), limit_(limit) {}

  // Of the rows `rows` of the first key's values those that may be among the first ones.
  std::vector<int64_t> Keep(const format::Array& values, std::vector<int64_t> rows);

 private:
  const bool descending_;
  const uint64_t limit_;
  std::atomic<uint64_t> bound_ = UINT64_MAX;
};

// Negative, zero or positive as row `i` of `a` comes before, with or after row `j` of `b`.
// REQUIRES: as many keys of the same types and directions.
int CompareRows(const std::vector<SortKey>& a, int64_t i, const std::vector<SortKey>& b, int64_t j);

}  // namespace og::engine::exec
