// Schema changes and repairs that die: at every change that they make to the store, by the end of
// the process and by losses of power, and at every named point; and their recovery the same way.
// Whatever is left opens, has the old schema and content or the new ones, and goes on from there.
#include <cstdio>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/repair.h"
#include "engine/graph/verify/verify.h"
#include "io/base/text.h"
#include "tests/support/crash_machine.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::Machine;
using ::og::tests::Moment;
using ::testing::AnyOf;
using ::testing::Eq;

// What a graph is: its schema as it was written, and its rows.
using Content = std::pair<std::string, std::string>;

Content ContentOf(Graph& graph) {
  return {graph.schema_source(), ExportText(graph)};
}

constexpr int64_t kLockUs = int64_t{3'601} * 1'000'000;

struct Scene {
  std::string name;
  std::string schema;  // that kPeopleSchema becomes
};

void PrintTo(const Scene& scene, std::ostream* out) {
  *out << scene.name;
}

std::vector<Scene> Scenes() {
  const std::string people =
      "node Person { name: String @key\n  age: I64?\n  email: String? @unique }\n";
  const std::string team = "node Team { slug: String @key }\n";
  const std::string knows = "edge Knows: Person -> Person { since: I32? }\n";
  const std::string member = "edge MemberOf: Person -> Team @card(0..2)\n";
  return {{"AddType", people + team + "node City { name: String @key }\n" + knows + member},
          {"AddProperty",
           "node Person { name: String @key\n  age: I64?\n  email: String? @unique\n  mood: "
           "String? }\n" +
               team + knows + member},
          {"RenameType", "node Crew @rename_from(\"Team\") { slug: String @key }\n" + people +
                             knows + "edge MemberOf: Person -> Crew @card(0..2)\n"},
          {"DropType", people + team + knows},
          {"Metadata",
           "node Person { name: String @key\n  age: I64? @index\n  email: String? @unique }\n" +
               team + knows + member},
          {"Everything",
           "node Human @rename_from(\"Person\") { name: String @key\n  years: I64? "
           "@rename_from(\"age\")\n"
           "  email: String? @unique  mood: enum(calm, wild)? }\n"
           "node City { name: String @key }\n" +
               team + "edge Knows: Human -> Human { }\nedge LivesIn: Human -> City\n"}};
}

class SchemaCrashTest : public ::testing::TestWithParam<Scene> {
 protected:
  static absl::Status Apply(Graph& graph) {
    return graph.ApplySchema(GetParam().schema, {}).status();
  }

  static std::shared_ptr<Graph> Prepare(Machine& machine) {
    EXPECT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
    const auto graph = machine.Open();
    EXPECT_THAT(graph, IsOk());
    EXPECT_THAT(LoadText(**graph, kPeople, LoadMode::kOverwrite), IsOk());
    return *graph;
  }

  static Content Afterwards() {
    Machine machine;
    const auto graph = Prepare(machine);
    EXPECT_THAT(Apply(*graph), IsOk());
    const auto again = machine.Open();
    EXPECT_THAT(again, IsOk());
    return ContentOf(**again);
  }

  static void ExpectWhole(const Moment& moment, const Content& before, const Content& after,
                          bool goes_on) {
    SCOPED_TRACE(moment.after);
    Machine machine(moment.disk);
    // Nobody can hold a root in memory: what locks it counts as left behind after an hour.
    machine.env().SleepUs(kLockUs);
    const auto graph = machine.Open();
    ASSERT_THAT(graph, IsOk());
    const Content found = ContentOf(**graph);
    if (moment.acknowledged) {
      ASSERT_EQ(found, after);
    } else {
      ASSERT_THAT(found, AnyOf(Eq(before), Eq(after)));
    }
    if (!goes_on) return;
    const auto report = VerifyGraph(machine.env(), machine.root(), {.deep = true});
    ASSERT_THAT(report, IsOk());
    for (const VerifyFinding& finding : report->findings)
      ASSERT_EQ(finding.check, "left_overs") << finding.subject << " " << finding.message;
    if (found == before) {
      ASSERT_THAT(Apply(**graph), IsOk());
    }
    const auto again = machine.Open();
    ASSERT_THAT(again, IsOk());
    ASSERT_EQ(ContentOf(**again), after);
    ASSERT_THAT((*again)->CreateBranch("b", "main"), IsOk());
  }
};

TEST_P(SchemaCrashTest, MayStopAnywhere) {
  const Content after = Afterwards();
  Machine machine;
  const auto graph = Prepare(machine);
  const Content before = ContentOf(*graph);
  machine.store().Start();
  ASSERT_THAT(Apply(*graph), IsOk());
  machine.store().Acknowledge();
  const std::vector<Moment>& moments = machine.store().moments();
  for (size_t i = 0; i < moments.size() && !HasFatalFailure(); ++i)
    ExpectWhole(moments[i], before, after, i % 7 == 0);
  std::printf("%s: %zu points\n", GetParam().name.c_str(), moments.size());
}

TEST_P(SchemaCrashTest, EveryNamedPointIsRecovered) {
  const Content after = Afterwards();
  Machine traced;
  const auto traced_graph = Prepare(traced);
  traced.env().crash_points().StartTrace();
  ASSERT_THAT(Apply(*traced_graph), IsOk());
  std::map<std::string, uint64_t> points;
  for (const std::string& point : traced.env().crash_points().StopTrace())
    ++points[point];
  EXPECT_GE(points.size(), 8u);
  size_t num_moments = 0;
  for (const auto& [point, times] : points) {
    for (uint64_t nth = 1; nth <= times && !HasFatalFailure(); ++nth) {
      SCOPED_TRACE(io::StrCat(point, ":", nth));
      Machine machine;
      const auto graph = Prepare(machine);
      const Content before = ContentOf(*graph);
      machine.env().crash_points().Fail(point, nth);
      Apply(*graph).IgnoreError();
      machine.env().crash_points().Clear(point);
      machine.store().Start();
      machine.env().SleepUs(kLockUs);
      const auto reopened = machine.Open();
      ASSERT_THAT(reopened, IsOk());
      ASSERT_THAT(ContentOf(**reopened), AnyOf(Eq(before), Eq(after)));
      const std::vector<Moment>& moments = machine.store().moments();
      const size_t num_on_the_way = moments.size();
      machine.store().NoteLossOfEach("recovery");
      num_moments += moments.size();
      for (size_t i = 0; i < moments.size() && !HasFatalFailure(); ++i)
        if (i % 3 == 0 || i >= num_on_the_way) ExpectWhole(moments[i], before, after, i % 21 == 0);
    }
  }
  std::printf("%s: %zu named points, %zu points of their recovery\n", GetParam().name.c_str(),
              points.size(), num_moments);
}

INSTANTIATE_TEST_SUITE_P(Scenes, SchemaCrashTest, ::testing::ValuesIn(Scenes()),
                         [](const auto& scene) { return scene.param.name; });

// A table that was written past the graph, and the repair that publishes it.
TEST(RepairCrashTest, MayStopAnywhere) {
  Machine machine;
  ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  {
    const auto graph = machine.Open();
    ASSERT_THAT(LoadText(**graph, kPeople, LoadMode::kAppend), IsOk());
    const auto info = (*graph)->DescribeSnapshot({});
    ASSERT_THAT(info, IsOk());
    for (const DatasetInfo& table : info->datasets) {
      if (table.type_name != "Team") continue;
      const auto dataset =
          dataset::Dataset::Open(machine.env(), machine.root().Child(table.dataset_path), {});
      ASSERT_THAT(dataset, IsOk());
      const auto staged = (*dataset)->StageRestore((*dataset)->version() - 1, {});
      ASSERT_THAT(staged, IsOk());
      ASSERT_THAT((*dataset)->CommitExact(*staged), IsOk());
    }
  }
  const auto repair = [](Machine& on) {
    return RepairGraph(on.env(), on.root(), {.confirm = true, .force = true}).status();
  };
  const auto drifted = machine.Open();
  ASSERT_THAT(drifted, IsOk());
  ASSERT_FALSE(
      LoadText(**drifted, "{\"type\":\"Team\",\"data\":{\"slug\":\"x\"}}", LoadMode::kAppend).ok());
  machine.store().Start();
  ASSERT_THAT(repair(machine), IsOk());
  machine.store().Acknowledge();
  for (const Moment& moment : machine.store().moments()) {
    SCOPED_TRACE(moment.after);
    Machine next(moment.disk);
    // The record of the load before may be there again.
    ASSERT_THAT(next.Open(), IsOk());
    ASSERT_THAT(repair(next), IsOk());
    const auto graph = next.Open();
    ASSERT_THAT(graph, IsOk());
    ASSERT_EQ(ExportText(**graph).find("\"Team\""), std::string::npos);
    ASSERT_THAT(
        LoadText(**graph, "{\"type\":\"Team\",\"data\":{\"slug\":\"x\"}}", LoadMode::kAppend),
        IsOk());
  }
  std::printf("Repair: %zu points\n", machine.store().moments().size());
}

}  // namespace
}  // namespace og::engine::graph
