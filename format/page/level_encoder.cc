#include "format/page/level_encoder.h"

#include <algorithm>

#include "format/codec/bitpack.h"
#include "format/codec/rle.h"

namespace og::format {

LevelEncoder::LevelEncoder(std::span<const uint16_t> levels, std::span<const uint32_t> chunk_levels,
                           bool allow_rle)
    : width_(BitpackWidth(levels)) {
  const bool can_inline =
      std::ranges::all_of(chunk_levels, [](uint32_t n) { return n <= kBitpackGroupValues; });
  const bool can_pack = width_ > 0 && width_ < 16;
  size_t inline_bytes = 0;
  size_t out_of_line_bytes = 0;
  size_t rle_bytes = 0;
  size_t at = 0;
  for (const uint32_t n : chunk_levels) {
    const std::span<const uint16_t> chunk = levels.subspan(at, n);
    inline_bytes += can_inline ? sizeof(uint16_t) + BitpackGroupBytes(BitpackWidth(chunk)) : 0;
    out_of_line_bytes += OutOfLineBitpackedBytes<uint16_t>(n, width_);
    rle_bytes += allow_rle ? kRleBlockHeaderBytes + CountRuns(chunk) * 3 : 0;
    at += n;
  }
  size_t best = levels.size_bytes();
  const auto offer = [&](bool possible, Codec codec, size_t bytes) {
    if (possible && bytes < best) {
      codec_ = codec;
      best = bytes;
    }
  };
  offer(can_pack, Codec::kOutOfLine, out_of_line_bytes);
  offer(can_inline, Codec::kInline, inline_bytes);
  offer(allow_rle, Codec::kRle, rle_bytes);
}

size_t LevelEncoder::Append(std::span<const uint16_t> levels, io::MutableBuffer& out) const {
  const size_t before = out.size();
  switch (codec_) {
    case Codec::kFlat:
      out.Append(std::as_bytes(levels));
      break;
    case Codec::kInline:
      AppendInlineBitpacked(levels, BitpackWidth(levels), out);
      break;
    case Codec::kOutOfLine:
      AppendOutOfLineBitpacked(levels, width_, out);
      break;
    case Codec::kRle:
      AppendRleBlock(levels, out);
      break;
  }
  return out.size() - before;
}

CompressiveEncoding LevelEncoder::Encoding() const {
  CompressiveEncoding encoding;
  switch (codec_) {
    case Codec::kFlat:
      return FlatEncoding(16);
    case Codec::kInline:
      encoding.mutable_inline_bitpacking()->set_uncompressed_bits_per_value(16);
      return encoding;
    case Codec::kOutOfLine:
      encoding.mutable_out_of_line_bitpacking()->set_uncompressed_bits_per_value(16);
      *encoding.mutable_out_of_line_bitpacking()->mutable_values() = FlatEncoding(width_);
      return encoding;
    case Codec::kRle:
      return RleEncoding(16);
  }
  return encoding;
}

}  // namespace og::format
