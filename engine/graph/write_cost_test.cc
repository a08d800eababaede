// What a small write costs on a warm handle: requests, rounds of requests that wait for one
// another, and durability barriers, by phase. Rounds are counted on a simulated clock that only
// requests move: each takes one second, so that an operation takes as many seconds as it has
// rounds. The tables are printed.
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <span>
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
#include "io/fault/latency_store.h"
#include "io/store/hooked_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;

constexpr int64_t kRoundUs = 1'000'000;

constexpr std::string_view kSchema =
    "node Team { slug: String @key }\n"
    "node City { name: String @key }\n"
    "node Pet { name: String @key }\n"
    "edge Plays: Team -> City\n";

// Where a phase ends, by the crash point that stands there, and what it is called.
constexpr std::pair<const char*, const char*> kPhases[] = {
    {"mutation.post_stage_pre_effect_gate", "prepare, run, validate, stage"},
    {"recovery.sidecar_write", "revalidate"},
    {"mutation.post_sidecar_pre_fork", "arm, sync"},
    {"recovery.sidecar_confirm", "commit the tables"},
    {"mutation.post_finalize_pre_publisher", "confirm, stage the publication"},
    {"graph_publish.after_manifest_commit", "publish"},
};

// Whose requests: tables, `__manifest`, or the texts beside them, which are contracts and records.
enum class Part : uint8_t { kTables, kManifest, kTexts };

Part PartOf(std::string_view path) {
  if (path.find("/nodes/") != path.npos || path.find("/edges/") != path.npos) return Part::kTables;
  return path.find("/__manifest/") != path.npos ? Part::kManifest : Part::kTexts;
}

// Requests of one part.
struct PartCost {
  uint64_t reads = 0;
  uint64_t looks = 0;  // whether an object is there, and what is
  uint64_t writes = 0;
  uint64_t deletes = 0;
};

using PartCosts = std::map<Part, PartCost>;

// Counts requests by part, and the moments at which a writer waits for stable storage: a sync, or
// conditional puts, which are durable on return, of one round. One actor at a time may call it.
class BarrierStore : public io::HookedStore {
 public:
  BarrierStore(io::Env& env, std::shared_ptr<io::Store> base)
      : HookedStore(std::move(base)), env_(env) {}

  uint64_t num_barriers() const { return num_barriers_; }
  const PartCosts& parts() const { return parts_; }

  absl::Status Sync(std::span<const std::string> paths, io::Durability durability) override {
    if (!paths.empty()) ++num_barriers_;
    return HookedStore::Sync(paths, durability);
  }

 protected:
  absl::Status After(io::StoreCall call, std::string_view path, uint64_t,
                     const absl::Status& status) override {
    Count(call, parts_[PartOf(path)]);
    if (call != io::StoreCall::kPutIfAbsent && call != io::StoreCall::kPutIfMatch) return status;
    const int64_t round = env_.NowUs() / kRoundUs;
    if (std::exchange(last_round_, round) != round) ++num_barriers_;
    return status;
  }

 private:
  static void Count(io::StoreCall call, PartCost& part) {
    using io::StoreCall;
    switch (call) {
      case StoreCall::kRead:
      case StoreCall::kReadRange:
      case StoreCall::kReadTail:
        ++part.reads;
        break;
      case StoreCall::kStat:
      case StoreCall::kList:
        ++part.looks;
        break;
      case StoreCall::kPut:
      case StoreCall::kPutIfAbsent:
      case StoreCall::kPutIfMatch:
      case StoreCall::kFinish:
        ++part.writes;
        break;
      case StoreCall::kDelete:
        ++part.deletes;
        break;
      default:
        break;
    }
  }

  io::Env& env_;
  PartCosts parts_;
  int64_t last_round_ = 0;
  uint64_t num_barriers_ = 0;
};

struct Cost {
  uint64_t requests = 0;
  int64_t rounds = 0;
  uint64_t barriers = 0;
  uint64_t bytes = 0;
};

uint64_t RequestsOf(const io::StoreCounts& counts) {
  return counts.reads() + counts.writes() + counts.calls_of(io::StoreCall::kStat) +
         counts.calls_of(io::StoreCall::kList) + counts.calls_of(io::StoreCall::kDelete);
}

uint64_t BytesOf(const io::StoreCounts& counts) {
  return counts.bytes_read() + counts.bytes_written();
}

class WriteCostTest : public ::testing::Test {
 protected:
  WriteCostTest() {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> fresh) -> std::shared_ptr<io::Store> {
      counting_ = std::make_shared<io::CountingStore>(std::move(fresh));
      barriers_ = std::make_shared<BarrierStore>(*env_, counting_);
      return std::make_shared<io::LatencyStore>(*env_, barriers_, kRoundUs);
    };
    env_ = std::make_unique<io::SimEnv>(tests::Seed(), options);
    root_ = *env_->Resolve("memory://disk/g");
  }

  void SetUp() override {
    AsActor([&] {
      ASSERT_THAT(Graph::Init(*env_, root_, kSchema, {}), IsOk());
      graph_ = *Graph::Open(*env_, root_, OpenMode::kReadWrite);
      ASSERT_THAT(Mutate("insert Team { slug: \"warm\" } insert City { name: \"warm\" } "
                         "insert Pet { name: \"warm\" }"),
                  IsOk());
    });
  }

  // Requests wait at the same time only while actors run.
  void AsActor(const std::function<void()>& body) { env_->RunActors({body}); }

  absl::Status Mutate(std::string_view statements, const std::string& branch = "main") {
    const std::string text = "query q() { " + std::string(statements) + " }";
    const auto file = query::ParseQueryFile(text);
    if (!file.ok()) return file.status();
    MutateOptions options;
    options.branch = branch;
    return graph_->Mutate(file->queries[0], {}, options).status();
  }

  struct Moment {
    io::StoreCounts counts;
    int64_t time_us = 0;
    uint64_t barriers = 0;
  };
  Moment Now() { return {counting_->counts(), env_->NowUs(), barriers_->num_barriers()}; }
  static Cost Between(const Moment& a, const Moment& b) {
    const io::StoreCounts counts = b.counts - a.counts;
    return {RequestsOf(counts), (b.time_us - a.time_us) / kRoundUs, b.barriers - a.barriers,
            BytesOf(counts)};
  }

  static PartCost Between(const PartCosts& a, const PartCosts& b, Part part) {
    const auto of = [part](const PartCosts& costs) {
      const auto found = costs.find(part);
      return found == costs.end() ? PartCost() : found->second;
    };
    const PartCost before = of(a);
    const PartCost after = of(b);
    return {after.reads - before.reads, after.looks - before.looks, after.writes - before.writes,
            after.deletes - before.deletes};
  }

  static void Print(std::string_view label, const Cost& cost, const io::StoreCounts& counts) {
    std::printf("  %-32s %3llu requests %3lld rounds %2llu barriers  %s\n",
                std::string(label).c_str(), static_cast<unsigned long long>(cost.requests),
                static_cast<long long>(cost.rounds), static_cast<unsigned long long>(cost.barriers),
                counts.Text().c_str());
  }

  // Runs a mutation and prints its phases; all before the acknowledgement.
  Cost CostOf(std::string_view name, std::string_view statements,
              const std::string& branch = "main") {
    Cost cost;
    AsActor([&] {
      const Moment start = Now();
      Moment before = start;
      std::printf("%s\n", std::string(name).c_str());
      for (const auto& [point, phase] : kPhases) {
        env_->crash_points().Set(point, [&, label = phase]() -> absl::Status {
          const Moment now = Now();
          Print(label, Between(before, now), now.counts - before.counts);
          before = now;
          return absl::OkStatus();
        });
      }
      EXPECT_THAT(Mutate(statements, branch), IsOk());
      for (const auto& [point, phase] : kPhases)
        env_->crash_points().Clear(point);
      cost = Between(start, before);
      Print("acknowledged", cost, before.counts - start.counts);
      // The removal of the record, which nobody who reads waits for.
      const Moment end = Now();
      Print("settle", Between(before, end), end.counts - before.counts);
    });
    return cost;
  }

  Cost CostOfInit(const std::string& folder, std::string_view schema) {
    Cost cost;
    AsActor([&] {
      const Moment before = Now();
      EXPECT_THAT(Graph::Init(*env_, *env_->Resolve("memory://disk/" + folder), schema, {}),
                  IsOk());
      const Moment after = Now();
      cost = Between(before, after);
      Print("init of " + folder, cost, after.counts - before.counts);
    });
    return cost;
  }

  std::shared_ptr<io::CountingStore> counting_;
  std::shared_ptr<BarrierStore> barriers_;
  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
  std::shared_ptr<Graph> graph_;
};

TEST_F(WriteCostTest, AnInitTakesAsLongForManyTablesAsForFew) {
  std::string wide;
  for (int i = 0; i < 12; ++i)
    wide += "node N" + std::to_string(i) + " { name: String @key }\n";
  const Cost few = CostOfInit("few", kSchema);
  const Cost many = CostOfInit("many", wide);
  EXPECT_EQ(many.rounds, few.rounds);
  EXPECT_LE(few.rounds, 21);
}

TEST_F(WriteCostTest, InsertOfAKeyedNode) {
  const Cost cost = CostOf("insert", "insert Team { slug: \"a\" }");
  EXPECT_LE(cost.requests, 30u);
  EXPECT_LE(cost.rounds, 10);
  EXPECT_LE(cost.barriers, 6u);
}

// The reference asks for at most 4 writes of tables, 24 reads of `__manifest`, and of the texts 7
// reads, 4 looks, 2 writes and a removal.
TEST_F(WriteCostTest, AnInsertAsksLessOfEachPartThanTheReference) {
  const PartCosts before = barriers_->parts();
  CostOf("insert", "insert Team { slug: \"parts\" }");
  const auto cost = [&](Part part) { return Between(before, barriers_->parts(), part); };
  EXPECT_LE(cost(Part::kTables).writes, 4u);
  EXPECT_LE(cost(Part::kManifest).reads + cost(Part::kManifest).looks, 4u);
  EXPECT_LE(cost(Part::kTexts).reads, 2u);
  EXPECT_LE(cost(Part::kTexts).looks, 2u);
  EXPECT_LE(cost(Part::kTexts).writes, 2u);
  EXPECT_LE(cost(Part::kTexts).deletes, 1u);
}

// Keys are looked for among the stored ones in chunks, not one by one.
TEST_F(WriteCostTest, AProbeOfManyKeysAsksAsOftenAsOfFew) {
  const auto reads_of = [&](std::string_view prefix, int num_rows) {
    std::string lines;
    for (int i = 0; i < num_rows; ++i) {
      lines += "{\"type\":\"City\",\"data\":{\"name\":\"" + std::string(prefix) +
               std::to_string(i) + "\"}}\n";
    }
    const PartCosts before = barriers_->parts();
    AsActor([&] { EXPECT_THAT(LoadText(*graph_, lines, LoadMode::kAppend), IsOk()); });
    const PartCost cost = Between(before, barriers_->parts(), Part::kTables);
    std::printf("a load of %d rows: %llu reads of tables\n", num_rows,
                static_cast<unsigned long long>(cost.reads + cost.looks));
    return cost.reads + cost.looks;
  };
  const uint64_t few = reads_of("few", 10);
  const uint64_t many = reads_of("many", 8'000);
  EXPECT_GT(few, 0u);
  EXPECT_LE(many, few + 1);  // one more file to look into
}

TEST_F(WriteCostTest, UpdateOfAnExistingRow) {
  const Cost cost = CostOf("upsert of an existing row", "insert Team { slug: \"warm\" }");
  EXPECT_LE(cost.requests, 30u);
  EXPECT_LE(cost.rounds, 12);
  EXPECT_LE(cost.barriers, 6u);
}

TEST_F(WriteCostTest, FurtherTables) {
  const Cost one = CostOf("one table", "insert Team { slug: \"b\" }");
  const Cost two = CostOf("two tables", "insert Team { slug: \"c\" } insert City { name: \"c\" }");
  const Cost three = CostOf("three tables",
                            "insert Team { slug: \"d\" } insert City { name: \"d\" } "
                            "insert Pet { name: \"d\" }");
  EXPECT_LE(two.requests, one.requests + 6);
  EXPECT_LE(three.requests, one.requests + 12);
  EXPECT_LE(two.rounds, one.rounds);
  EXPECT_LE(three.rounds, one.rounds);
  EXPECT_LE(three.barriers, 6u);
}

}  // namespace
}  // namespace og::engine::graph
