// BuildDictionary() of value_encoder.h: an open-addressing table over the values of one page.

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format/codec/bitpack.h"
#include "format/page/value_encoder.h"
#include "io/base/bits.h"

namespace og::format {
namespace {

constexpr size_t kValuesMin = 100;
constexpr size_t kItemsMax = 100000;
constexpr size_t kSampleValues = 4096;
constexpr size_t kSampleRuns = 32;
constexpr size_t kSampleBytes = size_t{512} << 10;  // about
constexpr double kSampleUniqueMax = 0.98;

// The values of a page as byte strings.
class Strings {
 public:
  explicit Strings(const LeafValues& values)
      : values_(values), width_(values.shape == LeafShape::kFixed ? values.bits / 8 : 0) {}

  std::string_view operator[](size_t i) const {
    const auto* const data = reinterpret_cast<const char*>(values_.data.data());
    if (width_ > 0) {
      return {data + i * width_, width_};
    }
    return {data + values_.offsets[i], values_.offsets[i + 1] - values_.offsets[i]};
  }
  static uint64_t HashOf(std::string_view value) { return XXH3_64bits(value.data(), value.size()); }
  static size_t BytesOf(std::string_view value) { return value.size(); }

 private:
  const LeafValues& values_;
  const size_t width_;
};

// The values of a page as numbers.
template <typename T>
class Words {
 public:
  explicit Words(const LeafValues& values) : data_(values.data.as<T>()) {}

  T operator[](size_t i) const { return data_[i]; }
  static uint64_t HashOf(T value) {
    const uint64_t mixed = (value ^ value >> (sizeof(T) * 4)) * 0x9e3779b97f4a7c15u;
    return mixed ^ mixed >> 32;
  }
  static size_t BytesOf(T) { return sizeof(T); }

 private:
  const T* data_;
};

// Numbers distinct values in the order of their first occurrence.
template <typename Values>
class Numbering {
 public:
  Numbering(const Values& values, size_t items_max) : values_(values) {
    Rehash(std::bit_ceil(std::clamp<size_t>(items_max * 2, 64, 1024)));
  }

  // The number of value i; a new one if it was not seen before.
  uint32_t Number(size_t i) {
    const auto value = values_[i];
    const uint64_t hash = Values::HashOf(value);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    size_t slot = static_cast<size_t>(hash) & mask_;
    while (slots_[slot].number != kFree) {
      if (slots_[slot].tag == tag && values_[first_[slots_[slot].number]] == value) {
        return slots_[slot].number;
      }
      slot = (slot + 1) & mask_;
    }
    const auto number = static_cast<uint32_t>(first_.size());
    slots_[slot] = {tag, number};
    first_.push_back(static_cast<uint32_t>(i));
    bytes_ += Values::BytesOf(value);
    if (first_.size() * 2 > slots_.size()) {
      Rehash(slots_.size() * 4);
    }
    return number;
  }

  size_t size() const { return first_.size(); }
  size_t bytes() const { return bytes_; }
  // The value number that item `number` was first seen at.
  std::span<const uint32_t> first() const { return first_; }

 private:
  static constexpr uint32_t kFree = UINT32_MAX;
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = kFree;
  };

  void Rehash(size_t num_slots) {
    slots_.assign(num_slots, {});
    mask_ = num_slots - 1;
    for (uint32_t number = 0; number < first_.size(); ++number) {
      const uint64_t hash = Values::HashOf(values_[first_[number]]);
      size_t slot = static_cast<size_t>(hash) & mask_;
      while (slots_[slot].number != kFree) {
        slot = (slot + 1) & mask_;
      }
      slots_[slot] = {static_cast<uint32_t>(hash >> 32), number};
    }
  }

  const Values& values_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  std::vector<uint32_t> first_;
  size_t bytes_ = 0;
};

// What a sample in evenly spaced runs says about all values.
struct Estimate {
  double unique = 0;    // share of the sample
  double distinct = 0;  // of all values
  double changes = 1;   // share of values that differ from the one before
};

template <typename Values>
Estimate EstimateOf(const Values& values, size_t num_values, size_t sample_values) {
  Numbering<Values> numbering(values, sample_values);
  std::vector<uint32_t> counts;
  size_t changes = 0;
  const size_t run_values = sample_values / kSampleRuns;
  for (size_t run = 0; run < kSampleRuns; ++run) {
    const size_t start = run * (num_values - run_values) / (kSampleRuns - 1);
    uint32_t former = UINT32_MAX;
    for (size_t i = 0; i < run_values; ++i) {
      const uint32_t number = numbering.Number(start + i);
      counts.resize(numbering.size());
      ++counts[number];
      changes += number != former ? 1 : 0;
      former = number;
    }
  }
  const auto count = static_cast<double>(kSampleRuns * run_values);
  const auto found = static_cast<double>(numbering.size());
  const auto once = static_cast<double>(std::ranges::count(counts, 1u));
  const auto twice = static_cast<double>(std::ranges::count(counts, 2u));
  Estimate out;
  out.unique = found / count;
  // After Chao: those that a sample missed, from those that it met once and twice.
  out.distinct =
      std::min(found + once * (once - 1) / (2 * (twice + 1)), static_cast<double>(num_values));
  out.changes = static_cast<double>(changes) / count;
  return out;
}

// The least bytes that indices and items take: packed as numbers, or the indices in runs.
double DictionaryBytesMin(const Estimate& estimate, size_t num_values) {
  const auto n = static_cast<double>(num_values);
  const double index_bits =
      io::BitLength(static_cast<uint64_t>(std::max(estimate.distinct, 1.0)) - 1);
  const double packed = n / kBitpackGroupValues * sizeof(uint32_t) + n * index_bits / 8;
  const double in_runs = n * estimate.changes * (sizeof(uint32_t) + 1);
  return std::min(packed, in_runs) + estimate.distinct * index_bits / 8;
}

struct Limits {
  bool is_forced = false;
  size_t items_max = 0;
  double bytes_max = 0;
  size_t item_overhead = 0;
  std::optional<uint64_t> light_bytes;
};

template <typename Values>
std::optional<DictionaryValues> Build(const Values& view, const LeafValues& values,
                                      const Limits& limits) {
  // Long values are hashed as a whole: fewer of them.
  const size_t value_bytes = values.data.size() / values.num_values + 1;
  const size_t sample_values =
      std::clamp(kSampleBytes / value_bytes, kSampleRuns * 8, kSampleValues);
  if (!limits.is_forced && values.num_values >= kSampleValues) {
    const Estimate estimate = EstimateOf(view, values.num_values, sample_values);
    // A sample has relatively more distinct values than the page; only a hopeless one stops here.
    if (estimate.unique >= kSampleUniqueMax &&
        static_cast<double>(values.num_values) * 0.05 <= static_cast<double>(limits.items_max)) {
      return std::nullopt;
    }
    if (limits.light_bytes && DictionaryBytesMin(estimate, values.num_values) >=
                                  static_cast<double>(*limits.light_bytes)) {
      return std::nullopt;
    }
  }
  io::MutableBuffer indices(values.num_values * sizeof(uint32_t));
  auto* const index = indices.as<uint32_t>();
  Numbering<Values> numbering(view, limits.items_max);
  for (size_t i = 0; i < values.num_values; ++i) {
    index[i] = numbering.Number(i);
    if (numbering.size() > limits.items_max) {
      return std::nullopt;
    }
  }
  const double index_bits = io::BitLength(numbering.size() - 1);
  const double bytes =
      static_cast<double>(numbering.bytes() + numbering.size() * limits.item_overhead) +
      index_bits / 8 * static_cast<double>(values.num_values);
  if (bytes > limits.bytes_max) {
    return std::nullopt;
  }
  DictionaryValues out;
  out.items.shape = values.shape;
  out.items.num_values = numbering.size();
  out.items.bits = values.bits;
  out.items.offset_bits = values.offset_bits;
  io::MutableBuffer bytes_of_items(numbering.bytes());
  size_t at = 0;
  if (values.shape == LeafShape::kVariable) {
    out.items.offsets.reserve(numbering.size() + 1);
    out.items.offsets.push_back(0);
  }
  const Strings strings(values);
  for (const uint32_t first : numbering.first()) {
    const std::string_view value = strings[first];
    if (!value.empty()) {
      std::memcpy(bytes_of_items.data() + at, value.data(), value.size());
    }
    at += value.size();
    if (values.shape == LeafShape::kVariable) {
      out.items.offsets.push_back(at);
    }
  }
  out.items.data = std::move(bytes_of_items).Share();
  out.indices.shape = LeafShape::kFixed;
  out.indices.num_values = values.num_values;
  out.indices.bits = 32;
  out.indices.data = std::move(indices).Share();
  return out;
}

}  // namespace

std::optional<DictionaryValues> BuildDictionary(const LeafValues& values,
                                                const CodecOptions& options,
                                                std::optional<uint64_t> light_bytes) {
  Limits limits;
  limits.is_forced = options.forced_codec == ForcedCodec::kDictionary;
  if (options.forced_codec != ForcedCodec::kNone && !limits.is_forced) {
    return std::nullopt;
  }
  const bool is_candidate =
      values.shape == LeafShape::kVariable ||
      (values.shape == LeafShape::kFixed && !values.is_list() && values.dictionary == nullptr &&
       (values.bits == 32 || values.bits == 64 || values.bits == 128));
  if (!is_candidate || values.num_values == 0 || values.num_values > UINT32_MAX ||
      (!limits.is_forced && values.num_values < kValuesMin)) {
    return std::nullopt;
  }
  limits.light_bytes = light_bytes;
  limits.item_overhead = values.shape == LeafShape::kVariable ? values.offset_bits / 8 : 0;
  const size_t raw_bytes = values.data.size() + values.num_values * limits.item_overhead;
  limits.items_max =
      limits.is_forced
          ? values.num_values
          : std::min<size_t>(values.num_values / options.dictionary_divisor, kItemsMax);
  limits.bytes_max =
      limits.is_forced ? 1e300 : options.dictionary_size_ratio * static_cast<double>(raw_bytes);
  if (values.shape == LeafShape::kFixed && values.bits == 32) {
    return Build(Words<uint32_t>(values), values, limits);
  }
  if (values.shape == LeafShape::kFixed && values.bits == 64) {
    return Build(Words<uint64_t>(values), values, limits);
  }
  return Build(Strings(values), values, limits);
}

}  // namespace og::format
