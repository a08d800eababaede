// Graphs that omnigraph 0.10.0 wrote: they open, describe themselves and export as the reference
// does; those whose writer was killed are healed to what the reference heals them to.
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "io/base/json_value.h"
#include "io/base/text.h"
#include "tests/support/reference_graph.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using io::JsonValue;
using ::og::tests::IsOk;
using ::og::tests::ReferenceGraph;

bool Same(const JsonValue& a, const JsonValue& b) {
  if (a.is_number() && b.is_number()) return *a.AsDouble() == *b.AsDouble();
  if (a.kind() != b.kind() || a.string() != b.string() || a.AsBool() != b.AsBool() ||
      a.items().size() != b.items().size() || a.members().size() != b.members().size()) {
    return false;
  }
  for (size_t i = 0; i < a.items().size(); ++i) {
    if (!Same(a.items()[i], b.items()[i])) return false;
  }
  for (const auto& [name, value] : a.members()) {
    const JsonValue* const other = b.Find(name);
    if (other == nullptr || !Same(value, *other)) return false;
  }
  return true;
}

void ExpectExport(Graph& graph, const std::string& branch, const JsonValue& expected) {
  const std::string text = ExportText(graph, {.branch = branch, .snapshot = std::nullopt});
  const std::vector<std::string_view> lines = io::Split(text, '\n');
  ASSERT_EQ(lines.size(), expected.items().size() + 1) << text.substr(0, 500);
  for (size_t i = 0; i < expected.items().size(); ++i) {
    const auto line = JsonValue::Parse(lines[i]);
    ASSERT_THAT(line, IsOk());
    ASSERT_TRUE(Same(*line, expected.items()[i])) << "line " << i << ": " << lines[i];
  }
}

void ExpectSnapshot(Graph& graph, const std::string& branch, const JsonValue& expected) {
  const auto info = graph.DescribeSnapshot({.branch = branch, .snapshot = std::nullopt});
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->graph_branch, expected.Find("graph_branch")->string());
  EXPECT_EQ(info->graph_manifest_version, *expected.Uint64Member("graph_manifest_version"));
  const std::vector<JsonValue>& datasets = expected.Find("datasets")->items();
  ASSERT_EQ(info->datasets.size(), datasets.size());
  for (size_t i = 0; i < datasets.size(); ++i) {
    const DatasetInfo& dataset = info->datasets[i];
    EXPECT_EQ(dataset.is_edge, datasets[i].Find("entity_kind")->string() == "edge");
    EXPECT_EQ(dataset.type_name, datasets[i].Find("type_name")->string());
    EXPECT_EQ(dataset.dataset_path, datasets[i].Find("dataset_path")->string());
    EXPECT_EQ(dataset.published_dataset_version,
              *datasets[i].Uint64Member("published_dataset_version"));
    EXPECT_EQ(dataset.native_dataset_branch,
              *datasets[i].OptionalStringMember("native_dataset_branch"));
    EXPECT_EQ(dataset.entity_count, *datasets[i].Uint64Member("entity_count"));
  }
}

void ExpectCommits(Graph& graph, const std::string& branch, const JsonValue& expected) {
  const auto commits = graph.ListCommits(branch);
  ASSERT_THAT(commits, IsOk());
  ASSERT_EQ(commits->size(), expected.items().size());
  for (size_t i = 0; i < commits->size(); ++i) {
    const CommitInfo& commit = (*commits)[i];
    const JsonValue& wanted = expected.items()[i];
    EXPECT_EQ(commit.graph_commit_id, wanted.Find("graph_commit_id")->string());
    EXPECT_EQ(commit.graph_branch, *wanted.OptionalStringMember("graph_branch"));
    EXPECT_EQ(commit.graph_manifest_version, *wanted.Uint64Member("graph_manifest_version"));
    EXPECT_EQ(commit.parent_commit_id, *wanted.OptionalStringMember("parent_commit_id"));
    EXPECT_EQ(commit.merged_parent_commit_id,
              *wanted.OptionalStringMember("merged_parent_commit_id"));
    EXPECT_EQ(commit.actor_id, *wanted.OptionalStringMember("actor_id"));
    EXPECT_EQ(commit.created_at_us, *wanted.Int64Member("created_at"));
  }
}

class ReferenceGraphTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ReferenceGraphTest, ReadsAsTheReferenceDoes) {
  const ReferenceGraph fixture(GetParam());
  for (const OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
    const auto graph = fixture.Open(mode);
    ASSERT_THAT(graph, IsOk());
    for (const auto& [branch, expected] : fixture.branches()) {
      SCOPED_TRACE(branch);
      ExpectExport(**graph, branch, *expected.Find("export"));
      ExpectSnapshot(**graph, branch, *expected.Find("snapshot"));
      ExpectCommits(**graph, branch, *expected.Find("commits"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, ReferenceGraphTest,
                         ::testing::Values("basic", "branches", "maintained", "mutations",
                                           "schema_evolution", "types"),
                         [](const auto& graph) { return std::string(graph.param); });

class InterruptedGraphTest : public ::testing::TestWithParam<const char*> {};

TEST_P(InterruptedGraphTest, HealsAsTheReferenceDoes) {
  const ReferenceGraph fixture(GetParam());
  // Reading needs no healing and does none.
  ASSERT_THAT(fixture.Open(OpenMode::kReadOnly), IsOk());
  const auto graph = fixture.Open(OpenMode::kReadWrite);
  ASSERT_THAT(graph, IsOk());
  ASSERT_THAT(LoadText(**graph,
                       "{\"type\":\"Person\",\"data\":{\"name\":\"healer\",\"age\":1,"
                       "\"active\":true,\"level\":\"junior\"}}\n",
                       LoadMode::kAppend),
              IsOk());
  for (const auto& [branch, expected] : fixture.branches()) {
    SCOPED_TRACE(branch);
    ExpectExport(**graph, branch, *expected.Find("export"));
  }
}

// Where the reference stays locked: a schema change that was confirmed and not published.
TEST(InterruptedSchemaTest, IsFinishedAndUnlocked) {
  const ReferenceGraph fixture("interrupted_schema");
  EXPECT_FALSE(fixture.Open(OpenMode::kReadOnly).ok());
  const auto graph = fixture.Open(OpenMode::kReadWrite);
  ASSERT_THAT(graph, IsOk());
  for (const auto& [branch, expected] : fixture.branches())
    ExpectExport(**graph, branch, *expected.Find("export"));
  ASSERT_THAT(fixture.Open(OpenMode::kReadOnly), IsOk());
  EXPECT_THAT(LoadText(**graph,
                       "{\"type\":\"Person\",\"data\":{\"name\":\"healer\",\"age\":1,"
                       "\"active\":true,\"level\":\"junior\"}}\n",
                       LoadMode::kAppend),
              IsOk());
}

INSTANTIATE_TEST_SUITE_P(Graphs, InterruptedGraphTest,
                         ::testing::Values("interrupted_load", "interrupted_overwrite",
                                           "interrupted_mutate", "interrupted_merge",
                                           "interrupted_optimize"),
                         [](const auto& graph) { return std::string(graph.param); });

}  // namespace
}  // namespace og::engine::graph
