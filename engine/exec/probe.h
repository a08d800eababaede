// Where the measurements of a query come from.
#pragma once

#include <cstdint>
#include <functional>

namespace og::engine::exec {

// Requests to storage and the bytes that they brought.
struct IoCounts {
  uint64_t requests = 0;
  uint64_t bytes = 0;

  IoCounts& operator+=(const IoCounts& other) {
    requests += other.requests;
    bytes += other.bytes;
    return *this;
  }
  IoCounts operator-(const IoCounts& other) const {
    return {requests - other.requests, bytes - other.bytes};
  }
};

struct Probe {
  std::function<int64_t()> now_ns;
  std::function<IoCounts()> io;  // so far
};

}  // namespace og::engine::exec
