#include "format/file/prefetch.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "format/file/file_source.h"
#include "io/fetch/cached_store.h"
#include "io/fetch/fetcher.h"

namespace og::format {

void PrefetchTails(std::span<const FileToOpen> files) {
  std::shared_ptr<io::PageCache> cache;  // all stores of a process share one
  std::vector<io::FetchRequest> requests;
  for (const FileToOpen& file : files) {
    if (file.file_bytes == 0) continue;
    auto cache_of_file = io::CacheOf(*file.location.store);
    if (cache_of_file == nullptr) continue;
    cache = std::move(cache_of_file);
    const uint64_t tail_bytes = std::min(file.file_bytes, kRemoteTailBytes);
    requests.push_back({.object = {.location = file.location,
                                   .identity = file.location.Uri(),
                                   .size = file.file_bytes},
                        .ranges = {{file.file_bytes - tail_bytes, tail_bytes}}});
  }
  if (requests.size() < 2) return;
  const io::Fetcher fetcher({.cache = std::move(cache)});
  static_cast<void>(fetcher.Submit(std::move(requests)).Wait());
}

}  // namespace og::format
