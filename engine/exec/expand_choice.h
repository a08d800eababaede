// Whether an expansion reads its edges by a filtered scan, by a walk over an index or through
// adjacency lists.
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
  bool can_join = false;    // a walk over an index finds those of many nodes, see edge_join.h
  // What having the lists costs for each edge of the table, in edges that are read in passing.
  double list_cost = kBuildCost;
  // What looking up in this table has cost the process so far, in the same measure: it would have
  // been better spent on the lists.
  double spent = 0;
  uint64_t hops_max = 0;  // ceilings of the indexed way
  uint64_t frontier_max = 0;
};

// Looking edges up: an edge costs about as much as this many that are read in passing, a page of an
// index as its rows, and each time as much as finding the way into two indexes and two tables.
inline constexpr double kLookUpFactor = 8;
inline constexpr double kLookUpPageRows = 4096;
inline constexpr double kLookUpStart = 10'000;

// What it costs to look up the edges of `frontier` nodes and their other ends, if they have
// `found`.
constexpr double LookUpCost(const ExpandCosts& costs, double frontier, double found) {
  const auto pages = [](double keys, uint64_t rows) {
    const double all = static_cast<double>(rows) / kLookUpPageRows + 1;
    return keys < all ? keys : all;
  };
  return kLookUpStart + kLookUpFactor * found +
         kLookUpPageRows * (pages(frontier, costs.num_edges) + pages(found, costs.num_sources));
}

// Walking over an index: an entry costs this much of an edge that is read in passing.
inline constexpr double kWalkCost = 0.25;

// What it costs to find `found` edges in a walk over an index.
constexpr double JoinCost(const ExpandCosts& costs, double found) {
  return kLookUpStart + kWalkCost * static_cast<double>(costs.num_edges) + kLookUpFactor * found;
}

constexpr double MeanDegree(const ExpandCosts& costs) {
  return static_cast<double>(costs.num_edges) /
         static_cast<double>(costs.num_sources == 0 ? 1 : costs.num_sources);
}

// Looking edges up reads those of the frontier, which grows by the mean degree with each hop; a
// filtered scan reads every edge once a hop. The cheaper one of that and the lists; lists if equal
// or if a ceiling is passed, and once looking up has cost in all what they would have.
constexpr bool ChooseIndexed(const ExpandCosts& costs) {
  if (costs.hops > costs.hops_max || costs.frontier_rows > costs.frontier_max) return false;
  if (costs.list_cost == 0) return false;
  const auto edges = static_cast<double>(costs.num_edges);
  if (!costs.is_indexed) {
    const uint64_t hops = costs.query_hops > costs.hops ? costs.query_hops : costs.hops;
    return static_cast<double>(hops) * edges < costs.list_cost * edges;
  }
  double cost = costs.spent;
  auto frontier = static_cast<double>(costs.frontier_rows);
  for (uint64_t hop = 0; hop < costs.hops; ++hop) {
    const double found = frontier * MeanDegree(costs);
    cost += LookUpCost(costs, frontier, found);
    frontier = found;
  }
  return cost < costs.list_cost * edges;
}

// Whether a walk over an index is cheaper than the lists. It reads more than looking up and less
// than reading every edge; nodes of many edges make the lists at most twice as late.
constexpr bool ChooseJoin(const ExpandCosts& costs) {
  if (!costs.can_join || costs.list_cost == 0) return false;
  const double found = static_cast<double>(costs.frontier_rows) * MeanDegree(costs);
  return costs.spent + JoinCost(costs, found) <
         costs.list_cost * static_cast<double>(costs.num_edges);
}

// The most edges that a walk may find.
constexpr uint64_t JoinedEdgesMax(const ExpandCosts& costs) {
  const double most = costs.list_cost * static_cast<double>(costs.num_edges) / kLookUpFactor;
  return static_cast<uint64_t>(most);
}

// Whether looking up goes on with `frontier` nodes after it has found `num_found` edges of
// `num_expanded` nodes at a cost of `cost`. The choice counts on the mean degree; whom many lead to
// has a larger one. The lists are at most twice as late then.
constexpr bool StaysIndexed(const ExpandCosts& costs, double cost, uint64_t num_found,
                            uint64_t num_expanded, uint64_t frontier) {
  const double mean = MeanDegree(costs);
  const double seen =
      static_cast<double>(num_found) / static_cast<double>(num_expanded == 0 ? 1 : num_expanded);
  const auto next = static_cast<double>(frontier);
  const double further = LookUpCost(costs, next, next * (seen > mean ? seen : mean));
  return costs.spent + cost + further < costs.list_cost * static_cast<double>(costs.num_edges);
}

}  // namespace og::engine::exec
