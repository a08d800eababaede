#include "format/arrow/gather.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "io/base/check.h"

namespace og::format {
namespace {

size_t Size(int64_t value) {
  return static_cast<size_t>(value);
}

int64_t TotalLength(std::span<const Run> runs) {
  int64_t length = 0;
  for (const Run& run : runs)
    length += run.length;
  return length;
}

void GatherValidity(std::span<const Run> runs, Array& to) {
  const bool any_null = std::any_of(runs.begin(), runs.end(), [](const Run& run) {
    return run.length != 0 && (run.array == nullptr || run.array->null_count != 0);
  });
  if (!any_null) return;
  io::MutableBuffer bits(io::BytesForBits(Size(to.length)));
  std::memset(bits.data(), 0, bits.size());
  size_t at = 0;
  for (const Run& run : runs) {
    if (run.array != nullptr && run.array->null_count == 0) {
      io::FillBits(bits.data(), at, Size(run.length), true);
    } else if (run.array != nullptr && !run.array->validity.empty()) {
      io::CopyBits(run.array->validity.data(), Size(run.array->offset + run.start), bits.data(), at,
                   Size(run.length));
    }
    at += Size(run.length);
  }
  to.null_count =
      to.length - static_cast<int64_t>(io::CountSetBits(bits.data(), 0, Size(to.length)));
  if (to.null_count != 0) to.validity = std::move(bits).Share();
}

void GatherFixed(std::span<const Run> runs, size_t width, Array& to) {
  io::MutableBuffer values(Size(to.length) * width);
  std::byte* at = values.data();
  for (const Run& run : runs) {
    const size_t bytes = Size(run.length) * width;
    if (bytes == 0) continue;
    if (run.array == nullptr) {
      std::memset(at, 0, bytes);
    } else {
      std::memcpy(at, run.array->values.data() + Size(run.array->offset + run.start) * width,
                  bytes);
    }
    at += bytes;
  }
  to.values = std::move(values).Share();
}

void GatherBits(std::span<const Run> runs, Array& to) {
  io::MutableBuffer values(io::BytesForBits(Size(to.length)));
  if (values.size() != 0) std::memset(values.data(), 0, values.size());
  size_t at = 0;
  for (const Run& run : runs) {
    if (run.array != nullptr) {
      io::CopyBits(run.array->values.data(), Size(run.array->offset + run.start), values.data(), at,
                   Size(run.length));
    }
    at += Size(run.length);
  }
  to.values = std::move(values).Share();
}

// Offsets of the result, and the runs of bytes or items that they cover.
struct Extents {
  io::Buffer offsets;
  std::vector<Run> runs;
  int64_t total = 0;
};

template <typename Offset>
Extents GatherOffsets(std::span<const Run> runs, int64_t length) {
  Extents extents;
  io::MutableBuffer offsets((Size(length) + 1) * sizeof(Offset));
  auto* out = offsets.as<Offset>();
  *out++ = 0;
  for (const Run& run : runs) {
    if (run.array == nullptr) {
      out = std::fill_n(out, run.length, static_cast<Offset>(extents.total));
      continue;
    }
    const Array& from = *run.array;
    const auto close = [&](int64_t start, int64_t end) {
      if (start != end) extents.runs.push_back({&from, start, end - start});
    };
    int64_t start = from.OffsetAt(run.start);
    int64_t end = start;
    for (int64_t i = run.start; i < run.start + run.length; ++i) {
      const int64_t next = from.OffsetAt(i + 1);
      if (from.null_count != 0 && from.IsNull(i)) {
        close(start, end);
        start = next;
      } else {
        extents.total += next - end;
      }
      end = next;
      OG_CHECK(extents.total <= std::numeric_limits<Offset>::max());
      *out++ = static_cast<Offset>(extents.total);
    }
    close(start, end);
  }
  extents.offsets = std::move(offsets).Share();
  return extents;
}

Extents GatherOffsets(const DataType& type, std::span<const Run> runs, int64_t length) {
  return type.has_large_offsets() ? GatherOffsets<int64_t>(runs, length)
                                  : GatherOffsets<int32_t>(runs, length);
}

void GatherVariable(std::span<const Run> runs, Array& to) {
  Extents extents = GatherOffsets(*to.type, runs, to.length);
  io::MutableBuffer bytes(Size(extents.total));
  std::byte* at = bytes.data();
  for (const Run& run : extents.runs) {
    std::memcpy(at, run.array->values.data() + run.start, Size(run.length));
    at += run.length;
  }
  to.offsets = std::move(extents.offsets);
  to.values = std::move(bytes).Share();
}

void GatherList(std::span<const Run> runs, Array& to) {
  Extents extents = GatherOffsets(*to.type, runs, to.length);
  for (Run& run : extents.runs)
    run.array = run.array->children[0].get();
  to.offsets = std::move(extents.offsets);
  to.children.push_back(Gather(to.type->children[0].type, extents.runs));
}

// Child `child` of a struct or fixed-size list whose values are `size` items each.
ArrayPtr GatherChild(std::span<const Run> runs, const DataType& type, size_t child, int64_t size) {
  std::vector<Run> items(runs.begin(), runs.end());
  for (Run& run : items) {
    if (run.array != nullptr) {
      run.start = (run.array->offset + run.start) * size;
      run.array = run.array->children[child].get();
    }
    run.length *= size;
  }
  return Gather(type.children[child].type, items);
}

void StoreIndex(std::byte* values, int64_t width, int64_t i, int64_t index, int bits, bool sign) {
  OG_CHECK(bits == 64 || index < (int64_t{1} << (sign ? bits - 1 : bits)));
  std::memcpy(values + i * width, &index, Size(width));  // little-endian: the low bytes
}

// Distinct dictionaries merged into one: where each one's entries went.
struct MergedDictionary {
  ArrayPtr values;
  absl::flat_hash_map<const Array*, std::vector<int64_t>> positions;
};

MergedDictionary MergeDictionaries(const TypePtr& type, std::span<const Run> runs) {
  MergedDictionary merged;
  std::vector<Run> kept;
  int64_t num_kept = 0;
  absl::flat_hash_map<std::string_view, int64_t> seen;
  const DataType& value_type = *type->value_type;
  const int bits = value_type.bit_width();
  const bool is_bytes =
      value_type.is_variable() || (bits >= 8 && value_type.id != TypeId::kDictionary);
  for (const Run& run : runs) {
    if (run.array == nullptr) continue;
    const Array& dictionary = *run.array->dictionary;
    auto [entry, is_new] = merged.positions.try_emplace(&dictionary);
    if (!is_new) continue;
    entry->second.reserve(Size(dictionary.length));
    for (int64_t i = 0; i < dictionary.length; ++i) {
      if (is_bytes && dictionary.IsValid(i)) {
        const size_t width = Size(bits / 8);
        const std::string_view key =
            value_type.is_variable()
                ? dictionary.StringValue(i)
                : dictionary.values.view().substr(Size(dictionary.offset + i) * width, width);
        const auto [known, fresh] = seen.try_emplace(key, num_kept);
        entry->second.push_back(known->second);
        if (!fresh) continue;
      } else {
        entry->second.push_back(num_kept);
      }
      kept.push_back({&dictionary, i, 1});
      ++num_kept;
    }
  }
  merged.values = Gather(type->value_type, kept);
  return merged;
}

void GatherDictionary(std::span<const Run> runs, Array& to) {
  ArrayPtr only;
  bool shared = true;
  for (const Run& run : runs) {
    if (run.array == nullptr) continue;
    if (only == nullptr) only = run.array->dictionary;
    shared = shared && only == run.array->dictionary;
  }
  const DataType& index_type = *to.type->index_type;
  const int64_t width = index_type.bit_width() / 8;
  if (shared) {
    to.dictionary = only != nullptr ? only : EmptyArray(to.type->value_type);
    GatherFixed(runs, Size(width), to);
    return;
  }
  MergedDictionary merged = MergeDictionaries(to.type, runs);
  to.dictionary = std::move(merged.values);
  io::MutableBuffer values(Size(to.length * width));
  if (values.size() != 0) std::memset(values.data(), 0, values.size());
  int64_t at = 0;
  for (const Run& run : runs) {
    if (run.array == nullptr) {
      at += run.length;
      continue;
    }
    const std::vector<int64_t>& positions = merged.positions.at(run.array->dictionary.get());
    for (int64_t i = run.start; i < run.start + run.length; ++i, ++at) {
      if (run.array->IsNull(i)) continue;
      StoreIndex(values.data(), width, at, positions[Size(DictionaryIndex(*run.array, i))],
                 index_type.bit_width(), index_type.is_signed_integer());
    }
  }
  to.values = std::move(values).Share();
}

template <typename T>
void TakeFixed(const Array& from, std::span<const int64_t> indices, Array& to) {
  io::MutableBuffer values(indices.size() * sizeof(T));
  std::byte* at = values.data();
  const std::byte* base = from.values.data() + Size(from.offset) * sizeof(T);
  for (const int64_t index : indices) {
    if (index < 0) {
      std::memset(at, 0, sizeof(T));
    } else {
      std::memcpy(at, base + Size(index) * sizeof(T), sizeof(T));
    }
    at += sizeof(T);
  }
  to.values = std::move(values).Share();
}

template <typename Offset>
void TakeVariable(const Array& from, std::span<const int64_t> indices, Array& to) {
  io::MutableBuffer offsets((indices.size() + 1) * sizeof(Offset));
  auto* out = offsets.as<Offset>();
  *out++ = 0;
  int64_t total = 0;
  for (const int64_t index : indices) {
    if (index >= 0 && from.IsValid(index)) total += from.OffsetAt(index + 1) - from.OffsetAt(index);
    OG_CHECK(total <= std::numeric_limits<Offset>::max());
    *out++ = static_cast<Offset>(total);
  }
  io::MutableBuffer bytes(Size(total));
  std::byte* at = bytes.data();
  for (const int64_t index : indices) {
    if (index < 0 || from.IsNull(index)) continue;
    const std::string_view value = from.StringValue(index);
    if (value.empty()) continue;
    std::memcpy(at, value.data(), value.size());
    at += value.size();
  }
  to.offsets = std::move(offsets).Share();
  to.values = std::move(bytes).Share();
}

void TakeValidity(const Array& from, std::span<const int64_t> indices, Array& to) {
  const bool added = std::any_of(indices.begin(), indices.end(), [](int64_t i) { return i < 0; });
  if (from.null_count == 0 && !added) return;
  io::MutableBuffer bits(io::BytesForBits(indices.size()));
  std::memset(bits.data(), 0, bits.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= 0 && from.IsValid(indices[i])) {
      io::SetBit(bits.data(), i);
    } else {
      ++to.null_count;
    }
  }
  if (to.null_count != 0) to.validity = std::move(bits).Share();
}

// Copies the values of a type that has a loop of its own; false for all others.
bool TakeValues(const Array& from, std::span<const int64_t> indices, Array& to) {
  if (from.type->is_variable()) {
    from.type->has_large_offsets() ? TakeVariable<int64_t>(from, indices, to)
                                   : TakeVariable<int32_t>(from, indices, to);
    return true;
  }
  to.dictionary = from.dictionary;
  switch (from.type->bit_width()) {
    case 8:
      TakeFixed<uint8_t>(from, indices, to);
      return true;
    case 16:
      TakeFixed<uint16_t>(from, indices, to);
      return true;
    case 32:
      TakeFixed<uint32_t>(from, indices, to);
      return true;
    case 64:
      TakeFixed<uint64_t>(from, indices, to);
      return true;
    default:
      return false;
  }
}

std::vector<Run> RunsOf(const Array& array, std::span<const int64_t> indices) {
  std::vector<Run> runs;
  for (const int64_t index : indices) {
    if (index < 0) {
      runs.push_back({nullptr, 0, 1});
    } else if (!runs.empty() && runs.back().array != nullptr &&
               runs.back().start + runs.back().length == index) {
      ++runs.back().length;
    } else {
      runs.push_back({&array, index, 1});
    }
  }
  return runs;
}

}  // namespace

ArrayPtr Gather(const TypePtr& type, std::span<const Run> runs) {
  const int64_t length = TotalLength(runs);
  if (type->id == TypeId::kNull || length == 0) return NullArray(type, length);
  auto to = std::make_shared<Array>();
  to->type = type;
  to->length = length;
  GatherValidity(runs, *to);
  if (type->is_variable()) {
    GatherVariable(runs, *to);
  } else if (type->is_list()) {
    GatherList(runs, *to);
  } else if (type->id == TypeId::kFixedSizeList) {
    to->children.push_back(GatherChild(runs, *type, 0, type->list_size));
  } else if (type->id == TypeId::kStruct) {
    for (size_t i = 0; i < type->children.size(); ++i) {
      to->children.push_back(GatherChild(runs, *type, i, 1));
    }
  } else if (type->id == TypeId::kDictionary) {
    GatherDictionary(runs, *to);
  } else if (type->id == TypeId::kBool) {
    GatherBits(runs, *to);
  } else {
    GatherFixed(runs, Size(type->bit_width() / 8), *to);
  }
  return to;
}

ArrayPtr Take(const Array& array, std::span<const int64_t> indices) {
  if (indices.empty() || array.type->id == TypeId::kNull) {
    return NullArray(array.type, static_cast<int64_t>(indices.size()));
  }
  auto to = std::make_shared<Array>();
  to->type = array.type;
  to->length = static_cast<int64_t>(indices.size());
  if (!TakeValues(array, indices, *to)) return Gather(array.type, RunsOf(array, indices));
  TakeValidity(array, indices, *to);
  return to;
}

ArrayPtr Concat(std::span<const ArrayPtr> arrays) {
  OG_CHECK(!arrays.empty());
  if (arrays.size() == 1) return arrays[0];
  std::vector<Run> runs;
  runs.reserve(arrays.size());
  for (const ArrayPtr& array : arrays)
    runs.push_back({array.get(), 0, array->length});
  return Gather(arrays[0]->type, runs);
}

int64_t DictionaryIndex(const Array& array, int64_t i) {
  switch (array.type->index_type->id) {
    case TypeId::kInt8:
      return array.Value<int8_t>(i);
    case TypeId::kUint8:
      return array.Value<uint8_t>(i);
    case TypeId::kInt16:
      return array.Value<int16_t>(i);
    case TypeId::kUint16:
      return array.Value<uint16_t>(i);
    case TypeId::kInt32:
      return array.Value<int32_t>(i);
    case TypeId::kUint32:
      return array.Value<uint32_t>(i);
    default:
      return array.Value<int64_t>(i);
  }
}

ArrayPtr DecodeDictionary(const ArrayPtr& array) {
  if (array->type->id != TypeId::kDictionary) return array;
  std::vector<int64_t> indices(Size(array->length), -1);
  for (int64_t i = 0; i < array->length; ++i) {
    if (array->IsValid(i)) indices[Size(i)] = DictionaryIndex(*array, i);
  }
  return Take(*array->dictionary, indices);
}

}  // namespace og::format
