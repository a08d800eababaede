#include "engine/topology/grouped_topology.h"

#include <algorithm>
#include <atomic>
#include <span>
#include <utility>

#include "engine/topology/grouped_ids.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::topology {
namespace {

// Of a row whose end nobody has named; no node has this number, see NodeIndex::Add.
constexpr uint32_t kUnknown = kNoNode - 1;

// Entries of lists that one thread works on at a time, about.
constexpr uint32_t kTaskEntries = 1 << 18;

// Leaves entries of no row out.
void DropNoRows(std::vector<uint32_t>& rows, std::vector<uint32_t>& nodes) {
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] == kNoRow) continue;
    rows[kept] = rows[i];
    nodes[kept] = nodes[i];
    ++kept;
  }
  rows.resize(kept);
  nodes.resize(kept);
}

// Leaves entries out that lead to no node.
void DropDangling(AdjacencyLists& lists) {
  uint32_t kept = 0;
  uint32_t at = 0;
  for (size_t node = 0; node + 1 < lists.offsets.size(); ++node) {
    lists.offsets[node] = kept;
    for (const uint32_t end = lists.offsets[node + 1]; at < end; ++at) {
      if (lists.ends[at] == kNoNode) continue;
      lists.ends[kept] = lists.ends[at];
      if (!lists.rows.empty()) lists.rows[kept] = lists.rows[at];
      ++kept;
    }
  }
  lists.offsets.back() = kept;
  lists.ends.resize(kept);
  if (!lists.rows.empty()) lists.rows.resize(kept);
}

}  // namespace

GroupedTopologyBuilder::GroupedTopologyBuilder(std::shared_ptr<io::MemoryBudget> budget,
                                               io::WorkerPool* pool, const NodeIndex* sources,
                                               const NodeIndex* destinations,
                                               TopologyOptions options, uint32_t num_rows)
    : budget_(std::move(budget)), pool_(pool), options_(options), num_rows_(num_rows) {
  src_.index = sources;
  src_.is_listed = options.out;
  src_.is_led_to = options.in;
  dst_.index = destinations;
  dst_.is_listed = options.in;
  dst_.is_led_to = options.out;
}

absl::Status GroupedTopologyBuilder::Reserve() {
  if (num_rows_ >= kUnknown) {
    return io::ResourceExhaustedError(
        io::StrCat("a topology holds fewer than ", kUnknown, " edges, got ", num_rows_));
  }
  uint64_t bytes = 0;
  for (const End* end : {&src_, &dst_}) {
    bytes += uint64_t{4} * num_rows_ * ((end->is_listed ? 1 : 0) + (end->is_led_to ? 1 : 0));
  }
  io::MutexLock lock(mutex_);
  OG_ASSIGN_OR_RETURN(memory_, budget_->Reserve(bytes));
  for (End* end : {&src_, &dst_}) {
    if (end->is_led_to) end->node_of_row.assign(num_rows_, kUnknown);
  }
  return absl::OkStatus();
}

absl::Status GroupedTopologyBuilder::Add(EdgeEnd which, const format::Array& ids,
                                         std::vector<uint32_t> rows) {
  if (!IsText(*ids.type) || rows.size() != static_cast<size_t>(ids.length)) {
    return io::InvalidArgumentError(io::StrCat("ids of edges are text, one a row, got ",
                                               ids.type->ToString(), " of ", ids.length, " for ",
                                               rows.size(), " rows"));
  }
  End& end = Of(which);
  std::vector<uint32_t> nodes = NumbersOfGrouped(*end.index, ids);
  if (std::ranges::find(rows, kNoRow) != rows.end()) DropNoRows(rows, nodes);
  uint64_t row_sum = 0;
  uint32_t last_row = 0;
  for (const uint32_t row : rows) {
    row_sum += row;
    last_row = std::max(last_row, row);
  }
  if (last_row >= num_rows_ && !rows.empty()) {
    return io::OutOfRangeError(io::StrCat("row ", last_row, " of ", num_rows_, " edges"));
  }
  if (end.is_led_to) {
    // Several threads may name one row, in damaged indexes.
    for (size_t i = 0; i < rows.size(); ++i) {
      std::atomic_ref<uint32_t>(end.node_of_row[rows[i]])
          .store(nodes[i], std::memory_order_relaxed);
    }
  }
  const uint64_t num_named = rows.size();
  Group group;
  if (end.is_listed) {
    for (size_t i = 0; i < nodes.size();) {
      size_t next = i + 1;
      while (next < nodes.size() && nodes[next] == nodes[i])
        ++next;
      group.runs.push_back({nodes[i], static_cast<uint32_t>(next - i), 0});
      i = next;
    }
    group.rows = std::move(rows);
  }
  io::MutexLock lock(mutex_);
  end.num_named += num_named;
  end.row_sum += row_sum;
  if (!end.is_listed) return absl::OkStatus();
  OG_RETURN_IF_ERROR(memory_.Resize(memory_.bytes() + group.runs.size() * sizeof(Run)));
  end.groups.push_back(std::move(group));
  return absl::OkStatus();
}

bool GroupedTopologyBuilder::IsComplete(const End& end) const {
  const uint64_t n = num_rows_;
  return end.num_named == n && (n == 0 || end.row_sum == n * (n - 1) / 2);
}

absl::Status GroupedTopologyBuilder::ForEach(
    size_t count, const std::function<absl::Status(size_t)>& body) const {
  if (pool_ != nullptr) return pool_->ParallelFor(count, body);
  for (size_t i = 0; i < count; ++i)
    OG_RETURN_IF_ERROR(body(i));
  return absl::OkStatus();
}

absl::Status GroupedTopologyBuilder::Settle(const End& to, uint32_t begin, uint32_t end,
                                            AdjacencyLists& lists) const {
  const auto first = lists.ends.begin();
  for (uint32_t node = begin; node < end; ++node) {
    const auto from = first + lists.offsets[node];
    const auto until = first + lists.offsets[node + 1];
    if (!std::is_sorted(from, until)) std::sort(from, until);
  }
  const uint32_t last = lists.offsets[end];
  for (uint32_t at = lists.offsets[begin]; at < last; ++at) {
    const uint32_t row = lists.ends[at];
    if (options_.edge_rows) lists.rows[at] = row;
    lists.ends[at] = to.node_of_row[row];
  }
  const std::span<const uint32_t> ends = lists.ends;
  const auto settled = ends.subspan(lists.offsets[begin], last - lists.offsets[begin]);
  if (std::ranges::find(settled, kUnknown) != settled.end()) {
    return io::FailedPreconditionError("an edge of which only one end was named");
  }
  return absl::OkStatus();
}

absl::StatusOr<AdjacencyLists> GroupedTopologyBuilder::ListsOf(End& by, const End& to) {
  const uint32_t num_nodes = by.index->num_nodes();
  AdjacencyLists lists;
  lists.offsets.assign(size_t{num_nodes} + 1, 0);
  uint32_t* const starts = lists.offsets.data();
  for (const Group& group : by.groups) {
    for (const Run& run : group.runs) {
      if (run.node != kNoNode) starts[run.node] += run.count;
    }
  }
  uint32_t total = 0;
  for (uint32_t node = 0; node <= num_nodes; ++node)
    total += std::exchange(starts[node], total);
  // By one thread: counting up what lies anywhere in memory is slow where it has to be atomic.
  for (Group& group : by.groups) {
    for (Run& run : group.runs) {
      if (run.node != kNoNode)
        run.start = std::exchange(starts[run.node], starts[run.node] + run.count);
    }
  }
  // Every start has moved to its list's end, which is the next list's start.
  for (uint32_t node = num_nodes; node > 0; --node)
    starts[node] = starts[node - 1];
  starts[0] = 0;
  lists.ends.resize(total);
  if (options_.edge_rows) lists.rows.resize(total);
  OG_RETURN_IF_ERROR(ForEach(by.groups.size(), [&](size_t i) {
    const Group group = std::exchange(by.groups[i], {});
    auto from = group.rows.begin();
    for (const Run& run : group.runs) {
      const auto until = from + run.count;
      if (run.node != kNoNode) std::copy(from, until, lists.ends.begin() + run.start);
      from = until;
    }
    return absl::OkStatus();
  }));
  const size_t num_tasks = total / kTaskEntries + 1;
  const auto first_of = [&](size_t task) {
    if (task == num_tasks) return num_nodes;
    const auto found =
        std::ranges::lower_bound(lists.offsets, static_cast<uint32_t>(task * kTaskEntries));
    return std::min(num_nodes, static_cast<uint32_t>(found - lists.offsets.begin()));
  };
  OG_RETURN_IF_ERROR(ForEach(num_tasks, [&](size_t task) {
    return Settle(to, task == 0 ? 0 : first_of(task), first_of(task + 1), lists);
  }));
  return lists;
}

absl::StatusOr<Topology> GroupedTopologyBuilder::Finish() {
  if (!IsComplete(src_) || !IsComplete(dst_)) {
    return io::FailedPreconditionError(io::StrCat(num_rows_, " edges, of which ", src_.num_named,
                                                  " sources and ", dst_.num_named,
                                                  " destinations were named"));
  }
  const uint64_t bytes_per_row = options_.edge_rows ? 8 : 4;
  const uint64_t bytes =
      (options_.out ? num_rows_ * bytes_per_row + 4 * src_.index->num_nodes() : 0) +
      (options_.in ? num_rows_ * bytes_per_row + 4 * dst_.index->num_nodes() : 0);
  OG_ASSIGN_OR_RETURN(io::MemoryReservation memory, budget_->Reserve(bytes));
  AdjacencyLists out;
  AdjacencyLists in;
  if (options_.out) {
    OG_ASSIGN_OR_RETURN(out, ListsOf(src_, dst_));
  }
  if (options_.in) {
    OG_ASSIGN_OR_RETURN(in, ListsOf(dst_, src_));
  }
  uint64_t num_listed = 0;
  for (AdjacencyLists* lists : {&in, &out}) {
    if (std::ranges::find(lists->ends, kNoNode) != lists->ends.end()) DropDangling(*lists);
    num_listed = std::max<uint64_t>(num_listed, lists->ends.size());
  }
  return Topology(options_, num_rows_, num_rows_ - num_listed, std::move(out), std::move(in),
                  std::move(memory));
}

}  // namespace og::engine::topology
