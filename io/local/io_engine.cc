#include "io/local/io_engine.h"

#include <cerrno>
#include <utility>

namespace og::io {

std::shared_ptr<IoEngine> IoEngines::OfThisThread() const {
  if (uses_rings_) {
    if (auto ring = UringEngineOfThisThread(); ring != nullptr) return ring;
  }
  return threads_;
}

bool AcceptIoResult(IoCall& call, int64_t result) {
  if (result == -EINTR || result == -EAGAIN) return false;
  const bool is_direct = call.buffered_fd >= 0;
  const auto read_buffered = [&call] {
    call.fd = std::exchange(call.buffered_fd, -1);
    return false;
  };
  if (result < 0) {
    if (is_direct && result == -EINVAL) return read_buffered();
    call.error = static_cast<int>(-result);
    return true;
  }
  if (call.kind != IoCall::Kind::kRead || result == 0) return true;
  auto bytes = static_cast<size_t>(result);
  if (is_direct && bytes + call.slack < call.missing) {
    // Cut short: only a whole number of blocks can be gone on from.
    bytes -= bytes % kDirectBlockBytes;
    if (bytes == 0) return read_buffered();
  }
  call.offset += bytes;
  call.out += bytes;
  call.missing -= bytes;
  return call.missing <= call.slack;
}

}  // namespace og::io
