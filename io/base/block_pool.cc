#include "io/base/block_pool.h"

#include <array>
#include <bit>
#include <new>
#include <vector>

#include <sys/mman.h>

#include "io/base/bits.h"
#include "io/base/buffer.h"
#include "io/base/sync.h"

namespace og::io {
namespace {

// Smaller blocks come from malloc, which keeps them itself.
constexpr size_t kPooledBytesMin = size_t{64} << 10;
constexpr size_t kPooledBytesMax = size_t{32} << 20;
constexpr size_t kHugePageBytes = size_t{2} << 20;

// Sizes of pooled blocks: four to each power of two, so that at most a fifth of a block is spare.
constexpr size_t kStepsPerDouble = 4;
constexpr size_t kLog2Min = std::bit_width(kPooledBytesMin) - 1;
constexpr size_t kNumSizes =
    (std::bit_width(kPooledBytesMax) - std::bit_width(kPooledBytesMin)) * kStepsPerDouble + 1;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsPooling = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kIsPooling = false;
#else
constexpr bool kIsPooling = true;
#endif
#else
constexpr bool kIsPooling = true;
#endif

constexpr size_t SizeOf(size_t i) {
  const size_t power = kPooledBytesMin << (i / kStepsPerDouble);
  return power + power / kStepsPerDouble * (i % kStepsPerDouble);
}

// The smallest size that holds `bytes`, which is at most kPooledBytesMax.
constexpr size_t IndexOf(size_t bytes) {
  if (bytes <= kPooledBytesMin) {
    return 0;
  }
  const auto log2 = static_cast<size_t>(std::bit_width(bytes - 1) - 1);
  const size_t step = (size_t{1} << log2) / kStepsPerDouble;
  return (log2 - kLog2Min) * kStepsPerDouble + (bytes - (size_t{1} << log2) + step - 1) / step;
}

static_assert(SizeOf(kNumSizes - 1) == kPooledBytesMax);
static_assert(IndexOf(kPooledBytesMax) == kNumSizes - 1);
static_assert(SizeOf(IndexOf(kPooledBytesMin + 1)) == kPooledBytesMin / 4 * 5);
static_assert(SizeOf(IndexOf(size_t{3} << 20)) == size_t{3} << 20);

bool IsPooled(size_t size) {
  return kIsPooling && size >= kPooledBytesMin && size <= kPooledBytesMax;
}

std::byte* Map(size_t bytes) {
  const bool is_huge = bytes >= kHugePageBytes;
  const size_t slack = is_huge ? kHugePageBytes : 0;
  void* const start =
      mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) {
    throw std::bad_alloc();
  }
  auto* data = static_cast<std::byte*>(start);
  if (is_huge) {
    const size_t before = RoundUp(reinterpret_cast<uintptr_t>(data), kHugePageBytes) -
                          reinterpret_cast<uintptr_t>(data);
    if (before != 0) {
      munmap(data, before);
    }
    data += before;
    munmap(data + bytes, slack - before);
    madvise(data, bytes, MADV_HUGEPAGE);
  }
  return data;
}

// Blocks that were given back, last in first out: the last one is most likely still in a cache.
class Pool {
 public:
  std::byte* Take(size_t index) {
    {
      MutexLock lock(mutex_);
      if (!kept_[index].empty()) {
        std::byte* const data = kept_[index].back();
        kept_[index].pop_back();
        kept_bytes_ -= SizeOf(index);
        return data;
      }
    }
    return Map(SizeOf(index));
  }

  void Give(std::byte* data, size_t index) {
    const size_t bytes = SizeOf(index);
    {
      MutexLock lock(mutex_);
      if (kept_bytes_ + bytes <= kKeptBlockBytesMax) {
        kept_[index].push_back(data);
        kept_bytes_ += bytes;
        return;
      }
    }
    munmap(data, bytes);
  }

  size_t kept_bytes() {
    MutexLock lock(mutex_);
    return kept_bytes_;
  }

 private:
  Mutex mutex_;
  std::array<std::vector<std::byte*>, kNumSizes> kept_ OG_GUARDED_BY(mutex_);
  size_t kept_bytes_ OG_GUARDED_BY(mutex_) = 0;
};

// Never destroyed: buffers may outlive every static object.
Pool& ThePool() {
  static auto* const pool = new Pool();
  return *pool;
}

}  // namespace

Block TakeBlock(size_t size) {
  const size_t capacity = RoundUp(size, kBufferAlignment);
  if (IsPooled(capacity)) {
    const size_t index = IndexOf(capacity);
    return {ThePool().Take(index), SizeOf(index)};
  }
  return {static_cast<std::byte*>(::operator new(capacity, std::align_val_t{kBufferAlignment})),
          capacity};
}

void GiveBlock(std::byte* data, size_t capacity) {
  if (data == nullptr) {
    return;
  }
  if (IsPooled(capacity)) {
    ThePool().Give(data, IndexOf(capacity));
  } else {
    ::operator delete(data, std::align_val_t{kBufferAlignment});
  }
}

size_t KeptBlockBytes() {
  return ThePool().kept_bytes();
}

}  // namespace og::io
