// What the choice of a codec is made from: one pass over fixed-width values, and samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "format/page/leaf_values.h"

namespace og::format {

// Of values of 8, 16, 32 or 64 bits, as unsigned numbers.
struct WordStatistics {
  size_t num_values = 0;
  unsigned width = 0;                 // bits of the greatest value
  std::vector<uint8_t> group_widths;  // the same for each 1024 values
  size_t bitpacked_bytes = 0;         // in-line bit-packed
  // Runs, none longer than run-length encoding can say; or fewer, where run-length encoding cannot
  // win.
  size_t num_runs = 0;

  double mean_run() const {
    return num_runs == 0 ? 0 : static_cast<double>(num_values) / static_cast<double>(num_runs);
  }
};

// Linear; T is an unsigned integer of 8 to 64 bits.
template <typename T>
WordStatistics StatisticsOf(std::span<const T> words);

// The sum over the byte positions of a value of the order-0 entropy of the bytes there, in bytes:
// an estimate of what an entropy coder makes of one value. Looks at up to 4096 values. 0 without
// values.
double ByteEntropy(std::span<const std::byte> values, size_t value_bytes);

// Up to `windows` windows of `window_values` values each, evenly spaced, as values of their own;
// all values where the windows would cover them. REQUIRES: fixed-width values without item
// validity, or values with offsets; window_values a multiple of 8 for values of single bits.
LeafValues SampleOf(const LeafValues& values, size_t windows, size_t window_values);

}  // namespace og::format
