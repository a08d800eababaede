#include "io/env/together.h"

#include <algorithm>
#include <cstddef>
#include <thread>
#include <utility>

#include "io/env/thread_scheduler.h"

namespace og::io {
namespace {

// Of real threads; each waits for storage nearly all of its life.
constexpr size_t kThreadsMax = 32;

void RunOnThreads(const std::vector<std::function<void()>>& bodies) {
  const size_t num_threads = std::min(kThreadsMax, bodies.size());
  const auto run_share = [&](size_t first) {
    for (size_t i = first; i < bodies.size(); i += num_threads)
      bodies[i]();
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < num_threads; ++i)
    threads.emplace_back(run_share, i);
  run_share(0);
  for (std::thread& thread : threads)
    thread.join();
}

}  // namespace

absl::Status RunTogether(Env& env, const Store& store,
                         const std::vector<std::function<absl::Status()>>& tasks) {
  std::vector<absl::Status> results(tasks.size());
  std::vector<std::function<void()>> bodies;
  for (size_t i = 0; i < tasks.size(); ++i)
    bodies.push_back([&, i] { results[i] = tasks[i](); });
  // Where tasks run in the thread that submits them, threads would be none of the Env's.
  const bool may_start_threads = env.pool().num_threads() > 0 && !store.is_local();
  if (Scheduler* const scheduler = SchedulerOfThisThread();
      bodies.size() > 1 && scheduler != nullptr) {
    scheduler->RunAll(bodies);
  } else if (bodies.size() > 1 && may_start_threads) {
    RunOnThreads(bodies);
  } else {
    for (const auto& body : bodies)
      body();
  }
  for (absl::Status& result : results)
    if (!result.ok()) return std::move(result);
  return absl::OkStatus();
}

}  // namespace og::io
