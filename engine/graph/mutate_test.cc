// Mutations over a small graph: what each form does to the rows, what is refused and with which
// text, how a lost race ends, and that one query makes one commit or none.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/json_value.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::HasSubstr;

constexpr std::string_view kSchema = R"(
node Person {
  name: String @key
  age: I32?
  email: String? @unique
  mood: enum(calm, wild)?
  tags: [String]?
  height: F64?
  photo: Blob?
  born: Date?
  @range(age, 0..150)
  @check(email, "@")
}
node Note { text: String  at: DateTime? }
node Seat { row: String  place: I32  @key(row, place) }
edge Knows: Person -> Person { since: I32? }
edge Sits: Person -> Seat @card(0..1) { @unique(dst) }
)";

// A graph in memory, and mutations of it as texts.
class MutateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = *env_.Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(env_, root_, kSchema, {}), IsOk());
    graph_ = *Graph::Open(env_, root_, OpenMode::kReadWrite);
  }

  absl::StatusOr<MutationResult> Run(std::string_view text, std::string_view params = "{}",
                                     const MutateOptions& options = {}) {
    const auto file = query::ParseQueryFile(text);
    if (!file.ok()) return file.status();
    const query::Query& query = file->queries[0];
    const auto values = query::BindParams(query, *io::JsonValue::Parse(params));
    if (!values.ok()) return values.status();
    return graph_->Mutate(query, *values, options);
  }

  std::string Error(std::string_view text, std::string_view params = "{}") {
    const auto result = Run(text, params);
    return result.ok() ? "ok" : std::string(io::Message(result.status()));
  }

  // "nodes edges" of a mutation that succeeds.
  std::string Affected(std::string_view text, std::string_view params = "{}") {
    const auto result = Run(text, params);
    if (!result.ok()) return std::string(io::Message(result.status()));
    return io::StrCat(result->affected_nodes, " ", result->affected_edges);
  }

  std::string Export(const std::string& type) {
    ExportOptions options;
    options.types = {type};
    std::string text;
    EXPECT_THAT(graph_->Export(options,
                               [&](std::string_view lines) {
                                 text += lines;
                                 return absl::OkStatus();
                               }),
                IsOk());
    return text;
  }

  size_t NumCommits() { return graph_->ListCommits("main")->size(); }

  io::SimEnv env_{tests::Seed()};
  io::Location root_;
  std::shared_ptr<Graph> graph_;
};

TEST_F(MutateTest, InsertsAndUpdatesAKeyedNode) {
  EXPECT_EQ(
      Affected("query q($n: String) { insert Person { name: $n age: 30 } }", R"({"n": "ann"})"),
      "1 0");
  EXPECT_EQ(Affected(R"(query q() { update Person set { email: "a@x" tags: ["a", "b"] }
                                    where name = "ann" })"),
            "1 0");
  EXPECT_EQ(Export("Person"),
            R"({"type":"Person","data":{"id":"ann","age":30,"born":null,"email":"a@x",)"
            R"("height":null,"mood":null,"name":"ann","photo":null,"tags":["a","b"]}})"
            "\n");
  // An insert of the same key replaces the row: what it does not name is null.
  EXPECT_EQ(Affected(R"(query q() { insert Person { name: "ann" height: 1.5 } })"), "1 0");
  EXPECT_EQ(Export("Person"),
            R"({"type":"Person","data":{"id":"ann","age":null,"born":null,"email":null,)"
            R"("height":1.5,"mood":null,"name":"ann","photo":null,"tags":null}})"
            "\n");
  EXPECT_EQ(NumCommits(), 4u);
}

TEST_F(MutateTest, CompositeKeysAndFreshIds) {
  // In the order of the property ids, which are given by name.
  EXPECT_EQ(Affected(R"(query q() { insert Seat { row: "a" place: 7 } })"), "1 0");
  EXPECT_EQ(Export("Seat"), R"({"type":"Seat","data":{"id":"[\"7\",\"a\"]","place":7,"row":"a"}})"
                            "\n");
  EXPECT_EQ(Affected(R"(query q() { insert Note { text: "x" at: now() }
                                    insert Note { text: "x" } })"),
            "2 0");
}

TEST_F(MutateTest, StatementsSeeTheOnesBefore) {
  EXPECT_EQ(Affected(R"(query q() {
    insert Person { name: "ann" age: 1 }
    insert Person { name: "bob" age: 2 }
    insert Person { name: "ann" age: 3 }
    update Person set { age: 4 } where age = 1
    update Person set { age: 5 } where age >= 3
    insert Knows { from: "ann" to: "bob" }
  })"),
            "4 1");
  EXPECT_THAT(Export("Person"), HasSubstr(R"("id":"ann","age":5)"));
  EXPECT_THAT(Export("Person"), HasSubstr(R"("id":"bob","age":2)"));
  EXPECT_EQ(NumCommits(), 2u);
  // A committed row that an earlier statement changed is asked as it is now.
  EXPECT_EQ(Affected(R"(query q() { update Person set { age: 9 } where age = 5
                                    update Person set { age: 10 } where age = 5
                                    update Person set { age: 11 } where age = 9 })"),
            "2 0");
  EXPECT_THAT(Export("Person"), HasSubstr(R"("id":"ann","age":11)"));
}

TEST_F(MutateTest, DeletesCascade) {
  ASSERT_EQ(Affected(R"(query q() {
    insert Person { name: "ann" }  insert Person { name: "bob" }  insert Person { name: "eve" }
    insert Knows { from: "ann" to: "bob" since: 1 }
    insert Knows { from: "bob" to: "eve" since: 2 }
    insert Knows { from: "eve" to: "eve" since: 3 }
  })"),
            "3 3");
  EXPECT_EQ(Affected(R"(query q() { delete Person where name = "bob" })"), "1 2");
  // Statements that overlap count a row once.
  EXPECT_EQ(Affected(R"(query q() { delete Knows where since >= 1
                                    delete Knows where from = "eve"
                                    delete Person where name != "ann"
                                    delete Person where name = "eve" })"),
            "1 1");
  EXPECT_EQ(Export("Knows"), "");
  EXPECT_THAT(Export("Person"), HasSubstr("ann"));
  const size_t commits = NumCommits();
  EXPECT_EQ(Affected(R"(query q() { delete Person where name = "nobody" })"), "0 0");
  EXPECT_EQ(Affected(R"(query q() { update Person set { age: 1 } where name = "nobody" })"), "0 0");
  EXPECT_EQ(NumCommits(), commits);
}

TEST_F(MutateTest, ABlobSurvivesAnUpdate) {
  ASSERT_EQ(Affected(R"(query q($p: String) { insert Person { name: "ann" photo: $p } })",
                     R"({"p": "base64:aGk="})"),
            "1 0");
  ASSERT_EQ(Affected(R"(query q() { update Person set { age: 3 } where name = "ann" })"), "1 0");
  EXPECT_THAT(Export("Person"), HasSubstr(R"("photo":"base64:aGk=")"));
}

TEST_F(MutateTest, WhatASchemaForbidsIsRefused) {
  ASSERT_EQ(Affected(R"(query q() {
    insert Person { name: "ann" email: "a@x" }  insert Person { name: "bob" }
    insert Seat { row: "a" place: 1 }  insert Sits { from: "ann" to: "[\"1\",\"a\"]" }
  })"),
            "3 1");
  const std::string before = ExportText(*graph_);
  const size_t commits = NumCommits();
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"(insert Person { name: "c" age: 151 })",
       "@range violation on Person.age: value 151 > max 150"},
      {R"(insert Person { name: "c" email: "none" })",
       "@check violation on Person.email: value 'none' does not match pattern '@'"},
      {R"(insert Person { name: "c" email: "a@x" })",
       "@unique violation on Person.email: value 'a@x' held by 'ann' and 'c'"},
      {R"(insert Person { name: "c" email: "c@x" }  insert Person { name: "d" email: "c@x" })",
       "@unique violation on Person.email: value 'c@x' held by 'c' and 'd'"},
      {R"(update Person set { email: "z@x" } where name >= "a")",
       "@unique violation on Person.email: value 'z@x' held by 'ann' and 'bob'"},
      {R"(insert Knows { from: "ann" to: "nobody" })", "dst 'nobody' not found in Person"},
      {R"(insert Knows { from: "nobody" to: "ann" })", "src 'nobody' not found in Person"},
      {R"(insert Seat { row: "b" place: 1 }  insert Sits { from: "ann" to: "[\"1\",\"b\"]" })",
       "@card violation on edge Sits: source 'ann' has 2 edges (max 1)"},
      {R"(insert Sits { from: "bob" to: "[\"1\",\"a\"]" })",
       "@unique violation on Sits.dst: value '[\"1\",\"a\"]' held by"},
      {R"(update Person set { name: "z" } where age = 1)",
       "cannot update @key property 'name' \u2014 delete and re-insert instead"},
      {R"(insert Person { name: "c" height: 1 })", "cannot convert Integer(1) to Float64"},
      {R"(insert Person { name: "c" age: 3000000000 })",
       "integer value 3000000000 exceeds Int32 range"},
      {R"(insert Person { name: "c" born: date("soon") })", "invalid Date literal 'soon'"},
      {R"(insert Note { text: "x" }  delete Note where text = "x")",
       "mixes inserts/updates and deletes"},
  };
  for (const auto& [statements, message] : cases) {
    EXPECT_THAT(Error(io::StrCat("query q() { ", statements, " }")), HasSubstr(message))
        << statements;
  }
  EXPECT_THAT(Error("query q($n: String) { insert Person { name: $n } }"),
              HasSubstr("parameter 'n' not provided"));
  EXPECT_THAT(
      Error(R"(query q($m: String) { insert Person { name: "c" mood: $m } })", R"({"m": "odd"})"),
      HasSubstr("invalid enum value 'odd' for Person.mood (expected: calm, wild)"));
  EXPECT_THAT(Error("query q($t: String?) { insert Note { text: $t } }", R"({"t": null})"),
              HasSubstr("non-nullable property 'text' has null or invalid values"));
  EXPECT_THAT(Error("query q() { match { $p: Person } return { $p.name } }"),
              HasSubstr("mutation execution called on a read query; use query instead"));
  EXPECT_EQ(ExportText(*graph_), before);
  EXPECT_EQ(NumCommits(), commits);
}

TEST_F(MutateTest, FurtherViolationsAreNamedToo) {
  std::string statements;
  for (int i = 0; i < 30; ++i)
    statements += io::StrCat("insert Knows { from: \"x", i, "\" to: \"y", i, "\" }\n");
  const auto result = Run(io::StrCat("query q() {", statements, "}"));
  const auto detail = io::DetailOf(result.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(io::Message(result.status()), "src 'x0' not found in Person");
  EXPECT_EQ(detail->field("num_violations"), "60");
  const auto named = std::count_if(detail->fields.begin(), detail->fields.end(),
                                   [](const auto& field) { return field.first == "violation"; });
  EXPECT_EQ(named, 20);
  EXPECT_EQ(detail->field("violation"), "dst 'y0' not found in Person");
}

TEST_F(MutateTest, WritesOnlyOverTheExpectedHead) {
  const std::string genesis = (*graph_->ListCommits("main"))[0].graph_commit_id;
  MutateOptions options;
  options.expected_head = genesis;
  constexpr std::string_view kInsert = R"(query q() { insert Person { name: "ann" } })";
  constexpr std::string_view kNothing = R"(query q() { delete Person where name = "zoe" })";
  EXPECT_THAT(Run(kNothing, "{}", options), IsOk());
  const auto first = Run(kInsert, "{}", options);
  ASSERT_THAT(first, IsOk());
  for (const std::string_view text : {kInsert, kNothing}) {
    const auto late = Run(text, "{}", options);
    EXPECT_EQ(io::DetailOf(late.status())->kind, io::ErrorKind::kPreconditionFailed);
    EXPECT_EQ(io::Message(late.status()),
              io::StrCat("precondition failed on branch 'main': expected head '", genesis,
                         "' but current is ", first->commit->graph_commit_id));
  }
}

// Another writer commits between the preparation and the effects of the first one.
class RaceTest : public MutateTest {
 protected:
  // Runs `text` while `other` commits once in its window.
  absl::StatusOr<MutationResult> RunAgainst(std::string_view text, std::string_view other,
                                            const MutateOptions& options = {}) {
    bool done = false;
    io::ScopedCrashPoint point(env_.crash_points(), "mutation.post_stage_pre_effect_gate",
                               [&]() -> absl::Status {
                                 if (std::exchange(done, true)) return absl::OkStatus();
                                 return ByAnother(other);
                               });
    return Run(text, "{}", options);
  }

 private:
  // The gates of the branch are held by the writer under test: the other one is a machine of its
  // own on the same store.
  absl::Status ByAnother(std::string_view text) {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store>) { return root_.store; };
    io::SimEnv env(tests::Seed() + ++num_others_, options);
    const auto graph = Graph::Open(env, *env.Resolve("memory://disk/g"), OpenMode::kReadWrite);
    if (!graph.ok()) return graph.status();
    const auto file = query::ParseQueryFile(text);
    return (*graph)->Mutate(file->queries[0], {}, {}).status();
  }

  uint64_t num_others_ = 0;
};

TEST_F(RaceTest, InsertsArePreparedAgain) {
  EXPECT_THAT(RunAgainst(R"(query q() { insert Person { name: "ann" email: "a@x" } })",
                         R"(query q() { insert Person { name: "bob" } })"),
              IsOk());
  EXPECT_THAT(Export("Person"), HasSubstr("bob"));
  EXPECT_EQ(NumCommits(), 3u);
  // And checked again.
  const auto taken = RunAgainst(R"(query q() { insert Person { name: "eve" email: "e@x" } })",
                                R"(query q() { insert Person { name: "sue" email: "e@x" } })");
  EXPECT_THAT(std::string(io::Message(taken.status())), HasSubstr("@unique violation"));
}

TEST_F(RaceTest, OthersReportWhatChanged) {
  ASSERT_EQ(Affected(R"(query q() { insert Person { name: "ann" age: 1 } })"), "1 0");
  const auto update = RunAgainst(R"(query q() { update Person set { age: 2 } where age = 1 })",
                                 R"(query q() { insert Person { name: "bob" } })");
  EXPECT_EQ(io::DetailOf(update.status())->kind, io::ErrorKind::kReadSetChanged);
  EXPECT_EQ(io::DetailOf(update.status())->field("member"), "graph_head:main");
  MutateOptions options;
  options.expected_head = (*graph_->ListCommits("main"))[0].graph_commit_id;
  const auto insert = RunAgainst(R"(query q() { insert Person { name: "eve" } })",
                                 R"(query q() { insert Person { name: "sue" } })", options);
  EXPECT_EQ(io::DetailOf(insert.status())->kind, io::ErrorKind::kPreconditionFailed);
}

}  // namespace
}  // namespace og::engine::graph
