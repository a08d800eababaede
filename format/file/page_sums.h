// Checksums of the pages of a data file: a global buffer of ours, the last one of the file. Lance
// reads global buffers by number only and never looks at it.
//
//   offset      bytes  content
//        0          8  "OGPGSUM1"
//        8          8  number of columns C
//       16          8  sum of the file descriptor (global buffer 0)
//       24        8 C  number of pages of each column; together P
//  24 + 8 C       8 P  sum of each page: columns in their order, pages in that of their column
//  24 + 8 (C + P)   8  sum of all bytes before it
//
// Little-endian. A sum is XXH3-64 with seed 0. That of a page runs over: for each buffer its size
// (u64) and its bytes, then the rows of the page (u64), then the message that says how it is
// encoded (the value inside the Any). Bytes that pages only point at, those of blobs, have no sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

struct XXH3_state_s;

namespace og::format {

inline constexpr std::string_view kPageSumsMagic = "OGPGSUM1";

// The sum of one page, whose bytes may come in pieces.
class PageSummer {
 public:
  PageSummer();
  ~PageSummer();
  PageSummer(const PageSummer&) = delete;
  PageSummer& operator=(const PageSummer&) = delete;

  // Starts a buffer of `bytes` bytes, which then come through Add().
  void BeginBuffer(uint64_t bytes);
  void Add(std::span<const std::byte> bytes);
  // Ends the page; the next BeginBuffer() starts another one.
  uint64_t Finish(uint64_t num_rows, std::string_view encoding);

 private:
  XXH3_state_s* const state_;
};

// The sum of bytes that are at hand.
uint64_t SumOf(std::span<const std::byte> bytes);

struct PageSums {
  uint64_t descriptor = 0;
  std::vector<std::vector<uint64_t>> columns;  // the sums of their pages

  friend bool operator==(const PageSums&, const PageSums&) = default;
};

std::string EncodePageSums(const PageSums& sums);

// REQUIRES: `bytes` start with kPageSumsMagic.
//
//   kDataLoss  counts that do not fit the size, or another sum than the last one
absl::StatusOr<PageSums> DecodePageSums(std::span<const std::byte> bytes);

}  // namespace og::format
