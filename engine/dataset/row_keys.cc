#include "engine/dataset/row_keys.h"

#include <algorithm>
#include <numeric>

#include "engine/expr/text.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::engine::dataset {
namespace {

using format::Array;
using format::ArrayPtr;
using format::RecordBatch;
using format::TypeId;

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

uint32_t TagOf(uint64_t hash) {
  return static_cast<uint32_t>(hash >> 32);
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

bool EncodeKey(std::span<const ArrayPtr> columns, int64_t i, std::string& key) {
  key.clear();
  for (const ArrayPtr& column : columns) {
    if (column->IsNull(i)) {
      return false;
    }
    AppendValue(*column, i, key);
  }
  return true;
}

uint64_t HashKey(std::string_view key) {
  // Eight bytes at a time, mixed as in splitmix64.
  uint64_t hash = 0x9e3779b97f4a7c15u ^ key.size();
  while (!key.empty()) {
    const size_t count = std::min<size_t>(key.size(), 8);
    uint64_t word = 0;
    for (size_t i = 0; i < count; ++i) {
      word |= uint64_t{static_cast<unsigned char>(key[i])} << (8 * i);
    }
    key.remove_prefix(count);
    hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
    hash ^= hash >> 29;
  }
  hash = (hash ^ (hash >> 31)) * 0x94d049bb133111ebu;
  return hash ^ (hash >> 32);
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

void KeyTable::AddBatch(std::span<const ArrayPtr> columns) {
  const uint32_t batch = num_batches_++;
  const int64_t num_rows = columns.empty() ? 0 : columns[0]->length;
  std::string key;
  for (int64_t i = 0; i < num_rows; ++i) {
    if (!EncodeKey(columns, i, key)) {
      continue;
    }
    const uint64_t hash = HashKey(key);
    entries_.push_back({.row = {batch, static_cast<uint32_t>(i)},
                        .key_bytes = static_cast<uint32_t>(key.size()),
                        .tag = TagOf(hash),
                        .key_offset = keys_.size(),
                        .next = kNone});
    keys_ += key;
    if (entries_.size() * 2 > slots_.size()) {
      Rehash();
    } else {
      Slot& slot = slots_[hash & (slots_.size() - 1)];
      const uint64_t position = entries_.size() - 1;
      (slot.last == kNone ? slot.first : entries_[slot.last].next) = position;
      slot.last = position;
    }
  }
}

void KeyTable::Rehash() {
  slots_.assign(std::max<size_t>(64, slots_.size() * 2), Slot{});
  for (uint64_t position = 0; position < entries_.size(); ++position) {
    entries_[position].next = kNone;
    Slot& slot = slots_[HashKey(KeyOf(entries_[position])) & (slots_.size() - 1)];
    (slot.last == kNone ? slot.first : entries_[slot.last].next) = position;
    slot.last = position;
  }
}

void KeyTable::Find(std::string_view key, std::vector<uint64_t>& found) const {
  if (slots_.empty()) {
    return;
  }
  const uint64_t hash = HashKey(key);
  for (uint64_t at = slots_[hash & (slots_.size() - 1)].first; at != kNone;
       at = entries_[at].next) {
    if (entries_[at].tag == TagOf(hash) && KeyOf(entries_[at]) == key) {
      found.push_back(at);
    }
  }
}

size_t KeyTable::MemoryBytes() const {
  return keys_.capacity() + entries_.capacity() * sizeof(Entry) + slots_.capacity() * sizeof(Slot);
}

RecordBatch Gather(std::span<const RecordBatch> batches, std::span<const RowRef> rows) {
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
    parts.push_back(Take(batches[batch], indices));
  }
  if (parts.empty()) {
    return format::EmptyBatch(batches[0].schema);
  }
  if (parts.size() == 1 && std::ranges::is_sorted(places)) {
    return parts[0];
  }
  return Take(Concat(parts), places);
}

}  // namespace og::engine::dataset
