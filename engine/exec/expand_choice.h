// Whether an expansion reads its edges by a filtered scan or through adjacency lists.
#pragma once

#include <cstdint>

namespace og::engine::exec {

struct ExpandCosts {
  uint64_t frontier_rows = 0;
  uint64_t num_edges = 0;
  // Hops of this expansion; 1 between different types, whatever is written.
  uint64_t hops = 1;
  // Hops that all expansions of the query over this edge type may take: lists serve all of them.
  uint64_t query_hops = 1;
  bool has_topology = false;  // already built
  uint64_t hops_max = 0;      // ceilings of the indexed way
  uint64_t frontier_max = 0;
};

// A filtered scan reads every edge once a hop; building lists costs half as much again as reading
// every edge once, and nothing when they are there. The cheaper one, lists if equal or if a ceiling
// is passed.
constexpr bool ChooseIndexed(const ExpandCosts& costs) {
  if (costs.hops > costs.hops_max || costs.frontier_rows > costs.frontier_max) return false;
  if (costs.has_topology) return false;
  const uint64_t hops = costs.query_hops > costs.hops ? costs.query_hops : costs.hops;
  return 2 * hops * costs.num_edges < 3 * costs.num_edges;
}

}  // namespace og::engine::exec
