#include "io/base/block_pool.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <new>
#include <vector>

#include <sys/mman.h>

#include "io/base/bits.h"
#include "io/base/buffer.h"
#include "io/base/sync.h"

namespace og::io {
namespace {

constexpr size_t kPooledBytesMin = kPageAlignedBlockBytes;
constexpr size_t kPooledBytesMax = size_t{32} << 20;
constexpr size_t kPageBytes = 4096;
constexpr size_t kHugePageBytes = size_t{2} << 20;

// How many bytes have to come back before one of those lately used is forgotten.
constexpr size_t kForgetting = 8;

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

// Memory from the kernel; of 2 MiB and more by whole huge pages.
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
    const size_t bytes = SizeOf(index);
    {
      MutexLock lock(mutex_);
      used_bytes_ += bytes;
      lately_used_bytes_ = std::max(lately_used_bytes_, used_bytes_);
      if (!kept_[index].empty()) {
        return TakeKept(index);
      }
    }
    if (bytes != kHugePageBytes / 2) {
      return Map(bytes);
    }
    // Half a huge page: the other half is the next one.
    std::byte* const both = Map(kHugePageBytes);
    MutexLock lock(mutex_);
    Keep(both + bytes, index);
    return both;
  }

  void Give(std::byte* data, size_t index) {
    std::vector<Block> dropped;  // unmapped after the lock
    {
      MutexLock lock(mutex_);
      used_bytes_ -= SizeOf(index);
      lately_used_bytes_ = std::max(used_bytes_, lately_used_bytes_ - SizeOf(index) / kForgetting);
      Keep(data, index);
      const size_t allowed = std::max({kKeptBlockBytesMax, 2 * used_bytes_,
                                       std::min(lately_used_bytes_, kKeptLatelyUsedBytesMax)});
      for (size_t i = kNumSizes; kept_bytes_ > allowed && i > 0; --i) {
        while (kept_bytes_ > allowed && !kept_[i - 1].empty()) {
          dropped.push_back({TakeKept(i - 1), SizeOf(i - 1)});
        }
      }
    }
    for (const Block& block : dropped) {
      munmap(block.data, block.capacity);
    }
  }

  size_t kept_bytes() {
    MutexLock lock(mutex_);
    return kept_bytes_;
  }

 private:
  void Keep(std::byte* data, size_t index) OG_REQUIRES(mutex_) {
    kept_[index].push_back(data);
    kept_bytes_ += SizeOf(index);
  }

  std::byte* TakeKept(size_t index) OG_REQUIRES(mutex_) {
    std::byte* const data = kept_[index].back();
    kept_[index].pop_back();
    kept_bytes_ -= SizeOf(index);
    return data;
  }

  Mutex mutex_;
  std::array<std::vector<std::byte*>, kNumSizes> kept_ OG_GUARDED_BY(mutex_);
  size_t kept_bytes_ OG_GUARDED_BY(mutex_) = 0;
  size_t used_bytes_ OG_GUARDED_BY(mutex_) = 0;
  size_t lately_used_bytes_ OG_GUARDED_BY(mutex_) = 0;  // goes down slower than they come back
};

// Never destroyed: buffers may outlive every static object.
Pool& ThePool() {
  static auto* const pool = new Pool();
  return *pool;
}

// ---- small blocks -------------------------------------------------------------------------------

// Sizes of small blocks: every multiple of 64 bytes up to 1 KiB, then eight to each power of two.
constexpr size_t kLinearBytesMax = 1024;
constexpr size_t kSmallStepsPerDouble = 8;
constexpr size_t kNumLinear = kLinearBytesMax / kBufferAlignment;
constexpr size_t kNumSmallSizes =
    kNumLinear - 1 +
    (std::bit_width(kPooledBytesMin) - std::bit_width(kLinearBytesMax)) * kSmallStepsPerDouble;

constexpr size_t SmallSizeOf(size_t i) {
  if (i < kNumLinear) {
    return (i + 1) * kBufferAlignment;
  }
  const size_t step = i - kNumLinear + 1;
  const size_t power = kLinearBytesMax << (step / kSmallStepsPerDouble);
  return power + power / kSmallStepsPerDouble * (step % kSmallStepsPerDouble);
}

constexpr size_t kSmallBytesMax = SmallSizeOf(kNumSmallSizes - 1);

// Looked up rather than computed: a cached read takes and gives six blocks.
constexpr auto kSmallSizes = [] {
  std::array<uint32_t, kNumSmallSizes> sizes{};
  for (size_t i = 0; i < kNumSmallSizes; ++i) {
    sizes[i] = static_cast<uint32_t>(SmallSizeOf(i));
  }
  return sizes;
}();

// The smallest size for each number of units of kBufferAlignment, which starts with 1.
constexpr auto kSmallIndexes = [] {
  std::array<uint8_t, kSmallBytesMax / kBufferAlignment> indexes{};
  size_t index = 0;
  for (size_t i = 0; i < indexes.size(); ++i) {
    if ((i + 1) * kBufferAlignment > kSmallSizes[index]) {
      ++index;
    }
    indexes[i] = static_cast<uint8_t>(index);
  }
  return indexes;
}();

// REQUIRES: `bytes` is at least 1 and at most kSmallBytesMax.
constexpr size_t SmallIndexOf(size_t bytes) {
  return kSmallIndexes[(bytes - 1) / kBufferAlignment];
}

static_assert(kSmallBytesMax == size_t{60} << 10);
static_assert(SmallIndexOf(kSmallBytesMax) == kNumSmallSizes - 1);
static_assert(kSmallSizes[SmallIndexOf(1)] == 64);
static_assert(kSmallSizes[SmallIndexOf(1025)] == 1152);
static_assert(kSmallSizes[SmallIndexOf(4096)] == 4096);
static_assert(kSmallSizes[SmallIndexOf(4097)] == 4608);

[[gnu::noinline]] std::byte* NewSmall(size_t bytes) {
  return static_cast<std::byte*>(::operator new(bytes, std::align_val_t{kBufferAlignment}));
}

[[gnu::noinline]] void DeleteSmall(std::byte* data) {
  ::operator delete(data, std::align_val_t{kBufferAlignment});
}

// What a thread keeps: lists whose links lie in the blocks. Without constructor and destructor, so
// that buffers may come back at any time in the life of the thread.
struct SmallBlocks {
  struct Link {
    Link* next;
  };

  std::array<Link*, kNumSmallSizes> kept;
  size_t
      room;  // bytes that may be kept beside those that are; 0 before the first and after Close()
  bool is_open;
  bool is_closed;  // the thread ends: nothing is kept any more

  std::byte* Take(size_t index) {
    Link* const first = kept[index];
    if (first == nullptr) {
      return NewSmall(kSmallSizes[index]);
    }
    kept[index] = first->next;
    room += kSmallSizes[index];
    return reinterpret_cast<std::byte*>(first);
  }

  void Give(std::byte* data, size_t index) {
    if (kSmallSizes[index] <= room) {
      Keep(data, index);
    } else {
      GiveWithoutRoom(data, index);
    }
  }

  void Keep(std::byte* data, size_t index) {
    kept[index] = new (data) Link{kept[index]};
    room -= kSmallSizes[index];
  }

  void GiveWithoutRoom(std::byte* data, size_t index);

  void Close() {
    for (Link* first : kept) {
      while (first != nullptr) {
        Link* const next = first->next;
        DeleteSmall(reinterpret_cast<std::byte*>(first));
        first = next;
      }
    }
    *this = {.kept = {}, .room = 0, .is_open = false, .is_closed = true};
  }
};

constinit thread_local SmallBlocks small_blocks{};

// Frees what the thread has kept when it ends.
struct SmallBlocksCloser {
  SmallBlocksCloser() {
    small_blocks.is_open = true;
    small_blocks.room = kKeptSmallBlockBytesMax;
  }
  ~SmallBlocksCloser() { small_blocks.Close(); }
};

[[gnu::noinline]] void SmallBlocks::GiveWithoutRoom(std::byte* data, size_t index) {
  if (is_open || is_closed) {
    return DeleteSmall(data);
  }
  thread_local SmallBlocksCloser closer;
  Keep(data, index);
}

bool IsSmall(size_t size) {
  return kIsPooling && size <= kSmallBytesMax;
}

bool IsPooled(size_t size) {
  return kIsPooling && size > kSmallBytesMax && size <= kPooledBytesMax;
}

size_t AlignmentOf(size_t size) {
  return size < kPageAlignedBlockBytes ? kBufferAlignment : kPageBytes;
}

[[gnu::noinline]] Block TakeLarge(size_t capacity) {
  if (IsPooled(capacity)) {
    const size_t index = IndexOf(capacity);
    return {ThePool().Take(index), SizeOf(index)};
  }
  const std::align_val_t alignment{AlignmentOf(capacity)};
  return {static_cast<std::byte*>(::operator new(capacity, alignment)), capacity};
}

[[gnu::noinline]] void GiveLarge(std::byte* data, size_t capacity) {
  if (IsPooled(capacity)) {
    ThePool().Give(data, IndexOf(capacity));
  } else {
    ::operator delete(data, std::align_val_t{AlignmentOf(capacity)});
  }
}

}  // namespace

Block TakeBlock(size_t size) {
  const size_t capacity = RoundUp(size, kBufferAlignment);
  if (!IsSmall(capacity)) {
    return TakeLarge(capacity);
  }
  const size_t index = SmallIndexOf(capacity);
  return {small_blocks.Take(index), kSmallSizes[index]};
}

void GiveBlock(std::byte* data, size_t capacity) {
  if (data == nullptr) {
    return;
  }
  if (IsSmall(capacity)) {
    small_blocks.Give(data, SmallIndexOf(capacity));
  } else {
    GiveLarge(data, capacity);
  }
}

size_t KeptBlockBytes() {
  return ThePool().kept_bytes();
}

size_t KeptSmallBlockBytes() {
  return small_blocks.is_open ? kKeptSmallBlockBytesMax - small_blocks.room : 0;
}

}  // namespace og::io
