// MERGE: rows of a source are matched by key with the rows of a table; what happens to matched
// rows, to rows of the source alone and to rows of the table alone is chosen freely.
//
//   MergeInsertRequest upsert{.on = {"id"}, .when_matched = WhenMatchedRow::kUpdateAll};
//   OG_ASSIGN_OR_RETURN(const MergeInsertResult result, MergeInsert(*table, *rows, upsert));
//
// Keys are compared as SQL does: a key with a null in it matches nothing. Rows of the source with
// equal keys that match nothing are all inserted. A source may leave out columns of the table:
// updated rows keep their values, inserted ones get null.
//
// The source may be larger than memory: beyond half of the memory budget it goes to temporary
// files, as do the keys of the table, in parts of equal keys.
//
// Source: lance 10.0.0: src/dataset/write/merge_insert.rs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/retry.h"

namespace og::engine::dataset {

enum class WhenMatchedRow : uint8_t {
  kDoNothing,
  kUpdateAll,
  kUpdateIf,  // where MergeInsertRequest::update_if is true
  kFail,
  kDelete,
};
enum class WhenNotMatchedRow : uint8_t { kInsertAll, kDoNothing };
enum class WhenNotMatchedBySource : uint8_t {
  kKeep,
  kDelete,
  kDeleteIf,  // where MergeInsertRequest::delete_if is true
};

// Several rows of the source match one row of the table that is to change.
enum class SourceDuplicates : uint8_t {
  kFail,
  kFirstSeen,  // the others are left out and counted
};

struct MergeInsertRequest {
  // Top-level columns, case ignored. Empty: the primary key of the schema.
  std::vector<std::string> on = {};
  WhenMatchedRow when_matched = WhenMatchedRow::kDoNothing;
  // A filter over `source.column` and `target.column`.
  std::string update_if = {};
  WhenNotMatchedRow when_not_matched = WhenNotMatchedRow::kInsertAll;
  WhenNotMatchedBySource when_not_matched_by_source = WhenNotMatchedBySource::kKeep;
  // A filter over the columns of the table.
  std::string delete_if = {};
  SourceDuplicates duplicates = SourceDuplicates::kFail;
  // Lets a BTREE index on the key find the matches.
  bool use_index = true;
  WriteOptions write = {};
  RetryOptions retry = {};
};

struct MergeInsertStatistics {
  uint64_t num_inserted_rows = 0;
  uint64_t num_updated_rows = 0;
  uint64_t num_deleted_rows = 0;
  uint64_t num_skipped_duplicates = 0;
  uint32_t num_attempts = 1;
  uint64_t num_bytes_written = 0;  // of data files
  uint64_t num_files_written = 0;
};

struct StagedMergeInsert {
  StagedTransaction staged;
  MergeInsertStatistics statistics;
};

// One Update of this version.
//
//   kInvalidArgument    a request that changes nothing, keys that are no columns, conditions or
//                       columns that do not fit, ambiguous matches, nulls where none may be
//   kFailedPrecondition a match, with kFail
//   kResourceExhausted  more rows of one key than memory holds, or no room for temporary files
absl::StatusOr<StagedMergeInsert> StageMergeInsert(const Dataset& dataset,
                                                   format::BatchStream& source,
                                                   const MergeInsertRequest& request);

struct MergeInsertResult {
  DatasetPtr dataset;
  MergeInsertStatistics statistics;
};

// Stages and commits, again on the latest version after a conflict. Reads the source once.
absl::StatusOr<MergeInsertResult> MergeInsert(const Dataset& dataset, format::BatchStream& source,
                                              const MergeInsertRequest& request);

}  // namespace og::engine::dataset
