// FastLanes bit-packing: 1024 unsigned values of T bits in W bits each, 0 <= W <= T, and the two
// Lance encodings made of such groups. T is 8, 16, 32 or 64.
//
// A group is W words of 1024 bits = 128 * W bytes. With LANES = 1024 / T, word k of lane l is the
// T-bit word `packed[k * LANES + l]`; a lane is a stream of W words, least significant bit first,
// whose row r holds the value number
//
//   ORDER[r / 8] * 16 + (r % 8) * 128 + l      ORDER = 0 4 2 6 1 5 3 7
//
// W = 0 stores nothing; W = T still permutes the values.
//
//   inline       one T-bit word with W, then one group; at most 1024 values, zero-filled
//   out of line  no header, W is in the metadata: full groups, then the tail of t = n % 1024
//                values: a zero-filled group if t > 1024 * W / T, else t T-bit words as they are
//
// Both encodings take values by their bit pattern: no frame of reference, no zig-zag.
//
// Packed bytes need no alignment. Everything here is pure and safe from any thread. The loops have
// variants for AVX2 and AVX-512 (bitpack_avx2.cc, bitpack_avx512.cc), chosen once at start;
// UnpackValue is the definition that a test holds all of them against.
//
// Source: lance-bitpacking 10.0.0: src/lib.rs; lance-encoding 10.0.0:
// src/encodings/physical/bitpacking.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"

#include "io/base/bits.h"
#include "io/base/buffer.h"
#include "io/base/endian.h"

namespace og::format {

inline constexpr size_t kBitpackGroupValues = 1024;

// Bytes of one group of values of `width` bits.
constexpr size_t BitpackGroupBytes(unsigned width) {
  return kBitpackGroupValues / 8 * width;
}

// Packs the 1024 values at `values`, each below 2^width, into BitpackGroupBytes(width) bytes.
// REQUIRES: width <= bits of T. T is one of uint8_t, uint16_t, uint32_t, uint64_t.
template <typename T>
void PackGroup(const T* values, unsigned width, std::byte* packed);

// Unpacks one group into the 1024 values at `values`. REQUIRES: width <= bits of T.
template <typename T>
void UnpackGroup(const std::byte* packed, unsigned width, T* values);

// Value i of one group, in constant time. REQUIRES: width <= bits of T, i < 1024.
template <typename T>
T UnpackValue(const std::byte* packed, unsigned width, size_t i);

// What the choice of a width, or of runs instead, needs to know about values.
struct WordSurvey {
  uint64_t bits = 0;   // those that any value has
  size_t changes = 0;  // how often a value differs from the one before it
};
// Of values [start, start + count) of `values`, the first of them compared with the one before it
// as well. REQUIRES: inside `values`.
template <typename T>
WordSurvey Survey(std::span<const T> values, size_t start, size_t count);

// The smallest W that holds all `values`: 0 if all are 0.
template <typename T>
unsigned BitpackWidth(std::span<const T> values);

// Appends the inline encoding of at most 1024 values. REQUIRES: every value is below 2^width.
template <typename T>
void AppendInlineBitpacked(std::span<const T> values, unsigned width, io::MutableBuffer& out);

// Decodes the inline encoding of values.size() values.
//
//   kDataLoss  more than 1024 values, W > T, or a size that is not one word and 128 * W bytes
template <typename T>
absl::Status DecodeInlineBitpacked(std::span<const std::byte> encoded, std::span<T> values);

// Bytes of the out-of-line encoding of `num_values` values of T in `width` bits.
template <typename T>
constexpr size_t OutOfLineBitpackedBytes(size_t num_values, unsigned width) {
  const size_t tail = num_values % kBitpackGroupValues;
  const size_t group_words = BitpackGroupBytes(width) / sizeof(T);
  return (num_values / kBitpackGroupValues) * BitpackGroupBytes(width) +
         (tail > group_words ? BitpackGroupBytes(width) : tail * sizeof(T));
}

// Appends the out-of-line encoding. REQUIRES: every value is below 2^width.
template <typename T>
void AppendOutOfLineBitpacked(std::span<const T> values, unsigned width, io::MutableBuffer& out);

// Decodes the out-of-line encoding of values.size() values. The tail is taken as raw words exactly
// when the size says so.
//
//   kDataLoss  W > T, or a size that neither form of the tail has
template <typename T>
absl::Status DecodeOutOfLineBitpacked(std::span<const std::byte> encoded, unsigned width,
                                      std::span<T> values);

// The variants of the loops, for the test that compares them. `name` is "portable", "avx2" or
// "avx512"; the index is log2 of the bytes of T. `survey` looks at most at 1024 values, and at the
// one before them.
struct BitpackVariant {
  const char* name;
  void (*pack[4])(const std::byte* values, unsigned width, std::byte* packed);
  void (*unpack[4])(const std::byte* packed, unsigned width, std::byte* values);
  WordSurvey (*survey[4])(const std::byte* values, size_t count);
};

// Those that this machine can run, slowest first; the last one is in use.
std::span<const BitpackVariant> BitpackVariants();

}  // namespace og::format
