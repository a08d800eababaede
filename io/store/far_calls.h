// What a store behind a network does better than call by call: several objects in one round, and
// the start of a list without the rest of it. Every store answers the functions below; those that
// gain by it implement FarCalls.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "io/base/buffer.h"
#include "io/store/store.h"

namespace og::io {

class FarCalls {
 public:
  virtual ~FarCalls() = default;

  virtual std::vector<absl::StatusOr<Buffer>> ReadEach(std::span<const std::string> paths) = 0;
  virtual absl::StatusOr<std::vector<ObjectInfo>> ListFirst(std::string_view prefix,
                                                            size_t limit) = 0;
};

// Whole objects as Store::Read() gives them: one result for each path, in their order. On S3 side
// by side.
std::vector<absl::StatusOr<Buffer>> ReadEach(Store& store, std::span<const std::string> paths);

// Of the direct children of "prefix/" the first `limit` in the order of their paths; without size,
// token and time where a list does not have them at hand. On S3 a small limit makes a small
// request, however many there are.
absl::StatusOr<std::vector<ObjectInfo>> ListFirst(Store& store, std::string_view prefix,
                                                  size_t limit);

}  // namespace og::io
