#include "io/local/scan_meter.h"

#include <algorithm>

#include <unistd.h>

namespace og::io {
namespace {

// Shorter reads belong to look-ups, whose pages are worth keeping.
constexpr uint64_t kMinScanReadBytes = uint64_t{1} << 20;

uint64_t HalfOfMemory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return UINT64_MAX;
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes) / 2;
}

}  // namespace

ScanMeter::ScanMeter(DirectReads mode, uint64_t cache_bytes)
    : mode_(mode), cache_bytes_(cache_bytes == 0 ? HalfOfMemory() : cache_bytes) {}

bool ScanMeter::NotesAndPassesBy(uint64_t length, uint64_t cached) {
  if (mode_ != DirectReads::kAuto) return mode_ == DirectReads::kAlways;
  if (length < kMinScanReadBytes) return false;
  // Racing readers may lose a few bytes of the sum, which decides nothing.
  const uint64_t before = missed_bytes_.load(std::memory_order_relaxed);
  if (cached > 0) {
    missed_bytes_.store(before - std::min(before, cached), std::memory_order_relaxed);
    return false;  // the rest of a page that is half there is read as the first half was
  }
  missed_bytes_.store(std::min(before + length, 2 * std::min(cache_bytes_, UINT64_MAX / 4)),
                      std::memory_order_relaxed);
  return before + length > cache_bytes_;
}

}  // namespace og::io
