#include "engine/exec/sinks.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "engine/exec/binder.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/order.h"
#include "engine/exec/result_rows.h"
#include "engine/exec/sorted_runs.h"
#include "format/arrow/builder.h"
#include "io/base/error_detail.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::TypePtr;

// Rows that an ordered query with a limit holds before it drops those that cannot be in the result.
constexpr uint64_t kHeldRowsMin = 65'536;

// Rows of a batch of an ordered result, and about how many bytes it may have.
constexpr size_t kResultRows = 65'536;
constexpr uint64_t kResultBytes = uint64_t{4} << 20;
constexpr size_t kFirstResultRows = 1024;

// Of a long text that many rows have in common, as many copies at once as have these bytes.
constexpr int64_t kValuesBytesMax = int64_t{64} << 20;

// Chunks of fewer rows are not split for want of memory: each part becomes a file.
constexpr size_t kSplitRowsMin = 16;

struct Columns {
  std::vector<std::string> names;
  std::vector<TypePtr> types;
};

absl::StatusOr<Columns> ColumnsOf(const ExecContext& context, const query::ReadPlan& plan) {
  Columns columns;
  for (const query::PlanProjection& projection : plan.projections) {
    columns.names.push_back(projection.name);
    OG_ASSIGN_OR_RETURN(columns.types.emplace_back(), TypeOf(context, projection.expr));
  }
  return columns;
}

absl::StatusOr<std::vector<ArrayPtr>> Project(const ExecContext& context,
                                              const query::ReadPlan& plan, const Chunk& chunk) {
  std::vector<ArrayPtr> values;
  for (const query::PlanProjection& projection : plan.projections) {
    OG_ASSIGN_OR_RETURN(values.emplace_back(), ValuesOf(context, projection.expr, chunk));
  }
  return values;
}

uint64_t BytesOf(const std::vector<ArrayPtr>& arrays) {
  uint64_t bytes = 0;
  for (const ArrayPtr& array : arrays)
    bytes += array->MemoryBytes();
  return bytes;
}

// Of the texts themselves.
uint64_t TextBytes(const std::vector<ArrayPtr>& arrays) {
  int64_t bytes = 0;
  for (const ArrayPtr& array : arrays)
    if (array->type->is_variable()) bytes += array->OffsetAt(array->length) - array->OffsetAt(0);
  return static_cast<uint64_t>(bytes);
}

std::vector<uint32_t> FirstRows(size_t count) {
  std::vector<uint32_t> rows(count);
  for (uint32_t i = 0; i < count; ++i)
    rows[i] = i;
  return rows;
}

// Rows in the order in which they come, up to the limit.
class PlainSink final : public Sink {
 public:
  PlainSink(const ExecContext& context, const query::ReadPlan& plan, Columns columns)
      : context_(context),
        plan_(plan),
        rows_left_(plan.limit.value_or(std::numeric_limits<uint64_t>::max())),
        rows_(context, std::move(columns.names), std::move(columns.types)) {}

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0 || done()) return absl::OkStatus();
    if (chunk.num_rows > rows_left_) {
      return Keep(chunk.Pick(FirstRows(static_cast<size_t>(rows_left_))).Compact());
    }
    return Keep(chunk);
  }

  bool done() const override { return rows_left_ == 0; }

  absl::StatusOr<QueryResult> Finish() override { return rows_.Finish(); }

 private:
  absl::Status Keep(const Chunk& chunk) {
    absl::StatusOr<std::vector<ArrayPtr>> values = Project(context_, plan_, chunk);
    if (absl::IsResourceExhausted(values.status()) && chunk.num_rows > 1) {
      for (const Chunk& half : chunk.Halves())
        OG_RETURN_IF_ERROR(Keep(half));
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(values.status());
    rows_left_ -= chunk.num_rows;
    return rows_.Append(*std::move(values));
  }

  const ExecContext& context_;
  const query::ReadPlan& plan_;
  uint64_t rows_left_;
  ResultRows rows_;
};

// Rows by their keys, then by the ids of all bindings in the order of the variables' names. What is
// not a key is read for the rows of the result only, as long as memory lasts; when it does not, the
// rows so far become a sorted run with all their values.
class OrderSink final : public Sink {
 public:
  OrderSink(const ExecContext& context, const query::ReadPlan& plan, Columns columns)
      : context_(context),
        plan_(plan),
        columns_(std::move(columns)),
        memory_(context.tables.budget()),
        last_entities_(context.layout.variables.size()) {
    std::map<std::string, size_t> by_column;  // "<variable>.id"
    for (size_t i = 0; i < context.layout.variables.size(); ++i) {
      const Variable& variable = context.layout.variables[i];
      if (!variable.in_negation) by_column[variable.name + ".id"] = i;
    }
    for (const auto& [column, variable] : by_column)
      tie_breaks_.push_back(variable);
  }

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    if (!context_.nearest.has_value()) return Hold(chunk);
    // Rows without a distance are not found.
    OG_ASSIGN_OR_RETURN(const ArrayPtr distances,
                        ValuesOf(context_, plan_.orderings[0].expr, chunk));
    std::vector<uint32_t> found;
    for (uint32_t row = 0; row < chunk.num_rows; ++row) {
      if (distances->IsValid(row)) found.push_back(row);
    }
    return found.empty() ? absl::OkStatus() : Hold(chunk.Pick(found));
  }

  bool done() const override { return plan_.limit == uint64_t{0}; }

  absl::StatusOr<QueryResult> Finish() override {
    ResultRows rows(context_, columns_.names, columns_.types);
    if (done()) return rows.Finish();
    if (ties_late()) OG_RETURN_IF_ERROR(KeepWithin(*plan_.limit));
    if (runs_ != nullptr) {
      OG_RETURN_IF_ERROR(SpillRun());
      const auto emit = [&](std::vector<ArrayPtr> values) -> absl::Status {
        OG_RETURN_IF_ERROR(context_.CheckInterrupt());
        return rows.Append(std::move(values));
      };
      OG_RETURN_IF_ERROR(runs_->Merge(plan_.limit.value_or(UINT64_MAX), emit));
      return rows.Finish();
    }
    if (held_.empty()) return rows.Finish();
    if (!ties_late() || HasTies()) OG_RETURN_IF_ERROR(ReadTieBreaks());
    OG_RETURN_IF_ERROR(ForEachPart(
        false, [&](std::vector<ArrayPtr> values) { return rows.Append(std::move(values)); }));
    return rows.Finish();
  }

 private:
  struct Held {
    Chunk chunk;
    std::vector<ArrayPtr> keys;  // those of the orderings, then the tie breaks if they were read
  };

  // Whether tie breaks are read only of rows that may be in the result: a limit leaves few.
  bool ties_late() const { return plan_.limit.has_value() && *plan_.limit < kHeldRowsMin; }

  absl::StatusOr<Held> WithKeys(const Chunk& chunk) const {
    Held held{chunk, {}};
    for (const query::PlanOrdering& ordering : plan_.orderings) {
      const query::Expr& expr =
          ordering.column.has_value() ? plan_.projections[*ordering.column].expr : ordering.expr;
      OG_ASSIGN_OR_RETURN(held.keys.emplace_back(), ValuesOf(context_, expr, chunk));
    }
    if (!ties_late()) OG_RETURN_IF_ERROR(ReadTieBreaks(held));
    return held;
  }

  absl::Status Hold(const Chunk& chunk) {
    absl::StatusOr<Held> made = WithKeys(chunk);
    if (absl::IsResourceExhausted(made.status()) && chunk.num_rows > 1) return HoldInHalves(chunk);
    OG_RETURN_IF_ERROR(made.status());
    Held& held = *made;
    const uint64_t bytes = BytesHeld(held) + NewEntityBytes(chunk);
    absl::Status reserved = Reserve(bytes, held);
    if (absl::IsResourceExhausted(reserved) && !held_.empty() && ties_late()) {
      OG_RETURN_IF_ERROR(KeepWithin(*plan_.limit));
      reserved = Reserve(bytes, held);
    }
    if (absl::IsResourceExhausted(reserved) && !held_.empty()) {
      OG_RETURN_IF_ERROR(SpillRun());
      reserved = Reserve(bytes, held);
    }
    if (absl::IsResourceExhausted(reserved) && chunk.num_rows >= kSplitRowsMin) {
      held.keys.clear();
      return HoldInHalves(chunk);
    }
    OG_RETURN_IF_ERROR(reserved);
    num_rows_ += chunk.num_rows;
    if (!plan_.limit.has_value()) OG_RETURN_IF_ERROR(context_.CheckRows(num_rows_));
    num_held_ += chunk.num_rows;
    held_.push_back(std::move(held));
    return ties_late() && num_held_ >= held_max() ? Prune() : absl::OkStatus();
  }

  // Sorting copies the keys.
  static uint64_t BytesHeld(const Held& held) {
    return held.chunk.MemoryBytes() + 2 * BytesOf(held.keys);
  }

  // Makes room for `held`. All texts of a key become one array to sort them.
  absl::Status Reserve(uint64_t bytes, const Held& held) {
    const uint64_t text_bytes = TextBytes(held.keys);
    if (!held_.empty() && text_bytes_ + text_bytes > format::kBuilderBytesMax) {
      return io::ResourceExhaustedError("the keys of an order have more bytes than an array");
    }
    OG_RETURN_IF_ERROR(memory_.Add(bytes));
    text_bytes_ += text_bytes;
    return absl::OkStatus();
  }

  // Rows that are held before those are dropped that cannot be in the result.
  uint64_t held_max() const { return std::max(kHeldRowsMin, *plan_.limit * 8); }

  absl::Status ReadTieBreaks(Held& held) const {
    if (held.keys.size() != plan_.orderings.size()) return absl::OkStatus();
    for (const size_t variable : tie_breaks_) {
      OG_ASSIGN_OR_RETURN(held.keys.emplace_back(), held.chunk.Column(variable, "id"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadTieBreaks() {
    for (Held& held : held_)
      OG_RETURN_IF_ERROR(ReadTieBreaks(held));
    return absl::OkStatus();
  }

  // Wide rows: what does not fit as one chunk may fit as two.
  absl::Status HoldInHalves(const Chunk& chunk) {
    std::fill(last_entities_.begin(), last_entities_.end(), nullptr);
    for (const Chunk& half : chunk.Halves())
      OG_RETURN_IF_ERROR(Hold(half));
    return absl::OkStatus();
  }

  // Bytes of the entities of `chunk` that the chunk before does not hold already.
  uint64_t NewEntityBytes(const Chunk& chunk) {
    uint64_t bytes = 0;
    for (size_t variable = 0; variable < chunk.bindings.size(); ++variable) {
      const std::shared_ptr<Entities>& entities = chunk.bindings[variable].entities;
      if (entities == nullptr || entities == last_entities_[variable]) continue;
      last_entities_[variable] = entities;
      bytes += entities->MemoryBytes();
    }
    return bytes;
  }

  std::vector<bool> Directions() const {
    std::vector<bool> descending(plan_.orderings.size() + tie_breaks_.size(), false);
    for (size_t i = 0; i < plan_.orderings.size(); ++i)
      descending[i] = plan_.orderings[i].descending;
    return descending;
  }

  // The first `num_keys` keys of what is held as one.
  std::vector<SortKey> Keys(size_t num_keys) const {
    const std::vector<bool> descending = Directions();
    std::vector<SortKey> keys;
    for (size_t key = 0; key < num_keys; ++key) {
      std::vector<ArrayPtr> parts;
      for (const Held& held : held_)
        parts.push_back(held.keys[key]);
      keys.push_back({Concat(parts), descending[key]});
    }
    return keys;
  }

  // Whether the orderings leave open which of two rows comes first, or tie breaks were read for
  // some rows.
  bool HasTies() const {
    const size_t num_orderings = plan_.orderings.size();
    for (const Held& held : held_) {
      if (held.keys.size() != num_orderings) return true;
    }
    const std::vector<SortKey> keys = Keys(num_orderings);
    const std::vector<int64_t> order =
        SortRows(keys, static_cast<int64_t>(num_held_), std::nullopt);
    return std::ranges::adjacent_find(order, [&](int64_t a, int64_t b) {
             return CompareRows(keys, a, keys, b) == 0;
           }) != order.end();
  }

  // Row numbers over all chunks in the order of the keys, up to the limit. REQUIRES: keys that
  // leave nothing open.
  std::vector<int64_t> Order() const {
    return SortRows(Keys(held_[0].keys.size()), static_cast<int64_t>(num_held_), plan_.limit);
  }

  // The projections of the rows `order` (numbers over all chunks), in that order, behind their keys
  // if `with_keys`. kResourceExhausted if they are too much at once.
  absl::StatusOr<std::vector<ArrayPtr>> Materialize(std::span<const int64_t> order,
                                                    bool with_keys) const {
    std::vector<int64_t> starts;  // number of each chunk's first row
    int64_t start = 0;
    for (const Held& held : held_) {
      starts.push_back(start);
      start += static_cast<int64_t>(held.chunk.num_rows);
    }
    std::vector<std::vector<uint32_t>> rows_of(held_.size());
    std::vector<std::pair<size_t, int64_t>> places;  // chunk, position among its rows
    for (const int64_t row : order) {
      const auto chunk = static_cast<size_t>(std::upper_bound(starts.begin(), starts.end(), row) -
                                             starts.begin() - 1);
      places.emplace_back(chunk, static_cast<int64_t>(rows_of[chunk].size()));
      rows_of[chunk].push_back(static_cast<uint32_t>(row - starts[chunk]));
    }
    const size_t num_keys = with_keys ? held_[0].keys.size() : 0;
    std::vector<std::vector<ArrayPtr>> parts(num_keys + plan_.projections.size());
    std::vector<int64_t> at_of(held_.size());
    int64_t num_rows = 0;
    uint64_t text_bytes = 0;
    for (size_t i = 0; i < held_.size(); ++i) {
      at_of[i] = num_rows;
      if (rows_of[i].empty()) continue;
      const std::vector<int64_t> indices(rows_of[i].begin(), rows_of[i].end());
      for (size_t key = 0; key < num_keys; ++key)
        parts[key].push_back(Take(*held_[i].keys[key], indices));
      OG_ASSIGN_OR_RETURN(std::vector<ArrayPtr> values,
                          Project(context_, plan_, held_[i].chunk.Pick(rows_of[i]).Compact()));
      text_bytes += TextBytes(values);
      if (text_bytes > kValuesBytesMax && order.size() > 1) {
        return io::ResourceExhaustedError("rows of a result have too many bytes together");
      }
      for (size_t column = 0; column < values.size(); ++column) {
        parts[num_keys + column].push_back(std::move(values[column]));
      }
      num_rows += static_cast<int64_t>(rows_of[i].size());
    }
    std::vector<int64_t> final_rows;
    for (const auto& [chunk, position] : places)
      final_rows.push_back(at_of[chunk] + position);
    std::vector<ArrayPtr> result;
    for (const std::vector<ArrayPtr>& column : parts) {
      OG_ASSIGN_OR_RETURN(const ArrayPtr all, TryConcat(column));
      OG_ASSIGN_OR_RETURN(result.emplace_back(), TryTake(*all, final_rows));
    }
    return result;
  }

  // Calls `take` with the rows that are held, in order, so many at a time as the bytes of those
  // before let seem good.
  template <typename Consume>
  absl::Status ForEachPart(bool with_keys, const Consume& consume) const {
    const std::vector<int64_t> order = Order();
    size_t part_rows = kFirstResultRows;
    for (size_t start = 0; start < order.size();) {
      OG_RETURN_IF_ERROR(context_.CheckInterrupt());
      const size_t count = std::min(part_rows, order.size() - start);
      absl::StatusOr<std::vector<ArrayPtr>> values =
          Materialize(std::span(order).subspan(start, count), with_keys);
      if (absl::IsResourceExhausted(values.status()) && count > 1) {
        part_rows = count / 2;
        continue;
      }
      OG_RETURN_IF_ERROR(values.status());
      start += count;
      const uint64_t row_bytes = std::max<uint64_t>(BytesOf(*values) / count, 1);
      part_rows = std::clamp<size_t>(kResultBytes / row_bytes, 1, kResultRows);
      OG_RETURN_IF_ERROR(consume(*std::move(values)));
    }
    return absl::OkStatus();
  }

  // Writes what is held as a run, and lets it go.
  absl::Status SpillRun() {
    if (held_.empty()) return absl::OkStatus();
    OG_RETURN_IF_ERROR(ReadTieBreaks());
    if (runs_ == nullptr) {
      auto schema = std::make_shared<format::Schema>();
      for (const ArrayPtr& key : held_[0].keys)
        schema->fields.push_back({"", key->type, true, {}});
      for (size_t i = 0; i < columns_.names.size(); ++i)
        schema->fields.push_back({columns_.names[i], columns_.types[i], true, {}});
      runs_ = std::make_unique<SortedRuns>(std::move(schema), Directions());
    }
    OG_RETURN_IF_ERROR(runs_->StartRun());
    OG_RETURN_IF_ERROR(ForEachPart(
        true, [&](std::vector<ArrayPtr> values) { return runs_->Append(std::move(values)); }));
    held_.clear();
    num_held_ = 0;
    text_bytes_ = 0;
    std::fill(last_entities_.begin(), last_entities_.end(), nullptr);
    memory_.Release();
    return absl::OkStatus();
  }

  // Drops rows that are not in the result, so that half as many as may be held are left.
  absl::Status Prune() {
    OG_RETURN_IF_ERROR(KeepWithin(*plan_.limit));
    if (num_held_ < held_max() / 2) return absl::OkStatus();
    OG_RETURN_IF_ERROR(ReadTieBreaks());
    std::vector<int64_t> rows = Order();
    std::sort(rows.begin(), rows.end());
    return KeepRows(rows);
  }

  // Drops the rows that the orderings alone put behind the first `limit`.
  absl::Status KeepWithin(uint64_t limit) {
    if (num_held_ <= limit) return absl::OkStatus();
    return KeepRows(
        RowsWithin(Keys(plan_.orderings.size()), static_cast<int64_t>(num_held_), limit));
  }

  // Drops all rows but `rows`, which ascend.
  absl::Status KeepRows(const std::vector<int64_t>& rows) {
    std::vector<Held> kept;
    uint64_t bytes = 0;
    text_bytes_ = 0;
    int64_t start = 0;
    auto row = rows.begin();
    for (const Held& held : held_) {
      const int64_t end = start + static_cast<int64_t>(held.chunk.num_rows);
      std::vector<uint32_t> local;
      for (; row != rows.end() && *row < end; ++row) {
        local.push_back(static_cast<uint32_t>(*row - start));
      }
      start = end;
      if (local.empty()) continue;
      Held& part = kept.emplace_back(Held{held.chunk.Pick(local).Compact(), {}});
      const std::vector<int64_t> indices(local.begin(), local.end());
      for (const ArrayPtr& key : held.keys)
        part.keys.push_back(Take(*key, indices));
      bytes += BytesHeld(part) + NewEntityBytes(part.chunk);
      text_bytes_ += TextBytes(part.keys);
    }
    held_ = std::move(kept);
    num_held_ = rows.size();
    const absl::Status fits = memory_.Set(bytes);
    return absl::IsResourceExhausted(fits) ? SpillRun() : fits;
  }

  const ExecContext& context_;
  const query::ReadPlan& plan_;
  Columns columns_;
  HeldMemory memory_;
  std::vector<std::shared_ptr<Entities>> last_entities_;  // by variable, of the last chunk
  std::vector<size_t> tie_breaks_;
  std::vector<Held> held_;
  uint64_t num_held_ = 0;
  uint64_t text_bytes_ = 0;  // of the keys that are held
  uint64_t num_rows_ = 0;
  std::unique_ptr<SortedRuns> runs_;  // null: everything is held
};

}  // namespace

absl::StatusOr<ArrayPtr> ValuesOf(const ExecContext& context, const query::Expr& expr,
                                  const Chunk& chunk) {
  const int64_t bytes_max = chunk.num_rows > 1 ? kValuesBytesMax : format::kOffsetMax;
  if (expr.kind == query::ExprKind::kProperty) {
    return chunk.Column(context.layout.NumberOf(expr.variable), expr.property, bytes_max);
  }
  if (expr.kind == query::ExprKind::kVariable) {
    return chunk.Column(context.layout.NumberOf(expr.variable), "id", bytes_max);
  }
  if (expr.kind == query::ExprKind::kNearest) {
    OG_ASSIGN_OR_RETURN(const ArrayPtr vectors,
                        chunk.Column(context.nearest->variable, context.nearest->property));
    return DistancesTo(context.nearest->target, *vectors);
  }
  OG_ASSIGN_OR_RETURN(const ArrayPtr value, ConstantOf(expr, context.params));
  return Take(*value, std::vector<int64_t>(chunk.num_rows, 0));
}

absl::StatusOr<TypePtr> TypeOf(const ExecContext& context, const query::Expr& expr) {
  if (expr.kind == query::ExprKind::kProperty || expr.kind == query::ExprKind::kVariable) {
    const Variable& variable = context.layout.variables[context.layout.NumberOf(expr.variable)];
    OG_ASSIGN_OR_RETURN(Table* const table, variable.is_edge
                                                ? context.tables.Edge(variable.type_name)
                                                : context.tables.Node(variable.type_name));
    return table->TypeOf(expr.kind == query::ExprKind::kVariable ? "id" : expr.property);
  }
  if (expr.kind == query::ExprKind::kNearest) return format::Float32();
  OG_ASSIGN_OR_RETURN(const ArrayPtr value, ConstantOf(expr, context.params));
  return value->type;
}

absl::StatusOr<std::unique_ptr<Sink>> MakeSink(const ExecContext& context,
                                               const query::ReadPlan& plan) {
  if (plan.projections.empty()) {
    return io::DetailedError({io::ErrorKind::kBadRequest, "", {}},
                             "query has no return projections");
  }
  if (plan.aggregates) return MakeAggregateSink(context, plan);
  OG_ASSIGN_OR_RETURN(Columns columns, ColumnsOf(context, plan));
  // What a scan ranked comes in its order.
  if (plan.orderings.empty() || (context.nearest.has_value() && context.nearest->in_scan)) {
    return std::make_unique<PlainSink>(context, plan, std::move(columns));
  }
  for (const query::PlanOrdering& ordering : plan.orderings) {
    const query::Expr& expr =
        ordering.column.has_value() ? plan.projections[*ordering.column].expr : ordering.expr;
    OG_ASSIGN_OR_RETURN(const TypePtr type, TypeOf(context, expr));
    OG_RETURN_IF_ERROR(CheckSortable(*type));
  }
  return std::make_unique<OrderSink>(context, plan, std::move(columns));
}

}  // namespace og::engine::exec
