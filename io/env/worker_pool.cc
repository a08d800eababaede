#include "io/env/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <utility>

#include "io/base/sync.h"

namespace og::io {

struct WorkerPool::Queue {
  Mutex mutex;
  Condition has_work;
  std::deque<std::function<void()>> tasks OG_GUARDED_BY(mutex);
  bool is_closing OG_GUARDED_BY(mutex) = false;
  std::vector<std::thread> threads;

  void Work() {
    for (;;) {
      std::function<void()> task;
      {
        MutexLock lock(mutex);
        has_work.Wait(
            mutex, [this]() OG_NO_THREAD_SAFETY_ANALYSIS { return is_closing || !tasks.empty(); });
        if (tasks.empty()) return;
        task = std::move(tasks.front());
        tasks.pop_front();
      }
      task();
    }
  }
};

WorkerPool::WorkerPool(size_t num_threads)
    : num_threads_(num_threads), queue_(std::make_unique<Queue>()) {
  for (size_t i = 0; i < num_threads; ++i) {
    queue_->threads.emplace_back([queue = queue_.get()] { queue->Work(); });
  }
}

WorkerPool::~WorkerPool() {
  {
    MutexLock lock(queue_->mutex);
    queue_->is_closing = true;
  }
  queue_->has_work.NotifyAll();
  for (std::thread& thread : queue_->threads)
    thread.join();
}

void WorkerPool::Submit(std::function<void()> task) {
  if (num_threads_ == 0) {
    task();
    return;
  }
  {
    MutexLock lock(queue_->mutex);
    queue_->tasks.push_back(std::move(task));
  }
  queue_->has_work.NotifyOne();
}

namespace {

// Shared by the caller of ParallelFor and the tasks that help it. A helper that starts late finds
// no index left and does not touch `body`, which may be gone by then.
struct Loop {
  Loop(size_t count_in, const std::function<absl::Status(size_t)>& body_in)
      : count(count_in), body(body_in) {}

  void Run() {
    for (;;) {
      // Counted before the claim, so that the caller cannot leave between claim and call.
      num_running.fetch_add(1, std::memory_order_acq_rel);
      const size_t i = next.fetch_add(1, std::memory_order_acq_rel);
      if (i >= count) {
        Leave();
        return;
      }
      if (absl::Status status = body(i); !status.ok()) {
        next.store(count, std::memory_order_release);
        MutexLock lock(mutex);
        if (first_failure.ok() || i < failed_index) {
          first_failure = std::move(status);
          failed_index = i;
        }
      }
      Leave();
    }
  }

  void Leave() {
    if (num_running.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    MutexLock lock(mutex);
    changed.NotifyAll();
  }

  const size_t count;
  const std::function<absl::Status(size_t)>& body;
  std::atomic<size_t> next = 0;
  std::atomic<size_t> num_running = 0;
  Mutex mutex;
  Condition changed;
  absl::Status first_failure OG_GUARDED_BY(mutex);
  size_t failed_index OG_GUARDED_BY(mutex) = 0;
};

}  // namespace

absl::Status WorkerPool::ParallelFor(size_t count,
                                     const std::function<absl::Status(size_t)>& body) {
  const size_t num_helpers = std::min(num_threads_, count > 0 ? count - 1 : 0);
  if (num_helpers == 0) {
    for (size_t i = 0; i < count; ++i) {
      if (absl::Status status = body(i); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  auto loop = std::make_shared<Loop>(count, body);
  for (size_t i = 0; i < num_helpers; ++i) {
    Submit([loop] { loop->Run(); });
  }
  loop->Run();
  MutexLock lock(loop->mutex);
  loop->changed.Wait(loop->mutex,
                     [&loop] { return loop->num_running.load(std::memory_order_acquire) == 0; });
  return std::move(loop->first_failure);
}

struct TaskGroup::Task {
  explicit Task(std::function<absl::Status()> body_in) : body(std::move(body_in)) {}

  // Runs the task unless another thread has it already.
  void RunOnce() {
    if (is_claimed.exchange(true, std::memory_order_acq_rel)) return;
    absl::Status result = body();
    body = nullptr;
    MutexLock lock(mutex);
    status = std::move(result);
    is_done = true;
    done.NotifyAll();
  }

  std::function<absl::Status()> body;
  std::atomic<bool> is_claimed = false;
  Mutex mutex;
  Condition done;
  bool is_done OG_GUARDED_BY(mutex) = false;
  absl::Status status OG_GUARDED_BY(mutex);
};

TaskGroup::~TaskGroup() {
  // A group that is abandoned on an error path has reported that error already.
  static_cast<void>(Wait());
}

void TaskGroup::Run(std::function<absl::Status()> task) {
  auto shared = std::make_shared<Task>(std::move(task));
  tasks_.push_back(shared);
  pool_.Submit([shared] { shared->RunOnce(); });
}

absl::Status TaskGroup::Wait() {
  for (const auto& task : tasks_)
    task->RunOnce();
  absl::Status first_failure;
  for (const auto& task : tasks_) {
    MutexLock lock(task->mutex);
    task->done.Wait(task->mutex, [&task]() OG_NO_THREAD_SAFETY_ANALYSIS { return task->is_done; });
    // Moved: the thread that ran the task may let go of it after this one has let go of the
    // failure.
    first_failure.Update(std::move(task->status));
  }
  tasks_.clear();
  return first_failure;
}

}  // namespace og::io
