// The rows of `__manifest`: what kinds there are, how they are written, and how a set of rows
// reduces to the state of a branch.
//
//   object_type      object_id                                      carries
//   table            table:{S:016x}:{I:016x}                        alias and path of an identity
//   table_version    table_version:{S:016x}:{I:016x}:{version:020}  a published version, JSON A
//   table_tombstone  table_tombstone:{S:016x}:{I:016x}:{version:020}  the end of an identity
//   graph_commit     {commit ULID}                                  a commit, JSON B
//   graph_head       graph_head:{branch or "main"}                  the head of a branch, JSON C
//
// JSON A {"manifest_path","manifest_size","e_tag","naming_scheme"}; JSON B {"parent_commit_id"?,
// "merged_parent_commit_id"?,"actor_id"?,"created_at"}; JSON C {"head_commit_id",
// "parent_commit_id"?}. All compact.
//
// Source: omnigraph 0.10.0: `__manifest` of internal schema version 6.
#pragma once

#include <compare>
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

#include "engine/graph/graph.h"
#include "format/arrow/array.h"
#include "format/arrow/type.h"

namespace og::io {
class JsonValue;
}

namespace og::engine::graph {

// One lifetime of a node or edge type.
struct TableIdentity {
  uint64_t stable_table_id = 0;
  uint64_t table_incarnation_id = 0;
  auto operator<=>(const TableIdentity&) const = default;
};

// JSON A: where the published Lance manifest of a table lies. Compared byte for byte by merge and
// recovery; never used to open the table.
struct VersionMetadata {
  std::string manifest_path;
  std::optional<uint64_t> manifest_size;
  std::optional<std::string> e_tag;
  std::optional<std::string> naming_scheme;
  friend bool operator==(const VersionMetadata&, const VersionMetadata&) = default;
};

struct TableRegistration {
  TableIdentity identity;
  std::string table_key;  // "node:T", "edge:E"
  std::string location;   // below the graph root
};

struct TableVersion {
  TableIdentity identity;
  std::string table_key;
  uint64_t version = 0;
  std::optional<std::string> branch;  // the table's ref; null: main
  uint64_t row_count = 0;
  VersionMetadata metadata;
};

struct TableTombstone {
  TableIdentity identity;
  std::string table_key;
  uint64_t version = 0;
};

// A published table of one branch.
struct TableEntry {
  TableIdentity identity;
  std::string table_key;
  std::string path;
  uint64_t version = 0;
  std::optional<std::string> branch;
  uint64_t row_count = 0;
  VersionMetadata metadata;

  bool is_edge() const { return table_key.starts_with("edge:"); }
  std::string_view type_name() const;
};

// "main" for null.
std::string_view BranchName(const std::optional<std::string>& branch);

// "nodes/{S:016x}-{I:016x}", "edges/...": where the dataset lies below the graph root.
std::string CanonicalTablePath(std::string_view table_key, const TableIdentity& identity);

std::string TableObjectId(const TableIdentity& identity);
std::string TombstoneObjectId(const TableIdentity& identity, uint64_t version);
std::string VersionObjectId(const TableIdentity& identity, uint64_t version);
std::string HeadObjectId(const std::optional<std::string>& branch);

std::string EncodeVersionMetadata(const VersionMetadata& metadata);
absl::StatusOr<VersionMetadata> DecodeVersionMetadata(std::string_view text);
absl::StatusOr<VersionMetadata> ReadVersionMetadata(const io::JsonValue& json);

// The eleven columns of `__manifest`, with the primary-key mark on object_id.
format::SchemaPtr ManifestSchema();

// Builds rows to publish.
class ManifestRows {
 public:
  ManifestRows();
  ~ManifestRows();
  ManifestRows(ManifestRows&&) noexcept;
  ManifestRows& operator=(ManifestRows&&) noexcept;

  void AddTable(const TableRegistration& table);
  void AddVersion(const TableVersion& version);
  void AddTombstone(const TableTombstone& tombstone);
  void AddCommit(const CommitInfo& commit);
  // The head row of `commit`'s branch.
  void AddHead(const CommitInfo& commit);

  // object_id of every row so far, in order.
  const std::vector<std::string>& object_ids() const { return object_ids_; }

  // The rows as one batch of ManifestSchema(); call once.
  format::RecordBatch Finish();

 private:
  struct Row;
  void Append(const Row& row);

  struct Columns;
  std::unique_ptr<Columns> columns_;
  std::vector<std::string> object_ids_;
};

// Which rows of `batches` are history: versions of a table below its newest one, and commits before
// the newest one. One flag a row, in order. kDataLoss for malformed rows.
absl::StatusOr<std::vector<bool>> FindHistory(std::span<const format::RecordBatch> batches);

// What the rows of one branch's `__manifest` say.
class ManifestState {
 public:
  // Reduces all rows: per identity the greatest version that no tombstone covers, with the alias
  // and path of its registration. kInternal for rows that contradict each other, kDataLoss for rows
  // that are malformed; unknown kinds are skipped. Columns are found by name.
  static absl::StatusOr<ManifestState> Reduce(std::span<const format::RecordBatch> batches);

  // Live tables by table_key.
  const std::vector<TableEntry>& tables() const { return tables_; }
  // The live table `table_key` or of `identity`, or null.
  const TableEntry* Find(std::string_view table_key) const;
  const TableEntry* Find(const TableIdentity& identity) const;

  // The newest visible version of `identity`: of a live table its version, of a dead one its
  // tombstone's; 0 when it is unknown.
  uint64_t LatestVersion(const TableIdentity& identity) const;

  // All commits among the rows, oldest first by (manifest version, created_at, id).
  const std::vector<CommitInfo>& commits() const { return commits_; }
  const CommitInfo* FindCommit(std::string_view id) const;

  // The exact head of `branch` ("main" for main), if it has had a commit of its own.
  std::optional<std::string> ExactHead(std::string_view branch) const;
  // The newest commit of all: the head that a branch without commits of its own inherits.
  const CommitInfo* NewestCommit() const;

 private:
  std::vector<TableEntry> tables_;
  std::map<TableIdentity, uint64_t> latest_versions_;
  std::vector<CommitInfo> commits_;
  std::map<std::string, std::string, std::less<>> heads_;
};

}  // namespace og::engine::graph
