// Functions and the operators beside them: what each expression gives, as text.
#include "engine/expr/functions.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

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
  };
  for (const auto& [text, want] : kCases) {
    EXPECT_NE(ValueOf(text).find(want), std::string::npos) << text << ": " << ValueOf(text);
  }
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
