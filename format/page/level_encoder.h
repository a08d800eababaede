// Block codecs of repetition and definition levels: one codec a page, applied chunk by chunk.
// For .cc files only: includes generated code.
//
// Flat, InlineBitpacking (chunks of at most 1024 levels), OutOfLineBitpacking with the width of the
// page's largest level, or, from file version 2.2 on, Rle: whichever takes the fewest bytes.
//
// Source: lance-encoding 10.0.0: src/compression.rs (create_block_compressor).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "format/page/value_encoder.h"
#include "io/base/buffer.h"

namespace og::format {

class LevelEncoder {
 public:
  // Chooses for `levels`, cut after chunk_levels[0], chunk_levels[1], ... of them.
  // REQUIRES: the counts sum to levels.size().
  LevelEncoder(std::span<const uint16_t> levels, std::span<const uint32_t> chunk_levels,
               bool allow_rle);

  // Appends one chunk and returns its bytes.
  size_t Append(std::span<const uint16_t> levels, io::MutableBuffer& out) const;

  CompressiveEncoding Encoding() const;

 private:
  enum class Codec : uint8_t { kFlat, kInline, kOutOfLine, kRle };

  Codec codec_ = Codec::kFlat;
  unsigned width_ = 0;  // of the largest level
};

}  // namespace og::format
