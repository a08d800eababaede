#include "engine/exec/node_reduction.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "engine/exec/binder.h"
#include "engine/exec/expand_choice.h"
#include "engine/exec/rows.h"
#include "format/arrow/array.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::exec {
namespace {

using query::Direction;

absl::StatusOr<const schema::EdgeType*> EdgeTypeOf(const ExecContext& context,
                                                   const query::Expand& expand) {
  const schema::EdgeType* const edge = context.tables.catalog().FindEdgeExactly(expand.edge_type);
  if (edge == nullptr) {
    return io::InternalError(io::StrCat("plan names unknown edge type ", expand.edge_type));
  }
  return edge;
}

// Edges of a node of the source's type, on average.
absl::StatusOr<double> DegreeOf(const ExecContext& context, const query::Expand& expand) {
  OG_ASSIGN_OR_RETURN(const schema::EdgeType* const edge, EdgeTypeOf(context, expand));
  OG_ASSIGN_OR_RETURN(const Table* const edges, context.tables.Edge(expand.edge_type));
  OG_ASSIGN_OR_RETURN(
      const Table* const sources,
      context.tables.Node(expand.direction == Direction::kIn ? edge->to : edge->from));
  return static_cast<double>(edges->num_rows()) /
         static_cast<double>(std::max<uint64_t>(sources->num_rows(), 1)) *
         (expand.direction == Direction::kBoth ? 2 : 1);
}

// What is asked about, and how many pairs of nodes one row leads to without that.
struct Amount {
  double asked = 0;
  double pairs = 0;
};

// What the adjacency lists of the continuation `expand` cost, if nobody has them.
absl::StatusOr<double> ListCostOf(const ExecContext& context, const query::Expand& expand) {
  OG_ASSIGN_OR_RETURN(const schema::EdgeType* const edge, EdgeTypeOf(context, expand));
  OG_ASSIGN_OR_RETURN(const topology::CachePlace place, context.tables.TopologyPlace(*edge));
  OG_ASSIGN_OR_RETURN(const Table* const edges, context.tables.Edge(expand.edge_type));
  const auto num_edges = static_cast<double>(edges->num_rows());
  if (place == topology::CachePlace::kNowhere) return kBuildCost * num_edges;
  return place == topology::CachePlace::kFolder ? kStoredCost * num_edges : 0;
}

// `at_hand`: the edge type whose lists there will be in any case.
absl::StatusOr<Amount> AmountOf(const ExecContext& context, const query::Expand& expand,
                                const std::vector<Continuation>& continuations,
                                const std::string& at_hand) {
  Amount amount;
  if (!expand.destination_filters.empty()) {
    OG_ASSIGN_OR_RETURN(const Table* const table, context.tables.Node(expand.destination_type));
    amount.asked = static_cast<double>(table->num_rows());
  }
  OG_ASSIGN_OR_RETURN(const double degree, DegreeOf(context, expand));
  double pairs_of_end = 1;
  for (const Continuation& continuation : continuations) {
    OG_ASSIGN_OR_RETURN(const Amount further,
                        AmountOf(context, *continuation.expand, continuation.next, at_hand));
    amount.asked += further.asked;
    if (continuation.expand->edge_type != at_hand) {
      OG_ASSIGN_OR_RETURN(const double list_cost, ListCostOf(context, *continuation.expand));
      amount.asked += list_cost;
    }
    pairs_of_end += further.pairs;
  }
  amount.pairs = degree * pairs_of_end;
  return amount;
}

void List(const query::Expand& expand, const std::vector<Continuation>& continuations,
          std::string& text) {
  if (!expand.destination_filters.empty()) {
    text += io::StrCat(text.empty() ? "$" : ", $", expand.destination);
  }
  for (const Continuation& continuation : continuations)
    List(*continuation.expand, continuation.next, text);
}

}  // namespace

bool Continuation::restricts() const {
  return !expand->destination_filters.empty() ||
         std::ranges::any_of(next, &Continuation::restricts);
}

std::vector<Continuation> ContinuationsOf(std::span<const query::PlanStep> steps, size_t at) {
  std::vector<Continuation> found;
  const auto& from = std::get<query::Expand>(steps[at].value);
  for (size_t i = at + 1; i < steps.size(); ++i) {
    const auto* const expand = std::get_if<query::Expand>(&steps[i].value);
    if (expand == nullptr || expand->source != from.destination) continue;
    if (expand->min_hops > 1 || expand->max_hops != 1) continue;
    Continuation continuation{expand, ContinuationsOf(steps, i)};
    if (continuation.restricts()) found.push_back(std::move(continuation));
  }
  return found;
}

std::string ReducedExpansion::Restrictors() const {
  std::string text;
  List(*expand, continuations, text);
  return text;
}

absl::StatusOr<bool> ReductionPays(const ExecContext& context, const ReducedExpansion& expansion,
                                   uint64_t num_rows) {
  OG_ASSIGN_OR_RETURN(
      const Amount amount,
      AmountOf(context, *expansion.expand, expansion.continuations, expansion.expand->edge_type));
  return static_cast<double>(num_rows) * amount.pairs > amount.asked;
}

absl::StatusOr<std::unique_ptr<NodeReduction>> NodeReduction::Make(
    const ExecContext& context, const ReducedExpansion& expansion) {
  return Make(context, *expansion.expand, expansion.continuations);
}

absl::StatusOr<std::unique_ptr<NodeReduction>> NodeReduction::Make(
    const ExecContext& context, const query::Expand& expand,
    const std::vector<Continuation>& continuations) {
  std::unique_ptr<NodeReduction> reduction(new NodeReduction(context));
  OG_ASSIGN_OR_RETURN(Table* const table, context.tables.Node(expand.destination_type));
  const uint64_t num_nodes = table->num_rows();
  OG_RETURN_IF_ERROR(reduction->memory_.Add(num_nodes + num_nodes / 8 + 1));
  if (!expand.destination_filters.empty()) {
    OG_RETURN_IF_ERROR(reduction->AskFilters(context, expand, *table));
  }
  for (const Continuation& continuation : continuations) {
    OG_ASSIGN_OR_RETURN(const schema::EdgeType* const edge,
                        EdgeTypeOf(context, *continuation.expand));
    Next next{.topology = nullptr, .direction = continuation.expand->direction, .ends = nullptr};
    OG_ASSIGN_OR_RETURN(next.topology, context.tables.TopologyOf(*edge));
    OG_ASSIGN_OR_RETURN(next.ends, Make(context, *continuation.expand, continuation.next));
    reduction->next_.push_back(std::move(next));
  }
  if (!continuations.empty()) reduction->verdicts_ = std::vector<std::atomic<Verdict>>(num_nodes);
  return reduction;
}

absl::Status NodeReduction::AskFilters(const ExecContext& context, const query::Expand& expand,
                                       Table& table) {
  has_filters_ = true;
  passes_.resize(table.num_rows());
  dataset::ScanOptions options;
  options.columns.emplace();
  // Tables in memory have no positions but by id.
  if (!table.is_stored()) options.columns->push_back("id");
  options.with_row_address = true;
  OG_ASSIGN_OR_RETURN(options.filter, ScanFilter(expand.destination_filters, context.params));
  OG_ASSIGN_OR_RETURN(const auto stream, table.dataset().Scan(options));
  while (true) {
    OG_RETURN_IF_ERROR(context.CheckInterrupt());
    OG_ASSIGN_OR_RETURN(std::optional<format::RecordBatch> batch, stream->Next());
    if (!batch.has_value()) return absl::OkStatus();
    const std::span<const uint64_t> addresses = batch->columns.back()->Values<uint64_t>();
    format::RecordBatch columns = *batch;
    columns.columns.pop_back();
    auto schema = std::make_shared<format::Schema>(*batch->schema);
    schema->fields.pop_back();
    columns.schema = std::move(schema);
    Entities found(&table, columns, {addresses.begin(), addresses.end()});
    OG_ASSIGN_OR_RETURN(const std::span<const uint32_t> numbers, found.Numbers());
    for (const uint32_t number : numbers) {
      if (number != topology::kNoNode) passes_[number] = true;
    }
  }
}

bool NodeReduction::Allows(uint32_t node) const {
  if (has_filters_ && !passes_[node]) return false;
  if (next_.empty()) return true;
  // Threads that ask about a node at one time come to the same verdict.
  Verdict verdict = verdicts_[node].load(std::memory_order_relaxed);
  if (verdict == Verdict::kUnknown) {
    verdict = Judge(node) ? Verdict::kYes : Verdict::kNo;
    verdicts_[node].store(verdict, std::memory_order_relaxed);
  }
  return verdict == Verdict::kYes;
}

bool NodeReduction::Judge(uint32_t node) const {
  return std::ranges::all_of(next_, [&](const Next& next) { return LeadsOn(node, next); });
}

bool NodeReduction::LeadsOn(uint32_t node, const Next& next) {
  const auto allows = [&](uint32_t end) { return next.ends->Allows(end); };
  return (next.direction != Direction::kIn &&
          std::ranges::any_of(next.topology->Out(node), allows)) ||
         (next.direction != Direction::kOut &&
          std::ranges::any_of(next.topology->In(node), allows));
}

}  // namespace og::engine::exec
