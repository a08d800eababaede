// A simulated Env: a seed decides time, chance and which actor goes on, so that a run repeats
// exactly.
//
//   SimEnv env(seed);
//   env.RunActors({[&] { writer(); }, [&] { reader(); }});
//
// Each actor has a thread of its own, and exactly one of them runs at a time: the holder of the
// baton. At a switch point (Sleep, Wait, Yield and every call of a store of this Env) the seed
// picks the next holder among those who can go on. When all sleep, the clock jumps to the first
// that wakes. When none can ever go on, the program stops and prints the seed.
//
// All URIs but s3 lead to stores in memory that belong to this Env. The pool has no threads: tasks
// run where they are submitted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/env/env.h"
#include "io/env/together.h"

namespace og::io {

struct SimEnvOptions {
  uint64_t memory_limit = uint64_t{1} << 30;
  Durability durability = Durability::kFull;
  int64_t start_us = 1'700'000'000'000'000;  // the clock at the start, since the epoch

  // Wraps each store that Resolve() makes, for example in a FaultStore; null: as it is.
  std::function<std::shared_ptr<Store>(std::shared_ptr<Store>)> wrap_store = {};
};

class SimEnv : public Env, public Scheduler {
 public:
  explicit SimEnv(uint64_t seed, SimEnvOptions options = {});
  ~SimEnv() override;

  uint64_t seed() const;

  // Runs the actors until all have returned. REQUIRES: not called by an actor.
  void RunActors(std::vector<std::function<void()>> actors);

  // An actor's own actors: it goes on when all of them have ended. Outside RunActors() they run one
  // after the other.
  void RunAll(const std::vector<std::function<void()>>& bodies) override;

  // Lets another actor go on, or not, as the seed says. Nothing outside RunActors().
  void Yield();

  // Moves the clock. Nothing else moves it but sleeping and a microsecond for each reading.
  void AdvanceUs(int64_t duration_us);

  int64_t NowUs() override;
  int64_t MonotonicNs() override;
  void SleepUs(int64_t duration_us) override;
  void Wait(Mutex& mutex, Condition& condition, const std::function<bool()>& done) override;
  uint64_t RandomU64() override;
  absl::StatusOr<Location> Resolve(std::string_view uri) override;
  Durability durability() const override;
  WorkerPool& pool() override;
  const std::shared_ptr<MemoryBudget>& memory() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace og::io
