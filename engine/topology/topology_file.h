// A topology as bytes, for a cache outside the graph. Nothing here is part of a graph: the file may
// be deleted at any time, and a reader that finds anything wrong builds the lists anew.
//
// All numbers are little-endian.
//
//   offset  bytes  field
//        0      8  magic "OGTOPO01"
//        8      4  directions: 1 out, 2 in
//       12      4  number of fragments of the source table
//       16      4  ... of the destination table
//       20      4  ... of the edge table
//       24      8  rows of the edge table
//       32      8  those of them that are in no list
//       40      8  entries of the out lists (0 without them)
//       48      8  entries of the in lists
//       56      8  0
//       64         for every fragment, in that order: fingerprint (8), live rows (8)
//                  out lists: an offset (4) for each source node and one more, then the entries (4)
//                  in lists, by destination node
//                  XXH3-128 of all bytes before, low half first (16)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

#include "engine/topology/row_set.h"
#include "engine/topology/topology.h"
#include "io/env/memory_budget.h"

namespace og::engine::topology {

// The rows that a topology was made from.
struct TopologyKey {
  RowSet sources;
  RowSet destinations;
  RowSet edges;

  // Whether a topology of `other` can go on from one of this key: it has the same rows first.
  bool Begins(const TopologyKey& other) const {
    return sources.Begins(other.sources) && destinations.Begins(other.destinations) &&
           edges.Begins(other.edges);
  }
  friend bool operator==(const TopologyKey&, const TopologyKey&) = default;
};

struct StoredTopology {
  TopologyKey key;
  Topology topology;
};

// REQUIRES: no edge rows.
std::string EncodeTopology(const TopologyKey& key, const Topology& topology);

// Everything that walks over the lists rely on is checked. kDataLoss says what is wrong;
// kResourceExhausted from `budget`.
absl::StatusOr<StoredTopology> DecodeTopology(std::string_view bytes,
                                              const std::shared_ptr<io::MemoryBudget>& budget);

// The key and directions at the start of a file; `head` may be a part of it (kOutOfRange if it is
// too short to hold the key). Not covered by a checksum: for choosing a file to read whole.
struct TopologyHead {
  TopologyKey key;
  bool out = false;
  bool in = false;
};
absl::StatusOr<TopologyHead> DecodeTopologyHead(std::string_view head);

}  // namespace og::engine::topology
