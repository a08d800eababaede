#include "engine/graph/load/known_keys.h"

#include <algorithm>

namespace og::engine::graph {
namespace {

constexpr size_t kSlotsMin = 64;

// What a slot holds of `key`.
uint64_t Stored(const KeyHash& key) {
  return std::max<uint64_t>(key.high, 1);
}

// The slot that holds `stored`, or the free one where it belongs. REQUIRES: not all are taken.
size_t FindSlot(const std::vector<uint64_t>& slots, uint64_t stored) {
  const size_t mask = slots.size() - 1;
  size_t slot = stored & mask;
  while (slots[slot] != stored && slots[slot] != 0)
    slot = (slot + 1) & mask;
  return slot;
}

}  // namespace

void KnownKeys::Add(const KeyHash& key) {
  Shard& shard = shards_[key.low % kNumShards];
  if (!MakeRoom(shard)) return;
  uint64_t& slot = shard.slots[FindSlot(shard.slots, Stored(key))];
  if (slot == 0) ++shard.num_keys;
  slot = Stored(key);
}

bool KnownKeys::Contains(const KeyHash& key) const {
  const std::vector<uint64_t>& slots = shards_[key.low % kNumShards].slots;
  return !slots.empty() && slots[FindSlot(slots, Stored(key))] != 0;
}

void KnownKeys::Prefetch(const KeyHash& key) const {
  const std::vector<uint64_t>& slots = shards_[key.low % kNumShards].slots;
  if (!slots.empty()) __builtin_prefetch(&slots[Stored(key) & (slots.size() - 1)]);
}

bool KnownKeys::MakeRoom(Shard& shard) {
  if (shard.num_keys < shard.slots.size() / 8 * 5) return true;
  const size_t num_slots = std::max(shard.slots.size() * 2, kSlotsMin);
  const uint64_t bytes = reservation_.bytes() + num_slots * sizeof(uint64_t);
  if (reservation_.bytes() == 0) {
    auto reserved = budget_->Reserve(bytes);
    if (!reserved.ok()) return false;
    reservation_ = *std::move(reserved);
  } else if (!reservation_.Resize(bytes).ok()) {
    return false;
  }
  std::vector<uint64_t> grown(num_slots, 0);
  for (const uint64_t stored : shard.slots) {
    if (stored != 0) grown[FindSlot(grown, stored)] = stored;
  }
  const uint64_t freed = shard.slots.size() * sizeof(uint64_t);
  shard.slots = std::move(grown);
  // Less is never refused.
  return freed == 0 || reservation_.Resize(bytes - freed).ok();
}

}  // namespace og::engine::graph
