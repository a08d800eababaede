#include "engine/graph/graph.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/graph/branch/branch_control.h"
#include "engine/graph/context.h"
#include "engine/graph/contract_store.h"
#include "engine/graph/errors.h"
#include "engine/graph/init.h"
#include "engine/graph/load/load.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/merge/merge.h"
#include "engine/graph/mutate.h"
#include "engine/graph/recovery/sweep.h"
#include "engine/graph/schema_apply.h"
#include "engine/graph/schema_change.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/snapshot_export.h"
#include "engine/graph/write_session.h"
#include "engine/schema/catalog.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"
#include "io/env/together.h"

namespace og::engine::graph {
namespace {

// The types of `catalog` whose tables `state` has: what a historical state can be asked about.
absl::StatusOr<schema::CatalogPtr> Restrict(const schema::CatalogPtr& catalog,
                                            const ManifestState& state) {
  std::vector<schema::NodeType> nodes;
  std::vector<schema::EdgeType> edges;
  const auto is_live = [&state](const auto& type) {
    return state.Find(TableIdentity{type.type_id, type.table_incarnation_id}) != nullptr;
  };
  for (const schema::NodeType& node : catalog->nodes()) {
    if (is_live(node)) nodes.push_back(node);
  }
  for (const schema::EdgeType& edge : catalog->edges()) {
    if (is_live(edge)) edges.push_back(edge);
  }
  if (nodes.size() == catalog->nodes().size() && edges.size() == catalog->edges().size()) {
    return catalog;
  }
  return schema::Catalog::Create(std::move(nodes), std::move(edges));
}

absl::Status RefuseSystemBranch(const std::optional<std::string>& branch, std::string_view what) {
  if (!branch.has_value() || !IsSystemBranch(*branch)) return absl::OkStatus();
  return BadRequest(io::StrCat(what, " does not allow internal system ref '", *branch, "'"));
}

class GraphImpl final : public Graph {
 public:
  GraphImpl(io::Env& env, const io::Location& root, OpenMode mode)
      : context_(env, root), mode_(mode) {}

  absl::Status Open() {
    const bool is_writer = mode_ == OpenMode::kReadWrite;
    if (is_writer) {
      // Without a graph nothing is written here.
      OG_RETURN_IF_ERROR(context_.manifest.OpenPresent(std::nullopt).status());
      OG_RETURN_IF_ERROR(ProbeCreateIfAbsent(context_));
      OG_RETURN_IF_ERROR(SweepRecords(context_, SweepMode::kFull, {}).status());
    }
    const io::GateHold gate = context_.gates->schema().Shared(context_.env);
    OG_CRASH_POINT(context_.env, "open.before_schema_contract_read");
    if (!is_writer) OG_RETURN_IF_ERROR(ReadAhead());
    return Renew(std::nullopt, /*is_first=*/true);
  }

  const io::Location& root() const override { return context_.root; }

  std::string schema_source() const override {
    io::MutexLock lock(mutex_);
    return schema_->source;
  }

  schema::CatalogPtr catalog() const override {
    io::MutexLock lock(mutex_);
    return schema_->catalog;
  }

  absl::StatusOr<std::shared_ptr<const GraphSnapshot>> SnapshotAt(
      const ReadTarget& target) override {
    if (target.snapshot.has_value()) return HistoricalSnapshot(*target.snapshot);
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> branch, NormalizeBranch(target.branch));
    OG_RETURN_IF_ERROR(RefuseSystemBranch(branch, "read"));
    OG_ASSIGN_OR_RETURN(const Current current, Fresh(branch));
    return current.snapshot;
  }

  absl::StatusOr<SnapshotInfo> DescribeSnapshot(const ReadTarget& target) override {
    OG_ASSIGN_OR_RETURN(const auto snapshot, SnapshotAt(target));
    return snapshot->Describe();
  }

  absl::StatusOr<std::vector<std::string>> ListBranches() override {
    OG_ASSIGN_OR_RETURN(std::vector<std::string> branches,
                        ListBranchRefs(context_.manifest.root()));
    std::erase(branches, kSchemaApplyLockBranch);
    branches.insert(std::upper_bound(branches.begin(), branches.end(), "main"), "main");
    return branches;
  }

  absl::Status CreateBranch(std::string_view name, std::string_view from) override {
    OG_RETURN_IF_ERROR(RequireWritable());
    for (const std::string_view branch : {from, name}) {
      if (IsSystemBranch(branch)) return RefuseSystemBranch(std::string(branch), "branch_create");
    }
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> source, NormalizeBranch(from));
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> target, NormalizeBranch(name));
    if (!target.has_value()) return BadRequest("cannot create branch 'main'");
    const std::optional<Current> known = Known(source);
    return CreateGraphBranch(context_, source, *target,
                             known.has_value() ? known->view.get() : nullptr);
  }

  absl::Status DeleteBranch(std::string_view name) override {
    OG_RETURN_IF_ERROR(RequireWritable());
    if (IsSystemBranch(name)) return RefuseSystemBranch(std::string(name), "branch_delete");
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> branch, NormalizeBranch(name));
    if (!branch.has_value()) return BadRequest("cannot delete branch 'main'");
    OG_RETURN_IF_ERROR(DeleteGraphBranch(context_, *branch));
    io::MutexLock lock(mutex_);
    current_.erase(*branch);
    return absl::OkStatus();
  }

  absl::StatusOr<MergeResult> MergeBranch(const MergeOptions& options) override {
    if (!options.dry_run) OG_RETURN_IF_ERROR(RequireWritable());
    return MergeBranches(context_, options);
  }

  absl::StatusOr<std::vector<CommitInfo>> ListCommits(std::string_view branch_name) override {
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> branch, NormalizeBranch(branch_name));
    OG_RETURN_IF_ERROR(RefuseSystemBranch(branch, "commit list"));
    OG_ASSIGN_OR_RETURN(const ManifestView view, context_.manifest.Open(branch));
    const std::vector<CommitInfo>& oldest_first = view.state.commits();
    return std::vector<CommitInfo>(oldest_first.rbegin(), oldest_first.rend());
  }

  absl::StatusOr<CommitInfo> FindCommit(std::string_view commit_id) override {
    OG_ASSIGN_OR_RETURN(const ManifestView main, context_.manifest.Open(std::nullopt));
    if (const CommitInfo* commit = main.state.FindCommit(commit_id)) return *commit;
    OG_ASSIGN_OR_RETURN(const auto branches, ListBranchRefs(context_.manifest.root()));
    for (const std::string& branch : branches) {
      OG_ASSIGN_OR_RETURN(const ManifestView view, context_.manifest.Open(branch));
      if (const CommitInfo* commit = view.state.FindCommit(commit_id)) return *commit;
    }
    return NotFound(io::StrCat("commit '", commit_id, "' not found"));
  }

  absl::StatusOr<LoadResult> Load(ByteSource& source, const LoadOptions& options) override {
    OG_RETURN_IF_ERROR(RequireWritable());
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> branch, NormalizeBranch(options.branch));
    OG_RETURN_IF_ERROR(RefuseSystemBranch(branch, "load"));
    bool is_missing = false;
    if (options.from.has_value() && branch.has_value()) {
      OG_ASSIGN_OR_RETURN(const auto ref, ReadBranchRef(context_.manifest.root(), *branch));
      is_missing = !ref.has_value();
    }
    if (is_missing) OG_RETURN_IF_ERROR(CreateBranch(*branch, *options.from));
    OG_ASSIGN_OR_RETURN(LoadResult result, LoadGraphBatch(context_, branch, source, options));
    result.branch_created = is_missing;
    return result;
  }

  absl::StatusOr<MutationResult> Mutate(const query::Query& query, const query::ParamValues& params,
                                        const MutateOptions& options) override {
    OG_RETURN_IF_ERROR(RequireWritable());
    OG_ASSIGN_OR_RETURN(const std::optional<std::string> branch, NormalizeBranch(options.branch));
    OG_RETURN_IF_ERROR(RefuseSystemBranch(branch, "mutate"));
    return RunMutation(context_, branch, query, params, options);
  }

  absl::StatusOr<schema::MigrationPlan> PlanSchema(std::string_view source,
                                                   bool allow_data_loss) override {
    OG_ASSIGN_OR_RETURN(const AcceptedSchema accepted, ReadContract(context_.root));
    OG_ASSIGN_OR_RETURN(SchemaChange change, PlanSchemaChange(accepted, source, allow_data_loss));
    return std::move(change.plan);
  }

  absl::StatusOr<SchemaApplyResult> ApplySchema(std::string_view source,
                                                const SchemaApplyOptions& options) override {
    OG_RETURN_IF_ERROR(RequireWritable());
    OG_ASSIGN_OR_RETURN(SchemaApplyResult result, graph::ApplySchema(context_, source, options));
    if (result.applied) OG_RETURN_IF_ERROR(Fresh(std::nullopt).status());
    return result;
  }

  absl::Status Export(const ExportOptions& options, const ExportSink& sink) override {
    OG_ASSIGN_OR_RETURN(const auto snapshot, SnapshotAt(options.target));
    return ExportSnapshot(context_.env, *snapshot, options, sink);
  }

 private:
  // The newest known state of a branch.
  struct Current {
    std::shared_ptr<const ManifestView> view;
    std::shared_ptr<const GraphSnapshot> snapshot;
  };

  absl::Status RequireWritable() const {
    if (mode_ == OpenMode::kReadWrite) return absl::OkStatus();
    return BadRequest("the graph is open read-only");
  }

  // A change of the schema that was interrupted; a writer's sweep has settled it.
  absl::Status RefuseStagedContract() const {
    if (mode_ == OpenMode::kReadWrite) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const bool staged, HasStagedContract(context_.root));
    if (!staged) return absl::OkStatus();
    return RecoveryRequired(
        "schema apply",
        "a schema change was interrupted and left staged schema files; open the graph read-write "
        "with the release that wrote them");
  }

  // Reads what Renew() then only has to look after: manifest and contract, side by side. What is
  // wrong with the contract is said by Renew(), which knows whether it is being changed.
  absl::Status ReadAhead() {
    return io::RunTogether(context_.env, *context_.root.store,
                           {[this] { return context_.manifest.OpenPresent(std::nullopt).status(); },
                            [this] {
                              context_.contract->ReadAhead(context_.root);
                              return absl::OkStatus();
                            }});
  }

  std::shared_ptr<const GraphSnapshot> MakeSnapshot(const ManifestView& view,
                                                    schema::CatalogPtr catalog,
                                                    std::optional<std::string> commit_id) const {
    auto snapshot = std::make_shared<const GraphSnapshot>(
        context_.env, context_.root, context_.session, std::move(catalog), view.branch,
        view.version(), std::move(commit_id), view.state.tables(), PinState(context_, view));
    io::MutexLock lock(mutex_);
    for (const auto& [branch, current] : current_)
      snapshot->ShareOpenTables(*current.snapshot);
    return snapshot;
  }

  // Reads the newest state of `branch` and the contract, validates them against each other and
  // keeps both.
  absl::Status Renew(const std::optional<std::string>& branch, bool is_first) {
    ManifestView view;
    AcceptedSchema accepted;
    const StateBinding binding = BindState(context_);
    const auto refuse_staged = [&] { return is_first ? RefuseStagedContract() : absl::OkStatus(); };
    const auto open_manifest = [&]() -> absl::Status {
      OG_ASSIGN_OR_RETURN(view, context_.manifest.OpenPresent(branch));
      return absl::OkStatus();
    };
    const auto read_contract = [&]() -> absl::Status {
      OG_ASSIGN_OR_RETURN(accepted, context_.contract->Read(context_.root));
      return absl::OkStatus();
    };
    const auto check = [&] {
      return CheckTables(accepted.ir, view.state.tables(), view.version());
    };
    OG_RETURN_IF_ERROR(io::RunTogether(context_.env, *context_.root.store,
                                       {refuse_staged, open_manifest, read_contract}));
    if (!check().ok()) {
      // The two may be of before and after a change of the schema, which publishes the manifest
      // first.
      OG_RETURN_IF_ERROR(refuse_staged());
      OG_RETURN_IF_ERROR(open_manifest());
      OG_RETURN_IF_ERROR(read_contract());
      OG_RETURN_IF_ERROR(check());
    }
    std::optional<std::string> commit_id = view.head();
    if (!commit_id.has_value() && view.state.NewestCommit() != nullptr) {
      commit_id = view.state.NewestCommit()->graph_commit_id;
    }
    Current current;
    current.snapshot = MakeSnapshot(view, accepted.catalog, std::move(commit_id));
    current.view = std::make_shared<const ManifestView>(std::move(view));
    io::MutexLock lock(mutex_);
    schema_ = std::make_shared<const AcceptedSchema>(std::move(accepted));
    current_[std::string(BranchName(current.view->branch))] = std::move(current);
    return absl::OkStatus();
  }

  std::optional<Current> Known(const std::optional<std::string>& branch) const {
    io::MutexLock lock(mutex_);
    const auto found = current_.find(BranchName(branch));
    return found == current_.end() ? std::nullopt : std::optional(found->second);
  }

  // The state of a branch as it is now: one probe if nothing changed since the last time.
  absl::StatusOr<Current> Fresh(const std::optional<std::string>& branch) {
    if (const std::optional<Current> known = Known(branch)) {
      OG_ASSIGN_OR_RETURN(const bool is_current, context_.manifest.IsCurrent(*known->view));
      if (is_current) return *known;
    }
    const io::GateHold gate = context_.gates->schema().Shared(context_.env);
    OG_RETURN_IF_ERROR(Renew(branch, /*is_first=*/false));
    return *Known(branch);
  }

  absl::StatusOr<std::shared_ptr<const GraphSnapshot>> HistoricalSnapshot(
      const std::string& commit_id) {
    OG_ASSIGN_OR_RETURN(const CommitInfo commit, FindCommit(commit_id));
    const StateBinding binding = BindState(context_);
    OG_ASSIGN_OR_RETURN(
        const ManifestView view,
        context_.manifest.OpenAt(commit.graph_branch, commit.graph_manifest_version));
    if (view.head() != commit_id) {
      return Conflict(io::StrCat("commit '", commit_id,
                                 "' belongs to an earlier incarnation of "
                                 "branch '",
                                 BranchName(commit.graph_branch), "'"));
    }
    OG_ASSIGN_OR_RETURN(schema::CatalogPtr restricted, Restrict(catalog(), view.state));
    return MakeSnapshot(view, std::move(restricted), commit_id);
  }

  const GraphContext context_;
  const OpenMode mode_;

  mutable io::Mutex mutex_;
  std::shared_ptr<const AcceptedSchema> schema_ OG_GUARDED_BY(mutex_);
  std::map<std::string, Current, std::less<>> current_ OG_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status Graph::Init(io::Env& env, const io::Location& root, std::string_view schema_source,
                         const InitOptions& options) {
  return InitGraph(GraphContext(env, root), schema_source, options);
}

absl::StatusOr<std::shared_ptr<Graph>> Graph::Open(io::Env& env, const io::Location& root,
                                                   OpenMode mode) {
  auto graph = std::make_shared<GraphImpl>(env, root, mode);
  OG_RETURN_IF_ERROR(graph->Open());
  return graph;
}

}  // namespace og::engine::graph
