// Decoding values and levels of one mini-block chunk, and blocks (levels, dictionaries).
//
// A chunk has one buffer (two with run lengths, one more for each level of fixed-size list whose
// items have validity). What is decoded goes straight into a ValueSink.
//
// Source: lance-encoding 10.0.0: src/compression.rs, src/encodings/physical/*.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/page/value_codec.h"
#include "format/page/value_sink.h"
#include "io/base/buffer.h"

namespace og::format {

// Values [begin, end) of a chunk.
struct ValueRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Memory that one thread uses again from chunk to chunk.
struct DecodeScratch {
  io::MutableBuffer decompressed;
  io::MutableBuffer run_parts[4];  // values and lengths, decompressed and unpacked
  io::MutableBuffer values;
  io::MutableBuffer indices;
  std::vector<uint16_t> rep;
  std::vector<uint16_t> def;
  std::vector<uint8_t> row_marks;  // of the levels of a chunk
  std::vector<uint8_t> value_marks;
};

using ChunkBuffers = std::span<const std::span<const std::byte>>;

// Value buffers of a chunk that `codec` makes.
size_t NumChunkBuffers(const ValueCodec& codec);

// Whether a page of columns of `shape` may have values in `codec`. kDataLoss if widths or
// dimensions differ, kUnimplemented for a codec that does not stand in chunks.
absl::Status CheckChunkCodec(const ValueCodec& codec, const ValueShape& shape);

// Appends values `ranges` (ascending, disjoint) of a chunk of `n` values.
// REQUIRES: CheckChunkCodec(codec, sink.shape()), NumChunkBuffers(codec) buffers.
absl::Status DecodeChunk(const ValueCodec& codec, uint64_t n, ChunkBuffers buffers,
                         std::span<const ValueRange> ranges, DecodeScratch& scratch,
                         ValueSink& sink);

// Decodes a chunk of `n` dictionary indices of 8 to 64 bits as 32-bit numbers, which live in
// `scratch`. kDataLoss if one needs more bits.
absl::StatusOr<std::span<const uint32_t>> DecodeIndices(const ValueCodec& codec, uint64_t n,
                                                        ChunkBuffers buffers,
                                                        DecodeScratch& scratch);

// Decodes `n` levels of a block into `levels`. `codec` null: raw 16-bit levels.
absl::Status DecodeLevels(const ValueCodec* codec, std::span<const std::byte> block, uint64_t n,
                          DecodeScratch& scratch, uint16_t* levels);

// Decodes the `n` values of a dictionary block of columns of `shape`, which is kBytes or kVariable.
absl::StatusOr<ArrayPtr> DecodeDictionaryBlock(const ValueCodec& codec, const ValueShape& shape,
                                               std::span<const std::byte> block, uint64_t n);

}  // namespace og::format
