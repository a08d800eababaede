// The edges of one type as adjacency lists over dense node numbers: which nodes a node's edges lead
// to (out), and from which they come (in), each list in the order of the edge table's rows.
//
//   TopologyBuilder builder(env.memory(), &env.pool(), &authors, &papers, {.in = true});
//   OG_RETURN_IF_ERROR(builder.Add(src, dst));  // for each batch of the edge table
//   OG_ASSIGN_OR_RETURN(Topology writes, builder.Finish());
//   for (uint32_t paper : writes.Out(alice)) ...
//
// Where a later version of the tables only has more rows at their ends, its topology goes on from
// the earlier one: TopologyBuilder::ContinueFrom.
//
// An edge whose endpoint is no node of its type stays in the table and is left out here. Parallel
// edges and self-loops are kept. Layout: list of node n = entries [offsets[n], offsets[n + 1]).
//
// Topology is const after construction and may be shared by threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/topology/node_index.h"
#include "format/arrow/array.h"
#include "io/env/memory_budget.h"
#include "io/env/worker_pool.h"

namespace og::engine::topology {

struct TopologyOptions {
  bool out = true;
  bool in = false;
  bool edge_rows = false;  // keep the row number of each edge beside its endpoint
};

// Lists of one direction.
struct AdjacencyLists {
  std::vector<uint32_t> offsets;
  std::vector<uint32_t> ends;
  std::vector<uint32_t> rows;

  std::span<const uint32_t> List(const std::vector<uint32_t>& entries, uint32_t node) const {
    return std::span(entries).subspan(offsets[node], offsets[node + 1] - offsets[node]);
  }
  uint64_t MemoryBytes() const { return 4 * (offsets.size() + ends.size() + rows.size()); }
};

class Topology {
 public:
  // REQUIRES: lists as described above in the directions of `options`.
  Topology(TopologyOptions options, uint64_t num_rows, uint64_t num_dangling, AdjacencyLists out,
           AdjacencyLists in, io::MemoryReservation memory)
      : options_(options),
        num_rows_(num_rows),
        num_dangling_(num_dangling),
        out_(std::move(out)),
        in_(std::move(in)),
        memory_(std::move(memory)) {}

  // Nodes that the edges of `node` lead to. REQUIRES: options.out; a number of the source index.
  std::span<const uint32_t> Out(uint32_t node) const { return out_.List(out_.ends, node); }

  // Nodes whose edges lead to `node`. REQUIRES: options.in; a number of the destination index.
  std::span<const uint32_t> In(uint32_t node) const { return in_.List(in_.ends, node); }

  // The edge table's row of each entry of Out or In. REQUIRES: options.edge_rows.
  std::span<const uint32_t> OutRows(uint32_t node) const { return out_.List(out_.rows, node); }
  std::span<const uint32_t> InRows(uint32_t node) const { return in_.List(in_.rows, node); }

  const TopologyOptions& options() const { return options_; }
  // Rows of the edge table, and those of them that are left out.
  uint64_t num_rows() const { return num_rows_; }
  uint64_t num_dangling() const { return num_dangling_; }
  uint64_t MemoryBytes() const { return out_.MemoryBytes() + in_.MemoryBytes(); }

  const AdjacencyLists& out_lists() const { return out_; }
  const AdjacencyLists& in_lists() const { return in_; }

 private:
  TopologyOptions options_;
  uint64_t num_rows_ = 0;
  uint64_t num_dangling_ = 0;
  AdjacencyLists out_;
  AdjacencyLists in_;
  io::MemoryReservation memory_;
};

class TopologyBuilder {
 public:
  // `sources` and `destinations` number the nodes of the edge's from- and to-type (one index when
  // they are the same type) and must outlive the builder. With a pool both directions are worked on
  // at one time; it may be null.
  TopologyBuilder(std::shared_ptr<io::MemoryBudget> budget, io::WorkerPool* pool,
                  const NodeIndex* sources, const NodeIndex* destinations, TopologyOptions options)
      : budget_(std::move(budget)),
        pool_(pool),
        sources_(sources),
        destinations_(destinations),
        options_(options) {}

  // Puts the rows of `base` in front of those that are added; the nodes that it numbers have kept
  // their numbers. `base` outlives the builder. REQUIRES: the directions of the options, no edge
  // rows, before the first Add; no dangling edges in `base` if there are more nodes now.
  void ContinueFrom(const Topology* base) { base_ = base; }

  // Makes room for `num_rows` rows in all, so that adding them moves nothing. Not needed.
  //
  //   kResourceExhausted  the budget refuses
  absl::Status Reserve(uint64_t num_rows);

  // Adds the next rows of the edge table: its `src` and `dst` columns, text as in NodeIndex::Add.
  // Equal dictionaries of consecutive batches are looked up once.
  //
  //   kInvalidArgument    columns of another type, or of different lengths
  //   kResourceExhausted  the budget refuses, or there are more than 2^32 - 1 edges
  absl::Status Add(const format::ArrayPtr& src, const format::ArrayPtr& dst);

  // The topology of the rows so far. The builder must not be used again.
  absl::StatusOr<Topology> Finish();

 private:
  // One endpoint column: the numbers so far, and the last dictionary's.
  struct Side {
    std::vector<uint32_t> numbers;
    format::ArrayPtr dictionary;
    std::vector<uint32_t> of_entries;
  };

  // Reserves `bytes` in all.
  absl::Status Hold(uint64_t bytes);
  static void Append(const NodeIndex& index, const format::Array& ids, Side& side);
  // Runs both, at one time where there is a pool.
  void Both(const std::function<void()>& first, const std::function<void()>& second) const;
  AdjacencyLists Sort(const AdjacencyLists* base, const Side& by, const Side& other,
                      uint32_t num_nodes) const;

  std::shared_ptr<io::MemoryBudget> budget_;
  io::WorkerPool* pool_;
  const NodeIndex* sources_;
  const NodeIndex* destinations_;
  TopologyOptions options_;
  const Topology* base_ = nullptr;
  io::MemoryReservation memory_;
  Side src_;
  Side dst_;
};

}  // namespace og::engine::topology
