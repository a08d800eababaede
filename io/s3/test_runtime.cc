#include "io/s3/test_runtime.h"

#include <atomic>
#include <ctime>
#include <memory>
#include <random>

namespace og::io {
namespace {

int64_t ReadClock(clockid_t clock, int64_t units) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * units + now.tv_nsec / (1'000'000'000 / units);
}

}  // namespace

S3Runtime MachineRuntime() {
  auto seed = std::make_shared<std::atomic<uint64_t>>(std::random_device{}());
  return {.now_us = [] { return ReadClock(CLOCK_REALTIME, 1'000'000); },
          .monotonic_ns = [] { return ReadClock(CLOCK_MONOTONIC, 1'000'000'000); },
          .random =
              [seed] {
                std::mt19937_64 engine(seed->fetch_add(1));
                return engine();
              }};
}

}  // namespace og::io
