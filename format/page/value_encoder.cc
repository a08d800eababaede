#include "format/page/value_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <utility>

#include "format/codec/bitpack.h"
#include "format/codec/byte_stream_split.h"
#include "format/codec/fsst_encoder.h"
#include "format/codec/general.h"
#include "format/codec/rle.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status_macros.h"

namespace og::format {
namespace {

constexpr size_t kFsstBytesMin = 32768;    // below, the symbol table outweighs the gain
constexpr size_t kGeneralBytesMin = 4096;  // below, compression headers outweigh the gain
constexpr size_t kDictionaryBytesMin = 256;
constexpr size_t kLongValueBytes = 32768;
constexpr std::byte kVariablePad{0x48};

bool IsWordWidth(uint64_t bits) {
  return bits == 8 || bits == 16 || bits == 32 || bits == 64;
}

// Calls `body` with a zero of the unsigned type of `bits`.
template <typename Body>
auto WithWord(uint64_t bits, Body body) {
  switch (bits) {
    case 8:
      return body(uint8_t{0});
    case 16:
      return body(uint16_t{0});
    case 32:
      return body(uint32_t{0});
    default:
      OG_CHECK(bits == 64);
      return body(uint64_t{0});
  }
}

template <typename T>
std::span<const T> WordsOf(const LeafValues& values) {
  return {values.data.as<T>(), values.num_values};
}

// Cuts `num_values` into chunks of `chunk_values` and the rest.
std::vector<uint32_t> EvenChunks(size_t num_values, size_t chunk_values) {
  std::vector<uint32_t> chunks;
  for (size_t at = 0; at < num_values; at += chunk_values) {
    chunks.push_back(static_cast<uint32_t>(std::min(chunk_values, num_values - at)));
  }
  return chunks;
}

// The largest power of two of values, at least 2, whose `bytes_of(n)` stay below the aim.
template <typename BytesOf>
size_t FixedChunkValues(size_t chunk_values_max, BytesOf bytes_of) {
  size_t values = std::min(kChunkValuesMax, chunk_values_max);
  while (values > 2 && bytes_of(values) >= kChunkBytesAim) {
    values /= 2;
  }
  return values;
}

// Bits [from, from + bits) of `source` as whole bytes.
void AppendBits(const io::Buffer& source, size_t from, size_t bits, io::MutableBuffer& out) {
  const size_t at = out.size();
  out.Resize(at + io::BytesForBits(bits));
  if (bits == 0) {
    return;
  }
  if (from % 8 == 0 && bits % 8 == 0) {
    std::memcpy(out.data() + at, source.data() + from / 8, bits / 8);
    return;
  }
  out.data()[out.size() - 1] = std::byte{0};
  io::CopyBits(source.data(), from, out.data() + at, 0, bits);
}

ChunkedValues EncodeFlat(const LeafValues& values, size_t chunk_values_max) {
  const uint64_t slot_bits = values.slot_bits();
  const size_t chunk_values =
      FixedChunkValues(chunk_values_max, [&](size_t n) { return io::BytesForBits(n * slot_bits); });
  ChunkedValues out;
  out.encoding = FlatEncoding(slot_bits);
  out.chunk_values = EvenChunks(values.num_values, chunk_values);
  for (const uint32_t n : out.chunk_values) {
    out.buffer_sizes.push_back(static_cast<uint32_t>(io::BytesForBits(n * slot_bits)));
  }
  if (chunk_values * slot_bits % 8 == 0) {
    out.buffers.push_back(values.data.Slice(0, io::BytesForBits(values.num_values * slot_bits)));
    return out;
  }
  io::MutableBuffer data;
  size_t bit = 0;
  for (const uint32_t n : out.chunk_values) {
    AppendBits(values.data, bit, n * slot_bits, data);
    bit += n * slot_bits;
  }
  out.buffers.push_back(std::move(data).Share());
  return out;
}

// Fixed-size lists: item bitmaps per list with null items, then the data.
ChunkedValues EncodeFixedSizeList(const LeafValues& values, size_t chunk_values_max) {
  const auto chunk_bytes = [&](size_t n) {
    size_t bytes = io::BytesForBits(n * values.slot_bits());
    uint64_t items = n;
    for (const ListDimension& dimension : values.dimensions) {
      items *= dimension.items;
      bytes += dimension.has_validity ? io::BytesForBits(items) : 0;
    }
    return bytes;
  };
  ChunkedValues out;
  out.chunk_values = EvenChunks(values.num_values, FixedChunkValues(chunk_values_max, chunk_bytes));
  CompressiveEncoding encoding = FlatEncoding(values.bits);
  for (auto dimension = values.dimensions.rbegin(); dimension != values.dimensions.rend();
       ++dimension) {
    CompressiveEncoding outer;
    auto* const list = outer.mutable_fixed_size_list();
    list->set_items_per_value(dimension->items);
    list->set_has_validity(dimension->has_validity);
    *list->mutable_values() = std::move(encoding);
    encoding = std::move(outer);
  }
  out.encoding = std::move(encoding);
  struct Part {
    const io::Buffer* source;
    uint64_t bits_per_value;
  };
  std::vector<Part> parts;
  uint64_t items = 1;
  for (const ListDimension& dimension : values.dimensions) {
    items *= dimension.items;
    if (dimension.has_validity) {
      parts.push_back({&dimension.validity, items});
    }
  }
  parts.push_back({&values.data, values.slot_bits()});
  out.num_buffers = parts.size();
  std::vector<io::MutableBuffer> buffers(parts.size());
  size_t start = 0;
  for (const uint32_t n : out.chunk_values) {
    for (size_t p = 0; p < parts.size(); ++p) {
      const size_t before = buffers[p].size();
      AppendBits(*parts[p].source, start * parts[p].bits_per_value, n * parts[p].bits_per_value,
                 buffers[p]);
      out.buffer_sizes.push_back(static_cast<uint32_t>(buffers[p].size() - before));
    }
    start += n;
  }
  for (io::MutableBuffer& buffer : buffers) {
    out.buffers.push_back(std::move(buffer).Share());
  }
  return out;
}

template <typename T>
ChunkedValues EncodeBitpacked(std::span<const T> words, std::span<const uint8_t> widths) {
  ChunkedValues out;
  out.encoding.mutable_inline_bitpacking()->set_uncompressed_bits_per_value(sizeof(T) * 8);
  out.chunk_values = EvenChunks(words.size(), kBitpackGroupValues);
  io::MutableBuffer data;
  size_t total = 0;
  for (const uint8_t width : widths) {
    total += sizeof(T) + BitpackGroupBytes(width);
  }
  data.Reserve(total);
  size_t start = 0;
  for (size_t c = 0; c < out.chunk_values.size(); ++c) {
    const size_t before = data.size();
    AppendInlineBitpacked(words.subspan(start, out.chunk_values[c]), widths[c], data);
    out.buffer_sizes.push_back(static_cast<uint32_t>(data.size() - before));
    start += out.chunk_values[c];
  }
  out.buffers.push_back(std::move(data).Share());
  return out;
}

template <typename T>
ChunkedValues EncodeRle(std::span<const T> words, size_t chunk_values_max) {
  constexpr size_t kRunsMax = kChunkBytesAim / (sizeof(T) + 1);
  ChunkedValues out;
  out.encoding = RleEncoding(sizeof(T) * 8);
  out.num_buffers = 2;
  io::MutableBuffer run_values;
  io::MutableBuffer run_lengths;
  while (!words.empty()) {
    const size_t window = std::min({words.size(), kChunkValuesMax, chunk_values_max});
    size_t take = ValuesInRuns(words.first(window), kRunsMax);
    if (take != words.size()) {
      take = std::max<size_t>(2, std::bit_floor(take));
    }
    const size_t values_before = run_values.size();
    const size_t lengths_before = run_lengths.size();
    AppendRuns(words.first(take), run_values, run_lengths);
    out.chunk_values.push_back(static_cast<uint32_t>(take));
    out.buffer_sizes.push_back(static_cast<uint32_t>(run_values.size() - values_before));
    out.buffer_sizes.push_back(static_cast<uint32_t>(run_lengths.size() - lengths_before));
    words = words.subspan(take);
  }
  out.buffers.push_back(std::move(run_values).Share());
  out.buffers.push_back(std::move(run_lengths).Share());
  return out;
}

ChunkedValues EncodeByteStreamSplit(const LeafValues& values, size_t chunk_values_max) {
  const size_t value_bytes = values.bits / 8;
  const size_t chunk_values = std::min(4096 / value_bytes, chunk_values_max);
  ChunkedValues out;
  *out.encoding.mutable_byte_stream_split()->mutable_values() = FlatEncoding(values.bits);
  out.chunk_values = EvenChunks(values.num_values, chunk_values);
  io::MutableBuffer data(values.num_values * value_bytes);
  size_t at = 0;
  for (const uint32_t n : out.chunk_values) {
    const size_t size = n * value_bytes;
    SplitByteStreams(values.data.span().subspan(at, size), value_bytes,
                     data.span().subspan(at, size));
    out.buffer_sizes.push_back(static_cast<uint32_t>(size));
    at += size;
  }
  out.buffers.push_back(std::move(data).Share());
  return out;
}

// Compresses buffer 0 of every chunk; `inner` itself if that saves nothing.
absl::StatusOr<ChunkedValues> WrapGeneral(ChunkedValues inner, Compression compression, int level) {
  if (inner.buffers[0].size() < kGeneralBytesMin ||
      std::ranges::any_of(inner.buffer_sizes,
                          [](uint32_t n) { return n > kDecompressedBytesMax; })) {
    return inner;
  }
  io::MutableBuffer compressed;
  std::vector<uint32_t> sizes = inner.buffer_sizes;
  size_t at = 0;
  for (size_t c = 0; c < inner.chunk_values.size(); ++c) {
    uint32_t& size = sizes[c * inner.num_buffers];
    const size_t before = compressed.size();
    OG_RETURN_IF_ERROR(AppendCompressed(compression, level,
                                        inner.buffers[0].span().subspan(at, size), compressed));
    at += size;
    size = static_cast<uint32_t>(compressed.size() - before);
  }
  if (compressed.size() >= inner.buffers[0].size()) {
    return inner;
  }
  ChunkedValues out = std::move(inner);
  CompressiveEncoding encoding;
  auto* const general = encoding.mutable_general();
  general->mutable_compression()->set_scheme(compression == Compression::kZstd
                                                 ? lance::encodings21::COMPRESSION_ALGORITHM_ZSTD
                                                 : lance::encodings21::COMPRESSION_ALGORITHM_LZ4);
  if (compression == Compression::kZstd) {
    general->mutable_compression()->set_level(level);
  }
  *general->mutable_values() = std::move(out.encoding);
  out.encoding = std::move(encoding);
  out.buffer_sizes = std::move(sizes);
  out.buffers[0] = std::move(compressed).Share();
  return out;
}

// Whether bytes of the first values repeat enough for split streams to compress better.
bool HasLowByteEntropy(const LeafValues& values) {
  const size_t value_bytes = values.bits / 8;
  const size_t n = std::min<size_t>(64, values.num_values);
  double sum = 0;
  for (size_t b = 0; b < value_bytes; ++b) {
    std::array<unsigned, 256> counts{};
    for (size_t i = 0; i < n; ++i) {
      ++counts[static_cast<uint8_t>(values.data.data()[i * value_bytes + b])];
    }
    for (const unsigned count : counts) {
      if (count > 0) {
        const double p = static_cast<double>(count) / static_cast<double>(n);
        sum -= p * std::log2(p);
      }
    }
  }
  return sum / static_cast<double>(value_bytes) < 4;
}

std::optional<Compression> GeneralOf(const CodecOptions& options) {
  if (options.forced_codec == ForcedCodec::kZstd) return Compression::kZstd;
  if (options.forced_codec == ForcedCodec::kLz4) return Compression::kLz4;
  if (options.forced_codec != ForcedCodec::kNone) return std::nullopt;
  if (options.compression == CompressionChoice::kZstd) return Compression::kZstd;
  if (options.compression == CompressionChoice::kLz4) return Compression::kLz4;
  return std::nullopt;
}

template <typename T>
ChunkedValues EncodeWords(const LeafValues& values, const CodecOptions& options,
                          size_t chunk_values_max) {
  const std::span<const T> words = WordsOf<T>(values);
  const size_t raw = words.size_bytes();
  std::vector<uint8_t> widths;
  size_t bitpacked = 0;
  for (size_t at = 0; at < words.size(); at += kBitpackGroupValues) {
    const unsigned width =
        BitpackWidth(words.subspan(at, std::min(kBitpackGroupValues, words.size() - at)));
    widths.push_back(static_cast<uint8_t>(width));
    bitpacked += sizeof(T) + BitpackGroupBytes(width);
  }
  const bool can_bitpack = chunk_values_max >= kBitpackGroupValues;
  // The number of changes is a lower bound of the runs, and much cheaper to find.
  size_t runs = CountChanges(words) + 1;
  const auto rle_bytes = [&] { return runs * (sizeof(T) + 1); };
  const size_t best_other = can_bitpack ? std::min(raw, bitpacked) : raw;
  if (rle_bytes() < best_other) {
    runs = CountRuns(words);
  }
  bool use_rle = rle_bytes() < raw && rle_bytes() <= best_other;
  if (options.rle_threshold) {
    use_rle &=
        static_cast<double>(runs) < *options.rle_threshold * static_cast<double>(words.size());
  }
  bool use_bitpacked = can_bitpack && bitpacked < raw;
  switch (options.forced_codec) {
    case ForcedCodec::kFlat:
      use_rle = use_bitpacked = false;
      break;
    case ForcedCodec::kRle:
      use_rle = true;
      break;
    case ForcedCodec::kBitpacked:
      use_rle = false;
      use_bitpacked = can_bitpack;
      break;
    default:
      break;
  }
  if (use_rle) {
    return EncodeRle(words, chunk_values_max);
  }
  return use_bitpacked ? EncodeBitpacked(words, widths) : EncodeFlat(values, chunk_values_max);
}

absl::StatusOr<ChunkedValues> EncodeFixed(const LeafValues& values, const CodecOptions& options,
                                          size_t chunk_values_max) {
  if (options.compression == CompressionChoice::kNone &&
      options.forced_codec == ForcedCodec::kNone) {
    return EncodeFlat(values, chunk_values_max);
  }
  const std::optional<Compression> general = GeneralOf(options);
  ChunkedValues out;
  const bool can_split = values.bits == 32 || values.bits == 64;
  const bool wants_split = options.forced_codec == ForcedCodec::kByteStreamSplit ||
                           (general && options.forced_codec == ForcedCodec::kNone &&
                            (options.byte_stream_split == ByteStreamSplitChoice::kOn ||
                             (options.byte_stream_split == ByteStreamSplitChoice::kAuto &&
                              can_split && HasLowByteEntropy(values))));
  if (can_split && wants_split) {
    out = EncodeByteStreamSplit(values, chunk_values_max);
  } else if (IsWordWidth(values.bits)) {
    out = WithWord(values.bits, [&](auto zero) {
      return EncodeWords<decltype(zero)>(values, options, chunk_values_max);
    });
  } else {
    out = EncodeFlat(values, chunk_values_max);
  }
  if (general) {
    return WrapGeneral(std::move(out), *general, options.compression_level);
  }
  return out;
}

struct Text {
  std::span<const uint64_t> offsets;
  std::span<const std::byte> bytes;

  size_t num_values() const { return offsets.size() - 1; }
};

// One buffer a chunk: n + 1 offsets from the start of the buffer, the bytes, padding to a whole
// number of offsets.
template <typename Offset>
ChunkedValues ChunkText(const Text& text, size_t aim_bytes, size_t chunk_values_max) {
  constexpr size_t kWidth = sizeof(Offset);
  ChunkedValues out;
  out.encoding = VariableEncoding(kWidth * 8);
  const size_t num_values = text.num_values();
  size_t total = 0;
  for (size_t start = 0; start < num_values;) {
    const size_t left = num_values - start;
    const auto bytes_of = [&](size_t n) {
      return text.offsets[start + n] - text.offsets[start] + (n + 1) * kWidth;
    };
    size_t n = std::min<size_t>(left, 2);
    while (n < left && 2 * n <= chunk_values_max && n <= 2048 &&
           bytes_of(std::min(left, 2 * n)) <= aim_bytes) {
      n = std::min(left, 2 * n);
    }
    out.chunk_values.push_back(static_cast<uint32_t>(n));
    const size_t size = io::RoundUp(bytes_of(n), kWidth);
    out.buffer_sizes.push_back(static_cast<uint32_t>(size));
    total += size;
    start += n;
  }
  io::MutableBuffer data(total);
  std::byte* at = data.data();
  size_t start = 0;
  for (size_t c = 0; c < out.chunk_values.size(); ++c) {
    const size_t n = out.chunk_values[c];
    const uint64_t first = text.offsets[start];
    const uint64_t header = (n + 1) * kWidth;
    for (size_t i = 0; i <= n; ++i) {
      io::StoreLe(at + i * kWidth, static_cast<Offset>(text.offsets[start + i] - first + header));
    }
    const uint64_t bytes = text.offsets[start + n] - first;
    if (bytes > 0) {
      std::memcpy(at + header, text.bytes.data() + first, bytes);
    }
    const size_t size = out.buffer_sizes[c];
    std::memset(at + header + bytes, static_cast<int>(kVariablePad), size - header - bytes);
    at += size;
    start += n;
  }
  out.buffers.push_back(std::move(data).Share());
  return out;
}

ChunkedValues EncodeText(const Text& text, unsigned offset_bits, const CodecOptions& options,
                         size_t chunk_values_max) {
  return offset_bits == 64 ? ChunkText<uint64_t>(text, options.minichunk_bytes, chunk_values_max)
                           : ChunkText<uint32_t>(text, options.minichunk_bytes, chunk_values_max);
}

struct FsstText {
  std::string table;
  std::vector<uint64_t> offsets;
  io::Buffer bytes;
};

FsstText EncodeFsst(const LeafValues& values) {
  const std::span<const std::byte> bytes = values.data.span();
  const auto encoder = FsstEncoder::Train(bytes, values.offsets);
  FsstText out{.table = encoder->Table(), .offsets = {0}, .bytes = {}};
  out.offsets.reserve(values.num_values + 1);
  io::MutableBuffer codes(bytes.size() / 2 + 4096);
  size_t end = 0;
  for (size_t i = 0; i < values.num_values; ++i) {
    const std::span<const std::byte> value = values.value(i);
    if (codes.size() - end < FsstEncodedBytesMax(value.size())) {
      codes.Resize(std::max(codes.size() * 2, end + FsstEncodedBytesMax(value.size())));
    }
    end = static_cast<size_t>(encoder->Encode(value, codes.data() + end) - codes.data());
    out.offsets.push_back(end);
  }
  codes.Resize(end);
  out.bytes = std::move(codes).Share();
  return out;
}

bool WantsFsst(const LeafValues& values, const CodecOptions& options) {
  if (options.forced_codec != ForcedCodec::kNone) {
    return options.forced_codec == ForcedCodec::kFsst;
  }
  if (options.compression == CompressionChoice::kFsst) {
    return true;
  }
  if (options.compression != CompressionChoice::kAuto || !options.is_text) {
    return false;
  }
  uint64_t longest = 0;
  for (size_t i = 0; i < values.num_values; ++i) {
    longest = std::max(longest, values.offsets[i + 1] - values.offsets[i]);
  }
  return longest >= 5 &&
         values.data.size() + values.num_values * values.offset_bits / 8 >= kFsstBytesMin;
}

// Whether codes and table are clearly smaller than the text they stand for.
bool IsFsstWorthIt(const FsstText& coded, const LeafValues& values, const CodecOptions& options) {
  return options.forced_codec == ForcedCodec::kFsst ||
         options.compression == CompressionChoice::kFsst ||
         (coded.bytes.size() + coded.table.size()) * 10 < values.data.size() * 9;
}

absl::StatusOr<ChunkedValues> EncodeVariable(const LeafValues& values, const CodecOptions& options,
                                             size_t chunk_values_max) {
  if (WantsFsst(values, options)) {
    const FsstText coded = EncodeFsst(values);
    if (IsFsstWorthIt(coded, values, options)) {
      ChunkedValues out = EncodeText({coded.offsets, coded.bytes.span()}, values.offset_bits,
                                     options, chunk_values_max);
      CompressiveEncoding encoding;
      encoding.mutable_fsst()->set_symbol_table(coded.table);
      *encoding.mutable_fsst()->mutable_values() = std::move(out.encoding);
      out.encoding = std::move(encoding);
      return out;
    }
  }
  ChunkedValues out = EncodeText({values.offsets, values.data.span()}, values.offset_bits, options,
                                 chunk_values_max);
  if (const std::optional<Compression> general = GeneralOf(options)) {
    return WrapGeneral(std::move(out), *general, options.compression_level);
  }
  return out;
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

absl::StatusOr<ChunkedValues> EncodeChunks(const LeafValues& values, const CodecOptions& options,
                                           size_t chunk_values_max) {
  OG_CHECK(chunk_values_max >= 2 && std::has_single_bit(chunk_values_max));
  if (values.shape == LeafShape::kVariable) {
    return EncodeVariable(values, options, chunk_values_max);
  }
  if (values.is_list()) {
    return EncodeFixedSizeList(values, chunk_values_max);
  }
  if (values.shape == LeafShape::kPacked) {
    ChunkedValues out = EncodeFlat(values, chunk_values_max);
    CompressiveEncoding encoding;
    for (const LeafValues::Member& member : values.members) {
      encoding.mutable_packed_struct()->add_bits_per_value(member.bits);
    }
    *encoding.mutable_packed_struct()->mutable_values() = std::move(out.encoding);
    out.encoding = std::move(encoding);
    return out;
  }
  return EncodeFixed(values, options, chunk_values_max);
}

absl::StatusOr<BlockValues> EncodeDictionaryBlock(const LeafValues& items,
                                                  const CodecOptions& options) {
  BlockValues out;
  if (items.shape == LeafShape::kFixed && IsWordWidth(items.bits)) {
    const bool packed = WithWord(items.bits, [&](auto zero) {
      using T = decltype(zero);
      const std::span<const T> words = WordsOf<T>(items);
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
        out.encoding.mutable_inline_bitpacking()->set_uncompressed_bits_per_value(items.bits);
      } else {
        AppendOutOfLineBitpacked(words, width, data);
        auto* const encoding = out.encoding.mutable_out_of_line_bitpacking();
        encoding->set_uncompressed_bits_per_value(items.bits);
        *encoding->mutable_values() = FlatEncoding(width);
      }
      out.bytes = std::move(data).Share();
      return true;
    });
    if (packed) {
      return out;
    }
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
  if (!options.is_2_2 || options.dictionary_compression == CompressionChoice::kNone ||
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
        *field->mutable_value() = FlatEncoding(member.bits);
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
  const bool is_large = values.data.size() >= kFsstBytesMin;
  const bool is_forced_general = options.forced_codec == ForcedCodec::kZstd;
  if (longest <= kDecompressedBytesMax &&
      (is_forced_general || (is_large && options.forced_codec == ForcedCodec::kNone &&
                             (longest > kLongValueBytes || GeneralOf(options).has_value())))) {
    // Only zstd has a reader here, whatever compression was asked for.
    io::MutableBuffer compressed;
    out.offsets = {0};
    for (size_t i = 0; i < values.num_values; ++i) {
      // A value without bytes stays one: readers take an empty payload for an empty value.
      if (!values.value(i).empty()) {
        OG_RETURN_IF_ERROR(AppendCompressed(Compression::kZstd, options.compression_level,
                                            values.value(i), compressed));
      }
      out.offsets.push_back(compressed.size());
    }
    if (is_forced_general || compressed.size() * 10 < values.data.size() * 9) {
      CompressiveEncoding encoding;
      auto* const general = encoding.mutable_general();
      general->mutable_compression()->set_scheme(lance::encodings21::COMPRESSION_ALGORITHM_ZSTD);
      general->mutable_compression()->set_level(options.compression_level);
      *general->mutable_values() = std::move(out.encoding);
      out.encoding = std::move(encoding);
      out.bytes = std::move(compressed).Share();
      return out;
    }
  } else if (WantsFsst(values, options)) {
    FsstText coded = EncodeFsst(values);
    if (IsFsstWorthIt(coded, values, options)) {
      CompressiveEncoding encoding;
      encoding.mutable_fsst()->set_symbol_table(coded.table);
      *encoding.mutable_fsst()->mutable_values() = std::move(out.encoding);
      out.encoding = std::move(encoding);
      out.offsets = std::move(coded.offsets);
      out.bytes = std::move(coded.bytes);
      return out;
    }
  }
  out.offsets = values.offsets;
  out.bytes = values.data;
  return out;
}

}  // namespace og::format
