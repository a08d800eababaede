#include "io/env/gate.h"

namespace og::io {

void GateHold::Release() {
  if (gate_ != nullptr) std::exchange(gate_, nullptr)->Leave(is_exclusive_);
}

GateHold Gate::Exclusive(Env& env) {
  return Enter(env, true);
}

GateHold Gate::Shared(Env& env) {
  return Enter(env, false);
}

GateHold Gate::TryExclusive() {
  MutexLock lock(mutex_);
  if (serving_ != next_ticket_ || has_exclusive_ || num_shared_ != 0) return {};
  has_exclusive_ = true;
  return GateHold(this, true);
}

GateHold Gate::Enter(Env& env, bool is_exclusive) {
  MutexLock lock(mutex_);
  const uint64_t ticket = next_ticket_++;
  env.Wait(mutex_, changed_, [&]() OG_NO_THREAD_SAFETY_ANALYSIS {
    return serving_ == ticket && !has_exclusive_ && (!is_exclusive || num_shared_ == 0);
  });
  ++serving_;
  if (is_exclusive) {
    has_exclusive_ = true;
  } else {
    ++num_shared_;
  }
  changed_.NotifyAll();
  return GateHold(this, is_exclusive);
}

void Gate::Leave(bool is_exclusive) {
  MutexLock lock(mutex_);
  if (is_exclusive) {
    has_exclusive_ = false;
  } else {
    --num_shared_;
  }
  changed_.NotifyAll();
}

}  // namespace og::io
