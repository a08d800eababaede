// Schema changes of a graph with rows: what each kind of step does to them, what is refused and
// leaves everything as it was, and where an interruption leads.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::HasSubstr;

// kPeopleSchema with a type renamed, one new, one gone; properties renamed, new and gone; a wider
// index.
constexpr std::string_view kNextSchema =
    "node Human @rename_from(\"Person\") { name: String @key\n  years: I64? @rename_from(\"age\")\n"
    "  email: String? @unique  mood: enum(calm, wild)? }\n"
    "node City { name: String @key }\n"
    "node Team { slug: String @key }\n"
    "edge Knows: Human -> Human { }\n"
    "edge MemberOf: Human -> Team @card(0..2)\n"
    "edge LivesIn: Human -> City\n";

constexpr std::string_view kNextExport =
    "{\"edge\":\"Knows\",\"from\":\"ann\",\"to\":\"bob\",\"data\":{\"id\":\"k1\"}}\n"
    "{\"edge\":\"MemberOf\",\"from\":\"bob\",\"to\":\"t1\",\"data\":{\"id\":\"m1\"}}\n"
    "{\"type\":\"Human\",\"data\":{\"id\":\"ann\",\"email\":\"a@x\",\"mood\":null,\"name\":"
    "\"ann\",\"years\":30}}\n"
    "{\"type\":\"Human\",\"data\":{\"id\":\"bob\",\"email\":null,\"mood\":null,\"name\":\"bob\","
    "\"years\":null}}\n"
    "{\"type\":\"Team\",\"data\":{\"id\":\"t1\",\"slug\":\"t1\"}}\n";

class SchemaApplyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = *env_.Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(env_, root_, kPeopleSchema, {}), IsOk());
    Reopen();
    ASSERT_THAT(LoadText(*graph_, kPeople, LoadMode::kOverwrite), IsOk());
  }

  void Reopen() {
    const auto graph = Graph::Open(env_, root_, OpenMode::kReadWrite);
    ASSERT_THAT(graph, IsOk());
    graph_ = *graph;
  }

  size_t NumObjects(std::string_view folder) {
    return root_.store->List(root_.Child(folder).path, {})->size();
  }

  io::SimEnv env_{tests::Seed()};
  io::Location root_;
  std::shared_ptr<Graph> graph_;
};

TEST_F(SchemaApplyTest, EveryKindOfStep) {
  const std::string before = (*graph_->ListCommits("main"))[0].graph_commit_id;
  const auto result = graph_->ApplySchema(kNextSchema, {.actor_id = "ops"});
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->applied);
  EXPECT_EQ(result->graph_manifest_version, 3u);
  EXPECT_EQ(ExportText(*graph_), kNextExport);
  EXPECT_EQ(graph_->schema_source(), kNextSchema);
  const auto commits = graph_->ListCommits("main");
  ASSERT_EQ(commits->size(), 3u);
  EXPECT_EQ((*commits)[0].actor_id, "ops");
  EXPECT_EQ(NumObjects("__recovery"), 0u);
  EXPECT_EQ(NumObjects("__manifest/_refs"), 0u);
  // The new schema takes writes, and the old commit is still there under the new names.
  EXPECT_THAT(LoadText(*graph_,
                       "{\"type\":\"City\",\"data\":{\"name\":\"oslo\"}}\n"
                       "{\"edge\":\"LivesIn\",\"from\":\"ann\",\"to\":\"oslo\"}\n",
                       LoadMode::kAppend),
              IsOk());
  EXPECT_THAT(ExportText(*graph_, {.snapshot = before}), HasSubstr("\"type\":\"Human\""));
  Reopen();
  EXPECT_THAT(ExportText(*graph_), HasSubstr("oslo"));
}

TEST_F(SchemaApplyTest, WhatIsDroppedWithDataLossIsGone) {
  const std::string before = (*graph_->ListCommits("main"))[0].graph_commit_id;
  const auto export_before = [&] {
    ExportOptions options;
    options.target.snapshot = before;
    return graph_->Export(options, [](std::string_view) { return absl::OkStatus(); });
  };
  EXPECT_THAT(export_before(), IsOk());
  SchemaApplyOptions options;
  options.allow_data_loss = true;
  const auto result = graph_->ApplySchema(kNextSchema, options);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(ExportText(*graph_), kNextExport);
  // The versions with the property of Knows that went are removed; other tables keep theirs.
  EXPECT_EQ(io::DetailOf(export_before())->kind, io::ErrorKind::kHistoricalVersionReclaimed);
  size_t num_versions = 0;
  const auto objects = root_.store->List(root_.Child("edges").path, {});
  for (const io::ObjectInfo& object : *objects) {
    const bool is_knows = object.path.find("edges/0000000000000003-") != std::string::npos;
    if (is_knows && object.path.ends_with(".manifest")) ++num_versions;
  }
  EXPECT_EQ(num_versions, 1u);
  EXPECT_THAT(LoadText(*graph_, "{\"edge\":\"Knows\",\"from\":\"bob\",\"to\":\"ann\"}\n",
                       LoadMode::kAppend),
              IsOk());
}

TEST_F(SchemaApplyTest, ADroppedTypeComesBackEmpty) {
  constexpr std::string_view kWithoutTeams =
      "node Person { name: String @key\n  age: I64?\n  email: String? @unique }\n"
      "edge Knows: Person -> Person { since: I32? }\n";
  ASSERT_THAT(graph_->ApplySchema(kWithoutTeams, {}), IsOk());
  EXPECT_THAT(ExportText(*graph_), ::testing::Not(HasSubstr("Team")));
  ASSERT_THAT(graph_->ApplySchema(kPeopleSchema, {}), IsOk());
  EXPECT_THAT(ExportText(*graph_), ::testing::Not(HasSubstr("Team")));
  EXPECT_THAT(
      LoadText(*graph_, "{\"type\":\"Team\",\"data\":{\"slug\":\"t1\"}}\n", LoadMode::kAppend),
      IsOk());
}

TEST_F(SchemaApplyTest, WhatCannotBeDoneChangesNothing) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"node Person { name: String @key\n  age: String?\n  email: String? @unique }\n"
       "node Team { slug: String @key }\n"
       "edge Knows: Person -> Person { since: I32? }\nedge MemberOf: Person -> Team @card(0..2)\n",
       "[OG-MF-106] changing property type for 'Person.age'"},
      {"node Person { name: String @key\n  age: I64?\n  email: String? @unique\n  must: I32 }\n"
       "node Team { slug: String @key }\n"
       "edge Knows: Person -> Person { since: I32? }\nedge MemberOf: Person -> Team @card(0..2)\n",
       "[OG-MF-103] adding required property 'Person.must'"},
      {"node Person {", "parse error"},
  };
  for (const auto& [source, message] : cases) {
    const auto result = graph_->ApplySchema(source, {});
    EXPECT_THAT(std::string(io::Message(result.status())), HasSubstr(message));
  }
  const auto same = graph_->ApplySchema(io::StrCat("// the same\n", kPeopleSchema), {});
  ASSERT_THAT(same, IsOk());
  EXPECT_FALSE(same->applied);
  EXPECT_EQ(graph_->schema_source(), kPeopleSchema);
  EXPECT_EQ(ExportText(*graph_), kPeopleExport);
  EXPECT_EQ(graph_->ListCommits("main")->size(), 2u);
  EXPECT_EQ(NumObjects("__manifest/_refs"), 0u);
}

// Where a change is interrupted, and what the next read-write open makes of it.
struct Interruption {
  const char* point;
  bool forward;
};
constexpr Interruption kInterruptions[] = {
    {"recovery.sidecar_write", false},
    {"schema_apply.post_sidecar_pre_effect", false},
    {"schema_apply.post_table_commit", false},
    {"schema_apply.before_staging_write", false},
    {"recovery.sidecar_confirm", false},
    {"schema_apply.after_staging_write", true},
    {"graph_publish.after_manifest_commit", true},
    {"schema_apply.after_manifest_commit", true},
};

TEST_F(SchemaApplyTest, NamedPointsGoForwardOrBack) {
  for (const Interruption& interruption : kInterruptions) {
    SCOPED_TRACE(interruption.point);
    io::SimEnv env(tests::Seed());
    const io::Location root = *env.Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(env, root, kPeopleSchema, {}), IsOk());
    const auto graph = *Graph::Open(env, root, OpenMode::kReadWrite);
    ASSERT_THAT(LoadText(*graph, kPeople, LoadMode::kOverwrite), IsOk());
    env.crash_points().Fail(interruption.point);
    EXPECT_FALSE(graph->ApplySchema(kNextSchema, {}).ok());
    env.crash_points().Clear(interruption.point);
    const auto reopened = Graph::Open(env, root, OpenMode::kReadWrite);
    ASSERT_THAT(reopened, IsOk());
    EXPECT_EQ(ExportText(**reopened), interruption.forward ? kNextExport : kPeopleExport);
    EXPECT_THAT(
        LoadText(**reopened, "{\"type\":\"Team\",\"data\":{\"slug\":\"t9\"}}\n", LoadMode::kAppend),
        IsOk());
  }
}

}  // namespace
}  // namespace og::engine::graph
