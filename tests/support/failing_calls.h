// System calls that fail on demand: what a kernel, a file system or a container may refuse.
#pragma once

#include <functional>
#include <vector>

namespace og::tests {

// A system call that fails with `error`, always or only when argument `argument` has all bits of
// `bits`, as in open(2) with O_DIRECT.
struct FailingCall {
  long number = 0;  // SYS_...
  int error = 0;    // an errno value
  unsigned argument = 0;
  unsigned bits = 0;
};

// Runs `action` in a thread of its own in which, and in the threads that it starts, these calls
// fail. Needs no privileges. Aborts if the kernel has no seccomp filters.
void RunWithFailingCalls(const std::vector<FailingCall>& calls,
                         const std::function<void()>& action);

// Runs `action` in a thread of its own for which the rights of files count also if it is root's.
void RunUnprivileged(const std::function<void()>& action);

}  // namespace og::tests
