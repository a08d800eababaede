// Threads for CPU work. Tasks never wait for I/O and never wait for other tasks except through
// ParallelFor() and TaskGroup, whose callers run tasks themselves while they wait, so that nesting
// cannot deadlock and a pool without threads works too.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"

namespace og::io {

// Any thread may call any method.
class WorkerPool {
 public:
  // `num_threads` threads, started at once. 0: every task runs in the thread that submits it, in
  // the order of submission, which is what the simulation uses.
  explicit WorkerPool(size_t num_threads);

  // Runs what was submitted before, then stops.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  size_t num_threads() const { return num_threads_; }

  // Runs `task` some time, on some thread.
  void Submit(std::function<void()> task);

  // Runs body(i) for every i below `count`, each once, in this thread and the pool's; returns when
  // all that started have ended. After a failure no further index is started; the result is the
  // failure of the lowest index that failed, the same in every run.
  absl::Status ParallelFor(size_t count, const std::function<absl::Status(size_t)>& body);

 private:
  struct Queue;

  const size_t num_threads_;
  std::unique_ptr<Queue> queue_;
};

// Tasks that end together. Thread-compatible.
class TaskGroup {
 public:
  // `pool` outlives the group.
  explicit TaskGroup(WorkerPool& pool) : pool_(pool) {}

  // Waits.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void Run(std::function<absl::Status()> task);

  // Runs what has not started, waits for the rest. The result is the failure of the task that was
  // added first among those that failed. The group is empty afterwards and may be used again.
  absl::Status Wait();

 private:
  struct Task;

  WorkerPool& pool_;
  std::vector<std::shared_ptr<Task>> tasks_;
};

}  // namespace og::io
