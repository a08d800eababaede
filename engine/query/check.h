// The type checker: a parsed query against a catalog. It reports the first error in checking order
// (parameters; match clauses in source order; projections; orderings; limits; aggregates) with the
// codes T1 to T24, and on success says what the plan and the linter need to know.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"

#include "engine/query/ast.h"
#include "engine/schema/catalog.h"
#include "engine/schema/type.h"

namespace og::engine::query {

// How an edge is followed from the written source of a traversal.
enum class Direction : uint8_t { kOut, kIn, kBoth };

// "out", "in", "both".
std::string_view DirectionName(Direction direction);

// What a variable of the match binds. Node and edge types may share a name.
struct BoundVariable {
  bool is_edge = false;
  std::string type_name;

  friend bool operator==(const BoundVariable&, const BoundVariable&) = default;
};

struct ResolvedTraversal {
  const schema::EdgeType* edge = nullptr;  // of the catalog
  Direction direction = Direction::kOut;
};

// Kinds of a static result column.
enum class ResultKind : uint8_t {
  kString,
  kBool,
  kInt,     // I32, U32
  kBigint,  // I64, U64
  kFloat,
  kDate,
  kDateTime,
  kBlob,
  kVector,
  kList,
  kObject,  // a node
};

// "string", "bigint", ... as the lint document spells it.
std::string_view ResultKindName(ResultKind kind);

// A column of the static result schema: what lint reports, not what the executor returns.
struct ResultColumn {
  std::string name;
  ResultKind kind = ResultKind::kString;
  std::optional<ResultKind> item_kind;  // of a list
  std::optional<uint32_t> vector_dim;   // of a vector
  bool nullable = false;

  friend bool operator==(const ResultColumn&, const ResultColumn&) = default;
};

// A type that a query reads or writes. Ordered nodes first, then by name.
struct TypeUse {
  bool is_edge = false;
  std::string type_name;

  friend auto operator<=>(const TypeUse&, const TypeUse&) = default;
};

// The outcome of a check. Borrows the query and the catalog, which must outlive it.
struct CheckedQuery {
  const Query* query = nullptr;
  std::map<std::string, schema::PropType> params;  // declared; of two equal names the last
  std::map<std::string, BoundVariable> variables;  // of the outer match, not of negations
  std::vector<ResultColumn> result;                // of a read
  std::vector<TypeUse> reads;                      // sorted
  std::vector<TypeUse> writes;                     // sorted
  std::vector<bool> mutation_targets_edge;         // per statement: an edge type, or a node's
  // Decisions by node of the syntax tree, those inside negations included.
  absl::flat_hash_map<const Traversal*, ResolvedTraversal> traversals;
  absl::flat_hash_map<const Filter*, CompareOp> operators;
};

// kBadRequest with "type error: ..." for the first rule that `query` breaks.
absl::StatusOr<CheckedQuery> CheckQuery(const schema::Catalog& catalog, const Query& query);

// The type that a parameter declares, e.g. {"[I64]", nullable}; nullopt for unknown spellings and
// for Vector(0).
std::optional<schema::PropType> ParamType(std::string_view type_name, bool nullable);

}  // namespace og::engine::query
