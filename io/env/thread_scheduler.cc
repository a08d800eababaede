#include "io/env/thread_scheduler.h"

namespace og::io {
namespace {

thread_local Scheduler* scheduler_of_this_thread = nullptr;

}  // namespace

Scheduler* SchedulerOfThisThread() {
  return scheduler_of_this_thread;
}

void SetSchedulerOfThisThread(Scheduler* scheduler) {
  scheduler_of_this_thread = scheduler;
}

}  // namespace og::io
