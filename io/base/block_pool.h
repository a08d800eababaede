// Memory of buffers. Large blocks that are given back are kept for the next one of their size, up
// to a bound, because the kernel takes longer to hand out and clear fresh pages than a decoder
// takes to fill them. Blocks of 2 MiB and more ask for huge pages.
//
// Any thread may call any function. Under the sanitizers nothing is kept, so that they see every
// use of memory that was given back.
#pragma once

#include <cstddef>

namespace og::io {

struct Block {
  std::byte* data = nullptr;
  size_t capacity = 0;
};

// At least `size` bytes aligned to kBufferAlignment, not initialised. Throws std::bad_alloc only
// when the machine is out of memory. REQUIRES: size > 0.
Block TakeBlock(size_t size);

// Gives a block back; null does nothing. `capacity` is that of the block.
void GiveBlock(std::byte* data, size_t capacity);

// Bytes that are kept now.
size_t KeptBlockBytes();

// The most that are kept.
inline constexpr size_t kKeptBlockBytesMax = size_t{48} << 20;

}  // namespace og::io
