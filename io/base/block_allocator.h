// Standard containers and counted references in blocks of block_pool.h, of which large ones lie in
// huge pages.
#pragma once

#include <cstddef>

#include "io/base/bits.h"
#include "io/base/block_pool.h"
#include "io/base/buffer.h"

namespace og::io {

template <typename T>
struct BlockAllocator {
  using value_type = T;

  BlockAllocator() = default;
  template <typename Other>
  explicit BlockAllocator(const BlockAllocator<Other>&) {}

  T* allocate(size_t count) { return reinterpret_cast<T*>(TakeBlock(count * sizeof(T)).data); }
  void deallocate(T* taken, size_t count) {
    GiveBlock(reinterpret_cast<std::byte*>(taken), RoundUp(count * sizeof(T), kBufferAlignment));
  }
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) { return true; }
};

}  // namespace og::io
