// Builders: values appended one by one become an array.
//
//   StringBuilder names(Utf8());
//   names.Append("a");
//   names.AppendNull();
//   ArrayPtr array = names.Finish();
//
// A builder holds at most 2^31 - 1 bytes or items behind 32-bit offsets; `full()` says when a
// caller that streams should finish the batch. Finish() resets it. Thread-compatible.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

#include "format/arrow/array.h"
#include "format/arrow/type.h"
#include "io/base/buffer.h"

namespace og::format {

// Bytes after which a 32-bit-offset builder asks to be finished: 1 GiB.
inline constexpr size_t kBuilderBytesMax = size_t{1} << 30;

class ArrayBuilder {
 public:
  virtual ~ArrayBuilder() = default;
  const TypePtr& type() const { return type_; }
  int64_t length() const { return length_; }
  virtual bool full() const { return false; }

  // A null; for a struct every child gets one too, a fixed-size list gets null items.
  virtual void AppendNull() = 0;

  // Appends values [offset, offset + length) of `array`. REQUIRES: equal types.
  virtual void AppendSlice(const Array& array, int64_t offset, int64_t length) = 0;

  // The values so far as an array; the builder starts again empty.
  virtual ArrayPtr Finish() = 0;

  // Bytes held so far.
  virtual size_t MemoryBytes() const = 0;

 protected:
  explicit ArrayBuilder(TypePtr type) : type_(std::move(type)) {}

  void AppendValidity(bool valid) {
    if (valid && validity_.size() == 0) {
      ++length_;
    } else {
      AppendBit(valid);
    }
  }
  void AppendValidities(const Array& array, int64_t offset, int64_t length);
  // Moves validity, length and null count into `array` and resets them.
  void FinishValidity(Array& array);

  TypePtr type_;
  int64_t length_ = 0;
  int64_t null_count_ = 0;
  io::MutableBuffer validity_;  // empty while nothing is null

 private:
  void AppendBit(bool valid);
  // Gives validity_ room for `length` values; values so far are valid if it was empty.
  void GrowValidity(int64_t length);
};

// Every fixed-width type but bool: T is the storage type (int32_t for date32, uint16_t for
// float16), sizeof(T) its width.
template <typename T>
class FixedBuilder final : public ArrayBuilder {
 public:
  explicit FixedBuilder(TypePtr type) : ArrayBuilder(std::move(type)) {}
  void Append(T value) {
    AppendValidity(true);
    values_.push_back(value);
  }
  void AppendNull() override {
    AppendValidity(false);
    values_.push_back(T{});
  }
  void AppendSlice(const Array& array, int64_t offset, int64_t length) override;
  ArrayPtr Finish() override;
  size_t MemoryBytes() const override { return values_.size() * sizeof(T) + validity_.size(); }

 private:
  std::vector<T> values_;
};

class BoolBuilder final : public ArrayBuilder {
 public:
  BoolBuilder() : ArrayBuilder(Bool()) {}
  void Append(bool value) {
    AppendBitValue(value);
    AppendValidity(true);
  }
  void AppendNull() override {
    AppendBitValue(false);
    AppendValidity(false);
  }
  void AppendSlice(const Array& array, int64_t offset, int64_t length) override;
  ArrayPtr Finish() override;
  size_t MemoryBytes() const override { return bits_.size() + validity_.size(); }

 private:
  void AppendBitValue(bool value);

  io::MutableBuffer bits_;
};

// utf8, binary, their large forms.
class StringBuilder final : public ArrayBuilder {
 public:
  explicit StringBuilder(TypePtr type);
  // Makes room for `length` values more of `bytes` together.
  void Reserve(size_t length, size_t bytes);
  void Append(std::string_view value);
  void AppendNull() override;
  void AppendSlice(const Array& array, int64_t offset, int64_t length) override;
  ArrayPtr Finish() override;
  bool full() const override;
  size_t MemoryBytes() const override;

 private:
  std::vector<int64_t> offsets_{0};
  io::MutableBuffer bytes_;
};

// list, large list, map, fixed-size list: append items to `items()`, then close the list.
class ListBuilder final : public ArrayBuilder {
 public:
  explicit ListBuilder(TypePtr type);
  ArrayBuilder& items() { return *items_; }
  // Ends a valid list of the items appended since the last one. A fixed-size list REQUIRES exactly
  // list_size of them.
  void Append();
  void AppendNull() override;
  void AppendSlice(const Array& array, int64_t offset, int64_t length) override;
  ArrayPtr Finish() override;
  bool full() const override;
  size_t MemoryBytes() const override;

 private:
  std::unique_ptr<ArrayBuilder> items_;
  std::vector<int64_t> offsets_{0};
};

class StructBuilder final : public ArrayBuilder {
 public:
  explicit StructBuilder(TypePtr type);
  ArrayBuilder& child(size_t i) { return *children_[i]; }
  // Ends a valid row. REQUIRES: one value was appended to every child.
  void Append() { AppendValidity(true); }
  void AppendNull() override;
  void AppendSlice(const Array& array, int64_t offset, int64_t length) override;
  ArrayPtr Finish() override;
  bool full() const override;
  size_t MemoryBytes() const override;

 private:
  std::vector<std::unique_ptr<ArrayBuilder>> children_;
};

// The builder for `type`: FixedBuilder<T> with T the storage type that TypeId names (16- and
// 32-byte values use std::array<uint64_t, 2 or 4>; null, fixed-size binary and dictionary have
// builders that only take AppendNull and AppendSlice), BoolBuilder, StringBuilder, ListBuilder,
// StructBuilder. A dictionary builder holds each distinct value once, in order of appearance.
std::unique_ptr<ArrayBuilder> MakeBuilder(const TypePtr& type);

}  // namespace og::format
