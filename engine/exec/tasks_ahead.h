// Tasks that run in threads while their results are not waited for, a few at a time.
#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "absl/status/status.h"

#include "io/base/status_macros.h"
#include "io/env/worker_pool.h"

namespace og::engine::exec {

// Thread-compatible. What the tasks use outlives it.
class TasksAhead {
 public:
  // `pool` outlives it.
  explicit TasksAhead(io::WorkerPool& pool) : pool_(pool) {}

  // Runs `task` some time. Waits for an earlier one if there are enough; its failure comes back.
  absl::Status Run(std::function<absl::Status()> task) {
    if (running_.size() > pool_.num_threads()) {
      OG_RETURN_IF_ERROR(running_.front().Wait());
      running_.pop_front();
    }
    running_.emplace_back(pool_).Run(std::move(task));
    return absl::OkStatus();
  }

  // Waits for all.
  absl::Status Finish() {
    for (io::TaskGroup& group : running_)
      OG_RETURN_IF_ERROR(group.Wait());
    return absl::OkStatus();
  }

 private:
  io::WorkerPool& pool_;
  std::deque<io::TaskGroup> running_;
};

}  // namespace og::engine::exec
