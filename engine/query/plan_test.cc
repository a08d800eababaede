// Lowering: the operators that a query becomes, among them the plans where the reference's answer
// is silently wrong (docs/dev/deviations.md), and what is refused only here.
#include "engine/query/plan.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

#include "engine/query/parse.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

constexpr std::string_view kSchema = R"(
node Author { handle: String @key  age: I32?  born: DateTime?  tags: [String]? }
node Paper { slug: String @key  title: String?  emb: Vector(3)? }
edge Writes: Author -> Paper { role: String? }
edge Mentors: Author -> Author { since: Date? }
)";

struct Compiled {
  schema::CatalogPtr catalog;
  QueryFile file;
};

Compiled Compile(std::string_view source) {
  absl::StatusOr<schema::CatalogPtr> catalog = schema::CatalogFromText(kSchema);
  EXPECT_TRUE(catalog.ok()) << catalog.status();
  absl::StatusOr<QueryFile> file = ParseQueryFile(source);
  EXPECT_TRUE(file.ok()) << file.status();
  return {.catalog = *std::move(catalog), .file = *std::move(file)};
}

absl::StatusOr<ReadPlan> Plan(std::string_view source) {
  const Compiled compiled = Compile(source);
  const absl::StatusOr<CheckedQuery> checked =
      CheckQuery(*compiled.catalog, compiled.file.queries.front());
  EXPECT_TRUE(checked.ok()) << checked.status();
  return PlanRead(*compiled.catalog, *checked);
}

// The plan of `match` followed by "return { 1 }", without its last line.
std::string PipelineOf(std::string_view match, std::string_view params = "") {
  const absl::StatusOr<ReadPlan> plan =
      Plan(io::StrCat("query q(", params, ") { match { ", match, " } return { 1 } }"));
  EXPECT_TRUE(plan.ok()) << plan.status();
  std::string text = ToString(*plan);
  text.resize(text.find("Project 1 as literal\n"));
  return text;
}

std::string RefusalOf(std::string_view source) {
  const absl::StatusOr<ReadPlan> plan = Plan(source);
  EXPECT_FALSE(plan.ok());
  return std::string(io::Message(plan.status()));
}

TEST(PlanRead, ScanWithItsFilters) {
  EXPECT_EQ(PipelineOf("$a: Author { handle: \"x\", tags: \"t\" } $a.age > $n", "$n: I32"),
            "NodeScan $a: Author [$a.handle = \"x\", $a.tags contains \"t\", $a.age > $n]\n");
}

TEST(PlanRead, ContainsIsResolved) {
  EXPECT_EQ(PipelineOf("$a: Author $a.handle contains \"x\" $a.tags contains \"y\""),
            "NodeScan $a: Author [$a.handle contains_text \"x\", $a.tags contains \"y\"]\n");
}

TEST(PlanRead, FirstBindingOfAComponentIsScanned) {
  EXPECT_EQ(PipelineOf("$p: Paper { slug: \"s\" } $a: Author { age: 3 } $a writes $p"),
            "NodeScan $p: Paper [$p.slug = \"s\"]\n"
            "Expand $p in Writes -> $a: Author [$a.age = 3]\n");
}

TEST(PlanRead, ComponentsAreCrossed) {
  EXPECT_EQ(PipelineOf("$a: Author $b: Author $p: Paper $b writes $p $a.age = $b.age"),
            "NodeScan $a: Author\n"
            "NodeScan $b: Author\n"
            "Filter $a.age = $b.age\n"
            "Expand $b out Writes -> $p: Paper\n");
}

TEST(PlanRead, DirectionFollowsTheTypes) {
  EXPECT_EQ(PipelineOf("$p: Paper $p writes $a"),
            "NodeScan $p: Paper\nExpand $p in Writes -> $a: Author\n");
  EXPECT_EQ(PipelineOf("$a: Author $b mentors{1,3} $a"),
            "NodeScan $a: Author\nExpand $a in Mentors{1,3} -> $b: Author\n");
  EXPECT_EQ(PipelineOf("$a: Author $b <mentors> $a"),
            "NodeScan $a: Author\nExpand $a both Mentors -> $b: Author\n");
}

TEST(PlanRead, ClosingACycleComparesIds) {
  EXPECT_EQ(PipelineOf("$a: Author $a mentors $b $b mentors $a"),
            "NodeScan $a: Author\n"
            "Expand $a out Mentors -> $b: Author\n"
            "Expand $b out Mentors -> $__temp_a#1: Author\n"
            "Filter $__temp_a#1.id = $a.id\n");
}

TEST(PlanRead, EdgeBindings) {
  EXPECT_EQ(PipelineOf("$a: Author $a $w:writes $p $w.role = \"x\" $a $_:mentors $b"),
            "NodeScan $a: Author\n"
            "Expand $a out Writes as $w -> $p: Paper\n"
            "Filter $w.role = \"x\"\n"
            "Expand $a out Mentors -> $b: Author\n");
}

TEST(PlanRead, UnnamedEndsAreDistinct) {
  EXPECT_EQ(PipelineOf("$a: Author $a mentors $_ $_ mentors $a"),
            "NodeScan $a: Author\n"
            "Expand $a out Mentors -> $_#1: Author\n"
            "Expand $a in Mentors -> $_#2: Author\n");
}

TEST(PlanRead, AntiJoin) {
  EXPECT_EQ(PipelineOf("$a: Author not { $a writes $p $p.title = \"x\" not { $a mentors $_ } }"),
            "NodeScan $a: Author\n"
            "AntiJoin $a\n"
            "  Expand $a out Writes -> $p: Paper [$p.title = \"x\"]\n"
            "  AntiJoin $a\n"
            "    Expand $a out Mentors -> $_#1: Author\n");
}

// Deviation: the reference follows Out from the Paper and excludes nothing.
TEST(PlanRead, DirectionInsideNegation) {
  EXPECT_EQ(PipelineOf("$p: Paper not { $p writes $a }"),
            "NodeScan $p: Paper\n"
            "AntiJoin $p\n"
            "  Expand $p in Writes -> $a: Author\n");
}

// Deviation: the reference scans twice and crosses the copies.
TEST(PlanRead, RebindingAddsConditions) {
  EXPECT_EQ(PipelineOf("$a: Author { age: 1 } $a: Author { handle: \"x\" }"),
            "NodeScan $a: Author [$a.age = 1, $a.handle = \"x\"]\n");
  EXPECT_EQ(PipelineOf("$a: Author not { $a: Author { age: 3 } }"),
            "NodeScan $a: Author\n"
            "AntiJoin $a\n"
            "  Filter $a.age = 3\n");
}

// Deviation: the reference drops the traversal, then misses its columns.
TEST(PlanRead, TraversalWithoutAnyBinding) {
  EXPECT_EQ(PipelineOf("$a writes $p $p.title = \"x\""),
            "NodeScan $a: Author\n"
            "Expand $a out Writes -> $p: Paper [$p.title = \"x\"]\n");
  EXPECT_EQ(PipelineOf("$_ writes $p"),
            "NodeScan $p: Paper\nExpand $p in Writes -> $_#1: Author\n");
  EXPECT_EQ(PipelineOf("$_ writes $_"),
            "NodeScan $_#1: Author\nExpand $_#1 out Writes -> $_#2: Paper\n");
}

// Deviation: the reference drops these conditions of a scanned binding.
TEST(PlanRead, ConditionsOfABindingStay) {
  EXPECT_EQ(PipelineOf("$a: Author { born: now(), handle: $undeclared }"),
            "NodeScan $a: Author [$a.born = $__nanograph_now, $a.handle = $undeclared]\n");
}

// Deviation: the reference ignores text conditions on what a traversal introduces.
TEST(PlanRead, TextConditionsBehindATraversal) {
  EXPECT_EQ(PipelineOf("$a: Author $a writes $p search($p.title, \"x\")"),
            "NodeScan $a: Author\n"
            "Expand $a out Writes -> $p: Paper [search($p.title, \"x\") = true]\n");
}

// Deviation: the reference accepts a named "_" of another type and compares ids across types.
TEST(PlanRead, UnderscoreThatABindingDeclares) {
  EXPECT_EQ(PipelineOf("$a: Author $_: Author $a mentors $_"),
            "NodeScan $_: Author\n"
            "Expand $_ in Mentors -> $a: Author\n");
  const Compiled compiled =
      Compile("query q() { match { $a: Author $_: Paper $a mentors $_ } return { 1 } }");
  EXPECT_EQ(io::Message(CheckQuery(*compiled.catalog, compiled.file.queries[0]).status()),
            "type error: T5: variable `$_` has type `Paper` but edge `Mentors` expects `Author`");
}

TEST(PlanRead, ConstantConditionsComeLast) {
  EXPECT_EQ(PipelineOf("1 = 2 $a: Author"), "NodeScan $a: Author\nFilter 1 = 2\n");
}

TEST(PlanRead, ProjectionsAndOrder) {
  const absl::StatusOr<ReadPlan> plan = Plan(
      "query q($n: I32) { match { $a: Author } return { $a, $a.age, $n, 1, $a.handle as h } "
      "order { h desc, $a.age } limit 3 }");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(ToString(*plan),
            "NodeScan $a: Author\n"
            "Project $a as a, $a.age as a.age, $n as n, 1 as literal, $a.handle as h\n"
            "Order h desc, $a.age\n"
            "Limit 3\n");
  EXPECT_FALSE(plan->aggregates);
  EXPECT_EQ(plan->orderings[0].column, 4u);
  EXPECT_EQ(plan->orderings[1].column, std::nullopt);
}

TEST(PlanRead, AggregatesOrderByColumn) {
  const absl::StatusOr<ReadPlan> plan = Plan(
      "query q() { match { $a: Author } return { $a.age, count($a) as n, max($a.handle) } "
      "order { n, $a.age } }");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->aggregates);
  EXPECT_EQ(plan->projections[2].name, "a.handle");
  EXPECT_EQ(plan->orderings[0].column, 1u);
  EXPECT_EQ(plan->orderings[1].column, 0u);
  EXPECT_EQ(RefusalOf("query q() { match { $a: Author } return { count($a) } order { $a.age } }"),
            "ordering by $a.age needs it among the returned values of an aggregate query");
}

TEST(PlanRead, ARankOrdersAlone) {
  const absl::StatusOr<ReadPlan> plan = Plan(
      "query q() { match { $p: Paper } return { $p.slug } order { bm25($p.title, \"x\") desc, "
      "$p.slug } limit 2 }");
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->orderings.size(), 1u);
  EXPECT_EQ(plan->orderings[0].expr.kind, ExprKind::kBm25);
  EXPECT_FALSE(plan->orderings[0].descending);
}

TEST(PlanRead, RefusesWhatCannotBeAColumnOrAKey) {
  EXPECT_EQ(RefusalOf("query q() { match { $p: Paper } return { bm25($p.title, \"x\") as s } }"),
            "unsupported projection expression: bm25($p.title, \"x\")");
  EXPECT_EQ(RefusalOf("query q() { match { $p: Paper } return { nope } }"),
            "unsupported projection expression: nope");
  EXPECT_EQ(RefusalOf("query q() { match { $p: Paper } return { sum(count($p)) } }"),
            "unsupported projection expression: sum(count($p))");
  EXPECT_EQ(RefusalOf("query q() { match { $p: Paper } return { $p.slug } order { zz } }"),
            "alias 'zz' not found for ordering");
  EXPECT_EQ(RefusalOf("query q() { match { $p: Paper } return { $p.slug } order { $p } }"),
            "unsupported ordering expression: $p");
  EXPECT_EQ(RefusalOf("query m() { delete Paper where slug = \"x\" }"),
            "mutation query cannot be typechecked with read-query API");
}

TEST(PlanMutation, StatementsInOrder) {
  const Compiled compiled = Compile(
      "query m($n: I32) { insert Author { handle: \"x\", born: now() } "
      "update Author set { age: $n } where handle = \"x\" }");
  const absl::StatusOr<CheckedQuery> checked =
      CheckQuery(*compiled.catalog, compiled.file.queries[0]);
  ASSERT_TRUE(checked.ok()) << checked.status();
  const absl::StatusOr<MutationPlan> plan = PlanMutation(*checked);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->steps.size(), 2u);
  EXPECT_EQ(ToString(plan->steps[0].assignments[1].value), "$__nanograph_now");
  EXPECT_EQ(plan->steps[1].kind, MutationKind::kUpdate);
  EXPECT_EQ(plan->steps[1].predicate->left.property, "handle");
  EXPECT_FALSE(plan->steps[1].is_edge);
}

TEST(PlanMutation, RefusesMixesAndReads) {
  const Compiled mixed =
      Compile("query m() { insert Author { handle: \"x\" } delete Writes where role = \"x\" }");
  const absl::StatusOr<CheckedQuery> checked = CheckQuery(*mixed.catalog, mixed.file.queries[0]);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->mutation_targets_edge, (std::vector<bool>{false, true}));
  EXPECT_EQ(io::Message(PlanMutation(*checked).status()).substr(0, 68),
            "mutation 'm' on the same query mixes inserts/updates and deletes; sp");
  const Compiled read = Compile("query q() { match { $a: Author } return { 1 } }");
  EXPECT_EQ(io::Message(PlanMutation(*CheckQuery(*read.catalog, read.file.queries[0])).status()),
            "mutation execution called on a read query; use query instead");
}

}  // namespace
}  // namespace og::engine::query
