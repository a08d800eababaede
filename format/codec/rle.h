// Run-length encoding: run values and run lengths in two buffers.
//
//   values    num_runs values of T bits, T = 8, 16, 32 or 64
//   lengths   num_runs lengths of 8 bits (file version 2.3: 8, 16 or 32); a longer run is split
//             and its value repeated; the lengths of a chunk sum to its number of values
//
//   mini-block   value buffer 0 = values, value buffer 1 = lengths
//   block        u64 bytes of values | values | lengths
//
// Everything here is pure and safe from any thread.
//
// Source: lance-encoding 10.0.0: src/encodings/physical/rle.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/buffer.h"

namespace og::format {

inline constexpr size_t kRleRunMax = 255;
inline constexpr size_t kRleBlockHeaderBytes = 8;

// Number of runs that AppendRuns makes of `values`. T is an unsigned integer of 8 to 64 bits.
template <typename T>
size_t CountRuns(std::span<const T> values);

// Appends the runs of `values`, lengths of 8 bits.
template <typename T>
void AppendRuns(std::span<const T> values, io::MutableBuffer& run_values,
                io::MutableBuffer& run_lengths);

// How many of `values`, from the first one, fit into `runs_max` runs.
template <typename T>
size_t ValuesInRuns(std::span<const T> values, size_t runs_max);

// Expands runs into values.size() values. `length_bits` is 8, 16 or 32.
//
//   kDataLoss  buffers that are no whole number of entries or differ in count, lengths that do not
//              sum to values.size(), or another length_bits
template <typename T>
absl::Status ExpandRuns(std::span<const std::byte> run_values,
                        std::span<const std::byte> run_lengths, unsigned length_bits,
                        std::span<T> values);

// Appends the block form of `values`.
template <typename T>
void AppendRleBlock(std::span<const T> values, io::MutableBuffer& out);

struct RleBlock {
  std::span<const std::byte> values;
  std::span<const std::byte> lengths;
};

// The two parts of a block. kDataLoss if it is shorter than its header says.
absl::StatusOr<RleBlock> SplitRleBlock(std::span<const std::byte> block);

}  // namespace og::format
