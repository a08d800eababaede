#include "engine/graph/simulation/plan.h"

#include <random>

#include "engine/graph/failpoints.h"
#include "io/base/text.h"

namespace og::engine::graph::simulation {
namespace {

constexpr size_t kStepsOfWriter = 16;
constexpr size_t kStepsOfOthers = 12;
constexpr size_t kStepsOfKeeper = 6;

constexpr Failpoint kFailPoints[] = {"recovery.sidecar_write",
                                     "mutation.post_stage_pre_effect_gate",
                                     "mutation.post_sidecar_pre_fork",
                                     "mutation.post_fork_pre_commit",
                                     "mutation.post_table_commit",
                                     "recovery.sidecar_confirm",
                                     "mutation.post_finalize_pre_publisher",
                                     "branch_merge.post_sidecar_pre_fork",
                                     "branch_merge.post_effects_pre_confirm",
                                     "branch_merge.post_phase_b_pre_manifest_commit",
                                     "graph_publish.before_commit_append",
                                     "graph_publish.after_manifest_commit",
                                     "recovery.sidecar_delete",
                                     "recovery.sidecar_list",
                                     "recovery.record_audit",
                                     "recovery.before_roll_forward_publish",
                                     "recovery.post_table_restore_pre_publish",
                                     "recovery.post_rollback_publish_pre_audit",
                                     "recovery.orphan_discard_audit_append",
                                     "branch_create.post_native",
                                     "branch_delete.post_native",
                                     "branch_delete.before_table_cleanup",
                                     "fork.before_classify",
                                     "fork.before_reclaim",
                                     "fork.post_create_pre_open"};
constexpr Failpoint kUpkeepFailPoints[] = {"optimize.before_compact",
                                           "optimize.post_table_commit",
                                           "optimize.post_phase_b_pre_manifest_commit",
                                           "cleanup.reconcile_fork",
                                           "cleanup.table_gc",
                                           "dataset_cleanup.before_manifests",
                                           "dataset_cleanup.after_manifests"};

using Random = std::mt19937_64;

template <size_t kSize>
StepKind Draw(Random& random, const StepKind (&kinds)[kSize]) {
  return kinds[random() % kSize];
}

Step DrawStep(Random& random, StepKind kind) {
  Step step;
  step.kind = kind;
  step.branch = static_cast<int>(random() % 5);
  if (step.branch > 2) step.branch -= 3;  // main and b twice as often
  step.other = static_cast<int>((static_cast<uint64_t>(step.branch) + 1 + random() % 2) % 3);
  step.key = random() % 6;
  step.value = random() % 8;
  step.if_head = random() % 8 == 0;
  if (random() % 5 == 0) step.fail_point = kFailPoints[random() % std::size(kFailPoints)];
  step.nth = 1 + random() % 2;
  step.reopens_after_failure = random() % 2 == 0;
  return step;
}

std::string Subject(const Step& step) {
  const std::string branch = io::StrCat(" on ", kBranches[step.branch]);
  const std::string person = io::StrCat("p", step.key);
  switch (step.kind) {
    case StepKind::kInsertPerson:
      return io::StrCat("insert ", person, " with e", step.value, branch);
    case StepKind::kSetAge:
      return io::StrCat("set age of ", person, " to ", step.value, branch);
    case StepKind::kSetEmail:
      return io::StrCat("set email of ", person, " to e", step.value, branch);
    case StepKind::kDeletePerson:
      return io::StrCat("delete ", person, branch);
    case StepKind::kInsertMember:
      return io::StrCat("insert member ", person, " of t", step.value % 4, branch);
    case StepKind::kDeleteTeam:
      return io::StrCat("delete t", step.value % 4, branch);
    case StepKind::kAppend:
      return io::StrCat("append", branch);
    case StepKind::kMergeRows:
      return io::StrCat("merge rows of ", person, branch);
    case StepKind::kOverwriteKnows:
      return io::StrCat("overwrite Knows by ", person, branch);
    case StepKind::kMergeBranch:
      return io::StrCat("merge ", kBranches[step.other], " into ", kBranches[step.branch]);
    case StepKind::kCreateBranch:
      return io::StrCat("create tmp from ", kBranches[step.key % 2]);
    case StepKind::kDeleteBranch:
      return "delete branch tmp";
    case StepKind::kRead:
      return io::StrCat("read", branch);
    case StepKind::kReadPast:
      return io::StrCat("read the past", branch);
    case StepKind::kReopen:
      return "reopen";
    case StepKind::kRepair:
      return "repair";
    case StepKind::kOptimize:
      return "optimize";
    case StepKind::kCleanup:
      return io::StrCat("cleanup, keeping ", KeepOf(step));
    case StepKind::kVerify:
      break;
  }
  return "verify";
}

// Leaves out of `plan` what `remove` says, if it still fails; counts a run.
class Shrinker {
 public:
  Shrinker(Plan plan, const std::function<bool(const Plan&)>& fails, int runs_max)
      : plan_(std::move(plan)), fails_(fails), runs_left_(runs_max) {}

  Plan Run() {
    for (size_t before = SIZE_MAX; before > Size() && runs_left_ > 0;) {
      before = Size();
      DropActors();
      for (size_t i = 0; i < plan_.actors.size(); ++i)
        DropSteps(i);
      DropFailures();
    }
    return std::move(plan_);
  }

 private:
  size_t Size() const {
    size_t size = plan_.num_steps() + plan_.stops.size() + plan_.faults_per_thousand;
    for (const auto& actor : plan_.actors) {
      for (const Step& step : actor)
        size += step.fail_point.empty() ? 0 : 1;
    }
    return size;
  }

  // Keeps `changed` if it fails: as it is, with stops as much earlier as it has fewer steps, or
  // under another schedule.
  bool Try(const Plan& changed) {
    const uint64_t steps = plan_.num_steps();
    Plan earlier = changed;
    for (Stop& stop : earlier.stops)
      stop.nth_change = 1 + stop.nth_change * changed.num_steps() / std::max<uint64_t>(steps, 1);
    Plan rescheduled = earlier;
    ++rescheduled.seed;
    for (const Plan* plan :
         {&changed, static_cast<const Plan*>(&earlier), static_cast<const Plan*>(&rescheduled)}) {
      if (runs_left_ == 0) return false;
      --runs_left_;
      if (!fails_(*plan)) continue;
      plan_ = *plan;
      return true;
    }
    return false;
  }

  void DropActors() {
    for (size_t i = 0; i < plan_.actors.size(); ++i) {
      if (plan_.actors[i].empty()) continue;
      Plan changed = plan_;
      changed.actors[i].clear();
      Try(changed);
    }
  }

  // Halves, quarters, and so on down to single steps.
  void DropSteps(size_t at) {
    for (size_t length = (plan_.actors[at].size() + 1) / 2; length > 0; length /= 2) {
      for (size_t from = 0; from < plan_.actors[at].size();) {
        Plan changed = plan_;
        auto& left = changed.actors[at];
        const size_t to = std::min(from + length, left.size());
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(from),
                   left.begin() + static_cast<std::ptrdiff_t>(to));
        if (!Try(changed)) from += length;
      }
    }
  }

  void DropFailures() {
    for (size_t i = plan_.stops.size(); i-- > 0;) {
      Plan changed = plan_;
      changed.stops.erase(changed.stops.begin() + static_cast<std::ptrdiff_t>(i));
      Try(changed);
    }
    if (plan_.faults_per_thousand > 0) {
      Plan changed = plan_;
      changed.faults_per_thousand = 0;
      Try(changed);
    }
    for (size_t i = 0; i < plan_.actors.size(); ++i) {
      for (size_t j = 0; j < plan_.actors[i].size(); ++j) {
        if (plan_.actors[i][j].fail_point.empty()) continue;
        Plan changed = plan_;
        changed.actors[i][j].fail_point = {};
        Try(changed);
      }
    }
  }

  Plan plan_;
  const std::function<bool(const Plan&)>& fails_;
  int runs_left_;
};

}  // namespace

uint32_t KeepOf(const Step& step) {
  return kKeepMin + static_cast<uint32_t>(step.value % 3);
}

size_t Plan::num_steps() const {
  size_t total = 0;
  for (const auto& actor : actors)
    total += actor.size();
  return total;
}

Plan MakePlan(uint64_t seed) {
  using enum StepKind;
  constexpr StepKind kWrites[] = {kInsertPerson, kSetAge,       kSetEmail,   kDeletePerson,
                                  kInsertMember, kInsertMember, kDeleteTeam, kAppend,
                                  kAppend,       kMergeRows,    kMergeRows,  kOverwriteKnows,
                                  kReopen};
  constexpr StepKind kBranching[] = {kMergeBranch,  kMergeBranch,  kMergeBranch,  kMergeBranch,
                                     kCreateBranch, kCreateBranch, kDeleteBranch, kAppend};
  constexpr StepKind kUpkeep[] = {kRead, kRead, kReadPast, kReopen, kRepair, kVerify};
  Random random(seed * 0x9e3779b97f4a7c15u + 1);
  Plan plan;
  plan.seed = seed;
  plan.actors.resize(5);
  for (size_t i = 0; i < kStepsOfWriter; ++i) {
    for (const size_t writer : {0, 1})
      plan.actors[writer].push_back(DrawStep(random, Draw(random, kWrites)));
  }
  for (size_t i = 0; i < kStepsOfOthers; ++i) {
    plan.actors[2].push_back(DrawStep(random, Draw(random, kBranching)));
    plan.actors[3].push_back(DrawStep(random, Draw(random, kUpkeep)));
  }
  for (uint64_t stops = random() % 4; stops > 1; --stops) {
    plan.stops.push_back({.nth_change = 5 + random() % 250,
                          .takes_effect = random() % 2 == 0,
                          .loses_power = random() % 2 == 0});
  }
  if (random() % 4 == 0) plan.faults_per_thousand = 1 + static_cast<uint32_t>(random() % 8);
  constexpr StepKind kReclaim[] = {kCleanup, kCleanup, kOptimize, kRead};
  for (size_t i = 0; i < kStepsOfKeeper; ++i) {
    Step step = DrawStep(random, Draw(random, kReclaim));
    if (!step.fail_point.empty())
      step.fail_point = kUpkeepFailPoints[random() % std::size(kUpkeepFailPoints)];
    plan.actors[4].push_back(step);
  }
  return plan;
}

std::string Describe(const Plan& plan) {
  std::string text = io::StrCat("schedule ", plan.seed, ", faults per thousand calls ",
                                plan.faults_per_thousand, "\n");
  for (const Stop& stop : plan.stops) {
    text += io::StrCat("stops ", stop.takes_effect ? "after" : "before", " change ",
                       stop.nth_change, stop.loses_power ? ", losing power\n" : "\n");
  }
  for (size_t i = 0; i < plan.actors.size(); ++i) {
    for (const Step& step : plan.actors[i]) {
      text += io::StrCat("actor ", i, ": ", Subject(step));
      if (step.if_head) text += ", if the head is as seen";
      if (!step.fail_point.empty())
        text += io::StrCat(", failing at ", step.fail_point, ":", step.nth);
      text += '\n';
    }
  }
  return text;
}

Plan Shrink(Plan plan, const std::function<bool(const Plan&)>& fails, int runs_max) {
  return Shrinker(std::move(plan), fails, runs_max).Run();
}

}  // namespace og::engine::graph::simulation
