// The commits that a simulation came to know, and what the model makes of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/graph/simulation/model.h"
#include "engine/graph/simulation/plan.h"

namespace og::engine::graph::simulation {

// The actor of commits that the step number `id` makes, and back; nullopt for other actors.
std::string ActorOf(uint64_t id);
std::optional<uint64_t> StepOf(const std::optional<std::string>& actor);

inline constexpr std::string_view kSetupActor = "setup";

class History {
 public:
  // `steps`: all steps of the plan by number.
  explicit History(std::vector<Step> steps) : steps_(std::move(steps)) {}

  void Add(const CommitInfo& commit) { commits_.emplace(commit.graph_commit_id, commit); }
  const CommitInfo* Find(const std::string& commit_id) const;

  // The entities of a commit; nullopt if they depend on a commit that nobody has seen. `*error` is
  // set if the commit cannot be: a merge of branches that conflict.
  const std::optional<Entities>& StateOf(const std::string& commit_id, std::string* error);

 private:
  std::optional<Entities> Compute(const CommitInfo& commit, std::string* error);
  std::optional<Entities> Merged(const CommitInfo& commit, std::string* error);
  // The commit and those before it on its branch, newest first; empty if one is not known.
  std::vector<const CommitInfo*> LineOf(const std::string& commit_id) const;

  const std::vector<Step> steps_;
  std::map<std::string, CommitInfo> commits_;
  std::map<std::string, std::optional<Entities>> states_;
};

}  // namespace og::engine::graph::simulation
