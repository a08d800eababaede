// The logical plan of a checked query: what the executor runs. A plan is self-contained (it keeps
// nothing of the source or the catalog) and names types, properties and variables by their text.
//
// A read is a pipeline of operators over rows of variable bindings, then a projection, an order and
// a limit. The pipeline starts from one row without variables; every operator takes the rows of the
// one before it:
//
//   NodeScan   crosses the rows with the nodes of a type that pass its filters
//   Expand     extends each row over the edges of one bound node; languages.md 7.1 has the rules
//   Filter     keeps the rows for which a predicate is true (null counts as false)
//   AntiJoin   keeps a row iff its inner pipeline, started from that row, yields no row
//
// Guarantees of a plan that PlanRead returned: an operator only names variables that are bound
// before it (or by it); a variable is bound once; filters of a NodeScan or Expand read properties
// of the variable it introduces, parameters and literals only, and every such filter of the query
// stands there; no expression is kNow, and a variable that is a parameter is kParameter. `contains`
// is resolved to kContains (list) or kStringContains.
//
// Internal variables: "_#n" binds an endpoint that the query left unnamed, "__temp_<v>#n" a second
// copy of a bound destination, which a Filter on the ids of both follows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/query/ast.h"
#include "engine/query/check.h"
#include "engine/schema/catalog.h"

namespace og::engine::query {

struct Predicate {
  Expr left;
  CompareOp op = CompareOp::kEqual;
  Expr right;

  friend bool operator==(const Predicate&, const Predicate&) = default;
};

struct NodeScan {
  std::string variable;
  std::string type_name;
  std::vector<Predicate> filters;

  friend bool operator==(const NodeScan&, const NodeScan&) = default;
};

struct Expand {
  std::string source;       // bound
  std::string destination;  // introduced here
  std::string edge_type;
  Direction direction = Direction::kOut;
  std::string destination_type;
  uint32_t min_hops = 1;
  uint32_t max_hops = 1;
  std::vector<Predicate> destination_filters;
  // With a name: one row per matching edge row, whose properties are read as `<name>.<property>`.
  // Single hop.
  std::optional<std::string> edge_binding;

  friend bool operator==(const Expand&, const Expand&) = default;
};

struct FilterRows {
  Predicate predicate;

  friend bool operator==(const FilterRows&, const FilterRows&) = default;
};

struct PlanStep;

struct AntiJoin {
  std::vector<std::string> outer_variables;  // of the outer row, read inside; sorted
  std::vector<PlanStep> inner;

  friend bool operator==(const AntiJoin&, const AntiJoin&);
};

struct PlanStep {
  std::variant<NodeScan, Expand, FilterRows, AntiJoin> value;

  friend bool operator==(const PlanStep&, const PlanStep&) = default;
};

struct PlanProjection {
  Expr expr;         // kProperty, kVariable (the node's id), kParameter, kLiteral, kAggregate
  std::string name;  // of the result column: the alias, "x.p", "x", "literal", the parameter

  friend bool operator==(const PlanProjection&, const PlanProjection&) = default;
};

// A sort key. kNearest, kBm25 and kRrf rank: such an ordering is the only one.
struct PlanOrdering {
  Expr expr;                     // kProperty, kAlias (then `column` is set), kNearest, kBm25, kRrf
  std::optional<size_t> column;  // position of the projection that holds the key
  bool descending = false;

  friend bool operator==(const PlanOrdering&, const PlanOrdering&) = default;
};

struct ReadPlan {
  std::string query_name;
  std::vector<PlanStep> pipeline;
  std::vector<PlanProjection> projections;
  // Grouping and aggregation happen iff a projection is kAggregate; the other projections are the
  // grouping keys, and every ordering that does not rank has a `column`.
  bool aggregates = false;
  std::vector<PlanOrdering> orderings;
  std::optional<uint64_t> limit;

  friend bool operator==(const ReadPlan&, const ReadPlan&) = default;
};

struct PlanAssignment {
  std::string property;  // "from" and "to" name the endpoints of an edge
  Expr value;            // kLiteral or kParameter

  friend bool operator==(const PlanAssignment&, const PlanAssignment&) = default;
};

struct MutationStep {
  MutationKind kind = MutationKind::kInsert;
  bool is_edge = false;
  std::string type_name;
  std::vector<PlanAssignment> assignments;
  // Of update and delete. The left side is a kProperty whose variable is empty.
  std::optional<Predicate> predicate;

  friend bool operator==(const MutationStep&, const MutationStep&) = default;
};

struct MutationPlan {
  std::string query_name;
  std::vector<MutationStep> steps;

  friend bool operator==(const MutationPlan&, const MutationPlan&) = default;
};

// The plan of the read `checked`, which came from `catalog`. kBadRequest for what the checker lets
// pass and no executor can run: an expression that cannot be a result column or a sort key, an
// unknown alias, a mutation.
absl::StatusOr<ReadPlan> PlanRead(const schema::Catalog& catalog, const CheckedQuery& checked);

// The plan of a mutation. kBadRequest for a read, and for a query that mixes deletes with inserts
// or updates.
absl::StatusOr<MutationPlan> PlanMutation(const CheckedQuery& checked);

// One line per operator, inner pipelines indented: for tests and `--explain`.
std::string ToString(const ReadPlan& plan);

// The line of one operator, without its inner pipeline.
std::string ToString(const PlanStep& step);

// "$a.age", "$p", "count($a)", "nearest($x.v, $q)": source form; a parameter prints as "$name".
std::string ToString(const Expr& expr);
std::string ToString(const Predicate& predicate);

}  // namespace og::engine::query
