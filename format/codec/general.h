// General-purpose compression of whole buffers: zstd and LZ4, with Lance's framing.
//
//   zstd   u64 uncompressed bytes | one zstd frame; a bare frame is accepted when reading, and
//          nothing for nothing
//   lz4    u32 uncompressed bytes | one LZ4 block
//
// Pure; safe from any thread. Source: lance-encoding 10.0.0: src/encodings/physical/general.rs,
// src/encodings/physical/block.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"

#include "io/base/buffer.h"

namespace og::format {

enum class Compression : uint8_t { kLz4, kZstd };

// The most that one payload may expand to: 1 GiB. A payload is at most one page.
inline constexpr size_t kDecompressedBytesMax = size_t{1} << 30;

// Replaces the contents of `out` by the decompressed payload.
//
//   kDataLoss  a payload that is damaged or does not have the size it states, or that states more
//              than kDecompressedBytesMax or than its bytes can stand for
absl::Status Decompress(Compression compression, std::span<const std::byte> payload,
                        io::MutableBuffer& out);

// Appends the compressed form of `bytes` to `out`. `level` is zstd's, 0 its default.
// kInvalidArgument if there are more than kDecompressedBytesMax.
absl::Status AppendCompressed(Compression compression, int level, std::span<const std::byte> bytes,
                              io::MutableBuffer& out);

}  // namespace og::format
