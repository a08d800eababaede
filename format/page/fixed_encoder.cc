// Chunks of fixed-width values: PlanFixed() and EncodeFixed() of value_encoder.h.

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/codec/bitpack.h"
#include "format/codec/byte_stream_split.h"
#include "format/codec/rle.h"
#include "format/page/value_encoder.h"
#include "format/page/value_statistics.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/status_macros.h"

namespace og::format {
namespace {

using Codec = ChunkPlan::Codec;

constexpr size_t kGeneralBytesMin = 4096;  // below, compression headers outweigh the gain
constexpr size_t kSampleChunks = 4;
constexpr double kSplitDecodeCost = 0.10;
// How much cheaper than the best light codec compression has to be that nobody asked for.
constexpr double kUnaskedCostMax = 0.6;

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
  chunks.reserve(num_values / chunk_values + 1);
  for (size_t at = 0; at < num_values; at += chunk_values) {
    chunks.push_back(static_cast<uint32_t>(std::min(chunk_values, num_values - at)));
  }
  return chunks;
}

// The sizes of chunks that stand as they are, or are compressed.
struct ChunkSize {
  size_t values_max = kChunkValuesMax;
  size_t bytes_end = kChunkBytesAim;  // a chunk is smaller
};

ChunkSize SizeOf(const ChunkPlan& plan, const ChunkLimits& limits) {
  if (plan.general) {
    return {limits.values_max, limits.compressed_bytes + 1};
  }
  return {std::min(kChunkValuesMax, limits.values_max), kChunkBytesAim};
}

// The largest power of two of values, at least 2, whose `bytes_of(n)` stay below the end.
template <typename BytesOf>
size_t FixedChunkValues(const ChunkSize& size, BytesOf bytes_of) {
  size_t values = size.values_max;
  while (values > 2 && bytes_of(values) >= size.bytes_end) {
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

ChunkedValues ChunkFlat(const LeafValues& values, const ChunkSize& size) {
  const uint64_t slot_bits = values.slot_bits();
  const size_t chunk_values =
      FixedChunkValues(size, [&](size_t n) { return io::BytesForBits(n * slot_bits); });
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

// Fixed-size lists: item bitmaps for each list with null items, then the data.
ChunkedValues ChunkLists(const LeafValues& values, const ChunkSize& size) {
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
  out.chunk_values = EvenChunks(values.num_values, FixedChunkValues(size, chunk_bytes));
  out.encoding = ListEncoding(values.bits, values.dimensions);
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
ChunkedValues ChunkBitpacked(std::span<const T> words, std::span<const uint8_t> widths) {
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
ChunkedValues ChunkRle(std::span<const T> words, const ChunkSize& size) {
  const size_t runs_max = size.bytes_end / (sizeof(T) + 1);
  ChunkedValues out;
  out.encoding = RleEncoding(sizeof(T) * 8);
  out.num_buffers = 2;
  io::MutableBuffer run_values;
  io::MutableBuffer run_lengths;
  while (!words.empty()) {
    size_t take = ValuesInRuns(words.first(std::min(words.size(), size.values_max)), runs_max);
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

ChunkedValues ChunkSplit(const LeafValues& values, const ChunkSize& size) {
  const size_t value_bytes = values.bits / 8;
  const size_t chunk_values = FixedChunkValues(size, [&](size_t n) { return n * value_bytes; });
  ChunkedValues out;
  *out.encoding.mutable_byte_stream_split()->mutable_values() = FlatEncoding(values.bits);
  out.chunk_values = EvenChunks(values.num_values, chunk_values);
  io::MutableBuffer data(values.num_values * value_bytes);
  size_t at = 0;
  for (const uint32_t n : out.chunk_values) {
    const size_t bytes = n * value_bytes;
    SplitByteStreams(values.data.span().subspan(at, bytes), value_bytes,
                     data.span().subspan(at, bytes));
    out.buffer_sizes.push_back(static_cast<uint32_t>(bytes));
    at += bytes;
  }
  out.buffers.push_back(std::move(data).Share());
  return out;
}

bool CanSplit(const LeafValues& values) {
  return (values.bits == 32 || values.bits == 64) && !values.is_list() &&
         values.shape == LeafShape::kFixed;
}

bool CanBeWords(const LeafValues& values) {
  return IsWordWidth(values.bits) && !values.is_list() && values.shape == LeafShape::kFixed;
}

bool HasItemValidity(const LeafValues& values) {
  return std::ranges::any_of(values.dimensions,
                             [](const ListDimension& dimension) { return dimension.has_validity; });
}

// The smallest codec without compression.
template <typename T>
ChunkPlan PlanWords(std::span<const T> words, const CodecOptions& options,
                    const ChunkLimits& limits) {
  const bool can_bitpack = limits.values_max >= kBitpackGroupValues;
  const bool allow_rle = options.forced_codec == ForcedCodec::kNone;
  WordStatistics statistics = StatisticsOf(words);
  ChunkPlan plan;
  plan.bytes = words.size_bytes();
  const auto offer = [&](Codec codec, uint64_t bytes) {
    if (bytes < plan.bytes) {
      plan.codec = codec;
      plan.bytes = bytes;
    }
  };
  if (can_bitpack) {
    offer(Codec::kBitpacked, statistics.bitpacked_bytes);
  }
  const bool is_few_runs =
      !options.rle_threshold || static_cast<double>(statistics.num_runs) <
                                    *options.rle_threshold * static_cast<double>(words.size());
  if (allow_rle && is_few_runs) {
    offer(Codec::kRle, statistics.num_runs * (sizeof(T) + 1));
  }
  plan.group_widths = std::move(statistics.group_widths);
  switch (options.forced_codec) {
    case ForcedCodec::kRle:
    case ForcedCodec::kRleZstd:
      plan.codec = Codec::kRle;
      break;
    case ForcedCodec::kBitpacked:
      plan.codec = can_bitpack ? Codec::kBitpacked : Codec::kFlat;
      break;
    case ForcedCodec::kFlat:
    case ForcedCodec::kZstd:
    case ForcedCodec::kLz4:
      plan.codec = Codec::kFlat;
      break;
    default:
      break;
  }
  return plan;
}

// Weighs `general` over each codec that goes with it against `light`.
absl::StatusOr<ChunkPlan> PlanGeneral(const LeafValues& values, ChunkPlan light,
                                      const CodecOptions& options, const ChunkLimits& limits,
                                      const GeneralChoice& general) {
  const auto raw = static_cast<double>(values.data.size());
  if (values.data.size() < kGeneralBytesMin || light.bytes < kGeneralBytesMin / 4) {
    return light;
  }
  const double light_cost = static_cast<double>(light.bytes) +
                            (light.codec == Codec::kFlat ? 0 : raw * kPackedDecodeCost);
  if (!general.is_welcome) {
    // What an entropy coder could make of it is no bound, but unasked compression wants far more.
    const double hope = values.bits % 8 == 0 ? ByteEntropy(values.data.span(), values.bits / 8) /
                                                   (values.bits / 8) * raw
                                             : 0;
    if (hope + raw * GeneralDecodeCost(general.compression) > light_cost * kUnaskedCostMax) {
      return light;
    }
  }
  const bool wants_split = options.byte_stream_split == ByteStreamSplitChoice::kOn;
  std::vector<Codec> candidates;
  if (CanSplit(values) && options.byte_stream_split != ByteStreamSplitChoice::kOff) {
    candidates.push_back(Codec::kSplit);
  }
  if (!wants_split || candidates.empty()) {
    candidates.push_back(Codec::kFlat);
    if (light.codec == Codec::kBitpacked) {
      candidates.push_back(Codec::kBitpacked);
    }
    if (light.codec == Codec::kRle) {
      candidates.push_back(Codec::kRle);
    }
  }
  ChunkPlan best;
  double best_cost =
      general.is_welcome ? static_cast<double>(light.bytes) : light_cost * kUnaskedCostMax;
  if (wants_split) {
    best_cost = 1e300;
  }
  best = std::move(light);
  const std::vector<uint8_t> widths = best.group_widths;
  ChunkPlan trial;
  trial.general = general.compression;
  trial.level = general.level;
  const size_t window = FixedChunkValues(
      SizeOf(trial, limits), [&](size_t n) { return io::BytesForBits(n * values.slot_bits()); });
  const LeafValues sample = SampleOf(values, kSampleChunks, std::max<size_t>(window, 8));
  for (const Codec codec : candidates) {
    trial.codec = codec;
    if (codec == Codec::kBitpacked) {
      trial.group_widths = WithWord(values.bits, [&](auto zero) {
        return StatisticsOf(WordsOf<decltype(zero)>(sample)).group_widths;
      });
    }
    OG_ASSIGN_OR_RETURN(const ChunkedValues chunks, EncodeFixed(sample, trial, options, limits));
    const double bytes = static_cast<double>(chunks.num_bytes()) *
                         static_cast<double>(values.num_values) /
                         static_cast<double>(sample.num_values);
    const double cost = general.is_welcome
                            ? bytes
                            : bytes + raw * (GeneralDecodeCost(general.compression) +
                                             (codec == Codec::kSplit ? kSplitDecodeCost : 0));
    if (cost < best_cost) {
      best_cost = cost;
      best.codec = codec;
      best.general = general.compression;
      best.level = general.level;
      best.bytes = static_cast<uint64_t>(bytes);
    }
  }
  best.group_widths = widths;
  return best;
}

}  // namespace

absl::StatusOr<ChunkPlan> PlanFixed(const LeafValues& values, const CodecOptions& options,
                                    const ChunkLimits& limits) {
  ChunkPlan plan;
  plan.bytes = values.data.size();
  if (options.compression == CompressionChoice::kNone &&
      options.forced_codec == ForcedCodec::kNone) {
    return plan;
  }
  if (CanBeWords(values)) {
    plan = WithWord(values.bits, [&](auto zero) {
      return PlanWords(WordsOf<decltype(zero)>(values), options, limits);
    });
  }
  if (options.forced_codec == ForcedCodec::kByteStreamSplit && CanSplit(values)) {
    plan.codec = Codec::kSplit;
  }
  const std::optional<GeneralChoice> general = GeneralOf(options);
  // The item validity of lists would be buffer 0.
  if (!general || HasItemValidity(values)) {
    return plan;
  }
  if (general->is_forced) {
    plan.general = general->compression;
    plan.level = general->level;
    return plan;
  }
  return PlanGeneral(values, std::move(plan), options, limits, *general);
}

absl::StatusOr<ChunkedValues> EncodeFixed(const LeafValues& values, const ChunkPlan& plan,
                                          const CodecOptions& options, const ChunkLimits& limits) {
  const ChunkSize size = SizeOf(plan, limits);
  ChunkedValues out;
  if (values.is_list()) {
    out = ChunkLists(values, size);
  } else if (plan.codec == Codec::kSplit) {
    out = ChunkSplit(values, size);
  } else if (plan.codec == Codec::kFlat) {
    out = ChunkFlat(values, size);
  } else {
    out = WithWord(values.bits, [&](auto zero) {
      const auto words = WordsOf<decltype(zero)>(values);
      return plan.codec == Codec::kBitpacked ? ChunkBitpacked(words, plan.group_widths)
                                             : ChunkRle(words, size);
    });
  }
  if (values.shape == LeafShape::kPacked) {
    CompressiveEncoding encoding;
    for (const LeafValues::Member& member : values.members) {
      encoding.mutable_packed_struct()->add_bits_per_value(member.bits);
    }
    *encoding.mutable_packed_struct()->mutable_values() = std::move(out.encoding);
    out.encoding = std::move(encoding);
  }
  if (plan.general) {
    return WrapGeneral(std::move(out), *plan.general, plan.level,
                       options.forced_codec != ForcedCodec::kNone);
  }
  return out;
}

}  // namespace og::format
