// Changes that are staged in one process and committed by another, which has nothing but their
// text; fragments as the library spells them.
#include "engine/dataset/two_phase.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/delete.h"
#include "engine/dataset/merge_insert.h"
#include "engine/dataset/row_changes_testing.h"
#include "engine/dataset/update.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

// FragmentMetadata.to_json() of pylance 10.0.0: stable row ids, one of three rows deleted.
constexpr std::string_view kLanceFragment =
    R"({"id":0,"files":[{"path":"00110001111100010110000157b4674436a8783d5413c88c9b.lance",)"
    R"("fields":[0,1],"column_indices":[0,1],"file_major_version":2,"file_minor_version":2,)"
    R"("file_size_bytes":633,"base_id":null}],"overlays":[],"deletion_file":{"read_version":1,)"
    R"("id":1605210988197149408,"file_type":"array","num_deleted_rows":1,"base_id":null},)"
    R"("row_id_meta":{"Inline":[10,4,10,2,16,3]},"physical_rows":3,)"
    R"("last_updated_at_version_meta":{"inline":[10,8,10,4,10,2,16,3,16,1]},)"
    R"("created_at_version_meta":{"inline":[10,8,10,4,10,2,16,3,16,1]}})";

class TwoPhaseTest : public testing::Test {
 protected:
  TwoPhaseTest() : env_(tests::Seed()) {}
  void SetUp() override {
    OG_ASSERT_OK_AND_ASSIGN(dataset_,
                            CreateTable(env_, "memory://t", SchemaOf("id int64, age int64?"),
                                        "{\"id\":1,\"age\":1}\n{\"id\":2,\"age\":2}\n"
                                        "{\"id\":3,\"age\":3}\n",
                                        {}));
  }

  // What another handle makes of the text of `staged`.
  absl::StatusOr<std::string> CommittedElsewhere(const StagedTransaction& staged) {
    const std::string text = StagedToJson(staged);
    OG_ASSIGN_OR_RETURN(const StagedTransaction received, StagedFromJson(text));
    EXPECT_EQ(StagedToJson(received), text);
    OG_ASSIGN_OR_RETURN(const DatasetPtr elsewhere, Dataset::Open(env_, dataset_->root(), {}));
    OG_ASSIGN_OR_RETURN(const DatasetPtr committed, elsewhere->Commit(received, {}));
    return RowText(*committed);
  }

  io::SimEnv env_;
  DatasetPtr dataset_;
};

TEST_F(TwoPhaseTest, StagedChangesAreCommittedFromTheirText) {
  const auto rows = StreamOf(dataset_->schema(), "{\"id\":4,\"age\":4}");
  OG_ASSERT_OK_AND_ASSIGN(const StagedTransaction append, dataset_->StageAppend(*rows, {}));
  OG_ASSERT_OK_AND_ASSIGN(const StagedDelete deletion,
                          StageDeleteWhere(*dataset_, {.predicate = "id = 1"}));
  OG_ASSERT_OK_AND_ASSIGN(
      const StagedUpdate update,
      StageUpdateWhere(*dataset_, {.assignments = {{"age", "age * 10"}}, .predicate = "id = 2"}));
  OG_ASSERT_OK(CommittedElsewhere(append));
  OG_ASSERT_OK(CommittedElsewhere(deletion.staged));
  // The deletion vectors are merged: which rows were changed is part of the text.
  OG_ASSERT_OK_AND_ASSIGN(const std::string text, CommittedElsewhere(update.staged));
  EXPECT_EQ(text, "{\"id\":3,\"age\":3}\n{\"id\":4,\"age\":4}\n{\"id\":2,\"age\":20}\n");
}

TEST_F(TwoPhaseTest, FragmentsHaveTheFormOfTheLibrary) {
  OG_ASSERT_OK_AND_ASSIGN(const format::Fragment fragment, FragmentFromJson(kLanceFragment));
  EXPECT_EQ(fragment.files[0].size_bytes, 633u);
  EXPECT_EQ(fragment.deletion_file->num_deleted_rows, 1u);
  OG_ASSERT_OK_AND_ASSIGN(const std::string json, FragmentToJson(fragment));
  EXPECT_EQ(json, kLanceFragment);

  const auto rows = StreamOf(dataset_->schema(), "{\"id\":5,\"age\":null}");
  OG_ASSERT_OK_AND_ASSIGN(const StagedTransaction append, dataset_->StageAppend(*rows, {}));
  const auto& written = std::get<format::AppendOperation>(append.transaction.operation).fragments;
  OG_ASSERT_OK_AND_ASSIGN(const std::string sent, FragmentToJson(written[0]));
  OG_ASSERT_OK_AND_ASSIGN(const format::Fragment received, FragmentFromJson(sent));
  EXPECT_EQ(received, written[0]);
  OG_ASSERT_OK_AND_ASSIGN(const StagedTransaction staged,
                          StageFragments(*dataset_, {received}, {}));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr committed, dataset_->Commit(staged, {}));
  EXPECT_EQ(committed->num_rows(), 4u);
}

TEST_F(TwoPhaseTest, RefusesOtherText) {
  const auto replaced = [](std::string_view what, std::string_view with) {
    std::string text(kLanceFragment);
    text.replace(text.find(what), what.size(), with);
    return FragmentFromJson(text);
  };
  EXPECT_THAT(replaced("\"overlays\"", "\"overlords\""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("unknown member overlords")));
  EXPECT_THAT(replaced("\"overlays\":[]", "\"overlays\":[{}]"),
              StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(replaced("\"Inline\":[10", "\"Inline\":[256"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(replaced("\"Inline\"", "\"External\""), StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(replaced("\"fields\":[0", "\"fields\":[4294967296"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(replaced("\"array\"", "\"list\""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FragmentFromJson("[]"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(StagedFromJson("{}"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(StagedFromJson("{\"transaction\":\"f\"}"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // Fragments that are part of a dataset, and files of another version.
  format::Fragment fragment = *FragmentFromJson(kLanceFragment);
  fragment.id = 7;
  EXPECT_THAT(StageFragments(*dataset_, {fragment}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("id 7")));
  fragment.id = 0;
  fragment.files[0].minor_version = 1;
  EXPECT_THAT(StageFragments(*dataset_, {fragment}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("version 2.1")));
}

}  // namespace
}  // namespace og::engine::dataset
