// Branches: their names, what creating and deleting them changes, the first write of a branch to a
// table, reading old states, and how many requests a branch costs.
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/refs.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
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

constexpr std::string_view kTeam = "{\"type\":\"Team\",\"data\":{\"slug\":\"t2\"}}\n";
constexpr std::string_view kTeamExport =
    "{\"type\":\"Team\",\"data\":{\"id\":\"t2\",\"slug\":\"t2\"}}\n";

class BranchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    io::SimEnvOptions options;
    options.wrap_store = [this](std::shared_ptr<io::Store> store) {
      counting_ = std::make_shared<io::CountingStore>(std::move(store));
      return counting_;
    };
    env_ = std::make_unique<io::SimEnv>(tests::Seed(), options);
    root_ = *env_->Resolve("memory://disk/g");
    ASSERT_THAT(Graph::Init(*env_, root_, kPeopleSchema, {}), IsOk());
    graph_ = Open();
    ASSERT_THAT(Load(kPeople, "main", LoadMode::kOverwrite), IsOk());
  }

  std::shared_ptr<Graph> Open() const {
    auto graph = Graph::Open(*env_, root_, OpenMode::kReadWrite);
    EXPECT_THAT(graph, IsOk());
    return *std::move(graph);
  }

  absl::Status Load(std::string_view text, const std::string& branch,
                    LoadMode mode = LoadMode::kAppend) {
    return LoadText(*graph_, text, mode, branch).status();
  }

  std::string Export(const std::string& branch) {
    return ExportText(*graph_, {.branch = branch, .snapshot = std::nullopt});
  }

  std::optional<std::string> RefOf(std::string_view type, const std::string& branch) {
    const auto info = graph_->DescribeSnapshot({.branch = branch, .snapshot = std::nullopt});
    EXPECT_THAT(info, IsOk());
    for (const DatasetInfo& dataset : info->datasets) {
      if (dataset.type_name == type) return dataset.native_dataset_branch;
    }
    return "no such type";
  }

  static std::string Text(const absl::Status& status) { return std::string(io::Message(status)); }

  std::shared_ptr<io::CountingStore> counting_;
  std::unique_ptr<io::SimEnv> env_;
  io::Location root_;
  std::shared_ptr<Graph> graph_;
};

TEST_F(BranchTest, AreListedWithMainByName) {
  for (const char* name : {"zeta", "feat/x", "alpha"}) {
    ASSERT_THAT(graph_->CreateBranch(name, "main"), IsOk());
  }
  EXPECT_THAT(*graph_->ListBranches(), ElementsAre("alpha", "feat/x", "main", "zeta"));
  ASSERT_THAT(graph_->DeleteBranch("feat/x"), IsOk());
  EXPECT_THAT(*graph_->ListBranches(), ElementsAre("alpha", "main", "zeta"));
  EXPECT_THAT(*Open()->ListBranches(), ElementsAre("alpha", "main", "zeta"));
}

TEST_F(BranchTest, NamesThatCannotBeAreRefused) {
  ASSERT_THAT(graph_->CreateBranch("a/b", "main"), IsOk());
  const std::pair<const char*, const char*> kRefusals[] = {
      {"", "branch name cannot be empty"},
      {"main", "cannot create branch 'main'"},
      {"a//b", "has an empty segment"},
      {"/x", "has an empty segment"},
      {"a..b", "contains '..'"},
      {"a b", "may only have letters"},
      {"x.lock", "ends in .lock"},
      {"a/b", "branch 'a/b' already exists"},
      {"a", "cannot create branch 'a' while live branch 'a/b' shares its physical Lance path"},
      {"a/b/c", "cannot create branch 'a/b/c' while live branch 'a/b' shares its physical"},
      {"__schema_apply_lock__", "branch_create does not allow internal system ref"},
      {"/__schema_apply_lock__", "branch_create does not allow internal system ref"}};
  for (const auto& [name, text] : kRefusals) {
    EXPECT_THAT(Text(graph_->CreateBranch(name, "main")), HasSubstr(text)) << name;
  }
  EXPECT_THAT(Text(graph_->CreateBranch("c", "nowhere")), HasSubstr("branch 'nowhere' not found"));
  EXPECT_THAT(Text(graph_->DeleteBranch("nowhere")), HasSubstr("branch 'nowhere' not found"));
  EXPECT_THAT(Text(graph_->DeleteBranch("main")), HasSubstr("cannot delete branch 'main'"));
  EXPECT_THAT(*graph_->ListBranches(), ElementsAre("a/b", "main"));
  // Nothing special about this one any more.
  EXPECT_THAT(graph_->CreateBranch("__run__x", "main"), IsOk());
}

TEST_F(BranchTest, ABranchBeginsAsItsSourceAndMakesNoCommit) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  EXPECT_EQ(Export("b"), kPeopleExport);
  const auto main = graph_->ListCommits("main");
  const auto branch = graph_->ListCommits("b");
  ASSERT_THAT(main, IsOk());
  ASSERT_THAT(branch, IsOk());
  ASSERT_EQ(branch->size(), main->size());
  EXPECT_EQ(branch->front().graph_commit_id, main->front().graph_commit_id);
  EXPECT_EQ(RefOf("Team", "b"), std::nullopt);
}

TEST_F(BranchTest, TheFirstWriteForksOnlyTheTablesItTouches) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(Load(kTeam, "b"), IsOk());
  EXPECT_EQ(RefOf("Team", "b"), "b");
  EXPECT_EQ(RefOf("Person", "b"), std::nullopt);
  EXPECT_EQ(Export("b"), io::StrCat(kPeopleExport, kTeamExport));
  EXPECT_EQ(Export("main"), kPeopleExport);

  // A branch of the branch reads its ref until it writes itself.
  ASSERT_THAT(graph_->CreateBranch("c", "b"), IsOk());
  EXPECT_EQ(RefOf("Team", "c"), "b");
  ASSERT_THAT(Load("{\"type\":\"Team\",\"data\":{\"slug\":\"t3\"}}\n", "c"), IsOk());
  EXPECT_EQ(RefOf("Team", "c"), "c");
  EXPECT_EQ(Export("b"), io::StrCat(kPeopleExport, kTeamExport));
  EXPECT_EQ(ExportText(*Open(), {.branch = "c", .snapshot = std::nullopt}),
            io::StrCat(kPeopleExport, kTeamExport,
                       "{\"type\":\"Team\",\"data\":{\"id\":\"t3\",\"slug\":\"t3\"}}\n"));

  // Rows of the branch and of main may have the same id.
  ASSERT_THAT(Load(kTeam, "main"), IsOk());
  EXPECT_THAT(Text(Load(kTeam, "b")), HasSubstr("already has this id"));
}

TEST_F(BranchTest, ABranchMayReplaceATable) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(
      Load("{\"type\":\"Person\",\"data\":{\"name\":\"bob\"}}\n"
           "{\"edge\":\"Knows\",\"from\":\"bob\",\"to\":\"bob\",\"data\":{\"id\":\"k2\"}}\n",
           "b", LoadMode::kOverwrite),
      IsOk());
  EXPECT_THAT(Export("b"), HasSubstr("\"k2\""));
  EXPECT_THAT(Export("b"), ::testing::Not(HasSubstr("ann")));
  EXPECT_EQ(Export("main"), kPeopleExport);
}

TEST_F(BranchTest, WhatOthersDependOnStays) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(Load(kTeam, "b"), IsOk());
  ASSERT_THAT(graph_->CreateBranch("c", "b"), IsOk());
  EXPECT_THAT(Text(graph_->DeleteBranch("b")),
              HasSubstr("cannot delete branch 'b' because descendant branch 'c' still depends"));
  ASSERT_THAT(graph_->DeleteBranch("c"), IsOk());
  EXPECT_THAT(graph_->DeleteBranch("b"), IsOk());
  EXPECT_TRUE(root_.store->List("g/__manifest/tree", {})->empty());
  const auto objects = root_.store->List("g/nodes", {});
  ASSERT_THAT(objects, IsOk());
  for (const io::ObjectInfo& object : *objects) {
    EXPECT_EQ(object.path.find("/tree/"), std::string::npos) << object.path;
  }
}

TEST_F(BranchTest, ANameIsUsedAgainWithoutAnythingOfTheFormerBranch) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(Load(kTeam, "b"), IsOk());
  const auto before = graph_->ListCommits("b");
  // The refs of tables stay, as after a crash behind the deletion.
  env_->crash_points().Fail("branch_delete.before_table_cleanup");
  EXPECT_FALSE(graph_->DeleteBranch("b").ok());
  env_->crash_points().Clear("branch_delete.before_table_cleanup");
  EXPECT_THAT(*graph_->ListBranches(), ElementsAre("main"));
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  EXPECT_EQ(Export("b"), kPeopleExport);
  ASSERT_THAT(Load(kTeam, "b"), IsOk());
  EXPECT_EQ(Export("b"), io::StrCat(kPeopleExport, kTeamExport));
  // The commit of the former incarnation is in no history any more.
  EXPECT_THAT(Text(graph_->FindCommit(before->front().graph_commit_id).status()),
              HasSubstr("not found"));
}

TEST_F(BranchTest, ALostAnswerIsReadFromTheRef) {
  env_->crash_points().Fail("branch_create.post_native");
  EXPECT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  env_->crash_points().Clear("branch_create.post_native");
  EXPECT_EQ(Export("b"), kPeopleExport);
  env_->crash_points().Fail("branch_delete.post_native");
  EXPECT_THAT(graph_->DeleteBranch("b"), IsOk());
  EXPECT_THAT(*graph_->ListBranches(), ElementsAre("main"));
}

TEST_F(BranchTest, EveryCommitStaysReadable) {
  const std::string first = graph_->ListCommits("main")->front().graph_commit_id;
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  ASSERT_THAT(Load(kTeam, "b"), IsOk());
  const auto commit = graph_->ListCommits("b")->front();
  EXPECT_EQ(commit.graph_branch, "b");
  EXPECT_EQ(commit.parent_commit_id, first);
  ASSERT_THAT(Load("{\"type\":\"Team\",\"data\":{\"slug\":\"t3\"}}\n", "b"), IsOk());
  const auto fresh = Graph::Open(*env_, root_, OpenMode::kReadOnly);
  ASSERT_THAT(fresh, IsOk());
  EXPECT_EQ(ExportText(**fresh, {.snapshot = commit.graph_commit_id}),
            io::StrCat(kPeopleExport, kTeamExport));
  EXPECT_EQ(ExportText(**fresh, {.snapshot = first}), kPeopleExport);
}

TEST_F(BranchTest, AReadOnlyGraphChangesNoBranch) {
  const auto graph = Graph::Open(*env_, root_, OpenMode::kReadOnly);
  ASSERT_THAT(graph, IsOk());
  EXPECT_THAT(Text((*graph)->CreateBranch("b", "main")), HasSubstr("read-only"));
  EXPECT_THAT(Text((*graph)->DeleteBranch("b")), HasSubstr("read-only"));
}

TEST_F(BranchTest, ALoadMayForkItsBranch) {
  const auto load = [this](std::string_view text, const std::string& branch) {
    InputText input(text);
    LoadOptions options;
    options.branch = branch;
    options.from = "main";
    return graph_->Load(input, options);
  };
  const auto first = load(kTeam, "draft");
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE(first->branch_created);
  EXPECT_EQ(Export("draft"), io::StrCat(kPeopleExport, kTeamExport));
  EXPECT_EQ(Export("main"), kPeopleExport);
  const auto second = load("{\"type\":\"Team\",\"data\":{\"slug\":\"t3\"}}\n", "draft");
  ASSERT_THAT(second, IsOk());
  EXPECT_FALSE(second->branch_created);
  // A load that fails leaves the branch that it made.
  EXPECT_FALSE(load("{\"type\":\"Nothing\",\"data\":{}}\n", "other").ok());
  EXPECT_THAT(*graph_->ListBranches(), ElementsAre("draft", "main", "other"));
  EXPECT_FALSE(load(kTeam, "main")->branch_created);
}

TEST_F(BranchTest, CreatingCostsAtMostSixRequestsHoweverLongTheHistory) {
  ASSERT_EQ(Export("main"), kPeopleExport);  // the handle has seen the load
  for (int i = 0; i < 12; ++i) {
    const io::StoreCounts before = counting_->counts();
    ASSERT_THAT(graph_->CreateBranch(io::StrCat("b", i), "main"), IsOk());
    const io::StoreCounts made = counting_->counts() - before;
    const uint64_t syncs = made.calls_of(io::StoreCall::kSync);
    EXPECT_LE(std::accumulate(made.calls.begin(), made.calls.end(), uint64_t{0}) - syncs, 6u)
        << "branch " << i << ": " << made.Text();
    ASSERT_THAT(Load(io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"x", i, "\"}}\n"), "main"),
                IsOk());
    EXPECT_THAT(Export("main"), HasSubstr(io::StrCat("x", i)));
  }
}

}  // namespace
}  // namespace og::engine::graph
