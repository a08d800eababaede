// Named places where tests make a program fail, stop or call back.
//
//   OG_CRASH_POINT(env, "graph_publish.before_commit_append");
//
// returns the status "injected failpoint triggered: {name}" (or another one) from the function when
// a test has set the point, and costs one relaxed load when none is set. The names are part of the
// test interface of the reference (engine.md section 8).
//
// End-to-end tests set OMNIGRAPH_CRASH_POINT=name[:nth]: the process kills itself with SIGKILL when
// it reaches the point for the nth time (the first without ":nth").
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "io/base/status_macros.h"
#include "io/base/sync.h"

namespace og::io {

// What a point does when it is reached: any result but ok is returned from the function around it.
using CrashAction = std::function<absl::Status()>;

// kInternal "injected failpoint triggered: {name}".
absl::Status InjectedFailure(std::string_view name);

// The points of one Env. Any thread may call any method.
class CrashPoints {
 public:
  // What the point does. Called by OG_CRASH_POINT only.
  absl::Status Reach(std::string_view name) {
    if (!active_.load(std::memory_order_relaxed)) return absl::OkStatus();
    return ReachActive(name);
  }

  // Makes the point fail with InjectedFailure(name) on the `nth` time from now (1: the next), and
  // on no other.
  void Fail(std::string_view name, uint64_t nth = 1);

  // Makes the point call `action` each time; replaces what was set.
  void Set(std::string_view name, CrashAction action);

  // Unsets a point; the number of times it was reached since it was set.
  uint64_t Clear(std::string_view name);

  // How often a set point was reached.
  uint64_t reached(std::string_view name) const;

  // From now on every point that is reached is noted in order, set or not.
  void StartTrace();
  std::vector<std::string> StopTrace();

 private:
  struct Point {
    CrashAction action;
    uint64_t reached = 0;
  };

  absl::Status ReachActive(std::string_view name);
  void UpdateActive() OG_REQUIRES(mutex_);

  std::atomic<bool> active_ = false;
  mutable Mutex mutex_;
  std::map<std::string, Point, std::less<>> points_ OG_GUARDED_BY(mutex_);
  bool is_tracing_ OG_GUARDED_BY(mutex_) = false;
  std::vector<std::string> trace_ OG_GUARDED_BY(mutex_);
};

// Sets a point for a scope.
class ScopedCrashPoint {
 public:
  // Fails the next time with InjectedFailure(name).
  ScopedCrashPoint(CrashPoints& points, std::string_view name) : points_(points), name_(name) {
    points_.Fail(name_);
  }
  ScopedCrashPoint(CrashPoints& points, std::string_view name, CrashAction action)
      : points_(points), name_(name) {
    points_.Set(name_, std::move(action));
  }
  ~ScopedCrashPoint() { points_.Clear(name_); }
  ScopedCrashPoint(const ScopedCrashPoint&) = delete;
  ScopedCrashPoint& operator=(const ScopedCrashPoint&) = delete;

  uint64_t reached() const { return points_.reached(name_); }

 private:
  CrashPoints& points_;
  const std::string name_;
};

// Holds the first thread that reaches a point until it is released; later ones pass.
class ParkedCrashPoint {
 public:
  ParkedCrashPoint(CrashPoints& points, std::string_view name);

  // Releases.
  ~ParkedCrashPoint();
  ParkedCrashPoint(const ParkedCrashPoint&) = delete;
  ParkedCrashPoint& operator=(const ParkedCrashPoint&) = delete;

  // Waits until a thread is parked.
  void WaitReached();

  // Lets it go on.
  void Release();

 private:
  struct State;

  CrashPoints& points_;
  const std::string name_;
  std::shared_ptr<State> state_;
};

}  // namespace og::io

#define OG_CRASH_POINT(env, name) OG_RETURN_IF_ERROR((env).crash_points().Reach(name))
