// Which reads serve a set of byte ranges best. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "io/store/store.h"

namespace og::io {

// A range of one of several objects, which are known by number.
struct ObjectRange {
  size_t object = 0;
  ByteRange range;
};

struct MergedRanges {
  std::vector<ObjectRange> reads;
  // For each range the read that contains it.
  std::vector<size_t> read_of_range;

  uint64_t merged_ranges = 0;  // beyond the first one of each read
  uint64_t merged_bytes = 0;   // of those
  uint64_t gap_bytes = 0;      // of the reads that lie in no range
};

// Reads that contain all `ranges`: two of one object become one read if at most
// gap_of_object(object) bytes lie between and the read stays within `max_bytes`; a longer range is
// a read of its own. Reads are ordered by object and offset. REQUIRES: no range is empty or ends
// beyond 2^64 - 1.
MergedRanges MergeRanges(const std::vector<ObjectRange>& ranges, uint64_t max_bytes,
                         const std::function<uint64_t(size_t)>& gap_of_object);

}  // namespace og::io
