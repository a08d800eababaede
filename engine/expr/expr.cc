#include "engine/expr/expr.h"

#include <algorithm>
#include <utility>

#include "engine/expr/functions.h"
#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "format/arrow/validity.h"
#include "io/base/text.h"

namespace og::engine::expr {
namespace {

using format::Array;
using format::ArrayPtr;
using format::TypeId;

ExprPtr Node(ExprKind kind, std::vector<ExprPtr> args) {
  auto expr = std::make_shared<Expr>();
  expr->kind = kind;
  expr->args = std::move(args);
  return expr;
}

std::string_view OpText(CompareOp op) {
  switch (op) {
    case CompareOp::kEq:
      return " = ";
    case CompareOp::kNe:
      return " != ";
    case CompareOp::kLt:
      return " < ";
    case CompareOp::kLe:
      return " <= ";
    case CompareOp::kGt:
      return " > ";
    case CompareOp::kGe:
      return " >= ";
  }
  return "?";
}

std::string_view OpText(ArithmeticOp op) {
  switch (op) {
    case ArithmeticOp::kAdd:
      return " + ";
    case ArithmeticOp::kSubtract:
      return " - ";
    case ArithmeticOp::kMultiply:
      return " * ";
    case ArithmeticOp::kDivide:
      return " / ";
    case ArithmeticOp::kModulo:
      return " % ";
  }
  return "?";
}

std::string ValueText(const Array& array, int64_t i) {
  if (array.IsNull(i)) return "NULL";
  switch (array.type->id) {
    case TypeId::kUtf8:
    case TypeId::kLargeUtf8: {
      std::string quoted = "'";
      for (const char c : array.StringValue(i))
        quoted += c == '\'' ? "''" : std::string(1, c);
      return quoted + "'";
    }
    case TypeId::kDate32:
      return io::StrCat("DATE '", FormatDate(array.Value<int32_t>(i)), "'");
    case TypeId::kDate64:
      return io::StrCat("TIMESTAMP '", FormatDateTime(array.Value<int64_t>(i)), "'");
    case TypeId::kFloat32:
      return FloatText(array.Value<float>(i));
    case TypeId::kFloat64:
      return FloatText(array.Value<double>(i));
    default: {
      const auto text = CanonicalText(array, i);
      return text.ok() && text->has_value() ? **text : io::StrCat("<", array.type->ToString(), ">");
    }
  }
}

std::string JoinArgs(const std::vector<ExprPtr>& args, std::string_view separator) {
  std::string text;
  for (const ExprPtr& arg : args) {
    if (!text.empty()) text += separator;
    text += arg->ToString();
  }
  return text;
}

void CollectColumns(const Expr& expr, std::vector<std::vector<std::string>>& columns) {
  if (expr.kind == ExprKind::kColumn &&
      std::find(columns.begin(), columns.end(), expr.path) == columns.end()) {
    columns.push_back(expr.path);
  }
  for (const ExprPtr& arg : expr.args)
    CollectColumns(*arg, columns);
}

}  // namespace

ExprPtr Literal(ArrayPtr value) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kLiteral;
  expr->values = std::move(value);
  return expr;
}

ExprPtr NullLiteral() {
  return Literal(format::NullArray(format::Null(), 1));
}

ExprPtr BoolLiteral(bool value) {
  format::BoolBuilder builder;
  builder.Append(value);
  return Literal(builder.Finish());
}

ExprPtr Int64Literal(int64_t value) {
  format::FixedBuilder<int64_t> builder(format::Int64());
  builder.Append(value);
  return Literal(builder.Finish());
}

ExprPtr Float64Literal(double value) {
  format::FixedBuilder<double> builder(format::Float64());
  builder.Append(value);
  return Literal(builder.Finish());
}

ExprPtr StringLiteral(std::string_view value) {
  format::StringBuilder builder(format::Utf8());
  builder.Append(value);
  return Literal(builder.Finish());
}

ExprPtr Column(std::string_view name) {
  return Column(std::vector<std::string>{std::string(name)});
}

ExprPtr Column(std::vector<std::string> path) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kColumn;
  expr->path = std::move(path);
  return expr;
}

ExprPtr Compare(CompareOp op, ExprPtr left, ExprPtr right) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kCompare;
  expr->op = op;
  expr->args = {std::move(left), std::move(right)};
  return expr;
}

ExprPtr And(std::vector<ExprPtr> args) {
  if (args.empty()) return BoolLiteral(true);
  if (args.size() == 1) return std::move(args[0]);
  return Node(ExprKind::kAnd, std::move(args));
}

ExprPtr Or(std::vector<ExprPtr> args) {
  if (args.empty()) return BoolLiteral(false);
  if (args.size() == 1) return std::move(args[0]);
  return Node(ExprKind::kOr, std::move(args));
}

ExprPtr Not(ExprPtr arg) {
  return Node(ExprKind::kNot, {std::move(arg)});
}
ExprPtr IsNull(ExprPtr arg) {
  return Node(ExprKind::kIsNull, {std::move(arg)});
}

ExprPtr In(ExprPtr arg, ArrayPtr values) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kIn;
  expr->args = {std::move(arg)};
  expr->values = std::move(values);
  return expr;
}

ExprPtr Contains(ExprPtr text, ExprPtr part) {
  return Node(ExprKind::kContains, {std::move(text), std::move(part)});
}
ExprPtr StartsWith(ExprPtr text, ExprPtr prefix) {
  return Node(ExprKind::kStartsWith, {std::move(text), std::move(prefix)});
}
ExprPtr Like(ExprPtr text, std::string_view pattern) {
  return Like(std::move(text), StringLiteral(pattern));
}
ExprPtr Like(ExprPtr text, ExprPtr pattern) {
  return Node(ExprKind::kLike, {std::move(text), std::move(pattern)});
}
ExprPtr ListContains(ExprPtr list, ExprPtr item) {
  return Node(ExprKind::kListContains, {std::move(list), std::move(item)});
}

ExprPtr CastTo(ExprPtr arg, format::TypePtr type) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kCast;
  expr->args = {std::move(arg)};
  expr->type = std::move(type);
  return expr;
}

ExprPtr StrictCastTo(ExprPtr arg, format::TypePtr type) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kStrictCast;
  expr->args = {std::move(arg)};
  expr->type = std::move(type);
  return expr;
}

ExprPtr Arithmetic(ArithmeticOp op, ExprPtr left, ExprPtr right) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kArithmetic;
  expr->arithmetic = op;
  expr->args = {std::move(left), std::move(right)};
  return expr;
}

ExprPtr Case(std::vector<ExprPtr> args) {
  return Node(ExprKind::kCase, std::move(args));
}

ExprPtr Call(Function function, std::vector<ExprPtr> args) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kCall;
  expr->function = function;
  expr->args = std::move(args);
  return expr;
}

ExprPtr CallWithUnit(Function function, std::string_view unit, ExprPtr arg) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::kCall;
  expr->function = function;
  expr->path = {std::string(unit)};
  expr->args = {std::move(arg)};
  return expr;
}

std::string Expr::ToString() const {
  switch (kind) {
    case ExprKind::kLiteral:
      return ValueText(*values, 0);
    case ExprKind::kColumn:
      return io::Join(path, ".");
    case ExprKind::kCompare:
      return io::StrCat("(", JoinArgs(args, OpText(op)), ")");
    case ExprKind::kAnd:
      return io::StrCat("(", JoinArgs(args, " AND "), ")");
    case ExprKind::kOr:
      return io::StrCat("(", JoinArgs(args, " OR "), ")");
    case ExprKind::kNot:
      return io::StrCat("(NOT ", args[0]->ToString(), ")");
    case ExprKind::kIsNull:
      return io::StrCat("(", args[0]->ToString(), " IS NULL)");
    case ExprKind::kIn: {
      std::string text = io::StrCat("(", args[0]->ToString(), " IN (");
      for (int64_t i = 0; i < values->length; ++i) {
        text += io::StrCat(i == 0 ? "" : ", ", ValueText(*values, i));
      }
      return text + "))";
    }
    case ExprKind::kContains:
      return io::StrCat("contains(", JoinArgs(args, ", "), ")");
    case ExprKind::kStartsWith:
      return io::StrCat("starts_with(", JoinArgs(args, ", "), ")");
    case ExprKind::kLike:
      return io::StrCat("(", JoinArgs(args, " LIKE "), ")");
    case ExprKind::kListContains:
      return io::StrCat("array_has(", JoinArgs(args, ", "), ")");
    case ExprKind::kCast:
      return io::StrCat("TRY_CAST(", args[0]->ToString(), " AS ", type->ToString(), ")");
    case ExprKind::kStrictCast:
      return io::StrCat("CAST(", args[0]->ToString(), " AS ", type->ToString(), ")");
    case ExprKind::kArithmetic:
      return io::StrCat("(", JoinArgs(args, OpText(arithmetic)), ")");
    case ExprKind::kCase: {
      std::string text = "CASE";
      for (size_t i = 0; i < args.size(); ++i) {
        const bool is_else = i % 2 == 0 && i + 1 == args.size();
        text += is_else ? " ELSE " : i % 2 == 0 ? " WHEN " : " THEN ";
        text += args[i]->ToString();
      }
      return text + " END";
    }
    case ExprKind::kCall:
      if (function == Function::kJoin) return io::StrCat("(", JoinArgs(args, " || "), ")");
      return io::StrCat(FunctionName(function), "(", path.empty() ? "" : "'",
                        path.empty() ? "" : path[0], path.empty() ? "" : "', ",
                        JoinArgs(args, ", "), ")");
  }
  return "?";
}

std::vector<std::vector<std::string>> ColumnsOf(const Expr& expr) {
  std::vector<std::vector<std::string>> columns;
  CollectColumns(expr, columns);
  return columns;
}

ArrayPtr FindColumn(const format::RecordBatch& batch, std::span<const std::string> path) {
  if (path.empty()) return nullptr;
  ArrayPtr column = batch.Column(path[0]);
  for (size_t depth = 1; depth < path.size() && column != nullptr; ++depth) {
    if (column->type->id != TypeId::kStruct) return nullptr;
    const auto& members = column->type->children;
    const auto found =
        std::find_if(members.begin(), members.end(),
                     [&](const format::Field& member) { return member.name == path[depth]; });
    if (found == members.end()) return nullptr;
    const auto at = static_cast<size_t>(found - members.begin());
    column = format::MaskedBy(*column, column->children[at]);
  }
  return column;
}

}  // namespace og::engine::expr
