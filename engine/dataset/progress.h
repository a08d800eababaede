// What long operations on a dataset say of themselves while they run.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace og::engine::dataset {

struct Progress {
  std::string_view unit = {};  // "fragments", "files"
  uint64_t done = 0;
  uint64_t total = 0;  // 0: not known
  uint64_t bytes = 0;  // moved so far
};

// Called from any thread, one call at a time. May be empty.
using ProgressFn = std::function<void(const Progress&)>;

}  // namespace og::engine::dataset
