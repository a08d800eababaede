// For tests: two machines that share storage and no clock. Each is an Env; the storage is a store
// in memory that says it is far away.
#pragma once

#include <cstdint>
#include <memory>

#include "gtest/gtest.h"

#include "io/env/env.h"
#include "io/env/sim_env.h"
#include "io/memory/memory_store.h"
#include "io/store/hooked_store.h"

namespace og::engine::graph {

class SharedMachines : public ::testing::Test {
 protected:
  // The store as all machines see it.
  class SharedStore : public io::HookedStore {
   public:
    using HookedStore::HookedStore;
    bool is_local() const override { return false; }
  };

  explicit SharedMachines(uint64_t seed)
      : here_(NewMachine(seed)), there_(NewMachine(seed + 1000)) {}

  static io::Location Root(io::Env& env) { return *env.Resolve("memory://disk/g"); }

  std::unique_ptr<io::SimEnv> NewMachine(uint64_t seed) {
    io::SimEnvOptions options;
    options.wrap_store = [this](const std::shared_ptr<io::Store>&) { return store_; };
    return std::make_unique<io::SimEnv>(seed, options);
  }

  const std::shared_ptr<SharedStore> store_ = std::make_shared<SharedStore>(
      std::make_shared<io::MemoryStore>("memory://disk/", [this] { return here_->NowUs(); }));
  const std::unique_ptr<io::SimEnv> here_;
  const std::unique_ptr<io::SimEnv> there_;
};

}  // namespace og::engine::graph
