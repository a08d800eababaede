// Writers at the same time over storage that takes 5 ms a request, on a clock that only requests
// move: how much faster eight of them are than one, on branches of their own and on one branch, and
// who waits for whom.
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/query/parse.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/latency_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

constexpr int64_t kRequestUs = 5'000;
constexpr int kWriters = 8;
constexpr int kCommits = 6;

class ConcurrencyTest : public ::testing::Test {
 protected:
  ConcurrencyTest() {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> fresh) {
      return std::make_shared<io::LatencyStore>(*env_, std::move(fresh), kRequestUs);
    };
    env_ = std::make_unique<io::SimEnv>(tests::Seed(), options);
    root_ = *env_->Resolve("memory://disk/g");
  }

  void SetUp() override {
    env_->RunActors({[this] {
      ASSERT_THAT(Graph::Init(*env_, root_, kPeopleSchema, {}), IsOk());
      graph_ = *Graph::Open(*env_, root_, OpenMode::kReadWrite);
      ASSERT_THAT(LoadText(*graph_, kPeople, LoadMode::kOverwrite), IsOk());
      for (int writer = 0; writer < kWriters; ++writer) {
        ASSERT_THAT(graph_->CreateBranch(io::StrCat("b", writer), "main"), IsOk());
        // Later writes find the table's ref.
        ASSERT_THAT(InsertTeam("first", io::StrCat("b", writer)), IsOk());
      }
    }});
  }

  absl::Status InsertTeam(std::string_view slug, const std::string& branch) {
    const std::string text = io::StrCat("query q() { insert Team { slug: \"", slug, "\" } }");
    const auto file = query::ParseQueryFile(text);
    if (!file.ok()) return file.status();
    MutateOptions options;
    options.branch = branch;
    return graph_->Mutate(file->queries[0], {}, options).status();
  }

  // Commits a second of `num_writers` writers of kCommits commits each, all of which succeed.
  double Rate(int num_writers, const std::function<std::string(int)>& branch_of) {
    const std::string run = io::StrCat("r", num_runs_++);
    std::vector<std::function<void()>> actors;
    for (int writer = 0; writer < num_writers; ++writer) {
      actors.push_back([&, writer] {
        for (int i = 0; i < kCommits; ++i) {
          EXPECT_THAT(InsertTeam(io::StrCat(run, "-", writer, "-", i), branch_of(writer)), IsOk());
        }
      });
    }
    const int64_t start_us = env_->NowUs();
    env_->RunActors(std::move(actors));
    return num_writers * kCommits * 1e6 / static_cast<double>(env_->NowUs() - start_us);
  }

  // Parks the first writer that has committed a table, until it is released.
  void ParkFirst() {
    env_->crash_points().Set("mutation.post_table_commit", [this]() -> absl::Status {
      if (is_parked_) return absl::OkStatus();
      is_parked_ = true;
      while (!is_released_)
        env_->SleepUs(kRequestUs);
      return absl::OkStatus();
    });
  }
  void WaitForParked() {
    while (!is_parked_)
      env_->SleepUs(kRequestUs);
  }

  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
  std::shared_ptr<Graph> graph_;
  int num_runs_ = 0;
  bool is_parked_ = false;  // actors take turns: no lock is needed
  bool is_released_ = false;
};

TEST_F(ConcurrencyTest, WritersOfEightBranches) {
  const double one = Rate(1, [](int) { return "b0"; });
  const double eight = Rate(kWriters, [](int writer) { return io::StrCat("b", writer); });
  std::printf("one writer %.1f commits/s, eight on eight branches %.1f: %.2fx\n", one, eight,
              eight / one);
  EXPECT_GE(eight, 5 * one);
}

TEST_F(ConcurrencyTest, WritersOfOneBranch) {
  const double one = Rate(1, [](int) { return "main"; });
  const double eight = Rate(kWriters, [](int) { return "main"; });
  std::printf("one writer %.1f commits/s, eight on one branch %.1f: %.2fx\n", one, eight,
              eight / one);
  EXPECT_GE(eight, 0.8 * one);
  const std::string exported = ExportText(*graph_);
  size_t num_teams = 0;
  for (size_t at = exported.find("\"slug\":\"r"); at != std::string::npos;
       at = exported.find("\"slug\":\"r", at + 1))
    ++num_teams;
  EXPECT_EQ(num_teams, (kWriters + 1) * kCommits);
}

TEST_F(ConcurrencyTest, WritersOfTwoBranchesNeverWaitForEachOther) {
  ParkFirst();
  const auto meet = [this](const std::string& parked, const std::string& other) {
    is_parked_ = is_released_ = false;
    env_->RunActors({[&] { EXPECT_THAT(InsertTeam("parked", parked), IsOk()); },
                     [&] {
                       WaitForParked();
                       // In the middle of the other's effects, its record lying there; this write,
                       // and a read-write open, pass it by.
                       EXPECT_THAT(InsertTeam("passing", other), IsOk());
                       const auto graph = Graph::Open(*env_, root_, OpenMode::kReadWrite);
                       EXPECT_THAT(graph, IsOk());
                       is_released_ = true;
                     }});
  };
  meet("main", "b1");
  meet("b1", "main");
  meet("b1", "b2");
}

TEST_F(ConcurrencyTest, BranchControlWaitsForWritersAndTheyForIt) {
  ParkFirst();
  bool is_created = false;
  bool has_written = false;
  env_->RunActors({[&] { EXPECT_THAT(InsertTeam("parked", "main"), IsOk()); },
                   [&] {
                     WaitForParked();
                     EXPECT_THAT(graph_->CreateBranch("c", "main"), IsOk());
                     EXPECT_TRUE(is_released_);
                     is_created = true;
                   },
                   [&] {
                     WaitForParked();
                     // Long enough for the control to stand at the gate, behind which this stays.
                     env_->SleepUs(200 * kRequestUs);
                     EXPECT_THAT(InsertTeam("behind", "b3"), IsOk());
                     EXPECT_TRUE(is_created);
                     has_written = true;
                   },
                   [&] {
                     WaitForParked();
                     env_->SleepUs(1000 * kRequestUs);
                     EXPECT_FALSE(is_created);
                     EXPECT_FALSE(has_written);
                     is_released_ = true;
                   }});
  EXPECT_TRUE(has_written);
}

}  // namespace
}  // namespace og::engine::graph
