// Reads the flatbuffers of Arrow's IPC metadata. Nothing is believed: what lies outside of the
// buffer reads as absent, and `damaged()` says that it was so.
//
//   FlatReader flat(bytes);
//   const FlatTable message = flat.Root();
//   const auto version = flat.Scalar<int16_t>(message, 0, 0);
//   if (flat.damaged()) return io::DataLossError(...);
//
// A table starts with the distance back to its vtable (i32); the vtable has its own size (u16), the
// table's (u16) and for each field where it lies in the table (u16, 0: absent). References are
// distances forward (u32). Vectors and strings start with the number of their items (u32).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "io/base/endian.h"

namespace og::format {

// Where a table starts.
struct FlatTable {
  size_t at = 0;
};

struct FlatVector {
  size_t at = 0;  // of the first item
  size_t size = 0;
};

// Thread-compatible. The bytes outlive it.
class FlatReader {
 public:
  explicit FlatReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool damaged() const { return damaged_; }

  FlatTable Root() { return {Target(0)}; }

  // Field `field` of `table`, or `absent`.
  template <typename T>
  T Scalar(FlatTable table, size_t field, T absent) {
    const std::optional<size_t> at = FieldAt(table, field);
    return at ? Load<T>(*at) : absent;
  }

  std::optional<FlatTable> Table(FlatTable table, size_t field) {
    const std::optional<size_t> at = FieldAt(table, field);
    if (!at) return std::nullopt;
    return FlatTable{Target(*at)};
  }

  // Empty where there is none.
  FlatVector Vector(FlatTable table, size_t field, size_t item_bytes) {
    const std::optional<size_t> at = FieldAt(table, field);
    if (!at) return {};
    const size_t start = Target(*at);
    const auto size = size_t{Load<uint32_t>(start)};
    if (damaged_ || size > (bytes_.size() - start - sizeof(uint32_t)) / item_bytes) {
      damaged_ = true;
      return {};
    }
    return {start + sizeof(uint32_t), size};
  }

  std::string_view String(FlatTable table, size_t field) {
    const FlatVector text = Vector(table, field, 1);
    if (text.size == 0) return {};
    return {reinterpret_cast<const char*>(bytes_.data()) + text.at, text.size};
  }

  // REQUIRES: i < vector.size, and a vector of tables.
  FlatTable TableAt(const FlatVector& vector, size_t i) {
    return {Target(vector.at + i * sizeof(uint32_t))};
  }

  // The T at `offset` in item i of structs of `item_bytes`.
  template <typename T>
  T StructScalar(const FlatVector& vector, size_t i, size_t item_bytes, size_t offset) {
    return Load<T>(vector.at + i * item_bytes + offset);
  }

 private:
  template <typename T>
  T Load(size_t at) {
    if (at > bytes_.size() || sizeof(T) > bytes_.size() - at) {
      damaged_ = true;
      return T{};
    }
    return io::LoadLe<T>(bytes_, at);
  }

  // What the reference at `at` refers to. References lead forward, so that no chain is endless.
  size_t Target(size_t at) {
    const auto distance = size_t{Load<uint32_t>(at)};
    if (damaged_ || distance == 0 || distance > bytes_.size() - at) {
      damaged_ = true;
      return bytes_.size();
    }
    return at + distance;
  }

  std::optional<size_t> FieldAt(FlatTable table, size_t field) {
    const auto back = int64_t{Load<int32_t>(table.at)};
    const auto vtable = static_cast<int64_t>(table.at) - back;
    if (damaged_ || vtable < 0 || vtable > static_cast<int64_t>(bytes_.size())) {
      damaged_ = true;
      return std::nullopt;
    }
    const auto start = static_cast<size_t>(vtable);
    const size_t entry = sizeof(uint16_t) * (2 + field);
    if (Load<uint16_t>(start) < entry + sizeof(uint16_t)) return std::nullopt;
    const auto offset = Load<uint16_t>(start + entry);
    if (offset == 0) return std::nullopt;
    return table.at + offset;
  }

  const std::span<const std::byte> bytes_;
  bool damaged_ = false;
};

}  // namespace og::format
