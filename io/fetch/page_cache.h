// Bytes of objects that never change, kept in memory for stores where a read is a round trip.
// Pages are aligned pieces of an object; the last one may be shorter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

#include "io/base/buffer.h"
#include "io/base/sync.h"
#include "io/env/memory_budget.h"

namespace og::io {

inline constexpr uint64_t kCachePageBytes = uint64_t{64} << 10;

// Least recently used pages go first, in each of several shards. Its bytes are reserved from a
// memory budget, whose other users can make it shrink. Any thread may call any method.
class PageCache {
 public:
  // At most `capacity_bytes`, reserved page by page from `memory`. What cannot be reserved is not
  // kept.
  PageCache(std::shared_ptr<MemoryBudget> memory, uint64_t capacity_bytes);
  ~PageCache();
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;

  // Page `page` of the object `identity`; an empty buffer if it is not here.
  Buffer Find(std::string_view identity, uint64_t page);

  // Keeps a copy of `bytes`, at most kCachePageBytes.
  void Add(std::string_view identity, uint64_t page, std::span<const std::byte> bytes);

  // Drops at least `bytes`, or everything; how much it was.
  uint64_t Shrink(uint64_t bytes);

  uint64_t used_bytes() const;

 private:
  struct Entry {
    std::string key;
    Buffer bytes;
    MemoryReservation memory;
  };
  using Entries = std::list<Entry>;
  struct Shard {
    mutable Mutex mutex;
    Entries recent_first OG_GUARDED_BY(mutex);
    absl::flat_hash_map<std::string_view, Entries::iterator> by_key OG_GUARDED_BY(mutex);
    uint64_t used_bytes OG_GUARDED_BY(mutex) = 0;
  };
  static constexpr size_t kNumShards = 16;

  Shard& ShardOf(std::string_view key);

  // Moves entries from the cold end to `dropped` until the shard uses at most `limit`.
  static void DropUntil(Shard& shard, uint64_t limit, Entries& dropped) OG_REQUIRES(shard.mutex);

  const std::shared_ptr<MemoryBudget> memory_;
  const uint64_t shard_capacity_;
  std::array<Shard, kNumShards> shards_;
  uint64_t shrinker_id_;
};

}  // namespace og::io
