#include "engine/graph/simulation/history.h"

#include <deque>
#include <tuple>

#include "io/base/text.h"

namespace og::engine::graph::simulation {
namespace {

constexpr std::string_view kStepActor = "step-";

using Commits = std::map<std::string, const CommitInfo*>;

// How far each of `visible` is from `from`, over both parents.
std::map<std::string, int> Distances(const Commits& visible, const std::string& from) {
  std::map<std::string, int> distances = {{from, 0}};
  std::deque<std::string> queue = {from};
  while (!queue.empty()) {
    const CommitInfo& commit = *visible.at(queue.front());
    const int distance = distances.at(queue.front()) + 1;
    queue.pop_front();
    for (const auto& parent : {commit.parent_commit_id, commit.merged_parent_commit_id}) {
      if (parent.has_value() && visible.contains(*parent) &&
          distances.emplace(*parent, distance).second) {
        queue.push_back(*parent);
      }
    }
  }
  return distances;
}

Entities SetupEntities() {
  Entities entities;
  entities.people = {{"p0", {}}, {"p1", {}}, {"p2", {}}};
  entities.teams = {"t0", "t1", "t2", "t3"};
  return entities;
}

}  // namespace

std::string ActorOf(uint64_t id) {
  return io::StrCat(kStepActor, id);
}

std::optional<uint64_t> StepOf(const std::optional<std::string>& actor) {
  if (!actor.has_value() || !actor->starts_with(kStepActor)) return std::nullopt;
  return io::ParseUint64(std::string_view(*actor).substr(kStepActor.size()));
}

const CommitInfo* History::Find(const std::string& commit_id) const {
  const auto found = commits_.find(commit_id);
  return found == commits_.end() ? nullptr : &found->second;
}

const std::optional<Entities>& History::StateOf(const std::string& commit_id, std::string* error) {
  // Parents first, without recursion: a line may be long.
  std::vector<std::string> pending = {commit_id};
  while (!pending.empty()) {
    const std::string id = pending.back();
    const CommitInfo* const commit = Find(id);
    if (commit == nullptr || states_.contains(id)) {
      states_.try_emplace(id);
      pending.pop_back();
      continue;
    }
    const size_t before = pending.size();
    for (const auto& parent : {commit->parent_commit_id, commit->merged_parent_commit_id}) {
      if (parent.has_value() && !states_.contains(*parent)) pending.push_back(*parent);
    }
    if (pending.size() > before) continue;
    states_.emplace(id, Compute(*commit, error));
    pending.pop_back();
  }
  return states_.at(commit_id);
}

std::optional<Entities> History::Compute(const CommitInfo& commit, std::string* error) {
  if (!commit.parent_commit_id.has_value()) return Entities{};
  if (commit.actor_id == kSetupActor) return SetupEntities();
  if (commit.merged_parent_commit_id.has_value()) return Merged(commit, error);
  std::optional<Entities> state = states_.at(*commit.parent_commit_id);
  const std::optional<uint64_t> id = StepOf(commit.actor_id);
  // Recovery and repair publish what is there already.
  if (state.has_value() && id.has_value() && *id < steps_.size()) Apply(steps_[*id], *id, *state);
  return state;
}

std::optional<Entities> History::Merged(const CommitInfo& commit, std::string* error) {
  const std::string& target = *commit.parent_commit_id;
  const std::string& source = *commit.merged_parent_commit_id;
  Commits visible;
  for (const std::string& end : {source, target}) {
    const auto line = LineOf(end);
    if (line.empty()) return std::nullopt;
    for (const CommitInfo* one : line)
      visible.emplace(one->graph_commit_id, one);
  }
  const auto from_source = Distances(visible, source);
  const auto from_target = Distances(visible, target);
  std::optional<std::tuple<int, uint64_t, std::string>> best;  // smaller distance, then greater
  for (const auto& [id, distance] : from_source) {
    const auto other = from_target.find(id);
    if (other == from_target.end()) continue;
    const std::tuple candidate(-(distance + other->second), visible.at(id)->graph_manifest_version,
                               id);
    if (!best.has_value() || candidate > *best) best = candidate;
  }
  if (!best.has_value()) return std::nullopt;
  const auto& base = states_.at(std::get<2>(*best));
  const auto& theirs = states_.at(source);
  const auto& ours = states_.at(target);
  if (!base.has_value() || !theirs.has_value() || !ours.has_value()) return std::nullopt;
  std::optional<Entities> merged = Merge(*base, *theirs, *ours);
  if (!merged.has_value()) {
    *error = io::StrCat("commit ", commit.graph_commit_id, " merges branches that conflict");
  }
  return merged;
}

std::vector<const CommitInfo*> History::LineOf(const std::string& commit_id) const {
  std::vector<const CommitInfo*> line;
  for (std::optional<std::string> id = commit_id; id.has_value();) {
    const CommitInfo* const commit = Find(*id);
    if (commit == nullptr) return {};
    line.push_back(commit);
    id = commit->parent_commit_id;
  }
  return line;
}

}  // namespace og::engine::graph::simulation
