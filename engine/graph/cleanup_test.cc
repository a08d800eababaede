// Reclaiming old versions: what the limits say goes, and nothing that a branch, a merge, a tag, an
// unfinished write, a reader or a writer needs; refs that nobody reads go too; wherever it stops
// the graph is whole, and others go on beside it.
#include "engine/graph/cleanup.h"

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/refs.h"
#include "engine/graph/context.h"
#include "engine/graph/failpoints.h"
#include "engine/graph/graph.h"
#include "engine/graph/graph_testing.h"
#include "engine/graph/manifest/store.h"
#include "engine/graph/optimize.h"
#include "engine/graph/shared_machines_testing.h"
#include "engine/graph/snapshot.h"
#include "engine/graph/verify/verify.h"
#include "engine/query/parse.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/real_env.h"
#include "io/env/sim_env.h"
#include "tests/support/crash_machine.h"
#include "tests/support/reference_graph.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::engine::graph {
namespace {

using ::og::tests::IsOk;
using ::og::tests::Machine;
using ::og::tests::Moment;
using ::og::tests::ReferenceGraph;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CleanupOptions KeepOne() {
  return {.keep_versions = 1};
}

std::string Team(std::string_view slug) {
  return io::StrCat("{\"type\":\"Team\",\"data\":{\"slug\":\"", slug, "\"}}\n");
}

std::string Person(std::string_view name, int age) {
  return io::StrCat("{\"type\":\"Person\",\"data\":{\"name\":\"", name, "\",\"age\":", age, "}}\n");
}

absl::Status Load(Graph& graph, std::string_view text, const std::string& branch = "main") {
  return LoadText(graph, text, LoadMode::kMerge, branch).status();
}

std::string Export(Graph& graph, const std::string& branch) {
  return ExportText(graph, {.branch = branch, .snapshot = std::nullopt});
}

std::string ExportAt(Graph& graph, const std::string& commit) {
  return ExportText(graph, {.branch = "main", .snapshot = commit});
}

absl::Status Merge(Graph& graph, const std::string& source, const std::string& target) {
  return graph.MergeBranch({.source = source, .target = target, .actor_id = {}, .dry_run = false})
      .status();
}

std::string HeadOf(Graph& graph, const std::string& branch = "main") {
  return graph.ListCommits(branch)->front().graph_commit_id;
}

std::string TextOf(const absl::Status& status) {
  return std::string(io::Message(status));
}

io::ErrorKind KindOf(const absl::Status& status) {
  const auto detail = io::DetailOf(status);
  return detail.has_value() ? detail->kind : io::ErrorKind::kInternal;
}

uint64_t NumRemoved(const CleanupResult& result) {
  uint64_t versions = 0;
  for (const CleanedTable& table : result.tables)
    versions += table.old_versions_removed;
  return versions;
}

class CleanupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(Graph::Init(machine_.env(), machine_.root(), kPeopleSchema, {}), IsOk());
    graph_ = *machine_.Open();
    ASSERT_THAT(Load(*graph_, kPeople), IsOk());
  }

  // Commits of one team each.
  void Write(int count, const std::string& branch = "main") {
    for (int i = 0; i < count; ++i)
      ASSERT_THAT(Load(*graph_, Team(io::StrCat("w", ++num_teams_)), branch), IsOk());
  }

  absl::StatusOr<CleanupResult> Clean(const CleanupOptions& options = KeepOne()) {
    return CleanupGraph(machine_.env(), machine_.root(), options);
  }

  // Nobody holds a state of the graph but the test.
  void Reopen() {
    graph_ = nullptr;
    graph_ = *machine_.Open();
  }

  void ExpectSound() {
    const auto report = VerifyGraph(machine_.env(), machine_.root(),
                                    {.deep = true, .branch = "main", .all_branches = true});
    ASSERT_THAT(report, IsOk());
    for (const VerifyFinding& finding : report->findings)
      ADD_FAILURE() << finding.branch << " " << finding.subject << ": " << finding.message;
  }

  DatasetInfo InfoOf(std::string_view type, const std::string& branch = "main") {
    const auto info = graph_->DescribeSnapshot({.branch = branch, .snapshot = std::nullopt});
    for (const DatasetInfo& dataset : info->datasets) {
      if (dataset.type_name == type) return dataset;
    }
    ADD_FAILURE() << "no type " << type;
    return {};
  }

  io::Location TableOf(std::string_view type) {
    return machine_.root().Child(InfoOf(type).dataset_path);
  }

  std::vector<uint64_t> VersionsOf(std::string_view type) {
    const auto head = dataset::Dataset::Open(machine_.env(), TableOf(type), {});
    const auto listed = (*head)->ListVersions();
    std::vector<uint64_t> versions;
    for (const dataset::VersionInfo& version : *listed)
      versions.push_back(version.version);
    return versions;
  }

  std::vector<std::string> RefsOf(std::string_view type) {
    const auto listed = dataset::ListBranches(TableOf(type));
    std::vector<std::string> names;
    for (const dataset::BranchInfo& ref : *listed)
      names.push_back(ref.name);
    return names;
  }

  // Makes a ref of the table that no branch reads.
  void MakeOrphan(std::string_view type, const std::string& name) {
    const auto head = dataset::Dataset::Open(machine_.env(), TableOf(type), {});
    ASSERT_THAT(dataset::CreateBranch(**head, name, {}), IsOk());
  }

  // Cleans up while, once, `meanwhile` happens at `point`.
  absl::StatusOr<CleanupResult> CleanWhile(Failpoint point,
                                           const std::function<void()>& meanwhile) {
    bool met = false;
    machine_.env().crash_points().Set(point, [&]() -> absl::Status {
      if (!std::exchange(met, true)) meanwhile();
      return absl::OkStatus();
    });
    auto result = Clean();
    machine_.env().crash_points().Clear(point);
    EXPECT_TRUE(met);
    return result;
  }

  Machine machine_;
  std::shared_ptr<Graph> graph_;
  int num_teams_ = 0;
};

TEST_F(CleanupTest, WithoutALimitIsRefused) {
  const absl::Status refused = Clean({}).status();
  EXPECT_EQ(KindOf(refused), io::ErrorKind::kBadRequest);
  EXPECT_EQ(TextOf(refused), "cleanup requires at least one of keep_versions or older_than");
}

TEST_F(CleanupTest, KeepsTheNewestVersionsOfEachTable) {
  Write(5);
  const std::string rows = Export(*graph_, "main");
  const std::vector<CommitInfo> commits = *graph_->ListCommits("main");
  const std::string two_ago = ExportAt(*graph_, commits[2].graph_commit_id);
  const uint64_t reclaimed = InfoOf("Team").published_dataset_version - 3;
  Reopen();
  const auto result = Clean({.keep_versions = 3});
  ASSERT_THAT(result, IsOk());
  ASSERT_THAT(result->tables, SizeIs(4));
  EXPECT_EQ(result->tables[3].table_key, "node:Team");
  EXPECT_EQ(result->tables[3].old_versions_removed, 4u);
  EXPECT_GT(result->tables[3].bytes_removed, 0u);
  EXPECT_EQ(result->tables[2].old_versions_removed, 0u);
  EXPECT_THAT(VersionsOf("Team"), SizeIs(3));

  EXPECT_EQ(Export(*graph_, "main"), rows);
  EXPECT_EQ(ExportAt(*graph_, commits[2].graph_commit_id), two_ago);
  EXPECT_THAT(*graph_->ListCommits("main"), SizeIs(commits.size()));
  EXPECT_EQ(
      ExportAt(*graph_, commits[3].graph_commit_id),
      io::StrCat("error: historical published dataset version ", reclaimed, " was reclaimed"));
  ExpectSound();
  const auto again = Clean({.keep_versions = 3});
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(NumRemoved(*again), 0u);
  Write(1);
  ExpectSound();
}

TEST_F(CleanupTest, TheErrorOfAReclaimedVersionIsTyped) {
  const std::string old = HeadOf(*graph_);
  Write(2);
  Reopen();
  ASSERT_THAT(Clean({.keep_versions = 0}), IsOk());  // 0 counts as 1
  const auto snapshot = graph_->SnapshotAt({.branch = "main", .snapshot = old});
  ASSERT_THAT(snapshot, IsOk());
  for (const TableEntry& table : (*snapshot)->tables()) {
    const absl::Status opened = (*snapshot)->OpenTable(table).status();
    if (table.table_key != "node:Team") {
      EXPECT_THAT(opened, IsOk());
      continue;
    }
    EXPECT_EQ(KindOf(opened), io::ErrorKind::kHistoricalVersionReclaimed);
  }
}

TEST_F(CleanupTest, AgeAndNumberMustBothAllowIt) {
  constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
  machine_.env().AdvanceUs(10 * kHourUs);
  Write(3);
  machine_.env().AdvanceUs(kHourUs);
  Reopen();
  EXPECT_EQ(NumRemoved(*Clean({.older_than_s = 24 * 3600})), 0u);
  EXPECT_EQ(NumRemoved(*Clean({.older_than_s = UINT64_MAX})), 0u);
  EXPECT_EQ(NumRemoved(*Clean({.keep_versions = 100, .older_than_s = 0})), 0u);
  // The first load made version 2.
  EXPECT_EQ(NumRemoved(*Clean({.keep_versions = 1, .older_than_s = 2 * 3600})), 5u);
  EXPECT_THAT(VersionsOf("Team"), ElementsAre(3, 4, 5));
  EXPECT_EQ(NumRemoved(*Clean({.older_than_s = 0})), 2u);
  EXPECT_THAT(VersionsOf("Team"), ElementsAre(5));
  ExpectSound();
}

TEST_F(CleanupTest, WhatBranchesReadStays) {
  ASSERT_THAT(graph_->CreateBranch("lazy", "main"), IsOk());
  Write(2);
  ASSERT_THAT(graph_->CreateBranch("later", "main"), IsOk());
  ASSERT_THAT(graph_->CreateBranch("written", "main"), IsOk());
  ASSERT_THAT(Load(*graph_, Team("x") + Person("eve", 1), "written"), IsOk());
  ASSERT_THAT(graph_->CreateBranch("nested", "written"), IsOk());
  Write(2);
  ASSERT_THAT(OptimizeGraph(machine_.env(), machine_.root(), {}), IsOk());
  std::map<std::string, std::string> rows;
  const auto branches = graph_->ListBranches();
  for (const std::string& branch : *branches)
    rows[branch] = Export(*graph_, branch);
  for (const CleanupOptions& options : {KeepOne(), CleanupOptions{.older_than_s = 0}}) {
    Reopen();
    ASSERT_THAT(Clean(options), IsOk());
    for (const auto& [branch, text] : rows)
      EXPECT_EQ(Export(*graph_, branch), text) << branch;
    ExpectSound();
  }
  ASSERT_THAT(Load(*graph_, Team("l"), "lazy"), IsOk());
  ASSERT_THAT(Load(*graph_, Team("n"), "nested"), IsOk());
  ASSERT_THAT(graph_->DeleteBranch("nested"), IsOk());
  ASSERT_THAT(graph_->DeleteBranch("written"), IsOk());
  ASSERT_THAT(graph_->DeleteBranch("later"), IsOk());
  Reopen();
  ASSERT_THAT(Clean(), IsOk());
  EXPECT_EQ(Export(*graph_, "main"), rows["main"]);
  EXPECT_THAT(Export(*graph_, "lazy"), HasSubstr("\"id\":\"l\""));
  EXPECT_THAT(Export(*graph_, "lazy"), HasSubstr("\"id\":\"bob\""));
  ExpectSound();
}

// The branch was forked before, so that nothing but the next merge needs this version of main.
TEST_F(CleanupTest, WhatAMergeStartsFromStays) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Write(1, "b");
  Write(1);
  ASSERT_THAT(Merge(*graph_, "main", "b"), IsOk());  // the base is now this head of main
  Write(1, "b");
  Write(3);
  Reopen();
  ASSERT_THAT(Clean(), IsOk());
  EXPECT_THAT(VersionsOf("Team"), ElementsAre(2, 3, 6));  // the fork, the base, the head
  const auto merged = graph_->MergeBranch(
      {.source = "b", .target = "main", .actor_id = std::nullopt, .dry_run = true});
  ASSERT_THAT(merged, IsOk());
  EXPECT_EQ(merged->outcome, MergeOutcome::kMerged);
}

TEST_F(CleanupTest, TaggedVersionsStay) {
  const auto head = dataset::Dataset::Open(machine_.env(), TableOf("Team"), {});
  ASSERT_THAT(dataset::CreateTag(**head, "loaded"), IsOk());
  Write(3);
  Reopen();
  ASSERT_THAT(Clean(), IsOk());
  EXPECT_THAT(VersionsOf("Team"), ElementsAre(2, 5));
  EXPECT_EQ((*(*head)->Checkout(2))->num_rows(), 1u);
}

TEST_F(CleanupTest, AnUnfinishedWriteIsResolvedFirst) {
  Write(3);
  machine_.env().crash_points().Fail("mutation.post_table_commit");
  ASSERT_FALSE(Load(*graph_, Team("lost")).ok());
  machine_.env().crash_points().Clear("mutation.post_table_commit");
  const std::vector<uint64_t> versions = VersionsOf("Team");
  const absl::Status refused = Clean().status();
  EXPECT_EQ(KindOf(refused), io::ErrorKind::kConflict);
  EXPECT_EQ(TextOf(refused),
            "cleanup requires a clean recovery state; reopen the graph to run the recovery sweep "
            "before garbage-collecting versions");
  EXPECT_EQ(VersionsOf("Team"), versions);
  Reopen();
  EXPECT_THAT(Clean(), IsOk());
  ExpectSound();
}

TEST_F(CleanupTest, ARecordThatAppearsLateIsSeen) {
  Write(2);
  const std::vector<uint64_t> versions = VersionsOf("Team");
  const auto result = CleanWhile("cleanup.post_recovery_check_pre_gates", [&] {
    machine_.env().crash_points().Fail("mutation.post_sidecar_pre_fork");
    EXPECT_FALSE(Load(*graph_, Team("lost")).ok());
    machine_.env().crash_points().Clear("mutation.post_sidecar_pre_fork");
  });
  EXPECT_THAT(TextOf(result.status()), HasSubstr("cleanup requires a clean recovery state"));
  EXPECT_EQ(VersionsOf("Team"), versions);
}

TEST_F(CleanupTest, WhatWasChangedPastTheGraphIsRepairedFirst) {
  Write(2);
  const auto head = dataset::Dataset::Open(machine_.env(), TableOf("Team"), {});
  const auto staged = (*head)->StageRestore(2, {});
  ASSERT_THAT((*head)->CommitExact(*staged), IsOk());
  const std::vector<uint64_t> versions = VersionsOf("Team");
  const absl::Status refused = Clean().status();
  EXPECT_EQ(KindOf(refused), io::ErrorKind::kConflict);
  EXPECT_EQ(TextOf(refused),
            "cleanup found uncovered HEAD drift for node type 'Team': published dataset version 4, "
            "Lance HEAD version 5; run `omnigraph repair` before version GC");
  EXPECT_EQ(VersionsOf("Team"), versions);
}

TEST_F(CleanupTest, NothingIsRemovedAroundABranchThatIsBroken) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Write(2);
  const auto head = dataset::Dataset::Open(machine_.env(), TableOf("Team"), {});
  const auto pinned = (*head)->Checkout(2);
  ASSERT_THAT(machine_.root().store->Delete((*pinned)->manifest_location().path), IsOk());
  const absl::Status refused = Clean().status();
  EXPECT_EQ(KindOf(refused), io::ErrorKind::kConflict);
  EXPECT_EQ(TextOf(refused),
            "cleanup could not classify live branch 'b' node type 'Team' at published dataset "
            "version 2; refusing version GC: historical published dataset version 2 was reclaimed");
  EXPECT_THAT(VersionsOf("Team"), ElementsAre(1, 3, 4));
}

TEST_F(CleanupTest, ATableThatFailsDoesNotStopTheOthers) {
  ASSERT_THAT(Load(*graph_, Team("x") + Person("eve", 1)), IsOk());
  Reopen();
  machine_.env().crash_points().Fail("cleanup.table_gc", 3);
  const auto result = Clean();
  machine_.env().crash_points().Clear("cleanup.table_gc");
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->tables[2].table_key, "node:Person");
  EXPECT_THAT(result->tables[2].error.value_or(""), HasSubstr("cleanup.table_gc"));
  EXPECT_EQ(result->tables[2].old_versions_removed, 0u);
  EXPECT_EQ(result->tables[3].error, std::nullopt);
  EXPECT_EQ(result->tables[3].old_versions_removed, 2u);
  const auto again = Clean();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->tables[2].old_versions_removed, 2u);
}

TEST_F(CleanupTest, RefsOfADeletedBranchGo) {
  ASSERT_THAT(graph_->CreateBranch("gone", "main"), IsOk());
  ASSERT_THAT(Load(*graph_, Team("x") + Person("eve", 1), "gone"), IsOk());
  machine_.env().crash_points().Fail("branch_delete.before_table_cleanup");
  EXPECT_FALSE(graph_->DeleteBranch("gone").ok());
  machine_.env().crash_points().Clear("branch_delete.before_table_cleanup");
  ASSERT_THAT(RefsOf("Team"), ElementsAre("gone"));
  const auto result = Clean();
  ASSERT_THAT(result, IsOk());
  ASSERT_THAT(result->refs.removed, SizeIs(2));
  EXPECT_EQ(result->refs.removed[0].table_key, "node:Person");
  EXPECT_EQ(result->refs.removed[0].ref, "gone");
  EXPECT_THAT(RefsOf("Team"), IsEmpty());
  EXPECT_THAT(RefsOf("Person"), IsEmpty());
  const io::Location tree = TableOf("Team").Child("tree");
  EXPECT_THAT(*tree.store->List(tree.path, {}), IsEmpty());
  ExpectSound();
  EXPECT_THAT(Clean()->refs.removed, IsEmpty());
}

TEST_F(CleanupTest, OfALivingBranchOnlyRefsThatItDoesNotReadGo) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Write(1, "b");
  MakeOrphan("Person", "b");
  const std::string rows = Export(*graph_, "b");
  const auto result = Clean();
  ASSERT_THAT(result, IsOk());
  ASSERT_THAT(result->refs.removed, SizeIs(1));
  EXPECT_EQ(result->refs.removed[0].table_key, "node:Person");
  EXPECT_THAT(RefsOf("Person"), IsEmpty());
  EXPECT_THAT(RefsOf("Team"), ElementsAre("b"));
  EXPECT_EQ(Export(*graph_, "b"), rows);
  ASSERT_THAT(Load(*graph_, Person("eve", 1), "b"), IsOk());
  ExpectSound();
}

// What the reference's merges make: the branch is pointed at main's version of a table that it has
// written, and a branch that was forked from it goes on reading the ref.
TEST_F(CleanupTest, ARefThatOnlyAnotherBranchReadsStays) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Write(1, "b");
  ASSERT_THAT(graph_->CreateBranch("nested", "b"), IsOk());
  const std::string rows = Export(*graph_, "nested");
  Write(3);
  const GraphContext context(machine_.env(), machine_.root());
  const auto main = context.manifest.OpenPresent(std::nullopt);
  const TableEntry& team = *main->state.Find("node:Team");
  PublishRequest request;
  request.branch = "b";
  request.versions.push_back({.identity = team.identity,
                              .table_key = team.table_key,
                              .version = team.version,
                              .branch = std::nullopt,
                              .row_count = team.row_count,
                              .metadata = team.metadata});
  request.commit.graph_commit_id = machine_.env().NewUlid();
  ASSERT_THAT(context.manifest.Publish(request), IsOk());
  ASSERT_EQ(Export(*graph_, "b"), Export(*graph_, "main"));
  const auto result = Clean();
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->refs.removed, IsEmpty());
  EXPECT_THAT(RefsOf("Team"), ElementsAre("b"));
  EXPECT_EQ(Export(*graph_, "nested"), rows);
}

TEST_F(CleanupTest, ARefThatCannotBeJudgedOrRemovedIsLeftForTheNextTime) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  MakeOrphan("Person", "b");
  MakeOrphan("Team", "gone/by");
  Write(2);
  Reopen();
  for (const auto& [point, table] :
       {std::pair(Failpoint("cleanup.resolve_branch_snapshot"), "node:Person"),
        std::pair(Failpoint("cleanup.reconcile_fork"), "node:Person")}) {
    machine_.env().crash_points().Fail(point);
    const auto result = Clean();
    machine_.env().crash_points().Clear(point);
    ASSERT_THAT(result, IsOk());
    ASSERT_THAT(result->refs.failures, SizeIs(1));
    EXPECT_EQ(result->refs.failures[0].table_key, table);
    EXPECT_THAT(result->refs.failures[0].error, HasSubstr(std::string_view(point)));
    EXPECT_THAT(RefsOf("Person"), ElementsAre("b"));
    EXPECT_THAT(RefsOf("Team"), IsEmpty());
  }
  const auto result = Clean();
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->refs.failures, IsEmpty());
  EXPECT_THAT(RefsOf("Person"), IsEmpty());
}

// --- Beside others -------------------------------------------------------------------------------

TEST_F(CleanupTest, ASnapshotStaysReadableWhileItIsHeld) {
  const std::string old = HeadOf(*graph_);
  auto snapshot = *graph_->SnapshotAt({.branch = "main", .snapshot = old});
  Write(3);
  Reopen();
  ASSERT_THAT(Clean(), IsOk());
  EXPECT_THAT(VersionsOf("Team"), ElementsAre(2, 5));
  for (const TableEntry& table : snapshot->tables()) {
    const auto open = snapshot->OpenTable(table);
    ASSERT_THAT(open, IsOk());
    EXPECT_EQ((*open)->num_rows(), table.row_count);
    const auto rows = (*open)->Scan({});
    ASSERT_THAT(rows, IsOk());
    EXPECT_THAT((*rows)->Next(), IsOk());
  }
  snapshot = nullptr;
  ASSERT_THAT(Clean(), IsOk());
  EXPECT_THAT(VersionsOf("Team"), ElementsAre(5));
  EXPECT_THAT(ExportAt(*graph_, old), HasSubstr("was reclaimed"));
}

TEST_F(CleanupTest, WhatIsOpenedWhileVersionsGoKeepsItsFiles) {
  const std::string old = HeadOf(*graph_);
  Write(3);
  Reopen();
  std::shared_ptr<const GraphSnapshot> snapshot;
  int num_tables = 0;
  machine_.env().crash_points().Set("dataset_cleanup.before_manifests", [&] {
    if (++num_tables < 4) return absl::OkStatus();  // Team is the last one
    snapshot = *graph_->SnapshotAt({.branch = "main", .snapshot = old});
    for (const TableEntry& table : snapshot->tables())
      EXPECT_THAT(snapshot->OpenTable(table), IsOk());
    return absl::OkStatus();
  });
  const auto result = Clean();
  machine_.env().crash_points().Clear("dataset_cleanup.before_manifests");
  ASSERT_THAT(result, IsOk());
  ASSERT_NE(snapshot, nullptr);
  EXPECT_EQ(result->tables[3].old_versions_removed, 4u);
  for (const TableEntry& table : snapshot->tables()) {
    const auto rows = (*snapshot->OpenTable(table))->Scan({});
    ASSERT_THAT(rows, IsOk());
    EXPECT_THAT((*rows)->Next(), IsOk()) << table.table_key;
  }
}

// Both happen in one thread: neither waits for the other.
TEST_F(CleanupTest, OthersReadWriteBranchAndMergeBesideIt) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Write(2, "b");
  Write(3);
  for (const Failpoint point :
       {Failpoint("cleanup.table_gc"), Failpoint("dataset_cleanup.before_manifests"),
        Failpoint("dataset_cleanup.after_manifests"), Failpoint("dataset_cleanup.after_files")}) {
    SCOPED_TRACE(std::string_view(point));
    Write(2);
    const auto result = CleanWhile(point, [&] {
      Write(1);
      Write(1, "b");
      EXPECT_THAT(graph_->CreateBranch("c", "b"), IsOk());
      Write(1, "c");
      EXPECT_THAT(Merge(*graph_, "b", "main"), IsOk());
      EXPECT_THAT(graph_->DeleteBranch("c"), IsOk());
      EXPECT_THAT(OptimizeGraph(machine_.env(), machine_.root(), {}), IsOk());
    });
    ASSERT_THAT(result, IsOk());
    for (const CleanedTable& table : result->tables)
      EXPECT_EQ(table.error, std::nullopt) << table.table_key;
    ExpectSound();
    Reopen();
    EXPECT_THAT(Export(*graph_, "b"), HasSubstr("\"id\":\"t1\""));
  }
}

TEST_F(CleanupTest, AWriteGoesOnFromTheStateThatItReads) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  Write(2, "b");
  Write(2);
  const auto other = *machine_.Open();
  const auto while_others_write = [&](Failpoint point, const std::function<absl::Status()>& act) {
    bool met = false;
    machine_.env().crash_points().Set(point, [&]() -> absl::Status {
      if (std::exchange(met, true)) return absl::OkStatus();
      for (int i = 0; i < 3; ++i)
        EXPECT_THAT(Load(*other, Team(io::StrCat(std::string_view(point), i))), IsOk());
      EXPECT_THAT(Clean(), IsOk());
      return absl::OkStatus();
    });
    const absl::Status status = act();
    machine_.env().crash_points().Clear(point);
    EXPECT_TRUE(met);
    return status;
  };
  // Merged again from the new state; a deletion is its caller's decision.
  EXPECT_THAT(while_others_write("branch_merge.post_authority_capture",
                                 [&] { return Merge(*graph_, "b", "main"); }),
              IsOk());
  const absl::Status deleted = while_others_write("mutation.delete_node_pre_primary_delete", [&] {
    const auto file = query::ParseQueryFile("query q() { delete Person where name = \"bob\" }");
    return graph_->Mutate(file->queries[0], {}, {}).status();
  });
  EXPECT_EQ(KindOf(deleted), io::ErrorKind::kReadSetChanged) << deleted;
  ExpectSound();
}

TEST_F(CleanupTest, TwoAtTheSameTimeDoWhatOneDoes) {
  for (const Failpoint point :
       {Failpoint("cleanup.table_gc"), Failpoint("dataset_cleanup.before_manifests"),
        Failpoint("dataset_cleanup.after_manifests")}) {
    SCOPED_TRACE(std::string_view(point));
    Write(4);
    const std::string rows = Export(*graph_, "main");
    Reopen();
    const auto result = CleanWhile(point, [&] { EXPECT_THAT(Clean(), IsOk()); });
    ASSERT_THAT(result, IsOk());
    for (const CleanedTable& table : result->tables)
      EXPECT_EQ(table.error, std::nullopt) << table.table_key;
    EXPECT_THAT(VersionsOf("Team"), SizeIs(1));
    EXPECT_EQ(Export(*graph_, "main"), rows);
  }
}

// A local root, and two environments, which know nothing of each other: what two processes are.
TEST(CleanupProcessesTest, AReaderInAnotherProcessKeepsWhatItReads) {
  const tests::TempDir dir;
  io::Env& here = io::RealEnv();
  const auto there = io::NewRealEnv({});
  const io::Location root = *here.Resolve(dir.Child("g"));
  ASSERT_THAT(Graph::Init(here, root, kPeopleSchema, {}), IsOk());
  const auto graph = *Graph::Open(here, root, OpenMode::kReadWrite);
  ASSERT_THAT(Load(*graph, kPeople), IsOk());
  auto reader = *Graph::Open(**there, *(*there)->Resolve(dir.Child("g")), OpenMode::kReadOnly);
  auto snapshot = *reader->SnapshotAt({});
  reader = nullptr;
  ASSERT_THAT(Load(*graph, Team("a")), IsOk());
  ASSERT_THAT(Load(*graph, Team("b")), IsOk());
  ASSERT_THAT(graph->SnapshotAt({}), IsOk());
  const auto beside = CleanupGraph(here, root, KeepOne());
  ASSERT_THAT(beside, IsOk());
  for (const TableEntry& table : snapshot->tables())
    EXPECT_THAT(snapshot->OpenTable(table), IsOk());
  snapshot = nullptr;
  const auto alone = CleanupGraph(here, root, KeepOne());
  ASSERT_THAT(alone, IsOk());
  EXPECT_EQ(NumRemoved(*alone), 1u);
}

// --- Machines that share storage -----------------------------------------------------------------

class SharedCleanupTest : public SharedMachines {
 protected:
  SharedCleanupTest() : SharedMachines(tests::Seed()) {}

  void SetUp() override {
    ASSERT_THAT(Graph::Init(*here_, Root(*here_), kPeopleSchema, {}), IsOk());
    graph_ = *Graph::Open(*here_, Root(*here_), OpenMode::kReadWrite);
    ASSERT_THAT(Load(*graph_, kPeople), IsOk());
    ASSERT_THAT(Load(*graph_, Team("a")), IsOk());
  }

  std::shared_ptr<Graph> graph_;
};

// The writer here is in the middle of its effects.
TEST_F(SharedCleanupTest, IsRefusedWhileAWriterElsewhereIsAtWork) {
  absl::Status refused = absl::OkStatus();
  here_->crash_points().Set("mutation.post_table_commit", [&] {
    refused = CleanupGraph(*there_, Root(*there_), KeepOne()).status();
    return absl::OkStatus();
  });
  ASSERT_THAT(Load(*graph_, Team("b")), IsOk());
  here_->crash_points().Clear("mutation.post_table_commit");
  EXPECT_THAT(TextOf(refused), HasSubstr("cleanup requires a clean recovery state"));
  EXPECT_THAT(CleanupGraph(*there_, Root(*there_), KeepOne()), IsOk());
  EXPECT_THAT(Load(*graph_, Team("c")), IsOk());
}

TEST_F(SharedCleanupTest, LeavesTheRefsOfLivingBranches) {
  ASSERT_THAT(graph_->CreateBranch("b", "main"), IsOk());
  const auto info = graph_->DescribeSnapshot({});
  for (const char* const name : {"b", "gone"}) {
    const auto head =
        dataset::Dataset::Open(*here_, Root(*here_).Child(info->datasets[2].dataset_path), {});
    ASSERT_THAT(dataset::CreateBranch(**head, name, {}), IsOk());
  }
  const auto result = CleanupGraph(*there_, Root(*there_), KeepOne());
  ASSERT_THAT(result, IsOk());
  ASSERT_THAT(result->refs.removed, SizeIs(1));
  EXPECT_EQ(result->refs.removed[0].ref, "gone");
}

// --- Crashes -------------------------------------------------------------------------------------

constexpr const char* kBranches[] = {"main", "lazy", "written"};

void Prepare(Machine& machine) {
  ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  const auto graph = *machine.Open();
  ASSERT_THAT(Load(*graph, kPeople), IsOk());
  ASSERT_THAT(Load(*graph, Team("a") + Person("eve", 1)), IsOk());
  for (const char* branch : {"lazy", "written", "gone"})
    ASSERT_THAT(graph->CreateBranch(branch, "main"), IsOk());
  ASSERT_THAT(Load(*graph, Team("w"), "written"), IsOk());
  ASSERT_THAT(Load(*graph, Team("g") + Person("g", 1), "gone"), IsOk());
  machine.env().crash_points().Fail("branch_delete.before_table_cleanup");
  ASSERT_FALSE(graph->DeleteBranch("gone").ok());
  machine.env().crash_points().Clear("branch_delete.before_table_cleanup");
  const auto file = query::ParseQueryFile("query q() { delete Person where name = \"bob\" }");
  ASSERT_THAT(graph->Mutate(file->queries[0], {}, {}), IsOk());
  ASSERT_THAT(OptimizeGraph(machine.env(), machine.root(), {}), IsOk());
  ASSERT_THAT(Load(*graph, Team("b") + Person("zed", 3)), IsOk());
}

TEST(CleanupCrashTest, MayStopAnywhere) {
  Machine machine;
  Prepare(machine);
  std::map<std::string, std::string> rows;
  for (const char* branch : kBranches)
    rows[branch] = Export(**machine.Open(), branch);
  machine.store().Start();
  const auto result = CleanupGraph(machine.env(), machine.root(), KeepOne());
  ASSERT_THAT(result, IsOk());
  machine.store().Acknowledge();
  EXPECT_GT(NumRemoved(*result), 4u);
  EXPECT_THAT(result->refs.removed, SizeIs(2));
  const std::vector<Moment>& moments = machine.store().moments();
  std::printf("Cleanup: %zu points\n", moments.size());
  EXPECT_GT(moments.size(), 60u);
  for (size_t i = 0; i < moments.size(); ++i) {
    SCOPED_TRACE(moments[i].after);
    Machine next(moments[i].disk);
    auto graph = *next.Open();
    for (const char* branch : kBranches)
      ASSERT_EQ(Export(*graph, branch), rows[branch]);
    if (i % 4 != 0) continue;
    graph = nullptr;
    const auto again = CleanupGraph(next.env(), next.root(), KeepOne());
    ASSERT_THAT(again, IsOk());
    for (const CleanedTable& table : again->tables)
      ASSERT_EQ(table.error, std::nullopt);
    EXPECT_THAT(again->refs.failures, IsEmpty());
    graph = *next.Open();
    for (const char* branch : kBranches) {
      ASSERT_EQ(Export(*graph, branch), rows[branch]);
      ASSERT_THAT(Load(*graph, Team("zz"), branch), IsOk());
    }
    ASSERT_THAT(Merge(*graph, "written", "main"), IsOk());
    const auto report = VerifyGraph(next.env(), next.root(),
                                    {.deep = true, .branch = "main", .all_branches = true});
    ASSERT_THAT(report, IsOk());
    ASSERT_FALSE(report->has_damage());
  }
}

// The removal of a record is not durable by itself, and what has gone with the versions can no
// longer be judged by it.
TEST(CleanupCrashTest, ARecordThatIsGoneDoesNotComeBack) {
  Machine machine;
  ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  auto graph = *machine.Open();
  ASSERT_THAT(Load(*graph, kPeople), IsOk());
  machine.env().crash_points().Fail("mutation.post_sidecar_pre_fork");
  ASSERT_FALSE(Load(*graph, Team("late")).ok());
  machine.env().crash_points().Clear("mutation.post_sidecar_pre_fork");
  const GraphContext context(machine.env(), machine.root());
  const std::vector<std::string> ids = *context.records.List();
  ASSERT_THAT(ids, SizeIs(1));
  const io::Location file = machine.root().Child(io::StrCat(kRecoveryFolder, "/", ids[0], ".json"));
  const io::Buffer record = *file.store->Read(file.path);
  graph = *machine.Open();
  for (const char* slug : {"c", "d", "e", "f"})
    ASSERT_THAT(Load(*graph, Team(slug)), IsOk());
  const std::string rows = Export(*graph, "main");
  graph = nullptr;
  // As if its writer had waited all the time, to give up now.
  ASSERT_THAT(file.store->PutIfAbsent(file.path, record.span()), IsOk());
  ASSERT_THAT(context.records.Remove(ids[0]), IsOk());
  machine.store().Start();
  const auto result = CleanupGraph(machine.env(), machine.root(), KeepOne());
  ASSERT_THAT(result, IsOk());
  EXPECT_GT(NumRemoved(*result), 3u);
  for (const Moment& moment : machine.store().moments()) {
    SCOPED_TRACE(moment.after);
    Machine next(moment.disk);
    const auto found = next.Open();
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(Export(**found, "main"), rows);
  }
}

TEST(CleanupCrashTest, WhatASyncOfRemovalsLeavesGoesWithTheNext) {
  Machine machine;
  ASSERT_THAT(Graph::Init(machine.env(), machine.root(), kPeopleSchema, {}), IsOk());
  const GraphContext context(machine.env(), machine.root());
  const auto num_left = [&machine] {
    const io::Location folder = machine.root().Child(kRecoveryFolder);
    return folder.store->List(folder.path, {})->size();
  };
  machine.store().Start();
  ASSERT_THAT(context.records.MakeRemovalsDurable(), IsOk());
  ASSERT_EQ(num_left(), 0u);
  Machine after(machine.store().moments().front().disk);
  const GraphContext next(after.env(), after.root());
  const io::Location folder = after.root().Child(kRecoveryFolder);
  const auto left = [&folder] { return folder.store->List(folder.path, {})->size(); };
  ASSERT_EQ(left(), 1u);
  // Its maker may still be about to sync it.
  ASSERT_THAT(next.records.MakeRemovalsDurable(), IsOk());
  EXPECT_EQ(left(), 1u);
  after.env().SleepUs(int64_t{3601} * 1'000'000);
  ASSERT_THAT(next.records.MakeRemovalsDurable(), IsOk());
  EXPECT_EQ(left(), 0u);
}

class CleanupReferenceTest : public ::testing::TestWithParam<const char*> {};

TEST_P(CleanupReferenceTest, GraphsOfTheReferenceKeepTheirBranches) {
  const ReferenceGraph fixture(GetParam());
  auto graph = *fixture.Open(OpenMode::kReadWrite);
  const io::Location root = graph->root();
  std::map<std::string, std::string> exports;
  for (const auto& [branch, expected] : fixture.branches())
    exports[branch] = Export(*graph, branch);
  for (const bool optimized : {false, true}) {
    if (optimized) {
      ASSERT_THAT(OptimizeGraph(io::RealEnv(), root, {}), IsOk());
    }
    graph = nullptr;
    const auto result = CleanupGraph(io::RealEnv(), root, KeepOne());
    ASSERT_THAT(result, IsOk());
    for (const CleanedTable& table : result->tables)
      EXPECT_EQ(table.error, std::nullopt) << table.table_key;
    graph = *fixture.Open(OpenMode::kReadWrite);
    for (const auto& [branch, rows] : exports)
      EXPECT_EQ(Export(*graph, branch), rows) << branch;
    const auto report =
        VerifyGraph(io::RealEnv(), root, {.deep = true, .branch = "main", .all_branches = true});
    ASSERT_THAT(report, IsOk());
    for (const VerifyFinding& finding : report->findings)
      EXPECT_EQ(finding.severity, Severity::kNotice) << finding.subject << ": " << finding.message;
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, CleanupReferenceTest,
                         ::testing::Values("basic", "branches", "maintained", "mutations",
                                           "schema_evolution", "types"),
                         [](const auto& graph) { return std::string(graph.param); });

}  // namespace
}  // namespace og::engine::graph
