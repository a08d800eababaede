// Changing the columns of a dataset: adding, dropping, renaming, other types, nullability. A struct
// column that is there already gets the members that it lacks, in files of version 2.2. What
// needs no data changes only the schema; what does writes one more data file a fragment, and leaves
// the files that are there alone.
//
//   OG_ASSIGN_OR_RETURN(auto staged, StageAddColumns(*table, {{"twice", "age * 2"}}, {}));
//   OG_ASSIGN_OR_RETURN(table, table->Commit(staged, {}));
//
// Errors of all: kInvalidArgument for columns that do not exist or exist already, and for values
// that do not fit.
//
// Source: lance 10.0.0: src/dataset/schema_evolution.rs, src/dataset/hash_joiner.rs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

struct NewColumn {
  std::string name;
  // A value expression (engine/expr/filter_parse.h) over the columns that there are.
  std::string value;
};

// Columns computed from others. Typed nulls only ("CAST(NULL AS INT)") change only the schema.
absl::StatusOr<StagedTransaction> StageAddColumns(const Dataset& dataset,
                                                  const std::vector<NewColumn>& columns,
                                                  const WriteOptions& options);

// Nullable columns without values.
absl::StatusOr<StagedTransaction> StageAddNullColumns(const Dataset& dataset,
                                                      const format::Schema& columns,
                                                      const WriteOptions& options);

// The columns of `values`, whose rows are those of the dataset in the order of a scan.
absl::StatusOr<StagedTransaction> StageAddColumnsFrom(const Dataset& dataset,
                                                      format::BatchStream& values,
                                                      const WriteOptions& options);

// The columns of `values` but `values_key`, for rows whose `dataset_key` (a top-level column,
// "_rowid" or "_rowaddr") is equal; null for rows without values. Of several values of one key the
// last counts. Holds the values in memory (kResourceExhausted).
absl::StatusOr<StagedTransaction> StageJoinColumns(const Dataset& dataset,
                                                   format::BatchStream& values,
                                                   std::string_view dataset_key,
                                                   std::string_view values_key,
                                                   const WriteOptions& options);

// Removes columns, or members of structs by their path; what is stored stays until compaction.
absl::StatusOr<StagedTransaction> StageDropColumns(const Dataset& dataset,
                                                   const std::vector<std::string>& paths,
                                                   const WriteOptions& options);

struct ColumnAlteration {
  std::string path;
  std::optional<std::string> rename = {};
  // false: refused while there are nulls.
  std::optional<bool> nullable = {};
  // Another type of the same kind (integers, floats, times, text, bytes); null: the same. The
  // column is written again; every value has to fit, and no index may be on it.
  format::TypePtr type = nullptr;
};

absl::StatusOr<StagedTransaction> StageAlterColumns(
    const Dataset& dataset, const std::vector<ColumnAlteration>& alterations,
    const WriteOptions& options);

}  // namespace og::engine::dataset
