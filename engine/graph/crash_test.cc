// Writers that die. A write of each kind is interrupted at every change that it makes to the store,
// by the end of its process and by losses of power, and at every named crash point; recovery is
// interrupted the same way. Whatever is left opens, holds the old or the new graph, never a
// mixture, takes the next load, and an acknowledged write is never lost.
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/env/sim_env.h"
#include "tests/support/crash_machine.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::Machine;
using ::og::tests::Moment;
using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;

constexpr std::string_view kNewTeam = "{\"type\":\"Team\",\"data\":{\"slug\":\"zz\"}}\n";

constexpr std::string_view kReplacement =
    "{\"type\":\"Person\",\"data\":{\"name\":\"eve\"}}\n"
    "{\"edge\":\"Knows\",\"from\":\"eve\",\"to\":\"eve\",\"data\":{\"id\":\"k9\"}}\n"
    "{\"type\":\"Team\",\"data\":{\"slug\":\"t7\"}}\n"
    "{\"edge\":\"MemberOf\",\"from\":\"eve\",\"to\":\"t7\",\"data\":{\"id\":\"m9\"}}\n";

// A write over a graph that holds kPeople.
struct Scene {
  std::string name;
  size_t num_tables;  // that it commits
  std::function<absl::Status(Graph&)> write;
};

Scene LoadScene(std::string name, LoadMode mode) {
  return {std::move(name), 4,
          [mode](Graph& graph) { return LoadText(graph, kReplacement, mode).status(); }};
}

Scene MutationScene(std::string name, size_t num_tables, std::string text) {
  return {std::move(name), num_tables, [text = std::move(text)](Graph& graph) {
            const auto file = query::ParseQueryFile(text);
            return graph.Mutate(file->queries[0], {}, {}).status();
          }};
}

const Scene kOverwriteScene = LoadScene("Overwrite", LoadMode::kOverwrite);

std::vector<Scene> Scenes() {
  return {LoadScene("Append", LoadMode::kAppend), kOverwriteScene,
          LoadScene("Merge", LoadMode::kMerge),
          MutationScene("Insert", 2,
                        "query q() { insert Person { name: \"eve\" } insert Team { slug: \"t7\" } "
                        "update Person set { age: 9 } where name = \"ann\" }"),
          MutationScene("Delete", 2, "query q() { delete Person where name = \"ann\" }")};
}

void Prepare(Machine& machine) {
  ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  const auto graph = machine.Open();
  ASSERT_THAT(graph, IsOk());
  ASSERT_THAT(LoadText(**graph, kPeople, LoadMode::kOverwrite), IsOk());
}

// The graph after `scene`.
std::string Afterwards(const Scene& scene) {
  Machine machine;
  Prepare(machine);
  const auto graph = machine.Open();
  EXPECT_THAT(scene.write(**graph), IsOk());
  return ExportText(**graph);
}

// Opens what a moment left, and expects one whole graph; and, if `writes`, that it can be written.
void ExpectWhole(const Moment& moment, const std::string& before, const std::string& after,
                 bool writes) {
  SCOPED_TRACE(moment.after);
  Machine machine(moment.disk);
  const auto graph = machine.Open();
  ASSERT_THAT(graph, IsOk());
  const std::string found = ExportText(**graph);
  if (moment.acknowledged) {
    ASSERT_EQ(found, after);
  } else {
    ASSERT_THAT(found, AnyOf(Eq(before), Eq(after)));
  }
  if (!writes) return;
  ASSERT_THAT(LoadText(**graph, kNewTeam, LoadMode::kAppend), IsOk());
  const auto again = machine.Open();
  ASSERT_THAT(again, IsOk());
  ASSERT_EQ(ExportText(**again),
            found + "{\"type\":\"Team\",\"data\":{\"id\":\"zz\",\"slug\":\"zz\"}}\n");
}

class CrashTest : public ::testing::TestWithParam<Scene> {
 protected:
  // All moments of `machine`; every fifth is written to as well, so that each way to stop has
  // turns.
  static void ExpectAllWhole(Machine& machine, const std::string& after) {
    const std::vector<Moment>& moments = machine.store().moments();
    for (size_t i = 0; i < moments.size() && !HasFatalFailure(); ++i) {
      ExpectWhole(moments[i], std::string(kPeopleExport), after, i % 5 == 0);
    }
  }
};

TEST_P(CrashTest, AWriteMayStopAnywhere) {
  const std::string after = Afterwards(GetParam());
  Machine machine;
  Prepare(machine);
  const auto graph = machine.Open();
  ASSERT_THAT(graph, IsOk());
  machine.store().Start();
  ASSERT_THAT(GetParam().write(**graph), IsOk());
  machine.store().Acknowledge();
  EXPECT_GT(machine.store().moments().size(), 40u);
  std::printf("%s: %zu points\n", GetParam().name.c_str(), machine.store().moments().size());
  ExpectAllWhole(machine, after);
}

// Where a load is interrupted, and what recovery makes of it.
struct Interruption {
  const char* point;
  uint64_t nth;
  bool forward;
};
constexpr Interruption kInterruptions[] = {
    {"mutation.post_stage_pre_effect_gate", 1, false},
    {"recovery.sidecar_write", 1, false},
    {"mutation.post_sidecar_pre_fork", 1, false},
    {"mutation.post_table_commit", 1, false},
    {"mutation.post_table_commit", 3, false},
    {"mutation.post_table_commit", 4, false},
    {"recovery.sidecar_confirm", 1, false},
    {"mutation.post_finalize_pre_publisher", 1, true},
    {"graph_publish.before_commit_append", 1, true},
    {"graph_publish.after_manifest_commit", 1, true},
};

TEST_P(CrashTest, NamedPointsRollForwardOrBack) {
  const std::string after = Afterwards(GetParam());
  for (const Interruption& interruption : kInterruptions) {
    SCOPED_TRACE(io::StrCat(interruption.point, ":", interruption.nth));
    if (interruption.nth > GetParam().num_tables) continue;
    Machine machine;
    Prepare(machine);
    const auto graph = machine.Open();
    ASSERT_THAT(graph, IsOk());
    machine.env().crash_points().Fail(interruption.point, interruption.nth);
    const absl::Status failed = GetParam().write(**graph);
    EXPECT_THAT(std::string(io::Message(failed)), HasSubstr(interruption.point));
    machine.env().crash_points().Clear(interruption.point);
    const auto reopened = machine.Open();
    ASSERT_THAT(reopened, IsOk());
    EXPECT_EQ(ExportText(**reopened), interruption.forward ? after : kPeopleExport);
    EXPECT_THAT(LoadText(**reopened, kNewTeam, LoadMode::kAppend), IsOk());
  }
}

TEST_P(CrashTest, TheNextLoadOfTheSameHandleHealsConfirmedWrites) {
  Machine machine;
  Prepare(machine);
  const auto graph = machine.Open();
  ASSERT_THAT(graph, IsOk());
  machine.env().crash_points().Fail("mutation.post_finalize_pre_publisher");
  const absl::Status failed = GetParam().write(**graph);
  EXPECT_EQ(io::DetailOf(failed)->kind, io::ErrorKind::kRecoveryRequired);
  ASSERT_THAT(LoadText(**graph, kNewTeam, LoadMode::kAppend), IsOk());
  EXPECT_EQ(
      ExportText(**graph),
      Afterwards(GetParam()) + "{\"type\":\"Team\",\"data\":{\"id\":\"zz\",\"slug\":\"zz\"}}\n");
}

TEST_P(CrashTest, AnArmedWriteBlocksTheHandleUntilItIsReopened) {
  Machine machine;
  Prepare(machine);
  const auto graph = machine.Open();
  ASSERT_THAT(graph, IsOk());
  machine.env().crash_points().Fail("mutation.post_table_commit", 2);
  EXPECT_FALSE(GetParam().write(**graph).ok());
  const absl::Status blocked = LoadText(**graph, kNewTeam, LoadMode::kAppend).status();
  EXPECT_EQ(io::DetailOf(blocked)->kind, io::ErrorKind::kRecoveryRequired);
  EXPECT_EQ(ExportText(**graph), kPeopleExport);
  EXPECT_THAT(machine.Open(), IsOk());
  EXPECT_THAT(LoadText(**graph, kNewTeam, LoadMode::kAppend), IsOk());
}

// Recovery of an interrupted write, itself interrupted after every change that it makes.
TEST_P(CrashTest, RecoveryMayStopAnywhere) {
  const std::string after = Afterwards(GetParam());
  size_t num_points = 0;
  for (const char* point : {"mutation.post_table_commit", "mutation.post_finalize_pre_publisher",
                            "graph_publish.after_manifest_commit"}) {
    SCOPED_TRACE(point);
    Machine machine;
    Prepare(machine);
    const auto graph = machine.Open();
    ASSERT_THAT(graph, IsOk());
    machine.env().crash_points().Fail(point);
    EXPECT_FALSE(GetParam().write(**graph).ok());
    machine.store().Start();
    ASSERT_THAT(machine.Open(), IsOk());
    machine.store().NoteLossOfEach("recovery");
    EXPECT_GT(machine.store().moments().size(), 8u);
    num_points += machine.store().moments().size();
    ExpectAllWhole(machine, after);
  }
  std::printf("%s: %zu points of its recovery\n", GetParam().name.c_str(), num_points);
}

INSTANTIATE_TEST_SUITE_P(Writes, CrashTest, ::testing::ValuesIn(Scenes()),
                         [](const auto& scene) { return scene.param.name; });

TEST(InitCrashTest, InitMayStopAnywhere) {
  Machine machine;
  machine.store().Start();
  ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  machine.store().Acknowledge();
  std::printf("Init: %zu points\n", machine.store().moments().size());
  for (const Moment& moment : machine.store().moments()) {
    SCOPED_TRACE(moment.after);
    Machine next(moment.disk);
    const auto graph = next.Open();
    if (graph.ok()) {
      EXPECT_EQ(ExportText(**graph), "");
      ASSERT_THAT(LoadText(**graph, kPeople, LoadMode::kAppend), IsOk());
      EXPECT_EQ(ExportText(**graph), kPeopleExport);
    } else {
      EXPECT_FALSE(moment.acknowledged) << graph.status();
      EXPECT_EQ(io::DetailOf(graph.status())->kind, io::ErrorKind::kNotFound) << graph.status();
    }
  }
}

TEST(InitCrashTest, AFailureBeforeTheTablesLeavesAnEmptyRoot) {
  for (const char* point : {"storage.local_create_if_absent_probe", "init.after_schema_pg_written",
                            "init.after_schema_contract_written"}) {
    Machine machine;
    machine.env().crash_points().Fail(point);
    EXPECT_THAT(
        std::string(io::Message(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}))),
        HasSubstr(point));
    EXPECT_TRUE(machine.root().store->List("g", {})->empty());
    EXPECT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  }
}

TEST(InitCrashTest, ALostAnswerIsResolvedFromTheGenesis) {
  Machine machine;
  machine.env().crash_points().Fail("init.manifest_create_ack_lost");
  EXPECT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  EXPECT_THAT(machine.Open(), IsOk());

  Machine unclear;
  unclear.env().crash_points().Fail("init.table_create_ack_lost");
  const absl::Status status = Graph::Init(unclear.env(), unclear.root(), kPeopleSchema, {});
  EXPECT_EQ(io::DetailOf(status)->kind, io::ErrorKind::kInitializationIndeterminate);
}

// The same with a process that kills itself, on the local disk.
class KillTest : public ::testing::TestWithParam<const char*> {};

TEST_P(KillTest, ALoadIsKilled) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const tests::TempDir dir;
  const auto load = [&] {
    io::RealEnvOptions options;
    options.crash_point = GetParam();
    const auto env = io::NewRealEnv(options);
    const auto root = (*env)->Resolve(dir.Child("g"));
    const auto graph = Graph::Open(**env, *root, OpenMode::kReadWrite);
    LoadText(**graph, kReplacement, LoadMode::kOverwrite).IgnoreError();
  };
  io::Env& env = io::RealEnv();
  const auto root = env.Resolve(dir.Child("g"));
  ASSERT_THAT(Graph::Init(env, *root, kPeopleSchema, {}), IsOk());
  ASSERT_THAT(
      LoadText(**Graph::Open(env, *root, OpenMode::kReadWrite), kPeople, LoadMode::kOverwrite),
      IsOk());
  EXPECT_EXIT(load(), ::testing::KilledBySignal(SIGKILL), "");
  const auto graph = Graph::Open(env, *root, OpenMode::kReadWrite);
  ASSERT_THAT(graph, IsOk());
  EXPECT_THAT(ExportText(**graph),
              AnyOf(Eq(std::string(kPeopleExport)), Eq(Afterwards(kOverwriteScene))));
  EXPECT_THAT(LoadText(**graph, kNewTeam, LoadMode::kAppend), IsOk());
}

INSTANTIATE_TEST_SUITE_P(Points, KillTest,
                         ::testing::Values("mutation.post_sidecar_pre_fork",
                                           "mutation.post_table_commit:2",
                                           "mutation.post_finalize_pre_publisher",
                                           "graph_publish.after_manifest_commit",
                                           "recovery.sidecar_delete"));

}  // namespace
}  // namespace og::engine::graph
