#include "engine/expr/bind.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/expr/function.h"
#include "format/arrow/builder.h"

namespace og::engine::expr {
namespace {

constexpr int64_t kNanosecondsPerMicrosecond = 1000;
constexpr int64_t kMicrosecondsPerDay = int64_t{86'400} * 1'000'000;

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

// The field called `name`, or the first one called so but for case; null if there is none.
const format::Field* FindField(const std::vector<format::Field>& fields, std::string_view name) {
  auto found = std::ranges::find(fields, name, &format::Field::name);
  if (found == fields.end()) {
    found = std::ranges::find_if(
        fields, [name](const format::Field& field) { return EqualIgnoringCase(field.name, name); });
  }
  return found == fields.end() ? nullptr : &*found;
}

// `path` as the schema spells it; as it is if it leads nowhere.
std::vector<std::string> Resolved(const std::vector<std::string>& path,
                                  const format::Schema& schema) {
  std::vector<std::string> resolved;
  const std::vector<format::Field>* fields = &schema.fields;
  for (const std::string& name : path) {
    const format::Field* const field = FindField(*fields, name);
    if (field == nullptr) return path;
    resolved.push_back(field->name);
    fields = &field->type->children;
  }
  return resolved;
}

ExprPtr Moment(Function function, int64_t now_us) {
  if (function == Function::kNow) {
    format::FixedBuilder<int64_t> builder(format::Timestamp(format::TimeUnit::kNano));
    builder.Append(now_us * kNanosecondsPerMicrosecond);
    return Literal(builder.Finish());
  }
  const int64_t day = now_us / kMicrosecondsPerDay - (now_us % kMicrosecondsPerDay < 0 ? 1 : 0);
  format::FixedBuilder<int32_t> builder(format::Date32());
  builder.Append(static_cast<int32_t>(day));
  return Literal(builder.Finish());
}

}  // namespace

ExprPtr Bind(const ExprPtr& expr, const format::Schema& schema, int64_t now_us) {
  if (expr->kind == ExprKind::kColumn) {
    std::vector<std::string> path = Resolved(expr->path, schema);
    return path == expr->path ? expr : Column(std::move(path));
  }
  const bool is_moment = expr->kind == ExprKind::kCall &&
                         (expr->function == Function::kNow || expr->function == Function::kToday);
  if (is_moment) return Moment(expr->function, now_us);
  std::vector<ExprPtr> args;
  for (const ExprPtr& arg : expr->args)
    args.push_back(Bind(arg, schema, now_us));
  if (args == expr->args) return expr;
  auto bound = std::make_shared<Expr>(*expr);
  bound->args = std::move(args);
  return bound;
}

}  // namespace og::engine::expr
