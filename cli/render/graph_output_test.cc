// Golden outputs of what the commands say about a graph.
#include "cli/render/graph_output.h"

#include "gtest/gtest.h"

namespace og::cli {
namespace {

using engine::graph::CommitInfo;

CommitInfo Commit() {
  return {.graph_commit_id = "01B",
          .graph_branch = std::nullopt,
          .graph_manifest_version = 3,
          .parent_commit_id = "01A",
          .merged_parent_commit_id = std::nullopt,
          .actor_id = "ada",
          .created_at_us = 1582934400123456};
}

TEST(GraphOutput, Snapshot) {
  const engine::graph::SnapshotInfo snapshot = {.graph_branch = "main",
                                                .graph_manifest_version = 2,
                                                .internal_schema_version = 6,
                                                .datasets = {{.is_edge = true,
                                                              .type_name = "Knows",
                                                              .dataset_path = "edges/1-2",
                                                              .published_dataset_version = 1,
                                                              .native_dataset_branch = std::nullopt,
                                                              .entity_count = 5}}};
  EXPECT_EQ(SnapshotText(snapshot),
            "graph_branch: main\ngraph_manifest_version: 2\ninternal_schema_version: 6\n"
            "edge type 'Knows' published_dataset_version=1 native_dataset_branch=main "
            "entities=5\n");
  EXPECT_EQ(SnapshotJson(snapshot),
            "{\n  \"graph_branch\": \"main\",\n  \"graph_manifest_version\": 2,\n"
            "  \"internal_schema_version\": 6,\n  \"datasets\": [\n    {\n"
            "      \"entity_kind\": \"edge\",\n      \"type_name\": \"Knows\",\n"
            "      \"dataset_path\": \"edges/1-2\",\n      \"published_dataset_version\": 1,\n"
            "      \"native_dataset_branch\": null,\n      \"entity_count\": 5\n    }\n  ]\n}\n");
}

TEST(GraphOutput, Commits) {
  EXPECT_EQ(CommitListText(std::vector{Commit()}),
            "01B graph_branch=main graph_manifest_version=3 actor=ada\n");
  EXPECT_EQ(CommitText(Commit()),
            "graph_commit_id: 01B\ngraph_branch: main\ngraph_manifest_version: 3\n"
            "parent_commit_id: 01A\nactor_id: ada\ncreated_at: 1582934400123456\n");
  EXPECT_EQ(CommitJson(Commit()),
            "{\n  \"graph_commit_id\": \"01B\",\n  \"graph_branch\": null,\n"
            "  \"graph_manifest_version\": 3,\n  \"parent_commit_id\": \"01A\",\n"
            "  \"merged_parent_commit_id\": null,\n  \"actor_id\": \"ada\",\n"
            "  \"created_at\": 1582934400123456\n}\n");
  EXPECT_EQ(CommitListJson({}), "{\n  \"commits\": []\n}\n");
}

TEST(GraphOutput, Load) {
  const LoadReport load = {.uri = "g.omni",
                           .branch = "main",
                           .mode = "append",
                           .result = {.nodes = {{.name = "P", .entities_loaded = 2}},
                                      .edges = {},
                                      .total_entities = 2,
                                      .commit = Commit()}};
  EXPECT_EQ(LoadText(load),
            "loaded g.omni on branch main with append: 2 entities across 1 node types and 0 edge "
            "types\n");
  EXPECT_TRUE(LoadJson(load).starts_with(
      "{\n  \"uri\": \"g.omni\",\n  \"branch\": \"main\",\n  \"mode\": \"append\",\n"
      "  \"branch_created\": false,\n  \"nodes\": [\n    {\n      \"name\": \"P\",\n"
      "      \"entities_loaded\": 2\n    }\n  ],\n  \"edges\": [],\n  \"total_entities\": 2,\n"
      "  \"commit\": {\n"))
      << LoadJson(load);
}

TEST(GraphOutput, Schema) {
  EXPECT_EQ(SchemaJson("node A {}\n"), "{\n  \"schema_source\": \"node A {}\\n\"\n}\n");
}

TEST(GraphOutput, Lint) {
  const auto catalog = *engine::schema::CatalogFromText("node T { a: String? b: I32? }");
  const std::string_view source =
      "query u() { update T set { a: \"x\" } where b = 1 }\n"
      "query bad() { match { $t: Nope } return { 1 } }";
  const engine::query::LintReport report = engine::query::LintQueryFile(
      *catalog, source, "f.gq",
      {.kind = engine::query::LintSchemaSource::Kind::kFile, .location = "s.pg"});
  EXPECT_EQ(
      LintText(report, source),
      "OK    query `u` (mutation)\n"
      "WARN  query `u`: mutation declares no params; hardcoded mutations are easy to miss\n"
      "ERROR query `bad`: type error: T1: unknown node type `Nope`\n"
      "      at f.gq:2:23\n"
      "WARN  T.b exists in schema but no update query sets it\n"
      "INFO  Lint complete: 2 queries processed (1 error(s), 2 warning(s), 0 info item(s))\n");
}

}  // namespace
}  // namespace og::cli
