#include "io/fetch/cached_store.h"

namespace og::io {

std::shared_ptr<PageCache> CacheOf(const Store& store) {
  const auto* const cached = dynamic_cast<const CachedStore*>(&store);
  return cached == nullptr ? nullptr : cached->cache();
}

}  // namespace og::io
