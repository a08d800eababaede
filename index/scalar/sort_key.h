// Values in the order in which indexes hold them, without their types: words for what fits into 64
// bits, bytes for the rest. Comparing keys is comparing values.
//
//   bool, integers, dates, times, ...  words; signed ones with the sign bit flipped
//   floats                             words in IEEE 754 total order: -NaN, -inf .. -0, 0 .. inf,
//   NaN text, binary, fixed-size binary    the bytes decimals                           16 or 32
//   big-endian bytes with the sign bit flipped
//
// Source: lance-index 10.0.0: src/scalar/btree.rs (OrderableScalarValue).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/arrow/type.h"

namespace og::index {

enum class KeyForm : uint8_t { kWord, kBytes };

// nullopt for types without an order: nested types, null, dictionaries.
std::optional<KeyForm> KeyFormOf(const format::DataType& type);

// One value. Of the two members the one that its form does not use is empty.
struct SortKey {
  uint64_t word = 0;
  std::string bytes = {};
  friend auto operator<=>(const SortKey&, const SortKey&) = default;
  friend bool operator==(const SortKey&, const SortKey&) = default;
};

// A column of keys, without nulls.
struct KeyColumn {
  KeyForm form = KeyForm::kWord;
  std::vector<uint64_t> words = {};
  format::ArrayPtr bytes = {};  // of a type that StringValue() reads; null for no values

  size_t size() const {
    return form == KeyForm::kWord ? words.size()
                                  : (bytes == nullptr ? 0 : static_cast<size_t>(bytes->length));
  }
  std::string_view Bytes(size_t i) const { return bytes->StringValue(static_cast<int64_t>(i)); }
  SortKey At(size_t i) const {
    return form == KeyForm::kWord ? SortKey{words[i], {}} : SortKey{0, std::string(Bytes(i))};
  }
  size_t MemoryBytes() const;
};

// The values of `array`, nulls left out, as keys. kUnimplemented for types without an order.
absl::StatusOr<KeyColumn> KeysOf(const format::ArrayPtr& array);

// The other way round: `num_nulls` nulls and then the values of `keys`, as an array of `type`.
// REQUIRES: keys of that type's form; values of fixed width have it.
format::ArrayPtr ValuesOf(const KeyColumn& keys, const format::TypePtr& type, size_t num_nulls);

}  // namespace og::index
