#include "format/page/value_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "format/codec/bitpack.h"
#include "format/codec/rle.h"
#include "io/base/bits.h"

namespace og::format {
namespace {

constexpr size_t kEntropyRuns = 16;
constexpr size_t kEntropyRunValues = 256;

}  // namespace

template <typename T>
WordStatistics StatisticsOf(std::span<const T> words) {
  WordStatistics out;
  out.num_values = words.size();
  out.group_widths.reserve(words.size() / kBitpackGroupValues + 1);
  size_t changes = 0;
  for (size_t at = 0; at < words.size(); at += kBitpackGroupValues) {
    const WordSurvey group = Survey(words, at, std::min(kBitpackGroupValues, words.size() - at));
    const unsigned width = io::BitLength(group.bits);
    changes += group.changes;
    out.group_widths.push_back(static_cast<uint8_t>(width));
    out.width = std::max(out.width, width);
    out.bitpacked_bytes += sizeof(T) + BitpackGroupBytes(width);
  }
  // The number of changes is a lower bound of the runs, and much cheaper to find.
  out.num_runs = words.empty() ? 0 : changes + 1;
  if (out.num_runs * (out.width / 8 + 1) < std::min(out.bitpacked_bytes, words.size_bytes())) {
    out.num_runs = CountRuns(words);
  }
  return out;
}

template WordStatistics StatisticsOf<uint8_t>(std::span<const uint8_t>);
template WordStatistics StatisticsOf<uint16_t>(std::span<const uint16_t>);
template WordStatistics StatisticsOf<uint32_t>(std::span<const uint32_t>);
template WordStatistics StatisticsOf<uint64_t>(std::span<const uint64_t>);

double ByteEntropy(std::span<const std::byte> values, size_t value_bytes) {
  const size_t num_values = values.size() / value_bytes;
  if (num_values == 0) {
    return 0;
  }
  const size_t run = std::min(num_values, kEntropyRunValues);
  const size_t runs =
      num_values <= kEntropyRuns * kEntropyRunValues ? (num_values + run - 1) / run : kEntropyRuns;
  double bits = 0;
  for (size_t b = 0; b < value_bytes; ++b) {
    std::array<unsigned, 256> counts{};
    unsigned total = 0;
    for (size_t r = 0; r < runs; ++r) {
      const size_t start = runs == 1 ? 0 : r * (num_values - run) / (runs - 1);
      for (size_t i = start; i < start + run; ++i) {
        ++counts[static_cast<uint8_t>(values[i * value_bytes + b])];
      }
      total += static_cast<unsigned>(run);
    }
    for (const unsigned count : counts) {
      if (count > 0) {
        const double p = static_cast<double>(count) / static_cast<double>(total);
        bits -= p * std::log2(p);
      }
    }
  }
  return bits / 8;
}

LeafValues SampleOf(const LeafValues& values, size_t windows, size_t window_values) {
  if (values.num_values <= windows * window_values) {
    return values;
  }
  LeafValues out;
  out.shape = values.shape;
  out.bits = values.bits;
  out.slot_items = values.slot_items;
  out.dimensions = values.dimensions;
  out.offset_bits = values.offset_bits;
  out.members = values.members;
  out.num_values = windows * window_values;
  if (values.has_offsets()) {
    out.offsets.reserve(out.num_values + 1);
    out.offsets.push_back(0);
  }
  io::MutableBuffer data;
  for (size_t w = 0; w < windows; ++w) {
    size_t start = windows == 1 ? 0 : w * (values.num_values - window_values) / (windows - 1);
    if (!values.has_offsets()) {
      const uint64_t bits = values.slot_bits();
      start = bits % 8 == 0 ? start : start / 8 * 8;
      data.Append(values.data.span().subspan(start * bits / 8, window_values * bits / 8));
      continue;
    }
    const uint64_t from = values.offsets[start];
    const uint64_t base = data.size();
    data.Append(values.data.span().subspan(from, values.offsets[start + window_values] - from));
    for (size_t i = 1; i <= window_values; ++i) {
      out.offsets.push_back(base + values.offsets[start + i] - from);
    }
  }
  out.data = std::move(data).Share();
  return out;
}

}  // namespace og::format
