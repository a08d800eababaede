#include "io/fetch/page_cache.h"

#include <functional>
#include <utility>

#include "io/base/text.h"

namespace og::io {
namespace {

std::string KeyOf(std::string_view identity, uint64_t page) {
  return StrCat(identity, "#", page);
}

}  // namespace

PageCache::PageCache(std::shared_ptr<MemoryBudget> memory, uint64_t capacity_bytes)
    : memory_(std::move(memory)),
      shard_capacity_(capacity_bytes / kNumShards),
      shrinker_id_(memory_->AddShrinker([this](uint64_t bytes) { return Shrink(bytes); })) {}

PageCache::~PageCache() {
  memory_->RemoveShrinker(shrinker_id_);
}

PageCache::Shard& PageCache::ShardOf(std::string_view key) {
  return shards_[std::hash<std::string_view>()(key) % kNumShards];
}

void PageCache::DropUntil(Shard& shard, uint64_t limit, Entries& dropped) {
  while (shard.used_bytes > limit) {
    Entry& last = shard.recent_first.back();
    shard.used_bytes -= last.bytes.size();
    shard.by_key.erase(std::string_view(last.key));
    dropped.splice(dropped.begin(), shard.recent_first, std::prev(shard.recent_first.end()));
  }
}

Buffer PageCache::Find(std::string_view identity, uint64_t page) {
  const std::string key = KeyOf(identity, page);
  Shard& shard = ShardOf(key);
  MutexLock lock(shard.mutex);
  const auto it = shard.by_key.find(std::string_view(key));
  if (it == shard.by_key.end()) return Buffer();
  shard.recent_first.splice(shard.recent_first.begin(), shard.recent_first, it->second);
  return it->second->bytes;
}

void PageCache::Add(std::string_view identity, uint64_t page, std::span<const std::byte> bytes) {
  if (bytes.empty() || bytes.size() > shard_capacity_) return;
  std::string key = KeyOf(identity, page);
  Shard& shard = ShardOf(key);
  Entries dropped;  // freed after the lock
  {
    MutexLock lock(shard.mutex);
    if (shard.by_key.contains(std::string_view(key))) return;
    DropUntil(shard, shard_capacity_ - bytes.size(), dropped);
  }
  dropped.clear();
  // Reserved under no lock: a refusal asks the shrinkers, and this cache is one of them.
  auto memory = memory_->Reserve(bytes.size());
  if (!memory.ok()) return;
  Buffer copy = Buffer::CopyOf(bytes);
  MutexLock lock(shard.mutex);
  if (shard.by_key.contains(std::string_view(key))) return;
  shard.used_bytes += copy.size();
  shard.recent_first.push_front({std::move(key), std::move(copy), *std::move(memory)});
  shard.by_key.emplace(shard.recent_first.front().key, shard.recent_first.begin());
  DropUntil(shard, shard_capacity_, dropped);
}

uint64_t PageCache::Shrink(uint64_t bytes) {
  uint64_t freed = 0;
  for (Shard& shard : shards_) {
    if (freed >= bytes) break;
    Entries dropped;
    MutexLock lock(shard.mutex);
    const uint64_t before = shard.used_bytes;
    const uint64_t wanted = bytes - freed;
    DropUntil(shard, before > wanted ? before - wanted : 0, dropped);
    freed += before - shard.used_bytes;
  }
  return freed;
}

uint64_t PageCache::used_bytes() const {
  uint64_t used = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    used += shard.used_bytes;
  }
  return used;
}

}  // namespace og::io
