// Graphs under seeds: five actors in turns that the seed decides, with failures at named points,
// failing calls, stops of the machine and losses of power in between.
//
//   OG_SIM_SEEDS   how many seeds
//   OG_SEED        the first one: a failure prints the seed that repeats it alone
//
// A seed that fails is made smaller before it is printed.
#include "engine/graph/simulation/simulation.h"

#include <cstdlib>
#include <string>

#include "gtest/gtest.h"

#include "engine/graph/simulation/plan.h"
#include "io/base/text.h"
#include "tests/support/seed.h"

namespace og::engine::graph::simulation {
namespace {

constexpr int kShards = 4;
constexpr int kShrinkRunsMax = 300;

uint64_t NumSeeds() {
  const char* const text = std::getenv("OG_SIM_SEEDS");
  return text == nullptr ? 300 : io::ParseUint64(text).value_or(300);
}

class SimulationTest : public ::testing::TestWithParam<int> {};

TEST_P(SimulationTest, KeepsItsPromises) {
  RunCounts total;
  uint64_t num_runs = 0;
  for (uint64_t i = static_cast<uint64_t>(GetParam()); i < NumSeeds(); i += kShards) {
    const Plan plan = MakePlan(tests::Seed() + i);
    ASSERT_GE(plan.num_steps(), 50u);
    RunCounts counts;
    const auto violation = RunPlan(plan, Bug::kNone, &counts);
    if (violation.has_value()) {
      const Plan smallest = Shrink(
          plan, [](const Plan& smaller) { return RunPlan(smaller).has_value(); }, kShrinkRunsMax);
      FAIL() << "OG_SIM_SEEDS=1 OG_SEED=" << tests::Seed() + i << ": " << *violation
             << "\nsmaller: " << RunPlan(smallest).value_or("") << "\n"
             << Describe(smallest);
    }
    ++num_runs;
    total.steps += counts.steps;
    total.commits += counts.commits;
    total.acknowledged += counts.acknowledged;
    total.refused += counts.refused;
    total.failed += counts.failed;
    total.stops += counts.stops;
    total.recovered += counts.recovered;
  }
  std::printf(
      "%llu seeds, %llu steps: %llu done, %llu refused, %llu failed; %llu commits, of "
      "which recovery finished %llu; %llu stops\n",
      static_cast<unsigned long long>(num_runs), static_cast<unsigned long long>(total.steps),
      static_cast<unsigned long long>(total.acknowledged),
      static_cast<unsigned long long>(total.refused), static_cast<unsigned long long>(total.failed),
      static_cast<unsigned long long>(total.commits),
      static_cast<unsigned long long>(total.recovered),
      static_cast<unsigned long long>(total.stops));
}

INSTANTIATE_TEST_SUITE_P(Shards, SimulationTest, ::testing::Range(0, kShards));

// The simulation finds bugs, and what it prints is small and repeats them.
class PlantedBugTest : public ::testing::TestWithParam<Bug> {};

TEST_P(PlantedBugTest, IsFoundAndMadeSmall) {
  const Bug bug = GetParam();
  const auto fails = [bug](const Plan& plan) { return RunPlan(plan, bug).has_value(); };
  constexpr uint64_t kSeedsMax = 100;
  for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    const Plan plan = MakePlan(seed);
    const auto violation = RunPlan(plan, bug);
    if (!violation.has_value()) continue;
    EXPECT_EQ(RunPlan(plan, bug), violation) << "a seed does not repeat its run";
    const Plan smallest = Shrink(plan, fails, kShrinkRunsMax);
    const auto still = RunPlan(smallest, bug);
    ASSERT_TRUE(still.has_value());
    EXPECT_EQ(RunPlan(smallest, bug), still);
    EXPECT_LE(smallest.num_steps(), 8u) << Describe(smallest);
    EXPECT_FALSE(RunPlan(smallest).has_value()) << "fails without the bug: " << *RunPlan(smallest);
    std::printf("seed %llu: %s\n%s", static_cast<unsigned long long>(seed), still->c_str(),
                Describe(smallest).c_str());
    return;
  }
  FAIL() << "not found";
}

INSTANTIATE_TEST_SUITE_P(Bugs, PlantedBugTest,
                         ::testing::Values(Bug::kNoSync, Bug::kNoExclusivePut, Bug::kNoRecord));

}  // namespace
}  // namespace og::engine::graph::simulation
