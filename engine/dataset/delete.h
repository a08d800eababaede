// Deleting the rows that a condition names.
//
//   OG_ASSIGN_OR_RETURN(const DeleteResult result, DeleteWhere(*table, {.predicate = "age > 65"}));
//
// Source: lance 10.0.0: src/dataset/write/delete.rs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/retry.h"

namespace og::engine::dataset {

struct DeleteRequest {
  // A filter (engine/expr/filter_parse.h); stands in the transaction as it is.
  std::string predicate = {};
  WriteOptions write = {};
  RetryOptions retry = {};
};

struct StagedDelete {
  StagedTransaction staged;
  uint64_t num_deleted_rows = 0;
};

// Deletion files for all rows of this version for which the predicate is true. Fragments of which
// all rows go are removed without one; a predicate that is true by itself removes all fragments
// without reading any. A change without any row is a change too.
absl::StatusOr<StagedDelete> StageDeleteWhere(const Dataset& dataset, const DeleteRequest& request);

struct DeleteResult {
  DatasetPtr dataset;
  uint64_t num_deleted_rows = 0;
};

// Stages and commits, again on the latest version after a conflict.
absl::StatusOr<DeleteResult> DeleteWhere(const Dataset& dataset, const DeleteRequest& request);

}  // namespace og::engine::dataset
