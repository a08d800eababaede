// A topology from endpoint columns in which equal ids stand together, each with the row that it is
// of, as indexes over the columns have them: an id is looked up once for all of its edges, and the
// edges of a node need no sorting by node.
//
//   GroupedTopologyBuilder builder(budget, pool, &people, &people, {.out = true}, num_edges);
//   OG_RETURN_IF_ERROR(builder.Reserve());
//   OG_RETURN_IF_ERROR(builder.Add(EdgeEnd::kSrc, *ids, rows));  // for all entries of both ends
//   OG_RETURN_IF_ERROR(builder.Add(EdgeEnd::kDst, *ids, rows));
//   OG_ASSIGN_OR_RETURN(Topology knows, builder.Finish());
//
// What comes out is what TopologyBuilder makes of the rows. Nothing depends on the order of calls.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/topology/node_index.h"
#include "engine/topology/topology.h"
#include "format/arrow/array.h"
#include "io/base/block_allocator.h"
#include "io/base/sync.h"
#include "io/env/memory_budget.h"
#include "io/env/worker_pool.h"

namespace og::engine::topology {

enum class EdgeEnd : uint8_t { kSrc, kDst };

// A row that Add() passes over.
inline constexpr uint32_t kNoRow = ~uint32_t{0};

class GroupedTopologyBuilder {
 public:
  // As for TopologyBuilder; `num_rows` rows in all. REQUIRES: a direction.
  GroupedTopologyBuilder(std::shared_ptr<io::MemoryBudget> budget, io::WorkerPool* pool,
                         const NodeIndex* sources, const NodeIndex* destinations,
                         TopologyOptions options, uint32_t num_rows);

  // Makes room. Comes first.
  //
  //   kResourceExhausted  the budget refuses
  absl::Status Reserve();

  // Says that the row rows[i] has the id ids[i] at its end `end`. Any threads at once.
  //
  //   kInvalidArgument    ids that are not text, or not one for each row
  //   kOutOfRange         a row beyond the last one
  //   kResourceExhausted  the budget refuses
  absl::Status Add(EdgeEnd end, const format::Array& ids, std::vector<uint32_t> rows);

  // The topology. The builder must not be used again.
  //
  //   kFailedPrecondition  not every row was named once for each end
  //   kResourceExhausted   the budget refuses
  absl::StatusOr<Topology> Finish();

 private:
  // Entries of one call that belong to one node, or to none.
  struct Run {
    uint32_t node = 0;
    uint32_t count = 0;
    uint32_t start = 0;  // of its entries in the lists
  };
  struct Group {
    std::vector<uint32_t> rows;
    std::vector<Run> runs;
  };
  using Numbers = std::vector<uint32_t, io::BlockAllocator<uint32_t>>;
  struct End {
    const NodeIndex* index = nullptr;
    bool is_listed = false;  // its nodes have lists: groups are wanted
    bool is_led_to = false;  // lists lead to it: nodes by row are wanted
    Numbers node_of_row;     // kUnknown: not said yet
    std::vector<Group> groups;
    uint64_t num_named = 0;  // rows
    uint64_t row_sum = 0;    // of them; tells most rows that were named twice
  };

  End& Of(EdgeEnd end) { return end == EdgeEnd::kSrc ? src_ : dst_; }
  bool IsComplete(const End& end) const;
  // The lists of the nodes of `by`, which lead to those of `to`. Empties the groups.
  absl::StatusOr<AdjacencyLists> ListsOf(End& by, const End& to);
  // Sorts the lists of nodes [begin, end), whose entries are rows, and makes nodes of them.
  absl::Status Settle(const End& to, uint32_t begin, uint32_t end, AdjacencyLists& lists) const;
  absl::Status ForEach(size_t count, const std::function<absl::Status(size_t)>& body) const;

  std::shared_ptr<io::MemoryBudget> budget_;
  io::WorkerPool* pool_;
  TopologyOptions options_;
  uint32_t num_rows_;
  io::Mutex mutex_;
  End src_;  // groups and sums under mutex_
  End dst_;
  io::MemoryReservation memory_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::engine::topology
