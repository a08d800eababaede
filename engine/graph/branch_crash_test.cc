// Branch control, first writes of branches, and merges that die: at every change that they make to
// the store, by the end of the process and by losses of power, and at every named point. Whatever
// is left opens; every branch is as before or as after; and the same can be done again.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/refs.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/crash_machine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::Machine;
using ::og::tests::Moment;
using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;

using Action = std::function<absl::Status(Graph&)>;

constexpr std::string_view kOnBranch =
    "{\"type\":\"Person\",\"data\":{\"name\":\"eve\"}}\n"
    "{\"edge\":\"Knows\",\"from\":\"eve\",\"to\":\"ann\",\"data\":{\"id\":\"k9\"}}\n";
constexpr std::string_view kOnMain =
    "{\"type\":\"Person\",\"data\":{\"name\":\"joe\"}}\n"
    "{\"type\":\"Team\",\"data\":{\"slug\":\"t9\"}}\n";

absl::Status Load(Graph& graph, std::string_view text, const std::string& branch) {
  return LoadText(graph, text, LoadMode::kAppend, branch).status();
}

absl::Status Merge(Graph& graph, const std::string& source, const std::string& target) {
  return graph.MergeBranch({.source = source, .target = target, .actor_id = {}, .dry_run = false})
      .status();
}

// What is done to a graph that holds kPeople, and what stops in the middle.
struct Scene {
  std::string name;
  Action prepare;
  Action act;
};

std::vector<Scene> Scenes() {
  const auto with_branch = [](Graph& graph) { return graph.CreateBranch("b", "main"); };
  const auto with_change = [](Graph& graph) -> absl::Status {
    OG_RETURN_IF_ERROR(graph.CreateBranch("b", "main"));
    return Load(graph, kOnBranch, "b");
  };
  const auto with_both = [](Graph& graph) -> absl::Status {
    OG_RETURN_IF_ERROR(graph.CreateBranch("b", "main"));
    OG_RETURN_IF_ERROR(Load(graph, kOnBranch, "b"));
    return Load(graph, kOnMain, "main");
  };
  return {{"Create", [](Graph&) { return absl::OkStatus(); }, with_branch},
          {"Delete", with_change, [](Graph& graph) { return graph.DeleteBranch("b"); }},
          {"FirstWrite", with_branch, [](Graph& graph) { return Load(graph, kOnBranch, "b"); }},
          {"FastForward", with_change, [](Graph& graph) { return Merge(graph, "b", "main"); }},
          {"ThreeWay", with_both, [](Graph& graph) { return Merge(graph, "b", "main"); }},
          {"MergeOntoBranch", with_both, [](Graph& graph) { return Merge(graph, "main", "b"); }}};
}

// Each branch's export.
std::map<std::string, std::string> Branches(Graph& graph) {
  std::map<std::string, std::string> branches;
  const auto names = graph.ListBranches();
  EXPECT_THAT(names, IsOk());
  for (const std::string& name : *names)
    branches[name] = ExportText(graph, {.branch = name, .snapshot = std::nullopt});
  return branches;
}

class BranchCrashTest : public ::testing::TestWithParam<Scene> {
 protected:
  static std::shared_ptr<Graph> Prepare(Machine& machine) {
    EXPECT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
    const auto graph = machine.Open();
    EXPECT_THAT(graph, IsOk());
    EXPECT_THAT(LoadText(**graph, kPeople, LoadMode::kOverwrite), IsOk());
    EXPECT_THAT(GetParam().prepare(**graph), IsOk());
    return *graph;
  }

  static std::map<std::string, std::string> Afterwards() {
    Machine machine;
    const auto graph = Prepare(machine);
    EXPECT_THAT(GetParam().act(*graph), IsOk());
    return Branches(*graph);
  }

  // Opens what is left; expects all of it as before or as after, and that it goes on from there.
  static void ExpectWhole(const Moment& moment, const std::map<std::string, std::string>& before,
                          const std::map<std::string, std::string>& after, bool act_again) {
    SCOPED_TRACE(moment.after);
    Machine machine(moment.disk);
    const auto graph = machine.Open();
    ASSERT_THAT(graph, IsOk());
    const auto found = Branches(**graph);
    if (moment.acknowledged) {
      ASSERT_EQ(found, after);
    } else {
      ASSERT_THAT(found, AnyOf(Eq(before), Eq(after)));
    }
    if (!act_again) return;
    if (found == before) {
      ASSERT_THAT(GetParam().act(**graph), IsOk());
    }
    const auto again = machine.Open();
    ASSERT_THAT(again, IsOk());
    ASSERT_EQ(Branches(**again), after);
    ASSERT_THAT(Load(**again, "{\"type\":\"Team\",\"data\":{\"slug\":\"zz\"}}\n", "main"), IsOk());
  }
};

TEST_P(BranchCrashTest, MayStopAnywhere) {
  const auto after = Afterwards();
  Machine machine;
  const auto graph = Prepare(machine);
  const auto before = Branches(*graph);
  ASSERT_NE(before, after);
  machine.store().Start();
  ASSERT_THAT(GetParam().act(*graph), IsOk());
  machine.store().Acknowledge();
  const std::vector<Moment>& moments = machine.store().moments();
  std::printf("%s: %zu points\n", GetParam().name.c_str(), moments.size());
  EXPECT_GT(moments.size(), 8u);
  for (size_t i = 0; i < moments.size() && !HasFatalFailure(); ++i)
    ExpectWhole(moments[i], before, after, i % 5 == 0);
}

// Every point that the action reaches fails once; and the recovery of that may stop anywhere too.
TEST_P(BranchCrashTest, EveryNamedPointIsRecovered) {
  const auto after = Afterwards();
  Machine traced;
  const auto traced_graph = Prepare(traced);
  traced.env().crash_points().StartTrace();
  ASSERT_THAT(GetParam().act(*traced_graph), IsOk());
  std::map<std::string, uint64_t> points;
  for (const std::string& point : traced.env().crash_points().StopTrace())
    ++points[point];
  EXPECT_GE(points.size(), 3u);
  size_t num_moments = 0;
  for (const auto& [point, times] : points) {
    for (uint64_t nth = 1; nth <= times && !HasFatalFailure(); ++nth) {
      SCOPED_TRACE(io::StrCat(point, ":", nth));
      Machine machine;
      const auto graph = Prepare(machine);
      const auto before = Branches(*graph);
      machine.env().crash_points().Fail(point, nth);
      GetParam().act(*graph).IgnoreError();
      machine.env().crash_points().Clear(point);
      machine.store().Start();
      const auto reopened = machine.Open();
      ASSERT_THAT(reopened, IsOk());
      ASSERT_THAT(Branches(**reopened), AnyOf(Eq(before), Eq(after)));
      const std::vector<Moment>& moments = machine.store().moments();
      const size_t num_on_the_way = moments.size();
      machine.store().NoteLossOfEach("recovery");
      num_moments += moments.size();
      for (size_t i = 0; i < moments.size() && !HasFatalFailure(); ++i)
        if (i % 3 == 0 || i >= num_on_the_way) ExpectWhole(moments[i], before, after, false);
    }
  }
  std::printf("%s: %zu named points, %zu points of their recovery\n", GetParam().name.c_str(),
              points.size(), num_moments);
}

INSTANTIATE_TEST_SUITE_P(Scenes, BranchCrashTest, ::testing::ValuesIn(Scenes()),
                         [](const auto& scene) { return scene.param.name; });

// Where a merge is interrupted, and which way it goes.
TEST(MergeCrashTest, ConfirmedMergesGoForwardOthersBack) {
  const std::pair<const char*, bool> kPoints[] = {
      {"branch_merge.post_candidate_validation", false},
      {"recovery.sidecar_write", false},
      {"branch_merge.post_sidecar_pre_fork", false},
      {"mutation.post_table_commit", false},
      {"branch_merge.post_effects_pre_confirm", false},
      {"recovery.sidecar_confirm", false},
      {"branch_merge.post_phase_b_pre_manifest_commit", true},
      {"graph_publish.before_commit_append", true},
      {"graph_publish.after_manifest_commit", true}};
  for (const auto& [point, forward] : kPoints) {
    SCOPED_TRACE(point);
    Machine machine;
    ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
    const auto graph = machine.Open();
    ASSERT_THAT(graph, IsOk());
    ASSERT_THAT(LoadText(**graph, kPeople, LoadMode::kOverwrite), IsOk());
    ASSERT_THAT((*graph)->CreateBranch("b", "main"), IsOk());
    ASSERT_THAT(Load(**graph, kOnBranch, "b"), IsOk());
    const std::string source_head = (*graph)->ListCommits("b")->front().graph_commit_id;
    machine.env().crash_points().Fail(point);
    EXPECT_FALSE(Merge(**graph, "b", "main").ok());
    machine.env().crash_points().Clear(point);
    const auto reopened = machine.Open();
    ASSERT_THAT(reopened, IsOk());
    const auto branches = Branches(**reopened);
    EXPECT_EQ(branches.at("main") == branches.at("b"), forward);
    const auto commits = (*reopened)->ListCommits("main");
    ASSERT_THAT(commits, IsOk());
    const bool has_merge = std::ranges::any_of(*commits, [&](const CommitInfo& commit) {
      return commit.merged_parent_commit_id == source_head;
    });
    EXPECT_EQ(has_merge, forward);
    EXPECT_THAT(Merge(**reopened, "b", "main"), IsOk());
    EXPECT_EQ(Branches(**reopened).at("main"), branches.at("b"));
  }
}

TEST(MergeCrashTest, WritesToADeletedBranchAreDropped) {
  Machine machine;
  ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  const auto graph = machine.Open();
  ASSERT_THAT(LoadText(**graph, kPeople, LoadMode::kOverwrite), IsOk());
  ASSERT_THAT((*graph)->CreateBranch("b", "main"), IsOk());
  machine.env().crash_points().Fail("mutation.post_table_commit");
  EXPECT_FALSE(Load(**graph, kOnBranch, "b").ok());
  machine.env().crash_points().Clear("mutation.post_table_commit");
  // The unfinished write does not keep the branch.
  ASSERT_THAT((*graph)->DeleteBranch("b"), IsOk());
  const auto reopened = machine.Open();
  ASSERT_THAT(reopened, IsOk());
  EXPECT_EQ((*reopened)->ListCommits("main")->front().actor_id, "omnigraph:recovery");
  ASSERT_THAT((*reopened)->CreateBranch("b", "main"), IsOk());
  EXPECT_THAT(Load(**reopened, kOnBranch, "b"), IsOk());
}

// The removal of a record is not durable by itself: what is left of a branch must not be found by
// the record of a write to it once there is another branch of its name.
TEST(MergeCrashTest, RecordsOfADeletedBranchDoNotComeBack) {
  for (const bool is_finished : {true, false}) {
    SCOPED_TRACE(is_finished);
    Machine machine;
    ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
    auto graph = *machine.Open();
    ASSERT_THAT(LoadText(*graph, kPeople, LoadMode::kOverwrite), IsOk());
    ASSERT_THAT(graph->CreateBranch("b", "main"), IsOk());
    if (!is_finished) machine.env().crash_points().Fail("mutation.post_table_commit");
    EXPECT_EQ(Load(*graph, kOnBranch, "b").ok(), is_finished);
    machine.env().crash_points().Clear("mutation.post_table_commit");
    machine.env().crash_points().Fail("branch_delete.before_table_cleanup");
    EXPECT_FALSE(graph->DeleteBranch("b").ok());
    machine.env().crash_points().Clear("branch_delete.before_table_cleanup");
    graph = *machine.Open();
    ASSERT_THAT(graph->CreateBranch("b", "main"), IsOk());
    machine.store().Note("the second branch");
    for (const Moment& moment : machine.store().moments()) {
      SCOPED_TRACE(moment.after);
      Machine next(moment.disk);
      const auto found = next.Open();
      ASSERT_THAT(found, IsOk());
      EXPECT_EQ(Branches(**found).at("b"), kPeopleExport);
      EXPECT_THAT(Load(**found, kOnBranch, "b"), IsOk());
    }
  }
}

// A branch that was deleted without its tables' refs, and made again: a write to it that died
// before it made a ref finds the one of the earlier branch, and recovery leaves it alone.
TEST(MergeCrashTest, RefsOfADeletedBranchDoNotStopRecovery) {
  for (const char* point : {"mutation.post_sidecar_pre_fork", "fork.before_reclaim",
                            "mutation.post_fork_pre_commit", "mutation.post_table_commit"}) {
    SCOPED_TRACE(point);
    Machine machine;
    ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
    const auto graph = machine.Open();
    ASSERT_THAT(LoadText(**graph, kPeople, LoadMode::kOverwrite), IsOk());
    ASSERT_THAT((*graph)->CreateBranch("b", "main"), IsOk());
    ASSERT_THAT(Load(**graph, kOnBranch, "b"), IsOk());
    machine.env().crash_points().Fail("branch_delete.before_table_cleanup");
    EXPECT_FALSE((*graph)->DeleteBranch("b").ok());
    ASSERT_THAT((*graph)->CreateBranch("b", "main"), IsOk());
    machine.env().crash_points().Fail(point);
    EXPECT_FALSE(Load(**graph, kOnBranch, "b").ok());
    machine.env().crash_points().Clear(point);
    const auto reopened = machine.Open();
    ASSERT_THAT(reopened, IsOk());
    EXPECT_EQ(Branches(**reopened).at("b"), kPeopleExport);
    EXPECT_THAT(Load(**reopened, kOnBranch, "b"), IsOk());
  }
}

TEST(SchemaLockTest, ALockWithoutARecordGoesAway) {
  const tests::TempDir dir;
  io::Env& env = io::RealEnv();
  const auto root = env.Resolve(dir.Child("g"));
  ASSERT_THAT(root, IsOk());
  ASSERT_THAT(Graph::Init(env, *root, kPeopleSchema, {}), IsOk());
  const auto manifest = dataset::Dataset::Open(env, root->Child("__manifest"), {});
  ASSERT_THAT(manifest, IsOk());
  ASSERT_THAT(dataset::CreateBranch(**manifest, "__schema_apply_lock__", {}), IsOk());
  const auto reader = Graph::Open(env, *root, OpenMode::kReadOnly);
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(*(*reader)->ListBranches(), ::testing::ElementsAre("main"));
  const auto graph = Graph::Open(env, *root, OpenMode::kReadWrite);
  ASSERT_THAT(graph, IsOk());
  EXPECT_THAT(LoadText(**graph, kPeople, LoadMode::kAppend), IsOk());
}

}  // namespace
}  // namespace og::engine::graph
