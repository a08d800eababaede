// What a query needs of a graph: its types, and the table of each type at one published version.
// Implemented by engine/graph; tests bring their own.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/schema/catalog.h"
#include "engine/topology/topology_cache.h"

namespace og::engine::exec {

// One coherent view: every dataset is the version that one commit published. Any thread may call
// any method; handles stay the same for the life of the snapshot.
class Snapshot {
 public:
  virtual ~Snapshot() = default;

  virtual const schema::Catalog& catalog() const = 0;

  // The table of a node type (columns id and the properties) or an edge type (id, src, dst and the
  // properties), opened at the first call. kNotFound for types that the catalog lacks.
  virtual absl::StatusOr<dataset::DatasetPtr> NodeTable(std::string_view type_name) const = 0;
  virtual absl::StatusOr<dataset::DatasetPtr> EdgeTable(std::string_view type_name) const = 0;

  // Says which tables will be asked for, so that those which are far away can be opened in one
  // round. What fails here fails again, and is reported, when it is asked for.
  virtual void WillOpen(const std::set<std::string>& /*node_types*/,
                        const std::set<std::string>& /*edge_types*/) const {}

  // What queries share beyond their own life; null: nothing.
  virtual topology::TopologyCache* cache() const { return nullptr; }
};

}  // namespace og::engine::exec
