#include "io/base/buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "io/base/bits.h"
#include "io/base/block_allocator.h"
#include "io/base/block_pool.h"
#include "io/base/check.h"

namespace og::io {
Buffer Buffer::CopyOf(std::span<const std::byte> bytes) {
  MutableBuffer copy(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  return std::move(copy).Share();
}

Buffer Buffer::CopyOf(std::string_view text) {
  return CopyOf(std::as_bytes(std::span(text.data(), text.size())));
}

Buffer Buffer::Zeros(size_t size) {
  MutableBuffer zeros(size);
  if (size != 0) std::memset(zeros.data(), 0, size);
  return std::move(zeros).Share();
}

Buffer Buffer::Slice(size_t offset, size_t length) const {
  OG_CHECK(offset <= size_ && length <= size_ - offset);
  return Buffer({data_ + offset, length}, owner_);
}

Buffer Buffer::Aligned(size_t alignment) const {
  return reinterpret_cast<uintptr_t>(data_) % alignment == 0 ? *this : CopyOf(span());
}

MutableBuffer::MutableBuffer(size_t size) : size_(size) {
  if (size == 0) return;
  const Block block = TakeBlock(size);
  data_ = block.data;
  capacity_ = block.capacity;
}

MutableBuffer::~MutableBuffer() {
  GiveBlock(data_, capacity_);
}

void MutableBuffer::Resize(size_t size) {
  if (size > capacity_) Reserve(std::max(size, capacity_ * 2));
  size_ = size;
}

void MutableBuffer::Reserve(size_t capacity) {
  if (capacity <= capacity_) return;
  const Block grown = TakeBlock(capacity);
  if (size_ != 0) std::memcpy(grown.data, data_, size_);
  GiveBlock(data_, capacity_);
  data_ = grown.data;
  capacity_ = grown.capacity;
}

void MutableBuffer::Append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const size_t at = size_;
  Resize(size_ + bytes.size());
  std::memcpy(data_ + at, bytes.data(), bytes.size());
}

Buffer MutableBuffer::Share() && {
  if (const size_t padding = RoundUp(size_, kBufferAlignment) - size_; padding > 0) {
    std::memset(data_ + size_, 0, padding);
  }
  std::shared_ptr<const void> owner(
      data_,
      [capacity = capacity_](const void* data) {
        GiveBlock(static_cast<std::byte*>(const_cast<void*>(data)), capacity);
      },
      BlockAllocator<std::byte>());
  Buffer shared({data_, size_}, std::move(owner));
  data_ = nullptr;
  size_ = capacity_ = 0;
  return shared;
}

void MutableBuffer::swap(MutableBuffer& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

}  // namespace og::io
