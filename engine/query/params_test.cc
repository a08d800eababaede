// Parameters from JSON: every declared type, what it accepts and the text of what it refuses.
#include "engine/query/params.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

#include "engine/query/parse.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

absl::StatusOr<ParamValues> Bind(std::string_view params, std::string_view json) {
  const absl::StatusOr<QueryFile> file =
      ParseQueryFile(io::StrCat("query q(", params, ") { match { $a: A } return { 1 } }"));
  EXPECT_TRUE(file.ok()) << file.status();
  const absl::StatusOr<io::JsonValue> value = io::JsonValue::Parse(json);
  EXPECT_TRUE(value.ok()) << value.status();
  return BindParams(file->queries.front(), *value);
}

Literal Value(std::string_view type, std::string_view json) {
  absl::StatusOr<ParamValues> values =
      Bind(io::StrCat("$k: ", type), io::StrCat("{\"k\": ", json, "}"));
  EXPECT_TRUE(values.ok()) << values.status();
  return values.ok() ? values->at("k") : Literal::Null();
}

std::string Refusal(std::string_view type, std::string_view json) {
  const absl::StatusOr<ParamValues> values =
      Bind(io::StrCat("$k: ", type), io::StrCat("{\"k\": ", json, "}"));
  EXPECT_FALSE(values.ok()) << type << " " << json;
  return std::string(io::Message(values.status()));
}

TEST(BindParams, AcceptsWhatTheTypeHolds) {
  EXPECT_EQ(Value("String", "\"x\""), Literal::String("x"));
  EXPECT_EQ(Value("Blob", "\"s3://b/k\""), Literal::String("s3://b/k"));
  EXPECT_EQ(Value("I32", "-2147483648"), Literal::Integer(-2147483648LL));
  EXPECT_EQ(Value("I64", "\"9223372036854775807\""), Literal::Integer(9223372036854775807LL));
  EXPECT_EQ(Value("U32", "4294967295"), Literal::Integer(4294967295LL));
  EXPECT_EQ(Value("U64", "\"12\""), Literal::Integer(12));
  EXPECT_EQ(Value("I32", "\"+12\""), Literal::Integer(12));
  EXPECT_EQ(Value("F64", "18446744073709551616"), Literal::Float(18446744073709551616.0));
  EXPECT_EQ(Value("F32", "3"), Literal::Float(3));
  EXPECT_EQ(Value("F64", "1.5"), Literal::Float(1.5));
  EXPECT_EQ(Value("Bool", "true"), Literal::Bool(true));
  EXPECT_EQ(Value("Date", "\"2020-01-01\""), Literal::Date("2020-01-01"));
  EXPECT_EQ(Value("DateTime", "\"x\""), Literal::DateTime("x"));
  EXPECT_EQ(Value("[I64]", "[1, \"2\"]"),
            Literal::List({Literal::Integer(1), Literal::Integer(2)}));
  EXPECT_EQ(Value("Vector(2)", "[1, 2.5]"),
            Literal::List({Literal::Float(1), Literal::Float(2.5)}));
  EXPECT_EQ(Value("String?", "null"), Literal::Null());
}

TEST(BindParams, RefusesTheRest) {
  EXPECT_EQ(Refusal("String", "1"), "param 'k': expected string, got number");
  EXPECT_EQ(Refusal("String", "true"), "param 'k': expected string, got boolean");
  EXPECT_EQ(Refusal("Blob", "[]"), "param 'k': expected blob URI string, got array");
  EXPECT_EQ(Refusal("I32", "1.5"), "param 'k': expected integer number");
  EXPECT_EQ(Refusal("I32", "1.0"), "param 'k': expected integer number");
  EXPECT_EQ(Refusal("I32", "\"x\""), "param 'k': expected integer string, got 'x'");
  EXPECT_EQ(Refusal("I64", "true"), "param 'k': expected integer");
  EXPECT_EQ(Refusal("I32", "2147483648"), "param 'k': value 2147483648 exceeds I32");
  EXPECT_EQ(Refusal("U32", "-1"), "param 'k': expected unsigned integer number");
  EXPECT_EQ(Refusal("U32", "4294967296"), "param 'k': value 4294967296 exceeds U32");
  EXPECT_EQ(Refusal("U64", "\"-1\""), "param 'k': expected unsigned integer string, got '-1'");
  EXPECT_EQ(Refusal("U64", "[]"), "param 'k': expected unsigned integer");
  EXPECT_EQ(Refusal("U64", "9223372036854775808"),
            "param 'k': value 9223372036854775808 exceeds current engine range for U64 (max "
            "9223372036854775807)");
  EXPECT_EQ(Refusal("F64", "\"1\""), "param 'k': expected float");
  EXPECT_EQ(Refusal("Bool", "1"), "param 'k': expected boolean");
  EXPECT_EQ(Refusal("Date", "1"), "param 'k': expected date string");
  EXPECT_EQ(Refusal("DateTime", "1"), "param 'k': expected datetime string");
  EXPECT_EQ(Refusal("[I32]", "1"), "param 'k': expected array for [I32]");
  EXPECT_EQ(Refusal("[I32]", "[null]"), "param 'k': expected integer");
  EXPECT_EQ(Refusal("Vector(3)", "[1]"), "param 'k': expected 3 values for Vector(3), got 1");
  EXPECT_EQ(Refusal("Vector(1)", "[\"1\"]"), "param 'k': vector element is not numeric");
  EXPECT_EQ(Refusal("Vector(1)", "1"), "param 'k': expected array for Vector(1)");
  EXPECT_EQ(Refusal("I32", "null"), "param 'k': null is not accepted for non-nullable parameter");
}

TEST(BindParams, OmittedAndUndeclared) {
  const absl::StatusOr<ParamValues> values = Bind("$a: I32?, $b: I32", "{\"c\": [1, 2.5, null]}");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ(values->at("a"), Literal::Null());
  EXPECT_FALSE(values->contains("b"));
  EXPECT_EQ(values->at("c"),
            Literal::List({Literal::Integer(1), Literal::Float(2.5), Literal::Null()}));
  EXPECT_EQ(Bind("$a: I32?", "null")->at("a"), Literal::Null());
  EXPECT_EQ(io::Message(Bind("$a: I32", "[1]").status()), "params must be a JSON object");
  EXPECT_EQ(io::Message(Bind("$a: I32", "{\"z\": {}}").status()),
            "param 'z': object is not supported");
}

TEST(BindNow, IsRfc3339Utc) {
  ParamValues values;
  BindNow(0, values);
  EXPECT_EQ(values.at("__nanograph_now"), Literal::DateTime("1970-01-01T00:00:00.000Z"));
  BindNow(1582934400123, values);
  EXPECT_EQ(values.at("__nanograph_now"), Literal::DateTime("2020-02-29T00:00:00.123Z"));
  BindNow(-1, values);
  EXPECT_EQ(values.at("__nanograph_now"), Literal::DateTime("1969-12-31T23:59:59.999Z"));
}

}  // namespace
}  // namespace og::engine::query
