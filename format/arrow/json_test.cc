// Canonical JSON: spelled out for each type, and random rows of all types through text and back.
#include "format/arrow/json.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "format/arrow/half.h"
#include "format/arrow/row_model.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::format {
namespace {

using testing::HasSubstr;

std::string Json(const Array& array, int64_t i) {
  std::string text;
  AppendJsonValue(array, i, text);
  return text;
}

template <typename T>
std::string JsonOf(TypePtr type, T value) {
  FixedBuilder<T> builder(std::move(type));
  builder.Append(value);
  return Json(*builder.Finish(), 0);
}

// What `value`, JSON text, reads and writes back as in a column of `type`.
absl::StatusOr<std::string> Through(const TypePtr& type, std::string_view value) {
  JsonRowReader reader(std::make_shared<Schema>(Schema{{{"v", type, true, {}}}, {}}));
  OG_RETURN_IF_ERROR(reader.Append("{\"v\":" + std::string(value) + "}"));
  const RecordBatch batch = reader.Finish();
  OG_RETURN_IF_ERROR(Validate(*batch.columns[0]));
  return Json(*batch.columns[0], 0);
}

TEST(JsonTest, Floats) {
  EXPECT_EQ(JsonOf(Float64(), 1.0), "1e+00");
  EXPECT_EQ(JsonOf(Float64(), -0.0015), "-1.5e-03");
  EXPECT_EQ(JsonOf(Float64(), 0.0), "0e+00");
  EXPECT_EQ(JsonOf(Float64(), -0.0), "-0e+00");
  EXPECT_EQ(JsonOf(Float64(), std::nan("5")), "\"NaN\"");
  EXPECT_EQ(JsonOf(Float32(), -std::numeric_limits<float>::infinity()), "\"-Infinity\"");
  EXPECT_EQ(JsonOf(Float32(), 0.1f), "1e-01");
  EXPECT_EQ(JsonOf<uint16_t>(Float16(), 0x3c01), "1.0009766e+00");
  EXPECT_EQ(JsonOf<uint16_t>(Float16(), 0x0001), "5.9604645e-08");
  EXPECT_EQ(JsonOf<uint16_t>(Float16(), 0x7c00), "\"Infinity\"");
}

TEST(JsonTest, Decimals) {
  const auto decimal = [](int64_t value, int32_t scale) {
    return JsonOf<std::array<uint64_t, 2>>(
        Decimal128(38, scale),
        {static_cast<uint64_t>(value), value < 0 ? ~uint64_t{0} : uint64_t{0}});
  };
  EXPECT_EQ(decimal(-50, 3), "\"-0.050\"");
  EXPECT_EQ(decimal(0, 2), "\"0.00\"");
  EXPECT_EQ(decimal(12345, 0), "\"12345\"");
  EXPECT_EQ(decimal(12345, 2), "\"123.45\"");
  const std::array<uint64_t, 2> least = {0, uint64_t{1} << 63};
  EXPECT_EQ(JsonOf(Decimal128(38, 0), least), "\"-170141183460469231731687303715884105728\"");
}

TEST(JsonTest, Strings) {
  std::string text;
  AppendJsonString(std::string_view("\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\0", 14), text);
  EXPECT_EQ(text, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\\u0000\"");
}

TEST(JsonTest, RandomRowsThroughTextAndBack) {
  Generator make(tests::Seed());
  for (int round = 0; round < 300; ++round) {
    auto schema = std::make_shared<Schema>();
    RecordBatch batch;
    batch.num_rows = make.Below(8);
    for (int64_t column = make.Below(4); column >= 0; --column) {
      const TypePtr type = make.Type(3);
      schema->fields.push_back({"c" + std::to_string(column), type, true, {}});
      std::vector<Row> rows = make.Rows(*type, batch.num_rows);
      batch.columns.push_back(Build(type, rows));
    }
    batch.schema = schema;
    JsonRowReader reader(schema);
    std::vector<std::string> lines;
    bool readable = true;
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      lines.emplace_back();
      AppendJsonRow(batch, row, lines.back());
      const absl::Status status = reader.Append(lines.back());
      // Random 128- and 256-bit values may have more digits than the type allows.
      readable = readable && status.ok();
      if (!status.ok()) {
        ASSERT_THAT(status, tests::StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("does not fit decimal")))
            << lines.back();
        break;
      }
    }
    if (!readable) continue;
    const RecordBatch back = reader.Finish();
    ASSERT_EQ(back.num_rows, batch.num_rows);
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      std::string again;
      AppendJsonRow(back, row, again);
      ASSERT_EQ(again, lines[static_cast<size_t>(row)]);
    }
    for (size_t column = 0; column < batch.columns.size(); ++column) {
      ASSERT_TRUE(Equal(*back.columns[column], *batch.columns[column]))
          << schema->fields[column].type->ToString();
    }
  }
}

TEST(JsonTest, OtherSpellingsOfNumbers) {
  EXPECT_EQ(Through(Int8(), "-0").value(), "0");
  EXPECT_EQ(Through(Int64(), "-9223372036854775808").value(), "-9223372036854775808");
  EXPECT_EQ(Through(Uint64(), "18446744073709551615").value(), "18446744073709551615");
  EXPECT_EQ(Through(Int32(), "2.0").value(), "2");
  EXPECT_EQ(Through(Float64(), "3").value(), "3e+00");
  EXPECT_EQ(Through(Float16(), "65520").value(), "\"Infinity\"");
  EXPECT_EQ(Through(Decimal128(5, 2), "\"1\"").value(), "\"1.00\"");
  EXPECT_EQ(Through(Decimal256(70, 2), "\"-123456789012345678901234567890123456789.5\"").value(),
            "\"-123456789012345678901234567890123456789.50\"");
}

TEST(JsonTest, RefusesWhatDoesNotFit) {
  const std::pair<TypePtr, std::string_view> kCases[] = {
      {Int8(), "128"},
      {Uint8(), "-1"},
      {Int32(), "2.5"},
      {Int64(), "9223372036854775808"},
      {Bool(), "1"},
      {Utf8(), "1"},
      {Binary(), "\"0\""},
      {Binary(), "\"zz\""},
      {FixedSizeBinary(2), "\"00\""},
      {Decimal128(3, 2), "\"12.34\""},
      {Decimal128(5, 2), "\"1.234\""},
      {Decimal128(5, 2), "\"1e2\""},
      {Decimal128(5, 2), "\".\""},
      {Float64(), "\"inf\""},
      {ListOf(Int8()), "1"},
      {FixedSizeListOf(Int8(), 2), "[1]"},
      {Struct({{"a", Int8(), true, {}}}), "[]"},
      {Map({"entries",
            Struct({{"key", Utf8(), false, {}}, {"value", Int8(), true, {}}}),
            false,
            {}}),
       "[[\"k\"]]"},
  };
  for (const auto& [type, value] : kCases) {
    EXPECT_THAT(Through(type, value),
                tests::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("does not fit")))
        << type->ToString() << " " << value;
  }
}

TEST(JsonTest, RowsOfWrongShape) {
  const auto schema =
      std::make_shared<Schema>(Schema{{{"a", Int8(), false, {}}, {"b", Int8(), true, {}}}, {}});
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"", "invalid JSON"},
      {"{\"a\":1", "invalid JSON"},
      {"[]", "must be a JSON object"},
      {"{\"a\":1,\"a\":2}", "duplicate member 'a'"},
      {"{\"a\":1,\"c\":2}", "unknown member 'c'"},
      {"{\"b\":1}", "member 'a' is missing"},
      {"{\"a\":null}", "null where a value is required"},
  };
  for (const auto& [line, text] : kCases) {
    JsonRowReader reader(schema);
    EXPECT_THAT(reader.Append(line),
                tests::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string(text))));
  }
  JsonRowReader reader(schema);
  ASSERT_THAT(reader.Append("{ \"b\" : 2 , \"a\" : 1 }"), tests::IsOk());
  ASSERT_THAT(reader.Append("{\"a\":3}"), tests::IsOk());
  std::string text;
  const RecordBatch batch = reader.Finish();
  AppendJsonRow(batch, 0, text);
  AppendJsonRow(batch, 1, text);
  EXPECT_EQ(text, "{\"a\":1,\"b\":2}{\"a\":3,\"b\":null}");
}

TEST(HalfTest, EveryHalfThroughFloatAndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = HalfToFloat(half);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value))));
    } else {
      ASSERT_EQ(FloatToHalf(value), half);
    }
  }
  EXPECT_EQ(FloatToHalf(65519.0f), 0x7bff);        // rounds down to the greatest
  EXPECT_EQ(FloatToHalf(2.9802322e-08f), 0x0000);  // halfway, to even
  EXPECT_EQ(FloatToHalf(2.9802326e-08f), 0x0001);
  EXPECT_EQ(FloatToHalf(1.00048828125f), 0x3c00);  // halfway, to even
}

}  // namespace
}  // namespace og::format
