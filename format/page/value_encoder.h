// Value codecs of mini-block pages: what the values of a page become, chunk by chunk. For .cc files
// only: includes generated code.
//
// A codec cuts the values into chunks of 2^k values (the last one takes the rest) and gives every
// chunk the same number of buffers:
//
//   Flat, InlineBitpacking, Variable, Fsst, ByteStreamSplit   1: values
//   Rle                                                       2: run values, run lengths
//   General                                                   those of the inner codec; buffer 0 is
//                                                             compressed
//   FixedSizeList                                             one bitmap for each list with null
//                                                             items, data
//
// The choice (PlanChunks) is by cost: the bytes of the file, and what decoding takes, in bytes that
// a disk of 1 GB/s reads meanwhile. Of the codecs that unpack about as fast as memory (Flat,
// bit-packing, run lengths, dictionaries, FSST) the smallest wins, and ties go to the one that
// reads faster. General compression is a choice of its own only where it is far smaller; where it
// was asked for, or with the option `compact`, wherever it is smaller. What it would give is found
// by compressing a sample.
//
//   codec             bytes                                    decoding, of decoded bytes
//   Flat              n * w                                    0
//   InlineBitpacking  per 1024 values: w + 128 * width         0.04
//   Rle               runs * (w + 1)                           0.04
//   lz4, zstd         by sample                                0.35, 0.80; split streams + 0.10
//
// Chunks aim at 4 to 8 KiB, the unit of random access; compressed ones at 16 KiB, or with `compact`
// at 64 KiB.
//
// Run lengths are flat and have 8 bits: Lance 14 refuses other parts of Rle below version 2.3.
//
// Source: lance-encoding 10.0.0: src/compression.rs, src/encodings/physical/*.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/codec/fsst_encoder.h"
#include "format/codec/general.h"
#include "format/page/leaf_values.h"
#include "format/page/page_options.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "io/base/buffer.h"

namespace og::format {

inline constexpr size_t kChunkValuesMax = 4096;
inline constexpr size_t kChunkBytesAim = 8186;      // of fixed-width values
inline constexpr size_t kTextChunkBytesAim = 4096;  // of text and its offsets

using CompressiveEncoding = lance::encodings21::CompressiveEncoding;

// The encoding messages, as the writer nests them.
CompressiveEncoding FlatEncoding(uint64_t bits);
CompressiveEncoding VariableEncoding(unsigned offset_bits);
CompressiveEncoding RleEncoding(uint64_t bits);
CompressiveEncoding ListEncoding(uint64_t item_bits, std::span<const ListDimension> dimensions);

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

// What the levels of a page leave to its chunks.
struct ChunkLimits {
  size_t values_max = kChunkValuesMax;  // a power of two, at least 2
  size_t compressed_bytes = 16384;      // aim for the values of a chunk before compression
};

// A choice of codec, not carried out yet.
struct ChunkPlan {
  enum class Codec : uint8_t { kFlat, kBitpacked, kRle, kSplit, kVariable, kFsst };

  Codec codec = Codec::kFlat;
  std::optional<Compression> general;
  int level = 0;
  uint64_t bytes = 0;                       // of the chunks, about; exact without `general`
  std::vector<uint8_t> group_widths;        // kBitpacked
  std::shared_ptr<const FsstEncoder> fsst;  // kFsst
};

// How fixed-width, variable-width and fixed-size-list values are best encoded.
absl::StatusOr<ChunkPlan> PlanChunks(const LeafValues& values, const CodecOptions& options,
                                     const ChunkLimits& limits);

// Carries `plan` out, in chunks of at most limits.values_max values. General compression that turns
// out to save nothing is left away unless `options` force it.
absl::StatusOr<ChunkedValues> EncodeChunks(const LeafValues& values, const ChunkPlan& plan,
                                           const CodecOptions& options, const ChunkLimits& limits);

// Parts of PlanChunks() and EncodeChunks(): fixed_encoder.cc and text_encoder.cc.
absl::StatusOr<ChunkPlan> PlanFixed(const LeafValues& values, const CodecOptions& options,
                                    const ChunkLimits& limits);
absl::StatusOr<ChunkPlan> PlanText(const LeafValues& values, const CodecOptions& options,
                                   const ChunkLimits& limits);
absl::StatusOr<ChunkedValues> EncodeFixed(const LeafValues& values, const ChunkPlan& plan,
                                          const CodecOptions& options, const ChunkLimits& limits);
absl::StatusOr<ChunkedValues> EncodeText(const LeafValues& values, const ChunkPlan& plan,
                                         const CodecOptions& options, const ChunkLimits& limits);

// How general compression is wanted for a page: whether by demand, and with what.
struct GeneralChoice {
  Compression compression = Compression::kLz4;
  int level = 0;
  bool is_forced = false;  // whatever it saves
  // It need not save time, only bytes: asked for, or `compact`.
  bool is_welcome = false;
};
// nullopt: none.
std::optional<GeneralChoice> GeneralOf(const CodecOptions& options);

// The bytes that decoding one byte costs.
inline constexpr double kPackedDecodeCost = 0.04;
double GeneralDecodeCost(Compression compression);

// Compresses buffer 0 of every chunk. `inner` itself if that saves nothing and is not forced.
absl::StatusOr<ChunkedValues> WrapGeneral(ChunkedValues inner, Compression compression, int level,
                                          bool is_forced);

struct TrainedFsst {
  std::shared_ptr<const FsstEncoder> encoder;
  double ratio = 1;  // bytes of codes over bytes of text, by sample
};
// An encoder for `values`; none if FSST is not wanted for them or, unless demanded, does not make
// them smaller.
TrainedFsst TrainFsst(const LeafValues& values, const CodecOptions& options);

// Distinct values and one u32 index per value.
struct DictionaryValues {
  LeafValues items;
  LeafValues indices;
};

// The dictionary of `values` if it may be worth one: variable-width, or 32 to 128 bits wide, at
// least 100 values, and fewer than half as many distinct ones. A null slot has the index of the
// empty or zero value. Looks at a sample first. `light_bytes`, if known, is what fixed-width values
// take without dictionary and compression; none is made that a sample says does not take less.
std::optional<DictionaryValues> BuildDictionary(const LeafValues& values,
                                                const CodecOptions& options,
                                                std::optional<uint64_t> light_bytes);

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
