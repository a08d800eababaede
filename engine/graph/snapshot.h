// One coherent, unchanging view of a graph: a catalog and the published versions of its tables.
//
// Tables are opened at their pinned version when they are first asked for and kept; the view goes
// on answering while writers publish newer states. Any number of threads may use it.
#pragma once

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
#include "engine/graph/graph.h"
#include "engine/graph/manifest/rows.h"
#include "engine/graph/read_pins.h"
#include "engine/schema/catalog.h"
#include "io/base/sync.h"

namespace og::engine::graph {

class GraphSnapshot {
 public:
  // `commit_id`: the commit that this state belongs to; absent for a graph without commits. `pin`:
  // of the state, so that it stays readable.
  // The Env must outlive the view.
  GraphSnapshot(io::Env& env, io::Location root, std::shared_ptr<dataset::Session> session,
                schema::CatalogPtr catalog, std::optional<std::string> branch,
                uint64_t manifest_version, std::optional<std::string> commit_id,
                std::vector<TableEntry> tables, ReadPins::Pin pin);

  const schema::CatalogPtr& catalog() const { return catalog_; }
  std::string_view branch() const { return BranchName(branch_); }
  uint64_t manifest_version() const { return manifest_version_; }
  const std::optional<std::string>& commit_id() const { return commit_id_; }

  // Published tables by table key.
  const std::vector<TableEntry>& tables() const { return tables_; }

  // The table of a type of catalog(), found by identity, so that a type renamed since then is found
  // under its present name. Null if this state does not have it.
  const TableEntry* Find(const schema::NodeType& type) const;
  const TableEntry* Find(const schema::EdgeType& type) const;

  // The table at its pinned version, shared by all callers. A version that cleanup removed:
  // kHistoricalVersionReclaimed.
  absl::StatusOr<dataset::DatasetPtr> OpenTable(const TableEntry& table) const;

  // The same for several, so that on S3 they wait for each other's answers together.
  absl::Status OpenTables(std::span<const TableEntry* const> tables) const;

  // Takes over what `other` has open of the tables that are the same here. Only tables of main:
  // a version of a branch may be another one once the branch was deleted and made again.
  void ShareOpenTables(const GraphSnapshot& other) const;

  SnapshotInfo Describe() const;

 private:
  const TableEntry* Find(const TableIdentity& identity) const;

  io::Env& env_;
  const io::Location root_;
  const std::shared_ptr<dataset::Session> session_;
  const schema::CatalogPtr catalog_;
  const std::optional<std::string> branch_;
  const uint64_t manifest_version_;
  const std::optional<std::string> commit_id_;
  const std::vector<TableEntry> tables_;
  const ReadPins::Pin pin_;

  mutable io::Mutex mutex_;
  mutable std::map<TableIdentity, dataset::DatasetPtr> open_ OG_GUARDED_BY(mutex_);
};

// Opens the dataset of `table` below the graph root at the version that `table` pins.
absl::StatusOr<dataset::DatasetPtr> OpenPinned(io::Env& env, const io::Location& graph_root,
                                               const TableEntry& table,
                                               const std::shared_ptr<dataset::Session>& session);

}  // namespace og::engine::graph
