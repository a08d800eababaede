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

#include <memory>
#include <string>
#include <string_view>

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

 private:
  explicit Pattern(std::unique_ptr<re2::RE2> compiled);

  std::unique_ptr<re2::RE2> compiled_;
};

// `pattern` in RE2's syntax; the codes of Compile.
absl::StatusOr<std::string> TranslatePattern(std::string_view pattern);

}  // namespace og::engine::expr
