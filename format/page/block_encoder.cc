// Values outside of chunks: EncodeDictionaryBlock() and EncodePerValue() of value_encoder.h.

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/codec/bitpack.h"
#include "format/page/value_encoder.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status_macros.h"

namespace og::format {
namespace {

constexpr size_t kDictionaryBytesMin = 256;  // below, compression headers outweigh the gain
constexpr size_t kZstdBytesMin = 32768;
constexpr size_t kLongValueBytes = 32768;

// Packs `items` if that is smaller.
template <typename T>
bool PackItems(std::span<const T> words, BlockValues& out) {
  const unsigned width = BitpackWidth(words);
  const bool is_inline = words.size() <= kBitpackGroupValues;
  const size_t bytes = is_inline ? sizeof(T) + BitpackGroupBytes(width)
                                 : OutOfLineBitpackedBytes<T>(words.size(), width);
  if (bytes >= words.size_bytes() || width == 0) {
    return false;
  }
  io::MutableBuffer data;
  if (is_inline) {
    AppendInlineBitpacked(words, width, data);
    out.encoding.mutable_inline_bitpacking()->set_uncompressed_bits_per_value(sizeof(T) * 8);
  } else {
    AppendOutOfLineBitpacked(words, width, data);
    auto* const encoding = out.encoding.mutable_out_of_line_bitpacking();
    encoding->set_uncompressed_bits_per_value(sizeof(T) * 8);
    *encoding->mutable_values() = FlatEncoding(width);
  }
  out.bytes = std::move(data).Share();
  return true;
}

bool PackItems(const LeafValues& items, BlockValues& out) {
  const auto pack = [&](auto zero) {
    using T = decltype(zero);
    return PackItems(std::span<const T>(items.data.as<T>(), items.num_values), out);
  };
  switch (items.shape == LeafShape::kFixed ? items.bits : 0) {
    case 8:
      return pack(uint8_t{0});
    case 16:
      return pack(uint16_t{0});
    case 32:
      return pack(uint32_t{0});
    case 64:
      return pack(uint64_t{0});
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<BlockValues> EncodeDictionaryBlock(const LeafValues& items,
                                                  const CodecOptions& options) {
  BlockValues out;
  if (PackItems(items, out)) {
    return out;
  }
  if (items.shape == LeafShape::kFixed) {
    out.encoding = FlatEncoding(items.bits);
    out.bytes = items.data.Slice(0, io::BytesForBits(items.num_values * items.bits));
  } else {
    // Block form of Variable: the offset width, where the bytes start, offsets from 0, the bytes.
    const size_t width = items.offset_bits / 8;
    const size_t bytes_start = 2 * width + width * (items.num_values + 1);
    io::MutableBuffer data(bytes_start + items.offsets.back());
    const auto store = [&](size_t at, uint64_t value) {
      if (width == 8) {
        io::StoreLe(data.data() + at, value);
      } else {
        io::StoreLe(data.data() + at, static_cast<uint32_t>(value));
      }
    };
    store(0, items.offset_bits);
    store(width, bytes_start);
    for (size_t i = 0; i <= items.num_values; ++i) {
      store((2 + i) * width, items.offsets[i]);
    }
    if (items.offsets.back() > 0) {
      std::memcpy(data.data() + bytes_start, items.data.data(), items.offsets.back());
    }
    out.encoding = VariableEncoding(items.offset_bits);
    out.bytes = std::move(data).Share();
  }
  const bool may_compress = options.is_2_2 || options.compact;
  if (!may_compress || options.dictionary_compression == CompressionChoice::kNone ||
      out.bytes.size() < kDictionaryBytesMin || out.bytes.size() > kDecompressedBytesMax) {
    return out;
  }
  const bool is_lz4 = options.dictionary_compression == CompressionChoice::kLz4;
  io::MutableBuffer compressed;
  OG_RETURN_IF_ERROR(AppendCompressed(is_lz4 ? Compression::kLz4 : Compression::kZstd,
                                      options.dictionary_compression_level, out.bytes.span(),
                                      compressed));
  if (compressed.size() * 10 < out.bytes.size() * 9) {
    CompressiveEncoding encoding;
    encoding.mutable_general()->mutable_compression()->set_scheme(
        is_lz4 ? lance::encodings21::COMPRESSION_ALGORITHM_LZ4
               : lance::encodings21::COMPRESSION_ALGORITHM_ZSTD);
    *encoding.mutable_general()->mutable_values() = std::move(out.encoding);
    out.encoding = std::move(encoding);
    out.bytes = std::move(compressed).Share();
  }
  return out;
}

absl::StatusOr<PerValueBytes> EncodePerValue(const LeafValues& values,
                                             const CodecOptions& options) {
  PerValueBytes out;
  if (values.shape == LeafShape::kRows) {
    for (const LeafValues::Member& member : values.members) {
      auto* const field = out.encoding.mutable_variable_packed_struct()->add_fields();
      if (member.is_variable) {
        *field->mutable_value() = VariableEncoding(member.bits);
        field->set_bits_per_length(member.bits);
      } else {
        *field->mutable_value() = ListEncoding(member.item_bits, member.dimensions);
        field->set_bits_per_value(member.bits);
      }
    }
    out.offsets = values.offsets;
    out.bytes = values.data;
    return out;
  }
  out.encoding = VariableEncoding(values.offset_bits);
  if (options.compression == CompressionChoice::kNone &&
      options.forced_codec == ForcedCodec::kNone) {
    out.offsets = values.offsets;
    out.bytes = values.data;
    return out;
  }
  uint64_t longest = 0;
  for (size_t i = 0; i < values.num_values; ++i) {
    longest = std::max(longest, values.offsets[i + 1] - values.offsets[i]);
  }
  const TrainedFsst fsst = TrainFsst(values, options);
  const std::optional<GeneralChoice> general = GeneralOf(options);
  const bool is_forced = general && general->is_forced;
  const bool wants_zstd =
      longest <= kDecompressedBytesMax &&
      (is_forced ||
       (values.data.size() >= kZstdBytesMin && options.forced_codec == ForcedCodec::kNone &&
        options.compression != CompressionChoice::kFsst &&
        (longest > kLongValueBytes || (general && general->is_welcome))));
  if (wants_zstd) {
    // Only zstd has a reader here, whatever compression was asked for.
    const int level = general ? general->level : options.compression_level;
    io::MutableBuffer compressed;
    out.offsets = {0};
    out.offsets.reserve(values.num_values + 1);
    for (size_t i = 0; i < values.num_values; ++i) {
      // A value without bytes stays one: readers take an empty payload for an empty value.
      if (!values.value(i).empty()) {
        OG_RETURN_IF_ERROR(
            AppendCompressed(Compression::kZstd, level, values.value(i), compressed));
      }
      out.offsets.push_back(compressed.size());
    }
    const double other = static_cast<double>(values.data.size()) * fsst.ratio;
    if (is_forced || static_cast<double>(compressed.size()) < 0.95 * other) {
      CompressiveEncoding encoding;
      auto* const message = encoding.mutable_general();
      message->mutable_compression()->set_scheme(lance::encodings21::COMPRESSION_ALGORITHM_ZSTD);
      message->mutable_compression()->set_level(level);
      *message->mutable_values() = std::move(out.encoding);
      out.encoding = std::move(encoding);
      out.bytes = std::move(compressed).Share();
      return out;
    }
  }
  if (fsst.encoder != nullptr) {
    FsstEncoder::Codes coded = fsst.encoder->EncodeAll(values.data.span(), values.offsets);
    CompressiveEncoding encoding;
    encoding.mutable_fsst()->set_symbol_table(fsst.encoder->Table());
    *encoding.mutable_fsst()->mutable_values() = std::move(out.encoding);
    out.encoding = std::move(encoding);
    out.offsets = std::move(coded.offsets);
    out.bytes = std::move(coded.bytes);
    return out;
  }
  out.offsets = values.offsets;
  out.bytes = values.data;
  return out;
}

}  // namespace og::format
