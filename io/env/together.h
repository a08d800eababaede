// Requests that wait at the same time: what a caller asks of far storage and does not have to ask
// one after the other.
//
//   OG_RETURN_IF_ERROR(RunTogether(env, *root.store, {[&] { return ReadHead(head); },
//                                                     [&] { return ReadSchema(schema); }}));
//
// Unlike the tasks of a WorkerPool these wait for I/O, so they do not take its threads.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"

#include "io/env/env.h"
#include "io/store/store.h"

namespace og::io {

// An Env that decides itself which of its threads goes on: the simulation.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Runs all of `bodies` at the same time; returns when all have ended.
  virtual void RunAll(const std::vector<std::function<void()>>& bodies) = 0;
};

// Runs each of `tasks` once, all of them whatever becomes of the others, and returns when all have
// ended: the failure of the first in their order that failed. Where `store` is near, whose answers
// come sooner than a thread starts, they run one after the other in this thread.
absl::Status RunTogether(Env& env, const Store& store,
                         const std::vector<std::function<absl::Status()>>& tasks);

}  // namespace og::io
