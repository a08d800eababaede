// What a long history costs: requests and bytes of a commit on a warm handle, and of a cold open
// and the first read of a branch, after 10 commits and after many, none of them ever optimized.
// OG_HISTORY_COMMITS says how many.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/query/parse.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

// Commits over which a cost is a median: one in many tidies up.
constexpr int kWindow = 7;

int NumCommits() {
  const char* const text = std::getenv("OG_HISTORY_COMMITS");
  return text == nullptr ? 200 : std::atoi(text);
}

struct Cost {
  uint64_t requests = 0;
  uint64_t bytes = 0;
};

class HistoryCostTest : public ::testing::Test {
 protected:
  HistoryCostTest() {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> fresh) {
      counting_ = std::make_shared<io::CountingStore>(std::move(fresh));
      return counting_;
    };
    env_ = std::make_unique<io::SimEnv>(tests::Seed(), options);
    root_ = *env_->Resolve("memory://disk/g");
  }

  void SetUp() override {
    ASSERT_THAT(Graph::Init(*env_, root_, kPeopleSchema, {}), IsOk());
    graph_ = *Graph::Open(*env_, root_, OpenMode::kReadWrite);
    ASSERT_THAT(LoadText(*graph_, kPeople, LoadMode::kOverwrite), IsOk());
  }

  void Commit() {
    const std::string text = io::StrCat("query q() { update Person set { age: ", ++num_commits_,
                                        " } where name = \"ann\" }");
    const auto file = query::ParseQueryFile(text);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT(graph_->Mutate(file->queries[0], {}, {}), IsOk());
  }

  static Cost CostOf(const io::StoreCounts& counts) {
    const uint64_t others = counts.calls_of(io::StoreCall::kStat) +
                            counts.calls_of(io::StoreCall::kList) +
                            counts.calls_of(io::StoreCall::kDelete);
    return {counts.reads() + counts.writes() + others,
            counts.bytes_read() + counts.bytes_written()};
  }

  Cost CommitCost() {
    std::vector<Cost> costs;
    for (int i = 0; i < kWindow; ++i) {
      const io::StoreCounts before = counting_->counts();
      Commit();
      costs.push_back(CostOf(counting_->counts() - before));
    }
    std::ranges::sort(costs, {}, &Cost::bytes);
    return costs[kWindow / 2];
  }

  // Of a process that has seen nothing: an open for reading and all that is there.
  Cost OpenCost() {
    const io::StoreCounts before = counting_->counts();
    const auto graph = Graph::Open(*env_, root_, OpenMode::kReadOnly);
    EXPECT_THAT(graph, IsOk());
    EXPECT_THAT((*graph)->DescribeSnapshot({}), IsOk());
    return CostOf(counting_->counts() - before);
  }

  static void Print(std::string_view what, const Cost& few, const Cost& many) {
    std::printf("%-10s %llu requests, %llu bytes; then %llu requests, %llu bytes\n",
                std::string(what).c_str(), static_cast<unsigned long long>(few.requests),
                static_cast<unsigned long long>(few.bytes),
                static_cast<unsigned long long>(many.requests),
                static_cast<unsigned long long>(many.bytes));
  }

  std::shared_ptr<io::CountingStore> counting_;
  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
  std::shared_ptr<Graph> graph_;
  int num_commits_ = 0;
};

TEST_F(HistoryCostTest, CommitsAndOpensCostTheSame) {
  while (num_commits_ < 10)
    Commit();
  const Cost commit_few = CommitCost();
  const Cost open_few = OpenCost();
  while (num_commits_ < NumCommits())
    Commit();
  const Cost commit_many = CommitCost();
  const Cost open_many = OpenCost();
  std::printf("after 10 and after %d commits\n", NumCommits());
  Print("commit", commit_few, commit_many);
  Print("cold open", open_few, open_many);
  EXPECT_LE(commit_many.requests * 2, commit_few.requests * 3);
  EXPECT_LE(commit_many.bytes * 2, commit_few.bytes * 3);
  EXPECT_LE(open_many.requests * 2, open_few.requests * 3);
  EXPECT_LE(open_many.bytes * 2, open_few.bytes * 3);
}

}  // namespace
}  // namespace og::engine::graph
