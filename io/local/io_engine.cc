#include "io/local/io_engine.h"

#include <cerrno>

namespace og::io {

bool AcceptIoResult(IoCall& call, int64_t result) {
  if (result == -EINTR || result == -EAGAIN) return false;
  if (result < 0) {
    call.error = static_cast<int>(-result);
    return true;
  }
  if (call.kind != IoCall::Kind::kRead || result == 0) return true;
  const auto bytes = static_cast<size_t>(result);
  call.offset += bytes;
  call.out += bytes;
  call.missing -= bytes;
  return call.missing == 0;
}

}  // namespace og::io
