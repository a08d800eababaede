// Golden outputs of the five result formats, over every type a result column may have.
#include "cli/render/read_output.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "cli/render/value.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"

namespace og::cli {
namespace {

struct Rows {
  format::SchemaPtr schema;
  std::vector<format::RecordBatch> batches;
};

std::string Render(const Rows& rows, ReadFormat format, const RenderOptions& options = {},
                   ReadHeader header = {.query_name = "q",
                                        .branch = "main",
                                        .snapshot = std::nullopt,
                                        .graph_commit_id = std::nullopt}) {
  std::string text;
  const absl::Status status =
      RenderRead(header, *rows.schema, rows.batches, format, options, [&](std::string_view piece) {
        text += piece;
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  return text;
}

// name: Utf8, age: Int32; three rows in two batches, one null, one cell that csv has to quote.
Rows People() {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {{"name", format::Utf8(), false, {}}, {"age", format::Int32(), true, {}}};
  const auto batch = [&](std::vector<std::string_view> names, std::vector<int> ages) {
    format::StringBuilder name(format::Utf8());
    format::FixedBuilder<int32_t> age(format::Int32());
    for (size_t i = 0; i < names.size(); ++i) {
      name.Append(names[i]);
      ages[i] < 0 ? age.AppendNull() : age.Append(ages[i]);
    }
    return format::RecordBatch{
        schema, static_cast<int64_t>(names.size()), {name.Finish(), age.Finish()}};
  };
  return {schema, {batch({"Ada", "Bo \"B\", jr"}, {36, -1}), batch({"Zoë\nX"}, {7})}};
}

Rows NoColumns() {
  return {std::make_shared<format::Schema>(), {}};
}

TEST(RenderRead, Table) {
  EXPECT_EQ(Render(People(), ReadFormat::kTable),
            "3 rows from branch main via q\n"
            "name       | age \n"
            "-----------+-----\n"
            "Ada        | 36  \n"
            "Bo \"B\", jr | null\n"
            "Zoë\\nX     | 7   \n");
  EXPECT_EQ(Render(NoColumns(), ReadFormat::kTable), "0 rows from branch main via q\n(no rows)\n");
}

TEST(RenderRead, TableCutsOrWrapsWideCells) {
  EXPECT_EQ(Render(People(), ReadFormat::kTable, {.max_column_width = 3}),
            "3 rows from branch main via q\n"
            "name     | age \n"
            "---------+-----\n"
            "Ada      | 36  \n"
            "Bo \"B\",… | null\n"
            "Zoë\\nX   | 7   \n");
  EXPECT_EQ(Render(People(), ReadFormat::kTable, {.max_column_width = 8, .wrap = true}),
            "3 rows from branch main via q\n"
            "name     | age \n"
            "---------+-----\n"
            "Ada      | 36  \n"
            "Bo \"B\",  | null\n"
            "jr       |     \n"
            "Zoë\\nX   | 7   \n");
}

TEST(RenderRead, Csv) {
  EXPECT_EQ(Render(People(), ReadFormat::kCsv),
            "name,age\nAda,36\n\"Bo \"\"B\"\", jr\",null\n\"Zoë\nX\",7\n");
}

TEST(RenderRead, Kv) {
  EXPECT_EQ(Render(People(), ReadFormat::kKv),
            "3 rows from branch main via q\n"
            "row 1\nname: Ada\nage: 36\n\n"
            "row 2\nname: Bo \"B\", jr\nage: null\n\n"
            "row 3\nname: Zoë\nX\nage: 7\n");
  EXPECT_EQ(Render({People().schema, {}}, ReadFormat::kKv),
            "0 rows from branch main via q\n(no rows)\n");
}

TEST(RenderRead, Jsonl) {
  EXPECT_EQ(Render(People(), ReadFormat::kJsonl),
            "{\"kind\":\"metadata\",\"query_name\":\"q\",\"target\":{\"branch\":\"main\","
            "\"snapshot\":null},\"row_count\":3}\n"
            "{\"name\":\"Ada\",\"age\":36}\n"
            "{\"name\":\"Bo \\\"B\\\", jr\",\"age\":null}\n"
            "{\"name\":\"Zoë\\nX\",\"age\":7}\n");
}

TEST(RenderRead, Json) {
  const ReadHeader header = {
      .query_name = "q", .branch = std::nullopt, .snapshot = "01X", .graph_commit_id = "01Y"};
  Rows rows = People();
  rows.batches.pop_back();
  EXPECT_EQ(Render(rows, ReadFormat::kJson, {}, header),
            "{\n"
            "  \"query_name\": \"q\",\n"
            "  \"target\": {\n"
            "    \"branch\": null,\n"
            "    \"snapshot\": \"01X\"\n"
            "  },\n"
            "  \"row_count\": 2,\n"
            "  \"columns\": [\n"
            "    \"name\",\n"
            "    \"age\"\n"
            "  ],\n"
            "  \"rows\": [\n"
            "    {\n"
            "      \"name\": \"Ada\",\n"
            "      \"age\": 36\n"
            "    },\n"
            "    {\n"
            "      \"name\": \"Bo \\\"B\\\", jr\",\n"
            "      \"age\": null\n"
            "    }\n"
            "  ],\n"
            "  \"graph_commit_id\": \"01Y\"\n"
            "}\n");
  EXPECT_EQ(Render(NoColumns(), ReadFormat::kJson),
            "{\n  \"query_name\": \"q\",\n  \"target\": {\n    \"branch\": \"main\",\n    "
            "\"snapshot\": null\n  },\n  \"row_count\": 0,\n  \"rows\": []\n}\n");
}

TEST(RenderRead, OfTwoColumnsWithOneNameTheLastCounts) {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {{"n", format::Int64(), false, {}},
                    {"m", format::Int64(), false, {}},
                    {"n", format::Int64(), false, {}}};
  std::vector<format::ArrayPtr> columns;
  for (const int64_t value : {1, 2, 3}) {
    format::FixedBuilder<int64_t> builder(format::Int64());
    builder.Append(value);
    columns.push_back(builder.Finish());
  }
  const Rows rows = {schema, {{schema, 1, columns}}};
  EXPECT_EQ(Render(rows, ReadFormat::kCsv), "n,m,n\n3,2,3\n");
  EXPECT_NE(Render(rows, ReadFormat::kJsonl).find("\n{\"n\":3,\"m\":2}\n"), std::string::npos);
}

TEST(RenderRead, AnErrorOfTheSinkEndsIt) {
  auto schema = std::make_shared<format::Schema>();
  schema->fields = {{"s", format::Utf8(), false, {}}};
  format::StringBuilder builder(format::Utf8());
  for (int i = 0; i < 1000; ++i) {
    builder.Append(std::string(1000, 'x'));
  }
  const std::vector<format::RecordBatch> batches = {{schema, 1000, {builder.Finish()}}};
  int calls = 0;
  const absl::Status status =
      RenderRead({}, *schema, batches, ReadFormat::kCsv, {}, [&](std::string_view) {
        return ++calls == 2 ? io::UnavailableError("gone") : absl::OkStatus();
      });
  EXPECT_EQ(io::Message(status), "gone");
  EXPECT_EQ(calls, 2);
}

template <typename T>
std::string JsonOf(const format::TypePtr& type, T value) {
  format::FixedBuilder<T> builder(type);
  builder.Append(value);
  std::string text;
  AppendJsonValue(*builder.Finish(), 0, text);
  return text;
}

TEST(AppendJsonValue, Scalars) {
  EXPECT_EQ(JsonOf<int32_t>(format::Int32(), -5), "-5");
  EXPECT_EQ(JsonOf<uint32_t>(format::Uint32(), 4294967295u), "4294967295");
  EXPECT_EQ(JsonOf<int64_t>(format::Int64(), std::numeric_limits<int64_t>::min()),
            "-9223372036854775808");
  EXPECT_EQ(JsonOf<uint64_t>(format::Uint64(), std::numeric_limits<uint64_t>::max()),
            "18446744073709551615");
  EXPECT_EQ(JsonOf<float>(format::Float32(), 0.1f), "0.10000000149011612");
  EXPECT_EQ(JsonOf<double>(format::Float64(), 2.0), "2.0");
  EXPECT_EQ(JsonOf<double>(format::Float64(), std::nan("")), "\"NaN\"");
  EXPECT_EQ(JsonOf<float>(format::Float32(), -std::numeric_limits<float>::infinity()),
            "\"-Infinity\"");
  EXPECT_EQ(JsonOf<int32_t>(format::Date32(), 18321), "\"2020-02-29\"");
  EXPECT_EQ(JsonOf<int64_t>(format::Date64(), 1582934400123), "\"2020-02-29T00:00:00.123Z\"");
}

TEST(AppendJsonValue, ListsAndVectors) {
  format::ListBuilder list(format::ListOf(format::Utf8()));
  auto& items = static_cast<format::StringBuilder&>(list.items());
  items.Append("a\"b");
  items.AppendNull();
  list.Append();
  list.Append();
  list.AppendNull();
  const format::ArrayPtr lists = list.Finish();
  std::string text;
  for (int64_t i = 0; i < 3; ++i) {
    AppendJsonValue(*lists, i, text);
  }
  EXPECT_EQ(text, "[\"a\\\"b\",null][]null");

  text.clear();
  format::ListBuilder vector(format::FixedSizeListOf(format::Float32(), 2));
  auto& floats = static_cast<format::FixedBuilder<float>&>(vector.items());
  for (const float value : {0.5f, std::numeric_limits<float>::infinity()}) {
    floats.Append(value);
  }
  vector.Append();
  for (const float value : {1.0f, 2.0f}) {
    floats.Append(value);
  }
  vector.Append();
  const format::ArrayPtr vectors = vector.Finish();
  AppendJsonValue(*vectors, 0, text);
  AppendJsonValue(*format::Slice(vectors, 1, 1), 0, text);
  EXPECT_EQ(text, "[0.5,null][1.0,2.0]");
}

}  // namespace
}  // namespace og::cli
