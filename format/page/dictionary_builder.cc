// BuildDictionary() of value_encoder.h: an open-addressing table over the values of one page.

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "format/page/value_encoder.h"
#include "io/base/bits.h"

namespace og::format {
namespace {

constexpr size_t kValuesMin = 100;
constexpr size_t kItemsMax = 100000;
constexpr size_t kSampleValues = 4096;
constexpr size_t kSampleRuns = 32;
constexpr double kSampleUniqueMax = 0.98;

// The values of a page as byte strings.
class ValueView {
 public:
  explicit ValueView(const LeafValues& values)
      : values_(values), width_(values.shape == LeafShape::kFixed ? values.bits / 8 : 0) {}

  std::string_view operator[](size_t i) const {
    const auto* const data = reinterpret_cast<const char*>(values_.data.data());
    if (width_ > 0) {
      return {data + i * width_, width_};
    }
    return {data + values_.offsets[i], values_.offsets[i + 1] - values_.offsets[i]};
  }

 private:
  const LeafValues& values_;
  const size_t width_;
};

// Numbers distinct values in the order of their first occurrence.
class Numbering {
 public:
  Numbering(const ValueView& values, size_t items_max) : values_(values) {
    Rehash(std::bit_ceil(std::clamp<size_t>(items_max * 2, 64, 1024)));
  }

  // The number of value i; a new one if it was not seen before.
  uint32_t Number(size_t i) {
    const std::string_view value = values_[i];
    const uint64_t hash = XXH3_64bits(value.data(), value.size());
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
    bytes_ += value.size();
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
      const std::string_view value = values_[first_[number]];
      const uint64_t hash = XXH3_64bits(value.data(), value.size());
      size_t slot = static_cast<size_t>(hash) & mask_;
      while (slots_[slot].number != kFree) {
        slot = (slot + 1) & mask_;
      }
      slots_[slot] = {static_cast<uint32_t>(hash >> 32), number};
    }
  }

  const ValueView& values_;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  std::vector<uint32_t> first_;
  size_t bytes_ = 0;
};

// Whether a sample in evenly spaced runs leaves hope for few distinct values.
bool SampleLooksRepetitive(const ValueView& view, size_t num_values, size_t items_max) {
  if (num_values < kSampleValues) {
    return true;
  }
  Numbering numbering(view, kSampleValues);
  constexpr size_t kRun = kSampleValues / kSampleRuns;
  for (size_t run = 0; run < kSampleRuns; ++run) {
    const size_t start = run * (num_values - kRun) / (kSampleRuns - 1);
    for (size_t i = 0; i < kRun; ++i) {
      numbering.Number(start + i);
    }
  }
  const double unique = static_cast<double>(numbering.size()) / kSampleValues;
  // A sample has relatively more distinct values than the page; only a hopeless one stops here.
  return unique < kSampleUniqueMax ||
         static_cast<double>(num_values) * 0.05 > static_cast<double>(items_max);
}

}  // namespace

std::optional<DictionaryValues> BuildDictionary(const LeafValues& values,
                                                const CodecOptions& options) {
  const bool is_forced = options.forced_codec == ForcedCodec::kDictionary;
  if (options.forced_codec != ForcedCodec::kNone && !is_forced) {
    return std::nullopt;
  }
  const bool is_candidate =
      values.shape == LeafShape::kVariable ||
      (values.shape == LeafShape::kFixed && !values.is_list() && values.dictionary == nullptr &&
       (values.bits == 32 || values.bits == 64 || values.bits == 128));
  if (!is_candidate || values.num_values > UINT32_MAX ||
      (!is_forced && values.num_values < kValuesMin)) {
    return std::nullopt;
  }
  const ValueView view(values);
  const size_t item_overhead = values.shape == LeafShape::kVariable ? values.offset_bits / 8 : 0;
  const size_t raw_bytes = values.data.size() + values.num_values * item_overhead;
  const size_t items_max =
      is_forced ? values.num_values
                : std::min<size_t>(values.num_values / options.dictionary_divisor, kItemsMax);
  const double bytes_max =
      is_forced ? 1e300 : options.dictionary_size_ratio * static_cast<double>(raw_bytes);
  if (!is_forced && !SampleLooksRepetitive(view, values.num_values, items_max)) {
    return std::nullopt;
  }
  io::MutableBuffer indices(values.num_values * sizeof(uint32_t));
  auto* const index = indices.as<uint32_t>();
  Numbering numbering(view, items_max);
  for (size_t i = 0; i < values.num_values; ++i) {
    index[i] = numbering.Number(i);
    if (numbering.size() > items_max) {
      return std::nullopt;
    }
  }
  const double index_bits = io::BitLength(numbering.size() - 1);
  const double bytes = static_cast<double>(numbering.bytes() + numbering.size() * item_overhead) +
                       index_bits / 8 * static_cast<double>(values.num_values);
  if (bytes > bytes_max) {
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
  for (const uint32_t first : numbering.first()) {
    const std::string_view value = view[first];
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

}  // namespace og::format
