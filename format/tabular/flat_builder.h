// Writes the flatbuffers of Arrow's IPC metadata: tables, strings and vectors, from the leaves to
// the root. Bytes are kept in reverse, so that what refers lies behind what it refers to while the
// finished buffer has it in front.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace og::format {

class FlatBuilder {
 public:
  // What a finished object is called: its distance from the end of the buffer.
  using Ref = uint32_t;

  Ref String(std::string_view text) {
    PadBefore(text.size() + 1, sizeof(uint32_t));
    reversed_ += '\0';
    reversed_.append(text.rbegin(), text.rend());
    Push(static_cast<uint32_t>(text.size()));
    return size();
  }

  Ref Vector(const std::vector<Ref>& items) {
    Align(sizeof(uint32_t));
    for (size_t i = items.size(); i-- > 0;)
      PushRef(items[i]);
    Push(static_cast<uint32_t>(items.size()));
    return size();
  }

  // A vector of structs of two 64-bit numbers.
  struct Pair {
    int64_t first = 0;
    int64_t second = 0;
  };
  Ref Vector(std::span<const Pair> items) {
    Align(sizeof(int64_t));
    for (size_t i = items.size(); i-- > 0;) {
      Push(items[i].second);
      Push(items[i].first);
    }
    Push(static_cast<uint32_t>(items.size()));
    return size();
  }

  // A vector of File.fbs' structs: where a message lies in a file.
  struct Block {
    int64_t offset = 0;
    int32_t metadata_bytes = 0;  // with the frame
    int64_t body_bytes = 0;
  };
  Ref Vector(const std::vector<Block>& items) {
    Align(sizeof(int64_t));
    for (size_t i = items.size(); i-- > 0;) {
      Push(items[i].body_bytes);
      Push(int32_t{0});  // padding
      Push(items[i].metadata_bytes);
      Push(items[i].offset);
    }
    Push(static_cast<uint32_t>(items.size()));
    return size();
  }

  // A table: its fields between StartTable and EndTable, everything they refer to before.
  void StartTable() {
    fields_.clear();
    start_ = size();
  }
  template <typename T>
  void Scalar(size_t field, T value) {
    Align(sizeof(T));
    Push(value);
    Note(field);
  }
  void Reference(size_t field, Ref to) {
    Align(sizeof(uint32_t));
    PushRef(to);
    Note(field);
  }
  Ref EndTable() {
    Align(sizeof(int32_t));
    Push(int32_t{0});
    const Ref table = size();
    for (size_t i = fields_.size(); i-- > 0;) {
      Push(static_cast<uint16_t>(fields_[i] == 0 ? 0 : table - fields_[i]));
    }
    Push(static_cast<uint16_t>(table - start_));
    Push(static_cast<uint16_t>((fields_.size() + 2) * sizeof(uint16_t)));
    const auto to_vtable = static_cast<uint32_t>(size() - table);
    for (size_t byte = 0; byte < sizeof(uint32_t); ++byte) {
      reversed_[table - 1 - byte] = static_cast<char>(to_vtable >> (8 * byte));
    }
    return table;
  }

  // The buffer with `root` as its root: a multiple of 8 bytes.
  std::string Finish(Ref root) {
    PadBefore(sizeof(uint32_t), sizeof(uint64_t));
    PushRef(root);
    return {reversed_.rbegin(), reversed_.rend()};
  }

 private:
  Ref size() const { return static_cast<Ref>(reversed_.size()); }

  void Note(size_t field) {
    if (fields_.size() <= field) fields_.resize(field + 1, 0);
    fields_[field] = size();
  }

  // Pads so that, `bytes` later, the size is a multiple of `alignment`.
  void PadBefore(size_t bytes, size_t alignment) {
    while ((reversed_.size() + bytes) % alignment != 0)
      reversed_ += '\0';
  }
  void Align(size_t alignment) { PadBefore(0, alignment); }

  template <typename T>
  void Push(T value) {
    const auto bits = static_cast<uint64_t>(value);
    for (size_t byte = sizeof(T); byte-- > 0;)
      reversed_ += static_cast<char>(bits >> (8 * byte));
  }
  void PushRef(Ref to) { Push(size() + static_cast<uint32_t>(sizeof(uint32_t)) - to); }

  std::string reversed_;
  std::vector<Ref> fields_;  // of the open table: where each lies, 0: absent
  Ref start_ = 0;
};

}  // namespace og::format
