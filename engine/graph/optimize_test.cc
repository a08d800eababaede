// Keeping tables in shape: after an optimization each table is one fragment with the indexes that
// the schema asks for, and holds the rows that it held; wherever it stops, the graph is whole and
// goes on; what was changed past the graph is left alone.
#include "engine/graph/optimize.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/indices.h"
#include "engine/dataset/metadata.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/repair.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/verify/verify.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/crash_machine.h"
#include "tests/support/reference_graph.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::Machine;
using ::og::tests::Moment;
using ::og::tests::ReferenceGraph;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kSchema =
    "node Person { name: String @key\n  age: I64? @index\n  mood: enum(good, bad)? @index\n"
    "  bio: String?\n  tags: [String]?\n  photo: Blob? }\n"
    "node Empty { slug: String @key }\n"
    "edge Knows: Person -> Person { since: I32? }\n";

std::string Person(std::string_view name, int age) {
  return io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"", name, "\",\"age\":", age,
                    ",\"mood\":\"good\",\"tags\":[\"a\",\"b\"],\"photo\":\"base64:aGVsbG8=\"}}\n");
}

std::string Knows(std::string_view id, std::string_view from, std::string_view to) {
  return io::StrCat("{\"edge\":\"Knows\",\"from\":\"", from, "\",\"to\":\"", to,
                    "\",\"data\":{\"id\":\"", id, "\"}}\n");
}

absl::Status Delete(Graph& graph, std::string_view name) {
  const auto file =
      query::ParseQueryFile(io::StrCat("query q() { delete Person where name = \"", name, "\" }"));
  return graph.Mutate(file->queries[0], {}, {}).status();
}

// A graph of three loads and a deletion: two tables with work to do, one without rows.
std::shared_ptr<Graph> Lived(Machine& machine) {
  EXPECT_THAT(Graph::Init(machine.env(), machine.root(), kSchema, {}), IsOk());
  const auto graph = machine.Open();
  EXPECT_THAT(graph, IsOk());
  EXPECT_THAT(LoadText(**graph, Person("ann", 30) + Person("bob", 31), LoadMode::kAppend), IsOk());
  EXPECT_THAT(
      LoadText(**graph, Person("cid", 7) + Knows("k1", "ann", "bob") + Knows("k3", "ann", "cid"),
               LoadMode::kAppend),
      IsOk());
  EXPECT_THAT(LoadText(**graph, Person("dan", 8) + Knows("k2", "cid", "ann"), LoadMode::kAppend),
              IsOk());
  EXPECT_THAT(Delete(**graph, "bob"), IsOk());
  return *graph;
}

absl::StatusOr<OptimizeResult> Optimize(Machine& machine) {
  return OptimizeGraph(machine.env(), machine.root(), {});
}

// "id_idx" -> "1/1" (segments/fragments that they do not cover) of each index of a table.
std::map<std::string, std::string> IndicesOf(Graph& graph, std::string_view table_key) {
  const auto snapshot = graph.SnapshotAt({});
  std::map<std::string, std::string> found;
  for (const TableEntry& entry : (*snapshot)->tables()) {
    if (entry.table_key != table_key) continue;
    const auto table = (*snapshot)->OpenTable(entry);
    const auto indices = dataset::ListIndices(**table);
    for (const auto& index : *indices) {
      found[index.name] =
          io::StrCat(index.segments.size(), "/",
                     (*table)->manifest().fragments.size() - index.fragment_ids.size());
    }
  }
  return found;
}

size_t NumFragments(Graph& graph, std::string_view table_key) {
  const auto snapshot = graph.SnapshotAt({});
  for (const TableEntry& entry : (*snapshot)->tables()) {
    if (entry.table_key == table_key) {
      return (*(*snapshot)->OpenTable(entry))->manifest().fragments.size();
    }
  }
  return 0;
}

using Indices = std::map<std::string, std::string>;
const Indices kPersonIndices = {{"age_idx", "1/0"}, {"id_idx", "1/0"}, {"mood_idx", "1/0"}};
const Indices kKnowsIndices = {{"dst_idx", "1/0"}, {"id_idx", "1/0"}, {"src_idx", "1/0"}};

TEST(OptimizeTest, MakesOneFragmentAndTheIndexesOfTheSchema) {
  Machine machine;
  const auto graph = Lived(machine);
  const std::string before = ExportText(*graph);
  const size_t num_commits = graph->ListCommits("main")->size();
  const auto result = Optimize(machine);
  ASSERT_THAT(result, IsOk());
  ASSERT_TRUE(result->commit.has_value());
  EXPECT_EQ(result->commit->actor_id, std::nullopt);
  ASSERT_EQ(result->tables.size(), 4u);
  EXPECT_EQ(result->tables[0].table_key, "edge:Knows");
  EXPECT_EQ(result->tables[0].fragments_removed, 2u);
  EXPECT_EQ(result->tables[0].fragments_added, 1u);
  EXPECT_TRUE(result->tables[0].committed);
  EXPECT_EQ(result->tables[1].table_key, "node:Empty");
  EXPECT_FALSE(result->tables[1].committed);
  EXPECT_THAT(result->tables[1].pending_indexes, IsEmpty());
  EXPECT_EQ(result->tables[2].table_key, "node:Person");
  EXPECT_EQ(result->tables[2].fragments_added, 1u);
  ASSERT_EQ(result->tables[2].pending_indexes.size(), 1u);
  EXPECT_EQ(result->tables[2].pending_indexes[0].property, "name");
  EXPECT_EQ(result->tables[3].table_key, "__manifest");

  EXPECT_EQ(ExportText(*graph), before);
  EXPECT_EQ(graph->ListCommits("main")->size(), num_commits + 1);
  EXPECT_EQ(NumFragments(*graph, "node:Person"), 1u);
  EXPECT_EQ(NumFragments(*graph, "edge:Knows"), 1u);
  EXPECT_EQ(IndicesOf(*graph, "node:Person"), kPersonIndices);
  EXPECT_EQ(IndicesOf(*graph, "edge:Knows"), kKnowsIndices);
  EXPECT_THAT(IndicesOf(*graph, "node:Empty"), IsEmpty());
}

TEST(OptimizeTest, WithoutWorkMakesNoCommit) {
  Machine machine;
  const auto graph = Lived(machine);
  ASSERT_THAT(Optimize(machine), IsOk());
  const auto versions = graph->DescribeSnapshot({});
  const auto again = Optimize(machine);
  ASSERT_THAT(again, IsOk());
  EXPECT_FALSE(again->commit.has_value());
  for (const OptimizedTable& table : again->tables) {
    EXPECT_FALSE(table.committed) << table.table_key;
    EXPECT_EQ(table.fragments_removed, 0u);
  }
  EXPECT_EQ(graph->DescribeSnapshot({})->graph_manifest_version, versions->graph_manifest_version);
}

TEST(OptimizeTest, FoldsNewRowsIntoIndexesAndFragments) {
  Machine machine;
  const auto graph = Lived(machine);
  for (int round = 0; round < 4; ++round) {
    ASSERT_THAT(Optimize(machine), IsOk());
    EXPECT_EQ(IndicesOf(*graph, "node:Person"), kPersonIndices) << round;
    EXPECT_EQ(IndicesOf(*graph, "edge:Knows"), kKnowsIndices) << round;
    EXPECT_EQ(NumFragments(*graph, "node:Person"), 1u) << round;
    const std::string name = io::StrCat("p", round);
    ASSERT_THAT(
        LoadText(*graph, Person(name, round) + Knows("x" + name, name, "ann"), LoadMode::kMerge),
        IsOk());
    if (round > 0) {
      ASSERT_THAT(Delete(*graph, io::StrCat("p", round - 1)), IsOk());
    }
  }
}

TEST(OptimizeTest, ABranchKeepsReadingWhatItReads) {
  Machine machine;
  const auto graph = Lived(machine);
  ASSERT_THAT(graph->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(LoadText(*graph, Person("eve", 1), LoadMode::kAppend, "b"), IsOk());
  const std::string on_b = ExportText(*graph, {.branch = "b", .snapshot = std::nullopt});
  ASSERT_THAT(Optimize(machine), IsOk());
  EXPECT_EQ(ExportText(*graph, {.branch = "b", .snapshot = std::nullopt}), on_b);
  ASSERT_THAT(graph->MergeBranch(
                  {.source = "b", .target = "main", .actor_id = std::nullopt, .dry_run = false}),
              IsOk());
  EXPECT_EQ(ExportText(*graph), on_b);
  ASSERT_THAT(Optimize(machine), IsOk());
  EXPECT_EQ(ExportText(*graph), on_b);
}

TEST(OptimizeTest, AMergeOfNewAndChangedRowsLeavesTheIndexesTrue) {
  Machine machine;
  const auto graph = Lived(machine);
  ASSERT_THAT(Optimize(machine), IsOk());
  ASSERT_THAT(graph->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(LoadText(*graph, Person("ann", 77) + Person("eve", 5), LoadMode::kMerge, "b"),
              IsOk());
  ASSERT_THAT(LoadText(*graph, Person("joe", 1), LoadMode::kMerge), IsOk());
  ASSERT_THAT(graph->MergeBranch(
                  {.source = "b", .target = "main", .actor_id = std::nullopt, .dry_run = false}),
              IsOk());
  const auto report = VerifyGraph(machine.env(), machine.root(), {.deep = true});
  ASSERT_THAT(report, IsOk());
  for (const VerifyFinding& finding : report->findings)
    ADD_FAILURE() << finding.subject << ": " << finding.message;
}

TEST(OptimizeTest, RemovesKeysOfCleanupsOfTheirOwn) {
  Machine machine;
  const auto graph = Lived(machine);
  ASSERT_THAT(Optimize(machine), IsOk());
  const auto snapshot = graph->SnapshotAt({});
  for (const TableEntry& entry : (*snapshot)->tables()) {
    if (entry.table_key != "node:Person") continue;
    const auto table = (*snapshot)->OpenTable(entry);
    dataset::MetadataChange change;
    change.config.entries["lance.auto_cleanup.interval"] = "20";
    const auto staged = dataset::StageMetadata(**table, change);
    ASSERT_THAT((*table)->CommitExact(*staged), IsOk());
  }
  // The version was made past the graph.
  const auto skipped = Optimize(machine);
  ASSERT_THAT(skipped, IsOk());
  EXPECT_FALSE(skipped->commit.has_value());
  EXPECT_TRUE(skipped->tables[2].is_skipped());
  EXPECT_EQ(*skipped->tables[2].head_version, *skipped->tables[2].published_version + 1);

  ASSERT_THAT(RepairGraph(machine.env(), machine.root(), {.confirm = true, .force = true}), IsOk());
  const auto result = Optimize(machine);
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->tables[2].committed);
  const auto after = graph->SnapshotAt({});
  for (const TableEntry& entry : (*after)->tables()) {
    const auto table = (*after)->OpenTable(entry);
    for (const auto& [key, value] : (*table)->manifest().config)
      EXPECT_FALSE(key.starts_with("lance.auto_cleanup")) << key;
  }
}

TEST(OptimizeTest, PreparesAgainWhenAWriterWasFaster) {
  Machine machine;
  const auto graph = Lived(machine);
  int writes = 0;
  machine.env().crash_points().Set("optimize.post_authority_capture_pre_gates", [&]() {
    if (writes++ > 0) return absl::OkStatus();
    return LoadText(*graph, Person("eve", 1), LoadMode::kAppend).status();
  });
  const auto result = Optimize(machine);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(writes, 2);
  EXPECT_THAT(ExportText(*graph), HasSubstr("eve"));
  EXPECT_EQ(NumFragments(*graph, "node:Person"), 1u);
  EXPECT_EQ(IndicesOf(*graph, "node:Person"), kPersonIndices);
}

TEST(OptimizeTest, AnUnfinishedWriteIsResolvedFirst) {
  Machine machine;
  const auto graph = Lived(machine);
  machine.env().crash_points().Fail("mutation.post_table_commit");
  ASSERT_FALSE(LoadText(*graph, Person("eve", 1), LoadMode::kAppend).ok());
  const absl::Status refused = Optimize(machine).status();
  EXPECT_EQ(io::DetailOf(refused)->kind, io::ErrorKind::kConflict);
  EXPECT_THAT(std::string(io::Message(refused)),
              HasSubstr("optimize requires a clean recovery state"));
  ASSERT_THAT(machine.Open(), IsOk());
  EXPECT_THAT(Optimize(machine), IsOk());
}

TEST(OptimizeTest, MayStopAnywhere) {
  Machine machine;
  const auto graph = Lived(machine);
  const std::string rows = ExportText(*graph);
  machine.store().Start();
  ASSERT_THAT(Optimize(machine), IsOk());
  machine.store().Acknowledge();
  const std::vector<Moment>& moments = machine.store().moments();
  EXPECT_GT(moments.size(), 100u);
  for (size_t i = 0; i < moments.size(); ++i) {
    SCOPED_TRACE(moments[i].after);
    Machine next(moments[i].disk);
    const auto reopened = next.Open();
    ASSERT_THAT(reopened, IsOk());
    ASSERT_EQ(ExportText(**reopened), rows);
    if (moments[i].acknowledged) {
      EXPECT_EQ(IndicesOf(**reopened, "node:Person"), kPersonIndices);
    }
    if (i % 5 != 0) continue;
    ASSERT_THAT(LoadText(**reopened, Person("eve", 1), LoadMode::kAppend), IsOk());
    ASSERT_THAT(Optimize(next), IsOk());
    EXPECT_EQ(IndicesOf(**reopened, "node:Person"), kPersonIndices);
  }
}

// Where it is interrupted, and whether the tables then have their new versions.
struct Interruption {
  const char* point;
  uint64_t nth;
  bool forward;
};
constexpr Interruption kInterruptions[] = {
    {"optimize.before_compact", 1, false},
    {"dataset_commit.before_manifest", 1, false},
    {"optimize.post_table_commit", 1, true},
    {"optimize.post_table_commit", 2, true},
    {"optimize.post_phase_b_pre_manifest_commit", 1, true},
    {"graph_publish.before_commit_append", 1, true},
    {"graph_publish.after_manifest_commit", 1, true},
};

TEST(OptimizeTest, RecoveryGoesForwardIfAllTablesMovedAndMayStopAnywhere) {
  for (const Interruption& interruption : kInterruptions) {
    SCOPED_TRACE(io::StrCat(interruption.point, ":", interruption.nth));
    Machine machine;
    const auto graph = Lived(machine);
    const std::string rows = ExportText(*graph);
    machine.env().crash_points().Fail(interruption.point, interruption.nth);
    const absl::Status failed = Optimize(machine).status();
    EXPECT_EQ(io::DetailOf(failed)->kind, io::ErrorKind::kRecoveryRequired) << failed;
    machine.env().crash_points().Clear(interruption.point);
    machine.store().Start();
    const auto reopened = machine.Open();
    ASSERT_THAT(reopened, IsOk());
    EXPECT_EQ(ExportText(**reopened), rows);
    EXPECT_EQ(IndicesOf(**reopened, "node:Person"),
              interruption.forward ? kPersonIndices : Indices());
    for (const Moment& moment : machine.store().moments()) {
      SCOPED_TRACE(moment.after);
      Machine next(moment.disk);
      const auto healed = next.Open();
      ASSERT_THAT(healed, IsOk());
      ASSERT_EQ(ExportText(**healed), rows);
    }
    ASSERT_THAT(Optimize(machine), IsOk());
    EXPECT_EQ(IndicesOf(**reopened, "node:Person"), kPersonIndices);
  }
}

class OptimizeReferenceTest : public ::testing::TestWithParam<const char*> {};

TEST_P(OptimizeReferenceTest, GraphsOfTheReferenceKeepTheirRows) {
  const ReferenceGraph fixture(GetParam());
  const auto graph = fixture.Open(OpenMode::kReadWrite);
  ASSERT_THAT(graph, IsOk());
  std::map<std::string, std::string> exports;
  for (const auto& [branch, expected] : fixture.branches())
    exports[branch] = ExportText(**graph, {.branch = branch, .snapshot = std::nullopt});
  for (int round = 0; round < 2; ++round) {
    const auto result = OptimizeGraph(io::RealEnv(), (*graph)->root(), {});
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(round == 0 || !result->commit.has_value());
    for (const auto& [branch, rows] : exports)
      EXPECT_EQ(ExportText(**graph, {.branch = branch, .snapshot = std::nullopt}), rows) << branch;
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, OptimizeReferenceTest,
                         ::testing::Values("basic", "branches", "maintained", "mutations",
                                           "schema_evolution", "types"),
                         [](const auto& graph) { return std::string(graph.param); });

}  // namespace
}  // namespace og::engine::graph
