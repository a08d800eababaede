// Semi-join reduction: which nodes an expansion over adjacency lists need not hand on, because they
// fail its filters or because an expansion from them, later in the pipeline, leads to nobody who
// passes. They would be given up later anyway; so neither rows nor their order change, only how
// many come in between.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/exec/held_memory.h"
#include "engine/exec/pipeline.h"
#include "engine/query/plan.h"
#include "engine/topology/topology.h"

namespace og::engine::exec {

// An expansion of one hop that every row has to take later, and those that follow from its end.
struct Continuation {
  const query::Expand* expand = nullptr;
  std::vector<Continuation> next;

  // Whether some filter decides about it.
  bool restricts() const;
};

// The continuations of steps[at], an expansion, among `steps` that restrict.
std::vector<Continuation> ContinuationsOf(std::span<const query::PlanStep> steps, size_t at);

// What an expansion does that can be reduced.
struct ReducedExpansion {
  const query::Expand* expand = nullptr;
  std::vector<Continuation> continuations;  // those that restrict

  bool is_restricted() const {
    return !continuations.empty() || !expand->destination_filters.empty();
  }
  // "$r, $s": the variables of which filters are asked beforehand.
  std::string Restrictors() const;
};

// Whether finding out pays, once `num_rows` rows are expanded: whether they lead to more nodes, and
// on from there, than the filters are asked about and adjacency lists have to be made for.
absl::StatusOr<bool> ReductionPays(const ExecContext& context, const ReducedExpansion& expansion,
                                   uint64_t num_rows);

class NodeReduction {
 public:
  // Asks the filters. Makes adjacency lists for the continuations.
  //
  //   kResourceExhausted  the budget refuses
  static absl::StatusOr<std::unique_ptr<NodeReduction>> Make(const ExecContext& context,
                                                             const ReducedExpansion& expansion);

  // Whether `node`, a dense number of the destination's type, is to be handed on. Any thread.
  bool Allows(uint32_t node) const;

 private:
  struct Next {
    const topology::Topology* topology = nullptr;
    query::Direction direction = query::Direction::kOut;
    std::unique_ptr<NodeReduction> ends;
  };
  enum class Verdict : uint8_t { kUnknown, kYes, kNo };

  explicit NodeReduction(const ExecContext& context) : memory_(context.tables.budget()) {}

  static absl::StatusOr<std::unique_ptr<NodeReduction>> Make(
      const ExecContext& context, const query::Expand& expand,
      const std::vector<Continuation>& continuations);
  absl::Status AskFilters(const ExecContext& context, const query::Expand& expand, Table& table);
  bool Judge(uint32_t node) const;
  static bool LeadsOn(uint32_t node, const Next& next);

  HeldMemory memory_;
  bool has_filters_ = false;
  std::vector<bool> passes_;  // the filters, by number
  std::vector<Next> next_;
  // By number, where there are continuations.
  mutable std::vector<std::atomic<Verdict>> verdicts_;
};

}  // namespace og::engine::exec
