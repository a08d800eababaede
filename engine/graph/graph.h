// A graph: one root folder or prefix that holds a schema contract, a catalog of published table
// versions (`__manifest`) and one Lance dataset for each node and edge type.
//
//   {root}/_schema.pg, _schema.ir.json, __schema_state.json   the accepted schema
//   {root}/__manifest/                                        what is published, and the commits
//   {root}/nodes/{type}-{incarnation}/, edges/...             the tables
//   {root}/__recovery/{ulid}.json                             writes under way or unresolved
//
// Life of a read: Open -> SnapshotAt (one coherent view of schema and table versions) -> scans of
// datasets pinned to those versions. Life of a write: prepare -> stage immutable files -> gate and
// revalidate -> arm the recovery record -> commit each dataset exactly -> confirm -> publish one
// new version of `__manifest` -> acknowledge -> settle. What is not in `__manifest` does not exist.
//
// Errors carry an io::ErrorDetail. Threads: a Graph may be used from any thread; writers of one
// process take turns through gates that all handles of one root share.
//
// Source of the layout: omnigraph 0.10 (internal schema version 6).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/query/ast.h"
#include "engine/query/params.h"
#include "engine/schema/catalog.h"
#include "engine/schema/migrate.h"
#include "io/store/store.h"

namespace og::io {
class Env;
}

namespace og::engine::graph {

inline constexpr uint32_t kInternalSchemaVersion = 6;

// One commit of the graph. Null branch: main.
struct CommitInfo {
  std::string graph_commit_id;
  std::optional<std::string> graph_branch;
  uint64_t graph_manifest_version = 0;
  std::optional<std::string> parent_commit_id;
  std::optional<std::string> merged_parent_commit_id;
  std::optional<std::string> actor_id;
  int64_t created_at_us = 0;  // since the epoch
};

// One published table as `snapshot` prints it.
struct DatasetInfo {
  bool is_edge = false;
  std::string type_name;
  std::string dataset_path;  // below the graph root
  uint64_t published_dataset_version = 0;
  std::optional<std::string> native_dataset_branch;  // null: main
  uint64_t entity_count = 0;
};

struct SnapshotInfo {
  std::string graph_branch;  // "main" for main
  uint64_t graph_manifest_version = 0;
  uint32_t internal_schema_version = kInternalSchemaVersion;
  std::vector<DatasetInfo> datasets;  // edges before nodes, then by name
};

// What a read reads: the head of a branch, or one commit.
struct ReadTarget {
  std::string branch = "main";
  std::optional<std::string> snapshot;  // a graph commit id; then `branch` does not count
};

enum class OpenMode : uint8_t {
  kReadOnly,   // writes nothing and heals nothing
  kReadWrite,  // resolves unfinished writes first
};

struct InitOptions {
  bool force = false;  // keep going over left-over schema files (never over a `__manifest`)
};

enum class LoadMode : uint8_t {
  kOverwrite,  // a table of the input becomes exactly its rows
  kAppend,     // the rows are new
  kMerge,      // the rows replace those of their ids, or are new
};

// Progress of a long operation; called now and then from the thread that runs it.
struct Progress {
  std::string_view stage;  // "read", "write", "publish", "export"
  uint64_t rows = 0;       // or how many of `unit`
  uint64_t bytes = 0;
  uint64_t bytes_total = 0;  // 0: unknown
  std::string_view unit = "rows";
};
using ProgressFn = std::function<void(const Progress&)>;

// Bytes that a load reads from start to end.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads up to `capacity` bytes to `out`; 0 at the end.
  virtual absl::StatusOr<size_t> Read(std::byte* out, size_t capacity) = 0;
  // Goes back to the start; false if these bytes can be read only once.
  virtual absl::StatusOr<bool> Rewind() { return false; }
  virtual uint64_t size() const = 0;  // 0: unknown
  virtual std::string_view name() const = 0;
};

struct LoadOptions {
  std::string branch = "main";
  // Where a branch that is not there yet is forked from; it stays if the load fails.
  std::optional<std::string> from = {};
  LoadMode mode = LoadMode::kAppend;
  std::optional<std::string> actor_id;
  ProgressFn progress;
};

struct LoadedType {
  std::string name;
  uint64_t entities_loaded = 0;
};

struct LoadResult {
  std::vector<LoadedType> nodes;  // types that the input has, by name
  std::vector<LoadedType> edges;
  uint64_t total_entities = 0;
  CommitInfo commit;
  bool branch_created = false;
};

struct MutateOptions {
  std::string branch = "main";
  std::optional<std::string> actor_id;
  // Writes only if this commit is the head of the branch.
  std::optional<std::string> expected_head;
};

struct MutationResult {
  uint64_t affected_nodes = 0;
  uint64_t affected_edges = 0;
  std::optional<CommitInfo> commit;  // nothing matched: no commit
};

struct SchemaApplyOptions {
  // What the change drops goes at once instead of with a later cleanup.
  bool allow_data_loss = false;
  std::optional<std::string> actor_id;
};

struct SchemaApplyResult {
  bool applied = false;  // false: the schema was this one already
  uint64_t graph_manifest_version = 0;
  schema::MigrationPlan plan;
};

struct ExportOptions {
  ReadTarget target;
  std::vector<std::string> types;  // node and edge types of these names; empty: all
  ProgressFn progress;
};

// Receives the lines of an export in chunks of at most 64 KiB, whole lines each.
using ExportSink = std::function<absl::Status(std::string_view lines)>;

enum class MergeOutcome : uint8_t { kAlreadyUpToDate, kFastForward, kMerged };

struct MergeOptions {
  std::string source;
  std::string target = "main";
  std::optional<std::string> actor_id;
  // Says what the merge would do, conflicts included, and changes nothing.
  bool dry_run = false;
};

// What a merge does to one table.
struct MergedTable {
  std::string table_key;
  // The target takes the source's table as it is: no row is written.
  bool is_adopted = false;
  uint64_t inserts = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;
};

// A property on which the two sides differ. Values as JSON; null where the entity is absent.
struct MergeConflictField {
  std::string property;
  std::string base;
  std::string source;
  std::string target;
};

// Why two branches do not merge, for one entity or one group of them.
struct MergeConflict {
  std::string table_key;
  std::optional<std::string> entity_id;
  // "divergent_insert", "divergent_update", "delete_vs_update", "orphan_edge", "unique_violation",
  // "cardinality_violation", "value_constraint_violation".
  std::string kind;
  std::string message;
  std::vector<MergeConflictField> fields;
};

struct MergeResult {
  MergeOutcome outcome = MergeOutcome::kAlreadyUpToDate;
  std::optional<CommitInfo> commit;      // the merge, if it made one
  std::vector<MergedTable> tables;       // changed ones, by key
  std::vector<MergeConflict> conflicts;  // of a dry run; otherwise they are the error
};

class GraphSnapshot;

class Graph {
 public:
  // Creates an empty graph of the schema at `root`. kAlreadyInitialized if there is one,
  // kInitializationClaimed while another process creates it; schema mistakes as ParseSchema says.
  static absl::Status Init(io::Env& env, const io::Location& root, std::string_view schema_source,
                           const InitOptions& options);

  static absl::StatusOr<std::shared_ptr<Graph>> Open(io::Env& env, const io::Location& root,
                                                     OpenMode mode);

  virtual ~Graph() = default;

  virtual const io::Location& root() const = 0;
  // The accepted schema as its author wrote it.
  virtual std::string schema_source() const = 0;
  virtual schema::CatalogPtr catalog() const = 0;

  // A view that does not change, of the newest state of the target.
  virtual absl::StatusOr<std::shared_ptr<const GraphSnapshot>> SnapshotAt(
      const ReadTarget& target) = 0;

  virtual absl::StatusOr<SnapshotInfo> DescribeSnapshot(const ReadTarget& target) = 0;

  // All branches, main among them, by name; system branches are left out.
  virtual absl::StatusOr<std::vector<std::string>> ListBranches() = 0;

  // Forks `name` from the head of `from`; no commit is made.
  virtual absl::Status CreateBranch(std::string_view name, std::string_view from) = 0;
  // Removes a branch on which no other depends.
  virtual absl::Status DeleteBranch(std::string_view name) = 0;

  // Brings what `source` changed since the two branches parted into `target`, as one commit.
  // kMergeConflicts, with all of them in the detail, if the two do not fit together; then, and on
  // any other error before the first effect, nothing is changed.
  virtual absl::StatusOr<MergeResult> MergeBranch(const MergeOptions& options) = 0;

  // Commits visible on `branch`, newest first.
  virtual absl::StatusOr<std::vector<CommitInfo>> ListCommits(std::string_view branch) = 0;
  virtual absl::StatusOr<CommitInfo> FindCommit(std::string_view commit_id) = 0;

  // Loads NDJSON as one graph commit; on any error the graph is as it was.
  virtual absl::StatusOr<LoadResult> Load(ByteSource& source, const LoadOptions& options) = 0;

  // Runs a mutation as one graph commit; on any error the graph is as it was.
  //   kBadRequest          the query or its values are wrong, or the change violates the schema
  //   kPreconditionFailed  the branch has another head than the caller expects
  //   kReadSetChanged      another writer was faster
  virtual absl::StatusOr<MutationResult> Mutate(const query::Query& query,
                                                const query::ParamValues& params,
                                                const MutateOptions& options) = 0;

  // The steps from the accepted schema to the one in `source`; nothing is changed.
  // `allow_data_loss`: what the steps drop goes at once instead of with a later cleanup.
  virtual absl::StatusOr<schema::MigrationPlan> PlanSchema(std::string_view source,
                                                           bool allow_data_loss) = 0;

  // Makes the schema in `source` the accepted one, as one graph commit. kConflict while the graph
  // has branches beside main; kBadRequest with the code and reason of the first step that cannot be
  // made.
  virtual absl::StatusOr<SchemaApplyResult> ApplySchema(std::string_view source,
                                                        const SchemaApplyOptions& options) = 0;

  // All rows of the target as JSON lines: tables by key, rows by id.
  virtual absl::Status Export(const ExportOptions& options, const ExportSink& sink) = 0;
};

}  // namespace og::engine::graph
