#include "engine/capi/callback_thread.h"

#include <deque>
#include <thread>
#include <utility>

#include "io/base/sync.h"

namespace og::engine::capi {
namespace {

class CallbackThread {
 public:
  CallbackThread() {
    std::thread([this] { Run(); }).detach();
  }

  void Post(std::function<void()> call) {
    {
      io::MutexLock lock(mutex_);
      calls_.push_back(std::move(call));
    }
    posted_.NotifyOne();
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> call;
      {
        io::MutexLock lock(mutex_);
        posted_.Wait(mutex_, [this] { return !calls_.empty(); });
        call = std::move(calls_.front());
        calls_.pop_front();
      }
      call();
    }
  }

  io::Mutex mutex_;
  io::Condition posted_;
  std::deque<std::function<void()>> calls_ OG_GUARDED_BY(mutex_);
};

}  // namespace

void PostToCallbackThread(std::function<void()> call) {
  static CallbackThread& thread = *new CallbackThread;
  thread.Post(std::move(call));
}

}  // namespace og::engine::capi
