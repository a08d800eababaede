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
#include "engine/exec/snapshot.h"
#include "engine/topology/node_index.h"
#include "engine/topology/topology.h"
#include "format/arrow/array.h"
#include "io/env/memory_budget.h"

namespace og::engine::exec {

// The table of one type.
class Table {
 public:
  Table(std::shared_ptr<io::MemoryBudget> budget, dataset::DatasetPtr dataset)
      : budget_(std::move(budget)), dataset_(std::move(dataset)) {}

  const dataset::Dataset& dataset() const { return *dataset_; }
  uint64_t num_rows() const { return dataset_->num_rows(); }

  // The type of column `name`. kInternal if there is none: plans name only columns that exist.
  absl::StatusOr<format::TypePtr> TypeOf(std::string_view name) const;

  // Columns `names` of the rows at `positions` (positions among live rows, in scan order). Once
  // many rows were asked for, whole columns are read and kept.
  absl::StatusOr<std::vector<format::ArrayPtr>> AtPositions(const std::vector<std::string>& names,
                                                            std::span<const uint32_t> positions);

  // Columns `names` of the rows at `addresses`.
  absl::StatusOr<std::vector<format::ArrayPtr>> AtAddresses(const std::vector<std::string>& names,
                                                            std::span<const uint64_t> addresses);

  // Of a node table: ids to dense numbers, which are positions.
  absl::StatusOr<const topology::NodeIndex*> Index();

 private:
  // A column as its batches gave it, and the position at which each batch starts.
  absl::Status ReadWhole(const std::vector<std::string>& names);

  std::shared_ptr<io::MemoryBudget> budget_;
  dataset::DatasetPtr dataset_;
  std::unique_ptr<topology::NodeIndex> index_;
  uint64_t num_taken_ = 0;
  std::map<std::string, format::ArrayPtr, std::less<>> whole_;
  std::vector<io::MemoryReservation> whole_memory_;
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

  // Adjacency lists of an edge type, with all directions that were announced.
  absl::StatusOr<const topology::Topology*> TopologyOf(const schema::EdgeType& edge);
  bool HasTopology(std::string_view edge_type) const;

 private:
  std::shared_ptr<io::MemoryBudget> budget_;
  const Snapshot& snapshot_;
  std::map<std::string, std::unique_ptr<Table>, std::less<>> nodes_;
  std::map<std::string, std::unique_ptr<Table>, std::less<>> edges_;
  std::map<std::string, topology::TopologyOptions, std::less<>> wanted_;
  std::map<std::string, topology::Topology, std::less<>> topologies_;
};

}  // namespace og::engine::exec
