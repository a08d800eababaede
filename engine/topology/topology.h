// The edges of one type as adjacency lists over dense node numbers: which nodes a node's edges lead
// to (out), and from which they come (in), each list in the order of the edge table's rows.
//
//   TopologyBuilder builder(env.memory(), &authors, &papers, {.in = true});
//   OG_RETURN_IF_ERROR(builder.Add(src, dst));  // for each batch of the edge table
//   OG_ASSIGN_OR_RETURN(Topology writes, builder.Finish());
//   for (uint32_t paper : writes.Out(alice)) ...
//
// An edge whose endpoint is no node of its type stays in the table and is left out here. Parallel
// edges and self-loops are kept. Layout: list of node n = entries [offsets[n], offsets[n + 1]).
//
// Topology is const after construction and may be shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/topology/node_index.h"
#include "format/arrow/array.h"
#include "io/env/memory_budget.h"

namespace og::engine::topology {

struct TopologyOptions {
  bool out = true;
  bool in = false;
  bool edge_rows = false;  // keep the row number of each edge beside its endpoint
};

class Topology {
 public:
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

 private:
  friend class TopologyBuilder;

  struct Lists {
    std::vector<uint32_t> offsets;
    std::vector<uint32_t> ends;
    std::vector<uint32_t> rows;

    std::span<const uint32_t> List(const std::vector<uint32_t>& entries, uint32_t node) const {
      return std::span(entries).subspan(offsets[node], offsets[node + 1] - offsets[node]);
    }
    uint64_t MemoryBytes() const { return 4 * (offsets.size() + ends.size() + rows.size()); }
  };

  TopologyOptions options_;
  uint64_t num_rows_ = 0;
  uint64_t num_dangling_ = 0;
  Lists out_;
  Lists in_;
  io::MemoryReservation memory_;
};

class TopologyBuilder {
 public:
  // `sources` and `destinations` number the nodes of the edge's from- and to-type (one index when
  // they are the same type) and must outlive the builder.
  TopologyBuilder(std::shared_ptr<io::MemoryBudget> budget, const NodeIndex* sources,
                  const NodeIndex* destinations, TopologyOptions options)
      : budget_(std::move(budget)),
        sources_(sources),
        destinations_(destinations),
        options_(options) {}

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

  static void Append(const NodeIndex& index, const format::Array& ids, Side& side);
  Topology::Lists Sort(const Side& by, const Side& other, uint32_t num_nodes) const;

  std::shared_ptr<io::MemoryBudget> budget_;
  const NodeIndex* sources_;
  const NodeIndex* destinations_;
  TopologyOptions options_;
  io::MemoryReservation memory_;
  Side src_;
  Side dst_;
};

}  // namespace og::engine::topology
