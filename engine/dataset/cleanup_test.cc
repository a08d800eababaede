// Cleanup: which versions and files go, and all that protects them: tags, branches, detached
// versions, youth.
#include "engine/dataset/cleanup.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/auto_cleanup.h"
#include "engine/dataset/compact.h"
#include "engine/dataset/metadata.h"
#include "engine/dataset/overwrite.h"
#include "engine/dataset/refs.h"
#include "engine/dataset/table_testing.h"
#include "format/table/manifest.h"
#include "io/env/sim_env.h"
#include "io/store/hooked_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using ::testing::ElementsAre;
using tests::IsOk;
using tests::StatusIs;

constexpr int64_t kDayUs = int64_t{24} * 3600 * 1'000'000;

class CleanupTest : public ::testing::Test {
 protected:
  CleanupTest() : env_(tests::Seed()), root_(*env_.Resolve("memory://disk/t.lance")) {}

  std::set<std::string> Objects() {
    std::set<std::string> paths;
    const auto objects = root_.store->List(root_.path, {.recursive = true, .with_info = false});
    EXPECT_THAT(objects, IsOk());
    for (const io::ObjectInfo& object : *objects) {
      paths.insert(object.path);
    }
    return paths;
  }

  std::vector<uint64_t> Versions(const Dataset& table) {
    const auto listed = table.ListVersions();
    EXPECT_THAT(listed, IsOk());
    std::vector<uint64_t> versions;
    for (const VersionInfo& version : *listed) {
      versions.push_back(version.version);
    }
    return versions;
  }

  // Cleans, after the plan said the same.
  CleanupStats Clean(const Dataset& table, const CleanupPolicy& policy) {
    const std::set<std::string> before = Objects();
    const auto plan = PlanCleanup(table, policy);
    EXPECT_THAT(plan, IsOk());
    EXPECT_EQ(Objects(), before);
    const auto stats = Cleanup(table, policy, {});
    EXPECT_THAT(stats, IsOk());
    EXPECT_EQ(*stats, plan->stats);
    std::set<std::string> expected = before;
    for (const CleanupCandidate& candidate : plan->candidates) {
      expected.erase(candidate.path);
    }
    EXPECT_EQ(Objects(), expected);
    return *stats;
  }

  io::SimEnv env_;
  const io::Location root_;
};

TEST_F(CleanupTest, OldVersionsAndTheirFilesGo) {
  DatasetPtr table = NumberedTable(env_, root_, true, 3, 10);
  table = DeleteWhere(table, "id % 2 = 0");
  const auto compacted = Compact(*table, {}, {});
  ASSERT_THAT(compacted, IsOk());
  table = compacted->dataset;  // version 6
  const std::vector<std::string> rows = AllRows(*table);
  EXPECT_EQ(Clean(*table, {.before_version = 3}).old_versions, 2u);
  EXPECT_THAT(Versions(*table), ElementsAre(3, 4, 5, 6));
  for (const uint64_t version : {3, 4, 5, 6}) {
    const auto earlier = table->Checkout(version);
    ASSERT_THAT(earlier, IsOk());
    EXPECT_EQ(AllRows(**earlier).size(), version == 3 ? 30u : 15u);
  }
  const CleanupStats stats = Clean(*table, {.retain_versions = 1});
  EXPECT_EQ(stats.old_versions, 3u);
  EXPECT_EQ(stats.data_files_removed, 3u);
  EXPECT_EQ(stats.deletion_files_removed, 3u);
  EXPECT_GT(stats.transaction_files_removed, 0u);
  EXPECT_THAT(Versions(*table), ElementsAre(6));
  EXPECT_EQ(AllRows(*table), rows);
  EXPECT_EQ(Clean(*table, {}), CleanupStats());
  // An older handle cleans nothing that is newer than itself.
  table = CommitStaged(table, table->StageAppend(*NumberedRows(50, 1), {}));
  const auto old = table->Checkout(6);
  ASSERT_THAT(old, IsOk());
  EXPECT_EQ(Clean(**old, {}).old_versions, 0u);
}

TEST_F(CleanupTest, AgeCounts) {
  DatasetPtr table = NumberedTable(env_, root_, true, 1, 10);
  env_.AdvanceUs(10 * kDayUs);
  table = CommitStaged(table, table->StageAppend(*NumberedRows(10, 10), {}));
  env_.AdvanceUs(kDayUs);
  table = CommitStaged(table, table->StageAppend(*NumberedRows(20, 10), {}));
  EXPECT_EQ(Clean(*table, {.before_us = env_.NowUs() - 20 * kDayUs}).old_versions, 0u);
  EXPECT_EQ(
      Clean(*table, {.before_us = env_.NowUs() - 2 * kDayUs, .before_version = 1}).old_versions,
      0u);
  EXPECT_EQ(Clean(*table, {.before_us = env_.NowUs() - 2 * kDayUs}).old_versions, 1u);
  EXPECT_THAT(Versions(*table), ElementsAre(2, 3));
  const auto then = CheckoutAt(*table, env_.NowUs() - kDayUs / 2);
  ASSERT_THAT(then, IsOk());
  EXPECT_EQ((*then)->version(), 2u);
  EXPECT_THAT(CheckoutAt(*table, env_.NowUs() - 5 * kDayUs), StatusIs(absl::StatusCode::kNotFound));
}

// A writer whose clock is a month behind: its versions look old and are young.
TEST_F(CleanupTest, AClockThatGoesBackLosesNoRows) {
  DatasetPtr table = NumberedTable(env_, root_, true, 2, 10);
  io::SimEnv behind(tests::Seed() + 1, {.start_us = env_.NowUs() - 30 * kDayUs});
  OG_ASSERT_OK_AND_ASSIGN(table, Dataset::Open(behind, root_, {}));
  table = CommitStaged(table, table->StageAppend(*NumberedRows(20, 10), {}));
  EXPECT_EQ(table->version(), 3u);
  const std::vector<std::string> rows = AllRows(*table);
  ASSERT_EQ(rows.size(), 30u);
  // Files of a writer at work, from the future for one clock and a month old for none.
  const auto at_work = table->StageAppend(*NumberedRows(30, 10), {});
  ASSERT_THAT(at_work, IsOk());
  for (io::Env* const env : {static_cast<io::Env*>(&behind), static_cast<io::Env*>(&env_)}) {
    OG_ASSERT_OK_AND_ASSIGN(table, Dataset::Open(*env, root_, {}));
    EXPECT_EQ(Clean(*table, {.before_us = env->NowUs() - kDayUs}), CleanupStats());
    EXPECT_THAT(Versions(*table), ElementsAre(1, 2, 3));
    EXPECT_EQ(AllRows(*table), rows);
  }
  table = CommitStaged(table, at_work);
  EXPECT_EQ(AllRows(*table).size(), 40u);
  // No longer the latest, version 3 counts as a month old; what it named is in use.
  const CleanupStats stats = Clean(*table, {.before_us = env_.NowUs() - kDayUs});
  EXPECT_EQ(stats.old_versions, 1u);
  EXPECT_EQ(stats.data_files_removed, 0u);
  EXPECT_THAT(Versions(*table), ElementsAre(1, 2, 4));
  EXPECT_EQ(AllRows(*table).size(), 40u);
  const auto now = CheckoutAt(*table, env_.NowUs());
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ((*now)->version(), 4u);
}

TEST_F(CleanupTest, FilesThatNothingNamesMayBelongToAWriter) {
  DatasetPtr table = NumberedTable(env_, root_, true, 2, 10);
  const auto staged = table->StageAppend(*NumberedRows(20, 10), {});
  ASSERT_THAT(staged, IsOk());
  env_.AdvanceUs(6 * kDayUs);
  table = CommitStaged(table, table->StageDelete(std::vector<uint64_t>{0}, "", {}));
  EXPECT_EQ(Clean(*table, {}).data_files_removed, 0u);
  // The writer at work commits what it wrote.
  const auto committed = table->Commit(
      [&] {
        StagedTransaction late = *staged;
        late.transaction.read_version = table->version();
        return late;
      }(),
      {});
  ASSERT_THAT(committed, IsOk());
  table = *committed;
  EXPECT_EQ(AllRows(*table).size(), 29u);
  // Seven days later an abandoned file goes.
  const auto abandoned = table->StageAppend(*NumberedRows(40, 10), {});
  ASSERT_THAT(abandoned, IsOk());
  env_.AdvanceUs(8 * kDayUs);
  table = CommitStaged(table, table->StageAppend(*NumberedRows(60, 1), {}));
  const CleanupStats stats = Clean(*table, {});
  EXPECT_EQ(stats.data_files_removed, 1u);
  EXPECT_EQ(AllRows(*table).size(), 30u);
  // Or at once, when nobody writes.
  const auto young = table->StageAppend(*NumberedRows(70, 10), {});
  ASSERT_THAT(young, IsOk());
  table = CommitStaged(table, table->StageAppend(*NumberedRows(80, 1), {}));
  EXPECT_EQ(Clean(*table, {}).data_files_removed, 0u);
  EXPECT_EQ(Clean(*table, {.delete_unverified = true}).data_files_removed, 1u);
  EXPECT_EQ(AllRows(*table).size(), 31u);
}

TEST_F(CleanupTest, VersionsInUseStay) {
  DatasetPtr table = NumberedTable(env_, root_, true, 3, 10);
  table = DeleteWhere(table, "id % 2 = 0");
  const auto compacted = Compact(*table, {}, {});
  ASSERT_THAT(compacted, IsOk());
  table = compacted->dataset;  // version 6
  const CleanupPolicy policy = {.retain_versions = 1, .in_use = [] {
                                  return std::set<uint64_t>{2, 4};
                                }};
  EXPECT_EQ(Clean(*table, policy).old_versions, 3u);
  EXPECT_THAT(Versions(*table), ElementsAre(2, 4, 6));
  EXPECT_EQ(AllRows(**table->Checkout(2)).size(), 20u);
  EXPECT_EQ(AllRows(**table->Checkout(4)).size(), 15u);
  EXPECT_EQ(Clean(*table, {.retain_versions = 1}).old_versions, 2u);
}

TEST_F(CleanupTest, TagsProtect) {
  DatasetPtr table = NumberedTable(env_, root_, true, 2, 10);
  ASSERT_THAT(CreateTag(**table->Checkout(1), "first"), IsOk());
  table = CommitStaged(table, table->StageOverwrite(NumberedSchema(), nullptr, {}));
  EXPECT_THAT(Cleanup(*table, {}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "{first: 1}"));
  EXPECT_THAT(Versions(*table), ElementsAre(1, 2, 3));
  Clean(*table, {.error_if_tagged_old_versions = false});
  EXPECT_THAT(Versions(*table), ElementsAre(1, 3));
  EXPECT_EQ(AllRows(**table->Checkout(1)).size(), 10u);
  // The tag moves, and with it the protection.
  ASSERT_THAT(UpdateTag(*table, "first"), IsOk());
  EXPECT_EQ(ReadTag(root_, "first")->version, 3u);
  EXPECT_THAT(UpdateTag(*table, "none"), StatusIs(absl::StatusCode::kNotFound));
  Clean(*table, {});
  EXPECT_THAT(Versions(*table), ElementsAre(3));
}

TEST_F(CleanupTest, TheConfigAsksForIt) {
  EXPECT_EQ(ParseAgeUs("14days"), 14 * kDayUs);
  EXPECT_EQ(ParseAgeUs(" 1h 30m"), kDayUs / 16);
  EXPECT_EQ(ParseAgeUs("2w1d"), 15 * kDayUs);
  for (const char* none : {"", "3", "d", "3 lightyears", "9999999999999999y", "-1d"})
    EXPECT_EQ(ParseAgeUs(none), std::nullopt) << none;

  DatasetPtr table = NumberedTable(env_, root_, true, 1, 10);
  table = CommitStaged(
      table, StageMetadata(*table,
                           {.config = {.entries = {{"lance.auto_cleanup.interval", "4"},
                                                   {"lance.auto_cleanup.retain_versions", "2"}}}}));
  ASSERT_THAT(CreateTag(*table, "second"), IsOk());
  table = CommitStaged(table, table->StageAppend(*NumberedRows(10, 1), {}));
  EXPECT_THAT(Versions(*table), ElementsAre(1, 2, 3));
  // The fourth version keeps itself and the third; the tag the second.
  table = CommitStaged(table, table->StageAppend(*NumberedRows(11, 1), {}));
  EXPECT_THAT(Versions(*table), ElementsAre(2, 3, 4));
  // An exact commit leaves all as it is.
  for (int64_t i = 0; i < 3; ++i)
    table = CommitStaged(table, table->StageAppend(*NumberedRows(20 + i, 1), {}));
  const auto staged = table->StageAppend(*NumberedRows(30, 1), {});
  ASSERT_THAT(staged, IsOk());
  const auto exact = table->CommitExact(*staged);
  ASSERT_THAT(exact, IsOk());
  EXPECT_EQ((*exact)->version(), 8u);
  EXPECT_THAT(Versions(**exact), ElementsAre(2, 3, 4, 5, 6, 7, 8));
  // What cannot be read, or says nothing of age, cleans nothing, and the commit stands.
  table = CommitStaged(
      *exact, StageMetadata(
                  **exact, {.config = {.entries = {{"lance.auto_cleanup.interval", "1"},
                                                   {"lance.auto_cleanup.retain_versions", "x"}}}}));
  EXPECT_EQ(Versions(*table).size(), 8u);
  EXPECT_THAT(AutoCleanupPolicy(*table), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CleanupTest, AnOverwriteMayChangeTheVersionOfTheFiles) {
  DatasetPtr table = NumberedTable(env_, root_, true, 1, 10);
  EXPECT_EQ(table->manifest().data_format_version, "2.2");
  const auto rows = NumberedRows(0, 3);
  const auto staged = StageOverwriteAs(*table, "2.0", NumberedSchema(), rows.get(), {});
  const DatasetPtr older = CommitStaged(table, staged);
  EXPECT_EQ(older->manifest().data_format_version, "2.0");
  EXPECT_EQ(AllRows(*older).size(), 3u);
  const DatasetPtr same = CommitStaged(older, older->StageOverwrite(NumberedSchema(), nullptr, {}));
  EXPECT_EQ(same->manifest().data_format_version, "2.0");
  EXPECT_FALSE(StageOverwriteAs(*table, "0.1", NumberedSchema(), nullptr, {}).ok());
}

TEST_F(CleanupTest, BranchesProtectWhatTheyRead) {
  DatasetPtr table = NumberedTable(env_, root_, true, 2, 10);
  const auto branch = CreateBranch(*table, "dev", {});
  ASSERT_THAT(branch, IsOk());
  const auto grandchild = CreateBranch(**branch, "dev/fix", {});
  ASSERT_THAT(grandchild, IsOk());
  table =
      CommitStaged(table, table->StageOverwrite(NumberedSchema(), NumberedRows(90, 3).get(), {}));
  table = CommitStaged(table, table->StageAppend(*NumberedRows(93, 3), {}));
  const CleanupStats stats = Clean(*table, {});
  EXPECT_EQ(stats.old_versions, 2u);  // 1 and 3; the branch was forked from 2
  EXPECT_EQ(stats.data_files_removed, 0u);
  for (const std::string_view name : {"dev", "dev/fix"}) {
    const auto dev = Dataset::Open(env_, root_, {.branch = std::string(name)});
    ASSERT_THAT(dev, IsOk());
    EXPECT_EQ(AllRows(**dev).size(), 20u);
    // A branch cleans only below its own root.
    EXPECT_EQ(Clean(**dev, {}).data_files_removed, 0u);
  }
  // Without the branches their files go.
  ASSERT_THAT(DeleteBranch(env_, root_, "dev/fix", false), IsOk());
  ASSERT_THAT(DeleteBranch(env_, root_, "dev", false), IsOk());
  EXPECT_EQ(Clean(*table, {}).data_files_removed, 2u);
  EXPECT_EQ(AllRows(*table).size(), 6u);
}

// A copy of all objects: its branch names files below the root that was copied, as it would name
// its own below a root that is spelt in another way.
TEST_F(CleanupTest, BranchesProtectFilesWhateverTheirRootIsCalled) {
  DatasetPtr table = NumberedTable(env_, root_, true, 2, 10);
  ASSERT_THAT(CreateBranch(*table, "dev", {}), IsOk());
  table =
      CommitStaged(table, table->StageOverwrite(NumberedSchema(), NumberedRows(90, 3).get(), {}));
  const io::Location copy = *env_.Resolve("memory://disk/copy.lance");
  for (const std::string& path : Objects()) {
    const auto bytes = root_.store->Read(path);
    ASSERT_THAT(bytes, IsOk());
    const io::Location place = copy.Child(path.substr(root_.path.size() + 1));
    ASSERT_THAT(place.store->Put(place.path, bytes->span()), IsOk());
  }
  const auto copied = Dataset::Open(env_, copy, {});
  ASSERT_THAT(copied, IsOk());
  const auto stats = Cleanup(**copied, {}, {});
  ASSERT_THAT(stats, IsOk());
  EXPECT_EQ(stats->data_files_removed, 0u);
}

// Deletes `path` as soon as a folder was listed.
class Deleting : public io::HookedStore {
 public:
  Deleting(std::shared_ptr<io::Store> base, std::string path)
      : HookedStore(std::move(base)), path_(std::move(path)) {}

 protected:
  absl::Status After(io::StoreCall call, std::string_view, uint64_t,
                     const absl::Status& status) override {
    return call == io::StoreCall::kList ? base().Delete(path_) : status;
  }

 private:
  const std::string path_;
};

TEST_F(CleanupTest, ARefThatIsDeletedMeanwhileIsNone) {
  const DatasetPtr table = NumberedTable(env_, root_, true, 1, 10);
  ASSERT_THAT(CreateBranch(*table, "a", {}), IsOk());
  ASSERT_THAT(CreateBranch(*table, "b", {}), IsOk());
  const std::string going = BranchFile(root_, "a").path;
  const io::Location watched{std::make_shared<Deleting>(root_.store, going), root_.path};
  const auto branches = ListBranches(watched);
  ASSERT_THAT(branches, IsOk());
  ASSERT_EQ(branches->size(), 1u);
  EXPECT_EQ((*branches)[0].name, "b");
}

TEST_F(CleanupTest, DetachedVersionsAreReadAndProtected) {
  DatasetPtr table = NumberedTable(env_, root_, true, 1, 10);
  const uint64_t detached = (uint64_t{1} << 63) + 77;
  format::Manifest manifest = table->manifest();
  manifest.version = detached;
  const std::string bytes = format::EncodeManifestFile(manifest, std::nullopt);
  const io::Location file = root_.Child(io::StrCat("_versions/d", detached, ".manifest"));
  ASSERT_THAT(file.store->Put(file.path, io::AsBytes(bytes)), IsOk());
  table = CommitStaged(table, table->StageOverwrite(NumberedSchema(), nullptr, {}));
  EXPECT_THAT(Versions(*table), ElementsAre(1, 2));
  const CleanupStats stats = Clean(*table, {});
  EXPECT_EQ(stats.old_versions, 1u);
  EXPECT_EQ(stats.data_files_removed, 0u);
  const auto opened = Dataset::Open(env_, root_, {.version = detached});
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(AllRows(**opened).size(), 10u);
}

}  // namespace
}  // namespace og::engine::dataset
