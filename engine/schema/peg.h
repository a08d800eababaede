// The recognizer under the hand-written parsers of the two languages: a cursor over the source with
// the lexical rules that both grammars share, and the record of failed rules from which a syntax
// error is located the way the reference locates it.
//
// Grammars are PEGs: a rule is a callable that returns whether it matched; on failure the cursor is
// back at the rule's start. Keyword literals have no word boundary, blanks and comments between
// tokens are skipped by Skip(), which the grammar calls between the parts of a sequence.
//
// Where a syntax error is. The furthest start of a rule that failed (or, inside a negative
// lookahead, matched), not the furthest character that was read: `edge E A -> B` fails at its first
// character, because no named rule starts at `A`. Rules without a name and the rules inside an
// atomic rule leave no trace.
//
// Source: pest 2 (parser_state.rs: rule, track), observed through omnigraph-compiler 0.10.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace og::engine::schema {

// "parse error: <message>" and so on, as ErrorKind::kBadRequest: the form of every refusal by a
// compiler.
absl::Status CompilerError(std::string_view category, std::string_view message);

// A semantic error found while parsing; its text is wrapped twice, as in the reference.
absl::Status SourceError(std::string_view message);

// `literal`, with quotes or without, after its escapes. Errors: an unknown escape.
absl::StatusOr<std::string> DecodeStringLiteral(std::string_view literal);

class Peg {
 public:
  // `rule_names` are what an error calls the rules, by their number; both outlive the object.
  Peg(std::string_view source, std::span<const std::string_view> rule_names)
      : source_(source), rule_names_(rule_names) {}

  size_t position() const { return position_; }
  void Rewind(size_t position) { position_ = position; }
  bool AtEnd() const { return position_ == source_.size(); }
  std::string_view From(size_t start) const { return source_.substr(start, position_ - start); }

  // Blanks and comments, as many as there are.
  void Skip();

  // The characters of `text`, without a word boundary after them.
  bool Literal(std::string_view text);

  // Skip, then Literal; the cursor stays in front of the blanks if the text does not follow.
  bool Token(std::string_view text);

  // Runs `body` as the named rule `rule`.
  template <typename Body>
  bool Rule(uint8_t rule, Body&& body) {
    const Mark mark = Enter();
    const bool matched = std::forward<Body>(body)();
    Leave(rule, mark, matched);
    return matched;
  }

  // Skip, then Rule: the next part of a sequence. The cursor stays in front of the blanks if the
  // rule fails.
  template <typename Body>
  bool Then(uint8_t rule, Body&& body) {
    const size_t start = position_;
    Skip();
    if (Rule(rule, std::forward<Body>(body))) {
      return true;
    }
    position_ = start;
    return false;
  }

  // Whether `body` does not match here; nothing is consumed.
  template <typename Body>
  bool Not(Body&& body) {
    const size_t start = position_;
    const bool outer = negative_;
    negative_ = !negative_;
    const bool matched = std::forward<Body>(body)();
    negative_ = outer;
    position_ = start;
    return !matched;
  }

  // Atomic pieces; each consumes nothing on failure.
  bool Identifier();                 // [a-z_][A-Za-z0-9_]*
  bool TypeName();                   // [A-Z][A-Za-z0-9_]*
  bool Digits();                     // [0-9]+
  bool Decimal();                    // [0-9]+ "." [0-9]+
  bool String();                     // a string literal with its quotes
  bool OneOf(bool (*accept)(char));  // one character

  // The error at the furthest failed rule: "parse error:  --> L:C" and the source line. Fields
  // "line" and "column" are 1-based; columns count code points.
  absl::Status SyntaxError() const;

 private:
  struct Mark {
    size_t start;
    size_t num_expected;  // attempts at `start` to keep when this rule replaces its parts
    size_t num_unexpected;
    size_t num_attempts;
  };

  Mark Enter() const;
  void Leave(uint8_t rule, const Mark& mark, bool matched);
  size_t AttemptsAt(size_t position) const;

  std::string_view source_;
  std::span<const std::string_view> rule_names_;
  size_t position_ = 0;
  bool negative_ = false;
  size_t attempt_position_ = 0;
  std::vector<uint8_t> expected_;
  std::vector<uint8_t> unexpected_;
};

}  // namespace og::engine::schema
