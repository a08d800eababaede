#include "engine/schema/peg.h"

#include <algorithm>

#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::schema {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsNameTail(char c) {
  return IsDigit(c) || IsLower(c) || IsUpper(c) || c == '_';
}
bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Bytes of the code point at `at`; 1 for a stray byte.
size_t CodePointBytes(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    ++end;
  }
  return end - at;
}

std::string Enumerate(std::span<const uint8_t> rules, std::span<const std::string_view> names) {
  std::vector<uint8_t> sorted(rules.begin(), rules.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::string text;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0) {
      text += i + 1 < sorted.size() ? ", " : sorted.size() > 2 ? ", or " : " or ";
    }
    text += names[sorted[i]];
  }
  return text;
}

}  // namespace

absl::Status CompilerError(std::string_view category, std::string_view message) {
  return io::DetailedError({.kind = io::ErrorKind::kBadRequest, .code = "", .fields = {}},
                           io::StrCat(category, ": ", message));
}

absl::Status SourceError(std::string_view message) {
  return CompilerError("parse error", io::StrCat("parse error: ", message));
}

absl::StatusOr<std::string> DecodeStringLiteral(std::string_view literal) {
  if (literal.size() >= 2 && literal.front() == '"' && literal.back() == '"') {
    literal = literal.substr(1, literal.size() - 2);
  }
  std::string decoded;
  decoded.reserve(literal.size());
  for (size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] != '\\') {
      decoded += literal[i];
      continue;
    }
    if (++i == literal.size()) {
      return SourceError("unterminated escape sequence");
    }
    switch (literal[i]) {
      case '"':
      case '\\':
        decoded += literal[i];
        break;
      case 'n':
        decoded += '\n';
        break;
      case 'r':
        decoded += '\r';
        break;
      case 't':
        decoded += '\t';
        break;
      default:
        return SourceError(io::StrCat("unsupported escape sequence: \\",
                                      literal.substr(i, CodePointBytes(literal, i))));
    }
  }
  return decoded;
}

void Peg::Skip() {
  while (position_ < source_.size()) {
    if (IsBlank(source_[position_])) {
      ++position_;
      continue;
    }
    const std::string_view rest = source_.substr(position_);
    if (rest.starts_with("//")) {
      const size_t end = rest.find('\n');
      position_ += end == std::string_view::npos ? rest.size() : end;
      continue;
    }
    if (rest.starts_with("/*")) {
      const size_t end = rest.find("*/", 2);
      if (end == std::string_view::npos) {
        return;
      }
      position_ += end + 2;
      continue;
    }
    return;
  }
}

bool Peg::Literal(std::string_view text) {
  if (!source_.substr(position_).starts_with(text)) {
    return false;
  }
  position_ += text.size();
  return true;
}

bool Peg::Token(std::string_view text) {
  const size_t start = position_;
  Skip();
  if (Literal(text)) {
    return true;
  }
  position_ = start;
  return false;
}

bool Peg::OneOf(bool (*accept)(char)) {
  if (AtEnd() || !accept(source_[position_])) {
    return false;
  }
  ++position_;
  return true;
}

bool Peg::Identifier() {
  if (!OneOf([](char c) { return IsLower(c) || c == '_'; })) {
    return false;
  }
  while (OneOf(IsNameTail)) {
  }
  return true;
}

bool Peg::TypeName() {
  if (!OneOf(IsUpper)) {
    return false;
  }
  while (OneOf(IsNameTail)) {
  }
  return true;
}

bool Peg::Digits() {
  if (!OneOf(IsDigit)) {
    return false;
  }
  while (OneOf(IsDigit)) {
  }
  return true;
}

bool Peg::Decimal() {
  const size_t start = position_;
  if (Digits() && Literal(".") && Digits()) {
    return true;
  }
  position_ = start;
  return false;
}

bool Peg::String() {
  const size_t start = position_;
  if (!Literal("\"")) {
    return false;
  }
  while (!AtEnd()) {
    const char c = source_[position_];
    if (c == '"') {
      ++position_;
      return true;
    }
    position_ += c == '\\' ? 1 : 0;
    if (AtEnd()) {
      break;
    }
    position_ += CodePointBytes(source_, position_);
  }
  position_ = start;
  return false;
}

size_t Peg::AttemptsAt(size_t position) const {
  return attempt_position_ == position ? expected_.size() + unexpected_.size() : 0;
}

Peg::Mark Peg::Enter() const {
  const bool here = position_ == attempt_position_;
  return {.start = position_,
          .num_expected = here ? expected_.size() : 0,
          .num_unexpected = here ? unexpected_.size() : 0,
          .num_attempts = AttemptsAt(position_)};
}

void Peg::Leave(uint8_t rule, const Mark& mark, bool matched) {
  if (!matched) {
    position_ = mark.start;
  }
  if (matched != negative_) {
    return;
  }
  // A rule with a single failed part reports the part, else itself in the place of its parts.
  if (AttemptsAt(mark.start) == mark.num_attempts + 1) {
    return;
  }
  if (mark.start == attempt_position_) {
    expected_.resize(std::min(expected_.size(), mark.num_expected));
    unexpected_.resize(std::min(unexpected_.size(), mark.num_unexpected));
  }
  if (mark.start > attempt_position_) {
    expected_.clear();
    unexpected_.clear();
    attempt_position_ = mark.start;
  }
  if (mark.start == attempt_position_) {
    (negative_ ? unexpected_ : expected_).push_back(rule);
  }
}

absl::Status Peg::SyntaxError() const {
  size_t line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < attempt_position_; ++i) {
    if (source_[i] == '\n') {
      ++line;
      line_start = i + 1;
    }
  }
  size_t column = 1;
  for (size_t i = line_start; i < attempt_position_; i += CodePointBytes(source_, i)) {
    ++column;
  }
  const size_t line_end = std::min(source_.find('\n', line_start), source_.size());
  std::string_view shown = source_.substr(line_start, line_end - line_start);
  while (shown.ends_with('\r')) {
    shown.remove_suffix(1);
  }

  std::string reason;
  if (!unexpected_.empty()) {
    reason = io::StrCat("unexpected ", Enumerate(unexpected_, rule_names_));
  }
  if (!expected_.empty()) {
    reason +=
        io::StrCat(reason.empty() ? "" : "; ", "expected ", Enumerate(expected_, rule_names_));
  }
  if (reason.empty()) {
    reason = "unknown parsing error";
  }
  const std::string number = io::StrCat(line);
  const std::string margin(number.size(), ' ');
  return io::DetailedError(
      {.kind = io::ErrorKind::kBadRequest,
       .code = "",
       .fields = {{"line", number}, {"column", io::StrCat(column)}}},
      io::StrCat("parse error: ", margin, "--> ", line, ":", column, "\n", margin, " |\n", number,
                 " | ", shown, "\n", margin, " | ", std::string(column - 1, ' '), "^---\n", margin,
                 " |\n", margin, " = ", reason));
}

}  // namespace og::engine::schema
