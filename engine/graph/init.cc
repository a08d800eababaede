#include "engine/graph/init.h"

#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/table_schema.h"
#include "engine/schema/catalog.h"
#include "engine/schema/contract.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/together.h"

namespace og::engine::graph {
namespace {

constexpr int kProbeTries = 4;

constexpr std::string_view kSchemaFiles[] = {schema::kSourceName, schema::kIrName,
                                             schema::kStateName};

absl::Status InitError(io::ErrorKind kind, std::string message) {
  return io::DetailedError({.kind = kind, .code = "", .fields = {}}, message);
}

absl::Status Indeterminate(const GraphContext& context, const absl::Status& cause,
                           const absl::Status& probe) {
  return InitError(
      io::ErrorKind::kInitializationIndeterminate,
      io::StrCat("graph initialization at '", context.root_uri,
                 "' has an indeterminate physical outcome; schema artifacts and "
                 "'__init_claim.json' were preserved; do not retry initialization or delete the "
                 "root until it is inspected (create error: ",
                 io::Message(cause), "; exact-genesis probe error: ", io::Message(probe), ")"));
}

absl::Status CommittedButUnfinished(const GraphContext& context, const absl::Status& cause) {
  return InitError(
      io::ErrorKind::kInitializationCommitted,
      io::StrCat("graph initialization at '", context.root_uri,
                 "' committed its manifest, but finalization failed; schema artifacts were "
                 "preserved; inspect or open the graph before taking further action: ",
                 io::Message(cause)));
}

absl::Status CheckUninitialized(const GraphContext& context, bool force) {
  const auto taken =
      InitError(io::ErrorKind::kAlreadyInitialized,
                io::StrCat("graph already initialized or initialization metadata exists at '",
                           context.root_uri,
                           "'; --force may replace only orphan schema files after proving that no "
                           "__manifest exists"));
  const io::Location versions = context.manifest.root().Child("_versions");
  absl::StatusOr<std::vector<io::ObjectInfo>> listed;
  std::vector<absl::Status> looks;  // for each schema file, unless they may be replaced
  if (!force) looks.resize(std::size(kSchemaFiles));
  std::vector<std::function<absl::Status()>> tasks = {[&] {
    listed = versions.store->List(versions.path, {.recursive = false, .with_info = false});
    return absl::OkStatus();
  }};
  for (size_t i = 0; i < looks.size(); ++i) {
    tasks.push_back([&, i] {
      const io::Location file = context.root.Child(kSchemaFiles[i]);
      looks[i] = file.store->Stat(file.path).status();
      return absl::OkStatus();
    });
  }
  OG_RETURN_IF_ERROR(io::RunTogether(context.env, *context.root.store, tasks));
  OG_RETURN_IF_ERROR(FromStorage(listed.status()));
  if (!listed->empty()) return taken;
  for (const absl::Status& look : looks) {
    if (look.ok()) return taken;
    if (!absl::IsNotFound(look)) return FromStorage(look);
  }
  return absl::OkStatus();
}

class Initializer {
 public:
  Initializer(const GraphContext& context, bool force) : context_(context), force_(force) {}

  absl::Status Run(std::string_view schema_source) {
    OG_RETURN_IF_ERROR(CheckUninitialized(context_, force_));
    OG_ASSIGN_OR_RETURN(contract_, schema::NewContract(schema_source, context_.env.NewUlid()));
    OG_ASSIGN_OR_RETURN(ir_, schema::OpenContract(contract_));
    OG_ASSIGN_OR_RETURN(catalog_, schema::CatalogFromIr(ir_));
    OG_RETURN_IF_ERROR(CheckColumnNames(*catalog_));
    OG_RETURN_IF_ERROR(ProbeCreateIfAbsent(context_));
    OG_RETURN_IF_ERROR(Claim());
    if (const absl::Status status = WriteContract(); !status.ok()) {
      TakeBack();
      return status;
    }
    if (const absl::Status status = CreateDatasets(); !status.ok()) {
      const absl::Status genesis = ProveGenesis();
      if (!genesis.ok()) return Indeterminate(context_, status, genesis);
    }
    const absl::Status finished = Finish();
    return finished.ok() ? finished : CommittedButUnfinished(context_, finished);
  }

 private:
  absl::Status Claim() {
    const io::Location claim = context_.root.Child(kInitClaim);
    const std::string text =
        io::StrCat("{\"version\":1,\"attempt_id\":\"", context_.env.NewUlid(), "\"}");
    const absl::Status status = claim.store->PutIfAbsent(claim.path, io::AsBytes(text)).status();
    if (absl::IsAlreadyExists(status)) {
      return InitError(
          io::ErrorKind::kInitializationClaimed,
          io::StrCat("graph initialization at '", context_.root_uri,
                     "' is claimed by '__init_claim.json'; another initializer may still be "
                     "running or a prior initializer may have stopped; quiesce all initializers "
                     "before manually removing the claim, then retry init (use --force only when "
                     "orphan schema files remain)"));
    }
    OG_RETURN_IF_ERROR(FromStorage(status));
    const absl::Status still = CheckUninitialized(context_, force_);
    if (!still.ok()) ReleaseClaim().IgnoreError();
    return still;
  }

  absl::Status ReleaseClaim() const {
    const io::Location claim = context_.root.Child(kInitClaim);
    return FromStorage(claim.store->Delete(claim.path));
  }

  absl::Status WriteContract() {
    const io::Location source = context_.root.Child(schema::kSourceName);
    const auto bytes = io::AsBytes(contract_.source);
    const absl::Status written = force_ ? source.store->Put(source.path, bytes).status()
                                        : source.store->PutIfAbsent(source.path, bytes).status();
    OG_RETURN_IF_ERROR(FromStorage(written));
    owns_contract_ = true;
    OG_CRASH_POINT(context_.env, "init.after_schema_pg_written");
    std::vector<std::string> written_files = {source.path};
    for (const auto& [name, text] : {std::pair(schema::kIrName, &contract_.ir_json),
                                     std::pair(schema::kStateName, &contract_.state_json)}) {
      const io::Location file = context_.root.Child(name);
      OG_RETURN_IF_ERROR(FromStorage(file.store->Put(file.path, io::AsBytes(*text)).status()));
      written_files.push_back(file.path);
    }
    OG_CRASH_POINT(context_.env, "init.after_schema_contract_written");
    return FromStorage(context_.root.store->Sync(written_files, context_.env.durability()));
  }

  // Removes what was written before any dataset. The claim stays if that fails: nobody may start
  // over left-overs unseen.
  void TakeBack() const {
    const auto remove = [&]() -> absl::Status {
      OG_CRASH_POINT(context_.env, "init.schema_cleanup_delete");
      if (owns_contract_) {
        for (const std::string_view name :
             {schema::kStateName, schema::kIrName, schema::kSourceName}) {
          const io::Location file = context_.root.Child(name);
          OG_RETURN_IF_ERROR(file.store->Delete(file.path));
        }
      }
      return ReleaseClaim();
    };
    remove().IgnoreError();
  }

  struct NewTable {
    TableIdentity identity;
    std::string key;
    format::SchemaPtr schema;
    std::string path;
    dataset::DatasetPtr created = nullptr;
  };

  std::vector<NewTable> NewTables() const {
    std::vector<NewTable> tables;
    const auto add = [&tables](const auto& type) {
      const TableIdentity identity{type.type_id, type.table_incarnation_id};
      tables.push_back({.identity = identity,
                        .key = type.TableKey(),
                        .schema = TableSchema(type),
                        .path = CanonicalTablePath(type.TableKey(), identity)});
    };
    for (const schema::NodeType& node : catalog_->nodes())
      add(node);
    for (const schema::EdgeType& edge : catalog_->edges())
      add(edge);
    return tables;
  }

  absl::Status Create(NewTable& table) const {
    const io::Location root = context_.root.Child(table.path);
    OG_ASSIGN_OR_RETURN(
        const dataset::StagedTransaction staged,
        dataset::Dataset::StageCreate(context_.env, root, table.schema, nullptr, {}));
    OG_ASSIGN_OR_RETURN(table.created, dataset::Dataset::CommitCreate(context_.env, root, staged,
                                                                      context_.session));
    return absl::OkStatus();
  }

  absl::Status CreateDatasets() {
    // Nothing refers to the tables before the manifest does: in what order they come to be is seen
    // by nobody.
    std::vector<NewTable> tables = NewTables();
    std::vector<std::function<absl::Status()>> tasks;
    for (NewTable& table : tables)
      tasks.push_back([this, &table] { return Create(table); });
    OG_RETURN_IF_ERROR(FromStorage(io::RunTogether(context_.env, *context_.root.store, tasks)));
    for (const NewTable& table : tables) {
      rows_.AddTable({.identity = table.identity, .table_key = table.key, .location = table.path});
      rows_.AddVersion({.identity = table.identity,
                        .table_key = table.key,
                        .version = table.created->version(),
                        .branch = std::nullopt,
                        .row_count = 0,
                        .metadata = MetadataOf(context_, *table.created)});
    }
    OG_CRASH_POINT(context_.env, "init.table_create_ack_lost");
    CommitInfo genesis;
    genesis.graph_commit_id = genesis_id_ = context_.env.NewUlid();
    genesis.graph_manifest_version = 1;
    genesis.created_at_us = context_.env.NowUs();
    rows_.AddCommit(genesis);
    rows_.AddHead(genesis);
    OG_RETURN_IF_ERROR(FromStorage(context_.manifest.Create(std::move(rows_)).status()));
    OG_CRASH_POINT(context_.env, "init.manifest_create_ack_lost");
    return absl::OkStatus();
  }

  // Whether `__manifest` is exactly what CreateDatasets() wanted to make.
  absl::Status ProveGenesis() const {
    OG_CRASH_POINT(context_.env, "init.manifest_create_probe");
    OG_ASSIGN_OR_RETURN(const ManifestView view, context_.manifest.Open(std::nullopt));
    if (view.version() != 1 || genesis_id_.empty() || view.state.commits().size() != 1 ||
        view.state.commits()[0].graph_commit_id != genesis_id_ || view.head() != genesis_id_) {
      return Conflict("__manifest is not the genesis of this initialization");
    }
    return absl::OkStatus();
  }

  absl::Status Finish() {
    OG_CRASH_POINT(context_.env, "init.post_manifest_create");
    OG_ASSIGN_OR_RETURN(const ManifestView view, context_.manifest.Open(std::nullopt));
    OG_RETURN_IF_ERROR(CheckTables(ir_, view.state.tables(), view.version()));
    OG_CRASH_POINT(context_.env, "init.after_coordinator_init");
    return ReleaseClaim();
  }

  const GraphContext& context_;
  const bool force_;
  schema::SchemaContract contract_;
  schema::SchemaIr ir_;
  schema::CatalogPtr catalog_;
  bool owns_contract_ = false;
  ManifestRows rows_;
  std::string genesis_id_;
};

}  // namespace

absl::Status ProbeCreateIfAbsent(const GraphContext& context) {
  if (!context.root.store->is_local()) return absl::OkStatus();
  OG_CRASH_POINT(context.env, "storage.local_create_if_absent_probe");
  absl::Status status;
  for (int i = 0; i < kProbeTries; ++i) {
    const io::Location probe =
        context.root.Child(io::StrCat("__create_if_absent_probe_", context.env.NewUlid()));
    status = probe.store->PutIfAbsent(probe.path, {}).status();
    if (absl::IsAlreadyExists(status)) continue;
    OG_RETURN_IF_ERROR(FromStorage(status));
    return FromStorage(probe.store->Delete(probe.path));
  }
  return FromStorage(status);
}

absl::Status InitGraph(const GraphContext& context, std::string_view schema_source,
                       const InitOptions& options) {
  const io::GateHold gate = context.gates->schema().Exclusive(context.env);
  return Initializer(context, options.force).Run(schema_source);
}

}  // namespace og::engine::graph
