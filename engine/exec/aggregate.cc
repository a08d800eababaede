// Groups: rows with equal values in the projections that are no aggregates, in the order in which
// they first appear.
//
// Where the groups do not fit into memory, those that are there stay, and rows of further groups go
// to temporary files, split by a hash of their keys; each file is aggregated by itself afterwards,
// split again if need be. The groups of all tables are merged at the end.
#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/exec/batch_spill.h"
#include "engine/exec/binder.h"
#include "engine/exec/group_table.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/key_groups.h"
#include "engine/exec/order.h"
#include "engine/exec/result_rows.h"
#include "engine/exec/sinks.h"
#include "engine/exec/sorted_runs.h"
#include "format/arrow/builder.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/worker_pool.h"

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

  // Keys are grouped in the pool while the next chunks come; the table and what is accumulated see
  // chunks in their order and rows in theirs, whatever the number of threads.
  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    io::WorkerPool* const pool = PoolOf(chunk);
    const absl::Status started = Start(chunk, pool);
    if (absl::IsResourceExhausted(started) && chunk.num_rows > 1) {
      for (const Chunk& half : chunk.Halves())
        OG_RETURN_IF_ERROR(Push(half));
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(started);
    const size_t ahead = pool == nullptr ? 0 : pool->num_threads();
    while (pending_.size() > ahead)
      OG_RETURN_IF_ERROR(TakeFirst());
    return absl::OkStatus();
  }

  absl::Status Flush() override {
    while (!pending_.empty())
      OG_RETURN_IF_ERROR(TakeFirst());
    return absl::OkStatus();
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

  // Keys that are being grouped: those of a chunk's rows, or columns that chunks have in common.
  struct Keys {
    std::vector<ArrayPtr> columns;
    std::optional<KeyGroups> groups;
    // Of the table, by number among `groups`; kUnasked: none has been looked for.
    std::vector<uint32_t> in_table;
    std::optional<io::TaskGroup> task;  // last: waits before the rest goes
  };
  static constexpr uint32_t kUnasked = kNoGroup - 1;

  // Values for the rows of a chunk: for each row, or a variable's.
  struct Argument {
    ArrayPtr values;
    std::optional<size_t> variable;
    std::span<const uint32_t> places;  // as in ColumnView
  };

  // A chunk that waits for its groups.
  struct Pending {
    Chunk chunk;
    std::shared_ptr<Keys> keys;  // null: there are none
    std::span<const uint32_t> key_places = {};
    std::vector<Argument> arguments = {};
  };

  static io::WorkerPool* PoolOf(const Chunk& chunk) {
    for (const Binding& binding : chunk.bindings) {
      if (binding.entities != nullptr) return binding.entities->table()->pool();
    }
    return nullptr;
  }

  absl::Status Start(const Chunk& chunk, io::WorkerPool* pool) {
    Pending pending{chunk, nullptr};
    OG_ASSIGN_OR_RETURN(pending.arguments, ArgumentsOf(chunk));
    if (!shape_.keys.empty()) OG_RETURN_IF_ERROR(StartKeys(pool, pending));
    pending_.push_back(std::move(pending));
    return absl::OkStatus();
  }

  // Starts to group the keys of the chunk. Entities are shared by many rows and often by chunks
  // that follow each other, and so are columns that are in memory as a whole: what is the same as
  // before is not looked at again.
  absl::Status StartKeys(io::WorkerPool* pool, Pending& pending) {
    const Chunk& chunk = pending.chunk;
    std::vector<ArrayPtr> columns;
    if (key_variable_.has_value()) {
      OG_ASSIGN_OR_RETURN(columns,
                          KeyColumns(*chunk.bindings[*key_variable_].entities, pending.key_places));
    } else {
      for (const query::Expr* key : shape_.keys) {
        OG_ASSIGN_OR_RETURN(columns.emplace_back(), ValuesOf(context_, *key, chunk));
      }
    }
    if (last_keys_ != nullptr && last_keys_->columns == columns) {
      pending.keys = last_keys_;
      return absl::OkStatus();
    }
    pending.keys = last_keys_ = std::make_shared<Keys>();
    last_keys_->columns = std::move(columns);
    const auto group = [keys = last_keys_.get()] {
      keys->groups.emplace(keys->columns, keys->columns[0]->length);
      return absl::OkStatus();
    };
    if (pool == nullptr) return group();
    last_keys_->task.emplace(*pool);
    last_keys_->task->Run(group);
    return absl::OkStatus();
  }

  // The keys of `entities`: whole columns of their table, with the places in `places`, where they
  // have few values, else those of the entities alone.
  absl::StatusOr<std::vector<ArrayPtr>> KeyColumns(Entities& entities,
                                                   std::span<const uint32_t>& places) const {
    std::vector<ColumnView> views;
    for (const query::Expr* key : shape_.keys) {
      OG_ASSIGN_OR_RETURN(views.emplace_back(), entities.View(ColumnOf(*key)));
    }
    const bool are_whole = std::ranges::all_of(views, [](const ColumnView& view) {
      return !view.places.empty() && view.values->type->id == format::TypeId::kDictionary;
    });
    const bool are_own =
        std::ranges::all_of(views, [](const ColumnView& view) { return view.places.empty(); });
    std::vector<ArrayPtr> columns;
    for (size_t key = 0; key < views.size(); ++key) {
      if (are_whole || are_own) {
        columns.push_back(views[key].values);
      } else {
        OG_ASSIGN_OR_RETURN(columns.emplace_back(), entities.Column(ColumnOf(*shape_.keys[key])));
      }
    }
    if (are_whole) places = views[0].places;
    return columns;
  }

  static std::string ColumnOf(const query::Expr& expr) {
    return expr.kind == query::ExprKind::kVariable ? "id" : expr.property;
  }

  absl::StatusOr<std::vector<Argument>> ArgumentsOf(const Chunk& chunk) const {
    std::vector<Argument> arguments(shape_.arguments.size());
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (shape_.aggregates[i].type == nullptr) continue;
      Argument& argument = arguments[i];
      const query::Expr& expr = *shape_.arguments[i];
      if (expr.kind == query::ExprKind::kProperty || expr.kind == query::ExprKind::kVariable) {
        argument.variable = context_.layout.NumberOf(expr.variable);
        Entities& entities = *chunk.bindings[*argument.variable].entities;
        OG_ASSIGN_OR_RETURN(const ColumnView view, entities.View(ColumnOf(expr)));
        argument = {view.values, argument.variable, view.places};
        if (view.values->type->id == format::TypeId::kDictionary) {
          OG_ASSIGN_OR_RETURN(argument.values, entities.Column(ColumnOf(expr)));
          argument.places = {};
        }
      } else {
        OG_ASSIGN_OR_RETURN(argument.values, ValuesOf(context_, expr, chunk));
      }
    }
    return arguments;
  }

  // For each row where its value lies, if those of entity i are at places[i]. Room in `composed`.
  static std::span<const uint32_t> PlacesOf(const std::vector<uint32_t>& slots,
                                            std::span<const uint32_t> places,
                                            std::vector<uint32_t>& composed) {
    if (places.empty()) return slots;
    composed.reserve(slots.size());
    for (const uint32_t slot : slots)
      composed.push_back(places[slot]);
    return composed;
  }

  // Accumulates the chunk that has waited longest.
  absl::Status TakeFirst() {
    const Pending pending = std::move(pending_.front());
    pending_.pop_front();
    const Chunk& chunk = pending.chunk;
    std::vector<uint32_t> rows(chunk.num_rows);
    std::iota(rows.begin(), rows.end(), 0);
    std::deque<std::vector<uint32_t>> composed;
    std::vector<RowValues> arguments;
    for (const Argument& argument : pending.arguments) {
      const auto& slots =
          argument.variable.has_value() ? chunk.bindings[*argument.variable].slots : rows;
      arguments.push_back(
          {argument.values, PlacesOf(slots, argument.places, composed.emplace_back())});
    }
    if (pending.keys == nullptr) {
      table_->AddOnlyGroup();
      const std::vector<uint32_t> groups(chunk.num_rows, 0);
      OG_RETURN_IF_ERROR(table_->Accumulate(arguments, groups));
      return memory_.Set(kCopies * table_->MemoryBytes());
    }
    Keys& keys = *pending.keys;
    if (keys.task.has_value()) OG_RETURN_IF_ERROR(keys.task->Wait());
    const auto& slots = key_variable_.has_value() ? chunk.bindings[*key_variable_].slots : rows;
    const std::span<const uint32_t> key_rows =
        PlacesOf(slots, pending.key_places, composed.emplace_back());
    OG_RETURN_IF_ERROR(AddRows(keys, key_rows, arguments));
    if (overflow_ != nullptr) return absl::OkStatus();
    const uint64_t whole_keys = pending.key_places.empty() ? 0 : keys.groups->of_rows().size() * 4;
    const absl::Status fits = memory_.Set(kCopies * table_->MemoryBytes() + whole_keys);
    if (!absl::IsResourceExhausted(fits) && !(fits.ok() && table_->full())) return fits;
    overflow_ = std::make_unique<Overflow>(shape_, 0);
    return absl::OkStatus();
  }

  // The next rows: those whose group is in memory are accumulated, the others spilled.
  absl::Status AddRows(Keys& keys, std::span<const uint32_t> key_rows,
                       const std::vector<RowValues>& arguments) {
    keys.in_table.resize(keys.groups->groups().size(), kUnasked);
    const int64_t first = std::exchange(num_rows_, num_rows_ + std::ssize(key_rows));
    std::vector<uint32_t> groups(key_rows.size());
    std::vector<uint32_t> spilled;
    const std::vector<uint32_t>& group_of = keys.groups->of_rows();
    for (uint32_t row = 0; row < groups.size(); ++row) {
      const uint32_t number = group_of[key_rows[row]];
      uint32_t& group = keys.in_table[number];
      if (group == kUnasked) {
        group = table_->GroupOf(*keys.groups, keys.groups->groups()[number], first + row,
                                overflow_ == nullptr);
      }
      groups[row] = group;
      if (group == kNoGroup) spilled.push_back(row);
    }
    if (spilled.empty()) return table_->Accumulate(arguments, groups);
    std::vector<uint32_t> kept;
    for (uint32_t row = 0; row < groups.size(); ++row) {
      if (groups[row] != kNoGroup) kept.push_back(row);
    }
    std::erase(groups, kNoGroup);
    OG_RETURN_IF_ERROR(AccumulateRows(arguments, kept, groups, *table_));
    return SpillRows(keys, key_rows, arguments, first, spilled);
  }

  // Rows `spilled` to the files, in as many parts as their texts need.
  absl::Status SpillRows(const Keys& keys, std::span<const uint32_t> key_rows,
                         const std::vector<RowValues>& arguments, int64_t first,
                         std::span<const uint32_t> spilled) {
    const absl::StatusOr<std::vector<ArrayPtr>> columns =
        SpilledColumns(keys, key_rows, arguments, first, spilled);
    if (absl::IsResourceExhausted(columns.status()) && spilled.size() > 1) {
      const size_t half = spilled.size() / 2;
      OG_RETURN_IF_ERROR(SpillRows(keys, key_rows, arguments, first, spilled.first(half)));
      return SpillRows(keys, key_rows, arguments, first, spilled.subspan(half));
    }
    OG_RETURN_IF_ERROR(columns.status());
    std::vector<uint64_t> hashes;
    for (const uint32_t row : spilled)
      hashes.push_back(keys.groups->groups()[keys.groups->of_rows()[key_rows[row]]].hash);
    return overflow_->Add(*columns, hashes);
  }

  static absl::StatusOr<std::vector<ArrayPtr>> SpilledColumns(
      const Keys& keys, std::span<const uint32_t> key_rows, const std::vector<RowValues>& arguments,
      int64_t first, std::span<const uint32_t> spilled) {
    format::FixedBuilder<int64_t> numbers(format::Int64());
    std::vector<int64_t> spilled_keys;
    for (const uint32_t row : spilled) {
      numbers.Append(first + row);
      spilled_keys.push_back(key_rows[row]);
    }
    std::vector<ArrayPtr> columns = {numbers.Finish()};
    for (const ArrayPtr& key : keys.columns) {
      OG_ASSIGN_OR_RETURN(const ArrayPtr taken, TryTake(*key, spilled_keys));
      OG_ASSIGN_OR_RETURN(columns.emplace_back(), TryDecodeDictionary(taken));
    }
    for (const RowValues& argument : arguments) {
      if (argument.values == nullptr) continue;
      std::vector<int64_t> places;
      for (const uint32_t row : spilled)
        places.push_back(argument.rows[row]);
      OG_ASSIGN_OR_RETURN(columns.emplace_back(), TryTake(*argument.values, places));
    }
    return columns;
  }

  // Rows `kept` of the arguments to groups[i] each.
  static absl::Status AccumulateRows(const std::vector<RowValues>& arguments,
                                     std::span<const uint32_t> kept,
                                     std::span<const uint32_t> groups, GroupTable& table) {
    std::vector<std::vector<uint32_t>> places(arguments.size());
    std::vector<RowValues> of_kept;
    for (size_t i = 0; i < arguments.size(); ++i) {
      for (const uint32_t row : kept)
        places[i].push_back(arguments[i].rows[row]);
      of_kept.push_back({arguments[i].values, places[i]});
    }
    return table.Accumulate(of_kept, groups);
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
    OG_ASSIGN_OR_RETURN(const std::unique_ptr<Overflow> overflow, AggregateFile(rows, level));
    return overflow == nullptr ? absl::OkStatus() : Settle(*overflow);
  }

  // The groups of a file that fit into memory become a run; the rows of the others, or null.
  absl::StatusOr<std::unique_ptr<Overflow>> AggregateFile(const BatchSpill& rows, size_t level) {
    HeldMemory memory(context_.tables.budget());
    OG_ASSIGN_OR_RETURN(const std::unique_ptr<GroupTable> table,
                        GroupTable::Make(shape_.key_types, shape_.aggregates));
    std::unique_ptr<Overflow> overflow;
    for (size_t i = 0; i < rows.num_batches(); ++i) {
      OG_RETURN_IF_ERROR(context_.CheckInterrupt());
      OG_ASSIGN_OR_RETURN(const format::RecordBatch batch, rows.Read(i));
      OG_RETURN_IF_ERROR(AddBatch(batch, *table, overflow.get()));
      if (overflow != nullptr) continue;
      const absl::Status fits = memory.Set(kCopies * table->MemoryBytes());
      if (fits.ok() && !table->full()) continue;
      if (!fits.ok() && (!absl::IsResourceExhausted(fits) || level == kSplitsMax)) return fits;
      overflow = std::make_unique<Overflow>(shape_, level);
    }
    GroupTable::Columns groups = table->Finish();
    OG_RETURN_IF_ERROR(AddRun(InOrderOfProjections(groups), groups.first_rows));
    return overflow;
  }

  // Rows of a file to `table`, or to `overflow` if that is not null and they have no group.
  absl::Status AddBatch(const format::RecordBatch& batch, GroupTable& table,
                        Overflow* overflow) const {
    const auto first_argument = batch.columns.begin() + 1 + std::ssize(shape_.keys);
    const KeyGroups keys({batch.columns.begin() + 1, first_argument}, batch.num_rows);
    std::vector<uint32_t> all(static_cast<size_t>(batch.num_rows));
    std::iota(all.begin(), all.end(), 0);
    std::vector<uint32_t> in_table(keys.groups().size(), kUnasked);
    std::vector<uint32_t> kept;
    std::vector<uint32_t> groups;
    std::vector<int64_t> spilled;
    std::vector<uint64_t> hashes;
    for (const uint32_t row : all) {
      const uint32_t number = keys.of_rows()[row];
      const KeyGroups::Group& group = keys.groups()[number];
      if (in_table[number] == kUnasked) {
        in_table[number] =
            table.GroupOf(keys, group, batch.columns[0]->Value<int64_t>(row), overflow == nullptr);
      }
      if (in_table[number] == kNoGroup) {
        spilled.push_back(row);
        hashes.push_back(group.hash);
      } else {
        kept.push_back(row);
        groups.push_back(in_table[number]);
      }
    }
    std::vector<RowValues> arguments;
    auto column = first_argument;
    for (const AggregateSpec& aggregate : shape_.aggregates) {
      arguments.push_back({aggregate.type == nullptr ? nullptr : *column++, all});
    }
    OG_RETURN_IF_ERROR(AccumulateRows(arguments, kept, groups, table));
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
  std::shared_ptr<Keys> last_keys_;
  std::deque<Pending> pending_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> MakeAggregateSink(const ExecContext& context,
                                                        const query::ReadPlan& plan) {
  auto sink = std::make_unique<AggregateSink>(context, plan);
  OG_RETURN_IF_ERROR(sink->Prepare());
  return sink;
}

}  // namespace og::engine::exec
