// Merging: what each kind of difference becomes, what is refused and how it is told, what a merge
// costs, and the graph that comes out of random histories against a model that knows no fragments.
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/merge/merge_testing.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "io/fault/counting_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Row Person(const std::string& name, std::optional<int64_t> age = {},
           std::optional<std::string> email = {}) {
  return {{"id", name, {}}, {"name", name, {}}, {"age", {}, age}, {"email", email, {}}};
}
Row Knows(const std::string& id, const std::string& src, const std::string& dst,
          std::optional<int64_t> since = {}) {
  return {{"id", id, {}}, {"src", src, {}}, {"dst", dst, {}}, {"since", {}, since}};
}
Row MemberOf(const std::string& id, const std::string& src, const std::string& dst) {
  return {{"id", id, {}}, {"src", src, {}}, {"dst", dst, {}}};
}
Row Team(const std::string& slug) {
  return {{"id", slug, {}}, {"slug", slug, {}}};
}

class MergeTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(tests::Seed(), true); }

  void Start(uint64_t seed, bool with_people) {
    context_.reset();
    graph_.reset();
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> store) {
      counting_ = std::make_shared<io::CountingStore>(std::move(store));
      return counting_;
    };
    env_ = std::make_unique<io::SimEnv>(seed, options);
    const io::Location root = *env_->Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(*env_, root, kPeopleSchema, {}), IsOk());
    graph_ = *Graph::Open(*env_, root, OpenMode::kReadWrite);
    context_ = std::make_unique<GraphContext>(*env_, root);
    if (!with_people) return;
    ASSERT_THAT(LoadText(*graph_, kPeople, LoadMode::kOverwrite), IsOk());
  }

  void Put(const std::string& branch, const std::string& table, const std::vector<Row>& rows) {
    ASSERT_THAT(Upsert(*context_, Ref(branch), table, rows), IsOk());
  }
  void Drop(const std::string& branch, const std::string& table, const std::string& id) {
    ASSERT_THAT(graph::Remove(*context_, Ref(branch), table, id), IsOk());
  }
  static std::optional<std::string> Ref(const std::string& branch) {
    return branch == "main" ? std::nullopt : std::optional(branch);
  }

  absl::StatusOr<MergeResult> Merge(const std::string& source, const std::string& target,
                                    bool dry_run = false) {
    return graph_->MergeBranch(
        {.source = source, .target = target, .actor_id = "act-m", .dry_run = dry_run});
  }
  std::string Export(const std::string& branch) {
    return ExportText(*graph_, {.branch = branch, .snapshot = std::nullopt});
  }

  // "kind id" of each conflict of merging `source` into main; the graph stays as it is.
  std::vector<std::string> Conflicts(const std::string& source) {
    const std::string before = Export("main");
    const auto dry = Merge(source, "main", true);
    EXPECT_THAT(dry, IsOk());
    const absl::Status refused = Merge(source, "main").status();
    EXPECT_EQ(io::DetailOf(refused)->kind, io::ErrorKind::kMergeConflicts) << refused;
    EXPECT_EQ(Export("main"), before);
    std::vector<std::string> texts;
    for (const MergeConflict& conflict : dry->conflicts)
      texts.push_back(io::StrCat(conflict.kind, " ", conflict.entity_id.value_or("-")));
    return texts;
  }

  // "property: source / target" of each field of the first conflict of merging `source` into main.
  std::vector<std::string> Fields(const std::string& source) {
    const auto dry = Merge(source, "main", true);
    EXPECT_THAT(dry, IsOk());
    std::vector<std::string> texts;
    for (const MergeConflictField& field : dry->conflicts[0].fields)
      texts.push_back(io::StrCat(field.property, ": ", field.source, " / ", field.target));
    return texts;
  }

  std::shared_ptr<io::CountingStore> counting_;
  std::unique_ptr<io::SimEnv> env_;
  std::shared_ptr<Graph> graph_;
  std::unique_ptr<GraphContext> context_;
};

TEST_F(MergeTest, ABranchThatDidNothingIsUpToDate) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  const auto result = Merge("b", "main");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->outcome, MergeOutcome::kAlreadyUpToDate);
  EXPECT_FALSE(result->commit.has_value());
  Put("main", "node:Team", {Team("t5")});
  EXPECT_EQ(Merge("b", "main")->outcome, MergeOutcome::kAlreadyUpToDate);
}

TEST_F(MergeTest, FastForwardBringsEveryKindOfChange) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Put("b", "node:Person", {Person("cy", 5), Person("bob", 41)});
  Drop("b", "edge:Knows", "k1");
  const std::string source_head = graph_->ListCommits("b")->front().graph_commit_id;
  const auto result = Merge("b", "main");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->outcome, MergeOutcome::kFastForward);
  EXPECT_EQ(Export("main"), Export("b"));
  EXPECT_THAT(Export("main"), HasSubstr("\"age\":41"));
  ASSERT_TRUE(result->commit.has_value());
  EXPECT_EQ(result->commit->merged_parent_commit_id, source_head);
  EXPECT_EQ(result->commit->actor_id, "act-m");
  ASSERT_EQ(result->tables.size(), 2u);
  EXPECT_EQ(result->tables[0].table_key, "edge:Knows");
  EXPECT_EQ(result->tables[0].deletes, 1u);
  EXPECT_EQ(result->tables[1].inserts, 1u);
  EXPECT_EQ(result->tables[1].updates, 1u);
  EXPECT_EQ(Merge("b", "main")->outcome, MergeOutcome::kAlreadyUpToDate);
}

TEST_F(MergeTest, MainsTablesAreAdoptedByABranchThatDidNotWriteThem) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Put("b", "node:Team", {Team("t5")});
  Put("main", "node:Person", {Person("cy", 5)});
  const uint64_t written = counting_->counts().calls_of(io::StoreCall::kFinish);
  const auto result = Merge("main", "b");
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->tables.size(), 1u);
  EXPECT_TRUE(result->tables[0].is_adopted);
  // One data file: that of `__manifest`.
  EXPECT_LE(counting_->counts().calls_of(io::StoreCall::kFinish) - written, 1u);
  EXPECT_THAT(Export("b"), HasSubstr("\"cy\""));
  EXPECT_THAT(Export("b"), HasSubstr("\"t5\""));
  EXPECT_THAT(Export("main"), Not(HasSubstr("\"t5\"")));
  // The branch may write the table afterwards.
  Put("b", "node:Person", {Person("dee", 6)});
  EXPECT_THAT(Export("b"), HasSubstr("\"dee\""));
}

TEST_F(MergeTest, AFastForwardPublishesOneRowForEachChangedTable) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(graph_->CreateBranch("idle", "main"), IsOk());
  Put("b", "node:Person", {Person("cy", 5)});
  Put("b", "node:Person", {Person("dee", 5)});
  Put("b", "node:Team", {Team("t5")});
  const auto num_rows = [this](const std::string& branch) {
    return context_->manifest.Open(Ref(branch))->dataset->num_rows();
  };
  const uint64_t main_before = num_rows("main");
  ASSERT_EQ(Merge("b", "main")->outcome, MergeOutcome::kFastForward);
  EXPECT_EQ(num_rows("main"), main_before + 2 + 1);  // two tables, the commit
  // A branch that has written nothing takes main's tables as they are; its head is a row of its
  // own.
  const uint64_t idle_before = num_rows("idle");
  const uint64_t written_before = counting_->counts().bytes_written();
  const auto adopted = Merge("main", "idle");
  ASSERT_EQ(adopted->outcome, MergeOutcome::kFastForward);
  EXPECT_TRUE(adopted->tables[0].is_adopted);
  EXPECT_EQ(num_rows("idle"), idle_before + 2 + 2);
  EXPECT_LT(counting_->counts().bytes_written() - written_before, 40'000u);
}

TEST_F(MergeTest, ThreeWaysJoinWhatDiffers) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Put("b", "node:Person", {Person("ann", 31, "a@x"), Person("cy", 5)});
  Put("main", "node:Person", {Person("bob", 50), Person("dee", 6)});
  Drop("main", "edge:MemberOf", "m1");
  const auto result = Merge("b", "main");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->outcome, MergeOutcome::kMerged);
  for (const char* part : {"\"age\":31", "\"cy\"", "\"age\":50", "\"dee\""})
    EXPECT_THAT(Export("main"), HasSubstr(part));
  EXPECT_THAT(Export("main"), Not(HasSubstr("\"m1\"")));
  EXPECT_THAT(Export("b"), Not(HasSubstr("\"dee\"")));
  // And back: the branch gets what main had.
  ASSERT_THAT(Merge("main", "b"), IsOk());
  EXPECT_EQ(Export("b"), Export("main"));
}

TEST_F(MergeTest, TheSameChangeOnBothSidesIsNone) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  for (const char* branch : {"b", "main"}) {
    Put(branch, "node:Person", {Person("ann", 31, "a@x"), Person("cy", 5)});
    Drop(branch, "edge:Knows", "k1");
  }
  const auto result = Merge("b", "main");
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->tables, IsEmpty());
  // Still a commit: the history says that they were joined.
  EXPECT_TRUE(result->commit.has_value());
  EXPECT_EQ(Merge("b", "main")->outcome, MergeOutcome::kAlreadyUpToDate);
}

TEST_F(MergeTest, ARowThatIsWrittenAgainWithItsValuesDidNotChange) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Put("b", "node:Person", {Person("ann", 30, "a@x")});
  Put("main", "node:Person", {Person("ann", 77, "a@x")});
  ASSERT_THAT(Merge("b", "main"), IsOk());
  EXPECT_THAT(Export("main"), HasSubstr("\"age\":77"));
}

TEST_F(MergeTest, ConflictsNameIdKindFieldsAndValues) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Put("b", "node:Person", {Person("ann", 31, "a@x"), Person("cy", 5)});
  Put("b", "edge:Knows", {Knows("k1", "ann", "bob", 8)});
  Put("main", "node:Person", {Person("ann", 32, "a@x"), Person("cy", 6)});
  Drop("main", "edge:Knows", "k1");
  EXPECT_THAT(Conflicts("b"),
              ElementsAre("delete_vs_update k1", "divergent_update ann", "divergent_insert cy"));
  const auto dry = Merge("b", "main", true);
  const MergeConflict& update = dry->conflicts[1];
  EXPECT_EQ(update.table_key, "node:Person");
  EXPECT_EQ(update.message, "divergent update for id 'ann'");
  ASSERT_EQ(update.fields.size(), 1u);
  EXPECT_EQ(update.fields[0].property, "age");
  EXPECT_EQ(update.fields[0].base, "30");
  EXPECT_EQ(update.fields[0].source, "31");
  EXPECT_EQ(update.fields[0].target, "32");
  const absl::Status error = Merge("b", "main").status();
  EXPECT_THAT(std::string(io::Message(error)),
              HasSubstr("merge conflicts: edge type 'Knows', entity id 'k1' (delete_vs_update): "
                        "delete/update conflict for id 'k1'; node type 'Person', entity id 'ann' "
                        "(divergent_update): divergent update for id 'ann'"));
}

TEST_F(MergeTest, TheMergedGraphIsValidated) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  // The same e-mail for two people.
  Put("b", "node:Person", {Person("cy", 5, "c@x")});
  Put("main", "node:Person", {Person("dee", 5, "c@x")});
  EXPECT_THAT(Conflicts("b"), ElementsAre("unique_violation cy"));
  EXPECT_THAT(Fields("b"), ElementsAre("id: \"cy\" / \"dee\"", "email: \"c@x\" / \"c@x\""));
  Put("main", "node:Person", {Person("dee", 5)});
  // An edge to somebody who is deleted on the other side, in both directions.
  Put("main", "node:Person", {Person("eve", 5)});
  ASSERT_THAT(Merge("main", "b"), IsOk());
  Put("b", "edge:Knows", {Knows("k5", "ann", "eve")});
  Drop("main", "node:Person", "eve");
  EXPECT_THAT(Conflicts("b"), ElementsAre("orphan_edge k5"));
  EXPECT_THAT(Fields("b"), ElementsAre("dst: \"eve\" / null"));
  Put("main", "node:Person", {Person("eve", 5)});
  Drop("b", "edge:Knows", "k5");
  ASSERT_THAT(Merge("b", "main"), IsOk());
  Put("main", "edge:Knows", {Knows("k6", "eve", "ann")});
  Drop("b", "node:Person", "eve");
  EXPECT_THAT(Conflicts("b"), ElementsAre("orphan_edge k6"));
  EXPECT_THAT(Fields("b"), ElementsAre("src: null / \"eve\""));
  Drop("main", "edge:Knows", "k6");
  ASSERT_THAT(Merge("b", "main"), IsOk());
  // Two teams more on each side: bob may be in two.
  ASSERT_THAT(Merge("main", "b"), IsOk());
  Put("main", "node:Team", {Team("t2"), Team("t3")});
  Put("b", "node:Team", {Team("t3")});
  Put("b", "edge:MemberOf", {MemberOf("m2", "bob", "t3")});
  Put("main", "edge:MemberOf", {MemberOf("m3", "bob", "t2")});
  const auto dry = Merge("b", "main", true);
  ASSERT_THAT(dry, IsOk());
  ASSERT_EQ(dry->conflicts.size(), 1u);
  EXPECT_EQ(dry->conflicts[0].kind, "cardinality_violation");
  EXPECT_EQ(dry->conflicts[0].message,
            "@card violation on edge MemberOf: source 'bob' has 3 edges (max 2)");
  EXPECT_EQ(dry->conflicts[0].table_key, "edge:MemberOf");
  EXPECT_THAT(Fields("b"), ElementsAre("src: \"bob\" / \"bob\"", "edges: 3 / 2"));
}

TEST_F(MergeTest, ATargetThatMovesMeanwhileIsMergedAgain) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Put("b", "node:Team", {Team("t5")});
  bool moved = false;
  const io::ScopedCrashPoint point(env_->crash_points(), "branch_merge.post_candidate_validation",
                                   [&]() -> absl::Status {
                                     if (!std::exchange(moved, true))
                                       Put("main", "node:Team", {Team("t6")});
                                     return absl::OkStatus();
                                   });
  const auto result = Merge("b", "main");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(point.reached(), 2u);
  EXPECT_EQ(result->outcome, MergeOutcome::kMerged);
  EXPECT_THAT(Export("main"), HasSubstr("\"t5\""));
  EXPECT_THAT(Export("main"), HasSubstr("\"t6\""));
}

TEST_F(MergeTest, WhatCannotBeMergedIsRefused) {
  EXPECT_THAT(std::string(io::Message(Merge("main", "main").status())),
              HasSubstr("branch_merge requires distinct source and target branches"));
  EXPECT_THAT(std::string(io::Message(Merge("nowhere", "main").status())),
              HasSubstr("branch 'nowhere' not found"));
  EXPECT_THAT(std::string(io::Message(Merge("__schema_apply_lock__", "main").status())),
              HasSubstr("branch_merge does not allow internal system refs "
                        "('__schema_apply_lock__' -> 'main')"));
}

TEST_F(MergeTest, ADryRunNeedsNoWriterAndChangesNothing) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Put("b", "node:Team", {Team("t5")});
  const auto reader = Graph::Open(*env_, context_->root, OpenMode::kReadOnly);
  ASSERT_THAT(reader, IsOk());
  const uint64_t writes = counting_->counts().writes();
  const auto dry =
      (*reader)->MergeBranch({.source = "b", .target = "main", .actor_id = {}, .dry_run = true});
  ASSERT_THAT(dry, IsOk());
  EXPECT_EQ(dry->outcome, MergeOutcome::kFastForward);
  EXPECT_EQ(counting_->counts().writes(), writes);
  EXPECT_FALSE((*reader)->MergeBranch({.source = "b", .actor_id = {}}).ok());
}

// Contents of every size go through a merge, those of rows that did not change among them.
TEST_F(MergeTest, BlobsAreCarried) {
  const auto root = env_->Resolve("memory://disk/blobs");
  ASSERT_THAT(Graph::Init(*env_, *root,
                          "node Doc { slug: String @key\n  title: String?\n  body: Blob? }\n", {}),
              IsOk());
  graph_ = *Graph::Open(*env_, *root, OpenMode::kReadWrite);
  const auto doc = [](std::string_view slug, std::string_view title, std::string_view body) {
    return io::StrCat("{\"type\":\"Doc\",\"data\":{\"slug\":\"", slug, "\",\"title\":\"", title,
                      "\",\"body\":", body, "}}\n");
  };
  const std::string small = "\"base64:aGk=\"";
  const std::string large = io::StrCat("\"base64:", std::string(120'000, 'Q'), "\"");
  const std::string other = io::StrCat("\"base64:", std::string(160'000, 'R'), "\"");
  const auto load = [&](const std::string& text, const std::string& branch) {
    ASSERT_THAT(LoadText(*graph_, text, LoadMode::kMerge, branch), IsOk());
  };
  load(doc("a", "1", small) + doc("b", "1", large) + doc("c", "1", "null") + doc("d", "1", large),
       "main");
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  load(doc("a", "1", other) + doc("c", "1", small) + doc("e", "2", large), "b");
  load(doc("b", "3", large) + doc("f", "3", small), "main");
  const auto merged = Merge("b", "main");
  ASSERT_THAT(merged, IsOk());
  EXPECT_EQ(merged->outcome, MergeOutcome::kMerged);
  const auto exported = [](std::string_view slug, std::string_view title, std::string_view body) {
    return io::StrCat("{\"type\":\"Doc\",\"data\":{\"id\":\"", slug, "\",\"body\":", body,
                      ",\"slug\":\"", slug, "\",\"title\":\"", title, "\"}}\n");
  };
  const std::string all = exported("a", "1", other) + exported("b", "3", large) +
                          exported("c", "1", small) + exported("d", "1", large) +
                          exported("e", "2", large) + exported("f", "3", small);
  EXPECT_TRUE(Export("main") == all);
  // Back into the branch, and a conflict over a content.
  ASSERT_THAT(Merge("main", "b"), IsOk());
  EXPECT_TRUE(Export("b") == all);
  load(doc("a", "1", small), "b");
  load(doc("a", "1", large), "main");
  EXPECT_THAT(Conflicts("b"), ElementsAre("divergent_update a"));
}

// Bytes and requests follow what changed, not the size of the tables.
TEST_F(MergeTest, CostFollowsTheChanges) {
  const auto cost_of = [this](int people) {
    Start(tests::Seed(), false);
    std::string input;
    for (int i = 0; i < people; ++i)
      input +=
          io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"p", i, "\",\"age\":", i, "}}\n");
    EXPECT_THAT(LoadText(*graph_, input, LoadMode::kAppend), IsOk());
    EXPECT_THAT(graph_->CreateBranch("b", "main"), IsOk());
    Put("b", "node:Person", {Person("x1", 1), Person("p5", 6)});
    Put("main", "node:Person", {Person("y1", 1), Person("p6", 7)});
    const io::StoreCounts before = counting_->counts();
    EXPECT_THAT(Merge("b", "main"), IsOk());
    return counting_->counts() - before;
  };
  const io::StoreCounts small = cost_of(100);
  const io::StoreCounts large = cost_of(20'000);
  const auto calls = [](const io::StoreCounts& counts) {
    return std::accumulate(counts.calls.begin(), counts.calls.end(), uint64_t{0});
  };
  EXPECT_LE(calls(large), calls(small) + 16) << small.Text() << " against " << large.Text();
  EXPECT_LE(large.bytes_read(), small.bytes_read() * 3) << small.Text() << " / " << large.Text();
}

// --- Random histories
// ------------------------------------------------------------------------------

// The graph as a map: table and id to the JSON-like text of its values.
using Entity = std::map<std::string, std::string>;
struct State {
  std::map<std::pair<std::string, std::string>, Entity> rows;

  bool Has(const std::string& table, const std::string& id) const {
    return rows.contains({table, id});
  }
};

struct Violations {
  std::set<std::string> texts;  // "kind id"
};

// All rules over the whole graph.
Violations Validate(const State& state) {
  Violations found;
  std::map<std::string, std::vector<std::string>> by_email;
  std::map<std::string, int> memberships;
  for (const auto& [key, entity] : state.rows) {
    const auto& [table, id] = key;
    if (table == "node:Person" && entity.contains("email"))
      by_email[entity.at("email")].push_back(id);
    if (!table.starts_with("edge:")) continue;
    const std::string to = table == "edge:Knows" ? "node:Person" : "node:Team";
    if (!state.Has("node:Person", entity.at("src")) || !state.Has(to, entity.at("dst")))
      found.texts.insert("orphan_edge " + id);
    if (table == "edge:MemberOf") ++memberships[entity.at("src")];
  }
  for (const auto& [email, ids] : by_email) {
    if (ids.size() > 1) found.texts.insert("unique_violation " + email);
  }
  for (const auto& [source, count] : memberships) {
    if (count > 2) found.texts.insert("cardinality_violation");
  }
  return found;
}

class RandomHistory {
 public:
  RandomHistory(uint64_t seed, Graph& graph, const GraphContext& context)
      : random_(seed), graph_(graph), context_(context) {
    states_[HeadOf("main")] = State();
    branches_["main"] = State();
  }

  void Step() {
    const uint64_t dice = random_() % 10;
    if (dice == 0 && branches_.size() < 4) return Fork();
    if (dice <= 2 && branches_.size() > 1) return MergeTwo();
    ChangeOne();
  }

  void ExpectAll() {
    for (const auto& [branch, state] : branches_) {
      EXPECT_EQ(Exported(branch), Lines(state)) << branch;
    }
  }

  int num_merges = 0;
  int num_conflicts = 0;

 private:
  std::string HeadOf(const std::string& branch) {
    return graph_.ListCommits(branch)->front().graph_commit_id;
  }
  static std::optional<std::string> Ref(const std::string& branch) {
    return branch == "main" ? std::nullopt : std::optional(branch);
  }
  std::string AnyBranch() {
    auto at = branches_.begin();
    std::advance(at, static_cast<long>(random_() % branches_.size()));
    return at->first;
  }

  void Fork() {
    const std::string from = AnyBranch();
    const std::string name = "b" + std::to_string(branches_.size());
    ASSERT_THAT(graph_.CreateBranch(name, from), IsOk());
    branches_[name] = branches_[from];
  }

  // A random change that leaves the branch valid.
  void ChangeOne() {
    const std::string branch = AnyBranch();
    State next = branches_[branch];
    const std::string person = "p" + std::to_string(random_() % 6);
    const std::string other = "p" + std::to_string(random_() % 6);
    const std::string team = "t" + std::to_string(random_() % 3);
    const std::string edge = std::to_string(random_() % 5);
    const auto number = static_cast<int64_t>(random_() % 3);
    std::string table;
    std::string id;
    Row row;
    Entity entity;
    switch (random_() % 4) {
      case 0: {
        table = "node:Person";
        id = person;
        const bool has_email = random_() % 2 == 0;
        const std::string email = "e" + std::to_string(random_() % 4);
        row = Person(id, number, has_email ? std::optional(email) : std::nullopt);
        entity = {{"age", std::to_string(number)}};
        if (has_email) entity["email"] = email;
        break;
      }
      case 1:
        table = "node:Team";
        id = team;
        row = Team(id);
        break;
      case 2:
        table = "edge:Knows";
        id = "k" + edge;
        row = Knows(id, person, other, number);
        entity = {{"src", person}, {"dst", other}, {"since", std::to_string(number)}};
        break;
      default:
        table = "edge:MemberOf";
        id = "m" + edge;
        row = MemberOf(id, person, team);
        entity = {{"src", person}, {"dst", team}};
    }
    const bool remove = random_() % 3 == 0;
    if (remove && !next.Has(table, id)) return;
    if (remove) {
      next.rows.erase({table, id});
    } else {
      next.rows[{table, id}] = entity;
    }
    if (!Validate(next).texts.empty()) return;
    const auto commit = remove ? graph::Remove(context_, Ref(branch), table, id)
                               : Upsert(context_, Ref(branch), table, {row});
    ASSERT_THAT(commit, IsOk());
    branches_[branch] = next;
    states_[commit->graph_commit_id] = next;
  }

  // The state from which two branches developed, by the rule of merge bases.
  const State* BaseOf(const std::string& source, const std::string& target) {
    std::map<std::string, CommitInfo> commits;
    for (const std::string& branch : {source, target}) {
      const auto listed = graph_.ListCommits(branch);
      for (const CommitInfo& commit : *listed)
        commits.emplace(commit.graph_commit_id, commit);
    }
    const auto distances = [&](const std::string& head) {
      std::map<std::string, int> found{{head, 0}};
      std::deque<std::string> queue{head};
      while (!queue.empty()) {
        const CommitInfo commit = commits.at(queue.front());
        queue.pop_front();
        for (const auto& parent : {commit.parent_commit_id, commit.merged_parent_commit_id}) {
          if (!parent.has_value() || !commits.contains(*parent)) continue;
          if (found.emplace(*parent, found.at(commit.graph_commit_id) + 1).second)
            queue.push_back(*parent);
        }
      }
      return found;
    };
    const auto a = distances(HeadOf(source));
    const auto b = distances(HeadOf(target));
    std::optional<std::tuple<int, uint64_t, std::string>> best;
    for (const auto& [id, distance] : a) {
      if (!b.contains(id)) continue;
      const std::tuple rank(-(distance + b.at(id)), commits.at(id).graph_manifest_version, id);
      if (!best.has_value() || rank > *best) best = rank;
    }
    return &states_.at(std::get<2>(*best));
  }

  void MergeTwo() {
    const std::string source = AnyBranch();
    const std::string target = AnyBranch();
    if (source == target) return;
    const State base = *BaseOf(source, target);
    const State& ours = branches_[source];
    const State& theirs = branches_[target];
    State merged = theirs;
    std::set<std::string> conflicts;
    std::set<std::pair<std::string, std::string>> keys;
    for (const State* state : {&base, &ours, &theirs}) {
      for (const auto& [key, entity] : state->rows)
        keys.insert(key);
    }
    const auto value = [](const State& state, const auto& key) {
      const auto found = state.rows.find(key);
      return found == state.rows.end() ? std::nullopt : std::optional(found->second);
    };
    for (const auto& key : keys) {
      const auto b = value(base, key);
      const auto s = value(ours, key);
      const auto t = value(theirs, key);
      if (s == b || s == t) continue;
      if (t != b) {
        const char* kind = !b.has_value()                   ? "divergent_insert "
                           : s.has_value() != t.has_value() ? "delete_vs_update "
                                                            : "divergent_update ";
        conflicts.insert(kind + key.second);
        continue;
      }
      if (s.has_value()) {
        merged.rows[key] = *s;
      } else {
        merged.rows.erase(key);
      }
    }
    ++num_merges;
    const auto dry =
        graph_.MergeBranch({.source = source, .target = target, .actor_id = {}, .dry_run = true});
    ASSERT_THAT(dry, IsOk()) << source << " into " << target;
    if (conflicts.empty()) {
      // By kind: the model names the value, the merge the entity.
      const bool expected = !Validate(merged).texts.empty();
      EXPECT_EQ(!dry->conflicts.empty(), expected) << source << " into " << target;
      if (expected) {
        ++num_conflicts;
        return;
      }
    } else {
      ++num_conflicts;
      std::set<std::string> found;
      for (const MergeConflict& conflict : dry->conflicts)
        found.insert(conflict.kind + " " + conflict.entity_id.value_or(""));
      EXPECT_EQ(found, conflicts) << source << " into " << target;
      return;
    }
    const auto result = graph_.MergeBranch({.source = source, .target = target, .actor_id = {}});
    ASSERT_THAT(result, IsOk()) << source << " into " << target;
    EXPECT_EQ(result->outcome, dry->outcome);
    if (result->outcome == MergeOutcome::kAlreadyUpToDate) return;
    branches_[target] = merged;
    states_[result->commit->graph_commit_id] = merged;
    EXPECT_EQ(Exported(target), Lines(merged)) << source << " into " << target;
  }

  std::vector<std::string> Exported(const std::string& branch) {
    const std::string text = ExportText(graph_, {.branch = branch, .snapshot = std::nullopt});
    std::vector<std::string> lines;
    for (const std::string_view line : io::Split(text, '\n')) {
      if (!line.empty()) lines.emplace_back(line);
    }
    std::ranges::sort(lines);
    return lines;
  }

  static std::vector<std::string> Lines(const State& state) {
    std::vector<std::string> lines;
    const auto number = [](const Entity& entity, const char* name) {
      return entity.contains(name) ? entity.at(name) : "null";
    };
    const auto quoted = [](const Entity& entity, const char* name) {
      return entity.contains(name) ? "\"" + entity.at(name) + "\"" : "null";
    };
    for (const auto& [key, entity] : state.rows) {
      const auto& [table, id] = key;
      const std::string type = table.substr(5);
      std::string line;
      if (table.starts_with("edge:")) {
        line = "{\"edge\":\"" + type + "\",\"from\":" + quoted(entity, "src") +
               ",\"to\":" + quoted(entity, "dst") + ",\"data\":{\"id\":\"" + id + "\"";
        if (type == "Knows") line += ",\"since\":" + number(entity, "since");
      } else {
        line = "{\"type\":\"" + type + "\",\"data\":{\"id\":\"" + id + "\"";
        line += type == "Person"
                    ? ",\"age\":" + number(entity, "age") +
                          ",\"email\":" + quoted(entity, "email") + ",\"name\":\"" + id + "\""
                    : ",\"slug\":\"" + id + "\"";
      }
      lines.push_back(line + "}}");
    }
    std::ranges::sort(lines);
    return lines;
  }

  std::mt19937_64 random_;
  Graph& graph_;
  const GraphContext& context_;
  std::map<std::string, State> branches_;
  std::map<std::string, State> states_;  // by commit
};

TEST_F(MergeTest, RandomHistoriesMergeAsTheModelDoes) {
  int merges = 0;
  int conflicts = 0;
  for (uint64_t round = 0; round < 12 && !HasFailure(); ++round) {
    const uint64_t seed = tests::Seed() + round;
    SCOPED_TRACE(io::StrCat("OG_SEED=", seed));
    Start(seed, false);
    RandomHistory history(seed, *graph_, *context_);
    for (int step = 0; step < 60 && !HasFailure(); ++step)
      history.Step();
    history.ExpectAll();
    merges += history.num_merges;
    conflicts += history.num_conflicts;
  }
  EXPECT_GT(merges, 30);
  EXPECT_GT(conflicts, 5);
  EXPECT_LT(conflicts, merges);
}

}  // namespace
}  // namespace og::engine::graph
