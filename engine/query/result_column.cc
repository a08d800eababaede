#include "engine/query/result_column.h"

namespace og::engine::query {

using schema::ScalarKind;

ResultKind KindOf(ScalarKind kind) {
  switch (kind) {
    case ScalarKind::kString:
      return ResultKind::kString;
    case ScalarKind::kBool:
      return ResultKind::kBool;
    case ScalarKind::kI32:
    case ScalarKind::kU32:
      return ResultKind::kInt;
    case ScalarKind::kI64:
    case ScalarKind::kU64:
      return ResultKind::kBigint;
    case ScalarKind::kF32:
    case ScalarKind::kF64:
      return ResultKind::kFloat;
    case ScalarKind::kDate:
      return ResultKind::kDate;
    case ScalarKind::kDateTime:
      return ResultKind::kDateTime;
    case ScalarKind::kBlob:
      return ResultKind::kBlob;
    case ScalarKind::kVector:
      return ResultKind::kVector;
  }
  return ResultKind::kString;
}

std::string StaticName(const Projection& projection) {
  if (projection.alias) {
    return *projection.alias;
  }
  const Expr& expr = projection.expr;
  switch (expr.kind) {
    case ExprKind::kNow:
      return "now";
    case ExprKind::kProperty:
      return expr.property;
    case ExprKind::kNearest:
      return "nearest";
    case ExprKind::kSearch:
      return "search";
    case ExprKind::kFuzzy:
      return "fuzzy";
    case ExprKind::kMatchText:
      return "match_text";
    case ExprKind::kBm25:
      return "bm25";
    case ExprKind::kRrf:
      return "rrf";
    case ExprKind::kAggregate:
      return std::string(AggregateName(expr.function));
    case ExprKind::kLiteral:
      return "literal";
    case ExprKind::kVariable:
    case ExprKind::kParameter:
    case ExprKind::kAlias:
      return expr.variable;
  }
  return "";
}

std::string_view DirectionName(Direction direction) {
  switch (direction) {
    case Direction::kOut:
      return "out";
    case Direction::kIn:
      return "in";
    case Direction::kBoth:
      return "both";
  }
  return "";
}

std::string_view ResultKindName(ResultKind kind) {
  switch (kind) {
    case ResultKind::kString:
      return "string";
    case ResultKind::kBool:
      return "bool";
    case ResultKind::kInt:
      return "int";
    case ResultKind::kBigint:
      return "bigint";
    case ResultKind::kFloat:
      return "float";
    case ResultKind::kDate:
      return "date";
    case ResultKind::kDateTime:
      return "datetime";
    case ResultKind::kBlob:
      return "blob";
    case ResultKind::kVector:
      return "vector";
    case ResultKind::kList:
      return "list";
    case ResultKind::kObject:
      return "object";
  }
  return "";
}

}  // namespace og::engine::query
