// Reading is plan, fetch, decode: the reader lists byte ranges of many objects, the fetcher merges
// neighbours, splits what is long, submits all at once, and hands the bytes back range by range.
//
//   PendingFetch next = fetcher.Submit(file, plan.RangesOf(page + 1));  // returns at once
//   OG_ASSIGN_OR_RETURN(std::vector<Buffer> pages, current.Wait());
//
// Submit early, wait late; tasks on the worker pool never wait. A merged read is shared by the
// buffers that were cut out of it, so a small buffer can keep up to max_request_bytes alive; copy
// what is kept for long.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "io/base/buffer.h"
#include "io/env/memory_budget.h"
#include "io/fetch/page_cache.h"
#include "io/store/store.h"

namespace og::io {

struct FetchOptions {
  // Two ranges with at most this much between are read as one. Not set: 4 KiB on local stores,
  // where a further read costs a microsecond, 64 KiB elsewhere.
  std::optional<uint64_t> merge_gap_bytes = {};

  // No request is longer; longer ranges are read in pieces side by side and put together.
  uint64_t max_request_bytes = uint64_t{16} << 20;

  // When more than this is under way, further submissions start no sooner than their Wait().
  uint64_t max_bytes_in_flight = uint64_t{256} << 20;

  // Where bytes under way are reserved; null: nowhere.
  std::shared_ptr<MemoryBudget> memory = {};

  // For objects with an identity, on stores that are not local; null: no cache.
  std::shared_ptr<PageCache> cache = {};
};

// An object that never changes.
struct FetchObject {
  Location location;
  // Names this content for all time, for example "{uri} {e-tag}"; empty: do not cache.
  std::string identity = {};
  // Bytes of the object; needed to cache.
  uint64_t size = 0;
};

struct FetchRequest {
  FetchObject object;
  std::vector<ByteRange> ranges;
};

// Sums since the fetcher was made.
struct FetchCounters {
  uint64_t requests = 0;         // sent to stores
  uint64_t bytes_read = 0;       // by those, gaps included
  uint64_t ranges = 0;           // asked for
  uint64_t bytes_requested = 0;  // by those
  uint64_t cached_pages = 0;     // found in the cache
};

// A fetch under way. Move-only; the destructor cancels and drains. May outlive the fetcher.
class PendingFetch {
 public:
  PendingFetch();
  PendingFetch(PendingFetch&&) noexcept;
  PendingFetch& operator=(PendingFetch&&) noexcept;
  ~PendingFetch();

  // One buffer for each range, in the order of the requests and of their ranges; a range of no
  // bytes gives an empty buffer. The first failure is returned: kOutOfRange for a range that
  // leaves its object, kResourceExhausted when the memory budget refuses, or the store's.
  // REQUIRES: called once.
  absl::StatusOr<std::vector<Buffer>> Wait();

 private:
  friend class Fetcher;
  class Plan;
  explicit PendingFetch(std::unique_ptr<Plan> plan);

  std::unique_ptr<Plan> plan_;
};

// Any thread may call any method.
class Fetcher {
 public:
  explicit Fetcher(FetchOptions options = {});

  // Starts to fetch ranges, which may overlap and come in any order.
  PendingFetch Submit(const FetchObject& object, std::vector<ByteRange> ranges) const;
  PendingFetch Submit(const Location& object, std::vector<ByteRange> ranges) const;
  PendingFetch Submit(std::vector<FetchRequest> requests) const;

  FetchCounters counters() const;

 private:
  friend class PendingFetch;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace og::io
