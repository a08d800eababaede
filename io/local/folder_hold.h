// A local folder held against the other processes of this machine, by flock(2) on its descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

#include "io/local/descriptor.h"

namespace og::io {

enum class HoldMode : uint8_t {
  kExclusive,  // nobody else holds the folder
  kShared,     // others may hold it shared as well
};

// Given back by the destructor, and by the end of the process however it ends. Move-only.
class FolderHold {
 public:
  // Holds nothing.
  FolderHold() = default;

  // Waits until no one holds `folder` (absolute, existing; or a file) in a way that `mode` forbids,
  // and holds it; other holds of the same process count as well. On file systems without locks
  // nothing is held. kUnavailable after `timeout_ms`.
  static absl::StatusOr<FolderHold> Acquire(const std::string& folder, int64_t timeout_ms,
                                            HoldMode mode = HoldMode::kExclusive);

  bool is_held() const { return descriptor_.is_open(); }

 private:
  explicit FolderHold(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Descriptor descriptor_;  // closing it gives the lock back
};

}  // namespace og::io
