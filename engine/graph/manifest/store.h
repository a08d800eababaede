// `__manifest`, the one place where a graph becomes visible: opening a branch of it, and publishing
// the next version.
//
// A publish adds rows and replaces those of the same object ids in one commit. It either becomes
// version n+1 over the version n that all its checks were made on, or changes nothing and is
// checked again over what others published meanwhile. layout.h says where rows lie.
//
// Source: omnigraph 0.10.0: manifest publisher; engine.md 1.6, 1.7, 3.2.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/exact_commit.h"
#include "engine/graph/graph.h"
#include "engine/graph/manifest/rows.h"
#include "engine/graph/recovery/record.h"
#include "format/arrow/array.h"
#include "io/store/store.h"

namespace og::engine::graph {

inline constexpr std::string_view kManifestFolder = "__manifest";
inline constexpr std::string_view kStampKey = "omnigraph:internal_schema_version";
inline constexpr int kPublishRetries = 5;

// The rows of the present part of a version; layout.h.
struct PresentRows {
  std::vector<uint64_t> fragments;
  format::RecordBatch rows;  // with their addresses as the last column
};

// One branch of `__manifest` at one version.
struct ManifestView {
  std::optional<std::string> branch;
  BranchIdentifier identifier;
  dataset::DatasetPtr dataset;
  ManifestState state;
  // The state has all commits; otherwise at least the newest one.
  bool has_history = false;
  // What a publish over this version writes again; null in a view that was read with its history.
  std::shared_ptr<const PresentRows> present;

  uint64_t version() const { return dataset->version(); }
  // The exact head of the branch; a branch without commits of its own has none.
  std::optional<std::string> head() const { return state.ExactHead(BranchName(branch)); }
};

// The branch must still be this incarnation with this exact head.
struct ExactHead {
  BranchIdentifier identifier;
  std::optional<std::string> head;
};

// A live table that gets another alias.
struct TableRename {
  TableIdentity identity;
  std::string expected_table_key;
  std::string table_key;
};

struct PublishRequest {
  std::optional<std::string> branch;
  // New tables; `versions` has the first version of each.
  std::vector<TableRegistration> registrations;
  std::vector<TableRename> renames;
  // Tables that end, at the version above their newest one.
  std::vector<TableTombstone> tombstones;
  // New versions of tables. `table_key` is the alias that the table has after the publish.
  std::vector<TableVersion> versions;
  // The version of each table that the change was made from.
  std::map<TableIdentity, uint64_t> expected;
  // Id, merged parent, actor and time of the commit; parent and manifest version are filled in.
  CommitInfo commit;
  std::optional<ExactHead> precondition;  // nullopt: any head
};

class ViewCache;

// The next version of a branch, checked and with its files written; nothing is visible yet.
class StagedPublish {
 public:
  // What has to be synced before it is made visible.
  const std::vector<std::string>& files() const { return files_; }

  // Notes the new version where local readers look for it, once it is visible. Best effort.
  void WriteHint() const { commit_.WriteHint(); }

 private:
  friend class ManifestStore;

  dataset::ExactCommit commit_;
  std::vector<std::string> files_;
  ManifestView next_;  // all but its dataset
  format::RecordBatch present_rows_;
};

class ManifestStore {
 public:
  // The Env outlives the store.
  ManifestStore(io::Env& env, const io::Location& graph_root);

  const io::Location& root() const { return root_; }

  // Creates version 1 with `rows` and the stamp. kAlreadyExists if there is a `__manifest`.
  absl::StatusOr<dataset::DatasetPtr> Create(ManifestRows rows) const;

  // The newest version of a branch, with its history. NotFound for an unknown branch and for a root
  // without
  // `__manifest`; a stamp that is not kInternalSchemaVersion is refused with the way out.
  absl::StatusOr<ManifestView> Open(const std::optional<std::string>& branch) const;

  // The same without the older commits, at a cost that does not depend on their number: one round
  // of requests if nothing was published since the process has last seen the branch.
  absl::StatusOr<ManifestView> OpenPresent(const std::optional<std::string>& branch) const;

  // The newest state that this store has seen of a branch; null if it has seen none.
  std::shared_ptr<const ManifestView> Known(const std::optional<std::string>& branch) const;

  // A given version.
  absl::StatusOr<ManifestView> OpenAt(const std::optional<std::string>& branch,
                                      uint64_t version) const;

  // Whether `view` is still the newest version of the same incarnation of its branch.
  absl::StatusOr<bool> IsCurrent(const ManifestView& view) const;

  // Publishes and returns the view of the new version, without history.
  //   kReadSetChanged   the precondition does not hold
  //   kVersionMismatch  a table is not at its expected version
  //   kConflict         kPublishRetries publishers were faster
  absl::StatusOr<ManifestView> Publish(const PublishRequest& request) const;

  // The same in two steps, over a view that the caller has found to be the newest. REQUIRES: it has
  // its present rows.
  // The second step starts over if another publisher was faster.
  absl::StatusOr<StagedPublish> Stage(const PublishRequest& request,
                                      const ManifestView& newest) const;
  absl::StatusOr<ManifestView> Publish(const PublishRequest& request,
                                       const StagedPublish& staged) const;

 private:
  absl::StatusOr<ManifestView> Load(const std::optional<std::string>& branch,
                                    std::optional<uint64_t> version, bool with_history) const;
  // nullopt: another publisher made the version that this one wanted to make.
  absl::StatusOr<std::optional<ManifestView>> TryPublish(const StagedPublish& staged) const;

  io::Env& env_;
  const io::Location root_;
  const std::shared_ptr<ViewCache> views_;
};

// kConflict unless `metadata`, the schema metadata of `__manifest`, carries the stamp that this
// version writes. `has_identity_columns`: the table has the columns that came with stamp 6.
absl::Status CheckStamp(const std::map<std::string, std::string>& metadata,
                        bool has_identity_columns);

}  // namespace og::engine::graph
