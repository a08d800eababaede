// A graph under a seed: writers, a merger, a maker of branches and a reader in turns that the seed
// decides, with failures at named points in between, after which the one that failed opens the
// graph anew. At the end every acknowledged load is there, each branch is one line of commits,
// nothing is damaged and nothing is left that needs anybody.
//
// OG_SIM_SEEDS: how many seeds, beginning with OG_SEED.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/verify/verify.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::HasSubstr;

constexpr int kStepsOfActor = 14;
constexpr const char* kFailingPoints[] = {"recovery.sidecar_write",
                                          "mutation.post_sidecar_pre_fork",
                                          "mutation.post_table_commit",
                                          "recovery.sidecar_confirm",
                                          "mutation.post_fork_pre_commit",
                                          "mutation.post_finalize_pre_publisher",
                                          "branch_merge.post_sidecar_pre_fork",
                                          "branch_merge.post_effects_pre_confirm",
                                          "graph_publish.before_commit_append",
                                          "graph_publish.after_manifest_commit",
                                          "recovery.sidecar_delete",
                                          "recovery.record_audit",
                                          "branch_delete.before_table_cleanup",
                                          "recovery.before_roll_forward_publish"};

uint64_t NumSeeds() {
  const char* const text = std::getenv("OG_SIM_SEEDS");
  return text == nullptr ? 12 : io::ParseUint64(text).value_or(12);
}

// What may happen to an actor that does nothing wrong.
bool IsExpected(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  if (!detail.has_value()) {
    return std::string(io::Message(status)).find("injected failpoint") != std::string::npos;
  }
  switch (detail->kind) {
    case io::ErrorKind::kReadSetChanged:
    case io::ErrorKind::kRecoveryRequired:
    case io::ErrorKind::kConflict:
    case io::ErrorKind::kVersionMismatch:
    case io::ErrorKind::kNotFound:
    case io::ErrorKind::kHistoricalVersionReclaimed:  // of the branch that comes and goes
      return true;
    case io::ErrorKind::kStorage:
      // The branch was deleted while it was read.
      return detail->code == "not_found" &&
             std::string(io::Message(status)).find("/tree/tmp") != std::string::npos;
    default:
      return std::string(io::Message(status)).find("injected failpoint") != std::string::npos;
  }
}

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : seed_(seed), env_(seed) {
    root_ = *env_.Resolve("memory://disk/g");
    EXPECT_THAT(Graph::Init(env_, root_, kPeopleSchema, {}), IsOk());
    EXPECT_THAT(Open()->CreateBranch("b", "main"), IsOk());
  }

  void Run() {
    std::vector<std::function<void()>> actors;
    actors.push_back(
        [this] { Act(1, [this](auto& random, Graph& graph) { return Write(random, graph, 1); }); });
    actors.push_back(
        [this] { Act(2, [this](auto& random, Graph& graph) { return Write(random, graph, 2); }); });
    actors.push_back(
        [this] { Act(3, [](auto& random, Graph& graph) { return Merge(random, graph); }); });
    actors.push_back(
        [this] { Act(4, [](auto& random, Graph& graph) { return Fork(random, graph); }); });
    actors.push_back([this] { Read(); });
    env_.RunActors(std::move(actors));
    for (const char* point : kFailingPoints)
      env_.crash_points().Clear(point);
    Check();
  }

 private:
  using Random = std::mt19937_64;

  std::shared_ptr<Graph> Open() {
    for (;;) {
      auto graph = Graph::Open(env_, root_, OpenMode::kReadWrite);
      if (graph.ok()) return *std::move(graph);
      if (!IsExpected(graph.status())) {
        ADD_FAILURE() << graph.status();
        std::abort();
      }
    }
  }

  void Act(uint64_t actor, const std::function<absl::Status(Random&, Graph&)>& step) {
    Random random(seed_ * 31 + actor);
    std::shared_ptr<Graph> graph = Open();
    for (int i = 0; i < kStepsOfActor; ++i) {
      if (random() % 4 == 0) {
        env_.crash_points().Fail(kFailingPoints[random() % std::size(kFailingPoints)],
                                 1 + random() % 2);
      }
      const absl::Status status = step(random, *graph);
      if (status.ok()) continue;
      EXPECT_TRUE(IsExpected(status)) << status;
      if (random() % 2 == 0) graph = Open();
    }
  }

  absl::Status Write(Random& random, Graph& graph, int writer) {
    const std::string branch = random() % 2 == 0 ? "main" : "b";
    const std::string slug = io::StrCat("w", writer, "-", ++num_writes_);
    OG_RETURN_IF_ERROR(
        LoadText(graph,
                 io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"", slug, "\"}}\n",
                            "{\"type\":\"Person\",\"data\":{\"name\":\"", slug, "\"}}\n"),
                 LoadMode::kAppend, branch)
            .status());
    acknowledged_.insert({branch, slug});
    return absl::OkStatus();
  }

  static absl::Status Merge(Random& random, Graph& graph) {
    const char* const kPairs[][2] = {
        {"b", "main"}, {"main", "b"}, {"tmp", "main"}, {"main", "tmp"}};
    const auto& pair = kPairs[random() % 4];
    return graph
        .MergeBranch({.source = pair[0], .target = pair[1], .actor_id = {}, .dry_run = false})
        .status();
  }

  static absl::Status Fork(Random& random, Graph& graph) {
    switch (random() % 3) {
      case 0:
        return graph.CreateBranch("tmp", random() % 2 == 0 ? "main" : "b");
      case 1:
        return LoadText(graph,
                        io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"t", random(), "\"}}\n"),
                        LoadMode::kAppend, "tmp")
            .status();
      default:
        return graph.DeleteBranch("tmp");
    }
  }

  // A snapshot stays what it was, whoever writes.
  void Read() {
    for (int i = 0; i < kStepsOfActor; ++i) {
      const auto graph = Graph::Open(env_, root_, OpenMode::kReadOnly);
      ASSERT_THAT(graph, IsOk());
      const auto commits = (*graph)->ListCommits("main");
      ASSERT_THAT(commits, IsOk());
      const ReadTarget target = {.branch = "main", .snapshot = commits->front().graph_commit_id};
      const std::string first = ExportText(**graph, target);
      env_.SleepUs(1000);
      EXPECT_EQ(ExportText(**graph, target), first);
    }
  }

  void Check() {
    const std::shared_ptr<Graph> graph = Open();
    for (const auto& [branch, slug] : acknowledged_) {
      const std::string text = ExportText(*graph, {.branch = branch, .snapshot = std::nullopt});
      EXPECT_THAT(text, HasSubstr(io::StrCat("\"slug\":\"", slug, "\""))) << branch;
      EXPECT_THAT(text, HasSubstr(io::StrCat("\"name\":\"", slug, "\""))) << branch;
    }
    for (const char* branch : {"main", "b"}) {
      const auto commits = graph->ListCommits(branch);
      ASSERT_THAT(commits, IsOk());
      for (size_t i = 0; i + 1 < commits->size(); ++i) {
        EXPECT_EQ((*commits)[i].parent_commit_id, (*commits)[i + 1].graph_commit_id) << branch;
      }
    }
    const auto report =
        VerifyGraph(env_, root_, {.deep = true, .branch = "main", .all_branches = true});
    ASSERT_THAT(report, IsOk());
    for (const VerifyFinding& finding : report->findings) {
      // Files of writes that failed before they had a record are harmless.
      EXPECT_EQ(finding.check, "left_overs")
          << finding.branch << " " << finding.subject << " " << finding.message;
    }
  }

  const uint64_t seed_;
  io::SimEnv env_;
  io::Location root_;
  int num_writes_ = 0;
  std::set<std::pair<std::string, std::string>> acknowledged_;  // branch, slug
};

TEST(SimulationTest, NothingIsLostAndNothingIsLeft) {
  for (uint64_t i = 0; i < NumSeeds() && !::testing::Test::HasFailure(); ++i) {
    const uint64_t seed = tests::Seed() + i;
    SCOPED_TRACE(io::StrCat("OG_SEED=", seed));
    Simulation(seed).Run();
  }
}

}  // namespace
}  // namespace og::engine::graph
