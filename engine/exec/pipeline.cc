#include "engine/exec/pipeline.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/dataset/sieved_scan.h"
#include "engine/exec/binder.h"
#include "engine/exec/expand.h"
#include "engine/exec/hash_join.h"
#include "engine/exec/held_memory.h"
#include "engine/exec/order.h"
#include "engine/exec/scan_plan.h"
#include "engine/expr/expr.h"
#include "io/base/error_detail.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using format::ArrayPtr;
using format::RecordBatch;

std::vector<uint64_t> AddressesIn(const RecordBatch& batch) {
  const format::Array& column = *batch.columns.back();
  const std::span<const uint64_t> addresses = column.Values<uint64_t>();
  return {addresses.begin(), addresses.end()};
}

// What a scan returned for a variable; the row addresses, if it did so, stand last.
std::shared_ptr<Entities> EntitiesIn(Table* table, const RecordBatch& batch, bool has_addresses) {
  if (!has_addresses) return std::make_shared<Entities>(table, batch, std::vector<uint64_t>());
  auto schema = std::make_shared<format::Schema>(*batch.schema);
  schema->fields.pop_back();
  RecordBatch columns = batch;
  columns.columns.pop_back();
  columns.schema = std::move(schema);
  return std::make_shared<Entities>(table, columns, AddressesIn(batch));
}

// Crosses the rows with the nodes of a type that pass the filters; where a later filter demands an
// equality with something bound before, only with those that are equal.
class ScanStage final : public Stage {
 public:
  ScanStage(const ExecContext& context, size_t variable, Table* table, dataset::ScanOptions options,
            bool streams, std::optional<JoinKey> key, Operator* next)
      : Stage(next),
        context_(context),
        variable_(variable),
        table_(table),
        streams_(streams),
        key_(std::move(key)),
        options_(std::move(options)),
        memory_(context.tables.budget()),
        table_memory_(context.tables.budget()) {}

  absl::Status Push(const Chunk& chunk) override {
    if (streams_ && chunk.num_rows == 1 && !ranks()) return Stream(chunk);
    if (rescans_) return Stream(chunk);
    const absl::Status read = ReadAll();
    if (absl::IsResourceExhausted(read)) {
      rescans_ = true;
      return Stream(chunk);
    }
    OG_RETURN_IF_ERROR(read);
    return Cross(chunk, all_);
  }

 private:
  // Reads the nodes anew, a batch at a time.
  absl::Status Stream(const Chunk& chunk) {
    OG_ASSIGN_OR_RETURN(const auto stream, StartScan());
    while (!done()) {
      OG_ASSIGN_OR_RETURN(const std::optional<RecordBatch> batch, stream->Next());
      if (!batch.has_value()) break;
      OG_RETURN_IF_ERROR(Cross(chunk, EntitiesIn(table_, *batch, options_.with_row_address)));
    }
    return absl::OkStatus();
  }

  // Where only the first rows of an order are wanted, others need not come.
  absl::StatusOr<std::unique_ptr<format::BatchStream>> StartScan() const {
    const std::optional<LeadingRows>& first = context_.layout.leading_rows;
    if (!first.has_value() || !table_->is_stored()) return table_->dataset().Scan(options_);
    const auto bound = std::make_shared<FirstKeyBound>(first->descending, first->limit);
    return dataset::ScanSieved(table_->dataset(), options_, first->column,
                               [bound](const format::Array& values, std::vector<int64_t> rows) {
                                 return bound->Keep(values, std::move(rows));
                               });
  }

  absl::Status Cross(const Chunk& chunk, const std::shared_ptr<Entities>& nodes) {
    if (key_.has_value() && chunk.num_rows > 1) {
      OG_ASSIGN_OR_RETURN(const ArrayPtr bound, BoundValues(chunk));
      OG_RETURN_IF_ERROR(IndexValues(nodes));
      if (join_.has_value() && *bound->type == join_->type()) return Join(chunk, nodes, *bound);
    }
    const auto num_nodes = static_cast<uint32_t>(nodes->size());
    std::vector<uint32_t> rows;
    std::vector<uint32_t> slots;
    if (streams_ && chunk.num_rows == 1 && num_nodes != 0) {
      // What a scan gives at a time is about a chunk.
      rows.resize(num_nodes);
      slots.resize(num_nodes);
      std::iota(slots.begin(), slots.end(), 0);
      return Emit(chunk, nodes, rows, slots);
    }
    for (uint32_t row = 0; row < chunk.num_rows && !done(); ++row) {
      for (uint32_t slot = 0; slot < num_nodes; ++slot) {
        rows.push_back(row);
        slots.push_back(slot);
        if (rows.size() == kChunkRows) OG_RETURN_IF_ERROR(Emit(chunk, nodes, rows, slots));
      }
    }
    return rows.empty() || done() ? absl::OkStatus() : Emit(chunk, nodes, rows, slots);
  }

  // The pairs of Cross() that are equal, in the same order.
  absl::Status Join(const Chunk& chunk, const std::shared_ptr<Entities>& nodes,
                    const format::Array& bound) {
    std::vector<uint32_t> rows;
    std::vector<uint32_t> slots;
    absl::Status pushed;
    for (uint32_t row = 0; row < chunk.num_rows && !done(); ++row) {
      join_->ForEachEqual(bound, row, [&](uint32_t slot) {
        rows.push_back(row);
        slots.push_back(slot);
        if (rows.size() == kChunkRows && pushed.ok()) pushed = Emit(chunk, nodes, rows, slots);
      });
      OG_RETURN_IF_ERROR(pushed);
    }
    return rows.empty() || done() ? absl::OkStatus() : Emit(chunk, nodes, rows, slots);
  }

  absl::StatusOr<ArrayPtr> BoundValues(const Chunk& chunk) const {
    OG_ASSIGN_OR_RETURN(const ArrayPtr values,
                        chunk.Column(context_.layout.NumberOf(key_->bound), key_->bound_property));
    return format::DecodeDictionary(values);
  }

  // Makes join_ for `nodes`; none if its values cannot be hashed, or it does not fit into memory.
  absl::Status IndexValues(const std::shared_ptr<Entities>& nodes) {
    if (joined_ == nodes) return absl::OkStatus();
    joined_ = nodes;
    OG_ASSIGN_OR_RETURN(const ArrayPtr values, nodes->Column(key_->property));
    join_ = JoinTable::Make(values);
    if (join_.has_value() && !table_memory_.Set(join_->MemoryBytes()).ok()) join_.reset();
    return absl::OkStatus();
  }

  bool ranks() const {
    return context_.nearest.has_value() && context_.nearest->in_scan &&
           context_.nearest->variable == variable_;
  }

  // All nodes that pass, to be crossed with many rows. kResourceExhausted if they do not fit.
  absl::Status ReadAll() {
    if (all_ != nullptr) return absl::OkStatus();
    if (ranks()) return ReadNearest();
    OG_ASSIGN_OR_RETURN(const auto stream, table_->dataset().Scan(options_));
    HeldMemory memory(context_.tables.budget());
    std::vector<RecordBatch> batches;
    while (true) {
      OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, stream->Next());
      if (!batch.has_value()) break;
      OG_RETURN_IF_ERROR(memory.Add(OwnBytes(*batch)));
      batches.push_back(*std::move(batch));
    }
    if (batches.empty()) batches.push_back(format::EmptyBatch(stream->schema()));
    OG_ASSIGN_OR_RETURN(const RecordBatch all, TryConcat(batches));
    all_ = EntitiesIn(table_, all, options_.with_row_address);
    memory_ = std::move(memory);
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
    OG_RETURN_IF_ERROR(context_.CheckInterrupt());
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
  std::optional<JoinKey> key_;
  dataset::ScanOptions options_;
  std::shared_ptr<Entities> all_;
  HeldMemory memory_;
  std::shared_ptr<Entities> joined_;  // whose values join_ has
  std::optional<JoinTable> join_;
  HeldMemory table_memory_;
  bool rescans_ = false;  // the nodes do not fit into memory
};

// Rows of which a predicate over several variables, or over none, is true. Numbers of different
// types compare as numbers, a constant as it does in a scan.
class FilterStage final : public Stage {
 public:
  FilterStage(const ExecContext& context, const query::Predicate& predicate, Operator* next)
      : Stage(next), context_(context), predicate_(predicate) {}

  // Binds the predicate. kBadRequest for a constant that is not provided.
  absl::Status Prepare() {
    query::Predicate test = predicate_;
    OG_ASSIGN_OR_RETURN(left_is_column_, IsColumn(predicate_.left));
    OG_ASSIGN_OR_RETURN(right_is_column_, IsColumn(predicate_.right));
    // The expression has to read something.
    if (!left_is_column_ && !right_is_column_) left_is_column_ = true;
    if (left_is_column_) test.left = ColumnNamed("left");
    if (right_is_column_) test.right = ColumnNamed("right");
    OG_ASSIGN_OR_RETURN(test_, ScanFilter(test, context_.params));
    return absl::OkStatus();
  }

  absl::Status Push(const Chunk& chunk) override {
    if (chunk.num_rows == 0) return absl::OkStatus();
    auto schema = std::make_shared<format::Schema>();
    RecordBatch batch{nullptr, static_cast<int64_t>(chunk.num_rows), {}};
    const auto add = [&](std::string_view name, const query::Expr& expr) -> absl::Status {
      OG_ASSIGN_OR_RETURN(ArrayPtr values, Operand(expr, chunk));
      schema->fields.push_back({std::string(name), values->type, true, {}});
      batch.columns.push_back(std::move(values));
      return absl::OkStatus();
    };
    if (left_is_column_) OG_RETURN_IF_ERROR(add("left", predicate_.left));
    if (right_is_column_) OG_RETURN_IF_ERROR(add("right", predicate_.right));
    for (const ArrayPtr& values : batch.columns) {
      // A null has no type that could be compared.
      if (values->null_count == values->length) return absl::OkStatus();
    }
    if (batch.columns.size() == 2 && batch.columns[0]->type->is_list()) {
      format::Field& item = schema->fields[1];
      item.type = batch.columns[0]->type->children[0].type;
      OG_ASSIGN_OR_RETURN(batch.columns[1], expr::Cast(batch.columns[1], item.type));
    }
    batch.schema = std::move(schema);
    OG_ASSIGN_OR_RETURN(const std::vector<int64_t> kept, EvaluateFilter(*test_, batch));
    if (kept.size() == chunk.num_rows) return next().Push(chunk);
    const std::vector<uint32_t> rows(kept.begin(), kept.end());
    return rows.empty() ? absl::OkStatus() : next().Push(chunk.Pick(rows));
  }

 private:
  static query::Expr ColumnNamed(std::string_view name) {
    query::Expr expr;
    expr.kind = query::ExprKind::kProperty;
    expr.property = std::string(name);
    return expr;
  }

  // Properties, and lists, which an expression cannot hold.
  absl::StatusOr<bool> IsColumn(const query::Expr& expr) const {
    if (expr.kind == query::ExprKind::kProperty) return true;
    OG_ASSIGN_OR_RETURN(const ArrayPtr value, ConstantOf(expr, context_.params));
    return value->type->is_list();
  }

  absl::StatusOr<ArrayPtr> Operand(const query::Expr& expr, const Chunk& chunk) const {
    if (expr.kind == query::ExprKind::kProperty) {
      return chunk.Column(context_.layout.NumberOf(expr.variable), expr.property);
    }
    OG_ASSIGN_OR_RETURN(const ArrayPtr value, ConstantOf(expr, context_.params));
    return Take(*value, std::vector<int64_t>(chunk.num_rows, 0));
  }

  const ExecContext& context_;
  const query::Predicate& predicate_;
  bool left_is_column_ = false;
  bool right_is_column_ = false;
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
  AntiJoinStage(std::unique_ptr<MatchSink> sink, std::unique_ptr<Operator> meter,
                std::unique_ptr<Pipeline> inner, Operator* next)
      : Stage(next), sink_(std::move(sink)), meter_(std::move(meter)), inner_(std::move(inner)) {}

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
  std::unique_ptr<Operator> meter_;  // in front of the sink; null: nothing is measured
  std::unique_ptr<Pipeline> inner_;
};

// The type of the node that one of `steps` binds as `variable`; empty if none does.
std::string_view TypeOfNode(std::span<const query::PlanStep> steps, std::string_view variable) {
  for (const query::PlanStep& step : steps) {
    const auto* const scan = std::get_if<query::NodeScan>(&step.value);
    if (scan != nullptr && scan->variable == variable) return scan->type_name;
    const auto* const expand = std::get_if<query::Expand>(&step.value);
    if (expand != nullptr && expand->destination == variable) return expand->destination_type;
  }
  return {};
}

// The stage of steps[at]. `is_outermost`: the steps are not those of a negation, of which all that
// counts is what comes through.
absl::StatusOr<std::unique_ptr<Operator>> MakeStage(const ExecContext& context,
                                                    std::span<const query::PlanStep> steps,
                                                    size_t at, bool is_outermost, Operator* next) {
  const query::PlanStep& step = steps[at];
  if (const auto* scan = std::get_if<query::NodeScan>(&step.value)) {
    OG_ASSIGN_OR_RETURN(Table* const table, context.tables.Node(scan->type_name));
    OG_ASSIGN_OR_RETURN(dataset::ScanOptions options, PlanScan(context, *scan, *table));
    return std::make_unique<ScanStage>(context, context.layout.NumberOf(scan->variable), table,
                                       std::move(options), is_outermost && at == 0,
                                       JoinKeyOf(steps, at), next);
  }
  if (const auto* expand = std::get_if<query::Expand>(&step.value)) {
    StageCosts* const costs = context.profile == nullptr ? nullptr : &context.profile->Of(&step);
    const ExpandPurpose purpose = {.asks_existence = !is_outermost && at + 1 == steps.size(),
                                   .closes_on = ClosesOn(steps, at),
                                   .flushes_once = is_outermost,
                                   .continuations = ContinuationsOf(steps, at)};
    return MakeExpandStage(context, *expand, purpose, costs, next);
  }
  if (const auto* filter = std::get_if<query::FilterRows>(&step.value)) {
    auto stage = std::make_unique<FilterStage>(context, filter->predicate, next);
    OG_RETURN_IF_ERROR(stage->Prepare());
    return stage;
  }
  const auto& anti = std::get<query::AntiJoin>(step.value);
  auto sink = std::make_unique<MatchSink>();
  Operator* last = sink.get();
  std::unique_ptr<Operator> meter;
  if (context.profile != nullptr) {
    meter = std::make_unique<MeterStage>(*context.profile, context.profile->Of(&anti.inner), last);
    last = meter.get();
  }
  OG_ASSIGN_OR_RETURN(auto inner, Pipeline::Make(context, anti.inner, last, false));
  return std::make_unique<AntiJoinStage>(std::move(sink), std::move(meter), std::move(inner), next);
}

}  // namespace

std::optional<std::string> ClosesOn(std::span<const query::PlanStep> steps, size_t at) {
  const auto& expand = std::get<query::Expand>(steps[at].value);
  if (at + 1 == steps.size() || expand.edge_binding.has_value()) return std::nullopt;
  const auto* const filter = std::get_if<query::FilterRows>(&steps[at + 1].value);
  if (filter == nullptr || filter->predicate.op != query::CompareOp::kEqual) return std::nullopt;
  const query::Expr* own = &filter->predicate.left;
  const query::Expr* other = &filter->predicate.right;
  const auto is_id = [](const query::Expr& expr) {
    return expr.kind == query::ExprKind::kProperty && expr.property == "id";
  };
  if (!is_id(*own) || !is_id(*other)) return std::nullopt;
  if (own->variable != expand.destination) std::swap(own, other);
  const std::string_view type = TypeOfNode(steps.first(at), other->variable);
  if (own->variable != expand.destination || type != expand.destination_type) return std::nullopt;
  return other->variable;
}

absl::Status ExecContext::CheckRows(uint64_t rows) const {
  if (!options.rows_max.has_value() || rows <= *options.rows_max) return absl::OkStatus();
  return io::DetailedError(
      {.kind = io::ErrorKind::kResourceLimitExceeded,
       .code = "result_rows",
       .fields = {{"resource", "result_rows"}, {"limit", io::StrCat(*options.rows_max)}}},
      io::StrCat("the result has more than ", *options.rows_max, " rows"));
}

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Make(const ExecContext& context,
                                                         const std::vector<query::PlanStep>& steps,
                                                         Operator* sink, bool is_outermost) {
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->first_ = sink;
  for (size_t i = steps.size(); i-- > 0;) {
    OG_ASSIGN_OR_RETURN(std::unique_ptr<Operator> stage,
                        MakeStage(context, steps, i, is_outermost, pipeline->first_));
    pipeline->first_ = stage.get();
    pipeline->stages_.push_back(std::move(stage));
    if (context.profile == nullptr) continue;
    pipeline->stages_.push_back(std::make_unique<MeterStage>(
        *context.profile, context.profile->Of(&steps[i]), pipeline->first_));
    pipeline->first_ = pipeline->stages_.back().get();
  }
  return pipeline;
}

}  // namespace og::engine::exec
