// Keys that are known to be defined: whoever refers to one of them is right, and needs no entry in
// a ledger. Most edges follow their nodes in the input, so this spares them nearly all.
//
// A hash table of 8 bytes a key: one half of its hash (key_ledger.h), in one of 64 shards that the
// other half names. Of n keys, one that was never added is taken for known with a probability of
// n / 2^70. Best effort: a key for which the budget has no room stays unknown.
//
// Thread-compatible.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/graph/load/key_ledger.h"
#include "io/env/memory_budget.h"

namespace og::engine::graph {

class KnownKeys {
 public:
  explicit KnownKeys(std::shared_ptr<io::MemoryBudget> budget) : budget_(std::move(budget)) {}

  void Add(const KeyHash& key);
  bool Contains(const KeyHash& key) const;

  // Starts to fetch what Contains(key) will read.
  void Prefetch(const KeyHash& key) const;

 private:
  static constexpr size_t kNumShards = 64;

  // Each grows by itself, so that what is copied at once stays small.
  struct Shard {
    std::vector<uint64_t> slots;  // 2^n of them, or none; 0 is free
    size_t num_keys = 0;
  };

  // Whether `shard` has room for one more key.
  bool MakeRoom(Shard& shard);

  const std::shared_ptr<io::MemoryBudget> budget_;
  io::MemoryReservation reservation_;
  std::array<Shard, kNumShards> shards_;
};

}  // namespace og::engine::graph
