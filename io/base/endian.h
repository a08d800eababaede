// Loads and stores of little-endian integers at any alignment. Every format here is little-endian.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "io/base/check.h"

namespace og::io {

static_assert(std::endian::native == std::endian::little, "only little-endian machines");

// The T at `bytes[offset]`. REQUIRES: offset + sizeof(T) <= bytes.size().
template <typename T>
  requires std::is_trivially_copyable_v<T>
T LoadLe(std::span<const std::byte> bytes, size_t offset = 0) {
  OG_DCHECK(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// The T at `data`, for loops whose bounds were checked before.
template <typename T>
  requires std::is_trivially_copyable_v<T>
T LoadLe(const std::byte* data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

// Writes `value` at `bytes[offset]`. REQUIRES: offset + sizeof(T) <= bytes.size().
template <typename T>
  requires std::is_trivially_copyable_v<T>
void StoreLe(std::span<std::byte> bytes, size_t offset, T value) {
  OG_DCHECK(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

// Writes `value` at `data`.
template <typename T>
  requires std::is_trivially_copyable_v<T>
void StoreLe(std::byte* data, T value) {
  std::memcpy(data, &value, sizeof(T));
}

}  // namespace og::io
