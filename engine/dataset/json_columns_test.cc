// JSON columns as callers and as filters see them.
#include "engine/dataset/json_columns.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/dataset/dataset.h"
#include "engine/dataset/merge_insert.h"
#include "engine/dataset/update.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/builder.h"
#include "format/codec/jsonb.h"
#include "io/base/buffer.h"
#include "io/env/real_env.h"
#include "io/memory/memory_store.h"
#include "tests/support/status_matchers.h"

namespace og::engine::dataset {
namespace {

using format::ArrayPtr;
using format::Field;
using format::RecordBatch;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

Field JsonField(std::string name, format::TypePtr type, std::string_view extension) {
  return {.name = std::move(name),
          .type = std::move(type),
          .nullable = true,
          .metadata = {{std::string(format::kExtensionNameKey), std::string(extension)}}};
}

Field TextField(std::string name) {
  return JsonField(std::move(name), format::Utf8(), format::kTextJsonExtension);
}

Field StoredField(std::string name) {
  return JsonField(std::move(name), format::LargeBinary(), format::kStoredJsonExtension);
}

// An empty text is a null.
ArrayPtr Texts(const std::vector<std::string>& values, const format::TypePtr& type) {
  format::StringBuilder builder(type);
  for (const std::string& value : values) {
    value.empty() ? builder.AppendNull() : builder.Append(value);
  }
  return builder.Finish();
}

std::vector<std::string> Values(const format::Array& array) {
  std::vector<std::string> values;
  for (int64_t i = 0; i < array.length; ++i) {
    values.emplace_back(array.IsNull(i) ? "" : array.StringValue(i));
  }
  return values;
}

RecordBatch BatchOf(const std::vector<int64_t>& ids, const Field& field, ArrayPtr json) {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {{.name = "id", .type = format::Int64(), .nullable = true, .metadata = {}},
                    field};
  format::FixedBuilder<int64_t> builder(format::Int64());
  for (const int64_t id : ids) {
    builder.Append(id);
  }
  return {schema, std::ssize(ids), {builder.Finish(), std::move(json)}};
}

class JsonColumnsTest : public testing::Test {
 protected:
  JsonColumnsTest()
      : env_(*io::NewRealEnv({.durability = io::Durability::kNone})),
        root_{std::make_shared<io::MemoryStore>("memory://test/", [] { return int64_t{0}; }), "t"} {
  }

  void Create(const RecordBatch& batch) {
    const auto stream = format::MakeStream(batch.schema, {batch});
    auto staged = Dataset::StageCreate(*env_, root_, batch.schema, stream.get(), {});
    ASSERT_THAT(staged.status(), IsOk());
    auto made = Dataset::CommitCreate(*env_, root_, *staged);
    ASSERT_THAT(made.status(), IsOk());
    table_ = *made;
  }

  absl::StatusOr<RecordBatch> Read(const ScanOptions& options = {}) {
    auto stream = table_->Scan(options);
    return stream.ok() ? format::Collect(**stream) : stream.status();
  }

  std::vector<std::string> Json() {
    const auto all = Read();
    EXPECT_THAT(all.status(), IsOk());
    return Values(*all->Column("j"));
  }

  std::unique_ptr<io::Env> env_;
  io::Location root_;
  DatasetPtr table_;
};

TEST_F(JsonColumnsTest, TextGoesInAndComesOut) {
  for (const format::TypePtr& type : {format::Utf8(), format::LargeUtf8()}) {
    root_.path += "x";
    Create(BatchOf({1, 2, 3}, JsonField("j", type, format::kTextJsonExtension),
                   Texts({"{\"b\": 1, \"a\": [ ]}", "", "1.10"}, type)));
    EXPECT_EQ(table_->lance_schema().Find("j")->logical_type, "json");
    EXPECT_EQ(table_->lance_schema().Find("j")->extension_name(), format::kStoredJsonExtension);
    EXPECT_EQ(table_->schema()->fields[1], TextField("j"));
    const auto all = Read();
    ASSERT_THAT(all.status(), IsOk());
    EXPECT_EQ(all->schema->fields[1], TextField("j"));
    EXPECT_EQ(all->columns[1]->type->id, format::TypeId::kUtf8);
    EXPECT_THAT(Json(), ElementsAre("{\"a\":[],\"b\":1}", "", "1.1"));
    const auto taken = table_->TakeOffsets(std::vector<uint64_t>{2, 0, 2}, {});
    ASSERT_THAT(taken.status(), IsOk());
    EXPECT_THAT(Values(*taken->Column("j")), ElementsAre("1.1", "{\"a\":[],\"b\":1}", "1.1"));
  }
}

TEST_F(JsonColumnsTest, StoredFormGoesInAsItIs) {
  Create(BatchOf({1, 2}, StoredField("j"),
                 Texts({*format::EncodeJsonb("[7]"), "not json"}, format::LargeBinary())));
  EXPECT_THAT(Json(), ElementsAre("[7]", "not json"));
}

TEST_F(JsonColumnsTest, TextThatIsNoJsonIsRefusedByColumn) {
  const RecordBatch batch = BatchOf({1}, TextField("j"), Texts({"{\"a\""}, format::Utf8()));
  const auto stream = format::MakeStream(batch.schema, {batch});
  const auto staged = Dataset::StageCreate(*env_, root_, batch.schema, stream.get(), {});
  EXPECT_THAT(staged.status(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(staged.status().message()), HasSubstr("column j: "));
}

TEST_F(JsonColumnsTest, DamagedBytesAreFoundByColumn) {
  Create(BatchOf({1}, StoredField("j"),
                 Texts({std::string("\x80\x00\x00\x01\x20", 5)}, format::LargeBinary())));
  const auto all = Read();
  EXPECT_THAT(all.status(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(std::string(all.status().message()), HasSubstr("column j: "));
  EXPECT_THAT(Read({.columns = {{"id"}}}).status(), IsOk());
}

TEST_F(JsonColumnsTest, FiltersSeeWhatIsStored) {
  Create(BatchOf({1, 2}, TextField("j"), Texts({"", "null"}, format::Utf8())));
  const auto rows = [&](std::string_view text) {
    const auto filter = expr::ParseFilter(text);
    EXPECT_THAT(filter.status(), IsOk());
    return Read({.filter = *filter});
  };
  const auto nulls = rows("j is null");
  ASSERT_THAT(nulls.status(), IsOk());
  ASSERT_EQ(nulls->num_rows, 1);
  EXPECT_EQ(nulls->Column("id")->Value<int64_t>(0), 1);
  for (const std::string_view text : {"j = 'null'", "'a' < J", "not j in ('null', 'a')"}) {
    const auto refused = rows(text);
    EXPECT_THAT(refused.status(), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("column j is JSON"));
  }
  const auto same = rows("j = j or j = X'00'");
  ASSERT_THAT(same.status(), IsOk());
  EXPECT_EQ(same->num_rows, 1);
  EXPECT_FALSE(expr::ParseFilter("json_get_int(j, 'a') = 1").ok());
}

TEST_F(JsonColumnsTest, UpdatesTakeTextAndOtherJson) {
  Create(BatchOf({1, 2}, TextField("j"), Texts({"1", "2"}, format::Utf8())));
  const auto update = [&](std::string value) {
    return UpdateWhere(*table_, {.assignments = {{.column = "j", .value = std::move(value)}},
                                 .predicate = "id = 2"});
  };
  auto updated = update("'{\"u\" : 1}'");
  ASSERT_THAT(updated.status(), IsOk());
  table_ = updated->dataset;
  EXPECT_THAT(Json(), ElementsAre("1", "{\"u\":1}"));
  updated = update("case when id = 2 then j else null end");
  ASSERT_THAT(updated.status(), IsOk());
  table_ = updated->dataset;
  EXPECT_THAT(Json(), ElementsAre("1", "{\"u\":1}"));
  EXPECT_THAT(update("'{'").status(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(update("7").status(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(JsonColumnsTest, KeysOfAMergeAreComparedAsStored) {
  Create(BatchOf({1, 2}, TextField("j"), Texts({"{\"k\":1}", "[2]"}, format::Utf8())));
  const RecordBatch batch =
      BatchOf({10, 30}, TextField("j"), Texts({"{ \"k\" : 1 }", "[3]"}, format::Utf8()));
  const auto source = format::MakeStream(batch.schema, {batch});
  MergeInsertRequest request;
  request.on = {"j"};
  request.when_matched = WhenMatchedRow::kUpdateAll;
  const auto merged = MergeInsert(*table_, *source, request);
  ASSERT_THAT(merged.status(), IsOk());
  EXPECT_EQ(merged->statistics.num_updated_rows, 1u);
  EXPECT_EQ(merged->statistics.num_inserted_rows, 1u);
  table_ = merged->dataset;
  EXPECT_THAT(Json(), ElementsAre("[2]", "{\"k\":1}", "[3]"));
}

// Slices refer to a part of their children, and only that part counts.
TEST(JsonArraysTest, SlicesOfNestedJsonConvertWhatTheyHold) {
  const auto lance =
      format::FromArrow(Field{.name = "c",
                              .type = format::List(Field{.name = "item",
                                                         .type = format::Struct({TextField("k")}),
                                                         .nullable = true,
                                                         .metadata = {}}),
                              .nullable = true,
                              .metadata = {}});
  ASSERT_THAT(lance.status(), IsOk());
  auto items = std::make_shared<format::Array>();
  items->type = format::Struct({TextField("k")});
  items->length = 4;
  items->children = {Texts({"{broken", "[ 1 ]", "", "{broken"}, format::Utf8())};
  const int32_t offsets[] = {0, 1, 3, 4};
  auto lists = std::make_shared<format::Array>();
  lists->type =
      format::List(Field{.name = "item", .type = items->type, .nullable = true, .metadata = {}});
  lists->length = 3;
  lists->offsets = io::Buffer::CopyOf(std::as_bytes(std::span(offsets)));
  lists->children = {items};
  EXPECT_THAT(WithStoredJson(ArrayPtr(lists), *lance).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const auto stored = WithStoredJson(format::Slice(lists, 1, 1), *lance);
  ASSERT_THAT(stored.status(), IsOk());
  EXPECT_THAT(format::Validate(**stored), IsOk());
  const auto type = format::ArrowTypeOf(*lance);
  ASSERT_THAT(type.status(), IsOk());
  EXPECT_EQ(*(*stored)->type, **type);
  const auto text = WithTextJson(*stored, *lance);
  ASSERT_THAT(text.status(), IsOk());
  EXPECT_EQ(*(*text)->type, *lists->type);
  EXPECT_THAT(Values(*(*text)->children[0]->children[0]), ElementsAre("", "[1]", "", ""));
}

TEST(JsonArraysTest, ColumnsWithoutJsonStayTheSameObject) {
  const Field field{.name = "c",
                    .type = format::Struct(
                        {{.name = "m", .type = format::Utf8(), .nullable = true, .metadata = {}}}),
                    .nullable = true,
                    .metadata = {}};
  const auto lance = format::FromArrow(field);
  ASSERT_THAT(lance.status(), IsOk());
  const ArrayPtr array = format::NullArray(field.type, 3);
  EXPECT_EQ(*WithStoredJson(array, *lance), array);
  EXPECT_EQ(*WithTextJson(array, *lance), array);
  auto schema =
      std::make_shared<const format::Schema>(format::Schema{.fields = {field}, .metadata = {}});
  EXPECT_EQ(WithTextJson(format::SchemaPtr(schema)), schema);
}

}  // namespace
}  // namespace og::engine::dataset
