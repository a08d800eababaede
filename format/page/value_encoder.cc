#include "format/page/value_encoder.h"

#include <algorithm>
#include <utility>

#include "io/base/check.h"
#include "io/base/status_macros.h"

namespace og::format {
namespace {

constexpr int kCompactZstdLevel = 6;

// `values` compressed, as the message says it.
CompressiveEncoding GeneralEncoding(Compression compression, int level,
                                    CompressiveEncoding values) {
  CompressiveEncoding encoding;
  auto* const general = encoding.mutable_general();
  general->mutable_compression()->set_scheme(compression == Compression::kZstd
                                                 ? lance::encodings21::COMPRESSION_ALGORITHM_ZSTD
                                                 : lance::encodings21::COMPRESSION_ALGORITHM_LZ4);
  if (compression == Compression::kZstd) {
    general->mutable_compression()->set_level(level);
  }
  *general->mutable_values() = std::move(values);
  return encoding;
}

}  // namespace

CompressiveEncoding FlatEncoding(uint64_t bits) {
  CompressiveEncoding encoding;
  encoding.mutable_flat()->set_bits_per_value(bits);
  return encoding;
}

CompressiveEncoding VariableEncoding(unsigned offset_bits) {
  CompressiveEncoding encoding;
  *encoding.mutable_variable()->mutable_offsets() = FlatEncoding(offset_bits);
  return encoding;
}

CompressiveEncoding RleEncoding(uint64_t bits) {
  CompressiveEncoding encoding;
  *encoding.mutable_rle()->mutable_values() = FlatEncoding(bits);
  *encoding.mutable_rle()->mutable_run_lengths() = FlatEncoding(8);
  return encoding;
}

size_t ChunkedValues::num_bytes() const {
  size_t bytes = 0;
  for (const io::Buffer& buffer : buffers) {
    bytes += buffer.size();
  }
  return bytes;
}

std::optional<GeneralChoice> GeneralOf(const CodecOptions& options) {
  const int level = options.compression_level != 0 ? options.compression_level
                    : options.compact              ? kCompactZstdLevel
                                                   : 0;
  switch (options.forced_codec) {
    case ForcedCodec::kZstd:
    case ForcedCodec::kRleZstd:
    case ForcedCodec::kFsstZstd:
      return GeneralChoice{Compression::kZstd, level, true, true};
    case ForcedCodec::kLz4:
      return GeneralChoice{Compression::kLz4, 0, true, true};
    case ForcedCodec::kNone:
      break;
    default:
      return std::nullopt;
  }
  switch (options.compression) {
    case CompressionChoice::kZstd:
      return GeneralChoice{Compression::kZstd, level, false, true};
    case CompressionChoice::kLz4:
      return GeneralChoice{Compression::kLz4, 0, false, true};
    case CompressionChoice::kAuto:
      return options.compact ? GeneralChoice{Compression::kZstd, level, false, true}
                             : GeneralChoice{};
    case CompressionChoice::kNone:
    case CompressionChoice::kFsst:
      return std::nullopt;
  }
  return std::nullopt;
}

double GeneralDecodeCost(Compression compression) {
  return compression == Compression::kZstd ? 0.80 : 0.35;
}

absl::StatusOr<ChunkedValues> WrapGeneral(ChunkedValues inner, Compression compression, int level,
                                          bool is_forced) {
  if (std::ranges::any_of(inner.buffer_sizes,
                          [](uint32_t n) { return n > kDecompressedBytesMax; })) {
    return inner;
  }
  // Run lengths: both buffers, each of which is a part of its own. Else buffer 0 alone.
  const bool is_rle = inner.encoding.has_rle();
  const size_t num_compressed = is_rle ? inner.num_buffers : 1;
  std::vector<uint32_t> sizes = inner.buffer_sizes;
  std::vector<io::Buffer> compressed_buffers;
  size_t before = 0;
  size_t after = 0;
  for (size_t b = 0; b < num_compressed; ++b) {
    io::MutableBuffer compressed;
    compressed.Reserve(inner.buffers[b].size() / 2);
    size_t at = 0;
    for (size_t c = 0; c < inner.chunk_values.size(); ++c) {
      uint32_t& size = sizes[c * inner.num_buffers + b];
      const size_t start = compressed.size();
      OG_RETURN_IF_ERROR(AppendCompressed(compression, level,
                                          inner.buffers[b].span().subspan(at, size), compressed));
      at += size;
      size = static_cast<uint32_t>(compressed.size() - start);
    }
    before += inner.buffers[b].size();
    after += compressed.size();
    compressed_buffers.push_back(std::move(compressed).Share());
  }
  if (after >= before && !is_forced) {
    return inner;
  }
  ChunkedValues out = std::move(inner);
  if (is_rle) {
    auto* const rle = out.encoding.mutable_rle();
    *rle->mutable_values() = GeneralEncoding(compression, level, rle->values());
    *rle->mutable_run_lengths() = GeneralEncoding(compression, level, rle->run_lengths());
  } else {
    out.encoding = GeneralEncoding(compression, level, std::move(out.encoding));
  }
  out.buffer_sizes = std::move(sizes);
  std::ranges::move(compressed_buffers, out.buffers.begin());
  return out;
}

absl::StatusOr<ChunkPlan> PlanChunks(const LeafValues& values, const CodecOptions& options,
                                     const ChunkLimits& limits) {
  OG_CHECK(limits.values_max >= 2 && std::has_single_bit(limits.values_max));
  return values.shape == LeafShape::kVariable ? PlanText(values, options, limits)
                                              : PlanFixed(values, options, limits);
}

absl::StatusOr<ChunkedValues> EncodeChunks(const LeafValues& values, const ChunkPlan& plan,
                                           const CodecOptions& options, const ChunkLimits& limits) {
  return values.shape == LeafShape::kVariable ? EncodeText(values, plan, options, limits)
                                              : EncodeFixed(values, plan, options, limits);
}

}  // namespace og::format
