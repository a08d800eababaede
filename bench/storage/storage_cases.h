// Loads of one kind on one store: what is done over and over, and what it cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "io/base/buffer.h"
#include "io/store/store.h"

namespace og::bench {

struct Load {
  uint64_t count = 1000;        // operations
  uint64_t block_bytes = 4096;  // of each
  size_t batch = 1;             // reads that are submitted together
  size_t depth = 1;             // batches, or writers, under way at once
  uint64_t seed = 1;            // of random offsets
  // Requests sent so far; null where there are none.
  std::function<uint64_t()> num_requests = {};
};

struct Cost {
  uint64_t operations = 0;
  uint64_t bytes = 0;
  int64_t wall_ns = 0;
  int64_t cpu_ns = 0;  // of all threads of the process
  std::optional<uint64_t> requests;
  std::vector<int64_t> latencies_ns;  // one an operation
};

// What is written: bytes that no compression makes smaller, aligned as the engine's are.
io::Buffer RandomBlock(const Load& load);

// Measures from its making to Stop(). The load outlives it.
class Stopwatch {
 public:
  explicit Stopwatch(const Load& load);
  static int64_t NowNs();
  // Completes `cost`.
  Cost Stop(Cost cost) const;

 private:
  static int64_t CpuNs();

  const Load& load_;
  const uint64_t start_requests_;
  const int64_t start_ns_;
  const int64_t start_cpu_ns_;
};

// Reads blocks of the object `path`, one after the other (from the start again at its end) or at
// random aligned offsets; `load.depth` batches of them are under way all the time. The latency of a
// read is that of its batch.
absl::StatusOr<Cost> ReadBlocks(io::Store& store, const std::string& path, const Load& load,
                                bool is_random);

// Writes an object of `load.count` blocks by a stream and syncs it; one operation a block.
absl::StatusOr<Cost> WriteBlocks(io::Store& store, const std::string& path, const Load& load,
                                 io::Durability durability);

// Creates objects of one block below `folder` by `load.depth` threads.
absl::StatusOr<Cost> CreateObjects(io::Store& store, const std::string& folder, const Load& load);

// Lists `load.count` small objects below `folder`, which are put there first; one operation a name.
absl::StatusOr<Cost> ListObjects(io::Store& store, const std::string& folder, const Load& load);

}  // namespace og::bench
