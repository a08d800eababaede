#include "engine/exec/edge_join.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "engine/dataset/index_walk.h"
#include "engine/exec/tasks_ahead.h"
#include "engine/topology/grouped_ids.h"
#include "format/arrow/array.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/env/env.h"
#include "io/env/memory_budget.h"
#include "io/env/worker_pool.h"

namespace og::engine::exec {
namespace {

using dataset::IndexWalk;
using topology::EdgeEnd;
using topology::kNoNode;

// Rows whose other end is read at a time.
constexpr size_t kTakenRows = 32'768;

// Of an edge that was found: itself, twice while it is sorted, and its place in a list.
constexpr uint64_t kBytesPerEdge = 24;

// An edge that was found: its row in scan order, above the node of the set that it is of.
using Hit = uint64_t;
Hit HitOf(uint32_t row, uint32_t node) {
  return uint64_t{row} << 32 | node;
}
uint32_t RowOf(Hit hit) {
  return static_cast<uint32_t>(hit >> 32);
}
uint32_t NodeOf(Hit hit) {
  return static_cast<uint32_t>(hit);
}

// Sorts by row; by one digit of it after the other, the lowest first.
void SortByRow(std::vector<Hit>& hits) {
  constexpr int kDigitBits = 11;
  constexpr Hit kDigitMask = (Hit{1} << kDigitBits) - 1;
  std::vector<Hit> sorted(hits.size());
  for (int shift = 32; shift < 64; shift += kDigitBits) {
    std::array<size_t, kDigitMask + 2> starts = {};
    for (const Hit hit : hits)
      ++starts[(hit >> shift & kDigitMask) + 1];
    for (size_t digit = 1; digit < starts.size(); ++digit)
      starts[digit] += starts[digit - 1];
    for (const Hit hit : hits)
      sorted[starts[hit >> shift & kDigitMask]++] = hit;
    hits.swap(sorted);
  }
}

class Hits {
 public:
  Hits(const topology::NodeIndex& nodes, uint64_t edges_max,
       const std::shared_ptr<io::MemoryBudget>& budget)
      : nodes_(nodes), edges_max_(edges_max), memory_(budget) {}

  // Looks through entries of `walk`. Any threads at once.
  absl::Status Add(const IndexWalk& walk, const IndexWalk::Entries& entries) {
    const std::span<const uint64_t> all_ids = entries.ids->Values<uint64_t>();
    std::vector<uint64_t> ids;
    std::vector<uint32_t> nodes;
    const std::vector<uint32_t> all_nodes = topology::NumbersOfGrouped(nodes_, *entries.values);
    for (size_t i = 0; i < all_nodes.size(); ++i) {
      if (all_nodes[i] == kNoNode) continue;
      ids.push_back(all_ids[i]);
      nodes.push_back(all_nodes[i]);
    }
    const std::vector<uint32_t> rows = walk.PositionsOf(entries.segment, ids);
    io::MutexLock lock(mutex_);
    if (hits_.size() + rows.size() > edges_max_) {
      are_too_many_ = true;
      return absl::OkStatus();
    }
    OG_RETURN_IF_ERROR(memory_.Add(rows.size() * kBytesPerEdge));
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] != dataset::kNoPosition) hits_.push_back(HitOf(rows[i], nodes[i]));
    }
    return absl::OkStatus();
  }

  bool are_too_many() const {
    io::MutexLock lock(mutex_);
    return are_too_many_;
  }

  // In the order of rows, with the memory that is held for them. Once, after all Add().
  std::pair<std::vector<Hit>, HeldMemory> Finish() {
    io::MutexLock lock(mutex_);
    SortByRow(hits_);
    return {std::move(hits_), std::move(memory_)};
  }

 private:
  const topology::NodeIndex& nodes_;
  const uint64_t edges_max_;
  mutable io::Mutex mutex_;
  std::vector<Hit> hits_ OG_GUARDED_BY(mutex_);
  bool are_too_many_ OG_GUARDED_BY(mutex_) = false;
  HeldMemory memory_ OG_GUARDED_BY(mutex_);
};

// Numbers of the nodes in column `column` of the rows of `hits`.
absl::StatusOr<std::vector<uint32_t>> NumbersIn(const dataset::Dataset& edges,
                                                const std::string& column,
                                                std::span<const Hit> hits,
                                                const topology::NodeIndex& nodes) {
  std::vector<uint32_t> numbers(hits.size());
  const auto read = [&](size_t task) -> absl::Status {
    const size_t start = task * kTakenRows;
    const auto part = hits.subspan(start, std::min(kTakenRows, hits.size() - start));
    std::vector<uint64_t> rows;
    for (const Hit hit : part)
      rows.push_back(RowOf(hit));
    OG_ASSIGN_OR_RETURN(const format::RecordBatch batch,
                        edges.TakeOffsets(rows, {.columns = {{column}}}));
    const std::vector<uint32_t> found = nodes.FindAll(*batch.columns[0]);
    std::ranges::copy(found, numbers.begin() + static_cast<ptrdiff_t>(start));
    return absl::OkStatus();
  };
  const size_t num_tasks = (hits.size() + kTakenRows - 1) / kTakenRows;
  // Threads of the pool do not wait for storage that is far away.
  if (edges.root().store->is_local()) {
    OG_RETURN_IF_ERROR(edges.env().pool().ParallelFor(num_tasks, read));
    return numbers;
  }
  for (size_t task = 0; task < num_tasks; ++task)
    OG_RETURN_IF_ERROR(read(task));
  return numbers;
}

}  // namespace

absl::StatusOr<std::optional<JoinedEdges>> JoinEdges(const ExecContext& context,
                                                     const dataset::Dataset& edges, EdgeEnd end,
                                                     const topology::NodeIndex& nodes,
                                                     const topology::NodeIndex& others,
                                                     uint64_t edges_max) {
  const std::shared_ptr<io::MemoryBudget>& budget = context.tables.budget();
  const bool from_src = end == EdgeEnd::kSrc;
  OG_ASSIGN_OR_RETURN(const std::unique_ptr<IndexWalk> walk,
                      IndexWalk::Start(edges, from_src ? "src" : "dst", budget));
  if (walk == nullptr) return std::nullopt;
  Hits found(nodes, edges_max, budget);
  TasksAhead tasks(edges.env().pool());
  while (!found.are_too_many()) {
    OG_RETURN_IF_ERROR(context.CheckInterrupt());
    OG_ASSIGN_OR_RETURN(std::optional<IndexWalk::Entries> entries, walk->Next());
    if (!entries.has_value()) break;
    OG_RETURN_IF_ERROR(tasks.Run(
        [&found, &walk, entries = *std::move(entries)] { return found.Add(*walk, entries); }));
  }
  OG_RETURN_IF_ERROR(tasks.Finish());
  if (found.are_too_many()) return std::nullopt;
  OG_RETURN_IF_ERROR(context.CheckInterrupt());
  auto [hits, memory] = found.Finish();
  OG_ASSIGN_OR_RETURN(const std::vector<uint32_t> numbers,
                      NumbersIn(edges, from_src ? "dst" : "src", hits, others));
  JoinedEdges joined{.starts = std::vector<uint32_t>(size_t{nodes.num_nodes()} + 1),
                     .ends = {},
                     .memory = std::move(memory)};
  for (size_t i = 0; i < hits.size(); ++i) {
    if (numbers[i] != kNoNode) ++joined.starts[NodeOf(hits[i]) + 1];
  }
  for (size_t node = 1; node < joined.starts.size(); ++node)
    joined.starts[node] += joined.starts[node - 1];
  joined.ends.resize(joined.starts.back());
  std::vector<uint32_t> next = joined.starts;
  for (size_t i = 0; i < hits.size(); ++i) {
    if (numbers[i] != kNoNode) joined.ends[next[NodeOf(hits[i])]++] = numbers[i];
  }
  return joined;
}

}  // namespace og::engine::exec
