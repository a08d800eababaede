// The parser: where syntax errors are, what the PEG accepts that a reader might not expect, and the
// limits that protect it.
#include "engine/query/parse.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

// "L:C" of the syntax error in `source`.
std::string ErrorAt(std::string_view source) {
  const absl::StatusOr<QueryFile> file = ParseQueryFile(source);
  EXPECT_FALSE(file.ok()) << source;
  const std::optional<io::ErrorDetail> detail = io::DetailOf(file.status());
  EXPECT_TRUE(detail.has_value());
  EXPECT_EQ(detail->kind, io::ErrorKind::kBadRequest);
  return io::StrCat(detail->field("line"), ":", detail->field("column"));
}

std::string ErrorOf(std::string_view source) {
  const absl::StatusOr<QueryFile> file = ParseQueryFile(source);
  EXPECT_FALSE(file.ok()) << source;
  return std::string(io::Message(file.status()));
}

Query Only(std::string_view source) {
  absl::StatusOr<QueryFile> file = ParseQueryFile(source);
  EXPECT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->queries.size(), 1u);
  return file->queries.front();
}

// The furthest start of a named rule that failed; computed by hand from pest's rule for tracking.
TEST(ParseQuery, SyntaxErrorsHaveLineAndColumn) {
  EXPECT_EQ(ErrorAt("garbage"), "1:1");
  EXPECT_EQ(ErrorAt("query q() {\n  match { $a: Author }\n  return { $a.handle }\n}\ngarbage"),
            "5:1");
  EXPECT_EQ(ErrorAt("query q() {\n  match { $a: author }\n  return { $a.handle }\n}"), "2:15");
  EXPECT_EQ(ErrorAt("query q($x: Foo) { match { $a: Author } return { 1 } }"), "1:13");
  EXPECT_EQ(ErrorAt("query q() { match { $a: Author $a.age == 3 } return { 1 } }"), "1:40");
  EXPECT_EQ(ErrorAt("query Q() { match { $a: Author } return { 1 } }"), "1:7");
  EXPECT_EQ(ErrorAt("query q() { match { $a: \"\xc3\xa4\xc3\xb6\" } return { 1 } }"), "1:25");
}

TEST(ParseQuery, SyntaxErrorShowsTheLine) {
  EXPECT_EQ(ErrorOf("query q($x: Foo) { match { $a: A } return { 1 } }"),
            "parse error:  --> 1:13\n"
            "  |\n"
            "1 | query q($x: Foo) { match { $a: A } return { 1 } }\n"
            "  |             ^---\n"
            "  |\n"
            "  = expected type_ref");
}

TEST(ParseQuery, KeywordsHaveNoWordBoundary) {
  EXPECT_EQ(Only("queryq(){match{$a:A}return{$a.n asx}}").projections[0].alias, "x");
  const Query query = Only("query q() { match { $a: A } return { truex } }");
  ASSERT_EQ(query.projections.size(), 2u);
  EXPECT_EQ(query.projections[0].expr.literal, Literal::Bool(true));
  EXPECT_EQ(query.projections[1].expr.variable, "x");
}

TEST(ParseQuery, EdgeNamesThatBeginWithNot) {
  EXPECT_TRUE(ParseQueryFile("query q() { match { $a notOk $b } return { 1 } }").ok());
  EXPECT_FALSE(ParseQueryFile("query q() { match { $a not_x $b } return { 1 } }").ok());
  EXPECT_FALSE(ParseQueryFile("query q() { match { $a not $b } return { 1 } }").ok());
}

TEST(ParseQuery, BareVariableBeforeContainsIsATraversal) {
  const Query query = Only("query q() { match { $q contains $m } return { 1 } }");
  const auto* traversal = std::get_if<Traversal>(&query.match[0].value);
  ASSERT_NE(traversal, nullptr);
  EXPECT_EQ(traversal->edge_name, "contains");
}

TEST(ParseQuery, CommentsAndStrings) {
  const Query query = Only(
      "// head\nquery q() /* x */ { match { $a: A { n: \"a // \\\"b\\\"\\n\xc3\xa4\" } }\n"
      "return { 1 } }");
  EXPECT_EQ(std::get<Binding>(query.match[0].value).matches[0].value.literal.text,
            "a // \"b\"\n\xc3\xa4");
}

TEST(ParseQuery, SpansCoverTheirText) {
  const std::string source = "query q() { match { $a: A  } return { count( $a ) as n } }";
  const Query query = Only(source);
  const Span span = query.projections[0].expr.span;
  EXPECT_EQ(source.substr(span.begin, span.end - span.begin), "count( $a )");
  const Span binding = std::get<Binding>(query.match[0].value).span;
  EXPECT_EQ(source.substr(binding.begin, binding.end - binding.begin), "$a: A");
}

TEST(ParseQuery, SemanticRefusalsSayWhere) {
  const std::string source =
      "query q() { match { $a: A } return { 1 } limit 99999999999999999999 }";
  const absl::StatusOr<QueryFile> file = ParseQueryFile(source);
  EXPECT_EQ(io::Message(file.status()),
            "parse error: parse error: invalid limit: number too large to fit in target type");
  EXPECT_EQ(io::DetailOf(file.status())->field("offset"), io::StrCat(source.find("99999")));
}

// A syntax error further on wins over a refusal, and a refusal inside an alternative that failed is
// not counted twice.
TEST(ParseQuery, RefusalsWaitForTheSyntax) {
  EXPECT_EQ(ErrorAt("query q() { match { $a: A { n: 99999999999999999999 } } return { } }"),
            "1:66");
  EXPECT_EQ(
      ErrorOf("query q() { match { $a: A search($a.n, 99999999999999999999) } return { 1 } }"),
      "parse error: parse error: invalid integer: number too large to fit in target type");
}

TEST(ParseQuery, FloatsTooLargeAreRefused) {
  const std::string digits(400, '9');
  EXPECT_EQ(ErrorOf("query q() { match { $a: A } return { " + digits + ".0 } }"),
            "parse error: parse error: invalid float: number too large to fit in target type");
  const Query query =
      Only("query q() { match { $a: A } return { 0." + std::string(400, '0') + "1 } }");
  EXPECT_EQ(query.projections[0].expr.literal, Literal::Float(0));
}

TEST(ParseQuery, NestingIsLimited) {
  const auto nested = [](int levels) {
    std::string expr = "1";
    for (int i = 0; i < levels; ++i) {
      expr = "count(" + expr + ")";
    }
    return "query q() { match { $a: A } return { " + expr + " } }";
  };
  EXPECT_TRUE(ParseQueryFile(nested(kMaxNesting - 2)).ok());
  EXPECT_EQ(ErrorOf(nested(kMaxNesting + 1)),
            "parse error: parse error: calls, lists and negations nest deeper than 128 levels");
  EXPECT_FALSE(ParseQueryFile("query q() { match { " + std::string(100000, '[')).ok());
}

TEST(ParseQuery, FindTakesTheFirstOfTwoNames) {
  const absl::StatusOr<QueryFile> file = ParseQueryFile(
      "query q() { match { $a: A } return { 1 } } query q() { delete A where n = 1 }");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_NE(file->Find("q"), nullptr);
  EXPECT_FALSE(file->Find("q")->is_mutation());
  EXPECT_EQ(file->Find("r"), nullptr);
}

}  // namespace
}  // namespace og::engine::query
