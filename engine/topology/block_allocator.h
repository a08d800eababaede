// Vectors in blocks of io/base/block_pool.h, where large ones lie in huge pages: for memory that
// look-ups go all over.
#pragma once

#include <cstddef>

#include "io/base/bits.h"
#include "io/base/block_pool.h"
#include "io/base/buffer.h"

namespace og::engine::topology {

template <typename T>
struct BlockAllocator {
  using value_type = T;

  BlockAllocator() = default;
  template <typename Other>
  explicit BlockAllocator(const BlockAllocator<Other>&) {}

  T* allocate(size_t count) { return reinterpret_cast<T*>(io::TakeBlock(count * sizeof(T)).data); }
  void deallocate(T* taken, size_t count) {
    io::GiveBlock(reinterpret_cast<std::byte*>(taken),
                  io::RoundUp(count * sizeof(T), io::kBufferAlignment));
  }
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) { return true; }
};

}  // namespace og::engine::topology
