// Tables in a store for tests of the executor: with fragments, deleted rows and indexes, as a graph
// that has lived has them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/dataset/dataset.h"
#include "engine/exec/snapshot.h"
#include "engine/schema/catalog.h"
#include "engine/topology/topology_cache.h"
#include "format/arrow/array.h"
#include "io/env/env.h"

namespace og::engine::exec {

struct StoredTableOptions {
  std::vector<std::string> indexed = {};  // columns with a BTREE index
  uint32_t index_page_rows = 64;
  int64_t rows_per_fragment = 1 << 20;
  // Random rows of others come in between and are deleted again.
  std::mt19937_64* deletions = nullptr;
  bool index_before_last_fragment = false;  // so that the index does not cover all rows
};

// The table of `rows` at `uri` ("memory://..."). A failure ends the test program.
dataset::DatasetPtr MakeStoredTable(io::Env& env, const std::string& uri,
                                    const format::RecordBatch& rows,
                                    const StoredTableOptions& options);

// A snapshot of such tables, by type name.
class StoredSnapshot final : public Snapshot {
 public:
  StoredSnapshot(schema::CatalogPtr catalog, topology::TopologyCache* cache)
      : catalog_(std::move(catalog)), cache_(cache) {}

  void SetNodes(const std::string& type_name, dataset::DatasetPtr table) {
    nodes_[type_name] = std::move(table);
  }
  void SetEdges(const std::string& type_name, dataset::DatasetPtr table) {
    edges_[type_name] = std::move(table);
  }

  const schema::Catalog& catalog() const override { return *catalog_; }
  absl::StatusOr<dataset::DatasetPtr> NodeTable(std::string_view type_name) const override {
    return nodes_.find(type_name)->second;
  }
  absl::StatusOr<dataset::DatasetPtr> EdgeTable(std::string_view type_name) const override {
    return edges_.find(type_name)->second;
  }
  topology::TopologyCache* cache() const override { return cache_; }

 private:
  schema::CatalogPtr catalog_;
  topology::TopologyCache* cache_;
  std::map<std::string, dataset::DatasetPtr, std::less<>> nodes_;
  std::map<std::string, dataset::DatasetPtr, std::less<>> edges_;
};

}  // namespace og::engine::exec
