#include "engine/topology/topology.h"

#include <algorithm>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::topology {

using format::TypeId;

namespace {

// Rows between fetching a place and using it.
constexpr size_t kRowsAhead = 32;

// Lists of so many edges are filled in parts, which may be worked on at one time.
constexpr uint32_t kEdgesOfPartsMin = 1 << 16;
constexpr size_t kParts = 2;

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

// Counting sort of the edges by one endpoint; stable, so that lists keep the order of rows.
AdjacencyLists TopologyBuilder::Sort(const AdjacencyLists* base, const Side& by, const Side& other,
                                     uint32_t num_nodes) const {
  const size_t num_rows = by.numbers.size();
  const auto num_known =
      static_cast<uint32_t>(base == nullptr ? 0 : base->offsets.size() - 1);  // nodes of the base
  AdjacencyLists lists;
  lists.offsets.assign(size_t{num_nodes} + 1, 0);
  uint32_t* const starts = lists.offsets.data();
  for (uint32_t node = 0; node < num_known; ++node)
    starts[node] = base->offsets[node + 1] - base->offsets[node];
  for (size_t row = 0; row < num_rows; ++row) {
    if (by.numbers[row] != kNoNode && other.numbers[row] != kNoNode) ++starts[by.numbers[row]];
  }
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
  // Parts of the nodes with about as many edges each; every part goes over all rows.
  const size_t num_parts = pool_ == nullptr || total < kEdgesOfPartsMin ? 1 : kParts;
  std::vector<uint32_t> bounds = {0};
  for (size_t part = 1; part < num_parts; ++part) {
    const uint64_t start = uint64_t{total} * part / num_parts;
    bounds.push_back(
        static_cast<uint32_t>(std::lower_bound(starts, starts + num_nodes, start) - starts));
  }
  bounds.push_back(num_nodes);
  const auto place = [&](size_t part) {
    const uint32_t first = bounds[part];
    const uint32_t count = bounds[part + 1] - first;
    const auto is_mine = [&](size_t row) { return by.numbers[row] - first < count; };
    for (size_t row = 0; row < num_rows; ++row) {
      // Where an entry goes depends on its list's start: that is fetched first.
      if (row + 2 * kRowsAhead < num_rows) {
        if (is_mine(row + 2 * kRowsAhead)) {
          __builtin_prefetch(starts + by.numbers[row + 2 * kRowsAhead], 1);
        }
        if (is_mine(row + kRowsAhead)) {
          __builtin_prefetch(lists.ends.data() + starts[by.numbers[row + kRowsAhead]], 1);
        }
      }
      if (!is_mine(row) || other.numbers[row] == kNoNode) continue;
      const uint32_t at = starts[by.numbers[row]]++;
      lists.ends[at] = other.numbers[row];
      if (options_.edge_rows) lists.rows[at] = static_cast<uint32_t>(row);
    }
    return absl::OkStatus();
  };
  if (num_parts == 1) {
    place(0).IgnoreError();
  } else {
    pool_->ParallelFor(num_parts, place).IgnoreError();
  }
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
