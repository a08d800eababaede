// Groups: rows with equal values in the projections that are no aggregates, in the order in which
// they first appear.
//
// Where the groups do not fit into memory, those that are there stay, and rows of further groups go
// to temporary files, split by a hash of their keys; each file is aggregated by itself afterwards,
// split again if need be. The groups of all tables are merged at the end.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/batch_spill.h"
#include "engine/exec/binder.h"
#include "engine/exec/group_table.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/order.h"
#include "engine/exec/result_rows.h"
#include "engine/exec/sinks.h"
#include "engine/exec/sorted_runs.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::TypePtr;
using query::AggregateFunction;

// Files that rows are split over, by bits of their hash, and how often they are split again.
constexpr size_t kPartitionBits = 4;
constexpr size_t kPartitions = size_t{1} << kPartitionBits;
constexpr size_t kSplitsMax = 6;

// Of a table in memory: its groups become columns beside it at the end.
constexpr uint64_t kCopies = 2;

// What is grouped and aggregated.
struct Shape {
  std::vector<const query::Expr*> keys;
  std::vector<TypePtr> key_types;
  std::vector<const query::Expr*> arguments;  // of the aggregates
  std::vector<AggregateSpec> aggregates;
};

// Rows whose groups are not in memory: the row's number, keys, arguments that are looked at.
class Overflow {
 public:
  Overflow(const Shape& shape, size_t level) : level_(level) {
    auto schema = std::make_shared<format::Schema>();
    schema->fields.push_back({"", format::Int64(), true, {}});
    for (const TypePtr& type : shape.key_types)
      schema->fields.push_back({"", type, true, {}});
    for (const AggregateSpec& aggregate : shape.aggregates) {
      if (aggregate.type != nullptr) schema->fields.push_back({"", aggregate.type, true, {}});
    }
    schema_ = std::move(schema);
  }

  // `columns` as in the schema; hashes[i] is of row i's keys.
  absl::Status Add(const std::vector<ArrayPtr>& columns, const std::vector<uint64_t>& hashes) {
    std::array<std::vector<int64_t>, kPartitions> rows;
    for (size_t i = 0; i < hashes.size(); ++i) {
      rows[(hashes[i] >> (kPartitionBits * level_)) % kPartitions].push_back(
          static_cast<int64_t>(i));
    }
    for (size_t partition = 0; partition < kPartitions; ++partition) {
      if (rows[partition].empty()) continue;
      std::unique_ptr<BatchSpill>& spill = partitions_[partition];
      if (spill == nullptr) {
        OG_ASSIGN_OR_RETURN(spill, BatchSpill::Create(schema_));
      }
      format::RecordBatch batch{schema_, std::ssize(rows[partition]), {}};
      for (const ArrayPtr& column : columns)
        batch.columns.push_back(Take(*column, rows[partition]));
      OG_RETURN_IF_ERROR(spill->Append(batch));
    }
    return absl::OkStatus();
  }

  size_t level() const { return level_; }
  // Null where there are no rows.
  std::unique_ptr<BatchSpill> TakePartition(size_t partition) {
    return std::move(partitions_[partition]);
  }

 private:
  const size_t level_;
  format::SchemaPtr schema_;
  std::array<std::unique_ptr<BatchSpill>, kPartitions> partitions_;
};

class AggregateSink final : public Sink {
 public:
  AggregateSink(const ExecContext& context, const query::ReadPlan& plan)
      : context_(context), plan_(plan), memory_(context.tables.budget()) {}

  absl::Status Prepare() {
    for (const query::PlanProjection& projection : plan_.projections) {
      names_.push_back(projection.name);
      if (projection.expr.kind == query::ExprKind::kAggregate) {
        OG_RETURN_IF_ERROR(AddAggregate(projection.expr));
        continue;
      }
      shape_.keys.push_back(&projection.expr);
      OG_ASSIGN_OR_RETURN(shape_.key_types.emplace_back(), TypeOf(context_, projection.expr));
    }
    key_variable_ = OnlyKeyVariable();
    OG_ASSIGN_OR_RETURN(table_, GroupTable::Make(shape_.key_types, shape_.aggregates));
    return absl::OkStatus();
  }

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    std::vector<uint64_t> hashes;  // of rows without a group
    OG_ASSIGN_OR_RETURN(std::vector<uint32_t> groups, GroupsOf(chunk, hashes));
    num_rows_ += static_cast<int64_t>(chunk.num_rows);
    if (hashes.empty()) {
      OG_RETURN_IF_ERROR(Accumulate(chunk, groups));
    } else {
      OG_RETURN_IF_ERROR(AccumulateOrSpill(chunk, groups, hashes));
    }
    if (overflow_ != nullptr) return absl::OkStatus();
    const absl::Status fits = memory_.Set(kCopies * table_->MemoryBytes());
    if (absl::IsResourceExhausted(fits) && !shape_.keys.empty()) {
      overflow_ = std::make_unique<Overflow>(shape_, 0);
      return absl::OkStatus();
    }
    return fits;
  }

  bool done() const override { return false; }

  absl::StatusOr<QueryResult> Finish() override {
    if (table_->num_groups() == 0 && shape_.keys.empty()) return NoRows();
    GroupTable::Columns groups = table_->Finish();
    std::vector<ArrayPtr> columns = InOrderOfProjections(groups);
    std::vector<TypePtr> types;
    for (const ArrayPtr& column : columns)
      types.push_back(column->type);
    ResultRows rows(context_, names_, types);
    if (overflow_ == nullptr) {
      OG_ASSIGN_OR_RETURN(const std::vector<SortKey> keys, OrderKeys(columns));
      const std::vector<int64_t> order = SortRows(keys, columns[0]->length, plan_.limit);
      for (ArrayPtr& column : columns)
        column = Take(*column, order);
      OG_RETURN_IF_ERROR(rows.Append(std::move(columns)));
      return rows.Finish();
    }
    OG_RETURN_IF_ERROR(AddRun(std::move(columns), groups.first_rows));
    table_.reset();
    memory_.Release();
    OG_RETURN_IF_ERROR(Settle(*overflow_));
    const auto emit = [&](std::vector<ArrayPtr> values) -> absl::Status {
      OG_RETURN_IF_ERROR(context_.CheckInterrupt());
      return rows.Append(std::move(values));
    };
    OG_RETURN_IF_ERROR(runs_->Merge(plan_.limit.value_or(UINT64_MAX), emit));
    return rows.Finish();
  }

 private:
  absl::Status AddAggregate(const query::Expr& expr) {
    AggregateSpec spec{expr.function, nullptr};
    const bool counts_rows = expr.function == AggregateFunction::kCount &&
                             expr.args[0].kind == query::ExprKind::kVariable;
    if (!counts_rows) {
      OG_ASSIGN_OR_RETURN(spec.type, TypeOf(context_, expr.args[0]));
    }
    shape_.arguments.push_back(&expr.args[0]);
    shape_.aggregates.push_back(std::move(spec));
    return absl::OkStatus();
  }

  // The variable that all keys belong to, if it is one: then each of its entities has one group.
  std::optional<size_t> OnlyKeyVariable() const {
    std::optional<size_t> only;
    for (const query::Expr* key : shape_.keys) {
      if (key->kind != query::ExprKind::kProperty && key->kind != query::ExprKind::kVariable) {
        return std::nullopt;
      }
      const size_t variable = context_.layout.NumberOf(key->variable);
      if (only.has_value() && *only != variable) return std::nullopt;
      only = variable;
    }
    return only;
  }

  // The group of each row; kNoGroup, and a hash, for rows whose group is not in memory.
  absl::StatusOr<std::vector<uint32_t>> GroupsOf(const Chunk& chunk,
                                                 std::vector<uint64_t>& hashes) {
    if (shape_.keys.empty()) {
      table_->AddOnlyGroup();
      return std::vector<uint32_t>(chunk.num_rows, 0);
    }
    std::vector<uint32_t> groups(chunk.num_rows);
    const bool may_add = overflow_ == nullptr;
    const auto group_of = [&](const std::vector<ArrayPtr>& keys, int64_t at, size_t row) {
      const uint32_t group =
          table_->GroupOf(keys, at, num_rows_ + static_cast<int64_t>(row), may_add);
      if (group == kNoGroup) hashes.push_back(table_->last_hash());
      return group;
    };
    if (!key_variable_.has_value()) {
      OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> keys, KeysOf(chunk));
      for (size_t row = 0; row < chunk.num_rows; ++row)
        groups[row] = group_of(keys, static_cast<int64_t>(row), row);
      return groups;
    }
    // Entities are shared by many rows and often by many chunks: each is looked at once.
    const Binding& binding = chunk.bindings[*key_variable_];
    if (known_entities_ != binding.entities) {
      known_entities_ = binding.entities;
      known_groups_.assign(binding.entities->size(), kNoGroup);
      known_keys_.clear();
      for (const query::Expr* key : shape_.keys) {
        OG_ASSIGN_OR_RETURN(known_keys_.emplace_back(),
                            binding.entities->Column(
                                key->kind == query::ExprKind::kVariable ? "id" : key->property));
      }
    }
    for (size_t row = 0; row < chunk.num_rows; ++row) {
      uint32_t& group = known_groups_[binding.slots[row]];
      if (group == kNoGroup) group = group_of(known_keys_, binding.slots[row], row);
      groups[row] = group;
    }
    return groups;
  }

  absl::StatusOr<std::vector<ArrayPtr>> KeysOf(const Chunk& chunk) const {
    std::vector<ArrayPtr> keys;
    for (const query::Expr* key : shape_.keys) {
      OG_ASSIGN_OR_RETURN(keys.emplace_back(), ValuesOf(context_, *key, chunk));
    }
    return keys;
  }

  absl::StatusOr<std::vector<ArrayPtr>> ArgumentsOf(const Chunk& chunk) const {
    std::vector<ArrayPtr> arguments;
    for (size_t i = 0; i < shape_.arguments.size(); ++i) {
      ArrayPtr& values = arguments.emplace_back();
      if (shape_.aggregates[i].type == nullptr) continue;
      OG_ASSIGN_OR_RETURN(values, ValuesOf(context_, *shape_.arguments[i], chunk));
    }
    return arguments;
  }

  absl::Status Accumulate(const Chunk& chunk, const std::vector<uint32_t>& groups) {
    OG_ASSIGN_OR_RETURN(const std::vector<ArrayPtr> arguments, ArgumentsOf(chunk));
    return table_->Accumulate(arguments, groups);
  }

  // Rows of `chunk`, the last ones counted, with a group are accumulated, the others spilled.
  absl::Status AccumulateOrSpill(const Chunk& chunk, const std::vector<uint32_t>& groups,
                                 const std::vector<uint64_t>& hashes) {
    std::vector<uint32_t> kept;
    std::vector<uint32_t> kept_groups;
    std::vector<uint32_t> spilled;
    format::FixedBuilder<int64_t> numbers(format::Int64());
    const int64_t first = num_rows_ - static_cast<int64_t>(chunk.num_rows);
    for (uint32_t row = 0; row < chunk.num_rows; ++row) {
      if (groups[row] == kNoGroup) {
        spilled.push_back(row);
        numbers.Append(first + row);
      } else {
        kept.push_back(row);
        kept_groups.push_back(groups[row]);
      }
    }
    if (!kept.empty()) OG_RETURN_IF_ERROR(Accumulate(chunk.Pick(kept), kept_groups));
    const Chunk rest = chunk.Pick(spilled).Compact();
    std::vector<ArrayPtr> columns = {numbers.Finish()};
    OG_ASSIGN_OR_RETURN(std::vector<ArrayPtr> keys, KeysOf(rest));
    OG_ASSIGN_OR_RETURN(std::vector<ArrayPtr> arguments, ArgumentsOf(rest));
    for (ArrayPtr& key : keys)
      columns.push_back(std::move(key));
    for (ArrayPtr& argument : arguments) {
      if (argument != nullptr) columns.push_back(std::move(argument));
    }
    return overflow_->Add(columns, hashes);
  }

  // Aggregates every file of `overflow` and adds its groups to the runs.
  absl::Status Settle(Overflow& overflow) {
    for (size_t partition = 0; partition < kPartitions; ++partition) {
      const std::unique_ptr<BatchSpill> rows = overflow.TakePartition(partition);
      if (rows != nullptr) OG_RETURN_IF_ERROR(Settle(*rows, overflow.level() + 1));
    }
    return absl::OkStatus();
  }

  absl::Status Settle(const BatchSpill& rows, size_t level) {
    OG_ASSIGN_OR_RETURN(const std::unique_ptr<GroupTable> table,
                        GroupTable::Make(shape_.key_types, shape_.aggregates));
    HeldMemory memory(context_.tables.budget());
    std::unique_ptr<Overflow> overflow;
    for (size_t i = 0; i < rows.num_batches(); ++i) {
      OG_RETURN_IF_ERROR(context_.CheckInterrupt());
      OG_ASSIGN_OR_RETURN(const format::RecordBatch batch, rows.Read(i));
      OG_RETURN_IF_ERROR(AddBatch(batch, *table, overflow.get()));
      if (overflow != nullptr) continue;
      const absl::Status fits = memory.Set(kCopies * table->MemoryBytes());
      if (fits.ok()) continue;
      if (!absl::IsResourceExhausted(fits) || level == kSplitsMax) return fits;
      overflow = std::make_unique<Overflow>(shape_, level);
    }
    GroupTable::Columns groups = table->Finish();
    OG_RETURN_IF_ERROR(AddRun(InOrderOfProjections(groups), groups.first_rows));
    memory.Release();
    return overflow == nullptr ? absl::OkStatus() : Settle(*overflow);
  }

  // Rows of a file to `table`, or to `overflow` if that is not null and they have no group.
  absl::Status AddBatch(const format::RecordBatch& batch, GroupTable& table,
                        Overflow* overflow) const {
    const size_t num_keys = shape_.keys.size();
    const std::vector<ArrayPtr> keys(batch.columns.begin() + 1,
                                     batch.columns.begin() + 1 + static_cast<ptrdiff_t>(num_keys));
    std::vector<int64_t> kept;
    std::vector<uint32_t> groups;
    std::vector<int64_t> spilled;
    std::vector<uint64_t> hashes;
    for (int64_t row = 0; row < batch.num_rows; ++row) {
      const uint32_t group =
          table.GroupOf(keys, row, batch.columns[0]->Value<int64_t>(row), overflow == nullptr);
      if (group == kNoGroup) {
        spilled.push_back(row);
        hashes.push_back(table.last_hash());
      } else {
        kept.push_back(row);
        groups.push_back(group);
      }
    }
    std::vector<ArrayPtr> arguments;
    size_t column = 1 + num_keys;
    for (const AggregateSpec& aggregate : shape_.aggregates) {
      arguments.push_back(aggregate.type == nullptr ? nullptr
                                                    : Take(*batch.columns[column++], kept));
    }
    OG_RETURN_IF_ERROR(table.Accumulate(arguments, groups));
    if (spilled.empty()) return absl::OkStatus();
    std::vector<ArrayPtr> rest;
    for (const ArrayPtr& values : batch.columns)
      rest.push_back(Take(*values, spilled));
    return overflow->Add(rest, hashes);
  }

  std::vector<ArrayPtr> InOrderOfProjections(GroupTable::Columns& groups) const {
    std::vector<ArrayPtr> columns;
    size_t key = 0;
    size_t aggregate = 0;
    for (const query::PlanProjection& projection : plan_.projections) {
      columns.push_back(projection.expr.kind == query::ExprKind::kAggregate
                            ? std::move(groups.aggregates[aggregate++])
                            : std::move(groups.keys[key++]));
    }
    return columns;
  }

  // What groups are ordered by; ties go by result columns named after ids.
  absl::StatusOr<std::vector<SortKey>> OrderKeys(const std::vector<ArrayPtr>& columns) const {
    std::vector<SortKey> keys;
    if (plan_.orderings.empty()) return keys;
    for (const query::PlanOrdering& ordering : plan_.orderings) {
      if (!ordering.column.has_value()) continue;  // ranks what is grouped, not the groups
      OG_RETURN_IF_ERROR(CheckSortable(*columns[*ordering.column]->type));
      keys.push_back({columns[*ordering.column], ordering.descending});
    }
    std::map<std::string, ArrayPtr> ids;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i].ends_with(".id")) ids.try_emplace(names_[i], columns[i]);
    }
    for (const auto& [name, column] : ids)
      keys.push_back({column, false});
    return keys;
  }

  // Groups as a run to be merged: in their order, at last that of their first rows.
  absl::Status AddRun(std::vector<ArrayPtr> columns, const ArrayPtr& first_rows) {
    OG_ASSIGN_OR_RETURN(std::vector<SortKey> keys, OrderKeys(columns));
    keys.push_back({first_rows, false});
    if (runs_ == nullptr) {
      auto schema = std::make_shared<format::Schema>();
      std::vector<bool> descending;
      for (const SortKey& key : keys) {
        schema->fields.push_back({"", key.values->type, true, {}});
        descending.push_back(key.descending);
      }
      for (size_t i = 0; i < columns.size(); ++i)
        schema->fields.push_back({names_[i], columns[i]->type, true, {}});
      runs_ = std::make_unique<SortedRuns>(std::move(schema), std::move(descending));
    }
    OG_RETURN_IF_ERROR(runs_->StartRun());
    const std::vector<int64_t> order = SortRows(keys, columns[0]->length, plan_.limit);
    for (size_t start = 0; start < order.size(); start += kChunkRows) {
      const std::span<const int64_t> rows =
          std::span(order).subspan(start, std::min(kChunkRows, order.size() - start));
      std::vector<ArrayPtr> part;
      for (const SortKey& key : keys)
        part.push_back(Take(*key.values, rows));
      for (const ArrayPtr& column : columns)
        part.push_back(Take(*column, rows));
      OG_RETURN_IF_ERROR(runs_->Append(std::move(part)));
    }
    return absl::OkStatus();
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
    ResultRows rows(context_, std::move(names), std::move(types));
    if (plan_.limit != uint64_t{0}) OG_RETURN_IF_ERROR(rows.Append(std::move(columns)));
    return rows.Finish();
  }

  const ExecContext& context_;
  const query::ReadPlan& plan_;
  std::vector<std::string> names_;
  Shape shape_;
  std::optional<size_t> key_variable_;
  HeldMemory memory_;
  std::unique_ptr<GroupTable> table_;
  std::unique_ptr<Overflow> overflow_;  // null: all groups are in memory
  std::unique_ptr<SortedRuns> runs_;
  int64_t num_rows_ = 0;

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
