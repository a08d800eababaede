#include "engine/exec/key_groups.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/hash/hash.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format/arrow/json.h"

namespace og::engine::exec {
namespace {

using format::Array;
using format::ArrayPtr;
using format::TypeId;

constexpr uint32_t kNoNumber = ~uint32_t{0};
constexpr size_t kFirstSlots = 256;

// Pairs of numbers are numbered through an array of all pairs while that has at most this many.
constexpr uint64_t kPairsMax = 65'536;

// A number for each row, in order of first appearance.
struct Numbers {
  std::vector<uint32_t> of_rows;
  uint32_t count = 0;
};

// Numbers of distinct values, by open addressing; `Value` is compared with ==.
template <typename Value>
class Numbering {
 public:
  // `count`: the next number.
  explicit Numbering(uint32_t& count) : count_(count), slots_(kFirstSlots) {}

  uint32_t Of(const Value& value, uint64_t hash) {
    size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].number != kNoNumber; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].hash == hash && slots_[at].value == value) return slots_[at].number;
    }
    slots_[at] = {value, hash, count_};
    if (++num_used_ * 2 > slots_.size()) Grow();
    return count_++;
  }

 private:
  struct Slot {
    Value value = {};
    uint64_t hash = 0;
    uint32_t number = kNoNumber;
  };

  void Grow() {
    const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(slots_.size() * 2));
    for (const Slot& slot : before) {
      if (slot.number == kNoNumber) continue;
      size_t at = slot.hash & (slots_.size() - 1);
      while (slots_[at].number != kNoNumber)
        at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  uint32_t& count_;
  std::vector<Slot> slots_;
  size_t num_used_ = 0;
};

// Numbers by what `number_of(row)` says of rows that are not null.
template <typename NumberOf>
void NumberRows(const Array& values, Numbers& numbers, const NumberOf& number_of) {
  uint32_t of_null = kNoNumber;
  for (int64_t row = 0; row < values.length; ++row) {
    uint32_t& number = numbers.of_rows[static_cast<size_t>(row)];
    if (values.null_count == 0 || values.IsValid(row)) {
      number = number_of(row);
    } else {
      if (of_null == kNoNumber) of_null = numbers.count++;
      number = of_null;
    }
  }
}

template <typename BitsOf>
void NumberBits(const Array& values, Numbers& numbers, const BitsOf& bits_of) {
  Numbering<uint64_t> numbering(numbers.count);
  NumberRows(values, numbers, [&](int64_t row) {
    const uint64_t bits = bits_of(row);
    return numbering.Of(bits, absl::Hash<uint64_t>()(bits));
  });
}

template <typename T>
T WithOneNan(T value) {
  return std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value;
}

template <typename T>
void AppendBytes(const T& value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Bytes that tell all values of one type apart, and null from each of them, whatever follows.
void AppendKey(const Array& values, int64_t row, std::string& out) {
  if (values.IsNull(row)) {
    out += '\0';
    return;
  }
  if (values.type->id == TypeId::kDictionary) {
    return AppendKey(*values.dictionary, DictionaryIndex(values, row), out);
  }
  out += '\1';
  switch (values.type->id) {
    case TypeId::kUtf8: {
      const std::string_view text = values.StringValue(row);
      AppendBytes(static_cast<uint32_t>(text.size()), out);
      out += text;
      return;
    }
    case TypeId::kBool:
      out += values.BoolValue(row) ? '\1' : '\0';
      return;
    case TypeId::kInt32:
    case TypeId::kUint32:
    case TypeId::kDate32:
      return AppendBytes(values.Value<uint32_t>(row), out);
    case TypeId::kInt64:
    case TypeId::kUint64:
    case TypeId::kDate64:
      return AppendBytes(values.Value<uint64_t>(row), out);
    case TypeId::kFloat32:
      return AppendBytes(WithOneNan(values.Value<float>(row)), out);
    case TypeId::kFloat64:
      return AppendBytes(WithOneNan(values.Value<double>(row)), out);
    default:
      AppendJsonValue(values, row, out);
      out += ',';
  }
}

// Indices point into the dictionary, so that those of a width are the same with and without a sign.
template <typename Index>
void NumberEntries(const Array& values, Numbers& numbers) {
  std::vector<uint32_t> of_entries(static_cast<size_t>(values.dictionary->length), kNoNumber);
  NumberRows(values, numbers, [&](int64_t row) {
    uint32_t& number = of_entries[static_cast<size_t>(values.Value<Index>(row))];
    if (number == kNoNumber) number = numbers.count++;
    return number;
  });
}

void NumberDictionary(const Array& values, Numbers& numbers) {
  switch (values.type->index_type->bit_width()) {
    case 8:
      return NumberEntries<uint8_t>(values, numbers);
    case 16:
      return NumberEntries<uint16_t>(values, numbers);
    case 32:
      return NumberEntries<uint32_t>(values, numbers);
    default:
      return NumberEntries<uint64_t>(values, numbers);
  }
}

void NumberTexts(const Array& values, Numbers& numbers) {
  Numbering<std::string_view> numbering(numbers.count);
  NumberRows(values, numbers, [&](int64_t row) {
    const std::string_view text = values.StringValue(row);
    return numbering.Of(text, XXH3_64bits(text.data(), text.size()));
  });
}

// Values of any type, by their bytes as keys.
void NumberKeys(const Array& values, Numbers& numbers) {
  Numbering<std::string> numbering(numbers.count);
  std::string bytes;
  NumberRows(values, numbers, [&](int64_t row) {
    bytes.clear();
    AppendKey(values, row, bytes);
    return numbering.Of(bytes, XXH3_64bits(bytes.data(), bytes.size()));
  });
}

Numbers NumbersOf(const Array& values) {
  Numbers numbers;
  numbers.of_rows.resize(static_cast<size_t>(values.length));
  switch (values.type->id) {
    case TypeId::kDictionary:
      NumberDictionary(values, numbers);
      break;
    case TypeId::kUtf8:
      NumberTexts(values, numbers);
      break;
    case TypeId::kBool:
      NumberBits(values, numbers, [&](int64_t row) { return uint64_t{values.BoolValue(row)}; });
      break;
    case TypeId::kInt32:
    case TypeId::kUint32:
    case TypeId::kDate32:
      NumberBits(values, numbers,
                 [&](int64_t row) { return uint64_t{values.Value<uint32_t>(row)}; });
      break;
    case TypeId::kInt64:
    case TypeId::kUint64:
    case TypeId::kDate64:
      NumberBits(values, numbers, [&](int64_t row) { return values.Value<uint64_t>(row); });
      break;
    case TypeId::kFloat32:
      NumberBits(values, numbers, [&](int64_t row) {
        return uint64_t{std::bit_cast<uint32_t>(WithOneNan(values.Value<float>(row)))};
      });
      break;
    case TypeId::kFloat64:
      NumberBits(values, numbers, [&](int64_t row) {
        return std::bit_cast<uint64_t>(WithOneNan(values.Value<double>(row)));
      });
      break;
    default:
      NumberKeys(values, numbers);
  }
  return numbers;
}

// Numbers of pairs; `second` is left with what it had.
Numbers Pair(const Numbers& first, const Numbers& second) {
  Numbers pairs;
  pairs.of_rows.resize(first.of_rows.size());
  const uint64_t num_pairs = uint64_t{first.count} * second.count;
  if (num_pairs <= kPairsMax) {
    std::vector<uint32_t> of_pairs(static_cast<size_t>(num_pairs), kNoNumber);
    for (size_t row = 0; row < pairs.of_rows.size(); ++row) {
      uint32_t& number = of_pairs[size_t{first.of_rows[row]} * second.count + second.of_rows[row]];
      if (number == kNoNumber) number = pairs.count++;
      pairs.of_rows[row] = number;
    }
    return pairs;
  }
  Numbering<uint64_t> numbering(pairs.count);
  for (size_t row = 0; row < pairs.of_rows.size(); ++row) {
    const uint64_t pair = uint64_t{first.of_rows[row]} << 32 | second.of_rows[row];
    pairs.of_rows[row] = numbering.Of(pair, absl::Hash<uint64_t>()(pair));
  }
  return pairs;
}

}  // namespace

KeyGroups::KeyGroups(std::vector<ArrayPtr> keys, int64_t num_rows) : keys_(std::move(keys)) {
  Numbers numbers = NumbersOf(*keys_[0]);
  for (size_t key = 1; key < keys_.size(); ++key)
    numbers = Pair(numbers, NumbersOf(*keys_[key]));
  of_rows_ = std::move(numbers.of_rows);
  groups_.reserve(numbers.count);
  std::vector<size_t> starts;
  for (int64_t row = 0; row < num_rows && groups_.size() < numbers.count; ++row) {
    if (of_rows_[static_cast<size_t>(row)] != groups_.size()) continue;
    groups_.push_back({row, {}, 0});
    starts.push_back(bytes_.size());
    for (const ArrayPtr& key : keys_)
      AppendKey(*key, row, bytes_);
  }
  starts.push_back(bytes_.size());
  for (size_t group = 0; group < groups_.size(); ++group) {
    groups_[group].bytes =
        std::string_view(bytes_).substr(starts[group], starts[group + 1] - starts[group]);
    groups_[group].hash = XXH3_64bits(groups_[group].bytes.data(), groups_[group].bytes.size());
  }
}

}  // namespace og::engine::exec
