// The syntax tree of a query file (.gq). Every node carries the bytes of the source that it came
// from; equality ignores them, so that a printed and parsed tree equals its original.
//
// The same Expr and Literal serve the logical plan (plan.h), which needs one more kind of
// expression and one more kind of literal; both say so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace og::engine::query {

// Bytes [begin, end) of the source text.
struct Span {
  size_t begin = 0;
  size_t end = 0;

  // Where a node stands is no part of what it says.
  friend bool operator==(const Span&, const Span&) { return true; }
};

enum class LiteralKind : uint8_t {
  kNull,  // never in source: a null bound to a parameter
  kString,
  kInteger,
  kFloat,
  kBool,
  kDate,      // date("..."), text as written
  kDateTime,  // datetime("..."), text as written
  kList,
};

struct Literal {
  LiteralKind kind = LiteralKind::kNull;
  std::string text;  // of kString (decoded), kDate, kDateTime
  int64_t integer = 0;
  double number = 0;
  bool flag = false;
  std::vector<Literal> items;
  Span span;

  static Literal Null() { return {}; }
  static Literal String(std::string text);
  static Literal Integer(int64_t value);
  static Literal Float(double value);
  static Literal Bool(bool value);
  static Literal Date(std::string text);
  static Literal DateTime(std::string text);
  static Literal List(std::vector<Literal> items);

  friend bool operator==(const Literal&, const Literal&) = default;
};

enum class CompareOp : uint8_t {
  kEqual,
  kNotEqual,
  kGreater,
  kLess,
  kGreaterEqual,
  kLessEqual,
  kContains,        // in source: list membership or substring; in a plan: list membership
  kStartsWith,      // exact prefix
  kStringContains,  // never in source: the substring form of `contains`
};

// As written in source: "=", "!=", "contains", ...
std::string_view CompareOpName(CompareOp op);

enum class AggregateFunction : uint8_t { kCount, kSum, kAvg, kMin, kMax };

// "count", "sum", ...
std::string_view AggregateName(AggregateFunction function);

enum class ExprKind : uint8_t {
  kNow,        // never in a plan
  kProperty,   // variable, property
  kNearest,    // variable, property; args: query
  kSearch,     // args: field, query
  kFuzzy,      // args: field, query[, max edits]
  kMatchText,  // args: field, query
  kBm25,       // args: field, query
  kRrf,        // args: primary, secondary[, k]; the first two are kNearest or kBm25
  kAggregate,  // function; args: argument
  kVariable,   // variable; in a plan a bound one
  kParameter,  // never in source: variable is the parameter's name
  kLiteral,    // literal
  kAlias,      // variable is the name of a projection
};

struct Expr {
  ExprKind kind = ExprKind::kLiteral;
  std::string variable;  // without "$"
  std::string property;
  AggregateFunction function = AggregateFunction::kCount;
  Literal literal;
  std::vector<Expr> args;
  Span span;

  friend bool operator==(const Expr&, const Expr&) = default;
};

// A declared parameter. The type keeps its spelling: "String", "[I64]", "Vector(3)".
struct Param {
  std::string name;
  std::string type_name;
  bool nullable = false;
  Span span;

  friend bool operator==(const Param&, const Param&) = default;
};

// The right side of a match, an assignment or a mutation predicate: a literal, a variable, now().
struct MatchValue {
  enum class Kind : uint8_t { kLiteral, kVariable, kNow };
  Kind kind = Kind::kLiteral;
  Literal literal;
  std::string variable;
  Span span;

  friend bool operator==(const MatchValue&, const MatchValue&) = default;
};

// `property: value` in a binding or an assignment list.
struct PropertyValue {
  std::string property;
  MatchValue value;
  Span span;

  friend bool operator==(const PropertyValue&, const PropertyValue&) = default;
};

// `$v: Type { p: x, ... }`
struct Binding {
  std::string variable;
  std::string type_name;
  std::vector<PropertyValue> matches;
  Span span;

  friend bool operator==(const Binding&, const Binding&) = default;
};

// `$a $w:edge{min,max} $b`, `$a <edge> $b`. The name "_" is an endpoint without a name.
struct Traversal {
  std::string source;
  std::string edge_name;  // as written
  std::string destination;
  uint32_t min_hops = 1;
  std::optional<uint32_t> max_hops = 1;
  bool undirected = false;
  std::optional<std::string> edge_binding;
  Span span;

  friend bool operator==(const Traversal&, const Traversal&) = default;
};

// `left op right`; a text call that stands alone is `call = true`.
struct Filter {
  Expr left;
  CompareOp op = CompareOp::kEqual;
  Expr right;
  Span span;

  friend bool operator==(const Filter&, const Filter&) = default;
};

struct Clause;

// `not { clauses }`
struct Negation {
  std::vector<Clause> clauses;
  Span span;

  friend bool operator==(const Negation&, const Negation&);
};

struct Clause {
  std::variant<Binding, Traversal, Filter, Negation> value;

  friend bool operator==(const Clause&, const Clause&) = default;
};

struct Projection {
  Expr expr;
  std::optional<std::string> alias;
  Span span;

  friend bool operator==(const Projection&, const Projection&) = default;
};

struct Ordering {
  Expr expr;
  bool descending = false;
  Span span;

  friend bool operator==(const Ordering&, const Ordering&) = default;
};

// `property op value` behind `where`.
struct MutationPredicate {
  std::string property;
  CompareOp op = CompareOp::kEqual;
  MatchValue value;
  Span span;

  friend bool operator==(const MutationPredicate&, const MutationPredicate&) = default;
};

enum class MutationKind : uint8_t { kInsert, kUpdate, kDelete };

struct Mutation {
  MutationKind kind = MutationKind::kInsert;
  std::string type_name;
  std::vector<PropertyValue> assignments;      // of insert and update
  std::optional<MutationPredicate> predicate;  // of update and delete
  Span span;

  friend bool operator==(const Mutation&, const Mutation&) = default;
};

// One declaration. A mutation has statements and none of the read's parts.
struct Query {
  std::string name;
  std::optional<std::string> description;
  std::optional<std::string> instruction;
  std::vector<Param> params;
  std::vector<Clause> match;
  std::vector<Projection> projections;
  std::vector<Ordering> orderings;
  std::optional<uint64_t> limit;
  std::vector<Mutation> mutations;
  Span span;

  bool is_mutation() const { return !mutations.empty(); }

  friend bool operator==(const Query&, const Query&) = default;
};

struct QueryFile {
  std::vector<Query> queries;

  // The first query called `name`, or null.
  const Query* Find(std::string_view name) const;

  friend bool operator==(const QueryFile&, const QueryFile&) = default;
};

// The parameter that `now()` stands for in plans; no query may declare it.
inline constexpr std::string_view kNowParameter = "__nanograph_now";

}  // namespace og::engine::query
