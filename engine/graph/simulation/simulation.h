// Runs a plan on a graph in memory and compares all that the actors were told and saw with the
// model.
//
// What must hold, at the end and in what was read meanwhile:
//   - each branch is one line of commits, none of which belongs to a step that was refused, and the
//     content of each is what its step makes of the commit before it: serial, and whole
//   - an acknowledged commit is in its branch, after what was acknowledged before it began
//   - a reader that begins after an acknowledgement sees that commit; a commit never changes
//   - unique values, ends and numbers of edges are as the schema says in every commit
//   - a state stays readable while a reader holds it; a commit is reclaimed only if a cleanup was
//     allowed to take one of its versions, which no branch and no merge of branches needs
//   - after all failures, faults, stops and losses of power an ordinary open heals the graph, and
//     every branch takes the next write; `verify --deep --all` finds nothing but left-over files,
//     and so it is after a cleanup that keeps one version
#pragma once

#include <optional>
#include <string>

#include "engine/graph/simulation/plan.h"

namespace og::engine::graph::simulation {

// Bugs that a test plants to see them found.
enum class Bug : uint8_t {
  kNone,
  kNoSync,          // the store forgets to sync
  kNoExclusivePut,  // creating an object that exists replaces it
  kNoRecord,        // recovery records are not written
};

struct RunCounts {
  uint64_t steps = 0;
  uint64_t commits = 0;  // in the lines of the branches at the end
  uint64_t acknowledged = 0;
  uint64_t refused = 0;
  uint64_t failed = 0;  // with an outcome that their caller cannot know
  uint64_t stops = 0;
  uint64_t recovered = 0;  // commits that were not acknowledged
};

// The first thing that went wrong; nullopt: all is well. `counts` may be null.
std::optional<std::string> RunPlan(const Plan& plan, Bug bug = Bug::kNone,
                                   RunCounts* counts = nullptr);

}  // namespace og::engine::graph::simulation
