#include "engine/graph/cleanup.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "engine/dataset/cleanup.h"
#include "engine/graph/branch/orphan_refs.h"
#include "engine/graph/context.h"
#include "engine/graph/errors.h"
#include "engine/graph/manifest/branch_ref.h"
#include "engine/graph/recovery/sweep.h"
#include "engine/graph/retention.h"
#include "engine/graph/snapshot.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"
#include "io/env/together.h"

namespace og::engine::graph {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
// Between two looks at a record whose writer lives on another machine.
constexpr int64_t kPauseUs = 100'000;

// How often a look that a writer on another machine spoilt is taken again.
constexpr int kLooksMax = 8;

bool IsRace(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  return detail.has_value() && detail->kind == io::ErrorKind::kReadSetChanged;
}

// Nobody else writes to this root.
struct Window {
  io::GateHold schema_gate;
  io::FolderHold hold;
};

// Adds up what the tables report.
class TotalProgress {
 public:
  explicit TotalProgress(const ProgressFn& report) : report_(report) {}

  // What to hand to the cleanup of one table.
  dataset::ProgressFn OfTable() {
    if (!report_) return {};
    return [this, last = dataset::Progress()](const dataset::Progress& now) mutable {
      io::MutexLock lock(mutex_);
      total_.rows += now.done - last.done;
      total_.bytes += now.bytes - last.bytes;
      last = now;
      report_(total_);
    };
  }

 private:
  const ProgressFn& report_;
  io::Mutex mutex_;
  Progress total_ OG_GUARDED_BY(mutex_) = {
      .stage = "reclaim", .rows = 0, .bytes = 0, .bytes_total = 0, .unit = "files"};
};

class GraphCleanup {
 public:
  GraphCleanup(const GraphContext& context, const CleanupOptions& options)
      : context_(context), options_(options), progress_(options.progress) {}

  absl::StatusOr<CleanupResult> Run() {
    OG_CRASH_POINT(context_.env, "cleanup.post_recovery_check_pre_gates");
    for (int attempt = 1;; ++attempt) {
      const absl::Status looked = Look();
      if (looked.ok()) break;
      if (attempt == kLooksMax || !IsRace(looked)) return looked;
    }
    OG_RETURN_IF_ERROR(CheckPublished());
    if (options_.older_than_s.has_value()) {
      before_us_ = context_.env.NowUs() - static_cast<int64_t>(std::min<uint64_t>(
                                              *options_.older_than_s, INT64_MAX / kSecondUs)) *
                                              kSecondUs;
    }
    result_.tables.resize(tables().size());
    OG_RETURN_IF_ERROR(Together(tables().size(), [this](size_t i) {
      Reclaim(tables()[i], result_.tables[i]);
      return absl::OkStatus();
    }));
    return std::move(result_);
  }

 private:
  const std::vector<TableEntry>& tables() const { return branches_.front().state.tables(); }

  absl::Status Together(size_t count, const std::function<absl::Status(size_t)>& act) const {
    const size_t step = std::max<size_t>(options_.concurrency, 1);
    for (size_t first = 0; first < count; first += step) {
      std::vector<std::function<absl::Status()>> tasks;
      for (size_t i = first; i < std::min(count, first + step); ++i)
        tasks.push_back([&act, i] { return act(i); });
      OG_RETURN_IF_ERROR(io::RunTogether(context_.env, *context_.root.store, tasks));
    }
    return absl::OkStatus();
  }

  // --- The window --------------------------------------------------------------------------------

  // Removes refs, and notes what else may not go. kReadSetChanged if a writer on another machine
  // came in between.
  absl::Status Look() {
    needs_.clear();
    OG_ASSIGN_OR_RETURN(const Window window, EnterWindow());
    OG_RETURN_IF_ERROR(CheckNoSchemaChange());
    OG_ASSIGN_OR_RETURN(branches_, OpenLiveBranches(context_));
    AddPublished(branches_, needs_);
    OG_RETURN_IF_ERROR(AddMergeBases(context_, branches_, needs_));
    OG_ASSIGN_OR_RETURN(const auto read_here, VersionsReadHere(context_, branches_));
    AddReaders(read_here, needs_);
    AddReaders(context_.gates->pins().InUse(context_.env), needs_);
    result_.refs =
        RemoveOrphanRefs(context_, tables(), [this](const TableEntry& table, std::string_view ref) {
          const auto needed = needs_.find(table.identity);
          return needed != needs_.end() && needed->second.refs.contains(ref);
        });
    return Together(tables().size(), [this](size_t i) { return CheckHead(i); });
  }

  // Holds the root at a moment without pending records; waits for writers on other machines.
  absl::StatusOr<Window> EnterWindow() const {
    const int64_t start_us = context_.env.NowUs();
    for (;;) {
      Window window;
      window.schema_gate = context_.gates->schema().Exclusive(context_.env);
      OG_ASSIGN_OR_RETURN(window.hold, HoldRoot(context_));
      OG_ASSIGN_OR_RETURN(const std::vector<RecoveryRecord> records, context_.records.ReadAll());
      if (records.empty()) {
        // A record that came back could not be resolved without the versions that go now.
        OG_RETURN_IF_ERROR(context_.records.MakeRemovalsDurable());
        return window;
      }
      bool all_live = true;
      for (const RecoveryRecord& record : records) {
        OG_ASSIGN_OR_RETURN(const bool may_live, WriterMayLive(context_, record));
        all_live = all_live && may_live;
      }
      if (!all_live || context_.env.NowUs() - start_us > kHoldTimeoutMs * 1000) {
        return Conflict(
            "cleanup requires a clean recovery state; reopen the graph to run the recovery sweep "
            "before garbage-collecting versions");
      }
      window = {};
      context_.env.SleepUs(kPauseUs);
    }
  }

  absl::Status CheckNoSchemaChange() const {
    OG_ASSIGN_OR_RETURN(const auto lock,
                        ReadBranchRef(context_.manifest.root(), kSchemaApplyLockBranch));
    if (!lock.has_value()) return absl::OkStatus();
    return Conflict("cleanup is unavailable while schema apply is in progress");
  }

  // What main publishes is the newest version of the table.
  absl::Status CheckHead(size_t i) const {
    const TableEntry& entry = tables()[i];
    if (entry.branch.has_value()) return absl::OkStatus();
    dataset::OpenOptions options;
    options.session = context_.session;
    const absl::StatusOr<dataset::DatasetPtr> head =
        dataset::Dataset::Open(context_.env, context_.root.Child(entry.path), options);
    OG_RETURN_IF_ERROR(FromStorage(head.status()));
    if ((*head)->version() == entry.version) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const std::vector<std::string> records, context_.records.List());
    OG_ASSIGN_OR_RETURN(const bool current, context_.manifest.IsCurrent(branches_.front()));
    if (!records.empty() || !current) {
      return ReadSetChanged(io::StrCat("published_dataset_version:", entry.table_key),
                            io::StrCat(entry.version), io::StrCat((*head)->version()));
    }
    return Conflict(io::StrCat("cleanup found uncovered HEAD drift for ", Subject(entry.table_key),
                               ": published dataset version ", entry.version,
                               ", Lance HEAD version ", (*head)->version(),
                               "; run `omnigraph repair` before version GC"));
  }

  // --- Reclaiming --------------------------------------------------------------------------------

  // Every version of main's refs that a branch publishes can be opened: around damage nothing is
  // removed.
  absl::Status CheckPublished() const {
    std::vector<std::pair<const ManifestView*, const TableEntry*>> published;
    std::set<std::tuple<TableIdentity, uint64_t>> seen;
    for (const ManifestView& branch : branches_) {
      for (const TableEntry& entry : branch.state.tables()) {
        if (!entry.branch.has_value() && seen.emplace(entry.identity, entry.version).second)
          published.emplace_back(&branch, &entry);
      }
    }
    return Together(published.size(), [&](size_t i) {
      const auto& [branch, entry] = published[i];
      const absl::Status opened =
          OpenPinned(context_.env, context_.root, *entry, context_.session).status();
      if (opened.ok()) return opened;
      return Conflict(io::StrCat("cleanup could not classify live branch '",
                                 BranchName(branch->branch), "' ", Subject(entry->table_key),
                                 " at published dataset version ", entry->version,
                                 "; refusing version GC: ", io::Message(opened)));
    });
  }

  void Reclaim(const TableEntry& entry, CleanedTable& outcome) {
    outcome.table_key = entry.table_key;
    const absl::StatusOr<dataset::CleanupStats> stats = ReclaimTable(entry);
    if (stats.ok()) {
      outcome.bytes_removed = stats->bytes_removed;
      outcome.old_versions_removed = stats->old_versions;
    } else {
      outcome.error = io::Message(FromStorage(stats.status()));
    }
  }

  absl::StatusOr<dataset::CleanupStats> ReclaimTable(const TableEntry& entry) {
    OG_CRASH_POINT(context_.env, "cleanup.table_gc");
    dataset::OpenOptions open;
    open.session = context_.session;
    OG_ASSIGN_OR_RETURN(
        const dataset::DatasetPtr head,
        dataset::Dataset::Open(context_.env, context_.root.Child(entry.path), open));
    const NeededVersions& needed = needs_.at(entry.identity);
    dataset::CleanupPolicy policy;
    policy.before_us = before_us_;
    policy.before_version = needed.floor;
    if (options_.keep_versions.has_value())
      policy.retain_versions = std::max<uint64_t>(*options_.keep_versions, 1);
    policy.error_if_tagged_old_versions = false;
    policy.in_use = [&] { return VersionsInUse(entry.identity, needed); };
    return dataset::Cleanup(*head, policy, progress_.OfTable());
  }

  // What was needed in the window, and what is read in this process by now.
  std::set<uint64_t> VersionsInUse(const TableIdentity& identity,
                                   const NeededVersions& needed) const {
    std::set<uint64_t> versions = needed.versions;
    for (const PinnedVersion& pin : context_.gates->pins().InUse(context_.env)) {
      if (pin.identity == identity && !pin.branch.has_value()) versions.insert(pin.version);
    }
    return versions;
  }

  const GraphContext& context_;
  const CleanupOptions& options_;
  TotalProgress progress_;
  std::vector<ManifestView> branches_;  // main first
  Needs needs_;
  std::optional<int64_t> before_us_;
  CleanupResult result_;
};

}  // namespace

absl::StatusOr<CleanupResult> CleanupGraph(io::Env& env, const io::Location& root,
                                           const CleanupOptions& options) {
  if (!options.keep_versions.has_value() && !options.older_than_s.has_value()) {
    return BadRequest("cleanup requires at least one of keep_versions or older_than");
  }
  const GraphContext context(env, root);
  return GraphCleanup(context, options).Run();
}

}  // namespace og::engine::graph
