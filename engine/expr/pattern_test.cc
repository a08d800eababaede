// Patterns match as the reference's library (Rust regex 1.12) lets them: the answers here are its
// answers, found by running it.
#include "engine/expr/pattern.h"

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace og::engine::expr {
namespace {

struct MatchCase {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

TEST(PatternTest, MatchesAsTheReferenceDoes) {
  constexpr MatchCase kCases[] = {
      {"^\\d+$", "42", true},
      {"^\\d+$", "\u0664\u0662", true},  // Arabic digits
      {"^\\D$", "\u0664", false},
      {"^\\w+$", "na\u00efve_\u65e5\u672c", true},
      {"^\\w$", "\u24b6", true},  // a circled letter is alphabetic
      {"^\\w$", "-", false},
      {"^\\W$", "\u00e9", false},
      {"^a\\sb$", "a\u00a0b", true},
      {"^a\\sb$", "a\u3000b", true},
      {"^a\\Sb$", "a\u3000b", false},
      {"^[\\d\\s]+$", "1 \u0662", true},
      {"^[^\\w]$", "\u00e9", false},
      {"^[\\S]$", "\u2003", false},
      {"^[[:alpha:]]+$", "abc", true},
      {"^[[:alpha:]]+$", "\u00e9", false},
      {"^[a[bc]]+$", "abc", true},
      {"^[]a]+$", "]a", true},
      {"^[a-]+$", "a-", true},
      {"^[--a]$", "-", true},
      {"^.$", "\u00e9", true},
      {"^.$", "\n", false},
      {"(?s)^.$", "\n", true},
      {"(?x) ^ a b # comment\n $", "ab", true},
      {"(?x: a\\ b )c d", "a bc d", true},
      {"(?i)^STRASSE$", "strasse", true},
      {"^(?i)\u00c4$", "\u00e4", true},
      {"^a**$", "aaa", true},
      {"^(?:a{2}){2}$", "aaaa", true},
      {"^a{2}{2}$", "aaaa", true},
      {"^\\x41\\u0042\\U00000043\\x{1F600}$", "ABC\U0001f600", true},
      {"^\\p{Greek}+$", "\u03b1\u03b2", true},
      {"^\\p{script=greek}+$", "\u03b1\u03b2", true},
      {"^\\p{Uppercase_Letter}\\p{gc=Ll}$", "Aa", true},
      {"^\\pL\\PL$", "a1", true},
      {"^\\P{gc!=L}$", "a", true},
      {"(?P<year>[0-9]{4})-(?<month>[0-9]{2})", "on 2024-01", true},
      {"^\\Aab\\z$", "ab", true},
      {"a|", "zzz", true},
      {"^}]-\\-\\#\\&$", "}]--#&", true},
      {"", "anything", true},
  };
  for (const MatchCase& entry : kCases) {
    SCOPED_TRACE(std::string(entry.pattern));
    const absl::StatusOr<Pattern> pattern = Pattern::Compile(entry.pattern);
    ASSERT_TRUE(pattern.ok()) << pattern.status();
    EXPECT_EQ(pattern->Matches(entry.text), entry.matches);
  }
}

TEST(PatternTest, WhatRe2LacksIsNamed) {
  struct Refusal {
    std::string_view pattern;
    std::string_view names;
  };
  constexpr Refusal kRefusals[] = {
      {"\\bfoo\\b", "word boundaries (\\b)"},
      {"\\Bfoo", "word boundaries (\\B)"},
      {"\\<foo\\>", "word boundaries (\\<)"},
      {"[a-z&&[^aeiou]]", "operations on classes"},
      {"[a-z--b]", "operations on classes"},
      {"[a[^b]]", "negated classes inside classes"},
      {"[a\\W]", "\\W inside classes"},
      {"(?-u)a", "flag -u"},
      {"(?R)a$", "flag R"},
      {"a{1001}", "more than 1000 repetitions"},
      {"\\p{Emoji}", "not supported"},
      {"\\p{age=6.0}", "Unicode classes"},
  };
  for (const Refusal& entry : kRefusals) {
    SCOPED_TRACE(std::string(entry.pattern));
    const absl::Status status = Pattern::Compile(entry.pattern).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_NE(status.message().find(std::string(entry.names)), absl::string_view::npos) << status;
  }
}

TEST(PatternTest, WhatTheReferenceRefusesIsInvalid) {
  for (const std::string_view pattern :
       {"(",      ")",      "[",       "[a",    "a{",          "{1}",       "a{1",
        "a{2,1}", "a{,2}",  "a{x}",    "*",     "|*",          "(?i)*",     "(?=a)",
        "(?<!a)", "(a)\\1", "\\",      "\\q",   "\\\u00e9",    "\\Q",       "\\C",
        "(?z)",   "(?ii)",  "(?-)",    "(?)",   "(?P<>a)",     "(?P<1>a)",  "(?P<a>.)(?P<a>.)",
        "(?P<a",  "[z-a]",  "[a-\\d]", "[\\b]", "\\x{110000}", "\\x{D800}", "\\x4",
        "\\xzz",  "\\p{",   "\\p"}) {
    SCOPED_TRACE(std::string(pattern));
    EXPECT_EQ(Pattern::Compile(pattern).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace og::engine::expr
