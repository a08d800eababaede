// Whether an expansion reads its edges by a filtered scan or through adjacency lists.
#pragma once

#include <cstdint>

namespace og::engine::exec {

// Making the lists costs half as much again as reading every edge once, reading them from a file
// less, and nothing when they are in memory.
inline constexpr double kBuildCost = 1.5;
inline constexpr double kStoredCost = 0.1;

struct ExpandCosts {
  uint64_t frontier_rows = 0;
  uint64_t num_edges = 0;
  uint64_t num_sources = 0;  // nodes of the type that the frontier is of
  // Hops of this expansion; 1 between different types, whatever is written.
  uint64_t hops = 1;
  // Hops that all expansions of the query over this edge type may take: lists serve all of them.
  uint64_t query_hops = 1;
  bool is_indexed = false;  // the edges of a node are found without reading the others
  // What having the lists costs for each edge of the table, in edges that are read in passing.
  double list_cost = kBuildCost;
  uint64_t hops_max = 0;  // ceilings of the indexed way
  uint64_t frontier_max = 0;
};

// An edge that is looked up costs about as much as this many that are read in passing.
inline constexpr double kLookUpFactor = 8;

// Looking edges up reads those of the frontier, which grows by the mean degree with each hop; a
// filtered scan reads every edge once a hop. The cheaper one of that and the lists; lists if equal
// or if a ceiling is passed.
constexpr bool ChooseIndexed(const ExpandCosts& costs) {
  if (costs.hops > costs.hops_max || costs.frontier_rows > costs.frontier_max) return false;
  if (costs.list_cost == 0) return false;
  const auto edges = static_cast<double>(costs.num_edges);
  if (!costs.is_indexed) {
    const uint64_t hops = costs.query_hops > costs.hops ? costs.query_hops : costs.hops;
    return static_cast<double>(hops) * edges < costs.list_cost * edges;
  }
  const double degree = edges / static_cast<double>(costs.num_sources == 0 ? 1 : costs.num_sources);
  double looked_up = 0;
  auto frontier = static_cast<double>(costs.frontier_rows);
  for (uint64_t hop = 0; hop < costs.hops; ++hop) {
    frontier *= degree;
    looked_up += frontier;
  }
  return kLookUpFactor * looked_up < costs.list_cost * edges;
}

}  // namespace og::engine::exec
