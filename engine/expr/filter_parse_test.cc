// The filter language: what each text becomes, printed by Expr::ToString, and what is refused.
#include "engine/expr/filter_parse.h"

#include "gtest/gtest.h"

#include "format/arrow/builder.h"
#include "tests/support/status_matchers.h"

namespace og::engine::expr {
namespace {

TEST(FilterParseTest, Reads) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"a = 1", "(a = 1)"},
      {"a==1", "(a = 1)"},
      {"A <> -1", "(A != -1)"},
      {"a != 2.5e3", "(a != 2500)"},
      {"a <= 18446744073709551615", "(a <= 18446744073709551615)"},
      {"1 < a", "(1 < a)"},
      {"a = 'it''s'", "(a = 'it''s')"},
      {"a = 1 or b = 2 and c = 3", "((a = 1) OR ((b = 2) AND (c = 3)))"},
      {"(a = 1 or b = 2) and c = 3", "(((a = 1) OR (b = 2)) AND (c = 3))"},
      {"not a = 1 and b", "((NOT (a = 1)) AND b)"},
      {"a in (1, 2, 3)", "(a IN (1, 2, 3))"},
      {"a in ( 1,-2 ,3 )", "(a IN (1, -2, 3))"},
      {"a in (18446744073709551615)", "(a IN (18446744073709551615))"},
      {"a in (1, 1 + 1)", "((a = 1) OR (a = (1 + 1)))"},
      {"a in (1, 2.5)", "((a = 1) OR (a = 2.5))"},
      {"a not in ('x')", "(NOT (a IN ('x')))"},
      {"a between 1 and 2 and b", "(((a >= 1) AND (a <= 2)) AND b)"},
      {"a not between -1 and +2", "(NOT ((a >= -1) AND (a <= 2)))"},
      {"a is null", "(a IS NULL)"},
      {"a IS NOT NULL", "(NOT (a IS NULL))"},
      {"a like 'x%_'", "(a LIKE 'x%_')"},
      {"a.b.c = true", "(a.b.c = true)"},
      {"`select`.`b c` = false", "(select.b c = false)"},
      {"`and` = null", "(and = NULL)"},
      {"date = DATE '2020-01-02'", "(date = DATE '2020-01-02')"},
      {"t > timestamp '2020-01-02 03:04:05'", "(t > TIMESTAMP '2020-01-02T03:04:05.000Z')"},
      {"contains(a, 'x')", "contains(a, 'x')"},
      {"array_has(tags, 5)", "array_has(tags, 5)"},
      {"contains = 1", "(contains = 1)"},
      {"x = X'00'", "(x = <binary>)"},
      {".5 < a", "(0.5 < a)"},
      {"a + 1 * 2 - b", "((a + (1 * 2)) - b)"},
      {"(a + 1) % 2 = 0", "(((a + 1) % 2) = 0)"},
      {"a-1 > -b/2", "((a - 1) > (negative(b) / 2))"},
      {"a || '-' || b", "((a || '-') || b)"},
      {"coalesce(a, lower(b), 'x')", "coalesce(a, lower(b), 'x')"},
      {"cast(a + 1 as bigint unsigned)", "CAST((a + 1) AS uint64)"},
      {"try_cast(a as double) > 1", "(TRY_CAST(a AS float64) > 1)"},
      {"case when a = 1 then 'x' when b then c else d end",
       "CASE WHEN (a = 1) THEN 'x' WHEN b THEN c ELSE d END"},
      {"case = 1 and abs = 2", "((case = 1) AND (abs = 2))"},
      {"\xc3\xa9t\xc3\xa9 = 1", "(\xc3\xa9t\xc3\xa9 = 1)"},
  };
  for (const auto& [text, want] : kCases) {
    const auto filter = ParseFilter(text);
    ASSERT_TRUE(filter.ok()) << text << ": " << filter.status();
    EXPECT_EQ((*filter)->ToString(), want) << text;
  }
}

// Rows of the texts "abc", "5%", "b\\c", null for which `filter` is true.
std::vector<int64_t> RowsOf(std::string_view filter) {
  format::StringBuilder texts(format::Utf8());
  for (const char* text : {"abc", "5%", "b\\c"})
    texts.Append(text);
  texts.AppendNull();
  const auto schema =
      std::make_shared<const format::Schema>(format::Schema{{{"s", format::Utf8(), true, {}}}, {}});
  const auto parsed = ParseFilter(filter);
  EXPECT_TRUE(parsed.ok()) << filter << ": " << parsed.status();
  const auto rows = EvaluateFilter(**parsed, {schema, 4, {texts.Finish()}});
  EXPECT_TRUE(rows.ok()) << filter << ": " << rows.status();
  return rows.value_or(std::vector<int64_t>{-1});
}

TEST(FilterParseTest, RegexpMatchAsksForAMatch) {
  EXPECT_EQ(RowsOf("regexp_match(s, '^a') is not null"), (std::vector<int64_t>{0}));
  EXPECT_EQ(RowsOf("regexp_match(s, '^a')"), (std::vector<int64_t>{0}));
  EXPECT_EQ(RowsOf("not regexp_match(s, '^a')"), (std::vector<int64_t>{1, 2, 3}));
}

TEST(FilterParseTest, TestsFollowOneAnother) {
  EXPECT_EQ(RowsOf("s = 'abc' is null"), (std::vector<int64_t>{3}));
  EXPECT_EQ(RowsOf("s > 'b' in (true)"), (std::vector<int64_t>{2}));
  EXPECT_EQ(RowsOf("s = \"abc\""), (std::vector<int64_t>{0}));  // double quotes are text
}

TEST(FilterParseTest, LikeEscapes) {
  EXPECT_EQ(RowsOf("s like '%!%' escape '!'"), (std::vector<int64_t>{1}));
  EXPECT_EQ(RowsOf("s like '_!_' escape '!'"), (std::vector<int64_t>{}));
  EXPECT_EQ(RowsOf("s like 'b\\c' escape '!'"), (std::vector<int64_t>{2}));
  EXPECT_EQ(RowsOf("s not ilike 'A%'"), (std::vector<int64_t>{1, 2}));
  EXPECT_FALSE(ParseFilter("s like 'a' escape 'ab'").ok());
  EXPECT_FALSE(ParseFilter("s like s escape '!'").ok());
}

TEST(FilterParseTest, ComposedCalls) {
  EXPECT_EQ(RowsOf("to_timestamp(1) = timestamp '1970-01-01 00:00:01'").size(), 4u);
  EXPECT_EQ(RowsOf("to_timestamp_millis('1970-01-01T00:00:01.0019') = "
                   "cast('1970-01-01 00:00:01.001' as timestamp)")
                .size(),
            4u);
  EXPECT_EQ(RowsOf("to_date('2020-02-29') = date '2020-02-29'").size(), 4u);
  EXPECT_EQ(RowsOf("iszero(-0.0) and nanvl(cast('NaN' as double), 2.0) = 2.0").size(), 4u);
  EXPECT_FALSE(ParseFilter("to_timestamp(s) = s").ok());
  EXPECT_FALSE(ParseFilter("cast(s as decimal(40, 2)) is null").ok());
  EXPECT_FALSE(ParseFilter("cast(s as decimal(4, 5)) is null").ok());
}

TEST(FilterParseTest, RefusesAndSaysWhere) {
  const std::pair<std::string_view, std::string_view> kCases[] = {
      {"", "expected a value, found the end at position 0"},
      {"a =", "expected a value, found the end at position 3"},
      {"a = 1 b", "expected end of the filter, found 'b' at position 6"},
      {"(a = 1", "expected ')', found the end at position 6"},
      {"a in ()", "expected a value, found ')' at position 6"},
      {"a not 1", "expected IN, BETWEEN or LIKE, found '1' at position 6"},
      {"a = 'x", "quote without end at position 4"},
      {"a ; b", "unexpected character at position 2"},
      {"a. = 1", "expected a column name, found '=' at position 3"},
      {"and = 1", "expected a column or a value, found 'and' at position 0"},
      {"a = date '2020-02-30'", "invalid date '2020-02-30' at position 4"},
      {"a = X'0'", "bytes are pairs of hexadecimal digits at position 4"},
      {"lower(a, b)", "lower does not take 2 arguments at position 0"},
      {"contains(a)", "contains takes two arguments at position 0"},
      {"cast(a as fish)", "expected a type, found 'fish' at position 10"},
      {"case when a then 1", "expected 'END', found the end at position 18"},
      {"a +", "expected a value, found the end at position 3"},
      {"a = 1e999", "number '1e999' is out of range at position 4"},
  };
  for (const auto& [text, want] : kCases) {
    EXPECT_THAT(ParseFilter(text), tests::StatusIs(absl::StatusCode::kInvalidArgument,
                                                   testing::HasSubstr(std::string(want))))
        << text;
  }
}

TEST(FilterParseTest, DepthIsBounded) {
  std::string nested(99, '(');
  nested += 'a';
  nested.append(99, ')');
  EXPECT_TRUE(ParseFilter(nested).ok());
  EXPECT_THAT(
      ParseFilter(std::string(100'000, '(')),
      tests::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("nested too deeply")));
  std::string nots;
  for (int i = 0; i < 100'000; ++i)
    nots += "not ";
  EXPECT_FALSE(ParseFilter(nots + "a").ok());
  std::string calls;
  for (int i = 0; i < 100'000; ++i)
    calls += "contains(";
  EXPECT_FALSE(ParseFilter(calls).ok());
  std::string signs(100'000, '-');
  signs += 'a';
  EXPECT_FALSE(ParseFilter(signs).ok());
  std::string sum = "a";
  for (int i = 0; i < 100'000; ++i)
    sum += "+a";
  EXPECT_THAT(ParseFilter(sum), tests::StatusIs(absl::StatusCode::kInvalidArgument,
                                                testing::HasSubstr("too many operators")));
}

}  // namespace
}  // namespace og::engine::expr
