// CSV against rows written out by hand, at every size of the pieces in which it arrives, and random
// arrays of every type there and back.
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "format/tabular/tabular.h"
#include "format/tabular/text_input_testing.h"
#include "tests/support/random_arrays.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

struct Rows {
  std::string schema;  // "a int64, b utf8"
  std::vector<std::string> lines;
};

absl::StatusOr<Rows> Read(const std::string& text, const TabularReadOptions& options = {},
                          size_t piece_bytes = 1 << 20) {
  OG_ASSIGN_OR_RETURN(const auto stream,
                      OpenTabular(TabularFormat::kCsv, TextInput::Of(text, piece_bytes), options));
  Rows rows;
  for (const Field& field : stream->schema()->fields)
    rows.schema += field.name + " " + field.type->ToString() + ", ";
  while (true) {
    OG_ASSIGN_OR_RETURN(const auto batch, stream->Next());
    if (!batch) return rows;
    for (int64_t row = 0; row < batch->num_rows; ++row)
      AppendJsonRow(*batch, row, rows.lines.emplace_back());
  }
}

TabularReadOptions WithSchema(std::vector<Field> fields) {
  TabularReadOptions options;
  options.schema = std::make_shared<Schema>(Schema{std::move(fields), {}});
  return options;
}

Field Of(std::string name, TypePtr type, bool nullable = true) {
  return {.name = std::move(name), .type = std::move(type), .nullable = nullable, .metadata = {}};
}

TEST(CsvTest, CellsComeThroughWhateverThePieces) {
  const std::string text =
      "\xef\xbb\xbf"
      "a,b\r\n1,\"x,\"\"y\"\"\r\n z\"\r\n\n2,\n3,\"\"\n4,q\rr\n5,last";
  const std::vector<std::string> wanted = {R"({"a":1,"b":"x,\"y\"\r\n z"})", R"({"a":2,"b":null})",
                                           R"({"a":3,"b":""})", R"({"a":4,"b":"q\rr"})",
                                           R"({"a":5,"b":"last"})"};
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, text.size()}) {
    OG_ASSERT_OK_AND_ASSIGN(const Rows rows, Read(text, {}, piece));
    EXPECT_EQ(rows.schema, "a int64, b utf8, ");
    EXPECT_EQ(rows.lines, wanted) << "pieces of " << piece;
  }
}

TEST(CsvTest, TypesAreGuessed) {
  OG_ASSERT_OK_AND_ASSIGN(
      const Rows rows,
      Read("bool,int,float,date,local,utc,zip,none,mixed,nan\n"
           "true,1,1,2020-02-29,2020-02-29 12:00:00.000001,2020-02-29T12:00:00Z,007,,1,NaN\n"
           ",-5,1e3,1969-12-31,2020-02-29,2020-02-29T12:00:00+02:00,123,,x,2\n"));
  EXPECT_EQ(rows.schema,
            "bool bool, int int64, float float64, date date32, local timestamp[us], "
            "utc timestamp[us,UTC], zip utf8, none utf8, mixed utf8, nan float64, ");
  ASSERT_EQ(rows.lines.size(), 2u);
  EXPECT_EQ(rows.lines[0],
            R"({"bool":true,"int":1,"float":1e+00,"date":18321,"local":1582977600000001,)"
            R"("utc":1582977600000000,"zip":"007","none":null,"mixed":"1","nan":"NaN"})");
  EXPECT_EQ(rows.lines[1],
            R"({"bool":null,"int":-5,"float":1e+03,"date":-1,"local":1582934400000000,)"
            R"("utc":1582970400000000,"zip":"123","none":null,"mixed":"x","nan":2e+00})");
}

TEST(CsvTest, ASchemaSaysWhatCellsAre) {
  const TabularReadOptions options = WithSchema(
      {Of("t", Time64(TimeUnit::kNano)), Of("d", Decimal128(6, 2)), Of("b", Binary()),
       Of("v", FixedSizeListOf(Float32(), 2)), Of("s", Struct({Of("x", Int8())})),
       Of("k", Dictionary(Int8(), Utf8())), Of("text", Utf8(), false), Of("absent", Int32())});
  OG_ASSERT_OK_AND_ASSIGN(const Rows rows,
                          Read("text,v,t,d,b,s,k\n"
                               ",\"[1,2.5]\",01:02:03.5,-12.5,00ff,\"{\"\"x\"\":1}\",red\n",
                               options));
  EXPECT_EQ(rows.lines, std::vector<std::string>{
                            R"({"t":3723500000000,"d":"-12.50","b":"00ff","v":[1e+00,2.5e+00],)"
                            R"("s":{"x":1},"k":"red","text":"","absent":null})"});
}

TEST(CsvTest, ErrorsNameTheLine) {
  const auto expect = [](const std::string& text, const std::string& wanted,
                         const TabularReadOptions& options = {}) {
    EXPECT_THAT(Read(text, options),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wanted)))
        << text;
  };
  expect("", "line 1: no header");
  expect("a,a\n", "line 1: the header has 'a' twice");
  expect("a,\n", "line 1: cell 2 of the header is empty");
  expect("a,b\n1,2\n\"x\ny\",2,3\n", "line 3: 3 cells, 2 wanted");
  expect("a\n\"open\n", "line 2: a quoted cell does not end");
  expect("a,b\n1,\"x\n\"y\n", "line 3: text behind the closing quote of cell 2");
  expect("a\n1.5\n", "line 2: column 'a': '1.5' is no int64", WithSchema({Of("a", Int64())}));
  expect("a\n300\n", "line 2: column 'a': '300' is no int8", WithSchema({Of("a", Int8())}));
  expect("a\n\n", "line 2: column 'a': null where a value is required",
         WithSchema({Of("a", Int8(), false)}));
  expect("a\n\xff\n", "line 2: column 'a': no UTF-8");
  expect("b\n1\n", "'b', which is no column", WithSchema({Of("a", Int8())}));
  expect("b\n1\n", "lacks 'a'", WithSchema({Of("a", Int8(), false), Of("b", Int8())}));
  std::string late = "n\n";
  for (int i = 0; i < 10'000; ++i)
    late += "1\n";
  expect(late + "x\n", "line 10002: column 'n': 'x' is no int64; the type comes from");
}

TEST(CsvTest, OtherDialects) {
  TabularReadOptions options;
  options.csv = {.delimiter = '\t', .has_header = false, .null_text = "\\N"};
  OG_ASSERT_OK_AND_ASSIGN(const Rows rows, Read("\\N\t\n\"\\N\"\tx\n", options));
  EXPECT_EQ(rows.schema, "f0 utf8, f1 utf8, ");
  EXPECT_EQ(rows.lines,
            (std::vector<std::string>{R"({"f0":null,"f1":""})", R"({"f0":"\\N","f1":"x"})"}));
}

// Random times are not within a day; the text of a time starts again at midnight.
bool IsTimeOfDay(const DataType& type) {
  if (type.id == TypeId::kTime32 || type.id == TypeId::kTime64) return true;
  for (const Field& child : type.children) {
    if (IsTimeOfDay(*child.type)) return true;
  }
  return false;
}

TEST(CsvTest, RandomArraysComeBack) {
  std::mt19937_64 random(11);
  for (const TypePtr& type : tests::AllTypes(true)) {
    const bool is_decimal = type->id == TypeId::kDecimal128 || type->id == TypeId::kDecimal256;
    // Random decimals exceed their precision, random dates the calendar's 32-bit days.
    if (IsTimeOfDay(*type) || is_decimal || type->ToString().find("decimal") != std::string::npos ||
        type->ToString().find("date") != std::string::npos ||
        type->ToString().find("timestamp") != std::string::npos) {
      continue;
    }
    const RecordBatch batch = tests::SingleColumn(
        tests::RandomArray(type, 50, {.null_fraction = 0.3, .empty_fraction = 0.3}, random));
    const auto writer = MakeTabularWriter(TabularFormat::kCsv, batch.schema, {});
    std::string text;
    writer->Append(batch, text);
    writer->Finish(text);
    TabularReadOptions options;
    options.schema = batch.schema;
    OG_ASSERT_OK_AND_ASSIGN(const auto stream,
                            OpenTabular(TabularFormat::kCsv, TextInput::Of(text, 100), options));
    OG_ASSERT_OK_AND_ASSIGN(const RecordBatch back, Collect(*stream));
    std::string wanted;
    std::string got;
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      AppendJsonRow(batch, row, wanted);
      AppendJsonRow(back, row, got);
    }
    EXPECT_EQ(got, wanted) << type->ToString() << "\n" << text;
  }
}

TEST(CsvTest, TimesAreWritten) {
  TabularReadOptions options = WithSchema({Of("d", Date32()), Of("t", Timestamp(TimeUnit::kNano)),
                                           Of("z", Timestamp(TimeUnit::kMilli, "Europe/Berlin")),
                                           Of("c", Time32(TimeUnit::kSecond))});
  const std::string text =
      "d,t,z,c\n"
      "-0044-03-15,1969-12-31T23:59:59.999999999,2020-02-29T12:00:00.250Z,23:59:59\n"
      "+12000-01-01,2020-02-29T12:00:00,1600-01-01T00:00:00Z,00:00:00\n";
  OG_ASSERT_OK_AND_ASSIGN(const auto stream,
                          OpenTabular(TabularFormat::kCsv, TextInput::Of(text), options));
  OG_ASSERT_OK_AND_ASSIGN(const RecordBatch batch, Collect(*stream));
  const auto writer = MakeTabularWriter(TabularFormat::kCsv, batch.schema, {});
  std::string written;
  writer->Append(batch, written);
  EXPECT_EQ(written, text);
}

}  // namespace
}  // namespace og::format
