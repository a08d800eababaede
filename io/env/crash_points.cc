#include "io/env/crash_points.h"

#include <utility>

#include "io/base/status.h"
#include "io/base/text.h"

namespace og::io {

absl::Status InjectedFailure(std::string_view name) {
  return InternalError(StrCat("injected failpoint triggered: ", name));
}

absl::Status CrashPoints::ReachActive(std::string_view name) {
  CrashAction action;
  {
    MutexLock lock(mutex_);
    if (is_tracing_) trace_.emplace_back(name);
    const auto it = points_.find(name);
    if (it == points_.end()) return absl::OkStatus();
    ++it->second.reached;
    action = it->second.action;
  }
  return action();
}

void CrashPoints::Fail(std::string_view name, uint64_t nth) {
  auto left = std::make_shared<std::atomic<uint64_t>>(nth);
  Set(name, [left, text = std::string(name)]() -> absl::Status {
    return left->fetch_sub(1) == 1 ? InjectedFailure(text) : absl::OkStatus();
  });
}

void CrashPoints::Set(std::string_view name, CrashAction action) {
  MutexLock lock(mutex_);
  points_.insert_or_assign(std::string(name), Point{std::move(action), 0});
  UpdateActive();
}

uint64_t CrashPoints::Clear(std::string_view name) {
  MutexLock lock(mutex_);
  const auto it = points_.find(name);
  if (it == points_.end()) return 0;
  const uint64_t reached = it->second.reached;
  points_.erase(it);
  UpdateActive();
  return reached;
}

uint64_t CrashPoints::reached(std::string_view name) const {
  MutexLock lock(mutex_);
  const auto it = points_.find(name);
  return it == points_.end() ? 0 : it->second.reached;
}

void CrashPoints::StartTrace() {
  MutexLock lock(mutex_);
  is_tracing_ = true;
  trace_.clear();
  UpdateActive();
}

std::vector<std::string> CrashPoints::StopTrace() {
  MutexLock lock(mutex_);
  is_tracing_ = false;
  UpdateActive();
  return std::exchange(trace_, {});
}

void CrashPoints::UpdateActive() {
  active_.store(is_tracing_ || !points_.empty(), std::memory_order_relaxed);
}

struct ParkedCrashPoint::State {
  Mutex mutex;
  Condition changed;
  bool is_reached OG_GUARDED_BY(mutex) = false;
  bool is_released OG_GUARDED_BY(mutex) = false;
};

ParkedCrashPoint::ParkedCrashPoint(CrashPoints& points, std::string_view name)
    : points_(points), name_(name), state_(std::make_shared<State>()) {
  points_.Set(name_, [state = state_]() -> absl::Status {
    MutexLock lock(state->mutex);
    if (std::exchange(state->is_reached, true)) return absl::OkStatus();
    state->changed.NotifyAll();
    state->changed.Wait(state->mutex,
                        [&state]() OG_NO_THREAD_SAFETY_ANALYSIS { return state->is_released; });
    return absl::OkStatus();
  });
}

ParkedCrashPoint::~ParkedCrashPoint() {
  Release();
  points_.Clear(name_);
}

void ParkedCrashPoint::WaitReached() {
  MutexLock lock(state_->mutex);
  state_->changed.Wait(state_->mutex,
                       [this]() OG_NO_THREAD_SAFETY_ANALYSIS { return state_->is_reached; });
}

void ParkedCrashPoint::Release() {
  MutexLock lock(state_->mutex);
  state_->is_released = true;
  state_->changed.NotifyAll();
}

}  // namespace og::io
