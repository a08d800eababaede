// A table in memory for tests of the executor: scans, takes and nothing else. Rows stand in
// fragments of five, so that addresses are not positions, and scans give small batches.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/dataset/dataset.h"
#include "engine/exec/snapshot.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"

namespace og::engine::exec {

// What was asked of a table.
struct MemoryDatasetCounts {
  int num_scans = 0;
  int num_filtered_scans = 0;
  int num_takes = 0;
  uint64_t num_rows_taken = 0;
};

// A dataset of `rows`; batches of scans hold at most `batch_rows` rows. `counts` may be null and
// outlives the dataset otherwise.
dataset::DatasetPtr MakeMemoryDataset(format::RecordBatch rows, int64_t batch_rows,
                                      MemoryDatasetCounts* counts);

// A snapshot of tables in memory, by type name.
class MemorySnapshot final : public Snapshot {
 public:
  explicit MemorySnapshot(schema::CatalogPtr catalog) : catalog_(std::move(catalog)) {}

  void SetNodes(const std::string& type_name, format::RecordBatch rows, int64_t batch_rows) {
    nodes_[type_name] = MakeMemoryDataset(std::move(rows), batch_rows, &counts_[type_name]);
  }
  void SetEdges(const std::string& type_name, format::RecordBatch rows, int64_t batch_rows) {
    edges_[type_name] = MakeMemoryDataset(std::move(rows), batch_rows, &counts_[type_name]);
  }
  // Of the table of a type; types of one name share it.
  MemoryDatasetCounts& counts(const std::string& type_name) { return counts_[type_name]; }

  const schema::Catalog& catalog() const override { return *catalog_; }
  absl::StatusOr<dataset::DatasetPtr> NodeTable(std::string_view type_name) const override;
  absl::StatusOr<dataset::DatasetPtr> EdgeTable(std::string_view type_name) const override;

 private:
  schema::CatalogPtr catalog_;
  std::map<std::string, dataset::DatasetPtr, std::less<>> nodes_;
  std::map<std::string, dataset::DatasetPtr, std::less<>> edges_;
  std::map<std::string, MemoryDatasetCounts> counts_;
};

}  // namespace og::engine::exec
