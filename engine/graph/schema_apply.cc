#include "engine/graph/schema_apply.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/dataset/cleanup.h"
#include "engine/dataset/refs.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/record_publish.h"
#include "engine/graph/recovery/staged_contract.h"
#include "engine/graph/recovery/sweep.h"
#include "engine/graph/schema_change.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/table_rewrite.h"
#include "engine/graph/table_schema.h"
#include "engine/graph/write_session.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::graph {
namespace {

constexpr std::string_view kUuidPrefix = "omnigraph-schema-";

// The branch that keeps all other writers off. Removed at the end of its life, unless a record
// stays behind that still needs it.
class SchemaLock {
 public:
  // kConflict while another change is under way, and while there are branches beside main.
  static absl::StatusOr<std::unique_ptr<SchemaLock>> Acquire(const GraphContext& context) {
    const auto in_progress = [] { return Conflict("schema apply is already in progress"); };
    OG_ASSIGN_OR_RETURN(const auto former,
                        ReadBranchRef(context.manifest.root(), kSchemaApplyLockBranch));
    if (former.has_value()) return in_progress();
    OG_ASSIGN_OR_RETURN(const ManifestView main, context.manifest.OpenPresent(std::nullopt));
    absl::Status made = dataset::CreateBranch(*main.dataset, kSchemaApplyLockBranch, {}).status();
    if (absl::IsAlreadyExists(made)) {
      OG_ASSIGN_OR_RETURN(const auto winner,
                          ReadBranchRef(context.manifest.root(), kSchemaApplyLockBranch));
      if (winner.has_value()) return in_progress();
      // A clone without a ref is what a crash left of an earlier attempt.
      OG_RETURN_IF_ERROR(FromStorage(dataset::DeleteBranch(context.env, context.manifest.root(),
                                                           kSchemaApplyLockBranch, true)));
      made = dataset::CreateBranch(*main.dataset, kSchemaApplyLockBranch, {}).status();
    }
    if (absl::IsAlreadyExists(made)) return in_progress();
    OG_RETURN_IF_ERROR(FromStorage(made));
    std::unique_ptr<SchemaLock> lock(new SchemaLock(context));
    OG_ASSIGN_OR_RETURN(std::vector<std::string> branches, ListBranchRefs(context.manifest.root()));
    std::erase(branches, kSchemaApplyLockBranch);
    if (branches.empty()) return lock;
    return Conflict(
        io::StrCat("schema apply requires a graph with only main; found non-main "
                   "branches: ",
                   io::Join(branches, ", ")));
  }

  ~SchemaLock() {
    if (!keep_) {
      dataset::DeleteBranch(context_.env, context_.manifest.root(), kSchemaApplyLockBranch, true)
          .IgnoreError();
    }
  }
  SchemaLock(const SchemaLock&) = delete;
  SchemaLock& operator=(const SchemaLock&) = delete;

  // Leaves the lock to recovery.
  void Keep() { keep_ = true; }

 private:
  explicit SchemaLock(const GraphContext& context) : context_(context) {}

  const GraphContext& context_;
  bool keep_ = false;
};

// What becomes of one dataset, staged.
struct StagedTable {
  std::string table_key;  // in the new schema
  TableIdentity identity;
  std::string path;
  uint64_t expected_version = 0;
  dataset::DatasetPtr source;  // null: the table is new
  bool loses_columns = false;
  dataset::StagedTransaction staged;
};

class SchemaApplier {
 public:
  SchemaApplier(const GraphContext& context, const SchemaApplyOptions& options, SchemaLock& lock,
                WriteBase base, SchemaChange change)
      : context_(context),
        options_(options),
        lock_(lock),
        base_(std::move(base)),
        change_(std::move(change)) {}

  absl::StatusOr<CommitInfo> Run() {
    absl::Status refused = Stage();
    if (refused.ok()) refused = Arm();
    if (!refused.ok()) {
      Discard();
      return refused;
    }
    const absl::StatusOr<CommitInfo> commit = Apply();
    if (!commit.ok()) {
      lock_.Keep();
      return RecoveryRequired(record_.operation_id, io::Message(commit.status()));
    }
    // The change is visible, durable and complete. A record that stays is retired by the next open.
    if (!context_.records.Remove(record_.operation_id).ok()) lock_.Keep();
    if (options_.allow_data_loss) RemoveDropped();
    return commit;
  }

 private:
  std::string NewUuid() const { return io::StrCat(kUuidPrefix, context_.env.NewUlid()); }

  // The table of `type` in the new schema, made or written again if its steps ask for it.
  template <typename Type>
  absl::Status StageType(const Type& type, const std::vector<schema::Property>* former) {
    const std::string table_key = type.TableKey();
    StagedTable table{.table_key = table_key,
                      .identity = {type.type_id, type.table_incarnation_id},
                      .path = type.TablePath(),
                      .expected_version = 0,
                      .source = nullptr,
                      .loses_columns = former != nullptr && LosesColumns(*former, type.properties),
                      .staged = {}};
    dataset::WriteOptions write;
    write.uuid = NewUuid();
    const io::Location root = context_.root.Child(table.path);
    if (former == nullptr) {
      OG_RETURN_IF_ERROR(ClearUnclaimed(table_key, root));
      dataset::CreateOptions create;
      create.write = write;
      OG_ASSIGN_OR_RETURN(
          table.staged,
          dataset::Dataset::StageCreate(context_.env, root, TableSchema(type), nullptr, create));
    } else {
      const TableEntry* const entry = base_.manifest.state.Find(table.identity);
      if (entry == nullptr) {
        return InternalFault(io::StrCat("the table of ", table_key, " is not published"));
      }
      if (entry->table_key != table_key) renamed_.push_back({*entry, table_key});
      if (SameColumns(*former, type.properties)) return absl::OkStatus();
      OG_ASSIGN_OR_RETURN(table.source,
                          OpenPinned(context_.env, context_.root, *entry, context_.session));
      table.expected_version = entry->version;
      OG_ASSIGN_OR_RETURN(table.staged, StageRewrite(*table.source, *former, type.properties,
                                                     TableSchema(type), write));
    }
    tables_.push_back(std::move(table));
    return absl::OkStatus();
  }

  // Makes the place of a new table free. What an interrupted schema change left there goes, for no
  // record claims it any more; a dataset of somebody else is refused.
  absl::Status ClearUnclaimed(std::string_view table_key, const io::Location& root) const {
    const auto listed = root.store->List(root.path, {.recursive = true, .with_info = false});
    OG_RETURN_IF_ERROR(FromStorage(listed.status()));
    if (listed->empty()) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const bool left_over, IsLeftOver(root, *listed));
    if (left_over) return FromStorage(root.store->DeletePrefix(root.path));
    return Conflict(io::StrCat(
        "schema apply target table '", table_key, "' has an existing dataset at '", root.Uri(),
        "' but no live manifest entry; refusing to claim unowned physical state \u2014 inspect and "
        "remove the orphaned dataset before retrying"));
  }

  // Whether `objects` below `root` are the first version of a table that a schema change made, or
  // parts of one.
  absl::StatusOr<bool> IsLeftOver(const io::Location& root,
                                  const std::vector<io::ObjectInfo>& objects) const {
    const absl::StatusOr<dataset::DatasetPtr> table =
        dataset::Dataset::Open(context_.env, root, {});
    if (absl::IsNotFound(table.status())) {
      return std::ranges::all_of(objects, [&root](const io::ObjectInfo& object) {
        const std::string_view name = std::string_view(object.path).substr(root.path.size() + 1);
        return name.starts_with("data/") || name.starts_with("_transactions/") ||
               name.starts_with("_versions/");
      });
    }
    OG_RETURN_IF_ERROR(FromStorage(table.status()));
    if ((*table)->version() != 1) return false;
    const auto transaction = (*table)->TransactionOf(1);
    return transaction.ok() && transaction->uuid.starts_with(kUuidPrefix);
  }

  // Whether a property of `former` is not in `now`.
  static bool LosesColumns(const std::vector<schema::Property>& former,
                           const std::vector<schema::Property>& now) {
    return std::ranges::any_of(former, [&now](const schema::Property& property) {
      return std::ranges::find(now, property.property_id, &schema::Property::property_id) ==
             now.end();
    });
  }

  // Whether both have the same properties under the same names: types of kept properties do not
  // change.
  static bool SameColumns(const std::vector<schema::Property>& a,
                          const std::vector<schema::Property>& b) {
    return std::ranges::equal(a, b, [](const schema::Property& x, const schema::Property& y) {
      return x.property_id == y.property_id && x.name == y.name;
    });
  }

  absl::Status Stage() {
    std::set<TableIdentity> kept;
    for (const schema::NodeType& type : change_.catalog->nodes()) {
      kept.insert({type.type_id, type.table_incarnation_id});
      const schema::NodeType* const former = Former(base_.schema.catalog->nodes(), type);
      OG_RETURN_IF_ERROR(
          FromStorage(StageType(type, former == nullptr ? nullptr : &former->properties)));
    }
    for (const schema::EdgeType& type : change_.catalog->edges()) {
      kept.insert({type.type_id, type.table_incarnation_id});
      const schema::EdgeType* const former = Former(base_.schema.catalog->edges(), type);
      OG_RETURN_IF_ERROR(
          FromStorage(StageType(type, former == nullptr ? nullptr : &former->properties)));
    }
    for (const TableEntry& entry : base_.manifest.state.tables()) {
      if (!kept.contains(entry.identity)) dropped_.push_back(entry);
    }
    std::ranges::sort(tables_, {}, &StagedTable::table_key);
    return absl::OkStatus();
  }

  // The type of the same identity in the accepted schema, or null.
  template <typename Type>
  static const Type* Former(std::span<const Type> accepted, const Type& type) {
    const auto found = std::ranges::find_if(
        accepted, [&](const Type& candidate) { return candidate.type_id == type.type_id; });
    return found == accepted.end() ? nullptr : &*found;
  }

  void Discard() const {
    for (const StagedTable& table : tables_) {
      for (const std::string& file : table.staged.files)
        context_.root.store->Delete(file).IgnoreError();
    }
  }

  void MakeRecord() {
    record_.operation_id = context_.env.NewUlid();
    record_.started_at_us = context_.env.NowUs();
    record_.actor_id = options_.actor_id;
    record_.kind = WriterKind::kSchemaApply;
    record_.authority = base_.authority;
    record_.lineage.graph_commit_id = context_.env.NewUlid();
    record_.lineage.actor_id = options_.actor_id;
    record_.lineage.created_at_us = record_.started_at_us;
    record_.rollback_graph_commit_id = context_.env.NewUlid();
    record_.target_schema_ir_hash = schema::StateOf(change_.ir).ir_hash;
    for (const StagedTable& table : tables_) {
      RecordedTable recorded;
      recorded.identity = table.identity;
      recorded.table_key = table.table_key;
      recorded.table_uri = io::StrCat(context_.root_uri, "/", table.path);
      recorded.expected_version = table.expected_version;
      recorded.post_commit_pin = table.expected_version + 1;
      recorded.effect = table.source == nullptr ? EffectKind::kCreate : EffectKind::kTransactions;
      recorded.planned.push_back({.read_version = table.staged.transaction.read_version,
                                  .uuid = table.staged.transaction.uuid});
      record_.tables.push_back(std::move(recorded));
      if (table.source == nullptr) {
        record_.registrations.push_back({.identity = table.identity,
                                         .table_key = table.table_key,
                                         .table_path = table.path,
                                         .branch = std::nullopt});
      }
    }
    for (const auto& [entry, table_key] : renamed_) {
      record_.renames.push_back({.identity = entry.identity,
                                 .expected_table_key = entry.table_key,
                                 .expected_version = entry.version,
                                 .table_key = table_key,
                                 .table_path = entry.path});
    }
    for (const TableEntry& entry : dropped_) {
      record_.tombstones.push_back(
          {.identity = entry.identity, .table_key = entry.table_key, .version = entry.version + 1});
    }
  }

  absl::Status Arm() {
    MakeRecord();
    if (HasLeases(context_)) {
      OG_ASSIGN_OR_RETURN(record_.writer_lease, context_.gates->lease().Renew());
    }
    OG_ASSIGN_OR_RETURN(const std::vector<RecoveryRecord> records, context_.records.ReadAll());
    OG_RETURN_IF_ERROR(CheckUnresolved(records, std::nullopt));
    OG_ASSIGN_OR_RETURN(const ManifestView now, context_.manifest.OpenPresent(std::nullopt));
    if (now.head() != base_.manifest.head()) {
      return ReadSetChanged("graph_head:main", base_.manifest.head(), now.head());
    }
    OG_ASSIGN_OR_RETURN(const schema::SchemaState state, ReadSchemaState(context_.root));
    if (!(state == base_.schema.state)) {
      return ReadSetChanged("schema_identity", base_.schema.state.ir_hash, state.ir_hash);
    }
    for (const TableEntry& entry : base_.manifest.state.tables()) {
      OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr pinned,
                          OpenPinned(context_.env, context_.root, entry, context_.session));
      OG_RETURN_IF_ERROR(CheckNoDrift(context_, base_, entry, *pinned));
    }
    std::vector<std::string> files;
    for (const StagedTable& table : tables_)
      files.insert(files.end(), table.staged.files.begin(), table.staged.files.end());
    OG_RETURN_IF_ERROR(FromStorage(context_.root.store->Sync(files, context_.env.durability())));
    OG_ASSIGN_OR_RETURN(armed_, context_.records.Arm(record_));
    return absl::OkStatus();
  }

  absl::StatusOr<dataset::DatasetPtr> Commit(const StagedTable& table) const {
    if (table.source != nullptr) return table.source->CommitExact(table.staged);
    return dataset::Dataset::CommitCreate(context_.env, context_.root.Child(table.path),
                                          table.staged, context_.session);
  }

  absl::StatusOr<CommitInfo> Apply() {
    OG_CRASH_POINT(context_.env, "schema_apply.post_sidecar_pre_effect");
    for (size_t i = 0; i < tables_.size(); ++i) {
      OG_ASSIGN_OR_RETURN(const dataset::DatasetPtr committed, Commit(tables_[i]));
      record_.tables[i].confirmed = ConfirmedTable{.version = committed->version(),
                                                   .branch = std::nullopt,
                                                   .row_count = committed->num_rows(),
                                                   .metadata = MetadataOf(context_, *committed)};
      OG_CRASH_POINT(context_.env, "schema_apply.post_table_commit");
    }
    OG_CRASH_POINT(context_.env, "schema_apply.before_staging_write");
    OG_RETURN_IF_ERROR(StageContract());
    record_.effects_confirmed = true;
    OG_RETURN_IF_ERROR(context_.records.Rewrite(record_, armed_));
    OG_CRASH_POINT(context_.env, "schema_apply.after_staging_write");
    OG_ASSIGN_OR_RETURN(const ManifestView published,
                        context_.manifest.Publish(PublishOf(record_)));
    OG_CRASH_POINT(context_.env, "schema_apply.after_manifest_commit");
    OG_RETURN_IF_ERROR(PromoteStaged(context_, record_.target_schema_ir_hash));
    const CommitInfo* const commit = published.state.FindCommit(record_.lineage.graph_commit_id);
    if (commit == nullptr) return InternalFault("the published commit is not in its manifest");
    return *commit;
  }

  // Removes the earlier versions of datasets that lost a column or their type. Best effort: what
  // stays is removed by a cleanup.
  void RemoveDropped() const {
    std::vector<std::string> paths;
    for (const StagedTable& table : tables_)
      if (table.loses_columns) paths.push_back(table.path);
    for (const TableEntry& entry : dropped_)
      paths.push_back(entry.path);
    for (const std::string& path : paths) {
      const absl::StatusOr<dataset::DatasetPtr> newest = dataset::Dataset::Open(
          context_.env, context_.root.Child(path), {.session = context_.session});
      if (!newest.ok()) continue;
      dataset::Cleanup(
          **newest, {.before_us = context_.env.NowUs(), .error_if_tagged_old_versions = false}, {})
          .status()
          .IgnoreError();
    }
  }

  // Writes the three schema objects under their staging names.
  absl::Status StageContract() const {
    std::vector<std::string> files;
    for (const auto& [name, text] : {std::pair(schema::kSourceName, &change_.contract.source),
                                     std::pair(schema::kIrName, &change_.contract.ir_json),
                                     std::pair(schema::kStateName, &change_.contract.state_json)}) {
      const io::Location file = context_.root.Child(io::StrCat(name, ".staging"));
      OG_RETURN_IF_ERROR(FromStorage(file.store->Put(file.path, io::AsBytes(*text)).status()));
      files.push_back(file.path);
    }
    return FromStorage(context_.root.store->Sync(files, context_.env.durability()));
  }

  const GraphContext& context_;
  const SchemaApplyOptions& options_;
  SchemaLock& lock_;
  const WriteBase base_;
  const SchemaChange change_;
  std::vector<StagedTable> tables_;
  std::vector<std::pair<TableEntry, std::string>> renamed_;  // with the new alias
  std::vector<TableEntry> dropped_;
  RecoveryRecord record_;
  std::string armed_;  // the token of the record as it is stored
};

}  // namespace

absl::StatusOr<SchemaApplyResult> ApplySchema(const GraphContext& context, std::string_view source,
                                              const SchemaApplyOptions& options) {
  const std::optional<std::string> main;
  OG_ASSIGN_OR_RETURN(const SweepResult swept,
                      SweepRecords(context, SweepMode::kRollForwardOnly, {&main, 1}));
  OG_RETURN_IF_ERROR(CheckUnresolved(swept.unresolved, std::nullopt));
  const io::GateHold schema_gate = context.gates->schema().Exclusive(context.env);
  const io::GateHold branch_gate = context.gates->branch(BranchName({})).Exclusive(context.env);
  OG_ASSIGN_OR_RETURN(const io::FolderHold hold, HoldRoot(context));
  OG_ASSIGN_OR_RETURN(const auto lock, SchemaLock::Acquire(context));

  WriteBase base;
  OG_ASSIGN_OR_RETURN(base.schema, ReadContract(context.root));
  OG_ASSIGN_OR_RETURN(base.manifest, context.manifest.OpenPresent(std::nullopt));
  OG_RETURN_IF_ERROR(
      CheckTables(base.schema.ir, base.manifest.state.tables(), base.manifest.version()));
  base.authority = MakeAuthority(base.schema, base.manifest.identifier, base.manifest.head());
  OG_ASSIGN_OR_RETURN(SchemaChange change,
                      PlanSchemaChange(base.schema, source, options.allow_data_loss));
  SchemaApplyResult result;
  result.plan = change.plan;
  result.graph_manifest_version = base.manifest.version();
  if (!change.plan.supported()) return BadRequest(change.plan.RefusalText());
  if (change.plan.steps.empty()) return result;
  OG_ASSIGN_OR_RETURN(
      const CommitInfo commit,
      SchemaApplier(context, options, *lock, std::move(base), std::move(change)).Run());
  result.applied = true;
  result.graph_manifest_version = commit.graph_manifest_version;
  return result;
}

}  // namespace og::engine::graph
