#include "engine/query/ast.h"

#include <algorithm>

namespace og::engine::query {

Literal Literal::String(std::string text) {
  Literal literal;
  literal.kind = LiteralKind::kString;
  literal.text = std::move(text);
  return literal;
}

Literal Literal::Integer(int64_t value) {
  Literal literal;
  literal.kind = LiteralKind::kInteger;
  literal.integer = value;
  return literal;
}

Literal Literal::Float(double value) {
  Literal literal;
  literal.kind = LiteralKind::kFloat;
  literal.number = value;
  return literal;
}

Literal Literal::Bool(bool value) {
  Literal literal;
  literal.kind = LiteralKind::kBool;
  literal.flag = value;
  return literal;
}

Literal Literal::Date(std::string text) {
  Literal literal = String(std::move(text));
  literal.kind = LiteralKind::kDate;
  return literal;
}

Literal Literal::DateTime(std::string text) {
  Literal literal = String(std::move(text));
  literal.kind = LiteralKind::kDateTime;
  return literal;
}

Literal Literal::List(std::vector<Literal> items) {
  Literal literal;
  literal.kind = LiteralKind::kList;
  literal.items = std::move(items);
  return literal;
}

bool operator==(const Negation& a, const Negation& b) {
  return a.clauses == b.clauses;
}

std::string_view CompareOpName(CompareOp op) {
  switch (op) {
    case CompareOp::kEqual:
      return "=";
    case CompareOp::kNotEqual:
      return "!=";
    case CompareOp::kGreater:
      return ">";
    case CompareOp::kLess:
      return "<";
    case CompareOp::kGreaterEqual:
      return ">=";
    case CompareOp::kLessEqual:
      return "<=";
    case CompareOp::kContains:
    case CompareOp::kStringContains:
      return "contains";
    case CompareOp::kStartsWith:
      return "starts_with";
  }
  return "";
}

std::string_view AggregateName(AggregateFunction function) {
  switch (function) {
    case AggregateFunction::kCount:
      return "count";
    case AggregateFunction::kSum:
      return "sum";
    case AggregateFunction::kAvg:
      return "avg";
    case AggregateFunction::kMin:
      return "min";
    case AggregateFunction::kMax:
      return "max";
  }
  return "";
}

const Query* QueryFile::Find(std::string_view name) const {
  const auto found = std::find_if(queries.begin(), queries.end(),
                                  [&](const Query& query) { return query.name == name; });
  return found == queries.end() ? nullptr : &*found;
}

}  // namespace og::engine::query
