#include "engine/topology/topology.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::topology {

using format::TypeId;

namespace {

// Edges that are sorted by ranges of nodes, which is worth a copy of them from so many on.
constexpr size_t kSplitRowsMin = 1 << 16;
constexpr uint32_t kRangesMax = 128;

// Edges that have both ends, by ranges of nodes, in the order of their rows within a range.
struct Edges {
  std::vector<size_t> bounds;  // of each range, and the end
  std::vector<uint32_t> by;
  std::vector<uint32_t> other;
  std::vector<uint32_t> rows;  // if they are wanted
};

Edges Split(std::span<const uint32_t> by, std::span<const uint32_t> other, uint32_t num_nodes,
            bool with_rows) {
  const auto shift = std::bit_width(num_nodes / kRangesMax);
  const auto range_of = [&](size_t row) { return by[row] >> shift; };
  const auto is_dangling = [&](size_t row) { return by[row] == kNoNode || other[row] == kNoNode; };
  const size_t num_rows = by.size();
  Edges edges;
  edges.bounds.assign((num_nodes >> shift) + size_t{2}, 0);
  for (size_t row = 0; row < num_rows; ++row) {
    if (!is_dangling(row)) ++edges.bounds[range_of(row) + 1];
  }
  for (size_t range = 1; range < edges.bounds.size(); ++range)
    edges.bounds[range] += edges.bounds[range - 1];
  edges.by.resize(edges.bounds.back());
  edges.other.resize(edges.bounds.back());
  if (with_rows) edges.rows.resize(edges.bounds.back());
  std::vector<size_t> next = edges.bounds;
  for (size_t row = 0; row < num_rows; ++row) {
    if (is_dangling(row)) continue;
    const size_t at = next[range_of(row)]++;
    edges.by[at] = by[row];
    edges.other[at] = other[row];
    if (with_rows) edges.rows[at] = static_cast<uint32_t>(row);
  }
  return edges;
}

}  // namespace

absl::Status TopologyBuilder::Add(const format::ArrayPtr& src, const format::ArrayPtr& dst) {
  if (!IsText(*src->type) || !IsText(*dst->type) || src->length != dst->length) {
    return io::InvalidArgumentError(io::StrCat(
        "endpoints of edges are two text columns of one length, got ", src->type->ToString(),
        " of ", src->length, " and ", dst->type->ToString(), " of ", dst->length));
  }
  const uint64_t num_rows = src_.numbers.size() + static_cast<uint64_t>(src->length);
  if (num_rows >= kNoNode) {
    return io::ResourceExhaustedError(
        io::StrCat("a topology holds fewer than ", kNoNode, " edges, got ", num_rows));
  }
  if (num_rows > src_.numbers.capacity()) {
    // Growing by doubling may hold both halves; the numbers of dictionary entries come on top.
    const uint64_t bytes = num_rows * 2 * 4 * 2;
    if (bytes > memory_.bytes()) OG_RETURN_IF_ERROR(Hold(bytes * 2));
  }
  Both([&] { Append(*sources_, *src, src_); }, [&] { Append(*destinations_, *dst, dst_); });
  return absl::OkStatus();
}

absl::Status TopologyBuilder::Reserve(uint64_t num_rows) {
  OG_RETURN_IF_ERROR(Hold(num_rows * 2 * 4));
  src_.numbers.reserve(num_rows);
  dst_.numbers.reserve(num_rows);
  return absl::OkStatus();
}

absl::Status TopologyBuilder::Hold(uint64_t bytes) {
  if (memory_.bytes() != 0) return memory_.Resize(bytes);
  OG_ASSIGN_OR_RETURN(memory_, budget_->Reserve(bytes));
  return absl::OkStatus();
}

void TopologyBuilder::Both(const std::function<void()>& first,
                           const std::function<void()>& second) const {
  if (pool_ == nullptr) {
    first();
    second();
    return;
  }
  // Neither can fail.
  pool_
      ->ParallelFor(2,
                    [&](size_t i) {
                      i == 0 ? first() : second();
                      return absl::OkStatus();
                    })
      .IgnoreError();
}

void TopologyBuilder::Append(const NodeIndex& index, const format::Array& ids, Side& side) {
  if (ids.type->id != TypeId::kDictionary) {
    const std::vector<uint32_t> numbers = index.FindAll(ids);
    side.numbers.insert(side.numbers.end(), numbers.begin(), numbers.end());
    return;
  }
  if (side.dictionary != ids.dictionary) {
    side.dictionary = ids.dictionary;
    side.of_entries = index.FindAll(*ids.dictionary);
  }
  for (int64_t i = 0; i < ids.length; ++i) {
    side.numbers.push_back(
        ids.IsNull(i) ? kNoNode : side.of_entries[static_cast<size_t>(DictionaryIndex(ids, i))]);
  }
}

// Counting sort of the edges by one endpoint; stable, so that lists keep the order of rows. Many
// edges are split by ranges of nodes first, as memory allows, so that counts and lists of a range
// stay in a cache, and ranges are worked on at one time.
AdjacencyLists TopologyBuilder::Sort(const AdjacencyLists* base, const Side& by, const Side& other,
                                     uint32_t num_nodes) const {
  const size_t num_rows = by.numbers.size();
  const auto num_known =
      static_cast<uint32_t>(base == nullptr ? 0 : base->offsets.size() - 1);  // nodes of the base
  Edges split;
  absl::StatusOr<io::MemoryReservation> room = io::MemoryReservation();
  if (num_rows >= kSplitRowsMin) {
    room = budget_->Reserve(num_rows * (options_.edge_rows ? 12 : 8));
    if (room.ok()) split = Split(by.numbers, other.numbers, num_nodes, options_.edge_rows);
  }
  const bool is_split = !split.bounds.empty();
  const std::vector<uint32_t>& nodes = is_split ? split.by : by.numbers;
  const std::vector<uint32_t>& ends = is_split ? split.other : other.numbers;
  const auto for_edges = [&](const auto& visit) {
    const auto visit_range = [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        if (nodes[i] != kNoNode && ends[i] != kNoNode) visit(i);
      }
      return absl::OkStatus();
    };
    if (!is_split || pool_ == nullptr) return visit_range(0, nodes.size()).IgnoreError();
    pool_
        ->ParallelFor(
            split.bounds.size() - 1,
            [&](size_t range) { return visit_range(split.bounds[range], split.bounds[range + 1]); })
        .IgnoreError();
  };
  AdjacencyLists lists;
  lists.offsets.assign(size_t{num_nodes} + 1, 0);
  uint32_t* const starts = lists.offsets.data();
  for (uint32_t node = 0; node < num_known; ++node)
    starts[node] = base->offsets[node + 1] - base->offsets[node];
  for_edges([&](size_t i) { ++starts[nodes[i]]; });
  uint32_t total = 0;
  for (uint32_t node = 0; node <= num_nodes; ++node)
    total += std::exchange(starts[node], total);
  lists.ends.resize(total);
  if (options_.edge_rows) lists.rows.resize(total);
  for (uint32_t node = 0; node < num_known; ++node) {
    const std::span<const uint32_t> before = base->List(base->ends, node);
    std::copy(before.begin(), before.end(), lists.ends.begin() + starts[node]);
    starts[node] += static_cast<uint32_t>(before.size());
  }
  for_edges([&](size_t i) {
    const uint32_t at = starts[nodes[i]]++;
    lists.ends[at] = ends[i];
    if (options_.edge_rows) {
      lists.rows[at] = is_split ? split.rows[i] : static_cast<uint32_t>(i);
    }
  });
  // Every start has moved to its list's end, which is the next list's start.
  for (uint32_t node = num_nodes; node > 0; --node)
    starts[node] = starts[node - 1];
  starts[0] = 0;
  return lists;
}

absl::StatusOr<Topology> TopologyBuilder::Finish() {
  const uint64_t num_rows = src_.numbers.size() + (base_ == nullptr ? 0 : base_->num_rows());
  if (num_rows >= kNoNode) {
    return io::ResourceExhaustedError(
        io::StrCat("a topology holds fewer than ", kNoNode, " edges, got ", num_rows));
  }
  const uint64_t bytes_per_row = options_.edge_rows ? 8 : 4;
  const uint64_t bytes =
      (options_.out ? num_rows * bytes_per_row + 4 * sources_->num_nodes() : 0) +
      (options_.in ? num_rows * bytes_per_row + 4 * destinations_->num_nodes() : 0);
  OG_ASSIGN_OR_RETURN(io::MemoryReservation memory, budget_->Reserve(bytes));
  uint64_t num_dangling = base_ == nullptr ? 0 : base_->num_dangling();
  for (size_t row = 0; row < src_.numbers.size(); ++row) {
    if (src_.numbers[row] == kNoNode || dst_.numbers[row] == kNoNode) ++num_dangling;
  }
  AdjacencyLists out;
  AdjacencyLists in;
  Both(
      [&] {
        if (options_.out) {
          out = Sort(base_ == nullptr ? nullptr : &base_->out_lists(), src_, dst_,
                     sources_->num_nodes());
        }
      },
      [&] {
        if (options_.in) {
          in = Sort(base_ == nullptr ? nullptr : &base_->in_lists(), dst_, src_,
                    destinations_->num_nodes());
        }
      });
  src_ = {};
  dst_ = {};
  memory_.Release();
  return Topology(options_, num_rows, num_dangling, std::move(out), std::move(in),
                  std::move(memory));
}

}  // namespace og::engine::topology
