// The machine as an Env.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "io/env/env.h"
#include "io/local/local_store.h"

namespace og::io {

struct RealEnvOptions {
  uint64_t memory_limit = 0;  // bytes; 0: DefaultMemoryLimit()
  Durability durability = Durability::kFull;
  size_t num_threads = 0;  // of the pool; 0: one for each processor that we may use
  LocalIo local_io = LocalIo::kAuto;
  std::string crash_point = {};  // "name" or "name:nth", see crash_points.h
  // Wraps each store that Resolve() gives, once, for example in a MeteredStore; null: as it is.
  std::function<std::shared_ptr<Store>(std::shared_ptr<Store>)> wrap_store = {};

  // From OMNIGRAPH_MEMORY, OMNIGRAPH_DURABILITY (full, data, none), OMNIGRAPH_THREADS, OMNIGRAPH_IO
  // (auto, uring, threads) and OMNIGRAPH_CRASH_POINT. kInvalidArgument names the variable and its
  // value.
  static absl::StatusOr<RealEnvOptions> FromEnvironment();
};

// kFailedPrecondition if io_uring is demanded and cannot be had.
absl::StatusOr<std::unique_ptr<Env>> NewRealEnv(const RealEnvOptions& options);

// The Env of the process, made from the environment at the first call and never destroyed. A
// variable with a wrong value counts as unset here; programs that want to refuse it call
// RealEnvOptions::FromEnvironment() first.
Env& RealEnv();

}  // namespace og::io
