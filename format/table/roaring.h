// 32-bit Roaring bitmaps in their portable serialisation, as sorted values.
//
//   u32 cookie 12346 | u32 num_containers                 no run containers
//   u16 cookie 12347 | u16 num_containers - 1 | bitset    bit i set: container i holds runs
//   per container: u16 key | u16 cardinality - 1
//   per container: u32 offset from the start              cookie 12347: only with 4 or more
//   containers: array  cardinality ascending u16 values   (cardinality <= 4096)
//               bitset 8192 bytes                         (cardinality > 4096)
//               runs   u16 num_runs, then u16 start | u16 length - 1 each
//
// The decoder is our own because its input is not trusted: CRoaring 0.2 believes the cardinalities.
// Source: RoaringFormatSpec ("portable" format).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace og::format {

// The values, ascending. kDataLoss if the bytes are no such bitmap or hold more than `size_max`
// values; bytes after the last container are an error as well.
absl::StatusOr<std::vector<uint32_t>> DecodeRoaring(std::string_view bytes, uint64_t size_max);

// The same for the bitmap at the start of `bytes`, which moves on to what follows it.
absl::StatusOr<std::vector<uint32_t>> DecodeRoaringPrefix(std::string_view& bytes,
                                                          uint64_t size_max);

// The bytes for `values`, without run containers. REQUIRES: ascending, distinct.
std::string EncodeRoaring(std::span<const uint32_t> values);

}  // namespace og::format
