// The catalogue of failpoints against what writers reach: each of its points is passed by one of
// the acts below, and none of them passes a point that is not in it.
#include "engine/graph/failpoints.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/cleanup.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/optimize.h"
#include "engine/query/parse.h"
#include "io/base/text.h"
#include "tests/support/crash_machine.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::Machine;

constexpr std::string_view kTeam = "{\"type\":\"Team\",\"data\":{\"slug\":\"zz\"}}\n";

class FailpointsTest : public ::testing::Test {
 protected:
  // Notes what the rest of this machine's life passes.
  static void Trace(Machine& machine) { machine.env().crash_points().StartTrace(); }

  void Collect(Machine& machine) {
    for (const std::string& point : machine.env().crash_points().StopTrace())
      reached_.insert(point);
  }

  static std::shared_ptr<Graph> Opened(Machine& machine) {
    EXPECT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
    const auto graph = machine.Open();
    EXPECT_THAT(graph, IsOk());
    EXPECT_THAT(LoadText(**graph, kPeople, LoadMode::kAppend), IsOk());
    return *graph;
  }

  static absl::Status Mutate(Graph& graph, const std::string& statements,
                             const MutateOptions& options = {}) {
    const auto file = query::ParseQueryFile(io::StrCat("query q() { ", statements, " }"));
    return graph.Mutate(file->queries[0], {}, options).status();
  }

  // A write that fails at `point`, and what heals it.
  void Heal(Failpoint point, const std::function<absl::Status(Graph&)>& write,
            bool reopens = true) {
    Machine machine;
    const auto graph = Opened(machine);
    EXPECT_THAT(graph->CreateBranch("b", "main"), IsOk());
    EXPECT_THAT(LoadText(*graph, kTeam, LoadMode::kAppend, "b"), IsOk());
    machine.env().crash_points().Fail(point);
    EXPECT_FALSE(write(*graph).ok()) << std::string_view(point);
    machine.env().crash_points().Clear(point);
    Trace(machine);
    if (reopens) {
      EXPECT_THAT(machine.Open(), IsOk());
    } else {
      EXPECT_THAT(graph->DeleteBranch("b"), IsOk());
      EXPECT_THAT(machine.Open(), IsOk());
    }
    Collect(machine);
  }

  std::set<std::string, std::less<>> reached_;
};

TEST_F(FailpointsTest, AreAllReachedAndThereAreNoOthers) {
  {
    Machine machine;
    Trace(machine);
    const auto graph = Opened(machine);
    ASSERT_THAT(graph->CreateBranch("b", "main"), IsOk());
    ASSERT_THAT(LoadText(*graph, kTeam, LoadMode::kAppend, "b"), IsOk());
    ASSERT_THAT(Mutate(*graph, "delete Person where name = \"bob\""), IsOk());
    MutateOptions if_head;
    if_head.expected_head = (*graph->ListCommits("main"))[0].graph_commit_id;
    ASSERT_THAT(Mutate(*graph, "delete Person where name = \"nobody\"", if_head), IsOk());
    ASSERT_THAT(
        graph->MergeBranch({.source = "b", .target = "main", .actor_id = {}, .dry_run = false})
            .status(),
        IsOk());
    // The refs of a branch that is made again under its name give way.
    machine.env().crash_points().Fail(Failpoint("branch_delete.before_table_cleanup"));
    EXPECT_FALSE(graph->DeleteBranch("b").ok());
    ASSERT_THAT(graph->CreateBranch("b", "main"), IsOk());
    ASSERT_THAT(LoadText(*graph, "{\"type\":\"Team\",\"data\":{\"slug\":\"zy\"}}\n",
                         LoadMode::kAppend, "b"),
                IsOk());
    ASSERT_THAT(graph->DeleteBranch("b"), IsOk());
    ASSERT_THAT(OptimizeGraph(machine.env(), machine.root(), {}), IsOk());
    // The same, and a cleanup finds them.
    ASSERT_THAT(graph->CreateBranch("c", "main"), IsOk());
    ASSERT_THAT(LoadText(*graph, kTeam, LoadMode::kMerge, "c"), IsOk());
    machine.env().crash_points().Fail(Failpoint("branch_delete.before_table_cleanup"));
    EXPECT_FALSE(graph->DeleteBranch("c").ok());
    ASSERT_THAT(graph->CreateBranch("c", "main"), IsOk());
    ASSERT_THAT(CleanupGraph(machine.env(), machine.root(), {.keep_versions = 1}), IsOk());
    ASSERT_THAT(graph->DeleteBranch("c"), IsOk());
    ASSERT_THAT(
        graph->ApplySchema(io::StrCat(kPeopleSchema, "node City { name: String @key }\n"), {})
            .status(),
        IsOk());
    Collect(machine);
  }
  for (const Failpoint point :
       {Failpoint("init.after_schema_pg_written"), Failpoint("init.manifest_create_ack_lost")}) {
    Machine machine;
    Trace(machine);
    machine.env().crash_points().Fail(point);
    Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}).IgnoreError();
    Collect(machine);
  }
  const auto load = [](Graph& graph) {
    return LoadText(graph, "{\"type\":\"Team\",\"data\":{\"slug\":\"t9\"}}\n", LoadMode::kAppend)
        .status();
  };
  const auto load_beside = [](Graph& graph) {
    return LoadText(graph, "{\"type\":\"Team\",\"data\":{\"slug\":\"t9\"}}\n", LoadMode::kAppend,
                    "b")
        .status();
  };
  Heal("mutation.post_finalize_pre_publisher", load);
  Heal("mutation.post_table_commit", load);
  Heal("mutation.post_table_commit", load_beside, false);
  for (const std::string_view point : kFailpoints)
    EXPECT_TRUE(reached_.contains(point)) << point << " is never reached";
  for (const std::string& point : reached_) {
    EXPECT_TRUE(std::ranges::count(kFailpoints, point) == 1) << point << " is not in the catalogue";
  }
}

}  // namespace
}  // namespace og::engine::graph
