// Which reads pass by the page cache.
#pragma once

#include <atomic>
#include <cstdint>

namespace og::io {

enum class DirectReads : uint8_t {
  kAuto,    // of large scans that the page cache cannot hold
  kNever,   // through the page cache, always
  kAlways,  // whatever is not cached, where the file system allows it; for measurements
};

// Large reads that miss the page cache are summed up, those that hit it count against the sum. Once
// more was missed than the cache can hold, keeping what is read would only drive out what others
// use and cost a copy: from then on large misses are read directly, until reads hit again.
//
// Any thread may call any method.
class ScanMeter {
 public:
  // `cache_bytes`: what the page cache may hold; 0: half of the machine's memory.
  ScanMeter(DirectReads mode, uint64_t cache_bytes);

  // Whether to look into the page cache first.
  bool LooksIntoCache() const { return mode_ != DirectReads::kAlways; }

  // Notes a read of `length` bytes, of which the first `cached` were in the page cache. True if it
  // shall be read directly.
  bool NotesAndPassesBy(uint64_t length, uint64_t cached);

 private:
  const DirectReads mode_;
  const uint64_t cache_bytes_;
  std::atomic<uint64_t> missed_bytes_ = 0;
};

}  // namespace og::io
