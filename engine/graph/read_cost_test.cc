// What reads cost. A repeated one on a handle that stays open: one look whether the branch has
// moved, no table opened again; on a branch of its own, its ref as well (decisions.md, section 5).
// The first one of a process on S3: requests, and rounds of requests that wait for one another.
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

#include "engine/exec/execute.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/query_view.h"
#include "engine/graph/snapshot.h"
#include "engine/query/check.h"
#include "engine/query/parse.h"
#include "io/base/status_macros.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "io/fault/latency_store.h"
#include "io/memory/memory_store.h"
#include "io/store/far_calls.h"
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

// After another's commit: the look that finds it, the manifest again, and of the tables the one
// that has changed.
TEST_F(ReadCostTest, AStaleReadOpensOnlyTheTableThatChanged) {
  CostOfRead();
  ASSERT_THAT(Write("one"), IsOk());
  const io::StoreCounts few = CostOfRead();
  EXPECT_LE(RequestsOf(few), 8u) << few.Text();
  for (int i = 0; i < 30; ++i)
    ASSERT_THAT(Write("t" + std::to_string(i)), IsOk());
  const io::StoreCounts many = CostOfRead();
  EXPECT_LE(RequestsOf(many), RequestsOf(few) + 1) << many.Text();
}

// A branch that this handle has not seen: its manifest, and no table that main has open too.
TEST_F(ReadCostTest, AnotherBranchIsOneMoreManifest) {
  CostOfRead();
  ASSERT_THAT(writer_->CreateBranch("dev", "main"), IsOk());
  const io::StoreCounts first = CostOfRead("dev");
  EXPECT_LE(RequestsOf(first), 8u) << first.Text();
  ASSERT_THAT(Write("d", "dev"), IsOk());
  CostOfRead("dev");
  const io::StoreCounts back = CostOfRead();
  EXPECT_LE(RequestsOf(back), 1u) << back.Text();
}

constexpr int64_t kRoundUs = 1'000'000;

// A store as S3 is one: every request takes a second, and several objects come in one round.
class FarStore : public io::LatencyStore, public io::FarCalls {
 public:
  FarStore(io::Env& env, std::shared_ptr<io::Store> base)
      : LatencyStore(env, std::move(base), kRoundUs), env_(env) {}

  bool is_local() const override { return false; }

  std::vector<absl::StatusOr<io::Buffer>> ReadEach(std::span<const std::string> paths) override {
    env_.SleepUs(kRoundUs);
    return io::ReadEach(base(), paths);
  }
  absl::StatusOr<std::vector<io::ObjectInfo>> ListFirst(std::string_view prefix,
                                                        size_t limit) override {
    env_.SleepUs(kRoundUs);
    return io::ListFirst(base(), prefix, limit);
  }

 private:
  io::Env& env_;
};

class ColdReadTest : public ::testing::Test {
 protected:
  struct Cost {
    uint64_t requests = 0;
    int64_t rounds = 0;
    std::string text;
  };

  ColdReadTest()
      : env_(tests::Seed()),
        store_(std::make_shared<io::CountingStore>(
            std::make_shared<io::MemoryStore>("memory://far/", [this] { return env_.NowUs(); }))),
        root_{std::make_shared<FarStore>(env_, store_), "g"} {}

  void SetUp() override {
    env_.RunActors({[this] {
      ASSERT_THAT(Graph::Init(env_, root_, kPeopleSchema, {}), IsOk());
      const auto writer = *Graph::Open(env_, root_, OpenMode::kReadWrite);
      ASSERT_THAT(LoadText(*writer, kPeople, LoadMode::kAppend), IsOk());
    }});
  }

  // What a process pays that opens the graph and does `work`.
  Cost CostOf(const std::function<void(Graph&)>& work) {
    Cost cost;
    env_.RunActors({[&] {
      const io::StoreCounts before = store_->counts();
      const int64_t start_us = env_.NowUs();
      const auto graph = Graph::Open(env_, root_, OpenMode::kReadOnly);
      ASSERT_THAT(graph, IsOk());
      work(**graph);
      const io::StoreCounts counts = store_->counts() - before;
      cost = {RequestsOf(counts), (env_.NowUs() - start_us) / kRoundUs, counts.Text()};
    }});
    return cost;
  }

  absl::StatusOr<int64_t> NumRows(Graph& graph, const std::string& text) {
    OG_ASSIGN_OR_RETURN(const auto snapshot, graph.SnapshotAt({}));
    OG_ASSIGN_OR_RETURN(const query::QueryFile file, query::ParseQueryFile(text));
    OG_ASSIGN_OR_RETURN(const query::CheckedQuery checked,
                        query::CheckQuery(*snapshot->catalog(), file.queries[0]));
    OG_ASSIGN_OR_RETURN(const exec::QueryResult result,
                        exec::ExecuteQuery(env_, *QueryViewOf(snapshot), checked, {}, {}));
    return result.num_rows();
  }

  io::SimEnv env_;
  const std::shared_ptr<io::CountingStore> store_;
  const io::Location root_;
};

// The list of versions, the manifest, its rows, and beside them the contract; whether both are
// still the newest, and once more when the query begins; a table, its rows.
TEST_F(ColdReadTest, ALookUpByKeyTakesSevenRounds) {
  const Cost cost = CostOf([&](Graph& graph) {
    EXPECT_EQ(
        *NumRows(graph, "query q() { match { $p: Person { name: \"ann\" } } return { $p.age } }"),
        1);
  });
  EXPECT_LE(cost.rounds, 7) << cost.text;
  EXPECT_LE(cost.requests, 14u) << cost.text;
}

TEST_F(ColdReadTest, TheTablesOfAQueryAreOpenedTogether) {
  const Cost one = CostOf([&](Graph& graph) {
    EXPECT_EQ(*NumRows(graph, "query q() { match { $p: Person } return { $p.age } }"), 2);
  });
  const Cost three = CostOf([&](Graph& graph) {
    EXPECT_EQ(
        *NumRows(graph, "query q() { match { $p: Person $p memberOf $t } return { $t.slug } }"), 1);
  });
  // The rows of three tables come one after the other.
  EXPECT_LE(three.rounds, one.rounds + 2) << three.text;
}

TEST_F(ColdReadTest, AnExportReadsAllTablesTogether) {
  const Cost cost = CostOf([](Graph& graph) { EXPECT_EQ(ExportText(graph), kPeopleExport); });
  EXPECT_LE(cost.rounds, 6 + 1) << cost.text;
  EXPECT_LE(cost.requests, 12u + 2 * 4) << cost.text;
}

}  // namespace
}  // namespace og::engine::graph
