// What a small write costs: requests by phase, for an insert of a keyed node, an update of it and
// an insert that touches a second table, on a warm handle. The table is printed.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/query/parse.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

// Where a phase ends, by the crash point that stands there, and what it is called.
constexpr std::pair<const char*, const char*> kPhases[] = {
    {"mutation.post_stage_pre_effect_gate", "prepare, run, validate, stage"},
    {"recovery.sidecar_write", "revalidate, sync"},
    {"mutation.post_sidecar_pre_fork", "arm"},
    {"recovery.sidecar_confirm", "commit the tables"},
    {"mutation.post_finalize_pre_publisher", "confirm"},
    {"graph_publish.after_manifest_commit", "publish"},
};

uint64_t RequestsOf(const io::StoreCounts& counts) {
  return counts.reads() + counts.writes() + counts.calls_of(io::StoreCall::kStat) +
         counts.calls_of(io::StoreCall::kList) + counts.calls_of(io::StoreCall::kDelete);
}

class WriteCostTest : public ::testing::Test {
 protected:
  WriteCostTest() {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> fresh) {
      store_ = std::make_shared<io::CountingStore>(std::move(fresh));
      return store_;
    };
    env_ = std::make_unique<io::SimEnv>(tests::Seed(), options);
  }

  void SetUp() override {
    const auto root = env_->Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(*env_, *root, kPeopleSchema, {}), IsOk());
    graph_ = *Graph::Open(*env_, *root, OpenMode::kReadWrite);
    ASSERT_THAT(LoadText(*graph_, kPeople, LoadMode::kOverwrite), IsOk());
    ASSERT_THAT(Mutate("insert Team { slug: \"warm\" }"), IsOk());
  }

  absl::Status Mutate(std::string_view statements) {
    const std::string text = "query q() { " + std::string(statements) + " }";
    const auto file = query::ParseQueryFile(text);
    if (!file.ok()) return file.status();
    return graph_->Mutate(file->queries[0], {}, {}).status();
  }

  // Runs a mutation and prints its phases; all requests before the acknowledgement.
  uint64_t Cost(std::string_view name, std::string_view statements) {
    std::vector<std::pair<std::string, io::StoreCounts>> phases;
    io::StoreCounts before = store_->counts();
    const io::StoreCounts first = before;
    for (const auto& [point, phase] : kPhases) {
      env_->crash_points().Set(point, [&, label = phase]() -> absl::Status {
        const io::StoreCounts now = store_->counts();
        phases.emplace_back(label, now - before);
        before = now;
        return absl::OkStatus();
      });
    }
    EXPECT_THAT(Mutate(statements), IsOk());
    for (const auto& [point, phase] : kPhases)
      env_->crash_points().Clear(point);
    std::printf("%.*s\n", static_cast<int>(name.size()), name.data());
    for (const auto& [label, counts] : phases) {
      std::printf("  %-32s %3llu  %s\n", label.c_str(),
                  static_cast<unsigned long long>(RequestsOf(counts)), counts.Text().c_str());
    }
    // The removal of the record, which is not waited for by whoever reads.
    const io::StoreCounts settle = store_->counts() - before;
    std::printf("  %-32s %3llu  %s\n", "settle",
                static_cast<unsigned long long>(RequestsOf(settle)), settle.Text().c_str());
    return RequestsOf(before - first);
  }

  std::shared_ptr<io::CountingStore> store_;
  std::unique_ptr<io::SimEnv> env_;
  std::shared_ptr<Graph> graph_;
};

TEST_F(WriteCostTest, InsertOfAKeyedNode) {
  EXPECT_LE(Cost("insert", "insert Team { slug: \"a\" }"), 30u);
}

TEST_F(WriteCostTest, UpdateOfAnExistingRow) {
  EXPECT_LE(Cost("update", "insert Team { slug: \"warm\" }"), 30u);
}

TEST_F(WriteCostTest, ASecondTable) {
  const uint64_t one = Cost("one table", "insert Team { slug: \"b\" }");
  const uint64_t two =
      Cost("two tables", "insert Team { slug: \"c\" } insert Person { name: \"dan\" }");
  EXPECT_LE(two, one + 9);
}

TEST_F(WriteCostTest, ALongHistoryCostsNoMore) {
  const uint64_t early = Cost("early", "insert Team { slug: \"d\" }");
  for (int i = 0; i < 150; ++i)
    ASSERT_THAT(Mutate("update Person set { age: 4 } where name = \"ann\""), IsOk());
  EXPECT_LE(Cost("after 150 commits", "insert Team { slug: \"e\" }"), early + early / 2);
}

}  // namespace
}  // namespace og::engine::graph
