// What a repeated read costs on a handle that stays open: one look whether the branch has moved, no
// table opened again. On a branch of its own, its ref as well. decisions.md, section 5.
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/snapshot.h"
#include "engine/query/parse.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

uint64_t RequestsOf(const io::StoreCounts& counts) {
  uint64_t requests = 0;
  for (const uint64_t calls : counts.calls)
    requests += calls;
  return requests;
}

class ReadCostTest : public ::testing::Test {
 protected:
  ReadCostTest() {
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
    writer_ = *Graph::Open(*env_, *root, OpenMode::kReadWrite);
    ASSERT_THAT(LoadText(*writer_, kPeople, LoadMode::kOverwrite), IsOk());
    reader_ = *Graph::Open(*env_, *root, OpenMode::kReadOnly);
  }

  // Asks for `branch` and all of its tables, as a query does before it reads rows.
  io::StoreCounts CostOfRead(const std::string& branch = "main") {
    const io::StoreCounts before = store_->counts();
    ReadTarget target;
    target.branch = branch;
    const auto snapshot = reader_->SnapshotAt(target);
    EXPECT_THAT(snapshot, IsOk());
    for (const TableEntry& table : (*snapshot)->tables())
      EXPECT_THAT((*snapshot)->OpenTable(table), IsOk());
    return store_->counts() - before;
  }

  absl::Status Write(const std::string& slug, const std::string& branch = "main") {
    const auto file = query::ParseQueryFile("query q() { insert Team { slug: \"" + slug + "\" } }");
    if (!file.ok()) return file.status();
    MutateOptions options;
    options.branch = branch;
    return writer_->Mutate(file->queries[0], {}, options).status();
  }

  std::shared_ptr<io::CountingStore> store_;
  std::unique_ptr<io::SimEnv> env_;
  std::shared_ptr<Graph> writer_;
  std::shared_ptr<Graph> reader_;
};

TEST_F(ReadCostTest, ARepeatedReadLooksOnceAndOpensNothing) {
  const uint64_t first = RequestsOf(CostOfRead());
  const io::StoreCounts again = CostOfRead();
  EXPECT_EQ(RequestsOf(again), 1u) << again.Text();
  EXPECT_EQ(again.bytes_read(), 0u) << again.Text();
  EXPECT_GT(first, RequestsOf(again));
}

TEST_F(ReadCostTest, AHistoryOfAnyLengthCostsNoMore) {
  for (int i = 0; i < 40; ++i)
    ASSERT_THAT(Write("t" + std::to_string(i)), IsOk());
  const io::StoreCounts moved = CostOfRead();
  EXPECT_GT(RequestsOf(moved), 1u);
  const io::StoreCounts again = CostOfRead();
  EXPECT_EQ(RequestsOf(again), 1u) << again.Text();
}

TEST_F(ReadCostTest, ANamedBranchReadsItsRefToo) {
  ASSERT_THAT(writer_->CreateBranch("dev", "main"), IsOk());
  ASSERT_THAT(Write("d", "dev"), IsOk());
  CostOfRead("dev");
  const io::StoreCounts again = CostOfRead("dev");
  EXPECT_LE(RequestsOf(again), 2u) << again.Text();
  // Another branch that moves costs nothing here.
  ASSERT_THAT(Write("m"), IsOk());
  const io::StoreCounts after = CostOfRead("dev");
  EXPECT_LE(RequestsOf(after), 2u) << after.Text();
}

}  // namespace
}  // namespace og::engine::graph
