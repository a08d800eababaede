// The rows of one table on their way from batches into a staged transaction.
//
// Rows are kept as batches until they make a chunk; a chunk becomes fragments, files that no
// version names yet, while more rows are added. Finish() makes one transaction of all fragments:
//
//   overwrite  Overwrite with the present table schema
//   append     the strict insert of keyed_write.h
//   merge      the upsert of keyed_write.h; of equal ids the last row counts. Nothing is written
//              before Finish(), which needs all rows at hand
//
// Source: engine.md 3.3.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/graph.h"
#include "engine/graph/manifest/rows.h"
#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "format/table/transaction.h"

namespace og::engine::graph {

class TableLoader {
 public:
  // `base` is the table at its pin; `schema` its present physical schema.
  TableLoader(TableEntry entry, dataset::DatasetPtr base, format::SchemaPtr schema, LoadMode mode);

  const TableEntry& entry() const { return entry_; }
  const dataset::DatasetPtr& base() const { return base_; }
  uint64_t num_rows() const { return num_rows_; }

  void Add(format::RecordBatch batch);

  // The rows that no chunk has taken yet.
  const std::vector<format::RecordBatch>& kept() const { return kept_; }

  // Makes the kept rows the next chunk. REQUIRES: the one before was staged.
  void TakeChunk();

  // Writes the chunk as fragments. Any thread; Add may be called meanwhile.
  absl::Status StageChunk();

  // Stages what is kept and returns the whole. Call once.
  absl::StatusOr<dataset::StagedTransaction> Finish();

  // Removes the files of all chunks so far. Best effort.
  void Discard() const;

  // Columns of the row-th row that was added.
  absl::StatusOr<format::RecordBatch> Lookup(uint64_t row,
                                             const std::vector<std::string>& columns) const;

 private:
  absl::Status AddChunk(dataset::StagedTransaction staged);
  absl::StatusOr<dataset::StagedTransaction> StageRows(std::vector<format::RecordBatch> rows);
  absl::StatusOr<format::RecordBatch> LookupStaged(uint64_t row,
                                                   const std::vector<std::string>& columns) const;

  const TableEntry entry_;
  const dataset::DatasetPtr base_;
  const format::SchemaPtr schema_;
  const LoadMode mode_;

  uint64_t num_rows_ = 0;
  uint64_t num_staged_rows_ = 0;
  std::vector<format::RecordBatch> kept_;
  std::vector<format::RecordBatch> chunk_;
  std::optional<dataset::StagedTransaction> staged_;  // all chunks so far
  std::optional<format::KeyExistenceFilter> inserted_;
};

}  // namespace og::engine::graph
