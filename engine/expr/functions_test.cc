// Functions and the operators beside them: what each expression gives, as text.
#include "engine/expr/functions.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/expr/bind.h"
#include "engine/expr/expr.h"
#include "engine/expr/filter_parse.h"
#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "tests/support/status_matchers.h"

namespace og::engine::expr {
namespace {

// One row: t "aXbXc", u "\u00e4\u00df", i -7, x 2.5, d 2020-02-29, ts 1969-12-31T23:59:59.5, l [1,
// 2], n null of text.
format::RecordBatch OneRow() {
  std::vector<format::Field> fields;
  std::vector<format::ArrayPtr> columns;
  const auto add = [&](std::string name, format::ArrayPtr values) {
    fields.push_back(
        {.name = std::move(name), .type = values->type, .nullable = true, .metadata = {}});
    columns.push_back(std::move(values));
  };
  const auto number = [](auto value, const format::TypePtr& type) {
    format::FixedBuilder<decltype(value)> builder(type);
    builder.Append(value);
    return builder.Finish();
  };
  add("t", StringLiteral("aXbXc")->values);
  add("u", StringLiteral("\u00e4\u00df")->values);
  add("i", number(int32_t{-7}, format::Int32()));
  add("x", number(2.5, format::Float64()));
  add("d", number(int32_t{18321}, format::Date32()));
  add("ts", number(int64_t{-500'000}, format::Timestamp(format::TimeUnit::kMicro)));
  add("n", format::NullArray(format::Utf8(), 1));
  auto list = std::make_shared<format::Array>();
  list->type = format::ListOf(format::Int64());
  list->length = 1;
  const int32_t offsets[] = {0, 2};
  list->offsets = io::Buffer::CopyOf(std::as_bytes(std::span(offsets)));
  const std::vector<format::ArrayPtr> items = {Int64Literal(1)->values, Int64Literal(2)->values};
  list->children = {format::Concat(items)};
  add("l", std::move(list));
  return {std::make_shared<const format::Schema>(format::Schema{std::move(fields), {}}), 1,
          std::move(columns)};
}

// The value of `text` for the row, as JSON.
std::string ValueOf(std::string_view text) {
  const auto expr = ParseExpression(text);
  if (!expr.ok()) return std::string(expr.status().message());
  const format::RecordBatch row = OneRow();
  const auto value = Evaluate(**expr, row);
  if (!value.ok()) return std::string(value.status().message());
  const format::RecordBatch result{
      std::make_shared<const format::Schema>(format::Schema{
          .fields = {{.name = "v", .type = (*value)->type, .nullable = true, .metadata = {}}},
          .metadata = {}}),
      1,
      {*value}};
  std::string json;
  format::AppendJsonRow(result, 0, json);
  return json.substr(5, json.size() - 6);
}

TEST(FunctionsTest, GiveWhatTheReferenceGives) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"btrim('  a ')", "\"a\""},
      {"rtrim(t, 'cX')", "\"aXb\""},
      {"ltrim(t, 'a')", "\"XbXc\""},
      {"substr(t, 2, 3)", "\"XbX\""},
      {"substr(t, 0, 2)", "\"a\""},
      {"substring(t from 4)", "\"Xc\""},
      {"replace(t, 'X', '--')", "\"a--b--c\""},
      {"replace('ab', '', '-')", "\"-a-b-\""},
      {"ends_with(t, 'c')", "true"},
      {"strpos(u, '\u00df')", "2"},
      {"left(t, -1)", "\"aXbX\""},
      {"right(t, 2)", "\"Xc\""},
      {"right(t, -2)", "\"bXc\""},
      {"reverse(u)", "\"\u00df\u00e4\""},
      {"repeat('ab', 2)", "\"abab\""},
      {"split_part(t, 'X', 2)", "\"b\""},
      {"split_part(t, 'X', -1)", "\"c\""},
      {"split_part(t, 'X', 9)", "\"\""},
      {"length(u)", "2"},
      {"octet_length(u)", "4"},
      {"upper(u)", "\"\u00c4SS\""},
      {"lower('\u00c4')", "\"\u00e4\""},
      {"initcap('ab cd')", "\"Ab Cd\""},
      {"lpad('ab', 5, 'xy')", "\"xyxab\""},
      {"rpad('abc', 2)", "\"ab\""},
      {"ascii(u)", "228"},
      {"concat(t, n, i)", "\"aXbXc-7\""},
      {"t || n", "null"},
      {"regexp_like(t, '^a.*c$')", "true"},
      {"regexp_like(t, 'xb', 'i')", "true"},
      {"t ILIKE 'AxB%'", "true"},
      {"t LIKE t", "true"},
      {"coalesce(n, t)", "\"aXbXc\""},
      {"nvl(n, 'z')", "\"z\""},
      {"nullif(i, -7)", "null"},
      {"greatest(1, 3, 2)", "3"},
      {"least(i, 2)", "-7"},
      {"abs(i)", "7"},
      {"round(x)", "3e+00"},
      {"round(-2.45, 1)", "-2.5e+00"},
      {"trunc(-2.9)", "-2e+00"},
      {"ceil(x)", "3e+00"},
      {"floor(x)", "2e+00"},
      {"sqrt(4)", "2e+00"},
      {"power(i, 2)", "4.9e+01"},
      {"signum(i)", "-1e+00"},
      {"isnan(x)", "false"},
      {"date_part('year', d)", "2020"},
      {"date_part('quarter', d)", "1"},
      {"date_part('week', d)", "9"},
      {"date_part('dow', d)", "6"},
      {"date_part('doy', d)", "60"},
      {"date_part('second', ts)", "59"},
      {"date_part('millisecond', ts)", "59500"},
      {"date_part('epoch', ts)", "-5e-01"},
      {"extract(day from d)", "29"},
      {"date_part('year', date_trunc('week', d))", "2020"},
      {"date_part('day', date_trunc('week', d))", "24"},
      {"date_part('month', date_trunc('quarter', ts))", "10"},
      {"concat_ws('-', t, n, i)", "\"aXbXc--7\""},
      {"concat_ws(n, t, t)", "null"},
      {"bit_length(u)", "32"},
      {"chr(8364)", "\"\u20ac\""},
      {"to_hex(i)", "\"fffffffffffffff9\""},
      {"to_hex(0)", "\"0\""},
      {"md5(t)", "\"0bbf2f5482bb2dfd9e0b826c250f61e5\""},
      {"sha256('') = "
       "X'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
       "true"},
      {"translate(t, 'Xa', 'Y')", "\"YbYc\""},
      {"translate(t, 'XX', 'ab')", "\"aabac\""},
      {"overlay(t, 'QQ', 2, 1)", "\"aQQbXc\""},
      {"overlay(t, 'QQ', 3)", "\"aXQQc\""},
      {"overlay(t, 'QQ', 2, -1)", "\"aQQaXbXc\""},
      {"overlay(t, 'QQ', 20, 1)", "\"aXbXcQQ\""},
      {"substr_index('a b c', ' ', 2)", "\"a b\""},
      {"substring_index('a b c', ' ', -1)", "\"c\""},
      {"substr_index('a b c', ' ', -9)", "\"a b c\""},
      {"position(t, 'X')", "2"},
      {"find_in_set('X', 'a,abc,X')", "3"},
      {"find_in_set('b', 'a,abc')", "0"},
      {"levenshtein(t, 'abc')", "2"},
      {"regexp_replace(t, 'X', '-')", "\"a-bXc\""},
      {"regexp_replace(t, 'x', '-', 'gi')", "\"a-b-c\""},
      {"regexp_replace(t, '([a-z])X', '<\\1>', 'g')", "\"<a><b>c\""},
      {"regexp_replace(t, '(.)(.)', '$2$1')", "\"XabXc\""},
      {"regexp_replace(t, '(?<n>X)', '${n}$$$n')", "\"aX$XbXc\""},
      {"regexp_replace(t, '(.)', '$9x')", "\"XbXc\""},
      {"regexp_replace(t, '', '-', 'g')", "\"-a-X-b-X-c-\""},
      {"regexp_replace(t, 'X*', '-', 'g')", "\"-a-b-c-\""},
      {"cbrt(-27)", "-3e+00"},
      {"log(1000)", "3e+00"},
      {"log(2, 8)", "3e+00"},
      {"gcd(i, 14)", "7"},
      {"lcm(-4, 6)", "12"},
      {"degrees(pi())", "1.8e+02"},
      {"atan2(0, 1)", "0e+00"},
      {"nvl2(n, 1, 2)", "2"},
      {"to_unixtime(d)", "1582934400"},
      {"to_unixtime(ts)", "0"},
      {"to_unixtime(from_unixtime(-3))", "-3"},
      {"date_part('isodow', d)", "6"},
      {"date_part('isoyear', d)", "2020"},
      {"date_part('isoyear', date '2021-01-03')", "2020"},
      {"d - date '2020-02-01'", "28"},
      {"to_unixtime(ts - (ts - timestamp '1970-01-02 00:00:00'))", "86400"},
      {"(ts - ts) + ts = ts", "true"},
      {"cast(cast('12.34' as decimal(10, 2)) + 1 as string)", "\"13.34\""},
      {"cast(cast('12.34' as decimal(10, 2)) * i as string)", "\"-86.38\""},
      {"cast(cast('-0.50' as decimal(10, 2)) / 3 as string)", "\"-0.166666\""},
      {"cast(cast('12.34' as decimal(10, 2)) % 5 as string)", "\"2.34\""},
      {"cast('12.34' as decimal(10, 2)) + x", "1.484e+01"},
      {"cast(abs(cast('-1.5' as decimal(10, 2))) as string)", "\"1.50\""},
      {"cast(round(cast('99.99' as decimal(10, 2)), 1) as string)", "\"100.0\""},
      {"array_position(l, 2)", "2"},
      {"array_position(l, 5)", "null"},
      {"array_position(l, 1, 2)", "null"},
      {"array_to_string(l, ', ')", "\"1, 2\""},
      {"array_max(l)", "2"},
      {"list_min(l)", "1"},
      {"empty(l)", "false"},
      {"array_length(l)", "2"},
      {"l[2]", "2"},
      {"l[-1]", "2"},
      {"l[3]", "null"},
      {"array_has_any(l, [5, 2])", "true"},
      {"array_has_all(l, make_array(1, 5))", "false"},
      {"array_has_all(l, [])", "true"},
      {"i::bigint + 1", "-6"},
      {"i IN (x, -7)", "true"},
      {"(n = 'a') IS NOT TRUE", "true"},
      {"(n = 'a') IS UNKNOWN", "true"},
      {"n IS DISTINCT FROM t", "true"},
      {"n IS NOT DISTINCT FROM NULL", "true"},
  };
  for (const auto& [text, want] : kCases) {
    EXPECT_EQ(ValueOf(text), want) << text;
  }
}

TEST(FunctionsTest, RefuseWhatDoesNotFit) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"nope(t)", "no function 'nope'"},
      {"lower()", "expected a value"},
      {"lower(t, t)", "lower does not take 2 arguments"},
      {"sqrt(t)", "sqrt of utf8"},
      {"date_part('year', t)", "date_part of utf8"},
      {"date_part('yaer', d)", "unknown unit of time 'yaer'"},
      {"date_part(d, d)", "expected a unit of time in quotes"},
      {"array_length(t)", "array_length of utf8"},
      {"regexp_like(t, '(')", "regular expression '('"},
      {"coalesce(t, i)", "coalesce of utf8 and int32"},
      {"now()", "now() has no value here"},
      {"now(1)", "now does not take 1 arguments"},
      {"chr(-1)", "invalid Unicode scalar value: -1"},
      {"overlay(t, 'x', 0)", "characters are counted from 1"},
      {"gcd(i, x)", "gcd of float64"},
      {"lcm(9223372036854775807, 2)", "integer overflow in lcm"},
      {"array_position(l, 1, 4)", "start 4 is outside of a list of 2"},
      {"cast('1' as decimal(10, 2)) / 0", "Divide by zero error"},
      {"cast(9 as decimal(38, 37)) * cast(9 as decimal(38, 37))", "has too many digits"},
      {"d + d", "cannot calculate with date32"},
      {"regexp_replace(t, '(', 'x')", "regular expression '('"},
  };
  for (const auto& [text, want] : kCases) {
    EXPECT_NE(ValueOf(text).find(want), std::string::npos) << text << ": " << ValueOf(text);
  }
}

TEST(BindTest, NamesAndMomentsAreThoseOfTheDataset) {
  const format::Schema schema{
      .fields = {{.name = "Id", .type = format::Int64(), .nullable = true, .metadata = {}},
                 {.name = "id", .type = format::Int64(), .nullable = true, .metadata = {}},
                 {.name = "s",
                  .type = format::Struct(
                      {{.name = "Part", .type = format::Utf8(), .nullable = true, .metadata = {}}}),
                  .nullable = true,
                  .metadata = {}}},
      .metadata = {}};
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"id = 1", "(id = 1)"},
      {"Id = 1", "(Id = 1)"},
      {"ID = 1", "(Id = 1)"},
      {"S.PART = 'x' and lower(s.part) = 'y'", "((s.Part = 'x') AND (lower(s.Part) = 'y'))"},
      {"other.part = 'x'", "(other.part = 'x')"},
      {"current_date = today()", "(DATE '1969-12-31' = DATE '1969-12-31')"},
      {"to_unixtime(now()) = 1", "(to_unixtime(-1000) = 1)"},
  };
  for (const auto& [text, want] : kCases) {
    OG_ASSERT_OK_AND_ASSIGN(const ExprPtr parsed, ParseFilter(text));
    EXPECT_EQ(Bind(parsed, schema, -1)->ToString(), want) << text;
  }
  OG_ASSERT_OK_AND_ASSIGN(const ExprPtr same, ParseFilter("id = 1 or Id = 2"));
  EXPECT_EQ(Bind(same, schema, 0), same);
}

TEST(FunctionsTest, PlansShowWhatParsesAgain) {
  for (const std::string_view text : {"date_part('year', d)", "array_element(l, 1)", "(t || 'x')",
                                      "regexp_like(t, 'a', 'i')", "btrim(t)"}) {
    OG_ASSERT_OK_AND_ASSIGN(const ExprPtr expr, ParseExpression(text));
    EXPECT_EQ(expr->ToString(), text);
    OG_ASSERT_OK_AND_ASSIGN(const ExprPtr again, ParseExpression(expr->ToString()));
    EXPECT_EQ(again->ToString(), text);
  }
}

}  // namespace
}  // namespace og::engine::expr
