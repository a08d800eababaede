// Memory of buffers. Blocks that are given back are kept for the next one of their size, up to a
// bound. Large ones by the process, because the kernel takes longer to hand out and clear fresh
// pages than a decoder takes to fill them; small ones by the thread that gives them back, because a
// cached read is done before malloc has found aligned memory. Blocks of 1 MiB and more ask for huge
// pages, which the kernel pins for direct reads at once instead of page by page.
//
// Any thread may call any function. Under the sanitizers nothing is kept, so that they see every
// use of memory that was given back.
#pragma once

#include <cstddef>

namespace og::io {

// Blocks of this capacity and more are aligned to pages of 4 KiB.
inline constexpr size_t kPageAlignedBlockBytes = size_t{64} << 10;

struct Block {
  std::byte* data = nullptr;
  size_t capacity = 0;
};

// At least `size` bytes aligned to kBufferAlignment, not initialised. Throws std::bad_alloc only
// when the machine is out of memory. REQUIRES: size > 0.
Block TakeBlock(size_t size);

// Gives a block back; null does nothing. `capacity` is that of the block.
void GiveBlock(std::byte* data, size_t capacity);

// Bytes that are kept now: by the process, and by this thread.
size_t KeptBlockBytes();
size_t KeptSmallBlockBytes();

// The most that are kept, by each thread and by the process; more only up to twice what is in use,
// or what was in use lately, so that a window of large reads that moves on finds its blocks again.
inline constexpr size_t kKeptBlockBytesMax = size_t{48} << 20;
inline constexpr size_t kKeptLatelyUsedBytesMax = size_t{128} << 20;
inline constexpr size_t kKeptSmallBlockBytesMax = size_t{1} << 20;

}  // namespace og::io
