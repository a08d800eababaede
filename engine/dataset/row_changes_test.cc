// Deleting, updating and changing columns: what they make of rows, ids, versions, files and
// indexes, what they refuse, and that nothing is left behind by what failed.
#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/columns.h"
#include "engine/dataset/delete.h"
#include "engine/dataset/indices.h"
#include "engine/dataset/merge_insert.h"
#include "engine/dataset/row_changes_testing.h"
#include "engine/dataset/update.h"
#include "engine/expr/filter_parse.h"
#include "format/file/lance_schema.h"
#include "io/base/text.h"
#include "io/env/sim_env.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using format::SchemaPtr;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::StatusIs;

constexpr std::string_view kPeople = R"({"id":1,"name":"a","age":10}
{"id":2,"name":"b","age":20}
{"id":3,"name":"c","age":null}
{"id":4,"name":"d","age":40}
{"id":5,"name":"e","age":50}
{"id":6,"name":"f","age":60}
{"id":7,"name":"g","age":70}
)";

class RowChangesTest : public testing::TestWithParam<std::string> {
 protected:
  RowChangesTest() : env_(tests::Seed()) {}

  // Seven people in fragments of three; files of the version that is the parameter.
  void SetUp() override {
    CreateOptions options;
    options.file_version = GetParam();
    options.write.max_rows_per_file = 3;
    OG_ASSERT_OK_AND_ASSIGN(
        people_, CreateTable(env_, "memory://people", SchemaOf("id int64, name utf8, age int32?"),
                             kPeople, options));
  }

  size_t NumFiles(std::string_view folder) const {
    const auto files = people_->root().store->List(people_->root().Child(folder).path, {});
    return files.ok() ? files->size() : 0;
  }

  static auto Refused(std::string_view text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string(text)));
  }

  io::SimEnv env_;
  DatasetPtr people_;
};

std::string VersionName(const testing::TestParamInfo<std::string>& version) {
  return version.param == "2.0" ? "V20" : version.param == "2.1" ? "V21" : "V22";
}

INSTANTIATE_TEST_SUITE_P(FileVersions, RowChangesTest, testing::Values("2.0", "2.1", "2.2"),
                         VersionName);

TEST_P(RowChangesTest, DeletesWhatThePredicateNames) {
  OG_ASSERT_OK_AND_ASSIGN(const DeleteResult result,
                          DeleteWhere(*people_, {.predicate = "age > 15 and age < 65"}));
  EXPECT_EQ(result.num_deleted_rows, 4u);
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*result.dataset));
  EXPECT_THAT(rows, ElementsAre(HasSubstr("\"a\""), HasSubstr("\"c\""), HasSubstr("\"g\"")));
  // The middle fragment is gone, with no deletion file written for it.
  EXPECT_EQ(result.dataset->manifest().fragments.size(), 2u);
  EXPECT_EQ(NumFiles("_deletions"), 1u);
  OG_ASSERT_OK_AND_ASSIGN(const auto transaction, result.dataset->TransactionOf(2));
  EXPECT_EQ(std::get<format::DeleteOperation>(transaction.operation).predicate,
            "age > 15 and age < 65");
}

TEST_P(RowChangesTest, DeletesNothingOrAll) {
  for (const std::string_view nothing : {"age > 1000", "false", "1 = 2", "null"}) {
    OG_ASSERT_OK_AND_ASSIGN(const DeleteResult result,
                            DeleteWhere(*people_, {.predicate = std::string(nothing)}));
    EXPECT_EQ(result.num_deleted_rows, 0u) << nothing;
    EXPECT_EQ(result.dataset->version(), people_->version() + 1) << "also nothing is a change";
    people_ = result.dataset;
  }
  OG_ASSERT_OK_AND_ASSIGN(const DeleteResult all, DeleteWhere(*people_, {.predicate = "true"}));
  EXPECT_EQ(all.num_deleted_rows, 7u);
  EXPECT_EQ(all.dataset->num_rows(), 0u);
  EXPECT_EQ(NumFiles("_deletions"), 0u);
  EXPECT_THAT(DeleteWhere(*people_, {.predicate = "shoe = 1"}), Refused("no column 'shoe'"));
  EXPECT_THAT(DeleteWhere(*people_, {.predicate = "age + 1"}), Refused("condition wanted"));
  EXPECT_THAT(DeleteWhere(*people_, {.predicate = ""}), Refused("expected a value"));
}

TEST_P(RowChangesTest, UpdatesByExpressionsOfTheOldRow) {
  OG_ASSERT_OK_AND_ASSIGN(
      const UpdateResult result,
      UpdateWhere(
          *people_,
          {.assignments = {{"age", "id * 2"}, {"id", "age + 100"}, {"name", "upper(name) || '!'"}},
           .predicate = "age >= 50"}));
  EXPECT_EQ(result.num_updated_rows, 3u);
  ScanOptions options;
  options.with_row_id = true;
  options.with_created_at_version = true;
  options.with_last_updated_at_version = true;
  OG_ASSERT_OK_AND_ASSIGN(const std::string rows, RowText(*result.dataset, options));
  const auto tail = [](int id, int created, int updated) {
    return io::StrCat("\"_rowid\":", id, ",\"_row_created_at_version\":", created,
                      ",\"_row_last_updated_at_version\":", updated, "}\n");
  };
  EXPECT_EQ(rows, io::StrCat("{\"id\":1,\"name\":\"a\",\"age\":10,", tail(0, 1, 1),
                             "{\"id\":2,\"name\":\"b\",\"age\":20,", tail(1, 1, 1),
                             "{\"id\":3,\"name\":\"c\",\"age\":null,", tail(2, 1, 1),
                             "{\"id\":4,\"name\":\"d\",\"age\":40,", tail(3, 1, 1),
                             "{\"id\":150,\"name\":\"E!\",\"age\":10,", tail(4, 1, 2),
                             "{\"id\":160,\"name\":\"F!\",\"age\":12,", tail(5, 1, 2),
                             "{\"id\":170,\"name\":\"G!\",\"age\":14,", tail(6, 1, 2)));
}

TEST_P(RowChangesTest, AnIndexOnOtherColumnsFollowsAnUpdate) {
  for (const std::string column : {"id", "age"}) {
    OG_ASSERT_OK_AND_ASSIGN(const auto index, StageCreateIndex(*people_, {.column = column}));
    OG_ASSERT_OK_AND_ASSIGN(people_, people_->Commit(index, {}));
  }
  OG_ASSERT_OK_AND_ASSIGN(
      const UpdateResult result,
      UpdateWhere(*people_, {.assignments = {{"age", "age + 1"}}, .predicate = "id = 1"}));
  OG_ASSERT_OK_AND_ASSIGN(const IndexDescription on_id, FindIndex(*result.dataset, "id_idx"));
  EXPECT_THAT(on_id.fragment_ids, ElementsAre(0, 1, 2, 3));
  OG_ASSERT_OK_AND_ASSIGN(const IndexDescription on_age, FindIndex(*result.dataset, "age_idx"));
  EXPECT_THAT(on_age.fragment_ids, ElementsAre(0, 1, 2));
  for (const auto& [filter, count] :
       {std::pair("id = 1", 1), std::pair("age = 11", 1), std::pair("age = 10", 0)}) {
    OG_ASSERT_OK_AND_ASSIGN(const auto parsed, expr::ParseFilter(filter));
    OG_ASSERT_OK_AND_ASSIGN(const uint64_t found, result.dataset->CountRows(parsed));
    EXPECT_EQ(found, static_cast<uint64_t>(count)) << filter;
  }
}

// The index of a table without stable row ids, put into one of the same rows that has them: its
// entries are addresses, as Lance 14 writes them in version 1.
TEST_P(RowChangesTest, EntriesOfAnIndexMayBeAddresses) {
  CreateOptions options;
  options.file_version = GetParam();
  options.stable_row_ids = false;
  options.write.max_rows_per_file = 3;
  OG_ASSERT_OK_AND_ASSIGN(
      DatasetPtr plain, CreateTable(env_, "memory://plain",
                                    SchemaOf("id int64, name utf8, age int32?"), kPeople, options));
  OG_ASSERT_OK_AND_ASSIGN(const auto built, StageCreateIndex(*plain, {.column = "id"}));
  // Moved rows first, so that ids and addresses differ.
  OG_ASSERT_OK_AND_ASSIGN(
      const UpdateResult moved,
      UpdateWhere(*people_, {.assignments = {{"age", "1"}}, .predicate = "id = 2"}));
  StagedTransaction staged = built;
  staged.files.clear();
  staged.transaction.read_version = moved.dataset->version();
  staged.transaction.uuid = env_.NewUuid();
  format::IndexMetadata& index =
      std::get<format::CreateIndexOperation>(staged.transaction.operation).new_indices[0];
  index.index_version = 1;
  for (const format::IndexFile& file : index.files) {
    const std::string below = io::StrCat("_indices/", index.uuid, "/", file.path);
    OG_ASSERT_OK_AND_ASSIGN(const io::Buffer bytes,
                            plain->root().store->Read(plain->root().Child(below).path));
    OG_ASSERT_OK(people_->root().store->Put(people_->root().Child(below).path, bytes.span()));
  }
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, moved.dataset->Commit(staged, {}));
  const auto expect_found = [&] {
    for (int id = 1; id <= 7; ++id) {
      OG_ASSERT_OK_AND_ASSIGN(const auto filter, expr::ParseFilter(io::StrCat("id = ", id)));
      OG_ASSERT_OK_AND_ASSIGN(const uint64_t found, dataset->CountRows(filter));
      EXPECT_EQ(found, 1u) << id << " at version " << dataset->version();
    }
  };
  expect_found();
  // It does not follow rows that move, and becomes one of row ids when it is merged.
  OG_ASSERT_OK_AND_ASSIGN(
      const UpdateResult again,
      UpdateWhere(*dataset, {.assignments = {{"age", "1"}}, .predicate = "id in (3, 6)"}));
  dataset = again.dataset;
  OG_ASSERT_OK_AND_ASSIGN(const IndexDescription found, FindIndex(*dataset, "id_idx"));
  EXPECT_THAT(found.fragment_ids, ElementsAre(0, 1, 2));
  expect_found();
  OG_ASSERT_OK_AND_ASSIGN(const auto merged, StageOptimizeIndices(*dataset, {}));
  ASSERT_TRUE(merged.has_value());
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(*merged, {}));
  OG_ASSERT_OK_AND_ASSIGN(const IndexDescription whole, FindIndex(*dataset, "id_idx"));
  EXPECT_EQ(whole.num_unindexed_rows, 0u);
  EXPECT_EQ(whole.segments[0].index_version, 0);
  expect_found();
}

TEST_P(RowChangesTest, RefusedUpdatesLeaveNothingBehind) {
  const auto update = [&](const std::vector<Assignment>& assignments) {
    return UpdateWhere(*people_, {.assignments = assignments}).status();
  };
  EXPECT_THAT(update({}), Refused("No updates provided"));
  EXPECT_THAT(update({{"shoe", "1"}}), Refused("'shoe' does not exist"));
  EXPECT_THAT(update({{"age", "1"}, {"age", "2"}}), Refused("assigned twice"));
  EXPECT_THAT(update({{"age", "name"}}), Refused("value 'a' cannot be cast to int32"));
  EXPECT_THAT(update({{"age", "id * 3000000000"}}), Refused("cannot be cast to int32"));
  EXPECT_THAT(update({{"name", "null"}}), Refused("name must not be null"));
  EXPECT_THAT(update({{"age", "10 / (id - 6)"}}), Refused("Divide by zero"));
  EXPECT_EQ(NumFiles("data"), 3u);
  EXPECT_EQ(NumFiles("_deletions"), 0u);
}

TEST_P(RowChangesTest, ColumnsAreComputed) {
  OG_ASSERT_OK_AND_ASSIGN(const DeleteResult deleted,
                          DeleteWhere(*people_, {.predicate = "id in (1, 5, 6)"}));
  OG_ASSERT_OK_AND_ASSIGN(
      const StagedTransaction staged,
      StageAddColumns(*deleted.dataset,
                      {{"twice", "age * 2"}, {"label", "name || '-' || cast(id as string)"}}, {}));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, deleted.dataset->Commit(staged, {}));
  OG_ASSERT_OK_AND_ASSIGN(const std::string rows, RowText(*dataset));
  EXPECT_EQ(rows,
            "{\"id\":2,\"name\":\"b\",\"age\":20,\"twice\":40,\"label\":\"b-2\"}\n"
            "{\"id\":3,\"name\":\"c\",\"age\":null,\"twice\":null,\"label\":\"c-3\"}\n"
            "{\"id\":4,\"name\":\"d\",\"age\":40,\"twice\":80,\"label\":\"d-4\"}\n"
            "{\"id\":7,\"name\":\"g\",\"age\":70,\"twice\":140,\"label\":\"g-7\"}\n");
  EXPECT_TRUE(*dataset->schema()->fields[3].type == *format::Int32());
  EXPECT_TRUE(dataset->schema()->fields[3].nullable);
  EXPECT_FALSE(dataset->schema()->fields[4].nullable) << "of columns that are never null";
  EXPECT_EQ(dataset->lance_schema().fields[4].id, 4);
  for (const format::Fragment& fragment : dataset->manifest().fragments) {
    EXPECT_EQ(fragment.files.size(), 2u);
  }
  // Every row counts as updated.
  ScanOptions options;
  options.columns.emplace();
  options.with_last_updated_at_version = true;
  OG_ASSERT_OK_AND_ASSIGN(const auto versions, SortedRows(*dataset, options));
  EXPECT_THAT(versions, testing::Each("{\"_row_last_updated_at_version\":3}"));

  EXPECT_THAT(StageAddColumns(*dataset, {{"age", "1"}}, {}),
              Refused("Type conflicts between age(int32) and age(int64)"));
  EXPECT_THAT(StageAddColumns(*dataset, {{"x", "1"}, {"x", "2"}}, {}), Refused("x already exists"));
  EXPECT_THAT(StageAddColumns(*dataset, {{"x", "shoe"}}, {}), Refused("no column 'shoe'"));
  EXPECT_THAT(StageAddColumns(*dataset, {{"x", "1 / (id - 7)"}}, {}), Refused("Divide by zero"));
  EXPECT_EQ(NumFiles("data"), 6u);
}

TEST_P(RowChangesTest, NullColumnsChangeOnlyTheSchema) {
  OG_ASSERT_OK_AND_ASSIGN(const StagedTransaction staged,
                          StageAddColumns(*people_, {{"later", "cast(null as bigint)"}}, {}));
  EXPECT_TRUE(staged.files.empty());
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, people_->Commit(staged, {}));
  OG_ASSERT_OK_AND_ASSIGN(const auto more,
                          StageAddNullColumns(*dataset, *SchemaOf("note utf8?"), {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(more, {}));
  OG_ASSERT_OK_AND_ASSIGN(
      dataset, AppendRows(*dataset, "{\"id\":8,\"name\":\"h\",\"later\":5,\"note\":\"x\"}"));
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*dataset));
  EXPECT_EQ(rows.front(), "{\"id\":1,\"name\":\"a\",\"age\":10,\"later\":null,\"note\":null}");
  EXPECT_EQ(rows.back(), "{\"id\":8,\"name\":\"h\",\"age\":null,\"later\":5,\"note\":\"x\"}");
  EXPECT_THAT(StageAddNullColumns(*dataset, *SchemaOf("must utf8"), {}),
              Refused("must be nullable"));
}

TEST_P(RowChangesTest, ColumnsComeFromAStreamOrByKey) {
  OG_ASSERT_OK_AND_ASSIGN(const DeleteResult deleted,
                          DeleteWhere(*people_, {.predicate = "id = 4"}));
  const SchemaPtr schema = SchemaOf("points int64");
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    lines += io::StrCat("{\"points\":", i * 11, "}\n");
  }
  const auto stream = StreamOf(schema, lines);
  OG_ASSERT_OK_AND_ASSIGN(const auto staged, StageAddColumnsFrom(*deleted.dataset, *stream, {}));
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, deleted.dataset->Commit(staged, {}));
  const auto few = StreamOf(SchemaOf("more int64"), "{\"more\":1}");
  EXPECT_THAT(StageAddColumnsFrom(*dataset, *few, {}), Refused("ended before"));
  std::string more_lines;
  for (int i = 0; i < 6; ++i) {
    more_lines += io::StrCat("{\"points2\":", i, "}\n");
  }
  const auto many = StreamOf(SchemaOf("points2 int64"), more_lines);
  OG_ASSERT_OK_AND_ASSIGN(const DeleteResult fewer, DeleteWhere(*dataset, {.predicate = "id = 7"}));
  EXPECT_THAT(StageAddColumnsFrom(*fewer.dataset, *many, {}), Refused("more values than expected"));

  const auto values =
      StreamOf(SchemaOf("key utf8, city utf8?"),
               "{\"key\":\"a\",\"city\":\"A\"}\n{\"key\":\"zz\",\"city\":\"Z\"}\n"
               "{\"key\":\"c\",\"city\":\"lost\"}\n{\"key\":\"c\",\"city\":\"C\"}\n");
  OG_ASSERT_OK_AND_ASSIGN(const auto joined,
                          StageJoinColumns(*fewer.dataset, *values, "name", "key", {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, fewer.dataset->Commit(joined, {}));
  OG_ASSERT_OK_AND_ASSIGN(const std::string rows, RowText(*dataset));
  EXPECT_EQ(rows,
            "{\"id\":1,\"name\":\"a\",\"age\":10,\"points\":0,\"city\":\"A\"}\n"
            "{\"id\":2,\"name\":\"b\",\"age\":20,\"points\":11,\"city\":null}\n"
            "{\"id\":3,\"name\":\"c\",\"age\":null,\"points\":22,\"city\":\"C\"}\n"
            "{\"id\":5,\"name\":\"e\",\"age\":50,\"points\":33,\"city\":null}\n"
            "{\"id\":6,\"name\":\"f\",\"age\":60,\"points\":44,\"city\":null}\n");
  const auto by_id = StreamOf(SchemaOf("at uint64, seat utf8?"), "{\"at\":4,\"seat\":\"x\"}");
  OG_ASSERT_OK_AND_ASSIGN(const auto seats, StageJoinColumns(*dataset, *by_id, "_rowid", "at", {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(seats, {}));
  OG_ASSERT_OK_AND_ASSIGN(const auto filter, expr::ParseFilter("seat = 'x' and id = 5"));
  OG_ASSERT_OK_AND_ASSIGN(const uint64_t found, dataset->CountRows(filter));
  EXPECT_EQ(found, 1u);
}

TEST_P(RowChangesTest, ColumnsAreDroppedRenamedAndCast) {
  OG_ASSERT_OK_AND_ASSIGN(const auto renamed,
                          StageAlterColumns(*people_, {{.path = "age", .rename = "years"}}, {}));
  EXPECT_TRUE(renamed.files.empty());
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, people_->Commit(renamed, {}));
  EXPECT_EQ(dataset->lance_schema().Find("years")->id, 2);

  OG_ASSERT_OK_AND_ASSIGN(
      const auto cast,
      StageAlterColumns(*dataset, {{.path = "years", .type = format::Int64()}}, {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(cast, {}));
  EXPECT_EQ(dataset->lance_schema().Find("years")->id, 3) << "another type is another field";
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*dataset));
  EXPECT_EQ(rows[1], "{\"id\":2,\"name\":\"b\",\"years\":20}");

  OG_ASSERT_OK_AND_ASSIGN(const auto dropped, StageDropColumns(*dataset, {"id", "name"}, {}));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr narrow, dataset->Commit(dropped, {}));
  for (const format::Fragment& fragment : narrow->manifest().fragments) {
    EXPECT_EQ(fragment.files.size(), 1u) << "a file without a field in use leaves the manifest";
  }
  OG_ASSERT_OK_AND_ASSIGN(const auto years, SortedRows(*narrow));
  EXPECT_EQ(years.back(), "{\"years\":null}");
  EXPECT_THAT(StageDropColumns(*narrow, {"years"}, {}), Refused("Cannot drop all"));
  EXPECT_THAT(StageDropColumns(*narrow, {"shoe"}, {}), Refused("does not exist"));

  EXPECT_THAT(StageAlterColumns(*dataset, {{.path = "years", .nullable = false}}, {}),
              Refused("contains NULL values"));
  EXPECT_THAT(StageAlterColumns(*dataset, {{.path = "years", .type = format::Utf8()}}, {}),
              Refused("Cannot cast column"));
  EXPECT_THAT(
      StageAlterColumns(
          *dataset, {{.path = "years", .type = format::Int8()}, {.path = "name", .rename = "id"}},
          {}),
      Refused("Duplicate field name"));
  OG_ASSERT_OK_AND_ASSIGN(const auto index, StageCreateIndex(*dataset, {.column = "years"}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(index, {}));
  EXPECT_THAT(StageAlterColumns(*dataset, {{.path = "years", .type = format::Int32()}}, {}),
              Refused("1 index(es) attached: [years_idx]"));
}

// id, and p with a number that may be null and a text that may not.
SchemaPtr PairSchema(const std::vector<format::Field>& members) {
  auto schema = std::make_shared<format::Schema>(*SchemaOf("id int64"));
  schema->fields.push_back(
      {.name = "p", .type = format::Struct(members), .nullable = true, .metadata = {}});
  return schema;
}
const format::Field kNumber = {
    .name = "x", .type = format::Int32(), .nullable = true, .metadata = {}};
const format::Field kText = {
    .name = "y", .type = format::Utf8(), .nullable = false, .metadata = {}};

const format::Field kNote = {
    .name = "note", .type = format::Utf8(), .nullable = true, .metadata = {}};

TEST_P(RowChangesTest, MembersOfStructsChangeLikeColumns) {
  CreateOptions options;
  options.file_version = GetParam();
  constexpr std::string_view kRows = R"({"id":1,"p":{"x":5,"y":"a"}}
{"id":2,"p":{"x":null,"y":"b"}}
{"id":3,"p":{"x":-7,"y":""}})";
  OG_ASSERT_OK_AND_ASSIGN(
      DatasetPtr dataset,
      CreateTable(env_, "memory://pairs", PairSchema({kNumber, kText}), kRows, options));
  const auto cast =
      StageAlterColumns(*dataset, {{.path = "p.x", .rename = "wide", .type = format::Int64()}}, {});
  if (GetParam() == "2.0") {
    EXPECT_THAT(cast, StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("p.x")));
    return;
  }
  OG_ASSERT_OK(cast.status());
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(*cast, {}));
  EXPECT_EQ(dataset->manifest().fragments[0].files.size(), 2u);
  EXPECT_EQ(dataset->manifest().fragments[0].files[1].fields, (std::vector<int32_t>{4}));
  OG_ASSERT_OK_AND_ASSIGN(const std::string rows, RowText(*dataset));
  EXPECT_EQ(rows,
            "{\"id\":1,\"p\":{\"wide\":5,\"y\":\"a\"}}\n"
            "{\"id\":2,\"p\":{\"wide\":null,\"y\":\"b\"}}\n"
            "{\"id\":3,\"p\":{\"wide\":-7,\"y\":\"\"}}\n");
  OG_ASSERT_OK_AND_ASSIGN(const auto dropped, StageDropColumns(*dataset, {"p.y"}, {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(dropped, {}));
  OG_ASSERT_OK_AND_ASSIGN(const auto narrow, SortedRows(*dataset));
  EXPECT_EQ(narrow[2], "{\"id\":3,\"p\":{\"wide\":-7}}");
}

TEST_P(RowChangesTest, StructsGetMembers) {
  CreateOptions options;
  options.file_version = GetParam();
  constexpr std::string_view kRows = R"({"id":1,"p":{"x":5}}
{"id":2,"p":null}
{"id":3,"p":null}
{"id":4,"p":{"x":null}})";
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, CreateTable(env_, "memory://pairs",
                                                          PairSchema({kNumber}), kRows, options));
  const auto pair_with = [](const char* name) {
    format::Schema schema;
    schema.fields.push_back(
        {.name = "p",
         .type = format::Struct(
             {{.name = name, .type = format::Int64(), .nullable = true, .metadata = {}}}),
         .nullable = true,
         .metadata = {}});
    return std::make_shared<const format::Schema>(std::move(schema));
  };
  const auto nulls = StageAddNullColumns(*dataset, *pair_with("z"), {});
  if (GetParam() != "2.2") {
    EXPECT_THAT(nulls, StatusIs(absl::StatusCode::kInvalidArgument,
                                HasSubstr("Column p is a struct col, add sub column")));
    return;
  }
  OG_ASSERT_OK(nulls.status());
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(*nulls, {}));
  EXPECT_EQ(dataset->manifest().fragments[0].files.size(), 1u);
  const auto values = StreamOf(pair_with("w"), R"({"p":{"w":1}}
{"p":{"w":2}}
{"p":null}
{"p":null})");
  OG_ASSERT_OK_AND_ASSIGN(const auto staged, StageAddColumnsFrom(*dataset, *values, {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(staged, {}));
  EXPECT_EQ(dataset->manifest().fragments[0].files[1].fields, (std::vector<int32_t>{4}));
  OG_ASSERT_OK_AND_ASSIGN(const std::string rows, RowText(*dataset));
  EXPECT_EQ(rows,
            "{\"id\":1,\"p\":{\"x\":5,\"z\":null,\"w\":1}}\n"
            "{\"id\":2,\"p\":{\"x\":null,\"z\":null,\"w\":2}}\n"
            "{\"id\":3,\"p\":null}\n"
            "{\"id\":4,\"p\":{\"x\":null,\"z\":null,\"w\":null}}\n");
  format::Schema lists;
  lists.fields.push_back({.name = "items",
                          .type = format::ListOf(format::Struct({kNumber})),
                          .nullable = true,
                          .metadata = {}});
  OG_ASSERT_OK_AND_ASSIGN(const auto with_lists, StageAddNullColumns(*dataset, lists, {}));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr other, dataset->Commit(with_lists, {}));
  lists.fields[0].type = format::ListOf(format::Struct({kNote}));
  const auto notes = StreamOf(std::make_shared<const format::Schema>(lists), R"({"items":null})");
  EXPECT_THAT(StageAddColumnsFrom(*other, *notes, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("without values only")));
  OG_EXPECT_OK(StageAddNullColumns(*other, lists, {}).status());
  EXPECT_THAT(StageAddNullColumns(*dataset, *pair_with("w"), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("w already exists")));
  EXPECT_THAT(StageAddNullColumns(*dataset, *pair_with("x"), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Type conflicts between x")));
}

TEST_P(RowChangesTest, ColumnsThatAppendedRowsLackAreNotStored) {
  const auto append = [&](std::string_view columns,
                          std::string_view lines) -> absl::StatusOr<DatasetPtr> {
    const auto rows = StreamOf(SchemaOf(columns), lines);
    const auto staged = people_->StageAppend(*rows, {});
    return staged.ok() ? people_->Commit(*staged, {}) : staged.status();
  };
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset,
                          append("name utf8, id int64", "{\"id\":8,\"name\":\"h\"}"));
  EXPECT_EQ(dataset->manifest().fragments.back().files[0].fields, (std::vector<int32_t>{0, 1}));
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*dataset));
  EXPECT_EQ(rows.back(), "{\"id\":8,\"name\":\"h\",\"age\":null}");
  EXPECT_THAT(append("id int64", "{\"id\":9}"), Refused("column name must not be null"));
  EXPECT_THAT(append("id int64, shoe int64", ""), Refused("no column shoe"));
  // All changes find such a fragment.
  OG_ASSERT_OK_AND_ASSIGN(const UpdateResult updated,
                          UpdateWhere(*dataset, {.assignments = {{"age", "coalesce(age, id)"}},
                                                 .predicate = "age is null"}));
  EXPECT_EQ(updated.num_updated_rows, 2u);
  OG_ASSERT_OK_AND_ASSIGN(
      const auto cast,
      StageAlterColumns(*updated.dataset, {{.path = "age", .type = format::Int64()}}, {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, updated.dataset->Commit(cast, {}));
  OG_ASSERT_OK_AND_ASSIGN(const auto wide, SortedRows(*dataset));
  EXPECT_EQ(wide.back(), "{\"id\":8,\"name\":\"h\",\"age\":8}");
}

TEST_P(RowChangesTest, RowsBringMembersByNameAndNoNullsWhereNoneMayBe) {
  CreateOptions options;
  options.file_version = GetParam();
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset,
                          CreateTable(env_, "memory://pairs", PairSchema({kNumber, kText}),
                                      "{\"id\":1,\"p\":{\"x\":5,\"y\":\"a\"}}", options));
  const auto append = [&](const std::vector<format::Field>& members, std::string_view lines) {
    const auto rows = StreamOf(PairSchema(members), lines);
    const auto staged = dataset->StageAppend(*rows, {});
    return staged.ok() ? dataset->Commit(*staged, {}) : staged.status();
  };
  // In another order, and without one that may be null.
  OG_ASSERT_OK_AND_ASSIGN(dataset,
                          append({kText, kNumber}, "{\"id\":2,\"p\":{\"y\":\"b\",\"x\":6}}"));
  OG_ASSERT_OK_AND_ASSIGN(dataset, append({kText}, "{\"id\":3,\"p\":{\"y\":\"c\"}}"));
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*dataset));
  EXPECT_THAT(rows, ElementsAre("{\"id\":1,\"p\":{\"x\":5,\"y\":\"a\"}}",
                                "{\"id\":2,\"p\":{\"x\":6,\"y\":\"b\"}}",
                                "{\"id\":3,\"p\":{\"x\":null,\"y\":\"c\"}}"));
  EXPECT_THAT(append({kNumber}, "{\"id\":4,\"p\":{\"x\":1}}"), Refused("column p is"));
  format::Field nullable = kText;
  nullable.nullable = true;
  if (GetParam() == "2.0") {
    return;  // does not tell a null struct from one with null members
  }
  EXPECT_THAT(append({kNumber, nullable}, "{\"id\":4,\"p\":{\"x\":1}}"),
              Refused("column p.y must not be null"));
  OG_ASSERT_OK(append({kNumber, nullable}, "{\"id\":4,\"p\":null}"));
}

TEST_P(RowChangesTest, NewColumnsNeverReuseTheIdOfOldOnes) {
  OG_ASSERT_OK_AND_ASSIGN(const auto dropped, StageDropColumns(*people_, {"age"}, {}));
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, people_->Commit(dropped, {}));
  OG_ASSERT_OK_AND_ASSIGN(const auto added,
                          StageAddNullColumns(*dataset, *SchemaOf("age int32?"), {}));
  OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->Commit(added, {}));
  EXPECT_EQ(dataset->lance_schema().Find("age")->id, 3);
  OG_ASSERT_OK_AND_ASSIGN(const auto rows, SortedRows(*dataset));
  EXPECT_EQ(rows[0], "{\"id\":1,\"name\":\"a\",\"age\":null}") << "old values come back";
}

TEST_P(RowChangesTest, DeletedRowsGetBlanksAlsoWhereNothingMayBeNull) {
  // Fragments whose first, last and middle rows are deleted; batches without any live row.
  std::string lines;
  for (int i = 0; i < 20000; ++i) {
    lines += io::StrCat("{\"id\":", i, "}\n");
  }
  CreateOptions options;
  options.file_version = GetParam();
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr table,
                          CreateTable(env_, "memory://many", SchemaOf("id int64"), lines, options));
  OG_ASSERT_OK_AND_ASSIGN(
      const DeleteResult deleted,
      DeleteWhere(*table, {.predicate = "id < 9000 or id > 17000 or id between 9500 and 9600"}));
  OG_ASSERT_OK_AND_ASSIGN(const auto staged,
                          StageAddColumns(*deleted.dataset, {{"half", "id / 2"}}, {}));
  OG_ASSERT_OK_AND_ASSIGN(const DatasetPtr dataset, deleted.dataset->Commit(staged, {}));
  EXPECT_FALSE(dataset->schema()->fields[1].nullable);
  OG_ASSERT_OK_AND_ASSIGN(const auto wrong, expr::ParseFilter("half != id / 2"));
  OG_ASSERT_OK_AND_ASSIGN(const uint64_t num_wrong, dataset->CountRows(wrong));
  EXPECT_EQ(num_wrong, 0u);
  EXPECT_EQ(dataset->num_rows(), 7900u);
}

TEST_P(RowChangesTest, UnknownMembersSurviveEveryChange) {
  // A member of a later version in the manifest, a field, a fragment, a data file and a deletion
  // file: number 1000, two bytes of text.
  const std::string unknown = "\xc2\x3e\x02hi";
  OG_ASSERT_OK_AND_ASSIGN(DeleteResult deleted, DeleteWhere(*people_, {.predicate = "id = 1"}));
  format::Manifest manifest = deleted.dataset->manifest();
  ++manifest.version;
  manifest.unknown = unknown;
  auto schema = std::make_shared<format::LanceSchema>(*manifest.schema);
  schema->fields[0].unknown = unknown;
  manifest.schema = schema;
  for (format::Fragment& fragment : manifest.fragments) {
    fragment.unknown = unknown;
    fragment.files[0].unknown = unknown;
  }
  manifest.fragments[0].deletion_file->unknown = unknown;
  const io::Location file = people_->root().Child(io::StrCat(
      "_versions/", format::ManifestFileName(manifest.version, format::ManifestNaming::kV2)));
  OG_ASSERT_OK(file.store->PutIfAbsent(
      file.path, io::AsBytes(format::EncodeManifestFile(manifest, std::nullopt))));
  OG_ASSERT_OK_AND_ASSIGN(DatasetPtr dataset, people_->Latest());

  const auto commit = [&](const absl::StatusOr<StagedTransaction>& staged) {
    OG_ASSERT_OK(staged.status());
    OG_ASSERT_OK_AND_ASSIGN(dataset, dataset->CommitExact(*staged));
    OG_ASSERT_OK_AND_ASSIGN(dataset, Dataset::Open(env_, people_->root(), {}));
    const format::Manifest& now = dataset->manifest();
    EXPECT_EQ(now.unknown, unknown);
    EXPECT_EQ(now.schema->fields[0].unknown, unknown);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(now.fragments[i].unknown, unknown);
      EXPECT_EQ(now.fragments[i].files[0].unknown, unknown);
    }
  };
  commit(StageAddColumns(*dataset, {{"more", "age + 1"}}, {}));
  EXPECT_EQ(dataset->manifest().fragments[0].deletion_file->unknown, unknown);
  commit(StageAlterColumns(*dataset, {{.path = "name", .rename = "title"}}, {}));
  commit(StageAlterColumns(*dataset, {{.path = "more", .type = format::Int64()}}, {}));
  commit(StageDropColumns(*dataset, {"more"}, {}));
  commit(
      StageUpdateWhere(*dataset, {.assignments = {{"age", "1"}}, .predicate = "id = 5"})->staged);
  commit(StageDeleteWhere(*dataset, {.predicate = "id = 2"})->staged);
  const auto rows = StreamOf(dataset->schema(), "{\"id\":3,\"title\":\"z\",\"age\":1}");
  commit(
      StageMergeInsert(*dataset, *rows, {.on = {"id"}, .when_matched = WhenMatchedRow::kDoNothing})
          ->staged);
}

}  // namespace
}  // namespace og::engine::dataset
