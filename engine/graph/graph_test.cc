// A graph from init to export on local disk and in memory: what loads do to it, what they refuse,
// and what readers see meanwhile.
#include "engine/graph/graph.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph_testing.h"
#include "engine/graph/snapshot.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GraphTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = *env_.Resolve(dir_.Child("g"));
    ASSERT_THAT(Graph::Init(env_, root_, kPeopleSchema, {}), IsOk());
  }

  std::shared_ptr<Graph> Open(OpenMode mode = OpenMode::kReadWrite) {
    auto graph = Graph::Open(env_, root_, mode);
    EXPECT_THAT(graph, IsOk());
    return graph.ok() ? *graph : nullptr;
  }

  // The error of loading `text`, or "" if it was accepted.
  static std::string LoadError(Graph& graph, std::string_view text,
                               LoadMode mode = LoadMode::kAppend) {
    return std::string(io::Message(LoadText(graph, text, mode).status()));
  }

  tests::TempDir dir_;
  io::Env& env_ = io::RealEnv();
  io::Location root_;
};

TEST_F(GraphTest, AFreshGraphIsEmpty) {
  const auto graph = Open();
  EXPECT_EQ(graph->schema_source(), kPeopleSchema);
  EXPECT_EQ(ExportText(*graph), "");
  const auto info = graph->DescribeSnapshot({});
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->graph_branch, "main");
  EXPECT_EQ(info->graph_manifest_version, 1u);
  ASSERT_EQ(info->datasets.size(), 4u);
  EXPECT_EQ(info->datasets[0].type_name, "Knows");
  EXPECT_TRUE(info->datasets[0].is_edge);
  EXPECT_EQ(info->datasets[3].dataset_path, "nodes/0000000000000002-000000000000000b");
  const auto commits = graph->ListCommits("main");
  ASSERT_THAT(commits, IsOk());
  ASSERT_EQ(commits->size(), 1u);
  EXPECT_FALSE((*commits)[0].parent_commit_id.has_value());
}

TEST_F(GraphTest, InitRefusesASecondTime) {
  const absl::Status again = Graph::Init(env_, root_, kPeopleSchema, {});
  EXPECT_EQ(io::DetailOf(again)->kind, io::ErrorKind::kAlreadyInitialized);
  const absl::Status forced = Graph::Init(env_, root_, kPeopleSchema, {.force = true});
  EXPECT_EQ(io::DetailOf(forced)->kind, io::ErrorKind::kAlreadyInitialized);
  const auto elsewhere = *env_.Resolve(dir_.Child("h"));
  EXPECT_THAT(std::string(io::Message(Graph::Init(env_, elsewhere, "node a {}", {}))),
              HasSubstr("parse error"));
  EXPECT_THAT(std::string(io::Message(Graph::Init(env_, elsewhere, "node A { id: I64 }", {}))),
              HasSubstr("exactly one top-level `id` field"));
  EXPECT_THAT(std::string(io::Message(
                  Graph::Init(env_, elsewhere, "node A {} edge E: A -> A { src: I64 }", {}))),
              HasSubstr("exactly one top-level `src` field"));
  EXPECT_THAT(Graph::Init(env_, elsewhere, kPeopleSchema, {}), IsOk());
}

TEST_F(GraphTest, LoadsAndExports) {
  const auto graph = Open();
  const auto loaded = LoadText(*graph, kPeople, LoadMode::kOverwrite);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->total_entities, 5u);
  ASSERT_EQ(loaded->nodes.size(), 2u);
  EXPECT_EQ(loaded->nodes[0].name, "Person");
  EXPECT_EQ(loaded->nodes[0].entities_loaded, 2u);
  EXPECT_EQ(loaded->commit.graph_manifest_version, 2u);
  EXPECT_EQ(ExportText(*graph), kPeopleExport);
  EXPECT_EQ(ExportText(*Open(OpenMode::kReadOnly)), kPeopleExport);

  // The export is a load of the same graph.
  ASSERT_THAT(LoadText(*graph, kPeopleExport, LoadMode::kOverwrite), IsOk());
  EXPECT_EQ(ExportText(*graph), kPeopleExport);
}

TEST_F(GraphTest, AppendAddsAndRefusesKnownIds) {
  const auto graph = Open();
  ASSERT_THAT(LoadText(*graph, kPeople, LoadMode::kOverwrite), IsOk());
  ASSERT_THAT(LoadText(*graph,
                       "{\"type\":\"Person\",\"data\":{\"name\":\"cat\"}}\n"
                       "{\"edge\":\"knows\",\"from\":\"cat\",\"to\":\"ann\"}\n",
                       LoadMode::kAppend),
              IsOk());
  const std::string after = ExportText(*graph);
  EXPECT_THAT(after, HasSubstr("\"name\":\"cat\""));
  EXPECT_THAT(after, HasSubstr("\"from\":\"cat\",\"to\":\"ann\""));
  const absl::Status again =
      LoadText(*graph, "{\"type\":\"Person\",\"data\":{\"name\":\"ann\"}}\n", LoadMode::kAppend)
          .status();
  EXPECT_EQ(io::DetailOf(again)->kind, io::ErrorKind::kKeyConflict);
  EXPECT_THAT(std::string(io::Message(again)), HasSubstr("node type 'Person' already has this id"));
  EXPECT_EQ(ExportText(*graph), after);
}

TEST_F(GraphTest, RefusedLoadsChangeNothing) {
  const auto graph = Open();
  ASSERT_THAT(LoadText(*graph, kPeople, LoadMode::kOverwrite), IsOk());
  EXPECT_THAT(LoadError(*graph, "{\"type\":\"Nobody\",\"data\":{}}\n"),
              HasSubstr("line 1: unknown node type 'Nobody'"));
  EXPECT_THAT(LoadError(*graph, "{\"edge\":\"Knows\",\"from\":\"ann\",\"to\":\"zoe\"}\n"),
              HasSubstr("dst 'zoe' not found in Person"));
  EXPECT_THAT(
      LoadError(*graph, "{\"type\":\"Person\",\"data\":{\"name\":\"x\",\"email\":\"a@x\"}}\n"),
      HasSubstr("@unique violation on Person.email: value 'a@x' held by"));
  EXPECT_THAT(LoadError(*graph,
                        "{\"type\":\"Team\",\"data\":{\"slug\":\"t2\"}}\n"
                        "{\"type\":\"Team\",\"data\":{\"slug\":\"t3\"}}\n"
                        "{\"edge\":\"MemberOf\",\"from\":\"bob\",\"to\":\"t2\"}\n"
                        "{\"edge\":\"MemberOf\",\"from\":\"bob\",\"to\":\"t3\"}\n"),
              HasSubstr("@card violation on edge MemberOf: source 'bob' has 3 edges (max 2)"));
  // Replacing the people takes an end from the edges that stay.
  EXPECT_THAT(LoadError(*graph, "{\"type\":\"Person\",\"data\":{\"name\":\"ann\"}}\n",
                        LoadMode::kOverwrite),
              HasSubstr("'bob' not found in Person"));
  EXPECT_EQ(ExportText(*graph), kPeopleExport);
  EXPECT_EQ(graph->ListCommits("main")->size(), 2u);
}

TEST_F(GraphTest, AnEmptyLoadIsACommit) {
  const auto graph = Open();
  ASSERT_THAT(LoadText(*graph, "\n", LoadMode::kAppend), IsOk());
  EXPECT_EQ(graph->ListCommits("main")->size(), 2u);
  EXPECT_EQ(ExportText(*graph), "");
}

TEST_F(GraphTest, OldStatesStayReadable) {
  const auto graph = Open();
  const auto first = LoadText(*graph, kPeople, LoadMode::kOverwrite);
  ASSERT_THAT(first, IsOk());
  const auto held = graph->SnapshotAt({});
  ASSERT_THAT(held, IsOk());
  const auto second =
      LoadText(*graph, "{\"type\":\"Team\",\"data\":{\"slug\":\"t9\"}}\n", LoadMode::kAppend);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->commit.parent_commit_id, first->commit.graph_commit_id);

  ReadTarget then;
  then.snapshot = first->commit.graph_commit_id;
  EXPECT_EQ(ExportText(*graph, then), kPeopleExport);
  EXPECT_EQ((*held)->manifest_version(), 2u);
  EXPECT_EQ((*held)->commit_id(), first->commit.graph_commit_id);
  const schema::NodeType* team = (*held)->catalog()->FindNode("Team");
  const auto table = (*held)->OpenTable(*(*held)->Find(*team));
  ASSERT_THAT(table, IsOk());
  EXPECT_EQ((*table)->num_rows(), 1u);

  then.snapshot = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  EXPECT_EQ(ExportText(*graph, then), "error: commit '01ARZ3NDEKTSV4RRFFQ69G5FAV' not found");
  EXPECT_EQ(graph->FindCommit(first->commit.graph_commit_id)->graph_manifest_version, 2u);
}

TEST_F(GraphTest, HandlesSeeEachOther) {
  const auto one = Open();
  const auto two = Open();
  ASSERT_THAT(LoadText(*one, kPeople, LoadMode::kOverwrite), IsOk());
  EXPECT_EQ(ExportText(*two), kPeopleExport);
  EXPECT_EQ(
      io::DetailOf(LoadText(*Open(OpenMode::kReadOnly), kPeople, LoadMode::kOverwrite).status())
          ->kind,
      io::ErrorKind::kBadRequest);
}

TEST_F(GraphTest, ExportsOnlyTheWantedTypes) {
  const auto graph = Open();
  ASSERT_THAT(LoadText(*graph, kPeople, LoadMode::kOverwrite), IsOk());
  ExportOptions options;
  options.types = {"Team"};
  std::vector<std::string> lines;
  const ExportSink sink = [&lines](std::string_view text) {
    lines.emplace_back(text);
    return absl::OkStatus();
  };
  ASSERT_THAT(graph->Export(options, sink), IsOk());
  EXPECT_THAT(lines, ElementsAre("{\"type\":\"Team\",\"data\":{\"id\":\"t1\",\"slug\":\"t1\"}}\n"));
  options.types = {"Nobody"};
  EXPECT_EQ(io::Message(graph->Export(options, sink)), "unknown export type 'Nobody'");
}

TEST_F(GraphTest, ADamagedContractIsRefused) {
  tests::WriteFile(dir_.Child("g/_schema.pg"), "node Other {}");
  for (const OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
    EXPECT_THAT(std::string(io::Message(Graph::Open(env_, root_, mode).status())),
                HasSubstr("schema evolution is locked down in phase 1: "));
  }
}

TEST(GraphOpenTest, NoGraph) {
  const tests::TempDir dir;
  const auto root = io::RealEnv().Resolve(dir.Child("none"));
  ASSERT_THAT(root, IsOk());
  const auto graph = Graph::Open(io::RealEnv(), *root, OpenMode::kReadOnly);
  EXPECT_EQ(io::DetailOf(graph.status())->kind, io::ErrorKind::kNotFound);
}

}  // namespace
}  // namespace og::engine::graph
