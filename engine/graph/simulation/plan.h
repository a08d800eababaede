// What the actors of a simulation are going to do, drawn from a seed before they begin, so that a
// run can be told, repeated, and made smaller.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace og::engine::graph::simulation {

enum class StepKind : uint8_t {
  // Mutations.
  kInsertPerson,  // with an address that somebody may have, and an edge to itself
  kSetAge,
  kSetEmail,
  kDeletePerson,
  kInsertMember,
  kDeleteTeam,
  // Loads.
  kAppend,          // a new person, a new team, an edge between
  kMergeRows,       // a person, a team, an edge, new or not
  kOverwriteKnows,  // one edge instead of all
  // Branches. Branches 0 and 1 stay, 2 comes and goes.
  kMergeBranch,
  kCreateBranch,
  kDeleteBranch,
  // Everything else.
  kRead,      // the newest state, twice
  kReadPast,  // an older one
  kReopen,
  kRepair,
  kVerify,
  kOptimize,
  kCleanup,  // all but the newest kKeepMin or some more versions of each table
};

inline constexpr uint32_t kKeepMin = 2;

inline constexpr const char* kBranches[] = {"main", "b", "tmp"};

struct Step {
  StepKind kind = StepKind::kRead;
  int branch = 0;        // an index of kBranches
  int other = 0;         // of a merge or a new branch: the source
  uint64_t key = 0;      // which person, team or edge
  uint64_t value = 0;    // which age or address
  bool if_head = false;  // only if the head is still the one seen before
  // A point that fails from this step on, when it is reached for the nth time; empty: none.
  std::string_view fail_point;
  uint64_t nth = 1;
  bool reopens_after_failure = false;
};

// How many versions a cleanup keeps.
uint32_t KeepOf(const Step& step);

// The machine stops at a change of its store.
struct Stop {
  uint64_t nth_change = 0;
  bool takes_effect = false;
  bool loses_power = false;
};

struct Plan {
  uint64_t seed = 0;  // of the schedule, and of what power losses leave
  std::vector<std::vector<Step>> actors;
  std::vector<Stop> stops;
  uint32_t faults_per_thousand = 0;  // calls of the store that fail, until the first stop

  size_t num_steps() const;
};

Plan MakePlan(uint64_t seed);

// "writer.0 3: set age of p2 on b to 7, failing at mutation.post_table_commit:2", one line a step.
std::string Describe(const Plan& plan);

// The smallest plan that it finds in which something still goes wrong, by leaving out steps, stops,
// failures and faults. `fails`: runs a plan. At most `runs_max` runs.
Plan Shrink(Plan plan, const std::function<bool(const Plan&)>& fails, int runs_max);

}  // namespace og::engine::graph::simulation
