// JSON lines with and without a schema.
#include <string>

#include "gtest/gtest.h"

#include "format/arrow/json.h"
#include "format/tabular/tabular.h"
#include "format/tabular/text_input_testing.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

absl::StatusOr<RecordBatch> Read(const std::string& text, const SchemaPtr& schema = nullptr,
                                 size_t piece_bytes = 1 << 20) {
  TabularReadOptions options;
  options.schema = schema;
  OG_ASSIGN_OR_RETURN(const auto stream, OpenTabular(TabularFormat::kJsonLines,
                                                     TextInput::Of(text, piece_bytes), options));
  return Collect(*stream);
}

TEST(JsonLinesTest, TypesAreGuessed) {
  const std::string text =
      "\xef\xbb\xbf{\"i\":1,\"f\":1,\"u\":18446744073709551615,\"b\":true,\"n\":null,\"l\":[]}\n"
      "\n"
      "{\"f\":2.5,\"u\":3,\"s\":{\"x\":\"a\"},\"l\":[null,2]}\r\n"
      "{\"s\":{\"y\":[1.5],\"x\":null}}";
  for (const size_t piece : {size_t{1}, size_t{5}, text.size()}) {
    OG_ASSERT_OK_AND_ASSIGN(const RecordBatch batch, Read(text, nullptr, piece));
    std::string schema;
    for (const Field& field : batch.schema->fields)
      schema += field.name + " " + field.type->ToString() + "; ";
    EXPECT_EQ(schema,
              "i int64; f float64; u uint64; b bool; n utf8; l list<item: int64>; "
              "s struct<x: utf8, y: list<item: float64>>; ");
    std::string rows;
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      AppendJsonRow(batch, row, rows);
      rows += '\n';
    }
    EXPECT_EQ(
        rows,
        R"({"i":1,"f":1e+00,"u":18446744073709551615,"b":true,"n":null,"l":[],"s":null})"
        "\n"
        R"({"i":null,"f":2.5e+00,"u":3,"b":null,"n":null,"l":[null,2],"s":{"x":"a","y":null}})"
        "\n"
        R"({"i":null,"f":null,"u":null,"b":null,"n":null,"l":null,"s":{"x":null,"y":[1.5e+00]}})"
        "\n");
  }
}

TEST(JsonLinesTest, TimesMayBeText) {
  const auto schema = std::make_shared<Schema>(
      Schema{{{"d", Date32(), true, {}}, {"t", Timestamp(TimeUnit::kMicro), true, {}}}, {}});
  OG_ASSERT_OK_AND_ASSIGN(
      const RecordBatch batch,
      Read("{\"d\":\"1970-01-02\",\"t\":\"1970-01-01T00:00:00.000007\"}\n{\"d\":3,\"t\":4}\n",
           schema));
  EXPECT_EQ(batch.columns[0]->Value<int32_t>(0), 1);
  EXPECT_EQ(batch.columns[1]->Value<int64_t>(0), 7);
  EXPECT_EQ(batch.columns[0]->Value<int32_t>(1), 3);
  EXPECT_THAT(Read("{\"d\":\"1970-02-30\"}", schema),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("does not fit date32")));
}

TEST(JsonLinesTest, ErrorsNameTheLine) {
  EXPECT_THAT(Read("{\"a\":1}\n\n{\"a\":\"x\"}\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("line 3: member 'a': a text where rows before have a number")));
  EXPECT_THAT(Read("{\"a\":1}\n{\"a\":\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2: invalid JSON")));
  EXPECT_THAT(Read("[1]\n"), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("line 1: a row must be a JSON object")));
  std::string late;
  for (int i = 0; i < 10'000; ++i)
    late += "{\"a\":1}\n";
  EXPECT_THAT(Read(late + "{\"b\":1}\n"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                   HasSubstr("line 10001: unknown member 'b'")));
}

}  // namespace
}  // namespace og::format
