// A ledger of keys: who defines a key, who refers to it. At the end it says which keys were defined
// twice and which references have no definition. It holds fixed-size entries and no texts, so it
// works for any number of rows: beyond its memory budget it spills to an unlinked temporary file.
//
// A key is the 128-bit XXH3 of its bytes under a secret drawn per ledger: two different keys are
// taken for one with a probability below n^2 / 2^128, and an input cannot be made to collide.
//
// An entry names its source (which table and role, chosen by the caller, below 2^16) and its row in
// that source (below 2^48).
//
// Life: Add...; Finish(visitor) once. Thread-compatible.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/env/memory_budget.h"
#include "io/local/spill_file.h"

namespace og::io {
class Env;
}

namespace og::engine::graph {

struct KeyHash {
  uint64_t low = 0;
  uint64_t high = 0;
  auto operator<=>(const KeyHash&) const = default;
};

struct LedgerEntry {
  KeyHash key;
  uint16_t source = 0;
  uint64_t row = 0;
};

class KeyLedger {
 public:
  // `budget`: what the ledger may hold in memory before it spills.
  KeyLedger(io::Env& env, std::shared_ptr<io::MemoryBudget> budget);
  ~KeyLedger();

  // The hash of a key; of several parts, such that ("a","bc") and ("ab","c") differ.
  KeyHash Hash(std::string_view key) const;
  KeyHash Hash(std::span<const std::string_view> parts) const;

  // Notes one appearance of `key`.
  absl::Status Add(const KeyHash& key, uint16_t source, uint64_t row);

  // Calls `visit` once for every key with all its entries, ordered by source, then row. The order
  // of keys is not specified. A visitor's error ends the walk and is returned.
  absl::Status Finish(const std::function<absl::Status(std::span<const LedgerEntry>)>& visit);

  uint64_t num_entries() const { return num_entries_; }
  bool spilled() const;

 private:
  struct Partition;

  absl::Status Spill();

  const std::shared_ptr<io::MemoryBudget> budget_;
  const uint64_t secret_;
  io::MemoryReservation reservation_;
  std::vector<Partition> partitions_;
  std::unique_ptr<io::SpillFile> spill_;
  uint64_t num_entries_ = 0;
  uint64_t bytes_in_memory_ = 0;
};

}  // namespace og::engine::graph
