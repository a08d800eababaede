// Groups: rows with equal values in the projections that are no aggregates, in the order in which
// they first appear. Accumulation goes in row order, so that sums of floats are reproducible.
#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "engine/exec/binder.h"
#include "engine/exec/order.h"
#include "engine/exec/sinks.h"
#include "engine/expr/expr.h"
#include "format/arrow/builder.h"
#include "format/arrow/json.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::Array;
using format::ArrayPtr;
using format::TypePtr;
using query::AggregateFunction;

constexpr uint32_t kNoGroup = ~uint32_t{0};

// One aggregate of the result, accumulated for every group.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // Groups are numbered from 0 without gaps.
  virtual void Grow(size_t num_groups) = 0;
  // Row i of `values` belongs to group groups[i]. `values` is null where rows are counted.
  virtual void Add(const Array* values, const std::vector<uint32_t>& groups) = 0;
  virtual ArrayPtr Finish() = 0;
};

class Counter final : public Accumulator {
 public:
  void Grow(size_t num_groups) override { counts_.resize(num_groups); }
  void Add(const Array* values, const std::vector<uint32_t>& groups) override {
    for (size_t i = 0; i < groups.size(); ++i) {
      if (values == nullptr || values->IsValid(static_cast<int64_t>(i))) ++counts_[groups[i]];
    }
  }
  ArrayPtr Finish() override {
    format::FixedBuilder<int64_t> builder(format::Int64());
    for (const int64_t count : counts_)
      builder.Append(count);
    return builder.Finish();
  }

 private:
  std::vector<int64_t> counts_;
};

// Sum and average, in 64-bit floats. Values come as such.
class Summer final : public Accumulator {
 public:
  explicit Summer(bool averages) : averages_(averages) {}
  void Grow(size_t num_groups) override {
    sums_.resize(num_groups);
    counts_.resize(num_groups);
  }
  void Add(const Array* values, const std::vector<uint32_t>& groups) override {
    for (size_t i = 0; i < groups.size(); ++i) {
      if (values->IsNull(static_cast<int64_t>(i))) continue;
      sums_[groups[i]] += values->Value<double>(static_cast<int64_t>(i));
      ++counts_[groups[i]];
    }
  }
  ArrayPtr Finish() override {
    format::FixedBuilder<double> builder(format::Float64());
    for (size_t group = 0; group < sums_.size(); ++group) {
      if (counts_[group] == 0) {
        builder.AppendNull();
      } else {
        const auto count = static_cast<double>(counts_[group]);
        builder.Append(averages_ ? sums_[group] / count : sums_[group]);
      }
    }
    return builder.Finish();
  }

 private:
  bool averages_;
  std::vector<double> sums_;
  std::vector<int64_t> counts_;
};

// Whether value i of `array` is smaller (or greater) than `best`, by IEEE comparison.
template <typename T>
class Extreme final : public Accumulator {
 public:
  Extreme(TypePtr type, bool least) : type_(std::move(type)), least_(least) {}
  void Grow(size_t num_groups) override { best_.resize(num_groups); }
  void Add(const Array* values, const std::vector<uint32_t>& groups) override {
    for (size_t i = 0; i < groups.size(); ++i) {
      if (values->IsNull(static_cast<int64_t>(i))) continue;
      std::optional<T>& best = best_[groups[i]];
      if constexpr (std::is_same_v<T, std::string>) {
        const std::string_view value = values->StringValue(static_cast<int64_t>(i));
        if (!best || (least_ ? value < *best : value > *best)) best = std::string(value);
      } else {
        const T value = values->Value<T>(static_cast<int64_t>(i));
        if (!best || (least_ ? value < *best : value > *best)) best = value;
      }
    }
  }
  ArrayPtr Finish() override {
    using Builder = std::conditional_t<std::is_same_v<T, std::string>, format::StringBuilder,
                                       format::FixedBuilder<T>>;
    Builder builder(type_);
    for (const std::optional<T>& best : best_) {
      best.has_value() ? builder.Append(*best) : builder.AppendNull();
    }
    return builder.Finish();
  }

 private:
  TypePtr type_;
  bool least_;
  std::vector<std::optional<T>> best_;
};

absl::Status Unsupported(AggregateFunction function, const TypePtr& type) {
  return io::DetailedError(
      {io::ErrorKind::kBadRequest, "", {}},
      io::StrCat(AggregateName(function), ": unsupported type ", type->ToString()));
}

absl::StatusOr<std::unique_ptr<Accumulator>> MakeExtreme(AggregateFunction function,
                                                         const TypePtr& type) {
  const bool least = function == AggregateFunction::kMin;
  switch (type->id) {
    case format::TypeId::kInt32:
      return std::make_unique<Extreme<int32_t>>(type, least);
    case format::TypeId::kInt64:
      return std::make_unique<Extreme<int64_t>>(type, least);
    case format::TypeId::kUint32:
      return std::make_unique<Extreme<uint32_t>>(type, least);
    case format::TypeId::kUint64:
      return std::make_unique<Extreme<uint64_t>>(type, least);
    case format::TypeId::kFloat32:
      return std::make_unique<Extreme<float>>(type, least);
    case format::TypeId::kFloat64:
      return std::make_unique<Extreme<double>>(type, least);
    case format::TypeId::kUtf8:
      return std::make_unique<Extreme<std::string>>(type, least);
    default:
      return Unsupported(function, type);
  }
}

struct Aggregate {
  const query::Expr* argument = nullptr;
  bool counts_rows = false;
  bool as_double = false;
  std::unique_ptr<Accumulator> accumulator;
};

absl::StatusOr<Aggregate> MakeAggregate(const ExecContext& context, const query::Expr& expr) {
  Aggregate aggregate;
  aggregate.argument = &expr.args[0];
  if (expr.function == AggregateFunction::kCount) {
    aggregate.counts_rows = expr.args[0].kind == query::ExprKind::kVariable;
    aggregate.accumulator = std::make_unique<Counter>();
    return aggregate;
  }
  OG_ASSIGN_OR_RETURN(const TypePtr type, TypeOf(context, *aggregate.argument));
  if (expr.function == AggregateFunction::kSum || expr.function == AggregateFunction::kAvg) {
    if (!type->is_integer() && !type->is_floating()) return Unsupported(expr.function, type);
    aggregate.as_double = true;
    aggregate.accumulator = std::make_unique<Summer>(expr.function == AggregateFunction::kAvg);
    return aggregate;
  }
  OG_ASSIGN_OR_RETURN(aggregate.accumulator, MakeExtreme(expr.function, type));
  return aggregate;
}

class AggregateSink final : public Sink {
 public:
  AggregateSink(const ExecContext& context, const query::ReadPlan& plan)
      : context_(context), plan_(plan) {}

  absl::Status Prepare() {
    for (const query::PlanProjection& projection : plan_.projections) {
      if (projection.expr.kind == query::ExprKind::kAggregate) {
        OG_ASSIGN_OR_RETURN(aggregates_.emplace_back(), MakeAggregate(context_, projection.expr));
        continue;
      }
      keys_.push_back(&projection.expr);
      OG_ASSIGN_OR_RETURN(const TypePtr type, TypeOf(context_, projection.expr));
      key_builders_.push_back(MakeBuilder(type));
    }
    key_variable_ = OnlyKeyVariable();
    return absl::OkStatus();
  }

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(const std::vector<uint32_t> groups, GroupsOf(chunk));
    for (Aggregate& aggregate : aggregates_) {
      aggregate.accumulator->Grow(num_groups_);
      if (aggregate.counts_rows) {
        aggregate.accumulator->Add(nullptr, groups);
        continue;
      }
      OG_ASSIGN_OR_RETURN(ArrayPtr values, ValuesOf(context_, *aggregate.argument, chunk));
      if (aggregate.as_double) {
        OG_ASSIGN_OR_RETURN(values, expr::Cast(values, format::Float64()));
      }
      aggregate.accumulator->Add(values.get(), groups);
    }
    return absl::OkStatus();
  }

  bool done() const override { return false; }

  absl::StatusOr<QueryResult> Finish() override {
    if (num_groups_ == 0 && keys_.empty()) return NoRows();
    std::vector<std::string> names;
    std::vector<TypePtr> types;
    std::vector<ArrayPtr> columns;
    size_t key = 0;
    size_t aggregate = 0;
    for (const query::PlanProjection& projection : plan_.projections) {
      const bool is_aggregate = projection.expr.kind == query::ExprKind::kAggregate;
      columns.push_back(is_aggregate ? aggregates_[aggregate++].accumulator->Finish()
                                     : key_builders_[key++]->Finish());
      names.push_back(projection.name);
      types.push_back(columns.back()->type);
    }
    OG_ASSIGN_OR_RETURN(const std::vector<int64_t> rows, OrderOf(names, columns));
    for (ArrayPtr& column : columns)
      column = Take(*column, rows);
    return ResultOf(names, types, {std::move(columns)});
  }

 private:
  // The variable that all keys belong to, if it is one: then each of its entities has one group.
  std::optional<size_t> OnlyKeyVariable() const {
    std::optional<size_t> only;
    for (const query::Expr* key : keys_) {
      if (key->kind != query::ExprKind::kProperty && key->kind != query::ExprKind::kVariable) {
        return std::nullopt;
      }
      const size_t variable = context_.layout.NumberOf(key->variable);
      if (only.has_value() && *only != variable) return std::nullopt;
      only = variable;
    }
    return only;
  }

  absl::StatusOr<std::vector<uint32_t>> GroupsOf(const Chunk& chunk) {
    if (keys_.empty()) {
      num_groups_ = 1;
      return std::vector<uint32_t>(chunk.num_rows, 0);
    }
    if (!key_variable_.has_value()) {
      std::vector<ArrayPtr> keys;
      for (const query::Expr* key : keys_) {
        OG_ASSIGN_OR_RETURN(keys.emplace_back(), ValuesOf(context_, *key, chunk));
      }
      std::vector<uint32_t> groups(chunk.num_rows);
      for (size_t row = 0; row < chunk.num_rows; ++row) {
        groups[row] = GroupOf(keys, static_cast<int64_t>(row));
      }
      return groups;
    }
    // Entities are shared by many rows and often by many chunks: each is looked at once.
    const Binding& binding = chunk.bindings[*key_variable_];
    if (known_entities_ != binding.entities) {
      known_entities_ = binding.entities;
      known_groups_.assign(binding.entities->size(), kNoGroup);
      known_keys_.clear();
      for (const query::Expr* key : keys_) {
        OG_ASSIGN_OR_RETURN(known_keys_.emplace_back(),
                            binding.entities->Column(
                                key->kind == query::ExprKind::kVariable ? "id" : key->property));
      }
    }
    std::vector<uint32_t> groups(chunk.num_rows);
    for (size_t row = 0; row < chunk.num_rows; ++row) {
      uint32_t& group = known_groups_[binding.slots[row]];
      if (group == kNoGroup) group = GroupOf(known_keys_, binding.slots[row]);
      groups[row] = group;
    }
    return groups;
  }

  uint32_t GroupOf(const std::vector<ArrayPtr>& keys, int64_t row) {
    text_.clear();
    for (const ArrayPtr& key : keys) {
      // Canonical JSON tells all values of one type apart, and null from each of them.
      AppendJsonValue(*key, row, text_);
      text_ += ',';
    }
    const auto [known, is_new] = groups_.try_emplace(text_, static_cast<uint32_t>(num_groups_));
    if (is_new) {
      ++num_groups_;
      for (size_t i = 0; i < keys.size(); ++i)
        key_builders_[i]->AppendSlice(*keys[i], row, 1);
    }
    return known->second;
  }

  // Groups in the order of the result, cut to the limit. Ties go by result columns named after ids.
  absl::StatusOr<std::vector<int64_t>> OrderOf(const std::vector<std::string>& names,
                                               const std::vector<ArrayPtr>& columns) const {
    std::vector<SortKey> keys;
    if (!plan_.orderings.empty()) {
      for (const query::PlanOrdering& ordering : plan_.orderings) {
        if (!ordering.column.has_value()) continue;  // ranks what is grouped, not the groups
        OG_RETURN_IF_ERROR(CheckSortable(*columns[*ordering.column]->type));
        keys.push_back({columns[*ordering.column], ordering.descending});
      }
      std::map<std::string, ArrayPtr> ids;
      for (size_t i = 0; i < names.size(); ++i) {
        if (names[i].ends_with(".id")) ids.try_emplace(names[i], columns[i]);
      }
      for (const auto& [name, column] : ids)
        keys.push_back({column, false});
    }
    return SortRows(keys, columns[0]->length, plan_.limit);
  }

  // One row for no rows at all: counts are 0, all else is null. Columns without an alias are
  // called "?" then.
  absl::StatusOr<QueryResult> NoRows() const {
    std::vector<std::string> names;
    std::vector<TypePtr> types;
    std::vector<ArrayPtr> columns;
    for (const query::PlanProjection& projection : plan_.projections) {
      const query::Expr& argument = projection.expr.args[0];
      const std::string unaliased = argument.kind == query::ExprKind::kProperty
                                        ? io::StrCat(argument.variable, ".", argument.property)
                                        : argument.variable;
      names.push_back(projection.name == unaliased ? "?" : projection.name);
      if (projection.expr.function == AggregateFunction::kCount) {
        format::FixedBuilder<int64_t> zero(format::Int64());
        zero.Append(0);
        columns.push_back(zero.Finish());
      } else {
        columns.push_back(format::NullArray(format::Float64(), 1));
      }
      types.push_back(columns.back()->type);
    }
    if (plan_.limit == uint64_t{0}) return ResultOf(names, types, {});
    return ResultOf(names, types, {std::move(columns)});
  }

  const ExecContext& context_;
  const query::ReadPlan& plan_;
  std::vector<const query::Expr*> keys_;
  std::vector<std::unique_ptr<format::ArrayBuilder>> key_builders_;
  std::vector<Aggregate> aggregates_;
  std::optional<size_t> key_variable_;

  size_t num_groups_ = 0;
  absl::flat_hash_map<std::string, uint32_t> groups_;
  std::string text_;
  std::shared_ptr<Entities> known_entities_;
  std::vector<uint32_t> known_groups_;
  std::vector<ArrayPtr> known_keys_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> MakeAggregateSink(const ExecContext& context,
                                                        const query::ReadPlan& plan) {
  auto sink = std::make_unique<AggregateSink>(context, plan);
  OG_RETURN_IF_ERROR(sink->Prepare());
  return sink;
}

}  // namespace og::engine::exec
