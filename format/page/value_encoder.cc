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

CompressiveEncoding ListEncoding(uint64_t item_bits, std::span<const ListDimension> dimensions) {
  CompressiveEncoding encoding;
  CompressiveEncoding* at = &encoding;
  for (const ListDimension& dimension : dimensions) {
    auto* const list = at->mutable_fixed_size_list();
    list->set_items_per_value(dimension.items);
    list->set_has_validity(dimension.has_validity);
    at = list->mutable_values();
  }
  *at = FlatEncoding(item_bits);
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
  io::MutableBuffer compressed;
  compressed.Reserve(inner.buffers[0].size() / 2);
  std::vector<uint32_t> sizes = inner.buffer_sizes;
  size_t at = 0;
  for (size_t c = 0; c < inner.chunk_values.size(); ++c) {
    uint32_t& size = sizes[c * inner.num_buffers];
    const size_t start = compressed.size();
    OG_RETURN_IF_ERROR(AppendCompressed(compression, level,
                                        inner.buffers[0].span().subspan(at, size), compressed));
    at += size;
    size = static_cast<uint32_t>(compressed.size() - start);
  }
  if (compressed.size() >= inner.buffers[0].size() && !is_forced) {
    return inner;
  }
  ChunkedValues out = std::move(inner);
  out.encoding = GeneralEncoding(compression, level, std::move(out.encoding));
  out.buffer_sizes = std::move(sizes);
  out.buffers[0] = std::move(compressed).Share();
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
