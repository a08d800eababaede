// A shared/exclusive lock that may be held across I/O and across switch points of the simulation,
// and released by another thread than the one that took it. Waiters are served in order: a waiting
// writer holds back later readers, so neither side starves. Not recursive.
#pragma once

#include <cstdint>
#include <utility>

#include "io/base/sync.h"
#include "io/env/env.h"

namespace og::io {

class Gate;

// A Gate held for a scope. Move-only.
class GateHold {
 public:
  GateHold() = default;
  GateHold(GateHold&& other) noexcept
      : gate_(std::exchange(other.gate_, nullptr)), is_exclusive_(other.is_exclusive_) {}
  GateHold& operator=(GateHold&& other) noexcept {
    Release();
    gate_ = std::exchange(other.gate_, nullptr);
    is_exclusive_ = other.is_exclusive_;
    return *this;
  }
  ~GateHold() { Release(); }

  bool held() const { return gate_ != nullptr; }
  void Release();

 private:
  friend class Gate;
  GateHold(Gate* gate, bool is_exclusive) : gate_(gate), is_exclusive_(is_exclusive) {}

  Gate* gate_ = nullptr;
  bool is_exclusive_ = false;
};

// Outlives its holds. Any thread may call any method.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Waits until no one else holds the gate. Switch point of `env`.
  GateHold Exclusive(Env& env);

  // Waits until no one holds the gate exclusively. Switch point of `env`.
  GateHold Shared(Env& env);

  // Exclusive() if nobody holds the gate or waits for it; otherwise what is given holds nothing.
  GateHold TryExclusive();

 private:
  friend class GateHold;

  GateHold Enter(Env& env, bool is_exclusive);
  void Leave(bool is_exclusive);

  Mutex mutex_;
  Condition changed_;
  uint64_t next_ticket_ OG_GUARDED_BY(mutex_) = 0;
  uint64_t serving_ OG_GUARDED_BY(mutex_) = 0;  // the ticket whose holder is asked next
  uint64_t num_shared_ OG_GUARDED_BY(mutex_) = 0;
  bool has_exclusive_ OG_GUARDED_BY(mutex_) = false;
};

}  // namespace og::io
