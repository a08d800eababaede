#include "engine/graph/optimize.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "engine/graph/branch/table_fork.h"
#include "engine/graph/context.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/layout.h"
#include "engine/graph/recovery/sweep.h"
#include "engine/graph/write_session.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"
#include "io/env/together.h"

namespace og::engine::graph {
namespace {

constexpr int kCatalogRetries = 5;

IndexIntent IntentFor(const schema::Catalog& catalog, std::string_view table_key) {
  for (const schema::NodeType& type : catalog.nodes())
    if (type.TableKey() == table_key) return IndexIntentOf(type);
  for (const schema::EdgeType& type : catalog.edges())
    if (type.TableKey() == table_key) return IndexIntentOf(type);
  return {};
}

// Adds up what the tables report.
class TotalProgress {
 public:
  explicit TotalProgress(const ProgressFn& report) : report_(report) {}

  void Add(uint64_t rows, uint64_t bytes) {
    if (!report_) return;
    io::MutexLock lock(mutex_);
    progress_.rows += rows;
    progress_.bytes += bytes;
    report_(progress_);
  }

 private:
  const ProgressFn& report_;
  io::Mutex mutex_;
  Progress progress_ OG_GUARDED_BY(mutex_) = {
      .stage = "write", .rows = 0, .bytes = 0, .bytes_total = 0};
};

// One attempt: from a captured base to the commit.
class Optimization {
 public:
  Optimization(const GraphContext& context, const OptimizeOptions& options, WriteBase base)
      : context_(context),
        concurrency_(std::max<size_t>(options.concurrency, 1)),
        base_(std::move(base)),
        progress_(options.progress) {}

  // Does the work on all tables beside other writers.
  absl::Status Stage() {
    const std::span<const TableEntry> entries = base_.manifest.state.tables();
    tables_.resize(entries.size());
    for (size_t first = 0; first < entries.size(); first += concurrency_) {
      std::vector<std::function<absl::Status()>> tasks;
      for (size_t i = first; i < std::min(entries.size(), first + concurrency_); ++i) {
        tables_[i].entry = entries[i];
        tasks.push_back([this, i] { return StageTable(tables_[i]); });
      }
      const absl::Status staged = io::RunTogether(context_.env, *context_.root.store, tasks);
      if (staged.ok()) continue;
      Discard();
      return staged;
    }
    return absl::OkStatus();
  }

  // Makes it visible. kReadSetChanged, and nothing has happened, if the base is not the newest
  // state any more.
  absl::Status Commit(WriteTurn turn) {
    const absl::Status refused = Begin(std::move(turn));
    if (!refused.ok()) {
      Discard();
      return refused;
    }
    if (!has_work()) return absl::OkStatus();
    const LiveWrites::Entry live = context_.gates->live().Enter(record_.operation_id);
    const absl::Status armed = context_.records.Arm(record_).status();
    if (!armed.ok()) {
      if (!context_.records.Remove(record_.operation_id).ok()) return Unfinished(armed);
      Discard();
      return armed;
    }
    const absl::Status done = CommitAndPublish();
    if (!done.ok()) return Unfinished(done);
    // A record that stays is retired by the next writer: everything that it names is published.
    context_.records.Remove(record_.operation_id).IgnoreError();
    return absl::OkStatus();
  }

  // Then, still with its gates: the catalog of the graph, which is read at its newest version.
  absl::Status CompactCatalog() {
    catalog_.table_key = std::string(kManifestFolder);
    absl::Status tried;
    for (int attempt = 0; attempt < kCatalogRetries; ++attempt) {
      tried = TryCompactCatalog();
      if (!absl::IsAborted(tried)) break;
    }
    return FromStorage(tried);
  }

  OptimizeResult Result() const {
    OptimizeResult result;
    result.commit = commit_;
    for (const Table& table : tables_)
      result.tables.push_back(table.outcome);
    result.tables.push_back(catalog_);
    return result;
  }

 private:
  struct Table {
    TableEntry entry;
    StagedUpkeep upkeep;
    OptimizedTable outcome;
    dataset::DatasetPtr committed;
  };

  bool has_work() const {
    return std::ranges::any_of(tables_, [](const Table& table) { return table.upkeep.has_work(); });
  }

  absl::Status StageTable(Table& table) {
    table.outcome.table_key = table.entry.table_key;
    absl::StatusOr<dataset::DatasetPtr> pinned = OpenForWrite(context_, std::nullopt, table.entry);
    OG_RETURN_IF_ERROR(FromStorage(pinned.status()));
    const absl::StatusOr<uint64_t> head = (*pinned)->LatestVersion();
    OG_RETURN_IF_ERROR(FromStorage(head.status()));
    if (*head < table.entry.version) {
      return InternalFault(io::StrCat(Subject(table.entry.table_key), " is at Lance HEAD version ",
                                      *head, ", behind published dataset version ",
                                      table.entry.version));
    }
    if (*head > table.entry.version) {
      table.outcome.published_version = table.entry.version;
      table.outcome.head_version = *head;
      return absl::OkStatus();
    }
    const IndexIntent intent = IntentFor(*base_.schema.catalog, table.entry.table_key);
    if ((*pinned)->num_rows() > 0) table.outcome.pending_indexes = intent.pending;
    absl::StatusOr<StagedUpkeep> staged = StageUpkeep(
        *pinned, intent, [this](uint64_t rows, uint64_t bytes) { progress_.Add(rows, bytes); });
    OG_RETURN_IF_ERROR(FromStorage(staged.status()));
    table.upkeep = *std::move(staged);
    return absl::OkStatus();
  }

  void Discard() const {
    for (const Table& table : tables_)
      if (table.upkeep.dataset != nullptr) DiscardUpkeep(table.upkeep);
  }

  // Takes the gates and looks whether everything is still as captured.
  absl::Status Begin(WriteTurn turn) {
    OG_CRASH_POINT(context_.env, "optimize.post_authority_capture_pre_gates");
    turn_ = turn.is_held() ? std::move(turn) : TakeTurn(context_, std::nullopt);
    OG_RETURN_IF_ERROR(turn_.hold.status());
    OG_RETURN_IF_ERROR(CheckClean());
    OG_RETURN_IF_ERROR(CheckAuthority(context_, base_));
    for (const Table& table : tables_) {
      if (!table.upkeep.has_work()) continue;
      OG_RETURN_IF_ERROR(CheckNoDrift(context_, base_, table.entry, *table.upkeep.dataset));
    }
    if (HasLeases(context_)) {
      OG_ASSIGN_OR_RETURN(record_.writer_lease, context_.gates->lease().Renew());
    }
    record_.operation_id = context_.env.NewUlid();
    record_.started_at_us = context_.env.NowUs();
    record_.kind = WriterKind::kOptimize;
    for (const Table& table : tables_) {
      if (!table.upkeep.has_work()) continue;
      RecordedTable recorded;
      recorded.identity = table.entry.identity;
      recorded.table_key = table.entry.table_key;
      recorded.table_uri = io::StrCat(context_.root_uri, "/", table.entry.path);
      recorded.expected_version = table.entry.version;
      recorded.post_commit_pin = table.entry.version + 1;  // the first of its versions
      recorded.effect = EffectKind::kLoose;
      record_.tables.push_back(std::move(recorded));
    }
    return absl::OkStatus();
  }

  // No unfinished write to main, and no change of the schema.
  absl::Status CheckClean() const {
    OG_ASSIGN_OR_RETURN(std::vector<std::string> ids, context_.records.List());
    for (const std::string& id : OthersRecords(context_, std::move(ids))) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecoveryRecord> record, context_.records.Read(id));
      if (!record.has_value() || CheckUnresolved({&*record, 1}, std::nullopt).ok()) continue;
      OG_ASSIGN_OR_RETURN(const bool may_live, WriterMayLive(context_, *record));
      if (may_live) return ReadSetChanged("unfinished_write:main", std::nullopt, id);
      return Conflict(
          "optimize requires a clean recovery state; reopen the graph to run the recovery sweep "
          "before optimizing");
    }
    return absl::OkStatus();
  }

  absl::Status CommitAndPublish() {
    OG_CRASH_POINT(context_.env, "optimize.before_compact");
    std::vector<std::function<absl::Status()>> tasks;
    for (Table& table : tables_) {
      if (table.upkeep.has_work()) tasks.push_back([this, &table] { return CommitTable(table); });
    }
    OG_RETURN_IF_ERROR(io::RunTogether(context_.env, *context_.root.store, tasks));
    OG_CRASH_POINT(context_.env, "optimize.post_phase_b_pre_manifest_commit");
    return Publish();
  }

  absl::Status CommitTable(Table& table) const {
    table.outcome.fragments_removed = table.upkeep.num_fragments_removed();
    table.outcome.fragments_added = table.upkeep.num_fragments_added();
    absl::StatusOr<dataset::DatasetPtr> committed = CommitUpkeep(table.upkeep);
    OG_RETURN_IF_ERROR(FromStorage(committed.status()));
    table.committed = *std::move(committed);
    table.outcome.committed = true;
    OG_CRASH_POINT(context_.env, "optimize.post_table_commit");
    return absl::OkStatus();
  }

  absl::Status Publish() {
    PublishRequest request;
    for (const Table& table : tables_) {
      if (table.committed == nullptr) continue;
      request.expected[table.entry.identity] = table.entry.version;
      request.versions.push_back({.identity = table.entry.identity,
                                  .table_key = table.entry.table_key,
                                  .version = table.committed->version(),
                                  .branch = std::nullopt,
                                  .row_count = table.committed->num_rows(),
                                  .metadata = MetadataOf(context_, *table.committed)});
    }
    request.commit.graph_commit_id = context_.env.NewUlid();
    request.commit.created_at_us = record_.started_at_us;
    OG_ASSIGN_OR_RETURN(const ManifestView published, context_.manifest.Publish(request));
    const CommitInfo* const commit = published.state.FindCommit(request.commit.graph_commit_id);
    if (commit == nullptr) return InternalFault("the published commit is not in its manifest");
    commit_ = *commit;
    return absl::OkStatus();
  }

  // Leaves the record to recovery.
  absl::Status Unfinished(const absl::Status& why) const {
    return RecoveryRequired(record_.operation_id,
                            io::StrCat("graph-wide optimize failed after arming recovery; reopen "
                                       "read-write to converge it: ",
                                       io::Message(why)));
  }

  // Versions that we published keep their rows where reading them costs little (layout.h); those of
  // other writers have a fragment for every commit.
  absl::Status TryCompactCatalog() {
    OG_ASSIGN_OR_RETURN(const ManifestView view, context_.manifest.OpenPresent(std::nullopt));
    if (view.present->fragments.size() < view.dataset->manifest().fragments.size()) {
      return absl::OkStatus();
    }
    StagedUpkeep upkeep;
    OG_ASSIGN_OR_RETURN(upkeep, StageUpkeep(view.dataset, {}, [](uint64_t, uint64_t) {}));
    if (!upkeep.has_work()) return absl::OkStatus();
    catalog_.fragments_removed = upkeep.num_fragments_removed();
    catalog_.fragments_added = upkeep.num_fragments_added();
    OG_RETURN_IF_ERROR(CommitUpkeep(std::move(upkeep)).status());
    catalog_.committed = true;
    return absl::OkStatus();
  }

  const GraphContext& context_;
  const size_t concurrency_;
  const WriteBase base_;
  TotalProgress progress_;
  std::vector<Table> tables_;  // in the order of their keys
  OptimizedTable catalog_;
  WriteTurn turn_;
  RecoveryRecord record_;
  std::optional<CommitInfo> commit_;
};

}  // namespace

absl::StatusOr<OptimizeResult> OptimizeGraph(io::Env& env, const io::Location& root,
                                             const OptimizeOptions& options) {
  const GraphContext context(env, root);
  OG_CRASH_POINT(env, "optimize.post_recovery_check_pre_main_gate");
  for (int attempt = 0;; ++attempt) {
    // Who has lost once takes its turn before it prepares again.
    WriteTurn turn;
    if (attempt > 0) turn = TakeTurn(context, std::nullopt);
    OG_ASSIGN_OR_RETURN(WriteBase base, PrepareWrite(context, std::nullopt));
    Optimization optimization(context, options, std::move(base));
    OG_RETURN_IF_ERROR(optimization.Stage());
    const absl::Status committed = optimization.Commit(std::move(turn));
    if (!committed.ok()) {
      if (attempt < kRepreparationsMax && MayPrepareAgain(committed)) continue;
      return committed;
    }
    OG_RETURN_IF_ERROR(optimization.CompactCatalog());
    return optimization.Result();
  }
}

}  // namespace og::engine::graph
