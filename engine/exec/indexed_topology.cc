#include "engine/exec/indexed_topology.h"

#include <utility>

#include "engine/dataset/index_walk.h"
#include "engine/exec/tasks_ahead.h"
#include "engine/topology/grouped_topology.h"
#include "io/base/status_macros.h"
#include "io/env/env.h"
#include "io/env/worker_pool.h"

namespace og::engine::exec {
namespace {

using dataset::IndexWalk;
using topology::EdgeEnd;
using topology::GroupedTopologyBuilder;

static_assert(dataset::kNoPosition == topology::kNoRow);

}  // namespace

absl::StatusOr<std::optional<topology::Topology>> TopologyFromIndexes(
    const dataset::Dataset& edges, const topology::NodeIndex& sources,
    const topology::NodeIndex& destinations, const topology::TopologyOptions& options,
    const std::shared_ptr<io::MemoryBudget>& budget) {
  struct Side {
    EdgeEnd end;
    std::unique_ptr<IndexWalk> walk;
    bool is_done = false;
  };
  Side sides[] = {{EdgeEnd::kSrc, nullptr}, {EdgeEnd::kDst, nullptr}};
  for (Side& side : sides) {
    const char* const column = side.end == EdgeEnd::kSrc ? "src" : "dst";
    OG_ASSIGN_OR_RETURN(side.walk, IndexWalk::Start(edges, column, budget));
    if (side.walk == nullptr) return std::nullopt;
  }
  io::WorkerPool& pool = edges.env().pool();
  GroupedTopologyBuilder builder(budget, &pool, &sources, &destinations, options,
                                 static_cast<uint32_t>(edges.num_rows()));
  OG_RETURN_IF_ERROR(builder.Reserve());
  TasksAhead tasks(pool);
  while (!sides[0].is_done || !sides[1].is_done) {
    for (Side& side : sides) {
      if (side.is_done) continue;
      OG_ASSIGN_OR_RETURN(std::optional<IndexWalk::Entries> entries, side.walk->Next());
      side.is_done = !entries.has_value();
      if (side.is_done) continue;
      OG_RETURN_IF_ERROR(tasks.Run([&builder, &side, entries = *std::move(entries)] {
        return builder.Add(side.end, *entries.values, side.walk->PositionsOf(entries));
      }));
    }
  }
  OG_RETURN_IF_ERROR(tasks.Finish());
  OG_ASSIGN_OR_RETURN(topology::Topology topology, builder.Finish());
  return topology;
}

}  // namespace og::engine::exec
