#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include <unistd.h>

#include "io/local/io_engine.h"

namespace og::io {
namespace {

class ThreadEngine : public IoEngine {
 public:
  explicit ThreadEngine(size_t num_threads) : num_threads_(num_threads) {}

  ~ThreadEngine() override {
    {
      MutexLock lock(mutex_);
      is_closing_ = true;
    }
    has_work_.NotifyAll();
    for (std::thread& thread : threads_)
      thread.join();
  }

  void Start(IoGroup& group, size_t first) override {
    MutexLock lock(mutex_);
    for (size_t i = first; i < group.calls.size(); ++i) {
      group.calls[i].group = &group;
      ++group.num_unfinished;
      queue_.push_back(&group.calls[i]);
    }
    while (threads_.size() < num_threads_)
      threads_.emplace_back([this] { Work(); });
    has_work_.NotifyAll();
  }

  void Wait(IoGroup& group) override {
    MutexLock lock(mutex_);
    finished_.Wait(mutex_, [&group] { return group.num_unfinished == 0; });
  }

  void Cancel(IoGroup& group) override {
    MutexLock lock(mutex_);
    std::erase_if(queue_, [&group](IoCall* call) {
      if (call->group != &group) return false;
      call->error = ECANCELED;
      --group.num_unfinished;
      return true;
    });
    finished_.Wait(mutex_, [&group] { return group.num_unfinished == 0; });
  }

  // Its own threads take all results.
  void Drain() override {}

 private:
  static void Do(IoCall& call) {
    int64_t result = 0;
    do {
      switch (call.kind) {
        case IoCall::Kind::kRead:
          result = pread(call.fd, call.out, call.missing, static_cast<off_t>(call.offset));
          break;
        case IoCall::Kind::kSyncData:
          result = fdatasync(call.fd);
          break;
        case IoCall::Kind::kSyncAll:
          result = fsync(call.fd);
          break;
      }
      if (result < 0) result = -errno;
    } while (!AcceptIoResult(call, result));
  }

  void Work() {
    for (;;) {
      IoCall* call;
      {
        MutexLock lock(mutex_);
        has_work_.Wait(mutex_, [this]() OG_NO_THREAD_SAFETY_ANALYSIS {
          return is_closing_ || !queue_.empty();
        });
        if (queue_.empty()) return;
        call = queue_.front();
        queue_.pop_front();
      }
      Do(*call);
      call->file.reset();
      MutexLock lock(mutex_);
      if (--call->group->num_unfinished == 0) finished_.NotifyAll();
    }
  }

  const size_t num_threads_;
  Mutex mutex_;
  Condition has_work_;
  Condition finished_;
  std::deque<IoCall*> queue_ OG_GUARDED_BY(mutex_);
  bool is_closing_ OG_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ OG_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<IoEngine> NewThreadEngine(size_t num_threads) {
  return std::make_shared<ThreadEngine>(num_threads);
}

}  // namespace og::io
