// The tables of a snapshot as one query reads them: columns of many rows at once, dense node
// numbers, adjacency lists. Each is read at most once and kept for the rest of the query.
//
// Lives for one query, in one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/snapshot.h"
#include "engine/topology/node_index.h"
#include "engine/topology/row_set.h"
#include "engine/topology/topology.h"
#include "engine/topology/topology_cache.h"
#include "format/arrow/array.h"
#include "io/env/memory_budget.h"
#include "io/env/worker_pool.h"

namespace og::engine::exec {

// The table of one type.
class Table {
 public:
  // `cache` may be null.
  Table(std::shared_ptr<io::MemoryBudget> budget, topology::TopologyCache* cache,
        dataset::DatasetPtr dataset);

  const dataset::Dataset& dataset() const { return *dataset_; }
  uint64_t num_rows() const { return dataset_->num_rows(); }
  const topology::RowSet& rows() const { return rows_; }
  // Whether rows() says which rows these are. Tables in memory have no files to be known by.
  bool is_stored() const { return !rows_.fragments.empty() && rows_.num_rows() == num_rows(); }
  // Threads for work on the table; null: none but the caller's.
  io::WorkerPool* pool() const { return is_stored() ? &dataset_->env().pool() : nullptr; }

  // The type of column `name`. kInternal if there is none: plans name only columns that exist.
  absl::StatusOr<format::TypePtr> TypeOf(std::string_view name) const;

  // Whether an index that scans use covers all rows of `column`.
  absl::StatusOr<bool> HasIndex(std::string_view column) const;

  // Columns `names` of the rows at `positions` (positions among live rows, in scan order). Once
  // many rows were asked for, whole columns are read and kept if they fit.
  absl::StatusOr<std::vector<format::ArrayPtr>> AtPositions(const std::vector<std::string>& names,
                                                            std::span<const uint32_t> positions);

  // All of column `name`, with a dictionary where it has one, once so many rows were asked for that
  // it is kept, `num_positions` of them now; else null.
  absl::StatusOr<format::ArrayPtr> WholeColumn(const std::string& name, size_t num_positions);

  // Columns `names` of the rows at `addresses`.
  absl::StatusOr<std::vector<format::ArrayPtr>> AtAddresses(const std::vector<std::string>& names,
                                                            std::span<const uint64_t> addresses);

  // Of a node table: ids to dense numbers, which are positions.
  absl::StatusOr<const topology::NodeIndex*> Index();
  // Whether Index() has it at hand.
  bool has_index() const { return index_ != nullptr; }

 private:
  // Whether whole_ has the columns, which are read if enough rows were asked for.
  absl::StatusOr<bool> KeepsWhole(const std::vector<std::string>& names, size_t num_positions);
  // Reads those of the columns that are missing in `whole_`.
  absl::Status ReadWhole(const std::vector<std::string>& names);

  std::shared_ptr<io::MemoryBudget> budget_;
  topology::TopologyCache* cache_;
  dataset::DatasetPtr dataset_;
  const topology::RowSet rows_;
  std::shared_ptr<const topology::NodeIndex> index_;
  uint64_t num_taken_ = 0;
  std::map<std::string, format::ArrayPtr, std::less<>> whole_;
  std::vector<HeldMemory> whole_memory_;
  bool keeps_nothing_ = false;  // whole columns do not fit into memory
};

class Tables {
 public:
  Tables(std::shared_ptr<io::MemoryBudget> budget, const Snapshot& snapshot)
      : budget_(std::move(budget)), snapshot_(snapshot) {}

  const schema::Catalog& catalog() const { return snapshot_.catalog(); }
  const std::shared_ptr<io::MemoryBudget>& budget() const { return budget_; }

  absl::StatusOr<Table*> Node(std::string_view type_name);
  absl::StatusOr<Table*> Edge(std::string_view type_name);

  // Says, before the first call of TopologyOf, which lists of an edge type will be wanted.
  void WillExpand(std::string_view edge_type, bool out, bool in);

  // Adjacency lists of an edge type, with all directions that were announced: those of the cache,
  // or made from the tables, all of them or the rows that are new since those of the cache.
  absl::StatusOr<const topology::Topology*> TopologyOf(const schema::EdgeType& edge);
  // Where they are already.
  absl::StatusOr<topology::CachePlace> TopologyPlace(const schema::EdgeType& edge);
  // Whether later processes find what this one makes.
  bool KeepsTopologies() const {
    return snapshot_.cache() != nullptr && snapshot_.cache()->has_folder();
  }

  // What looking edges up instead has cost all queries that share the cache; see expand_choice.h.
  absl::StatusOr<double> SpentOnLookUps(const schema::EdgeType& edge);
  absl::Status AddSpentOnLookUps(const schema::EdgeType& edge, double cost);

 private:
  absl::StatusOr<topology::StoredTopology> BuildTopology(const schema::EdgeType& edge,
                                                         const topology::TopologyKey& key,
                                                         const topology::StoredTopology* base);
  absl::StatusOr<topology::TopologyKey> KeyOf(const schema::EdgeType& edge);
  // What the cache calls the table of `edge`; empty where it cannot be cached.
  absl::StatusOr<std::string> CacheName(const schema::EdgeType& edge);

  std::shared_ptr<io::MemoryBudget> budget_;
  const Snapshot& snapshot_;
  std::map<std::string, std::unique_ptr<Table>, std::less<>> nodes_;
  std::map<std::string, std::unique_ptr<Table>, std::less<>> edges_;
  std::map<std::string, topology::TopologyOptions, std::less<>> wanted_;
  std::map<std::string, std::shared_ptr<const topology::StoredTopology>, std::less<>> topologies_;
};

}  // namespace og::engine::exec
