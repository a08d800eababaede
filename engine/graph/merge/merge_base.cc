#include "engine/graph/merge/merge_base.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <tuple>

namespace og::engine::graph {
namespace {

using CommitMap = std::map<std::string_view, const CommitInfo*>;
using Distances = std::map<std::string_view, uint64_t>;

// How many steps each ancestor of `head` is away from it.
Distances DistancesFrom(const CommitMap& commits, std::string_view head) {
  Distances distances;
  std::deque<std::string_view> queue;
  const auto visit = [&](std::string_view id, uint64_t distance) {
    const auto known = commits.find(id);
    if (known == commits.end() || !distances.emplace(known->first, distance).second) return;
    queue.push_back(known->first);
  };
  visit(head, 0);
  while (!queue.empty()) {
    const std::string_view id = queue.front();
    queue.pop_front();
    const CommitInfo& commit = *commits.at(id);
    const uint64_t next = distances.at(id) + 1;
    for (const auto& parent : {commit.parent_commit_id, commit.merged_parent_commit_id}) {
      if (parent.has_value()) visit(*parent, next);
    }
  }
  return distances;
}

}  // namespace

std::optional<CommitInfo> FindMergeBase(std::span<const CommitInfo> source,
                                        std::span<const CommitInfo> target,
                                        std::string_view source_head,
                                        std::string_view target_head) {
  CommitMap commits;
  for (const std::span<const CommitInfo> side : {source, target}) {
    for (const CommitInfo& commit : side)
      commits.emplace(commit.graph_commit_id, &commit);
  }
  const Distances from_source = DistancesFrom(commits, source_head);
  const Distances from_target = DistancesFrom(commits, target_head);
  // Greater is better: near, then new, then by id.
  using Rank = std::tuple<uint64_t, uint64_t, std::string_view>;
  std::optional<Rank> best;
  for (const auto& [id, distance] : from_source) {
    const auto other = from_target.find(id);
    if (other == from_target.end()) continue;
    const Rank rank{UINT64_MAX - distance - other->second, commits.at(id)->graph_manifest_version,
                    id};
    if (!best.has_value() || rank > *best) best = rank;
  }
  if (!best.has_value()) return std::nullopt;
  return *commits.at(std::get<2>(*best));
}

}  // namespace og::engine::graph
