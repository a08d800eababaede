#include "engine/expr/filter_parse.h"

#include <charconv>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/expr/functions.h"
#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

enum class TokenKind : uint8_t { kEnd, kWord, kQuotedName, kNumber, kText, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // unquoted; words as written
  size_t at = 0;
};

constexpr int kOperatorsMax = 500;

// Words that are no column or value by themselves.
constexpr std::string_view kReserved[] = {"AND",     "OR",   "NOT",   "IN",  "IS",
                                          "BETWEEN", "LIKE", "ILIKE", "FROM"};

format::TypePtr MicrosecondTimestamp() {
  return format::Timestamp(format::TimeUnit::kMicro);
}

struct SqlType {
  std::string_view name;
  format::TypePtr (*type)();
  format::TypePtr (*unsigned_type)();
};
constexpr SqlType kSqlTypes[] = {
    {"BOOLEAN", format::Bool, nullptr},        {"BOOL", format::Bool, nullptr},
    {"TINYINT", format::Int8, format::Uint8},  {"SMALLINT", format::Int16, format::Uint16},
    {"INT", format::Int32, format::Uint32},    {"INTEGER", format::Int32, format::Uint32},
    {"BIGINT", format::Int64, format::Uint64}, {"FLOAT", format::Float32, nullptr},
    {"REAL", format::Float32, nullptr},        {"DOUBLE", format::Float64, nullptr},
    {"STRING", format::Utf8, nullptr},         {"VARCHAR", format::Utf8, nullptr},
    {"TEXT", format::Utf8, nullptr},           {"BINARY", format::Binary, nullptr},
    {"DATE", format::Date32, nullptr},         {"TIMESTAMP", MicrosecondTimestamp, nullptr},
};

char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

absl::Status Refuse(size_t at, std::string_view what) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                           io::StrCat("filter: ", what, " at position ", at));
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  absl::StatusOr<Token> Next() {
    SkipSpace();
    Token token{TokenKind::kEnd, "", at_};
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (IsLetter(c)) {
      token.kind = TokenKind::kWord;
      token.text = While([](char x) { return IsLetter(x) || IsDigit(x); });
      return token;
    }
    const bool is_fraction = c == '.' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1]);
    if (IsDigit(c) || is_fraction) return Number(std::move(token));
    if (c == '\'' || c == '"' || c == '`') {
      // Double quotes are text, too: names in them would need a schema to tell them apart.
      token.kind = c == '`' ? TokenKind::kQuotedName : TokenKind::kText;
      return Quoted(std::move(token), c);
    }
    token.kind = TokenKind::kSymbol;
    for (const std::string_view symbol :
         {"<=", ">=", "<>", "!=", "==", "||", "::", "=", "<", ">", "(",
          ")",  "[",  "]",  ",",  ".",  "-",  "+",  "*", "/", "%"}) {
      if (text_.substr(at_).starts_with(symbol)) {
        token.text = symbol;
        at_ += symbol.size();
        return token;
      }
    }
    return Refuse(at_, "unexpected character");
  }

  // The integers from position `at` to a closing parenthesis, which comes next, with a comma after
  // each but the last. nullopt if something else is there; then nothing has changed.
  std::optional<std::vector<int64_t>> IntegersAt(size_t at) {
    const size_t before = std::exchange(at_, at);
    std::vector<int64_t> integers;
    while (true) {
      SkipSpace();
      int64_t value = 0;
      const char* const end = text_.data() + text_.size();
      const auto [rest, error] = std::from_chars(text_.data() + at_, end, value);
      if (error != std::errc()) break;
      integers.push_back(value);
      at_ = static_cast<size_t>(rest - text_.data());
      SkipSpace();
      if (at_ == text_.size() || (text_[at_] != ',' && text_[at_] != ')')) break;
      if (text_[at_] == ')') return integers;
      ++at_;
    }
    at_ = before;
    return std::nullopt;
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string::npos) {
      ++at_;
    }
  }

  template <typename Test>
  std::string While(Test test) {
    const size_t start = at_;
    while (at_ < text_.size() && test(text_[at_]))
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  Token Number(Token token) {
    token.kind = TokenKind::kNumber;
    token.text = While(IsDigit);
    if (at_ < text_.size() && text_[at_] == '.') {
      token.text += text_[at_++];
      token.text += While(IsDigit);
    }
    if (at_ < text_.size() && Upper(text_[at_]) == 'E') {
      size_t digits = at_ + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-')) ++digits;
      if (digits < text_.size() && IsDigit(text_[digits])) {
        token.text += text_.substr(at_, digits - at_);
        at_ = digits;
        token.text += While(IsDigit);
      }
    }
    return token;
  }

  absl::StatusOr<Token> Quoted(Token token, char quote) {
    ++at_;
    while (at_ < text_.size()) {
      if (text_[at_] == quote) {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != quote) {
          ++at_;
          return token;
        }
        ++at_;
      }
      token.text += text_[at_++];
    }
    return Refuse(token.at, "quote without end");
  }

  std::string_view text_;
  size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  absl::StatusOr<ExprPtr> Parse() {
    OG_RETURN_IF_ERROR(Advance());
    OG_ASSIGN_OR_RETURN(ExprPtr filter, Disjunction());
    if (token_.kind != TokenKind::kEnd) return Unexpected("end of the filter");
    return filter;
  }

 private:
  absl::Status Advance() {
    OG_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }

  // Past an operator of a sum or product; each one makes the tree deeper.
  absl::Status AdvanceOperator() {
    if (num_operators_ == kOperatorsMax) return Refuse(token_.at, "too many operators");
    ++num_operators_;
    return Advance();
  }

  absl::Status Unexpected(std::string_view wanted) const {
    const std::string found =
        token_.kind == TokenKind::kEnd ? "the end" : io::StrCat("'", token_.text, "'");
    return Refuse(token_.at, io::StrCat("expected ", wanted, ", found ", found));
  }

  bool IsSymbol(std::string_view symbol) const {
    return token_.kind == TokenKind::kSymbol && token_.text == symbol;
  }

  bool IsKeyword(std::string_view keyword) const {
    if (token_.kind != TokenKind::kWord || token_.text.size() != keyword.size()) return false;
    for (size_t i = 0; i < keyword.size(); ++i) {
      if (Upper(token_.text[i]) != keyword[i]) return false;
    }
    return true;
  }

  absl::StatusOr<bool> Accept(std::string_view symbol_or_keyword) {
    if (!IsSymbol(symbol_or_keyword) && !IsKeyword(symbol_or_keyword)) return false;
    OG_RETURN_IF_ERROR(Advance());
    return true;
  }

  absl::Status Expect(std::string_view symbol_or_keyword) {
    OG_ASSIGN_OR_RETURN(const bool found, Accept(symbol_or_keyword));
    return found ? absl::OkStatus() : Unexpected(io::StrCat("'", symbol_or_keyword, "'"));
  }

  absl::StatusOr<ExprPtr> Disjunction() {
    std::vector<ExprPtr> args;
    bool more = true;
    while (more) {
      OG_ASSIGN_OR_RETURN(ExprPtr arg, Conjunction());
      args.push_back(std::move(arg));
      OG_ASSIGN_OR_RETURN(more, Accept("OR"));
    }
    return Or(std::move(args));
  }

  absl::StatusOr<ExprPtr> Conjunction() {
    std::vector<ExprPtr> args;
    bool more = true;
    while (more) {
      OG_ASSIGN_OR_RETURN(ExprPtr arg, Negation());
      args.push_back(std::move(arg));
      OG_ASSIGN_OR_RETURN(more, Accept("AND"));
    }
    return And(std::move(args));
  }

  absl::StatusOr<ExprPtr> Negation() {
    if (depth_ == kFilterDepthMax) return Refuse(token_.at, "nested too deeply");
    ++depth_;
    absl::StatusOr<ExprPtr> result = NegationOrPredicate();
    --depth_;
    return result;
  }

  absl::StatusOr<ExprPtr> NegationOrPredicate() {
    OG_ASSIGN_OR_RETURN(const bool negated, Accept("NOT"));
    if (negated) {
      OG_ASSIGN_OR_RETURN(ExprPtr arg, Negation());
      return Not(std::move(arg));
    }
    return Predicate();
  }

  // A sum, then any number of tests of what stands before them: `a = b is null` asks whether the
  // comparison is unknown.
  absl::StatusOr<ExprPtr> Predicate() {
    OG_ASSIGN_OR_RETURN(ExprPtr left, Sum());
    while (true) {
      const ExprPtr before = left;
      OG_ASSIGN_OR_RETURN(left, Tested(before));
      if (left == before) return left;
      if (num_operators_ == kOperatorsMax) return Refuse(token_.at, "too many operators");
      ++num_operators_;
    }
  }

  // `left` with the test that follows it; `left` itself if none does.
  absl::StatusOr<ExprPtr> Tested(const ExprPtr& left) {
    if (const std::optional<CompareOp> op = ComparisonHere()) {
      OG_RETURN_IF_ERROR(Advance());
      OG_ASSIGN_OR_RETURN(ExprPtr right, Sum());
      return Compare(*op, left, std::move(right));
    }
    OG_ASSIGN_OR_RETURN(const bool is, Accept("IS"));
    if (is) {
      OG_ASSIGN_OR_RETURN(const bool is_not, Accept("NOT"));
      OG_ASSIGN_OR_RETURN(ExprPtr test, TwoValuedTest(left));
      return is_not ? Not(std::move(test)) : test;
    }
    OG_ASSIGN_OR_RETURN(const bool negated, Accept("NOT"));
    OG_ASSIGN_OR_RETURN(std::optional<ExprPtr> test, SqlTest(left));
    if (test.has_value()) return negated ? Not(*std::move(test)) : *std::move(test);
    if (negated) return Unexpected("IN, BETWEEN or LIKE");
    return left;
  }

  // What stands behind IS: never unknown.
  absl::StatusOr<ExprPtr> TwoValuedTest(const ExprPtr& left) {
    const ExprPtr is_known = Not(IsNull(left));
    OG_ASSIGN_OR_RETURN(const bool is_true, Accept("TRUE"));
    if (is_true) return And({is_known, left});
    OG_ASSIGN_OR_RETURN(const bool is_false, Accept("FALSE"));
    if (is_false) return And({is_known, Not(left)});
    OG_ASSIGN_OR_RETURN(const bool is_unknown, Accept("UNKNOWN"));
    if (is_unknown) return IsNull(left);
    OG_ASSIGN_OR_RETURN(const bool is_distinct, Accept("DISTINCT"));
    if (is_distinct) {
      OG_RETURN_IF_ERROR(Expect("FROM"));
      OG_ASSIGN_OR_RETURN(const ExprPtr right, Sum());
      const ExprPtr right_is_known = Not(IsNull(right));
      return Or({And({is_known, IsNull(right)}), And({IsNull(left), right_is_known}),
                 And({is_known, right_is_known, Compare(CompareOp::kNe, left, right)})});
    }
    OG_RETURN_IF_ERROR(Expect("NULL"));
    return IsNull(left);
  }

  std::optional<CompareOp> ComparisonHere() const {
    if (token_.kind != TokenKind::kSymbol) return std::nullopt;
    if (token_.text == "=" || token_.text == "==") return CompareOp::kEq;
    if (token_.text == "!=" || token_.text == "<>") return CompareOp::kNe;
    if (token_.text == "<") return CompareOp::kLt;
    if (token_.text == "<=") return CompareOp::kLe;
    if (token_.text == ">") return CompareOp::kGt;
    if (token_.text == ">=") return CompareOp::kGe;
    return std::nullopt;
  }

  // What follows `left` as IN, BETWEEN or LIKE, if one of them does.
  absl::StatusOr<std::optional<ExprPtr>> SqlTest(const ExprPtr& left) {
    OG_ASSIGN_OR_RETURN(const bool in, Accept("IN"));
    if (in) return Members(left);
    OG_ASSIGN_OR_RETURN(const bool between, Accept("BETWEEN"));
    if (between) {
      OG_ASSIGN_OR_RETURN(ExprPtr low, Sum());
      OG_RETURN_IF_ERROR(Expect("AND"));
      OG_ASSIGN_OR_RETURN(ExprPtr high, Sum());
      return And({Compare(CompareOp::kGe, left, std::move(low)),
                  Compare(CompareOp::kLe, left, std::move(high))});
    }
    OG_ASSIGN_OR_RETURN(const bool like, Accept("LIKE"));
    if (like) {
      OG_ASSIGN_OR_RETURN(ExprPtr pattern, Pattern());
      return Like(left, std::move(pattern));
    }
    OG_ASSIGN_OR_RETURN(const bool ilike, Accept("ILIKE"));
    if (ilike) {
      OG_ASSIGN_OR_RETURN(ExprPtr pattern, Pattern());
      return Like(Call(Function::kLower, {left}), Call(Function::kLower, {std::move(pattern)}));
    }
    return std::nullopt;
  }

  // A pattern of LIKE, whose escape character is made the backslash that Like() knows.
  absl::StatusOr<ExprPtr> Pattern() {
    OG_ASSIGN_OR_RETURN(ExprPtr pattern, Sum());
    OG_ASSIGN_OR_RETURN(const bool escapes, Accept("ESCAPE"));
    if (!escapes) return pattern;
    if (token_.kind != TokenKind::kText || token_.text.size() != 1) {
      return Unexpected("one character in quotes");
    }
    const char escape = token_.text[0];
    OG_RETURN_IF_ERROR(Advance());
    const bool is_text =
        pattern->kind == ExprKind::kLiteral && pattern->values->type->id == format::TypeId::kUtf8;
    if (!is_text) return Refuse(token_.at, "ESCAPE needs a pattern in quotes");
    const std::string_view written = pattern->values->StringValue(0);
    std::string escaped;
    for (size_t i = 0; i < written.size(); ++i) {
      const bool is_escape = written[i] == escape && i + 1 < written.size();
      if (is_escape || written[i] == '\\') escaped += '\\';
      escaped += written[is_escape ? ++i : i];
    }
    return StringLiteral(escaped);
  }

  absl::StatusOr<std::optional<ExprPtr>> Members(const ExprPtr& left) {
    OG_RETURN_IF_ERROR(Expect("("));
    // Long lists are mostly of keys.
    if (const auto integers = lexer_.IntegersAt(token_.at)) {
      format::FixedBuilder<int64_t> builder(format::Int64());
      for (const int64_t value : *integers)
        builder.Append(value);
      OG_RETURN_IF_ERROR(Advance());
      OG_RETURN_IF_ERROR(Expect(")"));
      return In(left, builder.Finish());
    }
    std::vector<ExprPtr> members;
    bool one_type = true;
    bool more = true;
    while (more) {
      OG_ASSIGN_OR_RETURN(ExprPtr member, Sum());
      one_type = one_type && member->kind == ExprKind::kLiteral &&
                 (members.empty() || *member->values->type == *members[0]->values->type);
      members.push_back(std::move(member));
      OG_ASSIGN_OR_RETURN(more, Accept(","));
    }
    OG_RETURN_IF_ERROR(Expect(")"));
    if (one_type) {
      std::vector<format::ArrayPtr> values;
      for (const ExprPtr& member : members)
        values.push_back(member->values);
      return In(left, Concat(values));
    }
    for (ExprPtr& member : members)
      member = Compare(CompareOp::kEq, left, std::move(member));
    return Or(std::move(members));
  }

  absl::StatusOr<ExprPtr> Sum() {
    OG_ASSIGN_OR_RETURN(ExprPtr left, Product());
    while (IsSymbol("+") || IsSymbol("-") || IsSymbol("||")) {
      const std::string symbol = token_.text;
      OG_RETURN_IF_ERROR(AdvanceOperator());
      OG_ASSIGN_OR_RETURN(ExprPtr right, Product());
      left = symbol == "||"
                 ? Call(Function::kJoin, {std::move(left), std::move(right)})
                 : Arithmetic(symbol == "+" ? ArithmeticOp::kAdd : ArithmeticOp::kSubtract,
                              std::move(left), std::move(right));
    }
    return left;
  }

  absl::StatusOr<ExprPtr> Product() {
    OG_ASSIGN_OR_RETURN(ExprPtr left, Operand());
    while (IsSymbol("*") || IsSymbol("/") || IsSymbol("%")) {
      const ArithmeticOp op = token_.text == "*"   ? ArithmeticOp::kMultiply
                              : token_.text == "/" ? ArithmeticOp::kDivide
                                                   : ArithmeticOp::kModulo;
      OG_RETURN_IF_ERROR(AdvanceOperator());
      OG_ASSIGN_OR_RETURN(ExprPtr right, Operand());
      left = Arithmetic(op, std::move(left), std::move(right));
    }
    return left;
  }

  absl::StatusOr<ExprPtr> Operand() {
    OG_ASSIGN_OR_RETURN(ExprPtr operand, Primary());
    while (IsSymbol("::") || IsSymbol("[")) {
      const bool is_cast = IsSymbol("::");
      OG_RETURN_IF_ERROR(AdvanceOperator());
      if (is_cast) {
        OG_ASSIGN_OR_RETURN(format::TypePtr type, TypeHere());
        operand = StrictCastTo(std::move(operand), std::move(type));
        continue;
      }
      OG_ASSIGN_OR_RETURN(operand, PartOf(std::move(operand)));
      OG_RETURN_IF_ERROR(Expect("]"));
    }
    return operand;
  }

  // A member of a struct by its name in quotes, or an item of a list by its number.
  absl::StatusOr<ExprPtr> PartOf(ExprPtr whole) {
    if (token_.kind != TokenKind::kText) {
      OG_ASSIGN_OR_RETURN(ExprPtr number, Sum());
      return Call(Function::kListItem, {std::move(whole), std::move(number)});
    }
    if (whole->kind != ExprKind::kColumn) return Unexpected("a number");
    std::vector<std::string> path = whole->path;
    path.push_back(token_.text);
    OG_RETURN_IF_ERROR(Advance());
    return Column(std::move(path));
  }

  absl::StatusOr<ExprPtr> Primary() {
    OG_ASSIGN_OR_RETURN(const bool grouped, Accept("("));
    if (grouped) {
      OG_ASSIGN_OR_RETURN(ExprPtr inner, Disjunction());
      OG_RETURN_IF_ERROR(Expect(")"));
      return inner;
    }
    if (token_.kind == TokenKind::kQuotedName) return ColumnHere();
    if (IsSymbol("-")) return Negative();
    if (token_.kind != TokenKind::kWord) return LiteralHere();
    for (const std::string_view keyword : {"TRUE", "FALSE", "NULL", "DATE", "TIMESTAMP", "X"}) {
      if (IsKeyword(keyword)) return ColumnOrLiteral();
    }
    if (IsKeyword("CASE")) return ColumnOrCase();
    for (const std::string_view reserved : kReserved) {
      if (IsKeyword(reserved)) return Unexpected("a column or a value");
    }
    return ColumnOrCall();
  }

  // A negative number, or the negative of an operand.
  absl::StatusOr<ExprPtr> Negative() {
    OG_RETURN_IF_ERROR(Advance());
    if (token_.kind == TokenKind::kNumber) {
      OG_ASSIGN_OR_RETURN(ExprPtr literal, NumberLiteral("-" + token_.text));
      OG_RETURN_IF_ERROR(Advance());
      return literal;
    }
    if (depth_ == kFilterDepthMax) return Refuse(token_.at, "nested too deeply");
    ++depth_;
    OG_ASSIGN_OR_RETURN(ExprPtr operand, Operand());
    --depth_;
    return Call(Function::kNegative, {std::move(operand)});
  }

  absl::StatusOr<ExprPtr> ColumnHere() { return ColumnFrom({}); }

  // A column whose path starts with `path`, of which the next name or point is the current token.
  absl::StatusOr<ExprPtr> ColumnFrom(std::vector<std::string> path) {
    while (true) {
      if (path.empty() || IsSymbol(".")) {
        if (!path.empty()) OG_RETURN_IF_ERROR(Advance());
        if (token_.kind != TokenKind::kWord && token_.kind != TokenKind::kQuotedName) {
          return Unexpected("a column name");
        }
        path.push_back(token_.text);
        OG_RETURN_IF_ERROR(Advance());
        continue;
      }
      return Column(std::move(path));
    }
  }

  // A word is a column name unless a parenthesis follows.
  absl::StatusOr<ExprPtr> ColumnOrCall() {
    const Token name = token_;
    OG_RETURN_IF_ERROR(Advance());
    OG_ASSIGN_OR_RETURN(const bool call, Accept("("));
    std::string function = name.text;
    for (char& c : function)
      c = Upper(c);
    if (!call && function == "CURRENT_DATE") return Call(Function::kToday, {});
    if (!call && function == "CURRENT_TIMESTAMP") return Call(Function::kNow, {});
    if (!call) return ColumnFrom({name.text});
    if (function == "CAST" || function == "TRY_CAST") return CastCall(function == "CAST");
    if (function == "EXTRACT") return ExtractCall();
    if (function == "ARRAY_HAS_ANY") return ListTest(false);
    if (function == "ARRAY_HAS_ALL") return ListTest(true);
    if (const FunctionSpec* spec = FindFunction(name.text);
        spec != nullptr && TakesUnit(spec->function)) {
      return UnitCall(spec->function);
    }
    std::vector<ExprPtr> args;
    const FunctionSpec* const called = FindFunction(name.text);
    const bool takes_none = function == "PI" || (called != nullptr && called->max_arguments == 0);
    bool more = !takes_none || !IsSymbol(")");
    while (more) {
      OG_ASSIGN_OR_RETURN(ExprPtr arg, Disjunction());
      args.push_back(std::move(arg));
      OG_ASSIGN_OR_RETURN(more, Accept(","));
    }
    if (function == "SUBSTRING" && args.size() == 1 && IsKeyword("FROM")) {
      OG_RETURN_IF_ERROR(AppendSubstringRange(args));
    }
    OG_RETURN_IF_ERROR(Expect(")"));
    if (function == "REGEXP_MATCH" && (args.size() == 2 || args.size() == 3)) {
      return RegexpMatch(std::move(args));
    }
    return CallOf(name, function, std::move(args));
  }

  // The reference's gives the parts that match, or null; as a condition whether it is not null.
  absl::StatusOr<ExprPtr> RegexpMatch(std::vector<ExprPtr> args) const {
    ExprPtr matches = Call(Function::kRegexpLike, std::move(args));
    ExprPtr found = Case({std::move(matches), BoolLiteral(true)});
    return IsKeyword("IS") ? std::move(found) : Not(IsNull(std::move(found)));
  }

  // A point in time that a function makes of a literal: text, or a number of `unit`s.
  static absl::StatusOr<ExprPtr> InstantOf(const Token& name, const ExprPtr& arg,
                                           format::TimeUnit text_unit, format::TimeUnit unit) {
    const bool is_literal = arg->kind == ExprKind::kLiteral;
    if (is_literal && arg->values->type->id == format::TypeId::kUtf8) {
      return StrictCastTo(arg, format::Timestamp(text_unit));
    }
    if (is_literal && arg->values->type->id == format::TypeId::kInt64) {
      return StrictCastTo(StrictCastTo(arg, format::Timestamp(unit)), format::Timestamp(text_unit));
    }
    return Refuse(name.at, io::StrCat(name.text, " takes a text or a whole number"));
  }

  // The functions that are made of others.
  static absl::StatusOr<std::optional<ExprPtr>> ComposedCall(const Token& name,
                                                             std::string_view function,
                                                             const std::vector<ExprPtr>& args) {
    using format::TimeUnit;
    if (function == "ISZERO" && args.size() == 1) {
      return Or({Compare(CompareOp::kEq, args[0], Float64Literal(0.0)),
                 Compare(CompareOp::kEq, args[0], Float64Literal(-0.0))});
    }
    if (function == "NANVL" && args.size() == 2) {
      return Case({Call(Function::kIsNan, {args[0]}), args[1], args[0]});
    }
    if (function == "PI" && args.empty()) return Float64Literal(std::numbers::pi);
    if (function == "NVL2" && args.size() == 3) {
      return Case({Not(IsNull(args[0])), args[1], args[2]});
    }
    if (function == "FROM_UNIXTIME" && args.size() == 1) {
      return StrictCastTo(StrictCastTo(args[0], format::Int64()),
                          format::Timestamp(TimeUnit::kSecond));
    }
    if (function == "TO_DATE" && args.size() == 1) {
      return StrictCastTo(args[0], format::Date32());
    }
    if (args.size() != 1 || !function.starts_with("TO_TIMESTAMP")) return std::nullopt;
    struct Named {
      std::string_view name;
      TimeUnit text_unit, unit;
    };
    constexpr Named kNames[] = {
        {"TO_TIMESTAMP", TimeUnit::kNano, TimeUnit::kSecond},
        {"TO_TIMESTAMP_SECONDS", TimeUnit::kSecond, TimeUnit::kSecond},
        {"TO_TIMESTAMP_MILLIS", TimeUnit::kMilli, TimeUnit::kMilli},
        {"TO_TIMESTAMP_MICROS", TimeUnit::kMicro, TimeUnit::kMicro},
        {"TO_TIMESTAMP_NANOS", TimeUnit::kNano, TimeUnit::kNano},
    };
    for (const Named& known : kNames) {
      if (known.name == function) return InstantOf(name, args[0], known.text_unit, known.unit);
    }
    return std::nullopt;
  }

  static absl::StatusOr<ExprPtr> CallOf(const Token& name, std::string_view function,
                                        std::vector<ExprPtr> args) {
    using Test = ExprPtr (*)(ExprPtr, ExprPtr);
    constexpr std::pair<std::string_view, Test> kTests[] = {
        {"CONTAINS", Contains},          {"STARTS_WITH", StartsWith},
        {"ARRAY_HAS", ListContains},     {"ARRAY_CONTAINS", ListContains},
        {"LIST_CONTAINS", ListContains}, {"LIST_HAS", ListContains},
    };
    for (const auto& [known, test] : kTests) {
      if (function != known) continue;
      if (args.size() != 2) return Refuse(name.at, io::StrCat(name.text, " takes two arguments"));
      return test(std::move(args[0]), std::move(args[1]));
    }
    if (function == "GET_FIELD" && args.size() == 2 && args[0]->kind == ExprKind::kColumn &&
        args[1]->kind == ExprKind::kLiteral && args[1]->values->type->id == format::TypeId::kUtf8) {
      std::vector<std::string> path = args[0]->path;
      path.emplace_back(args[1]->values->StringValue(0));
      return Column(std::move(path));
    }
    OG_ASSIGN_OR_RETURN(std::optional<ExprPtr> composed, ComposedCall(name, function, args));
    if (composed.has_value()) return *std::move(composed);
    const FunctionSpec* spec = FindFunction(function);
    if (spec == nullptr) return Refuse(name.at, io::StrCat("no function '", name.text, "'"));
    if (args.size() < spec->min_arguments || args.size() > spec->max_arguments) {
      return Refuse(name.at, io::StrCat(name.text, " does not take ", args.size(), " arguments"));
    }
    return Call(spec->function, std::move(args));
  }

  static bool TakesUnit(Function function) {
    return function == Function::kDatePart || function == Function::kDateTrunc;
  }

  // What stands behind "date_part(".
  absl::StatusOr<ExprPtr> UnitCall(Function function) {
    if (token_.kind != TokenKind::kText) return Unexpected("a unit of time in quotes");
    const std::string unit = token_.text;
    OG_RETURN_IF_ERROR(Advance());
    OG_RETURN_IF_ERROR(Expect(","));
    OG_ASSIGN_OR_RETURN(ExprPtr arg, Disjunction());
    OG_RETURN_IF_ERROR(Expect(")"));
    return CallWithUnit(function, unit, std::move(arg));
  }

  // What stands behind "EXTRACT(".
  absl::StatusOr<ExprPtr> ExtractCall() {
    if (token_.kind != TokenKind::kWord) return Unexpected("a unit of time");
    const std::string unit = token_.text;
    OG_RETURN_IF_ERROR(Advance());
    OG_RETURN_IF_ERROR(Expect("FROM"));
    OG_ASSIGN_OR_RETURN(ExprPtr arg, Disjunction());
    OG_RETURN_IF_ERROR(Expect(")"));
    return CallWithUnit(Function::kDatePart, unit, std::move(arg));
  }

  // FROM first [FOR count] of SUBSTRING.
  absl::Status AppendSubstringRange(std::vector<ExprPtr>& args) {
    OG_RETURN_IF_ERROR(Expect("FROM"));
    OG_ASSIGN_OR_RETURN(ExprPtr first, Sum());
    args.push_back(std::move(first));
    OG_ASSIGN_OR_RETURN(const bool is_limited, Accept("FOR"));
    if (is_limited) {
      OG_ASSIGN_OR_RETURN(ExprPtr count, Sum());
      args.push_back(std::move(count));
    }
    return absl::OkStatus();
  }

  // What stands behind "array_has_any(" and "array_has_all(": a list, then values in brackets or
  // behind make_array.
  absl::StatusOr<ExprPtr> ListTest(bool all) {
    OG_ASSIGN_OR_RETURN(const ExprPtr list, Disjunction());
    OG_RETURN_IF_ERROR(Expect(","));
    OG_ASSIGN_OR_RETURN(const bool is_call, Accept("MAKE_ARRAY"));
    OG_RETURN_IF_ERROR(Expect(is_call ? "(" : "["));
    const std::string_view end = is_call ? ")" : "]";
    std::vector<ExprPtr> tests;
    bool more = !IsSymbol(end);
    while (more) {
      OG_ASSIGN_OR_RETURN(ExprPtr item, Sum());
      tests.push_back(ListContains(list, std::move(item)));
      OG_ASSIGN_OR_RETURN(more, Accept(","));
    }
    OG_RETURN_IF_ERROR(Expect(end));
    OG_RETURN_IF_ERROR(Expect(")"));
    return all ? And(std::move(tests)) : Or(std::move(tests));
  }

  // What stands behind "CAST(".
  absl::StatusOr<ExprPtr> CastCall(bool is_strict) {
    OG_ASSIGN_OR_RETURN(ExprPtr arg, Disjunction());
    OG_RETURN_IF_ERROR(Expect("AS"));
    OG_ASSIGN_OR_RETURN(format::TypePtr type, TypeHere());
    OG_RETURN_IF_ERROR(Expect(")"));
    return is_strict ? StrictCastTo(std::move(arg), std::move(type))
                     : CastTo(std::move(arg), std::move(type));
  }

  absl::StatusOr<format::TypePtr> TypeHere() {
    const Token word = token_;
    OG_ASSIGN_OR_RETURN(const bool is_decimal, Accept("DECIMAL"));
    if (is_decimal) return DecimalType();
    for (const SqlType& known : kSqlTypes) {
      if (!IsKeyword(known.name)) continue;
      OG_RETURN_IF_ERROR(Advance());
      OG_ASSIGN_OR_RETURN(const bool is_unsigned, Accept("UNSIGNED"));
      if (!is_unsigned) return known.type();
      if (known.unsigned_type == nullptr) return Refuse(word.at, "only integers are unsigned");
      return known.unsigned_type();
    }
    return Unexpected("a type");
  }

  // What stands behind DECIMAL: (precision, scale).
  absl::StatusOr<format::TypePtr> DecimalType() {
    constexpr int64_t kPrecisionMax = 38;
    OG_RETURN_IF_ERROR(Expect("("));
    OG_ASSIGN_OR_RETURN(const int64_t precision, SmallNumber(kPrecisionMax));
    OG_RETURN_IF_ERROR(Expect(","));
    OG_ASSIGN_OR_RETURN(const int64_t scale, SmallNumber(precision));
    OG_RETURN_IF_ERROR(Expect(")"));
    if (precision == 0) return Refuse(token_.at, "a decimal of no digits");
    return format::Decimal128(static_cast<int32_t>(precision), static_cast<int32_t>(scale));
  }

  absl::StatusOr<int64_t> SmallNumber(int64_t max) {
    const auto number = io::ParseInt64(token_.text);
    if (token_.kind != TokenKind::kNumber || !number || *number > max) {
      return Unexpected(io::StrCat("a number up to ", max));
    }
    OG_RETURN_IF_ERROR(Advance());
    return *number;
  }

  // CASE is a column name unless WHEN follows.
  absl::StatusOr<ExprPtr> ColumnOrCase() {
    const Token word = token_;
    OG_RETURN_IF_ERROR(Advance());
    if (!IsKeyword("WHEN")) return ColumnFrom({word.text});
    std::vector<ExprPtr> args;
    OG_ASSIGN_OR_RETURN(bool more, Accept("WHEN"));
    while (more) {
      OG_ASSIGN_OR_RETURN(ExprPtr condition, Disjunction());
      OG_RETURN_IF_ERROR(Expect("THEN"));
      OG_ASSIGN_OR_RETURN(ExprPtr value, Disjunction());
      args.push_back(std::move(condition));
      args.push_back(std::move(value));
      OG_ASSIGN_OR_RETURN(more, Accept("WHEN"));
    }
    OG_ASSIGN_OR_RETURN(const bool has_else, Accept("ELSE"));
    if (has_else) {
      OG_ASSIGN_OR_RETURN(ExprPtr value, Disjunction());
      args.push_back(std::move(value));
    }
    OG_RETURN_IF_ERROR(Expect("END"));
    return Case(std::move(args));
  }

  // DATE, TIMESTAMP and X are column names unless text follows.
  absl::StatusOr<ExprPtr> ColumnOrLiteral() {
    const Token word = token_;
    const bool is_true = IsKeyword("TRUE");
    const bool is_null = IsKeyword("NULL");
    const bool is_date = IsKeyword("DATE");
    const bool is_bytes = IsKeyword("X");
    const bool stands_alone = is_true || is_null || IsKeyword("FALSE");
    OG_RETURN_IF_ERROR(Advance());
    if (is_null) return NullLiteral();
    if (stands_alone) return BoolLiteral(is_true);
    if (token_.kind != TokenKind::kText) return ColumnFrom({word.text});
    const std::string text = token_.text;
    OG_RETURN_IF_ERROR(Advance());
    if (is_bytes) return BytesLiteral(text, word.at);
    if (is_date) {
      const std::optional<int32_t> days = ParseDate(text);
      if (!days) return Refuse(word.at, io::StrCat("invalid date '", text, "'"));
      format::FixedBuilder<int32_t> builder(format::Date32());
      builder.Append(*days);
      return Literal(builder.Finish());
    }
    const std::optional<int64_t> ms = ParseDateTime(text);
    if (!ms) return Refuse(word.at, io::StrCat("invalid timestamp '", text, "'"));
    return InstantLiteral(*ms, text);
  }

  // Milliseconds, or nanoseconds where `text` has finer fractions.
  static ExprPtr InstantLiteral(int64_t milliseconds, std::string_view text) {
    constexpr int64_t kNanosecondsPerMillisecond = 1'000'000;
    constexpr size_t kDigitsMax = 9;
    int64_t fraction = 0;
    size_t digits = 0;
    for (size_t at = text.find('.'); at != std::string_view::npos && ++at < text.size() &&
                                     IsDigit(text[at]) && digits < kDigitsMax;
         ++digits)
      fraction = fraction * 10 + (text[at] - '0');
    for (size_t padded = digits; padded < kDigitsMax; ++padded)
      fraction *= 10;
    int64_t nanoseconds = 0;
    if (digits > 3 &&
        !__builtin_mul_overflow(milliseconds, kNanosecondsPerMillisecond, &nanoseconds)) {
      format::FixedBuilder<int64_t> builder(format::Timestamp(format::TimeUnit::kNano));
      builder.Append(nanoseconds + fraction % kNanosecondsPerMillisecond);
      return Literal(builder.Finish());
    }
    format::FixedBuilder<int64_t> builder(format::Date64());
    builder.Append(milliseconds);
    return Literal(builder.Finish());
  }

  static absl::StatusOr<ExprPtr> BytesLiteral(std::string_view digits, size_t at) {
    std::string bytes;
    for (size_t i = 0; i < digits.size(); i += 2) {
      const std::string_view pair = digits.substr(i, 2);
      unsigned value = 0;
      const auto [end, error] = std::from_chars(pair.data(), pair.data() + pair.size(), value, 16);
      if (pair.size() != 2 || error != std::errc() || end != pair.data() + 2) {
        return Refuse(at, "bytes are pairs of hexadecimal digits");
      }
      bytes += static_cast<char>(value);
    }
    format::StringBuilder builder(format::Binary());
    builder.Append(bytes);
    return Literal(builder.Finish());
  }

  absl::StatusOr<ExprPtr> LiteralHere() {
    if (token_.kind == TokenKind::kWord) {
      for (const std::string_view keyword : {"TRUE", "FALSE", "NULL", "DATE", "TIMESTAMP", "X"}) {
        if (!IsKeyword(keyword)) continue;
        const Token word = token_;
        OG_ASSIGN_OR_RETURN(ExprPtr literal, ColumnOrLiteral());
        if (literal->kind != ExprKind::kLiteral) return Refuse(word.at, "expected a value");
        return literal;
      }
    }
    if (token_.kind == TokenKind::kText) {
      ExprPtr literal = StringLiteral(token_.text);
      OG_RETURN_IF_ERROR(Advance());
      return literal;
    }
    std::string sign;
    if (IsSymbol("-") || IsSymbol("+")) {
      if (token_.text == "-") sign = "-";
      OG_RETURN_IF_ERROR(Advance());
    }
    if (token_.kind != TokenKind::kNumber) return Unexpected("a value");
    OG_ASSIGN_OR_RETURN(ExprPtr literal, NumberLiteral(sign + token_.text));
    OG_RETURN_IF_ERROR(Advance());
    return literal;
  }

  absl::StatusOr<ExprPtr> NumberLiteral(const std::string& text) const {
    if (const auto value = io::ParseInt64(text)) return Int64Literal(*value);
    if (const auto value = io::ParseUint64(text)) {
      format::FixedBuilder<uint64_t> builder(format::Uint64());
      builder.Append(*value);
      return Literal(builder.Finish());
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Refuse(token_.at, io::StrCat("number '", text, "' is out of range"));
    }
    return Float64Literal(value);
  }

  Lexer lexer_;
  Token token_;
  int depth_ = 0;
  int num_operators_ = 0;
};

}  // namespace

absl::StatusOr<ExprPtr> ParseFilter(std::string_view text) {
  return Parser(text).Parse();
}

absl::StatusOr<ExprPtr> ParseExpression(std::string_view text) {
  return Parser(text).Parse();
}

}  // namespace og::engine::expr
