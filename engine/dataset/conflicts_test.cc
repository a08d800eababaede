// The conflict matrix, pair by pair: a change is staged, another one is committed, and committing
// the first one succeeds, has to be done again, or can never be done. Then what a rebase keeps:
// deletions of both, coverage of indexes, and the rows of both.
#include <algorithm>
#include <map>
#include <string>
#include <variant>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/columns.h"
#include "engine/dataset/commit_conflict.h"
#include "engine/dataset/delete.h"
#include "engine/dataset/indices.h"
#include "engine/dataset/row_changes_testing.h"
#include "engine/dataset/update.h"
#include "format/table/carried.h"
#include "format/table/roaring.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using format::Transaction;
using tests::StatusIs;

// Two fragments, 0 and 1, of three rows each.
absl::StatusOr<DatasetPtr> TwoFragments(io::Env& env, std::string_view uri) {
  CreateOptions options;
  options.write.max_rows_per_file = 3;
  return CreateTable(env, uri, SchemaOf("id int64, age int64?"),
                     "{\"id\":0,\"age\":0}\n{\"id\":1,\"age\":1}\n{\"id\":2,\"age\":2}\n"
                     "{\"id\":3,\"age\":3}\n{\"id\":4,\"age\":4}\n{\"id\":5,\"age\":5}\n",
                     options);
}

// The next version as somebody else's `operation` made it; the content is the same.
void CommitForeign(const Dataset& dataset, format::Operation operation) {
  Transaction transaction;
  transaction.read_version = dataset.version();
  transaction.uuid = dataset.env().NewUuid();
  transaction.operation = std::move(operation);
  format::Manifest manifest = dataset.manifest();
  ++manifest.version;
  const std::string bytes =
      format::EncodeManifestFile(manifest, format::EncodeTransaction(transaction));
  const io::Location file = dataset.branch_root().Child(io::StrCat(
      "_versions/", format::ManifestFileName(manifest.version, format::ManifestNaming::kV2)));
  OG_ASSERT_OK(file.store->PutIfAbsent(file.path, io::AsBytes(bytes)));
}

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7)
    bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string Message(int field, std::string_view bytes) {
  return io::StrCat(Varint(static_cast<uint64_t>(field) << 3 | 2), Varint(bytes.size()), bytes);
}
std::string Number(int field, uint64_t value) {
  return io::StrCat(Varint(static_cast<uint64_t>(field) << 3), Varint(value));
}

format::Operation Replacement(uint64_t fragment, int32_t field) {
  const std::string file = Message(2, Varint(static_cast<uint64_t>(field)));
  return format::CarriedOperation{format::kDataReplacementOperation,
                                  Message(1, io::StrCat(Number(1, fragment), Message(2, file)))};
}
format::Operation Overlay(uint64_t fragment) {
  return format::CarriedOperation{format::kDataOverlayOperation, Message(1, Number(1, fragment))};
}
format::Operation MemWal() {
  return format::CarriedOperation{
      format::kUpdateMemWalStateOperation,
      Message(1, io::StrCat(Message(1, Message(1, "sixteen bytes id")), Number(2, 5)))};
}
format::Operation Index(std::string_view name, std::vector<uint32_t> fragments) {
  format::IndexMetadata index;
  index.uuid = "5e1c3a64-0000-4000-8000-00000000000" + std::to_string(name.size());
  index.name = std::string(name);
  index.fields = {0};
  index.dataset_version = 1;
  index.fragment_bitmap = format::EncodeRoaring(fragments);
  return format::CreateIndexOperation{.new_indices = {index}, .removed_indices = {}};
}
format::Operation Config(std::string_view key) {
  format::UpdateConfigOperation config;
  config.config.emplace();
  config.config->entries.emplace_back(std::string(key), "1");
  return config;
}
format::Operation Bases(std::string_view path) {
  format::UpdateBasesOperation bases;
  bases.new_bases.push_back({.id = 0,
                             .name = std::nullopt,
                             .is_dataset_root = true,
                             .path = std::string(path),
                             .unknown = {}});
  return bases;
}
format::Operation Deletion(const format::Fragment& fragment) {
  return format::DeleteOperation{
      .updated_fragments = {fragment}, .deleted_fragment_ids = {}, .predicate = "theirs"};
}
format::Operation Moving(const format::Fragment& fragment) {
  format::UpdateOperation update;
  update.updated_fragments = {fragment};
  return update;
}
format::Operation Compaction(const format::Fragment& fragment) {
  format::RewriteOperation rewrite;
  rewrite.groups.push_back({.old_fragments = {fragment}, .new_fragments = {}});
  return rewrite;
}

// What somebody else may have done, in the order of the columns of kMatrix.
std::vector<std::pair<std::string, format::Operation>> TheirChanges(const Dataset& dataset) {
  const format::Manifest& manifest = dataset.manifest();
  const format::Fragment& first = manifest.fragments[0];
  const format::Fragment& second = manifest.fragments[1];
  format::OverwriteOperation overwrite;
  overwrite.schema = manifest.schema;
  return {
      {"Append", format::AppendOperation{}},
      {"Delete in 0", Deletion(first)},
      {"Delete in 1", Deletion(second)},
      {"Overwrite", overwrite},
      {"CreateIndex of the same name", Index("mine", {0, 1})},
      {"CreateIndex of another name", Index("other", {0, 1})},
      {"Rewrite of 0", Compaction(first)},
      {"Rewrite of 1", Compaction(second)},
      {"Merge", format::MergeOperation{.fragments = manifest.fragments, .schema = manifest.schema}},
      {"Restore", format::RestoreOperation{.version = 1}},
      {"ReserveFragments", format::ReserveFragmentsOperation{.num_fragments = 1}},
      {"Update in 0", Moving(first)},
      {"Update in 1", Moving(second)},
      {"Project", format::ProjectOperation{.schema = manifest.schema}},
      {"UpdateConfig of the same key", Config("mine")},
      {"UpdateConfig of another key", Config("other")},
      {"DataReplacement in 0", Replacement(0, 0)},
      {"DataReplacement in 1", Replacement(1, 0)},
      {"DataOverlay in 0", Overlay(0)},
      {"DataOverlay in 1", Overlay(1)},
      {"UpdateMemWalState", MemWal()},
      {"Clone", format::CloneOperation{}},
      {"UpdateBases of the same path", Bases("memory://base/mine")},
      {"UpdateBases of another path", Bases("memory://base/other")},
  };
}

// Ours, by the name of the row: staged changes of the rows of fragment 0.
absl::StatusOr<StagedTransaction> OurChange(const Dataset& dataset, std::string_view name) {
  StagedTransaction staged;
  staged.transaction.read_version = dataset.version();
  staged.transaction.uuid = dataset.env().NewUuid();
  format::Operation& operation = staged.transaction.operation;
  if (name == "Append") {
    const auto rows = StreamOf(dataset.schema(), "{\"id\":9,\"age\":9}");
    return dataset.StageAppend(*rows, {});
  }
  if (name == "Delete") {
    return dataset.StageDelete(std::vector<uint64_t>{1}, "id = 1", {});
  }
  if (name == "Update") {
    OG_ASSIGN_OR_RETURN(
        StagedUpdate update,
        StageUpdateWhere(dataset, {.assignments = {{"age", "age + 1"}}, .predicate = "id = 1"}));
    return std::move(update.staged);
  }
  if (name == "Overwrite") {
    OG_ASSIGN_OR_RETURN(staged, dataset.StageOverwrite(dataset.schema(), nullptr, {}));
    std::get<format::OverwriteOperation>(staged.transaction.operation).config_upserts["mine"] = "2";
    return staged;
  }
  if (name == "Merge") {
    return StageAddColumns(dataset, {{"twice", "age * 2"}}, {});
  }
  if (name == "Project") {
    return StageDropColumns(dataset, {"age"}, {});
  }
  if (name == "Restore") {
    return dataset.StageRestore(1, {});
  }
  if (name == "CreateIndex") {
    operation = Index("mine", {0, 1});
  } else if (name == "Rewrite") {
    operation = Compaction(dataset.manifest().fragments[0]);
  } else if (name == "ReserveFragments") {
    operation = format::ReserveFragmentsOperation{.num_fragments = 2};
  } else if (name == "UpdateConfig") {
    operation = Config("mine");
  } else {
    operation = Bases("memory://base/mine");
  }
  return staged;
}

// Columns in the order of TheirChanges(): o goes on, R again on the latest version, X never.
// Columns:             A DD O II RR M R R UU P CC RR OO W C BB
constexpr std::pair<std::string_view, std::string_view> kMatrix[] = {
    {"Append", "oooXoooooXooooooooooXooo"},       {"Delete", "oooXooRoRXooooooRoooXooo"},
    {"Update", "oooXooRoRXooooooRoRooooo"},       {"Overwrite", "oooRooooooooooXoooooXooo"},
    {"CreateIndex", "oooXRoRRoXooooooRRooXooo"},  {"Rewrite", "oRoXRRRoRXoRooooRoRooooo"},
    {"Merge", "RRRXooRRRXoRRXooRRRRXooo"},        {"Project", "oooXooooRXoooRooooooXooo"},
    {"Restore", "ooooooooooooooooooooXooo"},      {"ReserveFragments", "oooXoooooXoooooooooooooo"},
    {"UpdateConfig", "ooooooooooooooXooooooooo"}, {"UpdateBases", "ooooooooooooooooooooooXo"},
};

TEST(ConflictMatrixTest, EveryPair) {
  io::SimEnv env(tests::Seed());
  int num_pairs = 0;
  for (const auto& [ours, outcomes] : kMatrix) {
    for (size_t column = 0; column < 24; ++column) {
      const std::string uri = io::StrCat("memory://t", num_pairs++);
      OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, TwoFragments(env, uri));
      OG_ASSERT_OK_AND_ASSIGN(const StagedTransaction staged, OurChange(*dataset, ours));
      const auto theirs = TheirChanges(*dataset);
      ASSERT_EQ(theirs.size(), 24u);
      CommitForeign(*dataset, theirs[column].second);
      const absl::Status committed = dataset->Commit(staged, {}).status();
      const char outcome = committed.ok()                                   ? 'o'
                           : IsRetryableConflict(committed)                 ? 'R'
                           : committed.code() == absl::StatusCode::kAborted ? 'X'
                                                                            : '?';
      EXPECT_EQ(outcome, outcomes[column])
          << ours << " over " << theirs[column].first << ": " << committed;
    }
  }
  EXPECT_EQ(num_pairs, 12 * 24);
}

class RebaseTest : public testing::Test {
 protected:
  RebaseTest() : env_(tests::Seed()) {}
  void SetUp() override { OG_ASSERT_OK_AND_ASSIGN(dataset_, TwoFragments(env_, "memory://t")); }

  io::SimEnv env_;
  DatasetPtr dataset_;
};

TEST_F(RebaseTest, DeletionsOfBothAreKept) {
  OG_ASSERT_OK_AND_ASSIGN(const StagedDelete ours,
                          StageDeleteWhere(*dataset_, {.predicate = "id in (0, 3)"}));
  OG_ASSERT_OK(DeleteWhere(*dataset_, {.predicate = "id in (1, 4, 5)"}));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr latest, dataset_->Commit(ours.staged, {}));
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*latest));
  EXPECT_THAT(rows, testing::ElementsAre("{\"id\":2,\"age\":2}"));
  EXPECT_EQ(latest->manifest().fragments.size(), 1u) << "an empty fragment stays";
  // The transaction says which version it was rebased on.
  OG_ASSERT_OK_AND_ASSIGN(const Transaction transaction, latest->TransactionOf(3));
  EXPECT_EQ(transaction.read_version, 2u);
}

TEST_F(RebaseTest, ARowThatBothChangeIsDoneAgain) {
  OG_ASSERT_OK_AND_ASSIGN(
      const StagedUpdate ours,
      StageUpdateWhere(*dataset_, {.assignments = {{"age", "age + 10"}}, .predicate = "id < 2"}));
  OG_ASSERT_OK(
      UpdateWhere(*dataset_, {.assignments = {{"age", "age + 100"}}, .predicate = "id = 1"}));
  const absl::Status lost = dataset_->Commit(ours.staged, {}).status();
  EXPECT_TRUE(IsRetryableConflict(lost)) << lost;
  EXPECT_THAT(lost, StatusIs(absl::StatusCode::kAborted, "both modified the row"));
  // With the loop around it, the second one sees what the first one did.
  OG_ASSERT_OK_AND_ASSIGN(
      const UpdateResult result,
      UpdateWhere(*dataset_, {.assignments = {{"age", "age + 10"}}, .predicate = "id < 2"}));
  EXPECT_EQ(result.num_updated_rows, 2u);
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*result.dataset));
  EXPECT_EQ(rows[0], "{\"id\":0,\"age\":10}");
  EXPECT_EQ(rows[1], "{\"id\":1,\"age\":111}");
}

TEST_F(RebaseTest, WholeFragmentsAreNotMerged) {
  OG_ASSERT_OK_AND_ASSIGN(const StagedDelete ours,
                          StageDeleteWhere(*dataset_, {.predicate = "id < 3"}));
  OG_ASSERT_OK(DeleteWhere(*dataset_, {.predicate = "id = 4"}));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr other, dataset_->Commit(ours.staged, {}));
  EXPECT_EQ(other->num_rows(), 2u);
  OG_ASSERT_OK_AND_ASSIGN(const StagedDelete again,
                          StageDeleteWhere(*other, {.predicate = "id >= 3"}));
  OG_ASSERT_OK(DeleteWhere(*other, {.predicate = "id = 3"}));
  EXPECT_TRUE(IsRetryableConflict(other->Commit(again.staged, {}).status()));
}

TEST_F(RebaseTest, ANewIndexDoesNotCoverWhatChangedMeanwhile) {
  OG_ASSERT_OK_AND_ASSIGN(const StagedTransaction index,
                          StageCreateIndex(*dataset_, {.column = "age"}));
  format::UpdateOperation rewritten;
  rewritten.updated_fragments = {dataset_->manifest().fragments[1]};
  rewritten.fields_modified = {1};
  rewritten.mode = format::UpdateMode::kRewriteColumns;
  CommitForeign(*dataset_, rewritten);
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr latest, dataset_->Commit(index, {}));
  OG_ASSERT_OK_AND_ASSIGN(const IndexDescription found, FindIndex(*latest, "age_idx"));
  EXPECT_THAT(found.fragment_ids, testing::ElementsAre(0));
}

TEST_F(RebaseTest, OfRacingUpdatesNoneIsLost) {
  // Six writers add one to one row, each until it lands.
  constexpr int kWriters = 6;
  std::vector<std::function<void()>> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back([&] {
      const auto result =
          UpdateWhere(*dataset_, {.assignments = {{"age", "age + 1"}},
                                  .predicate = "id = 1",
                                  .retry = {.conflict_retries = 100, .timeout_us = 1'000'000'000}});
      EXPECT_TRUE(result.ok()) << result.status();
    });
  }
  env_.RunActors(writers);
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr latest, dataset_->Latest());
  EXPECT_EQ(latest->version(), 1u + kWriters);
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*latest));
  EXPECT_EQ(rows[1], io::StrCat("{\"id\":1,\"age\":", 1 + kWriters, "}"));
}

}  // namespace
}  // namespace og::engine::dataset
