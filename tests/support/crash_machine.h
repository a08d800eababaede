// A machine with a graph, every state of whose store is noted (moment_store.h).
#pragma once

#include <memory>
#include <utility>

#include "engine/graph/graph.h"
#include "tests/support/moment_store.h"

namespace og::tests {

inline constexpr char kMachineRoot[] = "memory://disk/g";

class Machine final : public MomentMachine {
 public:
  explicit Machine(std::shared_ptr<io::MemoryStore> disk = nullptr)
      : MomentMachine(kMachineRoot, std::move(disk)) {}

  absl::StatusOr<std::shared_ptr<engine::graph::Graph>> Open() {
    return engine::graph::Graph::Open(env(), root(), engine::graph::OpenMode::kReadWrite);
  }
};

}  // namespace og::tests
