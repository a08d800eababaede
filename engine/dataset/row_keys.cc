#include "engine/dataset/row_keys.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/expr/text.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::RecordBatch;
using format::TypeId;

// Slots of a table are asked for so many rows before they are looked at.
constexpr size_t kRowsAhead = 32;
constexpr size_t kSlotsMin = 64;

void AppendLength(uint64_t length, std::string& key) {
  const size_t at = key.size();
  key.resize(at + sizeof(length));
  io::StoreLe(reinterpret_cast<std::byte*>(key.data()) + at, length);
}

// Value `i`, which is not null, with everything below it; nulls below are part of the value.
void AppendValue(const Array& array, int64_t i, std::string& key) {
  const format::DataType& type = *array.type;
  if (type.id == TypeId::kDictionary) {
    AppendValue(*array.dictionary, DictionaryIndex(array, i), key);
  } else if (type.is_variable() || type.id == TypeId::kFixedSizeBinary) {
    const std::string_view value = array.StringValue(i);
    AppendLength(value.size(), key);
    key += value;
  } else if (type.id == TypeId::kBool) {
    key += array.BoolValue(i) ? '\1' : '\0';
  } else if (type.id == TypeId::kStruct) {
    for (const ArrayPtr& child : array.children) {
      const bool is_valid = child->IsValid(array.offset + i);
      key += is_valid ? '\1' : '\0';
      if (is_valid) {
        AppendValue(*child, array.offset + i, key);
      }
    }
  } else if (type.is_list() || type.id == TypeId::kFixedSizeList) {
    const bool is_fixed = type.id == TypeId::kFixedSizeList;
    const int64_t begin = is_fixed ? (array.offset + i) * type.list_size : array.OffsetAt(i);
    const int64_t end = is_fixed ? begin + type.list_size : array.OffsetAt(i + 1);
    AppendLength(static_cast<uint64_t>(end - begin), key);
    for (int64_t k = begin; k < end; ++k) {
      const bool is_valid = array.children[0]->IsValid(k);
      key += is_valid ? '\1' : '\0';
      if (is_valid) {
        AppendValue(*array.children[0], k, key);
      }
    }
  } else if (type.bit_width() > 0) {
    const auto width = static_cast<size_t>(type.bit_width() / 8);
    key += array.values.view().substr(static_cast<size_t>(array.offset + i) * width, width);
  }
}

// Eight bytes at a time, mixed as in splitmix64.
uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
  return hash ^ (hash >> 29);
}

uint64_t Start(size_t key_bytes) {
  return 0x9e3779b97f4a7c15u ^ key_bytes;
}

uint64_t End(uint64_t hash) {
  hash = (hash ^ (hash >> 31)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 32);
}

uint64_t HashOf(std::string_view key) {
  uint64_t hash = Start(key.size());
  const char* at = key.data();
  size_t left = key.size();
  for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), at += sizeof(uint64_t)) {
    hash = Mix(hash, io::LoadLe<uint64_t>(reinterpret_cast<const std::byte*>(at)));
  }
  if (left > 0) {
    std::array<std::byte, sizeof(uint64_t)> rest{};
    std::memcpy(rest.data(), at, left);
    hash = Mix(hash, io::LoadLe<uint64_t>(rest.data()));
  }
  return End(hash);
}

// Bytes of a value that stands in `array.values` as its key does; 0 if keys are made otherwise.
size_t PlainWidth(const Array& array) {
  const format::DataType& type = *array.type;
  const bool is_nested =
      type.id == TypeId::kStruct || type.is_list() || type.id == TypeId::kFixedSizeList;
  if (is_nested || type.is_variable() || type.id == TypeId::kDictionary ||
      type.id == TypeId::kBool || type.id == TypeId::kFixedSizeBinary || type.bit_width() <= 0) {
    return 0;
  }
  const auto width = static_cast<size_t>(type.bit_width() / 8);
  const auto num_values = static_cast<size_t>(array.offset + array.length);
  return array.values.size() / width >= num_values ? width : 0;
}

bool IsNumber(size_t width) {
  return width == sizeof(int64_t) || width == sizeof(int32_t);
}

// The smallest and the largest of the numbers of `width` bytes in `bytes`, whatever they stand for.
std::pair<int64_t, int64_t> MinAndMax(std::string_view bytes, size_t width) {
  const auto of = [bytes](auto number) {
    using T = decltype(number);
    T min = std::numeric_limits<T>::max();
    T max = std::numeric_limits<T>::min();
    const auto* const at = reinterpret_cast<const std::byte*>(bytes.data());
    for (size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
      const T value = io::LoadLe<T>(at + i * sizeof(T));
      min = std::min(min, value);
      max = std::max(max, value);
    }
    return std::pair<int64_t, int64_t>(min, max);
  };
  return width == sizeof(int64_t) ? of(int64_t{}) : of(int32_t{});
}

std::string ValueText(const Array& array, int64_t i) {
  if (array.IsNull(i)) {
    return "NULL";
  }
  const auto text = expr::CanonicalText(array, i);
  if (!text.ok() || !text->has_value()) {
    return io::StrCat("<", array.type->ToString(), ">");
  }
  const bool is_text = array.type->id == TypeId::kUtf8 || array.type->id == TypeId::kLargeUtf8;
  return is_text ? io::StrCat("\"", **text, "\"") : **text;
}

}  // namespace

KeyBatch::KeyBatch(std::span<const ArrayPtr> columns)
    : num_rows_(columns[0]->length), hashes_(static_cast<size_t>(num_rows_)) {
  has_nulls_ = std::ranges::any_of(columns, [](const ArrayPtr& c) { return c->null_count > 0; });
  if (has_nulls_) {
    is_null_.resize(static_cast<size_t>(num_rows_));
    for (int64_t i = 0; i < num_rows_; ++i) {
      is_null_[static_cast<size_t>(i)] =
          std::ranges::any_of(columns, [i](const ArrayPtr& column) { return column->IsNull(i); });
    }
  }
  width_ = columns.size() == 1 ? PlainWidth(*columns[0]) : 0;
  if (width_ != 0) {
    bytes_ = columns[0]->values.view().substr(static_cast<size_t>(columns[0]->offset) * width_);
  } else {
    ends_.reserve(static_cast<size_t>(num_rows_) + 1);
    ends_.push_back(0);
    for (int64_t i = 0; i < num_rows_; ++i) {
      for (size_t k = 0; k < columns.size() && !IsNull(i); ++k) {
        AppendValue(*columns[k], i, encoded_);
      }
      ends_.push_back(encoded_.size());
    }
    bytes_ = encoded_;
  }
  if (width_ == sizeof(uint64_t)) {
    const auto* words = reinterpret_cast<const std::byte*>(bytes_.data());
    for (size_t i = 0; i < hashes_.size(); ++i) {
      const auto word = io::LoadLe<uint64_t>(words + i * sizeof(uint64_t));
      hashes_[i] = End(Mix(Start(sizeof(uint64_t)), word));
    }
    return;
  }
  for (int64_t i = 0; i < num_rows_; ++i) {
    hashes_[static_cast<size_t>(i)] = HashOf(Bytes(i));
  }
}

std::string KeyText(std::span<const std::string> names, std::span<const ArrayPtr> columns,
                    int64_t i) {
  std::string text;
  for (size_t k = 0; k < names.size(); ++k) {
    text += io::StrCat(k == 0 ? "" : ", ", names[k], " = ", ValueText(*columns[k], i));
  }
  return text;
}

absl::StatusOr<std::vector<ArrayPtr>> KeyColumns(const RecordBatch& batch,
                                                 std::span<const std::string> names) {
  std::vector<ArrayPtr> columns;
  for (const std::string& name : names) {
    const ArrayPtr column = batch.Column(name);
    if (column == nullptr) {
      return io::InvalidArgumentError(io::StrCat("the rows have no key column ", name));
    }
    columns.push_back(DecodeDictionary(column));
  }
  return columns;
}

void KeyTable::Reserve(size_t num_rows) {
  entries_.reserve(num_rows);
  key_ends_.reserve(num_rows);
  if (num_rows * 2 > slots_.size()) {
    GrowTo(std::bit_ceil(std::max(num_rows * 2, kSlotsMin)));
  }
}

void KeyTable::Add(const KeyBatch& keys) {
  NoteNumbers(keys);
  const uint32_t batch = num_batches_++;
  const int64_t num_rows = keys.num_rows();
  for (int64_t i = 0; i < num_rows; ++i) {
    if (i + int64_t{kRowsAhead} < num_rows && !slots_.empty()) {
      const uint64_t ahead = keys.Hash(i + int64_t{kRowsAhead});
      __builtin_prefetch(&slots_[ahead & (slots_.size() - 1)], 1);
      __builtin_prefetch(&seen_[BitOf(ahead) / 64], 1);
    }
    if (keys.IsNull(i)) {
      continue;
    }
    keys_ += keys.Bytes(i);
    key_ends_.push_back(keys_.size());
    entries_.push_back({.row = {batch, static_cast<uint32_t>(i)}, .next = 0});
    if (entries_.size() * 2 > slots_.size()) {
      GrowTo(std::max(slots_.size() * 4, kSlotsMin));
    } else {
      Insert(entries_.size() - 1, keys.Hash(i));
    }
  }
}

void KeyTable::NoteNumbers(const KeyBatch& keys) {
  width_ = num_batches_ == 0 || width_ == keys.width() ? keys.width() : 0;
  if (!IsNumber(width_)) {
    return;
  }
  const size_t bytes = static_cast<size_t>(keys.num_rows()) * width_;
  keys_.reserve(std::max(keys_.size() + bytes, entries_.capacity() * width_));
  if (keys.num_rows() != 0) {
    // Of nulls too, which makes the range no smaller.
    const auto [min, max] = MinAndMax({keys.Bytes(0).data(), bytes}, width_);
    min_ = std::min(min_, min);
    max_ = std::max(max_, max);
  }
}

bool KeyTable::MayMatch(std::span<const ArrayPtr> columns) const {
  if (entries_.empty()) {
    return false;
  }
  const Array& first = *columns[0];
  if (columns.size() != 1 || !IsNumber(width_) || PlainWidth(first) != width_ ||
      first.length == 0) {
    return true;
  }
  const std::string_view values = first.values.view().substr(
      static_cast<size_t>(first.offset) * width_, static_cast<size_t>(first.length) * width_);
  const auto [min, max] = MinAndMax(values, width_);
  return min <= max_ && max >= min_;
}

void KeyTable::Insert(uint64_t position, uint64_t hash) {
  const size_t bit = BitOf(hash);
  seen_[bit / 64] |= uint64_t{1} << (bit % 64);
  const size_t mask = slots_.size() - 1;
  Entry& entry = entries_[position];
  size_t at = SlotFrom(hash, hash & mask);
  for (; slots_[at] != kNone; at = SlotFrom(hash, (at + 1) & mask)) {
    const uint64_t last = PositionIn(slots_[at]);
    if (KeyOf(last) == KeyOf(position)) {
      entry.next = entries_[last].next;
      entries_[last].next = position;
      slots_[at] = SlotOf(hash, position);
      return;
    }
  }
  entry.next = position;
  slots_[at] = SlotOf(hash, position);
}

void KeyTable::GrowTo(size_t num_slots) {
  slots_.assign(num_slots, kNone);
  seen_.assign(slots_.size() / 8, 0);  // eight bits a slot
  for (uint64_t position = 0; position < entries_.size(); ++position) {
    Insert(position, HashOf(KeyOf(position)));
  }
}

size_t KeyTable::SlotFrom(uint64_t hash, size_t at) const {
  const size_t mask = slots_.size() - 1;
  while (slots_[at] != kNone && (slots_[at] ^ hash) >> 40 != 0) {
    at = (at + 1) & mask;
  }
  return at;
}

template <typename Visit>
void KeyTable::ForEachMatching(const KeyBatch& keys, Visit visit) const {
  if (slots_.empty()) {
    return;
  }
  const size_t mask = slots_.size() - 1;
  std::array<int64_t, kRowsAhead> rows;
  std::array<size_t, kRowsAhead> slots;
  size_t count = 0;
  // First all slots, then all keys that they lead to, so that nobody waits for one after the other.
  const auto look = [&] {
    for (size_t k = 0; k < count; ++k) {
      const uint64_t hash = keys.Hash(rows[k]);
      slots[k] = SlotFrom(hash, hash & mask);
      if (slots_[slots[k]] != kNone) {
        const uint64_t position = PositionIn(slots_[slots[k]]);
        __builtin_prefetch(keys_.data() + KeyStart(position));
        __builtin_prefetch(&entries_[position]);
      }
    }
    for (size_t k = 0; k < count; ++k) {
      for (size_t at = slots[k]; slots_[at] != kNone;) {
        const uint64_t last = PositionIn(slots_[at]);
        if (KeyOf(last) == keys.Bytes(rows[k])) {
          visit(rows[k], last);
          break;
        }
        at = SlotFrom(keys.Hash(rows[k]), (at + 1) & mask);
      }
    }
    count = 0;
  };
  for (int64_t i = 0; i < keys.num_rows(); ++i) {
    const uint64_t hash = keys.Hash(i);
    if (!MayHave(hash) || keys.IsNull(i)) {
      continue;
    }
    __builtin_prefetch(&slots_[hash & mask]);
    rows[count++] = i;
    if (count == kRowsAhead) {
      look();
    }
  }
  look();
}

std::vector<KeyTable::Match> KeyTable::Find(const KeyBatch& keys) const {
  std::vector<Match> matches;
  ForEachMatching(keys, [&](int64_t row, uint64_t last) {
    uint64_t at = last;
    do {
      at = entries_[at].next;
      matches.push_back({.row = row, .added = entries_[at].row});
    } while (at != last);
  });
  return matches;
}

std::vector<int64_t> KeyTable::Matching(const KeyBatch& keys) const {
  std::vector<int64_t> rows;
  ForEachMatching(keys, [&](int64_t row, uint64_t) { rows.push_back(row); });
  return rows;
}

absl::StatusOr<RecordBatch> Gather(std::span<const RecordBatch> batches,
                                   std::span<const RowRef> rows) {
  const auto is_elsewhere = [&](const RowRef& row) { return row.batch != rows[0].batch; };
  if (!rows.empty() && std::ranges::none_of(rows, is_elsewhere)) {
    std::vector<int64_t> indices;
    indices.reserve(rows.size());
    for (const RowRef& row : rows)
      indices.push_back(row.row);
    return TryTake(batches[rows[0].batch], indices);
  }
  // Rows of one batch together, then in the order asked for.
  std::vector<size_t> by_batch(rows.size());
  std::iota(by_batch.begin(), by_batch.end(), size_t{0});
  std::ranges::stable_sort(by_batch, {}, [&](size_t i) { return rows[i].batch; });
  std::vector<RecordBatch> parts;
  std::vector<int64_t> indices;
  std::vector<int64_t> places(rows.size());
  for (size_t i = 0; i < by_batch.size();) {
    const uint32_t batch = rows[by_batch[i]].batch;
    indices.clear();
    for (; i < by_batch.size() && rows[by_batch[i]].batch == batch; ++i) {
      places[by_batch[i]] = static_cast<int64_t>(i);
      indices.push_back(rows[by_batch[i]].row);
    }
    OG_ASSIGN_OR_RETURN(parts.emplace_back(), TryTake(batches[batch], indices));
  }
  if (parts.empty()) {
    return format::EmptyBatch(batches[0].schema);
  }
  if (parts.size() == 1 && std::ranges::is_sorted(places)) {
    return parts[0];
  }
  OG_ASSIGN_OR_RETURN(const RecordBatch all, format::TryConcat(parts));
  return format::TryTake(all, places);
}

}  // namespace og::engine::dataset
