// Value codecs of mini-block pages: what the values of a page become, chunk by chunk. For .cc files
// only: includes generated code.
//
// A codec cuts the values into chunks of 2^k values (the last one takes the rest) and gives every
// chunk the same number of buffers:
//
//   Flat, InlineBitpacking, Variable, Fsst, ByteStreamSplit   1: values
//   Rle                                                       2: run values, run lengths
//   General                                                   those of the inner codec; 0
//   compressed FixedSizeList                                             one bitmap per list with
//   null items, data
//
// The smallest codec wins; ties go to the one that reads faster. Chunks aim at 4 to 8 KiB, the unit
// of random access.
//
// Source: lance-encoding 10.0.0: src/compression.rs, src/encodings/physical/*.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/type.h"
#include "format/page/leaf_values.h"
#include "format/page/page_options.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "io/base/buffer.h"

namespace og::format {

inline constexpr size_t kChunkValuesMax = 4096;
inline constexpr size_t kChunkBytesAim = 8186;

using CompressiveEncoding = lance::encodings21::CompressiveEncoding;

// The encoding messages, as the writer nests them.
CompressiveEncoding FlatEncoding(uint64_t bits);
CompressiveEncoding VariableEncoding(unsigned offset_bits);
CompressiveEncoding RleEncoding(uint64_t bits);

// Values in chunks. Chunk c has chunk_values[c] values, and buffer b of it buffer_sizes[c *
// num_buffers + b] bytes, taken from buffers[b] one after the other.
struct ChunkedValues {
  CompressiveEncoding encoding;
  size_t num_buffers = 1;
  std::vector<uint32_t> chunk_values;
  std::vector<uint32_t> buffer_sizes;
  std::vector<io::Buffer> buffers;

  size_t num_bytes() const;
};

// Encodes fixed-width, variable-width and fixed-size-list values in chunks of at most
// `chunk_values_max` values, a power of two of at least 2.
absl::StatusOr<ChunkedValues> EncodeChunks(const LeafValues& values, const CodecOptions& options,
                                           size_t chunk_values_max);

// Distinct values and one u32 index per value.
struct DictionaryValues {
  LeafValues items;
  LeafValues indices;
};

// The dictionary of `values` if it is worth one: variable-width, or 64 (if the file version has
// that) or 128 bits wide, at least 100 values, and fewer than half as many distinct ones. A null
// slot has the index of the empty or zero value. Looks at a sample first.
std::optional<DictionaryValues> BuildDictionary(const LeafValues& values,
                                                const CodecOptions& options);

// Values as one block, as page buffers of dictionaries hold them.
struct BlockValues {
  CompressiveEncoding encoding;
  io::Buffer bytes;
};
absl::StatusOr<BlockValues> EncodeDictionaryBlock(const LeafValues& items,
                                                  const CodecOptions& options);

// Values that went through a per-value codec, each on its own: full-zip pages of variable width.
struct PerValueBytes {
  CompressiveEncoding encoding;
  std::vector<uint64_t> offsets;
  io::Buffer bytes;
};
absl::StatusOr<PerValueBytes> EncodePerValue(const LeafValues& values, const CodecOptions& options);

}  // namespace og::format
