// A local folder held against the other processes of this machine, by flock(2) on its descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

#include "io/local/descriptor.h"

namespace og::io {

// Given back by the destructor, and by the end of the process however it ends. Move-only.
class FolderHold {
 public:
  // Holds nothing.
  FolderHold() = default;

  // Waits until no one else holds `folder` (absolute, existing), and holds it; a second hold of the
  // same process waits as well. On file systems without locks nothing is held.
  // kUnavailable after `timeout_ms`.
  static absl::StatusOr<FolderHold> Acquire(const std::string& folder, int64_t timeout_ms);

  bool is_held() const { return descriptor_.is_open(); }

 private:
  explicit FolderHold(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Descriptor descriptor_;  // closing it gives the lock back
};

}  // namespace og::io
