// Datasets made of others, metadata and versions by time: shallow clones, copies and what a second
// copy moves, keys that are set and removed.
#include "engine/dataset/clone.h"

#include <algorithm>

#include "gtest/gtest.h"

#include "engine/dataset/indices.h"
#include "engine/dataset/metadata.h"
#include "engine/dataset/refs.h"
#include "engine/dataset/table_testing.h"
#include "format/file/lance_schema.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using tests::IsOk;
using tests::StatusIs;

class CloneTest : public ::testing::Test {
 protected:
  CloneTest() : env_(tests::Seed()), root_(*env_.Resolve("memory://disk/t.lance")) {}

  io::SimEnv env_;
  const io::Location root_;
};

TEST_F(CloneTest, ShallowClonesReadTheSource) {
  DatasetPtr table = DeleteWhere(NumberedTable(env_, root_, true, 2, 10), "id = 3");
  table = CommitStaged(table, StageCreateIndex(*table, {.column = "id"}));
  const io::Location target = *env_.Resolve("memory://other/clone.lance");
  const auto clone = CloneShallow(*table, target, {});
  ASSERT_THAT(clone, IsOk());
  EXPECT_EQ((*clone)->version(), table->version());
  EXPECT_FALSE((*clone)->manifest().branch.has_value());
  EXPECT_EQ(AllRows(**clone), AllRows(*table));
  EXPECT_EQ(AllRows(**clone, "id = 15").size(), 1u);
  const DatasetPtr grown = CommitStaged(*clone, (*clone)->StageAppend(*NumberedRows(20, 5), {}));
  EXPECT_EQ(AllRows(*grown).size(), 24u);
  EXPECT_EQ(AllRows(**table->Latest()).size(), 19u);
  EXPECT_THAT(CloneShallow(*table, target, {}), StatusIs(absl::StatusCode::kAlreadyExists));
  // Of a branch, and of a clone.
  const auto branch = CreateBranch(*table, "dev", {});
  ASSERT_THAT(branch, IsOk());
  const auto of_branch = CloneShallow(**branch, *env_.Resolve("memory://other/b.lance"), {});
  ASSERT_THAT(of_branch, IsOk());
  EXPECT_EQ(AllRows(**of_branch), AllRows(*table));
  const auto of_clone = CloneShallow(*grown, *env_.Resolve("memory://third/c.lance"), {});
  ASSERT_THAT(of_clone, IsOk());
  EXPECT_EQ(AllRows(**of_clone), AllRows(*grown));
}

TEST_F(CloneTest, CopiesMoveOnlyWhatIsNew) {
  DatasetPtr table = DeleteWhere(NumberedTable(env_, root_, true, 2, 10), "id = 3");
  table = CommitStaged(table, StageCreateIndex(*table, {.column = "id"}));
  const io::Location target = *env_.Resolve("memory://backup/t.lance");
  const auto first = CopyDataset(*table, target, {}, {});
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->files_copied, 5u);  // two data files, a deletion file, two of the index
  EXPECT_TRUE(first->dataset->manifest().base_paths.empty());
  EXPECT_EQ(AllRows(*first->dataset), AllRows(*table));
  EXPECT_EQ(AllRows(*first->dataset, "id = 15").size(), 1u);
  const auto again = CopyDataset(*table, target, {}, {});
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->files_copied, 0u);
  EXPECT_EQ(again->dataset->version(), table->version());

  table = CommitStaged(table, table->StageAppend(*NumberedRows(20, 5), {}));
  const auto more = CopyDataset(*table, target, {}, {});
  ASSERT_THAT(more, IsOk());
  EXPECT_EQ(more->files_copied, 1u);
  EXPECT_EQ(more->files_present, 5u);
  EXPECT_EQ(AllRows(*more->dataset), AllRows(*table));
  EXPECT_EQ(more->dataset->ListVersions()->size(), 2u);

  // The source is gone, the copy stands by itself; and back again.
  ASSERT_THAT(root_.store->DeletePrefix(root_.path), IsOk());
  const auto back = CopyDataset(*more->dataset, root_, {}, {});
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(AllRows(*back->dataset), AllRows(*more->dataset));
}

TEST_F(CloneTest, CopiesOfClonesHaveAllTheirFiles) {
  const DatasetPtr table = NumberedTable(env_, root_, false, 2, 10);
  const auto branch = CreateBranch(*table, "dev", {});
  ASSERT_THAT(branch, IsOk());
  const DatasetPtr grown = CommitStaged(*branch, (*branch)->StageAppend(*NumberedRows(20, 5), {}));
  const auto copy = CopyDataset(*grown, *env_.Resolve("memory://backup/d.lance"), {}, {});
  ASSERT_THAT(copy, IsOk());
  EXPECT_FALSE(copy->dataset->manifest().branch.has_value());
  ASSERT_THAT(root_.store->DeletePrefix(root_.path), IsOk());
  const auto opened = Dataset::Open(env_, *env_.Resolve("memory://backup/d.lance"), {});
  ASSERT_THAT(opened, IsOk());
  EXPECT_EQ(AllRows(**opened).size(), 25u);
}

TEST_F(CloneTest, ACopyDoesNotOverwriteAnything) {
  DatasetPtr table = NumberedTable(env_, root_, true, 2, 10);
  const io::Location other = *env_.Resolve("memory://disk/other.lance");
  NumberedTable(env_, other, true, 1, 3);
  EXPECT_THAT(CopyDataset(*table, other, {}, {}), StatusIs(absl::StatusCode::kAlreadyExists));
  const io::Location target = *env_.Resolve("memory://disk/copy.lance");
  const auto copy = CopyDataset(*table, target, {}, {});
  ASSERT_THAT(copy, IsOk());
  CommitStaged(copy->dataset, copy->dataset->StageAppend(*NumberedRows(90, 1), {}));
  table = CommitStaged(table, table->StageAppend(*NumberedRows(20, 5), {}));
  EXPECT_THAT(CopyDataset(*table, target, {}, {}),
              StatusIs(absl::StatusCode::kAlreadyExists, "written to"));
}

TEST_F(CloneTest, KeysAreSetAndRemoved) {
  DatasetPtr table = NumberedTable(env_, root_, true, 1, 10);
  MetadataChange change;
  change.config.entries = {{"a", "1"}, {"b", "2"}};
  change.table_metadata.entries = {{"owner", "me"}};
  change.schema_metadata.entries = {{"k", "v"}};
  change.field_metadata["s"].entries = {{"unit", "m"}};
  table = CommitStaged(table, StageMetadata(*table, change));
  EXPECT_EQ(table->manifest().config.at("b"), "2");
  EXPECT_EQ(table->manifest().table_metadata.at("owner"), "me");
  EXPECT_EQ(table->manifest().schema->metadata.at("k"), "v");
  EXPECT_EQ(table->lance_schema().Find("s")->metadata.at("unit"), "m");
  EXPECT_NE(table->manifest().writer_feature_flags & format::kFlagTableConfig, 0u);
  MetadataChange removal;
  removal.config.entries = {{"a", std::nullopt}};
  removal.field_metadata["s"].entries = {{"unit", std::nullopt}};
  table = CommitStaged(table, StageMetadata(*table, removal));
  EXPECT_FALSE(table->manifest().config.contains("a"));
  EXPECT_FALSE(table->lance_schema().Find("s")->metadata.contains("unit"));
  MetadataChange replacement;
  replacement.config = {.entries = {{"c", "3"}}, .replace = true};
  table = CommitStaged(table, StageMetadata(*table, replacement));
  EXPECT_EQ(table->manifest().config, (std::map<std::string, std::string>{{"c", "3"}}));
  EXPECT_THAT(StageMetadata(*table, {}), StatusIs(absl::StatusCode::kInvalidArgument));
  MetadataChange unknown;
  unknown.field_metadata["nope"].entries = {{"a", "1"}};
  EXPECT_THAT(StageMetadata(*table, unknown), StatusIs(absl::StatusCode::kNotFound));
}

TEST(TimeTest, TextsAndTimes) {
  EXPECT_EQ(ParseTimeUs("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(ParseTimeUs("1970-01-01T00:00:00.5"), 500'000);
  EXPECT_EQ(ParseTimeUs("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(ParseTimeUs("1969-12-31T23:59:59Z"), -1'000'000);
  EXPECT_EQ(ParseTimeUs("1970-01-02"), int64_t{86400} * 1'000'000);
  EXPECT_EQ(ParseTimeUs("12"), 12'000'000);
  for (const std::string_view wrong :
       {"", "yesterday", "1970-13-01", "1970-01-01T25:00", "1970-01-01T00:00:00.", "1970-01-01x",
        "1970-01-01T00:00:00+1", "99999999999999999999"}) {
    EXPECT_EQ(ParseTimeUs(wrong), std::nullopt) << wrong;
  }
  EXPECT_EQ(TimeText(1'000'001), "1970-01-01T00:00:01.000001Z");
  EXPECT_EQ(TimeText(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(ParseTimeUs(TimeText(1'700'000'000'123'456)), 1'700'000'000'123'456);
}

}  // namespace
}  // namespace og::engine::dataset
