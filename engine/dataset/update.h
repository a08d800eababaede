// Changing values of rows by expressions: UPDATE ... SET ... WHERE.
//
//   OG_ASSIGN_OR_RETURN(const UpdateResult result,
//                       UpdateWhere(*table, {.assignments = {{"age", "age + 1"}},
//                                            .predicate = "name = 'a'"}));
//
// The rows move to new fragments and keep their stable row ids.
//
// Source: lance 10.0.0: src/dataset/write/update.rs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/retry.h"

namespace og::engine::dataset {

struct Assignment {
  std::string column;  // a top-level column
  // A value expression (engine/expr/filter_parse.h) over the row as it was before the update.
  std::string value;
};

struct UpdateWhereRequest {
  std::vector<Assignment> assignments = {};
  std::string predicate = {};  // empty: all rows
  WriteOptions write = {};
  RetryOptions retry = {};
};

struct StagedUpdate {
  StagedTransaction staged;
  uint64_t num_updated_rows = 0;
};

//   kInvalidArgument  no assignment, an unknown column, or a value that the column cannot hold
absl::StatusOr<StagedUpdate> StageUpdateWhere(const Dataset& dataset,
                                              const UpdateWhereRequest& request);

struct UpdateResult {
  DatasetPtr dataset;
  uint64_t num_updated_rows = 0;
};

// Stages and commits, again on the latest version after a conflict.
absl::StatusOr<UpdateResult> UpdateWhere(const Dataset& dataset, const UpdateWhereRequest& request);

}  // namespace og::engine::dataset
