// Few requests for few rows: on stores where a request costs more than the bytes around it, what a
// probe asks for is read as one window, out of which the reads that follow are served.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/base/buffer.h"
#include "io/base/sync.h"
#include "io/store/hooked_store.h"

namespace og::index {

// For one object that never changes, of `object_bytes` bytes. Any thread may call any method.
class WindowStore final : public io::HookedStore {
 public:
  WindowStore(std::shared_ptr<io::Store> base, uint64_t object_bytes)
      : HookedStore(std::move(base)), object_bytes_(object_bytes) {}

  // A few small ranges near to each other: one read of what lies between and some more, kept for
  // the calls after. Anything else passes through.
  io::PendingReads Submit(std::vector<io::ReadRequest> requests) override;

 private:
  struct Window {
    uint64_t begin = 0;
    io::Buffer bytes;
  };
  class Reads;

  void Keep(Window window);

  const uint64_t object_bytes_;
  io::Mutex mutex_;
  std::vector<Window> windows_ OG_GUARDED_BY(mutex_);  // newest last
};

}  // namespace og::index
