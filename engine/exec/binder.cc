#include "engine/exec/binder.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "engine/expr/text.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using query::ExprKind;
using query::Literal;
using query::LiteralKind;

absl::Status BadRequest(std::string_view message) {
  return io::DetailedError({io::ErrorKind::kBadRequest, "", {}}, message);
}

template <typename T>
ArrayPtr OneNumber(format::TypePtr type, T value) {
  format::FixedBuilder<T> builder(std::move(type));
  builder.Append(value);
  return builder.Finish();
}

absl::StatusOr<ArrayPtr> ValueOf(const Literal& literal);

// A list of one type: that of its first value, or floats when numbers are mixed.
absl::StatusOr<ArrayPtr> ListOfValues(const std::vector<Literal>& items) {
  std::vector<ArrayPtr> values;
  format::TypePtr type;
  for (const Literal& item : items) {
    OG_ASSIGN_OR_RETURN(ArrayPtr value, ValueOf(item));
    if (type == nullptr && item.kind != LiteralKind::kNull) type = value->type;
    if (type != nullptr && type->is_integer() && value->type->is_floating()) type = value->type;
    values.push_back(std::move(value));
  }
  if (type == nullptr) type = format::Utf8();
  format::ListBuilder builder(format::ListOf(type));
  for (const ArrayPtr& value : values) {
    OG_ASSIGN_OR_RETURN(const ArrayPtr item, expr::Cast(value, type));
    builder.items().AppendSlice(*item, 0, 1);
  }
  builder.Append();
  return builder.Finish();
}

absl::StatusOr<ArrayPtr> ValueOf(const Literal& literal) {
  switch (literal.kind) {
    case LiteralKind::kNull:
      return format::NullArray(format::Utf8(), 1);
    case LiteralKind::kString: {
      format::StringBuilder builder(format::Utf8());
      builder.Append(literal.text);
      return builder.Finish();
    }
    case LiteralKind::kInteger:
      return OneNumber(format::Int64(), literal.integer);
    case LiteralKind::kFloat:
      return OneNumber(format::Float64(), literal.number);
    case LiteralKind::kBool: {
      format::BoolBuilder builder;
      builder.Append(literal.flag);
      return builder.Finish();
    }
    case LiteralKind::kDate: {
      const std::optional<int32_t> days = expr::ParseDate(literal.text);
      if (!days) return BadRequest(io::StrCat("invalid Date literal '", literal.text, "'"));
      return OneNumber(format::Date32(), *days);
    }
    case LiteralKind::kDateTime: {
      const std::optional<int64_t> ms = expr::ParseDateTime(literal.text);
      if (!ms) return BadRequest(io::StrCat("invalid DateTime literal '", literal.text, "'"));
      return OneNumber(format::Date64(), *ms);
    }
    case LiteralKind::kList:
      return ListOfValues(literal.items);
  }
  return BadRequest("unsupported literal");
}

absl::StatusOr<expr::ExprPtr> ScanOperand(const query::Expr& operand,
                                          const query::ParamValues& params) {
  if (operand.kind == ExprKind::kProperty) return expr::Column(operand.property);
  OG_ASSIGN_OR_RETURN(ArrayPtr value, ConstantOf(operand, params));
  if (value->type->id == format::TypeId::kList) {
    return BadRequest(io::StrCat("unsupported expression in filter: ", ToString(operand)));
  }
  // A null has no type: it compares with everything as unknown.
  return value->null_count != 0 ? expr::NullLiteral() : expr::Literal(std::move(value));
}

absl::Status RefuseSearch(const query::Expr& expr) {
  std::string_view name;
  switch (expr.kind) {
    case ExprKind::kSearch:
      name = "search";
      break;
    case ExprKind::kFuzzy:
      name = "fuzzy";
      break;
    case ExprKind::kMatchText:
      name = "match_text";
      break;
    case ExprKind::kBm25:
      name = "bm25";
      break;
    case ExprKind::kRrf:
      name = "rrf";
      break;
    default:
      for (const query::Expr& arg : expr.args)
        OG_RETURN_IF_ERROR(RefuseSearch(arg));
      return absl::OkStatus();
  }
  return io::UnimplementedError(io::StrCat("search function '", name, "' is not implemented"));
}

absl::Status RefuseSearch(const std::vector<query::Predicate>& predicates) {
  for (const query::Predicate& predicate : predicates) {
    OG_RETURN_IF_ERROR(RefuseSearch(predicate.left));
    OG_RETURN_IF_ERROR(RefuseSearch(predicate.right));
  }
  return absl::OkStatus();
}

absl::Status RefuseSearch(const std::vector<query::PlanStep>& steps) {
  for (const query::PlanStep& step : steps) {
    if (const auto* scan = std::get_if<query::NodeScan>(&step.value)) {
      OG_RETURN_IF_ERROR(RefuseSearch(scan->filters));
    } else if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
      OG_RETURN_IF_ERROR(RefuseSearch(expand->destination_filters));
    } else if (const auto* filter = std::get_if<query::FilterRows>(&step.value)) {
      OG_RETURN_IF_ERROR(RefuseSearch(std::vector{filter->predicate}));
    } else if (const auto* anti = std::get_if<query::AntiJoin>(&step.value)) {
      OG_RETURN_IF_ERROR(RefuseSearch(anti->inner));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ArrayPtr> ConstantOf(const query::Expr& expr, const query::ParamValues& params) {
  if (expr.kind == ExprKind::kLiteral) return ValueOf(expr.literal);
  if (expr.kind == ExprKind::kParameter) {
    const auto value = params.find(expr.variable);
    if (value == params.end()) {
      return BadRequest(io::StrCat("parameter '", expr.variable, "' not provided"));
    }
    return ValueOf(value->second);
  }
  return BadRequest(io::StrCat("unsupported expression in filter: ", ToString(expr)));
}

expr::ExprPtr Comparison(query::CompareOp op, expr::ExprPtr left, expr::ExprPtr right) {
  switch (op) {
    case query::CompareOp::kEqual:
      return expr::Compare(expr::CompareOp::kEq, std::move(left), std::move(right));
    case query::CompareOp::kNotEqual:
      return expr::Compare(expr::CompareOp::kNe, std::move(left), std::move(right));
    case query::CompareOp::kGreater:
      return expr::Compare(expr::CompareOp::kGt, std::move(left), std::move(right));
    case query::CompareOp::kLess:
      return expr::Compare(expr::CompareOp::kLt, std::move(left), std::move(right));
    case query::CompareOp::kGreaterEqual:
      return expr::Compare(expr::CompareOp::kGe, std::move(left), std::move(right));
    case query::CompareOp::kLessEqual:
      return expr::Compare(expr::CompareOp::kLe, std::move(left), std::move(right));
    case query::CompareOp::kContains:
      return expr::ListContains(std::move(left), std::move(right));
    case query::CompareOp::kStartsWith:
      return expr::StartsWith(std::move(left), std::move(right));
    case query::CompareOp::kStringContains:
      break;
  }
  return expr::Contains(std::move(left), std::move(right));
}

absl::StatusOr<expr::ExprPtr> ScanFilter(const query::Predicate& predicate,
                                         const query::ParamValues& params) {
  OG_ASSIGN_OR_RETURN(expr::ExprPtr left, ScanOperand(predicate.left, params));
  OG_ASSIGN_OR_RETURN(expr::ExprPtr right, ScanOperand(predicate.right, params));
  return Comparison(predicate.op, std::move(left), std::move(right));
}

absl::StatusOr<expr::ExprPtr> ScanFilter(const std::vector<query::Predicate>& predicates,
                                         const query::ParamValues& params) {
  if (predicates.empty()) return nullptr;
  std::vector<expr::ExprPtr> filters;
  for (const query::Predicate& predicate : predicates) {
    OG_ASSIGN_OR_RETURN(expr::ExprPtr filter, ScanFilter(predicate, params));
    filters.push_back(std::move(filter));
  }
  return expr::And(std::move(filters));
}

absl::Status RefuseSearch(const query::ReadPlan& plan) {
  OG_RETURN_IF_ERROR(RefuseSearch(plan.pipeline));
  for (const query::PlanProjection& projection : plan.projections) {
    OG_RETURN_IF_ERROR(RefuseSearch(projection.expr));
  }
  for (const query::PlanOrdering& ordering : plan.orderings) {
    OG_RETURN_IF_ERROR(RefuseSearch(ordering.expr));
  }
  return absl::OkStatus();
}

}  // namespace og::engine::exec
