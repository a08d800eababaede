// Bytes in memory that are shared and do not change: what the stores read, what arrays are made
// of. A Buffer is a view plus a reference to whatever owns the memory, so that slicing and passing
// through the Arrow C Data Interface copy nothing.
//
// Memory that we allocate is aligned to 64 bytes and padded with zeros to a multiple of 64;
// imported or sliced memory may be less aligned. Copies are cheap and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace og::io {

inline constexpr size_t kBufferAlignment = 64;

class Buffer {
 public:
  // The empty buffer; data() is null.
  Buffer() = default;

  // A view of `bytes` that keeps `owner` alive.
  Buffer(std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
      : data_(bytes.data()), size_(bytes.size()), owner_(std::move(owner)) {}

  // A buffer of its own with a copy of `bytes`.
  static Buffer CopyOf(std::span<const std::byte> bytes);
  static Buffer CopyOf(std::string_view text);

  // `size` zero bytes, shared by no one yet.
  static Buffer Zeros(size_t size);

  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const std::byte> span() const { return {data_, size_}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }

  // The memory as T; size() / sizeof(T) values. REQUIRES: data() is aligned for T.
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }

  // Bytes [offset, offset + length), sharing memory. REQUIRES: inside the buffer.
  Buffer Slice(size_t offset, size_t length) const;

  // This buffer, or a 64-byte-aligned copy when data() is not a multiple of `alignment`.
  Buffer Aligned(size_t alignment) const;

  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::shared_ptr<const void> owner_;
};

// Bytes that one owner fills before they are shared. Not copyable.
class MutableBuffer {
 public:
  MutableBuffer() = default;

  // `size` bytes, not initialised apart from the padding. Throws std::bad_alloc only when the
  // machine is out of memory; sizes that come from files are bounded before.
  explicit MutableBuffer(size_t size);

  MutableBuffer(MutableBuffer&& other) noexcept { swap(other); }
  MutableBuffer& operator=(MutableBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~MutableBuffer();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::span<std::byte> span() { return {data_, size_}; }
  std::span<const std::byte> span() const { return {data_, size_}; }

  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }

  // Grows by doubling; existing bytes stay, new ones are not initialised.
  void Resize(size_t size);
  void Reserve(size_t capacity);
  void Append(std::span<const std::byte> bytes);

  // Hands the bytes over; this becomes empty.
  Buffer Share() &&;

 private:
  void swap(MutableBuffer& other) noexcept;

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace og::io
