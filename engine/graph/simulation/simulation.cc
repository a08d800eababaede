#include "engine/graph/simulation/simulation.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "engine/graph/cleanup.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/optimize.h"
#include "engine/graph/repair.h"
#include "engine/graph/simulation/history.h"
#include "engine/graph/simulation/model.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/snapshot_export.h"
#include "engine/graph/verify/verify.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/fault_store.h"
#include "io/fault/power_loss_store.h"
#include "io/memory/memory_store.h"
#include "io/store/hooked_store.h"

namespace og::engine::graph::simulation {
namespace {

constexpr char kRoot[] = "memory://disk/g";
constexpr int kOpenTries = 40;
constexpr int64_t kSecondUs = 1'000'000;
// Every so many commits of a branch are read at the end, beside its head.
constexpr size_t kSampleEvery = 6;

// A store that has one of the bugs that a test may plant.
class BuggyStore final : public io::HookedStore {
 public:
  BuggyStore(std::shared_ptr<io::Store> base, Bug bug) : HookedStore(std::move(base)), bug_(bug) {}

  void TurnOn() { is_on_ = true; }

  absl::StatusOr<io::ObjectInfo> PutIfAbsent(std::string_view path,
                                             std::span<const std::byte> bytes) override {
    if (bug_ == Bug::kNoRecord && is_on_ && path.find("__recovery/") != std::string_view::npos) {
      return io::ObjectInfo{.path = std::string(path), .size = bytes.size(), .e_tag = "none"};
    }
    return bug_ == Bug::kNoExclusivePut && is_on_ ? Put(path, bytes)
                                                  : HookedStore::PutIfAbsent(path, bytes);
  }
  absl::Status Sync(std::span<const std::string> paths, io::Durability durability) override {
    return bug_ == Bug::kNoSync && is_on_ ? absl::OkStatus() : HookedStore::Sync(paths, durability);
  }

 private:
  const Bug bug_;
  bool is_on_ = false;
};

// A machine from its start to its stop.
class Epoch {
 public:
  Epoch(uint64_t seed, int64_t start_us, Bug bug, io::MemoryStore::Objects objects) {
    io::SimEnvOptions options;
    options.start_us = start_us;
    options.wrap_store = [this, bug, objects](const std::shared_ptr<io::Store>& fresh) {
      disk_ =
          std::make_shared<io::MemoryStore>(std::string(fresh->scheme_root()),
                                            static_cast<io::MemoryStore&>(*fresh).clock(), objects);
      power_ = std::make_shared<io::PowerLossStore>(
          disk_, bug == Bug::kNoSync ? io::Durability::kNone : io::Durability::kFull);
      faults_ = std::make_shared<io::FaultStore>(power_);
      buggy_ = std::make_shared<BuggyStore>(faults_, bug);
      return buggy_;
    };
    env_ = std::make_unique<io::SimEnv>(seed, options);
    root_ = *env_->Resolve(kRoot);
  }

  io::SimEnv& env() { return *env_; }
  const io::Location& root() const { return root_; }
  io::FaultStore& faults() { return *faults_; }
  BuggyStore& buggy() { return *buggy_; }

  // What the next machine finds.
  io::MemoryStore::Objects ObjectsAfter(bool loses_power, uint64_t seed) const {
    if (!loses_power) return disk_->objects();
    return power_->AfterPowerLoss(io::PowerLoss::kRandom, seed)->objects();
  }

 private:
  std::shared_ptr<io::MemoryStore> disk_;
  std::shared_ptr<io::PowerLossStore> power_;
  std::shared_ptr<io::FaultStore> faults_;
  std::shared_ptr<BuggyStore> buggy_;
  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
};

// What the actor of a step was told.
enum class Told : uint8_t { kNothing, kDone, kRefused, kFailed };

struct Acknowledged {
  int branch = 0;
  uint64_t floor = 0;  // the newest version acknowledged before the step began
  std::optional<std::string> expected_head;
  CommitInfo commit;
};

// Refused before anything was done; everything else may or may not have happened.
bool IsRefusal(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  if (!detail.has_value()) return false;
  switch (detail->kind) {
    case io::ErrorKind::kBadRequest:
    case io::ErrorKind::kNotFound:
    case io::ErrorKind::kConflict:
    case io::ErrorKind::kKeyConflict:
    case io::ErrorKind::kReadSetChanged:
    case io::ErrorKind::kVersionMismatch:
    case io::ErrorKind::kPreconditionFailed:
    case io::ErrorKind::kMergeConflicts:
      return true;
    default:
      return false;
  }
}

bool IsReclaimed(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  return detail.has_value() && detail->kind == io::ErrorKind::kHistoricalVersionReclaimed;
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

class Simulation {
 public:
  Simulation(const Plan& plan, Bug bug) : plan_(plan), bug_(bug), history_(StepsOf(plan)) {
    for (const auto& actor : plan.actors) {
      first_id_.push_back(told_.size());
      next_.push_back(0);
      told_.resize(told_.size() + actor.size());
    }
    heads_.resize(plan.actors.size());
  }

  std::optional<std::string> Run(RunCounts* counts) {
    StartEpoch({});
    if (!SetUp()) return violation_;
    epoch_->buggy().TurnOn();
    epoch_->faults().FailRandomly(plan_.seed, plan_.faults_per_thousand);
    has_faults_ = plan_.faults_per_thousand > 0;
    for (const Stop& stop : plan_.stops) {
      epoch_->faults().StopAtChange(stop.nth_change, stop.takes_effect);
      RunActors();
      if (violation_.has_value()) return violation_;
      if (!epoch_->faults().is_stopped()) break;
      ++counts_.stops;
      StartEpoch(epoch_->ObjectsAfter(stop.loses_power, plan_.seed + num_epochs_));
      has_faults_ = false;
    }
    epoch_->faults().Clear();
    has_faults_ = false;
    RunActors();
    if (!violation_.has_value()) Check();
    if (counts != nullptr) *counts = counts_;
    return violation_;
  }

 private:
  static std::vector<Step> StepsOf(const Plan& plan) {
    std::vector<Step> steps;
    for (const auto& actor : plan.actors)
      steps.insert(steps.end(), actor.begin(), actor.end());
    return steps;
  }

  void Violate(std::string what) {
    if (!violation_.has_value()) violation_ = std::move(what);
  }

  io::SimEnv& env() { return epoch_->env(); }
  bool IsOver() const { return violation_.has_value() || epoch_->faults().is_stopped(); }

  void StartEpoch(io::MemoryStore::Objects objects) {
    const int64_t start_us =
        epoch_ == nullptr ? io::SimEnvOptions().start_us : env().NowUs() + kSecondUs;
    // Ids must not repeat those of the machine before.
    constexpr uint64_t kSeedStep = 0x100000001b3;
    auto next = std::make_unique<Epoch>(plan_.seed + kSeedStep * ++num_epochs_, start_us, bug_,
                                        std::move(objects));
    const bool is_first = epoch_ == nullptr;
    epoch_ = std::move(next);
    if (!is_first) epoch_->buggy().TurnOn();
  }

  bool SetUp() {
    constexpr std::string_view kRows =
        "{\"type\":\"Person\",\"data\":{\"name\":\"p0\"}}\n"
        "{\"type\":\"Person\",\"data\":{\"name\":\"p1\"}}\n"
        "{\"type\":\"Person\",\"data\":{\"name\":\"p2\"}}\n"
        "{\"type\":\"Team\",\"data\":{\"slug\":\"t0\"}}\n"
        "{\"type\":\"Team\",\"data\":{\"slug\":\"t1\"}}\n"
        "{\"type\":\"Team\",\"data\":{\"slug\":\"t2\"}}\n"
        "{\"type\":\"Team\",\"data\":{\"slug\":\"t3\"}}\n";
    const absl::Status ready = [&]() -> absl::Status {
      OG_RETURN_IF_ERROR(Graph::Init(env(), epoch_->root(), kPeopleSchema, {}));
      OG_ASSIGN_OR_RETURN(const auto graph,
                          Graph::Open(env(), epoch_->root(), OpenMode::kReadWrite));
      OG_RETURN_IF_ERROR(Load(*graph, kRows, LoadMode::kAppend, "main", std::string(kSetupActor)));
      return graph->CreateBranch("b", "main");
    }();
    if (!ready.ok()) Violate(io::StrCat("set-up: ", io::Message(ready)));
    return ready.ok();
  }

  static absl::Status Load(Graph& graph, std::string_view text, LoadMode mode,
                           const std::string& branch, const std::string& actor,
                           std::optional<CommitInfo>* commit = nullptr) {
    InputText input(text);
    LoadOptions options;
    options.branch = branch;
    options.mode = mode;
    options.actor_id = actor;
    OG_ASSIGN_OR_RETURN(const LoadResult result, graph.Load(input, options));
    if (commit != nullptr) *commit = result.commit;
    return absl::OkStatus();
  }

  void RunActors() {
    std::vector<std::function<void()>> actors;
    for (size_t i = 0; i < plan_.actors.size(); ++i)
      actors.push_back([this, i] { Act(i); });
    env().RunActors(std::move(actors));
    for (const auto& actor : plan_.actors) {
      for (const Step& step : actor) {
        if (!step.fail_point.empty()) env().crash_points().Clear(step.fail_point);
      }
    }
  }

  // Null if the machine stopped, or if opening goes on failing.
  std::shared_ptr<Graph> Open() {
    absl::Status last;
    for (int i = 0; i < kOpenTries && !IsOver(); ++i) {
      auto graph = Graph::Open(env(), epoch_->root(), OpenMode::kReadWrite);
      if (graph.ok()) return *std::move(graph);
      last = graph.status();
      CheckExpected("open", last);
      env().SleepUs(1000);
    }
    if (!IsOver()) Violate(io::StrCat("cannot be opened: ", io::Message(last)));
    return nullptr;
  }

  void Act(size_t actor) {
    std::shared_ptr<Graph> graph = Open();
    const std::vector<Step>& steps = plan_.actors[actor];
    for (; graph != nullptr && next_[actor] < steps.size(); ++next_[actor]) {
      const Step& step = steps[next_[actor]];
      const uint64_t id = first_id_[actor] + next_[actor];
      ++counts_.steps;
      if (!step.fail_point.empty()) env().crash_points().Fail(step.fail_point, step.nth);
      const absl::Status status = Take(actor, step, id, graph);
      told_[id] = status.ok() ? Told::kDone : IsRefusal(status) ? Told::kRefused : Told::kFailed;
      ++(status.ok() ? counts_.acknowledged : IsRefusal(status) ? counts_.refused : counts_.failed);
      if (IsOver()) {
        ++next_[actor];
        return;
      }
      if (status.ok()) continue;
      CheckExpected(io::StrCat("actor ", actor, " step ", next_[actor]), status, &step);
      if (step.reopens_after_failure) graph = Open();
    }
  }

  // Errors that an actor may get although nothing is wrong. `step`: what it did; null: it opened.
  void CheckExpected(const std::string& who, const absl::Status& status,
                     const Step* step = nullptr) {
    const std::string text(io::Message(status));
    if (Has(text, "injected") || IsRefusal(status)) return;
    const auto detail = io::DetailOf(status);
    const io::ErrorKind kind = detail.has_value() ? detail->kind : io::ErrorKind::kInternal;
    if (kind == io::ErrorKind::kRecoveryRequired) return;
    // What belongs to the branch that comes and goes.
    if (Has(text, "/tree/tmp")) return;
    if (kind == io::ErrorKind::kHistoricalVersionReclaimed && step != nullptr &&
        (step->kind == StepKind::kReadPast || step->branch == 2 || step->other == 2)) {
      return;
    }
    // A failing call may hide what a check wants to know.
    if (has_faults_) return;
    Violate(io::StrCat(who, ": unexpected error: ", text));
  }

  absl::Status Take(size_t actor, const Step& step, uint64_t id, std::shared_ptr<Graph>& graph) {
    switch (step.kind) {
      case StepKind::kCreateBranch:
        return graph->CreateBranch("tmp", kBranches[step.key % 2]);
      case StepKind::kDeleteBranch:
        return graph->DeleteBranch("tmp");
      case StepKind::kRead:
        return Read(actor, step, *graph);
      case StepKind::kReadPast:
        return ReadPast(actor, step, *graph);
      case StepKind::kReopen:
        graph = Open();
        return absl::OkStatus();
      case StepKind::kRepair:
        return RepairGraph(env(), epoch_->root(), {.confirm = step.value % 2 == 0, .force = false})
            .status();
      case StepKind::kVerify:
        return Verify();
      case StepKind::kOptimize:
        return OptimizeGraph(env(), epoch_->root(), {}).status();
      case StepKind::kCleanup:
        return CleanUp(KeepOf(step));
      default:
        return Write(actor, step, id, *graph);
    }
  }

  absl::Status Write(size_t actor, const Step& step, uint64_t id, Graph& graph) {
    Acknowledged done;
    done.branch = step.branch;
    done.floor = floors_[step.branch];
    const auto seen = heads_[actor].find(step.branch);
    if (step.if_head && IsMutation(step.kind) && seen != heads_[actor].end()) {
      done.expected_head = seen->second;
    }
    std::optional<CommitInfo> commit;
    OG_RETURN_IF_ERROR(Commit(step, id, graph, done.expected_head, &commit));
    if (!commit.has_value()) return absl::OkStatus();
    heads_[actor][step.branch] = commit->graph_commit_id;
    history_.Add(*commit);
    floors_[step.branch] = std::max(floors_[step.branch], commit->graph_manifest_version);
    done.commit = *std::move(commit);
    acknowledged_.push_back(std::move(done));
    return absl::OkStatus();
  }

  static bool IsMutation(StepKind kind) { return kind <= StepKind::kDeleteTeam; }

  absl::Status Commit(const Step& step, uint64_t id, Graph& graph,
                      const std::optional<std::string>& expected_head,
                      std::optional<CommitInfo>* commit) {
    const std::string branch = kBranches[step.branch];
    const std::string actor = ActorOf(id);
    if (IsMutation(step.kind)) {
      OG_ASSIGN_OR_RETURN(const auto file, query::ParseQueryFile(
                                               io::StrCat("query q() { ", Statements(step), " }")));
      MutateOptions options;
      options.branch = branch;
      options.actor_id = actor;
      options.expected_head = expected_head;
      OG_ASSIGN_OR_RETURN(const MutationResult result, graph.Mutate(file.queries[0], {}, options));
      *commit = result.commit;
      return absl::OkStatus();
    }
    if (step.kind == StepKind::kMergeBranch) {
      OG_ASSIGN_OR_RETURN(const MergeResult result,
                          graph.MergeBranch({.source = kBranches[step.other],
                                             .target = branch,
                                             .actor_id = actor,
                                             .dry_run = step.value == 0}));
      if (step.value != 0) *commit = result.commit;
      return absl::OkStatus();
    }
    const LoadMode mode = step.kind == StepKind::kAppend      ? LoadMode::kAppend
                          : step.kind == StepKind::kMergeRows ? LoadMode::kMerge
                                                              : LoadMode::kOverwrite;
    return Load(graph, Rows(step, id), mode, branch, actor, commit);
  }

  static std::string Statements(const Step& step) {
    const std::string person = io::StrCat("\"p", step.key, "\"");
    const std::string team = io::StrCat("\"t", step.value % 4, "\"");
    const std::string email = io::StrCat("\"e", step.value, "\"");
    switch (step.kind) {
      case StepKind::kInsertPerson:
        return io::StrCat("insert Person { name: ", person, " email: ", email,
                          " } insert Knows { from: ", person, " to: ", person, " }");
      case StepKind::kSetAge:
        return io::StrCat("update Person set { age: ", step.value, " } where name = ", person);
      case StepKind::kSetEmail:
        return io::StrCat("update Person set { email: ", email, " } where name = ", person);
      case StepKind::kDeletePerson:
        return io::StrCat("delete Person where name = ", person);
      case StepKind::kInsertMember:
        return io::StrCat("insert MemberOf { from: ", person, " to: ", team, " }");
      default:
        return io::StrCat("delete Team where slug = ", team);
    }
  }

  static std::string Rows(const Step& step, uint64_t id) {
    const std::string edge =
        io::StrCat("{\"edge\":\"Knows\",\"from\":\"p", step.key, "\",\"to\":\"p", step.key,
                   "\",\"data\":{\"id\":\"k", step.key, "\",\"since\":", step.value, "}}\n");
    if (step.kind == StepKind::kOverwriteKnows) return edge;
    if (step.kind == StepKind::kMergeRows) {
      return io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"p", step.key,
                        "\",\"age\":", step.value, "}}\n{\"type\":\"Team\",\"data\":{\"slug\":\"t",
                        step.value % 4, "\"}}\n", edge);
    }
    return io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"n", id,
                      "\"}}\n{\"type\":\"Team\",\"data\":{\"slug\":\"n", id,
                      "\"}}\n{\"edge\":\"MemberOf\",\"from\":\"n", id, "\",\"to\":\"n", id,
                      "\",\"data\":{\"id\":\"n", id, "\"}}\n");
  }

  // The newest state of a branch, which may be old by the time it is read for the second time.
  absl::Status Read(size_t actor, const Step& step, Graph& graph) {
    const uint64_t floor = floors_[step.branch];
    OG_ASSIGN_OR_RETURN(const auto snapshot, graph.SnapshotAt({.branch = kBranches[step.branch],
                                                               .snapshot = std::nullopt}));
    if (step.branch < 2 && snapshot->manifest_version() < floor) {
      Violate(io::StrCat("actor ", actor, " reads ", kBranches[step.branch], " at ",
                         snapshot->manifest_version(), " after ", floor, " was acknowledged"));
    }
    if (!snapshot->commit_id().has_value()) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(std::string text, Export(*snapshot));
    env().SleepUs(1000);
    OG_ASSIGN_OR_RETURN(const std::string again, Export(*snapshot));
    heads_[actor][step.branch] = *snapshot->commit_id();
    return Note(*snapshot->commit_id(), std::move(text), again);
  }

  absl::Status ReadPast(size_t actor, const Step& step, Graph& graph) {
    OG_ASSIGN_OR_RETURN(const auto commits, graph.ListCommits(kBranches[step.branch]));
    if (commits.empty()) return absl::OkStatus();
    const std::string& id = commits[step.key % commits.size()].graph_commit_id;
    absl::StatusOr<std::string> text = Export(graph, id);
    if (text.ok()) {
      env().SleepUs(1000);
      const absl::StatusOr<std::string> again = Export(graph, id);
      heads_[actor][step.branch] = commits.front().graph_commit_id;
      if (again.ok()) return Note(id, *std::move(text), *again);
      text = again.status();
    }
    if (!MayBeReclaimed(graph, id, text.status())) {
      Violate(io::StrCat("commit ", id, " was reclaimed: ", io::Message(text.status())));
    }
    return text.status();
  }

  // What was read of a commit does not change.
  absl::Status Note(const std::string& commit_id, std::string text, const std::string& again) {
    const auto [seen, is_new] = seen_.emplace(commit_id, std::move(text));
    if (seen->second != again) Violate(io::StrCat("commit ", commit_id, " has changed"));
    return absl::OkStatus();
  }

  // False if `status` says that a version has gone which no cleanup of the plan may take: one of
  // the newest of its table on main. What was on the branch that comes and goes is gone with it.
  bool MayBeReclaimed(Graph& graph, const std::string& commit_id, const absl::Status& status) {
    if (!IsReclaimed(status)) return true;
    const auto detail = io::DetailOf(status);
    std::map<std::string, std::string> fields(detail->fields.begin(), detail->fields.end());
    const auto then = graph.DescribeSnapshot({.branch = "main", .snapshot = commit_id});
    const auto now = graph.DescribeSnapshot({});
    if (!then.ok() || !now.ok()) return true;
    for (size_t i = 0; i < then->datasets.size(); ++i) {
      const DatasetInfo& table = then->datasets[i];
      if (io::StrCat(table.is_edge ? "edge:" : "node:", table.type_name) != fields["type_key"]) {
        continue;
      }
      if (table.native_dataset_branch.has_value()) return table.native_dataset_branch == "tmp";
      return table.published_dataset_version + kKeepMin <=
             now->datasets[i].published_dataset_version;
    }
    return false;
  }

  absl::Status CleanUp(uint32_t keep) {
    OG_ASSIGN_OR_RETURN(const CleanupResult result,
                        CleanupGraph(env(), epoch_->root(), {.keep_versions = keep}));
    for (const CleanedTable& table : result.tables)
      CheckCleaned(table.table_key, table.error.value_or(""));
    for (const auto& failure : result.refs.failures)
      CheckCleaned(failure.table_key, failure.error);
    return absl::OkStatus();
  }

  void CheckCleaned(const std::string& table_key, const std::string& error) {
    if (error.empty() || has_faults_ || IsOver() || Has(error, "injected")) return;
    Violate(io::StrCat("cleanup of ", table_key, ": ", error));
  }

  absl::StatusOr<std::string> Export(const GraphSnapshot& snapshot) {
    std::string text;
    OG_RETURN_IF_ERROR(ExportSnapshot(env(), snapshot, {}, [&text](std::string_view lines) {
      text += lines;
      return absl::OkStatus();
    }));
    return text;
  }

  static absl::StatusOr<std::string> Export(Graph& graph, const std::string& commit_id) {
    ExportOptions options;
    options.target.snapshot = commit_id;
    std::string text;
    OG_RETURN_IF_ERROR(graph.Export(options, [&text](std::string_view lines) {
      text += lines;
      return absl::OkStatus();
    }));
    return text;
  }

  absl::Status Verify() {
    OG_ASSIGN_OR_RETURN(const VerifyReport report, VerifyGraph(env(), epoch_->root(), {}));
    for (const VerifyFinding& finding : report.findings) {
      if (finding.severity == Severity::kDamage && !has_faults_ &&
          !Has(finding.message, "injected")) {
        Violate(io::StrCat("verify: ", finding.subject, ": ", finding.message));
      }
    }
    return absl::OkStatus();
  }

  // --- At the end ------------------------------------------------------------------------------

  void Check() {
    const std::shared_ptr<Graph> graph = Open();
    if (graph == nullptr) return;
    const auto branches = graph->ListBranches();
    if (!branches.ok()) return Violate(std::string(io::Message(branches.status())));
    for (const char* branch : {"main", "b"}) {
      if (std::ranges::count(*branches, branch) == 0) {
        return Violate(io::StrCat("branch ", branch, " is gone"));
      }
    }
    std::map<std::string, std::vector<CommitInfo>> lines;
    for (const std::string& branch : *branches) {
      auto commits = graph->ListCommits(branch);
      if (!commits.ok()) return Violate(std::string(io::Message(commits.status())));
      for (const CommitInfo& commit : *commits)
        history_.Add(commit);
      lines[branch] = *std::move(commits);
    }
    for (const auto& [branch, commits] : lines)
      CheckLine(*graph, branch, commits);
    CheckOnce(lines);
    CheckAcknowledged(lines);
    for (const auto& [commit_id, text] : seen_)
      CheckContent(commit_id, text);
    if (!violation_.has_value()) CheckWritable(*graph, *branches);
    if (!violation_.has_value()) CheckNothingIsLeft();
    if (!violation_.has_value()) CheckCleanup(*graph, *branches);
  }

  // Newest first.
  void CheckLine(Graph& graph, const std::string& branch, const std::vector<CommitInfo>& commits) {
    for (size_t i = 0; i < commits.size() && !violation_.has_value(); ++i) {
      const CommitInfo& commit = commits[i];
      const std::string who = io::StrCat("commit ", commit.graph_commit_id, " of ", branch);
      if (i + 1 < commits.size() &&
          (commit.parent_commit_id != commits[i + 1].graph_commit_id ||
           commit.graph_manifest_version <= commits[i + 1].graph_manifest_version)) {
        return Violate(io::StrCat(who, " does not follow the one before it"));
      }
      if (const auto id = StepOf(commit.actor_id);
          id.has_value() && *id < told_.size() && told_[*id] == Told::kRefused) {
        return Violate(io::StrCat(who, " belongs to step ", *id, ", which was refused"));
      }
      std::string error;
      const std::optional<Entities>& state = history_.StateOf(commit.graph_commit_id, &error);
      if (error.empty() && state.has_value()) error = BrokenPromise(*state);
      if (!error.empty()) return Violate(io::StrCat(who, ": ", error));
      if (i != 0 && i % kSampleEvery != plan_.seed % kSampleEvery) continue;
      const auto text = Export(graph, commit.graph_commit_id);
      if (IsReclaimed(text.status()) && i > 0 &&
          MayBeReclaimed(graph, commit.graph_commit_id, text.status())) {
        continue;
      }
      if (!text.ok()) return Violate(io::StrCat(who, ": ", io::Message(text.status())));
      CheckContent(commit.graph_commit_id, *text);
    }
  }

  void CheckContent(const std::string& commit_id, const std::string& text) {
    std::string error;
    const std::optional<Entities>& state = history_.StateOf(commit_id, &error);
    if (!state.has_value()) return;
    const std::vector<std::string> wanted = Lines(*state);
    const std::vector<std::string> found = LinesOfExport(text, &error);
    if (found == wanted && error.empty()) return;
    const CommitInfo* const commit = history_.Find(commit_id);
    std::string what = io::StrCat("commit ", commit_id, " by ", commit->actor_id.value_or("nobody"),
                                  " at ", commit->graph_manifest_version, " is wrong ", error);
    std::vector<std::string> difference;
    std::ranges::set_difference(wanted, found, std::back_inserter(difference));
    what += io::StrCat("\n  missing: ", io::Join(difference, "; "));
    difference.clear();
    std::ranges::set_difference(found, wanted, std::back_inserter(difference));
    Violate(what + io::StrCat("\n  more: ", io::Join(difference, "; ")));
  }

  // No step became two commits.
  void CheckOnce(const std::map<std::string, std::vector<CommitInfo>>& lines) {
    std::map<std::string, std::string> commit_of;
    std::set<std::string> acknowledged;
    for (const Acknowledged& done : acknowledged_)
      acknowledged.insert(done.commit.graph_commit_id);
    for (const auto& [branch, commits] : lines) {
      for (const CommitInfo& commit : commits) {
        if (!StepOf(commit.actor_id).has_value()) continue;
        const auto [found, is_new] = commit_of.emplace(*commit.actor_id, commit.graph_commit_id);
        if (found->second != commit.graph_commit_id) {
          return Violate(io::StrCat(*commit.actor_id, " was committed twice"));
        }
        if (!is_new) continue;
        ++counts_.commits;
        if (!acknowledged.contains(commit.graph_commit_id)) ++counts_.recovered;
      }
    }
  }

  void CheckAcknowledged(const std::map<std::string, std::vector<CommitInfo>>& lines) {
    for (const Acknowledged& done : acknowledged_) {
      const CommitInfo& commit = done.commit;
      if (done.expected_head.has_value() && commit.parent_commit_id != done.expected_head) {
        Violate(io::StrCat("commit ", commit.graph_commit_id, " does not follow the head ",
                           *done.expected_head, " that its step asked for"));
      }
      if (done.branch > 1) continue;
      const std::string branch = kBranches[done.branch];
      const auto& line = lines.at(branch);
      if (std::ranges::find(line, commit.graph_commit_id, &CommitInfo::graph_commit_id) ==
          line.end()) {
        Violate(io::StrCat("acknowledged commit ", commit.graph_commit_id, " of ", branch, " by ",
                           *commit.actor_id, " is lost"));
      }
      if (commit.graph_manifest_version <= done.floor) {
        Violate(io::StrCat("commit ", commit.graph_commit_id, " of ", branch,
                           " lies before one that was acknowledged earlier"));
      }
    }
  }

  void CheckWritable(Graph& graph, const std::vector<std::string>& branches) {
    for (const std::string& branch : branches) {
      const absl::Status status = Load(graph, "{\"type\":\"Team\",\"data\":{\"slug\":\"last\"}}\n",
                                       LoadMode::kMerge, branch, "last");
      if (!status.ok()) {
        Violate(io::StrCat(branch, " cannot be written at the end: ", io::Message(status)));
      }
    }
  }

  void CheckNothingIsLeft() {
    const auto report =
        VerifyGraph(env(), epoch_->root(), {.deep = true, .branch = "main", .all_branches = true});
    if (!report.ok()) return Violate(std::string(io::Message(report.status())));
    for (const VerifyFinding& finding : report->findings) {
      // Files of writes that failed before they had a record are harmless.
      if (finding.check == "left_overs") continue;
      Violate(io::StrCat("verify at the end: ", finding.branch, " ", finding.subject, " ",
                         finding.message));
    }
  }

  // A cleanup that keeps as little as it may changes nothing that branches say.
  void CheckCleanup(Graph& graph, const std::vector<std::string>& branches) {
    const auto read = [&] {
      std::map<std::string, std::string> texts;
      for (const std::string& branch : branches)
        texts[branch] = ExportText(graph, {.branch = branch, .snapshot = std::nullopt});
      return texts;
    };
    const auto before = read();
    if (const absl::Status status = CleanUp(1); !status.ok()) {
      return Violate(io::StrCat("cleanup at the end: ", io::Message(status)));
    }
    if (read() != before) return Violate("cleanup at the end changed a branch");
    CheckNothingIsLeft();
    if (!violation_.has_value()) CheckWritable(graph, branches);
  }

  const Plan& plan_;
  const Bug bug_;
  std::unique_ptr<Epoch> epoch_;
  uint64_t num_epochs_ = 0;
  bool has_faults_ = false;
  std::optional<std::string> violation_;
  RunCounts counts_;

  std::vector<uint64_t> first_id_;                 // of each actor's steps
  std::vector<size_t> next_;                       // step of each actor
  std::vector<Told> told_;                         // by step
  std::vector<std::map<int, std::string>> heads_;  // that each actor has seen last
  uint64_t floors_[std::size(kBranches)] = {};     // newest acknowledged version of each branch
  std::vector<Acknowledged> acknowledged_;
  std::map<std::string, std::string> seen_;  // export by commit
  History history_;
};

}  // namespace

std::optional<std::string> RunPlan(const Plan& plan, Bug bug, RunCounts* counts) {
  return Simulation(plan, bug).Run(counts);
}

}  // namespace og::engine::graph::simulation
