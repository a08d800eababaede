// What the engine takes from the world around it: time, chance, ids, threads, memory limits, crash
// points and the way from a URI to a store. Injected, so that a seed replays a whole run.
//
// RealEnv (real_env.h) is the machine. SimEnv (sim_env.h) is a simulation: a virtual clock, seeded
// randomness, and actors on threads of their own of which exactly one runs at a time.
//
// Any thread may call any method. Under SimEnv the calls marked "switch point", and all calls of
// stores, may let another actor go on: never make one while holding an io::Mutex. What has to stay
// locked across them is a Gate (gate.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "io/base/sync.h"
#include "io/env/crash_points.h"
#include "io/env/memory_budget.h"
#include "io/env/worker_pool.h"
#include "io/store/store.h"

namespace og::io {

class Env {
 public:
  virtual ~Env() = default;
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

  // Microseconds since the epoch.
  virtual int64_t NowUs() = 0;

  // Nanoseconds from an arbitrary start; never goes back.
  virtual int64_t MonotonicNs() = 0;

  // Switch point.
  virtual void SleepUs(int64_t duration_us) = 0;

  // Waits under `mutex`, which the caller holds, until `done()` is true. Use it instead of
  // Condition::Wait where what is waited for takes I/O. Switch point.
  virtual void Wait(Mutex& mutex, Condition& condition, const std::function<bool()>& done) = 0;

  // Uniform; from the kernel, or from the seed.
  virtual uint64_t RandomU64() = 0;
  void FillRandom(std::span<std::byte> out);

  // 26 upper-case Crockford base-32 characters: 48 bits of milliseconds, 80 random bits. Each one
  // of a process is greater than the one before, also within a millisecond.
  std::string NewUlid();

  // Version 4, lower-case with hyphens.
  std::string NewUuid();

  // The store and path of a root or object: "s3://bucket/path", "memory://name/path",
  // "file:///path", or a local path. Local paths are made absolute against the working directory
  // without looking at the disk; dot segments and trailing slashes are removed.
  //
  //   kInvalidArgument  an empty URI or one without a path where the scheme needs one
  //   kUnimplemented    a scheme that we lack
  virtual absl::StatusOr<Location> Resolve(std::string_view uri) = 0;

  // What an acknowledged write has to survive.
  virtual Durability durability() const = 0;

  virtual WorkerPool& pool() = 0;

  // The root of the budgets.
  virtual const std::shared_ptr<MemoryBudget>& memory() = 0;

  CrashPoints& crash_points() { return crash_points_; }

 protected:
  Env() = default;

 private:
  CrashPoints crash_points_;
  Mutex ulid_mutex_;
  uint64_t ulid_ms_ OG_GUARDED_BY(ulid_mutex_) = 0;
  std::array<uint8_t, 10> ulid_tail_ OG_GUARDED_BY(ulid_mutex_){};
};

// "full", "data" or "none"; nullopt for anything else.
std::optional<Durability> ParseDurability(std::string_view text);
std::string_view DurabilityName(Durability durability);

// `path` made absolute against `working_folder` (itself absolute), without ".", "..", doubled and
// trailing slashes; "/" for the root. Looks at text only.
std::string AbsolutePath(std::string_view path, std::string_view working_folder);

}  // namespace og::io
