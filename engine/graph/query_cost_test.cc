// What single look-ups ask of storage on a graph that is compacted and indexed: requests and bytes
// of a keyed look-up and of one hop, from a process that knows nothing and from one that has asked
// before; and that the answers are those of every other way.
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

#include "engine/exec/execute.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/optimize.h"
#include "engine/graph/query_view.h"
#include "engine/graph/snapshot.h"
#include "engine/query/check.h"
#include "engine/query/params.h"
#include "engine/query/parse.h"
#include "io/base/json_value.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

constexpr int kPeople = 20'000;
constexpr int kDegree = 10;

constexpr std::string_view kSchema =
    "node Person { name: String @key\n  age: I64? @index\n  bio: String? }\n"
    "edge Knows: Person -> Person { since: I32? }\n";

constexpr std::string_view kQueries =
    "query keyed($n: String) { match { $p: Person { name: $n } } return { $p.name, $p.age } }\n"
    "query one_hop($n: String) { match { $p: Person { name: $n } $p knows $f } "
    "return { $f.name } order { $f.name } }\n"
    "query known_by($n: String) { match { $p: Person { name: $n } $f knows $p } "
    "return { $f.name } order { $f.name } }\n"
    "query of_age($a: I64) { match { $p: Person { age: $a } } return { $p.name } order { $p.name } "
    "}\n";

std::string Name(int person) {
  return io::StrCat("person-", io::ZeroPadded(static_cast<uint64_t>(person), 6));
}

struct Cost {
  uint64_t requests = 0;
  uint64_t bytes = 0;
};

class QueryCostTest : public ::testing::Test {
 protected:
  QueryCostTest() {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> fresh) {
      store_ = std::make_shared<io::CountingStore>(std::move(fresh));
      return store_;
    };
    env_ = std::make_unique<io::SimEnv>(tests::Seed(), options);
  }

  void SetUp() override {
    const auto root = env_->Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(*env_, *root, kSchema, {}), IsOk());
    const auto graph = Graph::Open(*env_, *root, OpenMode::kReadWrite);
    ASSERT_THAT(graph, IsOk());
    // In several loads, so that there is something to compact.
    constexpr int kLoads = 4;
    for (int load = 0; load < kLoads; ++load) {
      std::string text;
      for (int i = load * kPeople / kLoads; i < (load + 1) * kPeople / kLoads; ++i) {
        text += io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"", Name(i),
                           "\",\"age\":", i % 1000, ",\"bio\":\"",
                           std::string(100, static_cast<char>('a' + i % 26)), "\"}}\n");
      }
      ASSERT_THAT(LoadText(**graph, text, LoadMode::kAppend), IsOk());
    }
    std::string text;
    for (int i = 0; i < kPeople * kDegree; ++i) {
      text += io::StrCat("{\"edge\":\"Knows\",\"from\":\"", Name(i % kPeople), "\",\"to\":\"",
                         Name(static_cast<int>(int64_t{i} * 7919 % kPeople)),
                         "\",\"data\":{\"id\":\"", i, "\"}}\n");
    }
    ASSERT_THAT(LoadText(**graph, text, LoadMode::kAppend), IsOk());
    ASSERT_THAT(OptimizeGraph(*env_, *root, {}), IsOk());
    queries_ = *query::ParseQueryFile(kQueries);
  }

  std::shared_ptr<Graph> Open() {
    const auto root = env_->Resolve("memory://disk/g");
    const auto graph = Graph::Open(*env_, *root, OpenMode::kReadOnly);
    EXPECT_THAT(graph, IsOk());
    return *graph;
  }

  // The rows of a query as text, and what they cost.
  std::string Ask(Graph& graph, std::string_view name, std::string_view params,
                  exec::TraversalMode mode, Cost* cost) {
    const io::StoreCounts before = store_->counts();
    const auto snapshot = graph.SnapshotAt({});
    EXPECT_THAT(snapshot, IsOk());
    std::string rows;
    const query::Query& query = *queries_.Find(name);
    const auto checked = query::CheckQuery(*(*snapshot)->catalog(), query);
    EXPECT_THAT(checked, IsOk());
    const auto values = query::BindParams(query, *io::JsonValue::Parse(params));
    EXPECT_THAT(values, IsOk());
    const auto result =
        exec::ExecuteQuery(*env_, *QueryViewOf(*snapshot), *checked, *values, {.traversal = mode});
    EXPECT_THAT(result, IsOk());
    for (const format::RecordBatch& batch : result->batches) {
      for (int64_t i = 0; i < batch.num_rows; ++i)
        rows += io::StrCat(batch.columns[0]->StringValue(i), "\n");
    }
    const io::StoreCounts spent = store_->counts() - before;
    if (cost != nullptr) *cost = {.requests = spent.reads(), .bytes = spent.bytes_read()};
    return rows;
  }

  // What `name` costs a process that opens the graph for it, and the next such query of it.
  void Expect(std::string_view name, std::string_view params, std::string_view other_params,
              const Cost& cold_max, const Cost& warm_max) {
    SCOPED_TRACE(name);
    const io::StoreCounts before = store_->counts();
    const auto graph = Open();
    const std::string rows = Ask(*graph, name, params, exec::TraversalMode::kAuto, nullptr);
    const io::StoreCounts spent = store_->counts() - before;
    Cost warm;
    Ask(*graph, name, other_params, exec::TraversalMode::kAuto, &warm);
    std::cout << name << ": cold " << spent.reads() << " requests, " << spent.bytes_read()
              << " bytes; warm " << warm.requests << " requests, " << warm.bytes << " bytes\n";
    EXPECT_LE(spent.reads(), cold_max.requests) << spent.Text();
    EXPECT_LE(spent.bytes_read(), cold_max.bytes);
    EXPECT_LE(warm.requests, warm_max.requests);
    EXPECT_LE(warm.bytes, warm_max.bytes);
    EXPECT_FALSE(rows.empty());
    EXPECT_EQ(Ask(*graph, name, params, exec::TraversalMode::kTopology, nullptr), rows);
    EXPECT_EQ(Ask(*graph, name, params, exec::TraversalMode::kIndexed, nullptr), rows);
  }

  std::shared_ptr<io::CountingStore> store_;
  std::unique_ptr<io::SimEnv> env_;
  query::QueryFile queries_;
};

TEST_F(QueryCostTest, LookUpsReadALittleOfTheGraph) {
  Expect("keyed", "{\"n\":\"person-000077\"}", "{\"n\":\"person-013001\"}", {22, 145'000},
         {3, 32'000});
  Expect("one_hop", "{\"n\":\"person-000077\"}", "{\"n\":\"person-013001\"}", {58, 380'000},
         {31, 140'000});
  Expect("known_by", "{\"n\":\"person-000077\"}", "{\"n\":\"person-013001\"}", {58, 350'000},
         {33, 180'000});
  Expect("of_age", "{\"a\":77}", "{\"a\":500}", {19, 375'000}, {6, 290'000});
}

}  // namespace
}  // namespace og::engine::graph
