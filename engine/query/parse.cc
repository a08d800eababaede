#include "engine/query/parse.h"

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"

#include "engine/query/grammar_rules.h"
#include "engine/schema/peg.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::query {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// `status` with the byte of the source that it speaks of.
absl::Status WithOffset(const absl::Status& status, size_t offset) {
  io::ErrorDetail detail = io::DetailOf(status).value_or(io::ErrorDetail{});
  detail.fields.emplace_back("offset", io::StrCat(offset));
  return io::DetailedError(std::move(detail), io::Message(status));
}

class Parser {
 public:
  explicit Parser(std::string_view source) : peg_(source, kRuleNames) {}

  absl::StatusOr<QueryFile> Parse() {
    QueryFile file;
    const bool matched = peg_.Rule(kQueryFile, [&] {
      while (Append(QueryDecl(), file.queries)) {
      }
      return peg_.Then(kEoi, [&] { return peg_.AtEnd(); });
    });
    if (too_deep_) {
      return WithOffset(
          schema::SourceError(
              io::StrCat("calls, lists and negations nest deeper than ", kMaxNesting, " levels")),
          *too_deep_);
    }
    if (!matched) {
      return peg_.SyntaxError();
    }
    if (!refusals_.empty()) {
      return refusals_.front();
    }
    return file;
  }

 private:
  // Counts the levels that are open; past the limit every rule that can nest fails.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxNesting && !parser_.too_deep_) {
        parser_.too_deep_ = parser_.peg_.position();
      }
    }
    ~Nesting() { --parser_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    bool allowed() const { return !parser_.too_deep_; }

   private:
    Parser& parser_;
  };

  template <typename T>
  static bool Take(std::optional<T> from, T& to) {
    if (from) {
      to = std::move(*from);
    }
    return from.has_value();
  }
  template <typename T>
  static bool Take(std::optional<T> from, std::optional<T>& to) {
    to = std::move(from);
    return to.has_value();
  }
  template <typename T>
  static bool Append(std::optional<T> from, std::vector<T>& to) {
    if (from) {
      to.push_back(std::move(*from));
    }
    return from.has_value();
  }

  // The next part of a sequence as a named rule. A rule that fails takes back the refusals found
  // inside it: another alternative may read the same bytes.
  template <typename Body>
  bool Rule(RuleId rule, Body&& body) {
    const size_t num_refusals = refusals_.size();
    const bool matched = peg_.Then(rule, std::forward<Body>(body));
    if (!matched) {
      refusals_.resize(num_refusals);
    }
    return matched;
  }

  // The same for a rule whose node `node` records where it stands.
  template <typename Node, typename Body>
  std::optional<Node> Spanned(RuleId rule, Node& node, Body&& body) {
    if (!RuleWithSpan(rule, node.span, std::forward<Body>(body))) {
      return std::nullopt;
    }
    return std::move(node);
  }

  template <typename Body>
  bool RuleWithSpan(RuleId rule, Span& span, Body&& body) {
    size_t begin = 0;
    if (!Rule(rule, [&] {
          begin = peg_.position();
          return body();
        })) {
      return false;
    }
    span = {.begin = begin, .end = peg_.position()};
    return true;
  }

  bool Token(std::string_view text) { return peg_.Token(text); }

  // Parts without a name that may be absent; the cursor stays put if they are.
  template <typename Body>
  bool Optional(Body&& body) {
    const size_t start = peg_.position();
    const size_t num_refusals = refusals_.size();
    if (!std::forward<Body>(body)()) {
      peg_.Rewind(start);
      refusals_.resize(num_refusals);
    }
    return true;
  }

  template <typename T, typename Item>
  bool OneOrMore(std::vector<T>& to, Item&& item) {
    if (!Append(item(), to)) {
      return false;
    }
    while (Append(item(), to)) {
    }
    return true;
  }

  // item { "," item }
  template <typename T, typename Item>
  bool CommaSeparated(std::vector<T>& to, Item&& item) {
    if (!Append(item(), to)) {
      return false;
    }
    while (true) {
      const size_t start = peg_.position();
      if (!Token(",") || !Append(item(), to)) {
        peg_.Rewind(start);
        return true;
      }
    }
  }

  void Refuse(size_t offset, absl::Status status) {
    refusals_.push_back(WithOffset(status, offset));
  }

  // --- names and numbers

  // The text of a rule that is one piece.
  template <typename Body>
  std::optional<std::string> Piece(RuleId rule, Body&& body) {
    std::string text;
    if (!Rule(rule, [&] {
          const size_t start = peg_.position();
          if (!body()) {
            return false;
          }
          text = peg_.From(start);
          return true;
        })) {
      return std::nullopt;
    }
    return text;
  }

  std::optional<std::string> Ident() {
    return Piece(kIdent, [&] { return peg_.Identifier(); });
  }

  std::optional<std::string> TypeName() {
    return Piece(kTypeName, [&] { return peg_.TypeName(); });
  }

  std::optional<std::string> Variable() {
    std::optional<std::string> text =
        Piece(kVariable, [&] { return peg_.Literal("$") && peg_.Identifier(); });
    if (text) {
      text->erase(0, 1);
    }
    return text;
  }

  std::optional<std::string> EdgeIdent() {
    return Piece(kEdgeIdent, [&] {
      const size_t start = peg_.position();
      if (peg_.Literal("not") && !peg_.OneOf(IsAlphanumeric)) {
        return false;
      }
      peg_.Rewind(start);
      return peg_.Identifier();
    });
  }

  std::optional<std::string> Integer() {
    return Piece(kInteger, [&] { return peg_.Digits(); });
  }

  // `digits` as T; what does not fit is refused as "<what>: ..." and read as 0.
  template <typename T>
  T Number(std::string_view digits, std::string_view what) {
    T value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc()) {
      Refuse(peg_.position() - digits.size(),
             schema::SourceError(io::StrCat(what, ": number too large to fit in target type")));
      return 0;
    }
    return value;
  }

  std::optional<std::string> StringLiteral() {
    size_t start = 0;
    const std::optional<std::string> quoted = Piece(kStringLit, [&] {
      start = peg_.position();
      return peg_.String();
    });
    if (!quoted) {
      return std::nullopt;
    }
    absl::StatusOr<std::string> decoded = schema::DecodeStringLiteral(*quoted);
    if (!decoded.ok()) {
      Refuse(start, decoded.status());
      return std::string();
    }
    return *std::move(decoded);
  }

  // --- literals

  std::optional<query::Literal> Literal() {
    const Nesting nesting(*this);
    query::Literal literal;
    return Spanned(kLiteral, literal, [&] {
      return nesting.allowed() &&
             (ListLiteral(literal) || DateLiteral(kDatetimeLit, "datetime", literal) ||
              DateLiteral(kDateLit, "date", literal) || TextLiteral(literal) ||
              FloatLiteral(literal) || IntegerLiteral(literal) || BoolLiteral(literal));
    });
  }

  bool ListLiteral(query::Literal& literal) {
    literal.items.clear();
    if (!Rule(kListLit, [&] {
          return Token("[") && Optional([&] {
                   return CommaSeparated(literal.items, [&] { return Literal(); });
                 }) &&
                 Token("]");
        })) {
      literal.items.clear();
      return false;
    }
    literal.kind = LiteralKind::kList;
    return true;
  }

  bool DateLiteral(RuleId rule, std::string_view keyword, query::Literal& literal) {
    if (!Rule(rule, [&] {
          return Token(keyword) && Token("(") && Take(StringLiteral(), literal.text) && Token(")");
        })) {
      literal.text.clear();
      return false;
    }
    literal.kind = rule == kDateLit ? LiteralKind::kDate : LiteralKind::kDateTime;
    return true;
  }

  bool TextLiteral(query::Literal& literal) {
    literal.kind = LiteralKind::kString;
    return Take(StringLiteral(), literal.text);
  }

  bool FloatLiteral(query::Literal& literal) {
    const std::optional<std::string> text = Piece(kFloatLit, [&] { return peg_.Decimal(); });
    if (!text) {
      return false;
    }
    literal.kind = LiteralKind::kFloat;
    const auto [end, error] =
        std::from_chars(text->data(), text->data() + text->size(), literal.number);
    // Out of range is too large, or too small to tell from zero.
    if (error != std::errc() && text->find_first_not_of('0') < text->find('.')) {
      Refuse(peg_.position() - text->size(),
             schema::SourceError("invalid float: number too large to fit in target type"));
    }
    return true;
  }

  bool IntegerLiteral(query::Literal& literal) {
    const std::optional<std::string> digits = Integer();
    if (!digits) {
      return false;
    }
    literal.kind = LiteralKind::kInteger;
    literal.integer = Number<int64_t>(*digits, "invalid integer");
    return true;
  }

  bool BoolLiteral(query::Literal& literal) {
    const std::optional<std::string> text =
        Piece(kBoolLit, [&] { return peg_.Literal("true") || peg_.Literal("false"); });
    if (!text) {
      return false;
    }
    literal.kind = LiteralKind::kBool;
    literal.flag = *text == "true";
    return true;
  }

  std::optional<query::MatchValue> MatchValue() {
    query::MatchValue value;
    return Spanned(kMatchValue, value, [&] {
      if (Take(Literal(), value.literal)) {
        return true;
      }
      if (Take(Variable(), value.variable)) {
        value.kind = query::MatchValue::Kind::kVariable;
        return true;
      }
      value.kind = query::MatchValue::Kind::kNow;
      return NowCall();
    });
  }

  // --- expressions

  std::optional<query::Expr> Expr() {
    const Nesting nesting(*this);
    query::Expr expr;
    return Spanned(kExpr, expr, [&] {
      if (!nesting.allowed()) {
        return false;
      }
      if (NowCall()) {
        expr.kind = ExprKind::kNow;
        return true;
      }
      return Take(NearestOrdering(), expr) || Take(SearchCall(), expr) || Take(FuzzyCall(), expr) ||
             Take(MatchTextCall(), expr) || Take(Bm25Call(), expr) || Take(RrfCall(), expr) ||
             Take(AggCall(), expr) || Take(PropAccess(), expr) || NameOrLiteral(expr);
    });
  }

  bool NameOrLiteral(query::Expr& expr) {
    if (Take(Variable(), expr.variable)) {
      expr.kind = ExprKind::kVariable;
      return true;
    }
    if (Take(Literal(), expr.literal)) {
      expr.kind = ExprKind::kLiteral;
      return true;
    }
    expr.kind = ExprKind::kAlias;
    return Take(Ident(), expr.variable);
  }

  bool NowCall() {
    return Rule(kNowCall, [&] { return Token("now") && Token("(") && Token(")"); });
  }

  std::optional<query::Expr> PropAccess() {
    query::Expr expr;
    expr.kind = ExprKind::kProperty;
    return Spanned(kPropAccess, expr, [&] {
      return Take(Variable(), expr.variable) && Token(".") && Take(Ident(), expr.property);
    });
  }

  std::optional<query::Expr> NearestOrdering() {
    query::Expr expr;
    query::Expr target;
    expr.kind = ExprKind::kNearest;
    if (!RuleWithSpan(kNearestOrdering, expr.span, [&] {
          return Token("nearest") && Token("(") && Take(PropAccess(), target) && Token(",") &&
                 Append(Expr(), expr.args) && Token(")");
        })) {
      return std::nullopt;
    }
    expr.variable = std::move(target.variable);
    expr.property = std::move(target.property);
    return expr;
  }

  // keyword "(" expr "," expr ")"
  std::optional<query::Expr> TextCall(RuleId rule, std::string_view keyword, ExprKind kind) {
    query::Expr expr;
    expr.kind = kind;
    return Spanned(rule, expr, [&] {
      return Token(keyword) && Token("(") && Append(Expr(), expr.args) && Token(",") &&
             Append(Expr(), expr.args) && Token(")");
    });
  }

  std::optional<query::Expr> SearchCall() {
    return TextCall(kSearchCall, "search", ExprKind::kSearch);
  }
  std::optional<query::Expr> MatchTextCall() {
    return TextCall(kMatchTextCall, "match_text", ExprKind::kMatchText);
  }
  std::optional<query::Expr> Bm25Call() { return TextCall(kBm25Call, "bm25", ExprKind::kBm25); }

  bool OptionalArgument(query::Expr& expr) {
    return Optional([&] { return Token(",") && Append(Expr(), expr.args); });
  }

  std::optional<query::Expr> FuzzyCall() {
    query::Expr expr;
    expr.kind = ExprKind::kFuzzy;
    return Spanned(kFuzzyCall, expr, [&] {
      return Token("fuzzy") && Token("(") && Append(Expr(), expr.args) && Token(",") &&
             Append(Expr(), expr.args) && OptionalArgument(expr) && Token(")");
    });
  }

  std::optional<query::Expr> RankExpr() {
    query::Expr expr;
    if (!Rule(kRankExpr, [&] { return Take(NearestOrdering(), expr) || Take(Bm25Call(), expr); })) {
      return std::nullopt;
    }
    return expr;
  }

  std::optional<query::Expr> RrfCall() {
    query::Expr expr;
    expr.kind = ExprKind::kRrf;
    return Spanned(kRrfCall, expr, [&] {
      return Token("rrf") && Token("(") && Append(RankExpr(), expr.args) && Token(",") &&
             Append(RankExpr(), expr.args) && OptionalArgument(expr) && Token(")");
    });
  }

  bool AggFunc(query::Expr& expr) {
    return Rule(kAggFunc, [&] {
      for (const AggregateFunction function :
           {AggregateFunction::kCount, AggregateFunction::kSum, AggregateFunction::kAvg,
            AggregateFunction::kMin, AggregateFunction::kMax}) {
        if (peg_.Literal(AggregateName(function))) {
          expr.function = function;
          return true;
        }
      }
      return false;
    });
  }

  std::optional<query::Expr> AggCall() {
    query::Expr expr;
    expr.kind = ExprKind::kAggregate;
    return Spanned(kAggCall, expr, [&] {
      return AggFunc(expr) && Token("(") && Append(Expr(), expr.args) && Token(")");
    });
  }

  // --- clauses of a match

  std::optional<query::Clause> Clause() {
    query::Clause clause;
    if (!Rule(kClause, [&] {
          return TakeClause(Negation(), clause) || TakeClause(Binding(), clause) ||
                 TakeClause(Traversal(), clause) || TakeClause(Filter(), clause) ||
                 TakeClause(TextSearchClause(), clause);
        })) {
      return std::nullopt;
    }
    return clause;
  }

  template <typename T>
  static bool TakeClause(std::optional<T> from, query::Clause& to) {
    if (from) {
      to.value = std::move(*from);
    }
    return from.has_value();
  }

  std::optional<query::Negation> Negation() {
    const Nesting nesting(*this);
    query::Negation negation;
    return Spanned(kNegation, negation, [&] {
      return nesting.allowed() && Token("not") && Token("{") &&
             OneOrMore(negation.clauses, [&] { return Clause(); }) && Token("}");
    });
  }

  std::optional<query::Binding> Binding() {
    query::Binding binding;
    return Spanned(kBinding, binding, [&] {
      return Take(Variable(), binding.variable) && Token(":") &&
             Take(TypeName(), binding.type_name) &&
             Optional([&] { return Token("{") && PropMatchList(binding.matches) && Token("}"); });
    });
  }

  bool PropMatchList(std::vector<PropertyValue>& matches) {
    std::vector<PropertyValue> found;
    if (!Rule(kPropMatchList, [&] {
          return CommaSeparated(found, [&] { return PropMatch(); }) &&
                 Optional([&] { return Token(","); });
        })) {
      return false;
    }
    matches = std::move(found);
    return true;
  }

  std::optional<PropertyValue> PropMatch() {
    PropertyValue match;
    return Spanned(kPropMatch, match, [&] {
      return Take(Ident(), match.property) && Token(":") && Take(MatchValue(), match.value);
    });
  }

  std::optional<query::Traversal> Traversal() {
    query::Traversal traversal;
    return Spanned(kTraversal, traversal, [&] {
      return Take(Variable(), traversal.source) &&
             Optional([&] { return Take(EdgeBinding(), traversal.edge_binding); }) &&
             (UndirectedEdge(traversal) || Take(EdgeIdent(), traversal.edge_name)) &&
             Optional([&] { return TraversalBounds(traversal); }) &&
             Take(Variable(), traversal.destination);
    });
  }

  std::optional<std::string> EdgeBinding() {
    std::string name;
    if (!Rule(kEdgeBinding, [&] { return Take(Variable(), name) && Token(":"); })) {
      return std::nullopt;
    }
    return name;
  }

  bool UndirectedEdge(query::Traversal& traversal) {
    traversal.undirected = Rule(kUndirectedEdge, [&] {
      return Token("<") && Take(EdgeIdent(), traversal.edge_name) && Token(">");
    });
    return traversal.undirected;
  }

  bool TraversalBounds(query::Traversal& traversal) {
    return Rule(kTraversalBounds, [&] {
      if (!Token("{")) {
        return false;
      }
      const std::optional<std::string> min = Integer();
      if (!min) {
        return false;
      }
      traversal.min_hops = Number<uint32_t>(*min, "invalid traversal min bound");
      traversal.max_hops.reset();
      if (!Token(",")) {
        return false;
      }
      if (const std::optional<std::string> max = Integer()) {
        traversal.max_hops = Number<uint32_t>(*max, "invalid traversal max bound");
      }
      return Token("}");
    });
  }

  std::optional<query::Filter> Filter() {
    query::Filter filter;
    return Spanned(kFilter, filter, [&] {
      return Take(Expr(), filter.left) && FilterOp(filter.op) && Take(Expr(), filter.right);
    });
  }

  bool FilterOp(CompareOp& op) {
    return Rule(kFilterOp, [&] {
      for (const CompareOp word : {CompareOp::kStartsWith, CompareOp::kContains}) {
        if (peg_.Literal(CompareOpName(word))) {
          op = word;
          return true;
        }
      }
      return CompOp(op);
    });
  }

  bool CompOp(CompareOp& op) {
    return Rule(kCompOp, [&] {
      for (const CompareOp sign :
           {CompareOp::kGreaterEqual, CompareOp::kLessEqual, CompareOp::kNotEqual,
            CompareOp::kGreater, CompareOp::kLess, CompareOp::kEqual}) {
        if (peg_.Literal(CompareOpName(sign))) {
          op = sign;
          return true;
        }
      }
      return false;
    });
  }

  // A text call that stands alone asks for its being true.
  std::optional<query::Filter> TextSearchClause() {
    query::Filter filter;
    filter.right.literal = query::Literal::Bool(true);
    return Spanned(kTextSearchClause, filter, [&] {
      return Take(SearchCall(), filter.left) || Take(FuzzyCall(), filter.left) ||
             Take(MatchTextCall(), filter.left);
    });
  }

  // --- declarations

  std::optional<Query> QueryDecl() {
    Query query;
    return Spanned(kQueryDecl, query, [&] {
      if (!Token("query") || !Take(Ident(), query.name) || !Token("(")) {
        return false;
      }
      Rule(kParamList, [&] { return CommaSeparated(query.params, [&] { return ParamDecl(); }); });
      if (!Token(")")) {
        return false;
      }
      while (Annotation(query)) {
      }
      return Token("{") && QueryBody(query) && Token("}");
    });
  }

  bool Annotation(Query& query) {
    return Rule(kQueryAnnotation, [&] {
      return OneAnnotation(kDescriptionAnnotation, "@description", query.name, query.description) ||
             OneAnnotation(kInstructionAnnotation, "@instruction", query.name, query.instruction);
    });
  }

  bool OneAnnotation(RuleId rule, std::string_view keyword, std::string_view query_name,
                     std::optional<std::string>& value) {
    std::string text;
    size_t start = 0;
    if (!Rule(rule, [&] {
          start = peg_.position();
          return Token(keyword) && Token("(") && Take(StringLiteral(), text) && Token(")");
        })) {
      return false;
    }
    if (value) {
      Refuse(start,
             schema::SourceError(io::StrCat("query `", query_name, "` cannot include duplicate ",
                                            keyword, " annotations")));
    }
    value = std::move(text);
    return true;
  }

  std::optional<Param> ParamDecl() {
    Param param;
    return Spanned(kParam, param,
                   [&] { return Take(Variable(), param.name) && Token(":") && TypeRef(param); });
  }

  bool TypeRef(Param& param) {
    return Rule(kTypeRef, [&] {
      if (!ListType(param.type_name) && !Take(BaseType(), param.type_name) &&
          !VectorType(param.type_name)) {
        return false;
      }
      param.nullable = Token("?");
      return true;
    });
  }

  std::optional<std::string> BaseType() {
    return Piece(kBaseType, [&] {
      for (const std::string_view name : {"String", "Blob", "Bool", "I32", "I64", "U32", "U64",
                                          "F32", "F64", "DateTime", "Date"}) {
        if (peg_.Literal(name)) {
          return true;
        }
      }
      return false;
    });
  }

  bool ListType(std::string& type_name) {
    std::string item;
    if (!Rule(kListType, [&] { return Token("[") && Take(BaseType(), item) && Token("]"); })) {
      return false;
    }
    type_name = io::StrCat("[", item, "]");
    return true;
  }

  bool VectorType(std::string& type_name) {
    std::string dimension;
    if (!Rule(kVectorType, [&] {
          return Token("Vector") && Token("(") && Take(Integer(), dimension) && Token(")");
        })) {
      return false;
    }
    type_name = io::StrCat("Vector(", dimension, ")");
    return true;
  }

  bool QueryBody(Query& query) {
    return Rule(kQueryBody, [&] { return ReadBody(query) || MutationBody(query); });
  }

  bool ReadBody(Query& query) {
    Query read;
    if (!Rule(kReadQueryBody, [&] {
          if (!MatchClause(read) || !ReturnClause(read)) {
            return false;
          }
          OrderClause(read);
          LimitClause(read);
          return true;
        })) {
      return false;
    }
    query.match = std::move(read.match);
    query.projections = std::move(read.projections);
    query.orderings = std::move(read.orderings);
    query.limit = read.limit;
    return true;
  }

  bool MatchClause(Query& query) {
    return Rule(kMatchClause, [&] {
      return Token("match") && Token("{") && OneOrMore(query.match, [&] { return Clause(); }) &&
             Token("}");
    });
  }

  bool ReturnClause(Query& query) {
    return Rule(kReturnClause, [&] {
      return Token("return") && Token("{") &&
             OneOrMore(query.projections, [&] { return ProjectionItem(); }) && Token("}");
    });
  }

  std::optional<Projection> ProjectionItem() {
    Projection projection;
    return Spanned(kProjection, projection, [&] {
      return Take(Expr(), projection.expr) &&
             Optional([&] { return Token("as") && Take(Ident(), projection.alias); }) &&
             Optional([&] { return Token(","); });
    });
  }

  void OrderClause(Query& query) {
    if (!Rule(kOrderClause, [&] {
          return Token("order") && Token("{") &&
                 CommaSeparated(query.orderings, [&] { return OrderingItem(); }) && Token("}");
        })) {
      query.orderings.clear();
    }
  }

  std::optional<Ordering> OrderingItem() {
    Ordering ordering;
    return Spanned(kOrdering, ordering, [&] {
      if (Take(NearestOrdering(), ordering.expr)) {
        return true;
      }
      if (!Take(Expr(), ordering.expr)) {
        return false;
      }
      const std::optional<std::string> direction =
          Piece(kOrderDir, [&] { return peg_.Literal("asc") || peg_.Literal("desc"); });
      ordering.descending = direction == "desc";
      return true;
    });
  }

  void LimitClause(Query& query) {
    Rule(kLimitClause, [&] {
      if (!Token("limit")) {
        return false;
      }
      const std::optional<std::string> digits = Integer();
      if (!digits) {
        return false;
      }
      query.limit = Number<uint64_t>(*digits, "invalid limit");
      return true;
    });
  }

  // --- mutations

  bool MutationBody(Query& query) {
    return Rule(kMutationBody,
                [&] { return OneOrMore(query.mutations, [&] { return MutationStatement(); }); });
  }

  std::optional<Mutation> MutationStatement() {
    Mutation mutation;
    return Spanned(kMutationStmt, mutation,
                   [&] { return Insert(mutation) || Update(mutation) || Delete(mutation); });
  }

  // Forgets what an alternative that failed has left.
  static void Restart(MutationKind kind, Mutation& mutation) {
    mutation.kind = kind;
    mutation.assignments.clear();
    mutation.predicate.reset();
  }

  bool Insert(Mutation& mutation) {
    Restart(MutationKind::kInsert, mutation);
    return Rule(kInsertStmt, [&] {
      return Token("insert") && Take(TypeName(), mutation.type_name) && Assignments(mutation);
    });
  }

  bool Update(Mutation& mutation) {
    Restart(MutationKind::kUpdate, mutation);
    return Rule(kUpdateStmt, [&] {
      return Token("update") && Take(TypeName(), mutation.type_name) && Token("set") &&
             Assignments(mutation) && Token("where") && Take(Predicate(), mutation.predicate);
    });
  }

  bool Delete(Mutation& mutation) {
    Restart(MutationKind::kDelete, mutation);
    return Rule(kDeleteStmt, [&] {
      return Token("delete") && Take(TypeName(), mutation.type_name) && Token("where") &&
             Take(Predicate(), mutation.predicate);
    });
  }

  bool Assignments(Mutation& mutation) {
    return Token("{") && OneOrMore(mutation.assignments, [&] { return Assignment(); }) &&
           Token("}");
  }

  std::optional<PropertyValue> Assignment() {
    PropertyValue assignment;
    return Spanned(kMutationAssignment, assignment, [&] {
      return Take(Ident(), assignment.property) && Token(":") &&
             Take(MatchValue(), assignment.value) && Optional([&] { return Token(","); });
    });
  }

  std::optional<MutationPredicate> Predicate() {
    MutationPredicate predicate;
    return Spanned(kMutationPredicate, predicate, [&] {
      return Take(Ident(), predicate.property) && CompOp(predicate.op) &&
             Take(MatchValue(), predicate.value);
    });
  }

  schema::Peg peg_;
  std::vector<absl::Status> refusals_;  // what only its meaning forbids, in source order
  int depth_ = 0;
  std::optional<size_t> too_deep_;
};

}  // namespace

absl::StatusOr<QueryFile> ParseQueryFile(std::string_view source) {
  return Parser(source).Parse();
}

}  // namespace og::engine::query
