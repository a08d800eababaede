#include "engine/capi/background_scan.h"

#include <deque>
#include <exception>
#include <utility>

#include "io/base/status.h"
#include "io/base/sync.h"

namespace og::engine::capi {
namespace {

// Batches that wait for the consumer.
constexpr size_t kBatchesAheadMax = 2;

}  // namespace

struct BackgroundScan::State {
  io::Mutex mutex;
  io::Condition changed;
  // The last one is the end or an error. Pointers, as g++ takes a moved optional for uninitialised.
  std::deque<std::unique_ptr<NextBatch>> ready OG_GUARDED_BY(mutex);
  bool is_given_up OG_GUARDED_BY(mutex) = false;
  LanceWaker waker OG_GUARDED_BY(mutex) = nullptr;
  void* waker_context OG_GUARDED_BY(mutex) = nullptr;

  // Hands `next` over once there is room. False when the scan was given up.
  bool Push(NextBatch next) {
    LanceWaker wake = nullptr;
    void* context = nullptr;
    {
      io::MutexLock lock(mutex);
      changed.Wait(mutex, [&] { return is_given_up || ready.size() < kBatchesAheadMax; });
      if (is_given_up) return false;
      ready.push_back(std::make_unique<NextBatch>(std::move(next)));
      wake = std::exchange(waker, nullptr);
      context = waker_context;
    }
    changed.NotifyAll();
    if (wake != nullptr) wake(context);
    return true;
  }
};

void BackgroundScan::Run(const std::shared_ptr<State>& state, const Open& open) {
  try {
    absl::StatusOr<std::unique_ptr<format::BatchStream>> stream = open();
    if (!stream.ok()) {
      state->Push(stream.status());
      return;
    }
    while (true) {
      NextBatch next = (*stream)->Next();
      const bool is_last = !next.ok() || !next->has_value();
      if (!state->Push(std::move(next)) || is_last) return;
    }
  } catch (const std::exception& error) {
    state->Push(io::InternalError(error.what()));
  }
}

BackgroundScan::BackgroundScan(Open open)
    : state_(std::make_shared<State>()),
      thread_([state = state_, open = std::move(open)] { Run(state, open); }) {}

BackgroundScan::~BackgroundScan() {
  {
    io::MutexLock lock(state_->mutex);
    state_->is_given_up = true;
    state_->waker = nullptr;
  }
  state_->changed.NotifyAll();
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

NextBatch BackgroundScan::Next() {
  io::MutexLock lock(state_->mutex);
  state_->changed.Wait(state_->mutex, [this] { return !state_->ready.empty(); });
  const std::unique_ptr<NextBatch> next = std::move(state_->ready.front());
  state_->ready.pop_front();
  state_->changed.NotifyAll();
  return std::move(*next);
}

std::optional<NextBatch> BackgroundScan::Poll(LanceWaker waker, void* context) {
  io::MutexLock lock(state_->mutex);
  if (state_->ready.empty()) {
    state_->waker = waker;
    state_->waker_context = context;
    return std::nullopt;
  }
  state_->waker = nullptr;
  const std::unique_ptr<NextBatch> next = std::move(state_->ready.front());
  state_->ready.pop_front();
  state_->changed.NotifyAll();
  return std::move(*next);
}

}  // namespace og::engine::capi
