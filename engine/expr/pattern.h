// Regular expressions that a schema's @check and the function regexp_like hold, in the syntax and
// with the meaning of the reference's library (Rust regex 1.12), searched for by RE2.
//
// The two languages differ, so a pattern is translated: \d, \s and \w and their opposites are the
// classes of Unicode, x-mode is removed, names of Unicode classes are brought to RE2's spelling,
// and what RE2 would read in another way is escaped. RE2 has no counterpart for word boundaries
// (\b, \B, \<, \>), operations on classes (&&, --, ~~, a negated class inside a class, \W inside a
// class), the flags u and R, more than 1000 repetitions, and Unicode classes other than general
// categories and scripts.
//
// Source: regex-syntax 0.8.11: src/ast/parse.rs, src/unicode.rs.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace og::engine::expr {

class Pattern {
 public:
  //   kInvalidArgument  no regular expression in the reference's syntax either
  //   kUnimplemented    one that RE2 has no counterpart for; the message names the part
  static absl::StatusOr<Pattern> Compile(std::string_view text);

  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // Whether some part of `text` matches. Safe to call from any thread.
  bool Matches(std::string_view text) const;

  // `text` with its first match, or with `all` every one, replaced by `by`, in which $1, $name,
  // ${name} and \1 stand for groups ($0: the match) and $$ for a dollar; groups that are not there
  // are empty. Safe to call from any thread.
  std::string Replace(std::string_view text, std::string_view by, bool all) const;

 private:
  Pattern(std::unique_ptr<re2::RE2> compiled, std::vector<std::string> group_names);

  // The number of the group that `name` stands for; nullopt if there is none.
  std::optional<size_t> GroupOf(std::string_view name) const;

  std::unique_ptr<re2::RE2> compiled_;
  std::vector<std::string> group_names_;
};

// A pattern in RE2's syntax.
struct TranslatedPattern {
  std::string text;
  std::vector<std::string> group_names;  // from group 1 on; empty: it has none
};

// The codes of Compile.
absl::StatusOr<TranslatedPattern> TranslatePattern(std::string_view pattern);

}  // namespace og::engine::expr
