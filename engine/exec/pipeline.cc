#include "engine/exec/pipeline.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "engine/exec/binder.h"
#include "engine/exec/expand.h"
#include "engine/expr/expr.h"
#include "io/base/status_macros.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

// The columns that a scan returned for a variable, without the row address behind them.
RecordBatch WithoutAddress(const RecordBatch& batch) {
  auto schema = std::make_shared<format::Schema>(*batch.schema);
  schema->fields.pop_back();
  RecordBatch rest = batch;
  rest.columns.pop_back();
  rest.schema = std::move(schema);
  return rest;
}

std::vector<uint64_t> AddressesIn(const RecordBatch& batch) {
  const format::Array& column = *batch.columns.back();
  std::vector<uint64_t> addresses(static_cast<size_t>(column.length));
  for (int64_t i = 0; i < column.length; ++i) {
    addresses[static_cast<size_t>(i)] = column.Value<uint64_t>(i);
  }
  return addresses;
}

// Crosses the rows with the nodes of a type that pass the filters.
class ScanStage final : public Stage {
 public:
  ScanStage(const ExecContext& context, size_t variable, Table* table, expr::ExprPtr filter,
            bool streams, Operator* next)
      : Stage(next), context_(context), variable_(variable), table_(table), streams_(streams) {
    options_.columns = context.layout.variables[variable].columns;
    options_.filter = std::move(filter);
    options_.with_row_address = true;
  }

  absl::Status Push(const Chunk& chunk) override {
    if (streams_ && chunk.num_rows == 1 && !ranks()) return Stream(chunk);
    OG_RETURN_IF_ERROR(ReadAll());
    const auto num_nodes = static_cast<uint32_t>(all_->size());
    std::vector<uint32_t> rows;
    std::vector<uint32_t> slots;
    for (uint32_t row = 0; row < chunk.num_rows && !done(); ++row) {
      for (uint32_t slot = 0; slot < num_nodes; ++slot) {
        rows.push_back(row);
        slots.push_back(slot);
        if (rows.size() == kChunkRows) OG_RETURN_IF_ERROR(Emit(chunk, all_, rows, slots));
      }
    }
    return rows.empty() ? absl::OkStatus() : Emit(chunk, all_, rows, slots);
  }

 private:
  absl::Status Stream(const Chunk& chunk) {
    OG_ASSIGN_OR_RETURN(const auto stream, table_->dataset().Scan(options_));
    while (!done()) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch.has_value()) break;
      std::vector<uint32_t> rows(static_cast<size_t>(batch->num_rows), 0);
      std::vector<uint32_t> slots(rows.size());
      for (uint32_t slot = 0; slot < slots.size(); ++slot)
        slots[slot] = slot;
      const auto nodes =
          std::make_shared<Entities>(table_, WithoutAddress(*batch), AddressesIn(*batch));
      OG_RETURN_IF_ERROR(Emit(chunk, nodes, rows, slots));
    }
    return absl::OkStatus();
  }

  bool ranks() const {
    return context_.nearest.has_value() && context_.nearest->in_scan &&
           context_.nearest->variable == variable_;
  }

  absl::Status ReadAll() {
    if (all_ != nullptr) return absl::OkStatus();
    if (ranks()) return ReadNearest();
    OG_ASSIGN_OR_RETURN(const auto stream, table_->dataset().Scan(options_));
    OG_ASSIGN_OR_RETURN(const RecordBatch batch, Collect(*stream));
    OG_ASSIGN_OR_RETURN(memory_, context_.tables.budget()->Reserve(MemoryBytes(batch)));
    all_ = std::make_shared<Entities>(table_, WithoutAddress(batch), AddressesIn(batch));
    return absl::OkStatus();
  }

  absl::Status ReadNearest() {
    NearestRows rows(*context_.nearest);
    dataset::ScanOptions options = options_;
    options.columns = {context_.nearest->property};
    OG_ASSIGN_OR_RETURN(const auto stream, table_->dataset().Scan(options));
    while (true) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch.has_value()) break;
      OG_RETURN_IF_ERROR(rows.Add(*batch->columns[0], AddressesIn(*batch)));
    }
    std::vector<uint64_t> addresses = rows.Finish();
    const RecordBatch nothing{
        std::make_shared<format::Schema>(), static_cast<int64_t>(addresses.size()), {}};
    all_ = std::make_shared<Entities>(table_, nothing, std::move(addresses));
    return absl::OkStatus();
  }

  absl::Status Emit(const Chunk& chunk, std::shared_ptr<Entities> nodes,
                    std::vector<uint32_t>& rows, std::vector<uint32_t>& slots) {
    Chunk out = chunk.Pick(rows);
    out.bindings[variable_] = {std::move(nodes), std::move(slots)};
    rows.clear();
    slots = {};
    return next().Push(out);
  }

  const ExecContext& context_;
  size_t variable_;
  Table* table_;
  bool streams_;
  dataset::ScanOptions options_;
  std::shared_ptr<Entities> all_;
  io::MemoryReservation memory_;
};

// Keeps the rows for which a predicate is true. The right side is cast to the left one's type.
class FilterStage final : public Stage {
 public:
  FilterStage(const ExecContext& context, const query::Predicate& predicate, Operator* next)
      : Stage(next),
        context_(context),
        predicate_(predicate),
        test_(Comparison(predicate.op, expr::Column("left"), expr::Column("right"))) {}

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    OG_ASSIGN_OR_RETURN(ArrayPtr left, Operand(predicate_.left, chunk));
    OG_ASSIGN_OR_RETURN(ArrayPtr right, Operand(predicate_.right, chunk));
    format::TypePtr wanted = left->type;
    if (predicate_.op == query::CompareOp::kContains && !wanted->children.empty()) {
      wanted = wanted->children[0].type;
    }
    if (right->null_count == right->length) {
      right = format::NullArray(wanted, right->length);
    } else {
      OG_ASSIGN_OR_RETURN(right, expr::Cast(right, wanted));
    }
    auto schema = std::make_shared<format::Schema>();
    schema->fields = {{"left", left->type, true, {}}, {"right", right->type, true, {}}};
    const RecordBatch batch{schema, left->length, {std::move(left), std::move(right)}};
    OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept, EvaluateFilter(*test_, batch));
    if (kept.size() == chunk.num_rows) return next().Push(chunk);
    const std::vector<uint32_t> rows(kept.begin(), kept.end());
    return rows.empty() ? absl::OkStatus() : next().Push(chunk.Pick(rows));
  }

 private:
  absl::StatusOr<ArrayPtr> Operand(const query::Expr& expr, const Chunk& chunk) const {
    if (expr.kind == query::ExprKind::kProperty) {
      return chunk.Column(context_.layout.NumberOf(expr.variable), expr.property);
    }
    OG_ASSIGN_OR_RETURN(const ArrayPtr value, ConstantOf(expr, context_.params));
    return Take(*value, std::vector<int64_t>(chunk.num_rows, 0));
  }

  const ExecContext& context_;
  const query::Predicate& predicate_;
  expr::ExprPtr test_;
};

// The end of a negation: remembers which outer rows have a match.
class MatchSink final : public Operator {
 public:
  void Start(size_t num_rows) { matched_.assign(num_rows, false); }
  bool matched(size_t row) const { return matched_[row]; }

  absl::Status Push(const Chunk& chunk) override {
    for (const uint32_t row : chunk.origins)
      matched_[row] = true;
    return absl::OkStatus();
  }
  absl::Status Flush() override { return absl::OkStatus(); }
  bool done() const override { return false; }

 private:
  std::vector<bool> matched_;
};

// Keeps a row iff the inner pipeline, started from it, yields no row.
class AntiJoinStage final : public Stage {
 public:
  AntiJoinStage(std::unique_ptr<MatchSink> sink, std::unique_ptr<Pipeline> inner, Operator* next)
      : Stage(next), sink_(std::move(sink)), inner_(std::move(inner)) {}

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    Chunk outer = chunk;
    outer.origins.resize(chunk.num_rows);
    for (uint32_t row = 0; row < chunk.num_rows; ++row)
      outer.origins[row] = row;
    sink_->Start(chunk.num_rows);
    OG_RETURN_IF_ERROR(inner_->first().Push(outer));
    OG_RETURN_IF_ERROR(inner_->first().Flush());
    std::vector<uint32_t> rows;
    for (uint32_t row = 0; row < chunk.num_rows; ++row) {
      if (!sink_->matched(row)) rows.push_back(row);
    }
    return rows.empty() ? absl::OkStatus() : next().Push(chunk.Pick(rows));
  }

 private:
  std::unique_ptr<MatchSink> sink_;
  std::unique_ptr<Pipeline> inner_;
};

absl::StatusOr<std::unique_ptr<Operator>> MakeStage(const ExecContext& context,
                                                    const query::PlanStep& step, Operator* next,
                                                    bool streams) {
  if (const auto* scan = std::get_if<query::NodeScan>(&step.value)) {
    OG_ASSIGN_OR_RETURN(Table* const table, context.tables.Node(scan->type_name));
    OG_ASSIGN_OR_RETURN(expr::ExprPtr filter, ScanFilter(scan->filters, context.params));
    return std::make_unique<ScanStage>(context, context.layout.NumberOf(scan->variable), table,
                                       std::move(filter), streams, next);
  }
  if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
    return MakeExpandStage(context, *expand, next);
  }
  if (const auto* filter = std::get_if<query::FilterRows>(&step.value)) {
    return std::make_unique<FilterStage>(context, filter->predicate, next);
  }
  const auto& anti = std::get<query::AntiJoin>(step.value);
  auto sink = std::make_unique<MatchSink>();
  OG_ASSIGN_OR_RETURN(auto inner, Pipeline::Make(context, anti.inner, sink.get(), false));
  return std::make_unique<AntiJoinStage>(std::move(sink), std::move(inner), next);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Make(const ExecContext& context,
                                                         const std::vector<query::PlanStep>& steps,
                                                         Operator* sink, bool is_outermost) {
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->first_ = sink;
  for (size_t i = steps.size(); i-- > 0;) {
    // Only the first scan of a query sees its input once.
    OG_ASSIGN_OR_RETURN(std::unique_ptr<Operator> stage,
                        MakeStage(context, steps[i], pipeline->first_, is_outermost && i == 0));
    pipeline->first_ = stage.get();
    pipeline->stages_.push_back(std::move(stage));
  }
  return pipeline;
}

}  // namespace og::engine::exec
