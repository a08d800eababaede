#include "tests/support/failing_calls.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace og::tests {
namespace {

sock_filter Statement(unsigned code, unsigned value) {
  return {static_cast<uint16_t>(code), 0, 0, value};
}

// Skips `if_false` instructions unless the comparison holds.
sock_filter Unless(unsigned code, unsigned value, unsigned if_false) {
  return {static_cast<uint16_t>(BPF_JMP | code | BPF_K), 0, static_cast<uint8_t>(if_false), value};
}

void Install(const std::vector<FailingCall>& calls) {
  std::vector<sock_filter> program;
  for (const FailingCall& call : calls) {
    program.push_back(Statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
    program.push_back(Unless(BPF_JEQ, static_cast<unsigned>(call.number), call.bits == 0 ? 1 : 4));
    if (call.bits != 0) {
      // The low half of the argument: all flags of open(2) lie there.
      const auto offset = offsetof(seccomp_data, args) + call.argument * sizeof(uint64_t);
      program.push_back(Statement(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)));
      program.push_back(Statement(BPF_ALU | BPF_AND | BPF_K, call.bits));
      program.push_back(Unless(BPF_JEQ, call.bits, 1));
    }
    program.push_back(
        Statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(call.error)));
  }
  program.push_back(Statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<uint16_t>(program.size()), program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    std::perror("seccomp filter");
    std::abort();
  }
}

}  // namespace

void RunWithFailingCalls(const std::vector<FailingCall>& calls,
                         const std::function<void()>& action) {
  std::thread thread([&] {
    Install(calls);
    action();
  });
  thread.join();
}

void RunUnprivileged(const std::function<void()>& action) {
  std::thread thread([&] {
    // The system calls themselves: they are about this thread alone.
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &header, data) != 0) std::abort();
    for (const unsigned capability : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER})
      data[0].effective &= ~(1U << capability);
    if (syscall(SYS_capset, &header, data) != 0) std::abort();
    action();
  });
  thread.join();
}

}  // namespace og::tests
