// What all fetchers of the process did together: part of what `--stats` prints.
#pragma once

#include <cstdint>

namespace og::io {

// Sums since the start of the process.
struct FetchTotals {
  uint64_t ranges = 0;           // asked for
  uint64_t bytes_requested = 0;  // by those
  uint64_t requests = 0;         // sent to stores
  uint64_t bytes_read = 0;       // by those
  uint64_t merged_ranges = 0;    // that came with the read of another range
  uint64_t merged_bytes = 0;     // of those
  uint64_t gap_bytes = 0;        // between ranges, read because that costs less than a request
  uint64_t cached_pages = 0;     // found in a cache
};

// Any thread may call it.
FetchTotals FetchTotalsOfProcess();

}  // namespace og::io
