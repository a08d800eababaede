// How the indexes of a dataset answer a filter: which part of it, and for which fragments.
//
// NOT is pushed down to the conditions first; then the rows for which an AND or OR is true are the
// rows common to, or in one of, its arguments, and rows for which a condition is unknown never
// matter. Conditions on one column become one set of values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset_handle.h"
#include "engine/expr/expr.h"
#include "index/scalar/btree.h"
#include "index/scalar/value_set.h"

namespace og::engine::dataset {

// A segment of an index with the live fragments that it covers.
struct IndexSegment {
  std::shared_ptr<const index::BtreeIndex> btree;
  // Its entries are row addresses, also where the table has stable row ids.
  bool holds_addresses = false;
  std::vector<uint64_t> fragment_ids;  // ascending
};

struct UsableIndex {
  std::string name;
  format::TypePtr type;  // of the column
  std::vector<IndexSegment> segments;
  std::vector<uint64_t> fragment_ids;  // of all segments, ascending
};

// What the indexes answered.
struct IndexAnswer {
  // Fragments for which `offsets` is all there is; the others have to be scanned. Ascending.
  std::vector<uint64_t> fragment_ids;
  // Rows to look at by fragment: offsets of live rows, ascending. Fragments without any are absent.
  std::map<uint64_t, std::vector<uint64_t>> offsets;
  // What these rows still have to fulfil; null: nothing.
  expr::ExprPtr rest;
  uint64_t num_rows = 0;
  // "id IN [5, 5] by id_idx", for plans.
  std::string text;
};

// Searches the indexes that help with `filter`; null if none does.
absl::StatusOr<std::shared_ptr<const IndexAnswer>> SearchIndices(const DatasetHandle& dataset,
                                                                 const expr::ExprPtr& filter);

// The BTREE index over the top-level or nested column `path`; null if there is none that we read.
absl::StatusOr<std::shared_ptr<const UsableIndex>> FindUsableIndex(
    const DatasetHandle& dataset, const std::vector<std::string>& path);

// Opens one segment. `metadata` is of this dataset.
absl::StatusOr<std::shared_ptr<const index::BtreeIndex>> OpenSegment(
    const DatasetHandle& dataset, const format::IndexMetadata& metadata);

// Whether `metadata` is a BTREE index that we read.
bool IsReadableBtree(const format::IndexMetadata& metadata);

// The live fragments that the segment covers, ascending; empty where the coverage is unknown.
absl::StatusOr<std::vector<uint64_t>> LiveCoverage(const format::Manifest& manifest,
                                                   const format::IndexMetadata& metadata);

// The rows that `ids` (of `_rowid`, or addresses) name now, where they live and lie in one of
// `fragment_ids` (ascending): addresses, ascending.
absl::StatusOr<std::vector<uint64_t>> LiveAddresses(const DatasetHandle& dataset,
                                                    std::span<const uint64_t> ids,
                                                    bool are_addresses,
                                                    std::span<const uint64_t> fragment_ids);

}  // namespace og::engine::dataset
