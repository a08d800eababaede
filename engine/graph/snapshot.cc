#include "engine/graph/snapshot.h"

#include <functional>
#include <utility>

#include "engine/graph/errors.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/together.h"

namespace og::engine::graph {

absl::StatusOr<dataset::DatasetPtr> OpenPinned(io::Env& env, const io::Location& graph_root,
                                               const TableEntry& table,
                                               const std::shared_ptr<dataset::Session>& session) {
  dataset::OpenOptions options;
  options.version = table.version;
  options.branch = table.branch.value_or("");
  options.session = session;
  absl::StatusOr<dataset::DatasetPtr> opened =
      dataset::Dataset::Open(env, graph_root.Child(table.path), options);
  if (absl::IsNotFound(opened.status())) {
    return io::DetailedError(
        {.kind = io::ErrorKind::kHistoricalVersionReclaimed,
         .code = "historical_version_reclaimed",
         .fields = {{"type_key", table.table_key}, {"version", io::StrCat(table.version)}}},
        io::StrCat("historical published dataset version ", table.version, " was reclaimed"));
  }
  OG_RETURN_IF_ERROR(FromStorage(opened.status()));
  return opened;
}

GraphSnapshot::GraphSnapshot(io::Env& env, io::Location root,
                             std::shared_ptr<dataset::Session> session, schema::CatalogPtr catalog,
                             std::optional<std::string> branch, uint64_t manifest_version,
                             std::optional<std::string> commit_id, std::vector<TableEntry> tables,
                             ReadPins::Pin pin)
    : env_(env),
      root_(std::move(root)),
      session_(std::move(session)),
      catalog_(std::move(catalog)),
      branch_(std::move(branch)),
      manifest_version_(manifest_version),
      commit_id_(std::move(commit_id)),
      tables_(std::move(tables)),
      pin_(std::move(pin)) {}

const TableEntry* GraphSnapshot::Find(const TableIdentity& identity) const {
  for (const TableEntry& table : tables_) {
    if (table.identity == identity) return &table;
  }
  return nullptr;
}

const TableEntry* GraphSnapshot::Find(const schema::NodeType& type) const {
  return Find(TableIdentity{type.type_id, type.table_incarnation_id});
}

const TableEntry* GraphSnapshot::Find(const schema::EdgeType& type) const {
  return Find(TableIdentity{type.type_id, type.table_incarnation_id});
}

absl::StatusOr<dataset::DatasetPtr> GraphSnapshot::OpenTable(const TableEntry& table) const {
  {
    io::MutexLock lock(mutex_);
    const auto found = open_.find(table.identity);
    if (found != open_.end()) return found->second;
  }
  // Opened without the lock: I/O under it would hold up readers of other tables.
  OG_ASSIGN_OR_RETURN(dataset::DatasetPtr opened, OpenPinned(env_, root_, table, session_));
  io::MutexLock lock(mutex_);
  return open_.emplace(table.identity, std::move(opened)).first->second;
}

absl::Status GraphSnapshot::OpenTables(std::span<const TableEntry* const> tables) const {
  std::vector<std::function<absl::Status()>> tasks;
  for (const TableEntry* const table : tables)
    tasks.push_back([this, table] { return OpenTable(*table).status(); });
  return io::RunTogether(env_, *root_.store, tasks);
}

void GraphSnapshot::ShareOpenTables(const GraphSnapshot& other) const {
  std::map<TableIdentity, dataset::DatasetPtr> shared;
  {
    io::MutexLock lock(other.mutex_);
    shared = other.open_;
  }
  std::erase_if(shared, [&](const auto& open) {
    const TableEntry* const here = Find(open.first);
    const TableEntry* const there = other.Find(open.first);
    return here == nullptr || here->branch.has_value() || there->branch.has_value() ||
           here->path != there->path || here->version != there->version;
  });
  io::MutexLock lock(mutex_);
  open_.merge(shared);
}

SnapshotInfo GraphSnapshot::Describe() const {
  SnapshotInfo info;
  info.graph_branch = branch();
  info.graph_manifest_version = manifest_version_;
  for (const TableEntry& table : tables_) {
    info.datasets.push_back({.is_edge = table.is_edge(),
                             .type_name = std::string(table.type_name()),
                             .dataset_path = table.path,
                             .published_dataset_version = table.version,
                             .native_dataset_branch = table.branch,
                             .entity_count = table.row_count});
  }
  return info;
}

}  // namespace og::engine::graph
