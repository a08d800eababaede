// A store behind a network whose readers share a page cache.
#pragma once

#include <memory>
#include <utility>

#include "io/fetch/page_cache.h"
#include "io/store/hooked_store.h"

namespace og::io {

// Passes every call on: fetchers find the cache by CacheOf() and use it for objects that have an
// identity.
class CachedStore : public HookedStore {
 public:
  CachedStore(std::shared_ptr<Store> base, std::shared_ptr<PageCache> cache)
      : HookedStore(std::move(base)), cache_(std::move(cache)) {}

  const std::shared_ptr<PageCache>& cache() const { return cache_; }

 private:
  const std::shared_ptr<PageCache> cache_;
};

// The cache of `store`; null for a store without one.
std::shared_ptr<PageCache> CacheOf(const Store& store);

}  // namespace og::io
