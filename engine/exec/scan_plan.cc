#include "engine/exec/scan_plan.h"

#include <utility>

#include "engine/exec/binder.h"
#include "engine/exec/node_id.h"
#include "engine/expr/expr.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;

// Rows of a batch that is grouped: enough for what is done once a batch not to count.
constexpr int64_t kGroupedRows = 32'768;

// The side of `predicate` that `property` is compared with for equality, or null.
const query::Expr* EqualTo(const query::Predicate& predicate, std::string_view property) {
  if (predicate.op != query::CompareOp::kEqual) return nullptr;
  const auto is_property = [&](const query::Expr& expr) {
    return expr.kind == query::ExprKind::kProperty && expr.property == property;
  };
  const auto is_constant = [](const query::Expr& expr) {
    return expr.kind == query::ExprKind::kLiteral || expr.kind == query::ExprKind::kParameter;
  };
  if (is_property(predicate.left) && is_constant(predicate.right)) return &predicate.right;
  if (is_property(predicate.right) && is_constant(predicate.left)) return &predicate.left;
  return nullptr;
}

// `expr` as a value of `type`; null where no value of the type is equal to it, or where that has to
// be found out by comparing.
absl::StatusOr<ArrayPtr> KeyValue(const query::Expr& expr, const format::TypePtr& type,
                                  const query::ParamValues& params) {
  OG_ASSIGN_OR_RETURN(const ArrayPtr value, ConstantOf(expr, params));
  if (value->IsNull(0)) return nullptr;
  OG_ASSIGN_OR_RETURN(ArrayPtr cast, expr::CoerceLiteral(value, type));
  return *cast->type == *type ? std::move(cast) : nullptr;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> IdDemanded(const schema::NodeType& type,
                                                      const std::vector<query::Predicate>& filters,
                                                      const query::ParamValues& params,
                                                      const Table& table) {
  std::vector<ArrayPtr> key;
  for (const size_t position : type.key) {
    const std::string& property = type.properties[position].name;
    const query::Expr* value = nullptr;
    for (const query::Predicate& filter : filters) {
      if (value == nullptr) value = EqualTo(filter, property);
    }
    if (value == nullptr) return std::optional<std::string>();
    OG_ASSIGN_OR_RETURN(const format::TypePtr column, table.TypeOf(property));
    OG_ASSIGN_OR_RETURN(ArrayPtr part, KeyValue(*value, column, params));
    if (part == nullptr) return std::optional<std::string>();
    key.push_back(std::move(part));
  }
  if (key.empty()) return std::optional<std::string>();
  // Values that cannot be a key are no node's.
  const absl::StatusOr<std::optional<std::string>> id = NodeId(key, 0);
  return id.ok() ? *id : std::nullopt;
}

absl::StatusOr<dataset::ScanOptions> PlanScan(const ExecContext& context,
                                              const query::NodeScan& scan, Table& table) {
  dataset::ScanOptions options;
  options.columns = context.layout.variables[context.layout.NumberOf(scan.variable)].columns;
  // Rows that are ranked are known by their addresses.
  if (context.layout.is_scan_of_groups && !context.nearest.has_value()) {
    options.dictionary_strings = true;
    options.batch_rows = kGroupedRows;
  } else {
    options.with_row_address = true;
  }
  OG_ASSIGN_OR_RETURN(options.filter, ScanFilter(scan.filters, context.params));
  const schema::NodeType* const type = context.tables.catalog().FindNode(scan.type_name);
  if (type == nullptr) {
    return io::InternalError(io::StrCat("plan names unknown node type ", scan.type_name));
  }
  if (options.filter == nullptr) return options;
  OG_ASSIGN_OR_RETURN(const bool indexed, table.HasIndex("id"));
  if (!indexed) return options;
  OG_ASSIGN_OR_RETURN(const std::optional<std::string> id,
                      IdDemanded(*type, scan.filters, context.params, table));
  if (id.has_value()) {
    options.filter = expr::And(
        {expr::Compare(expr::CompareOp::kEq, expr::Column("id"), expr::StringLiteral(*id)),
         options.filter});
  }
  return options;
}

}  // namespace og::engine::exec
