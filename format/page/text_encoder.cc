// Chunks of variable-width values: PlanText() and EncodeText() of value_encoder.h.

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/page/value_encoder.h"
#include "format/page/value_statistics.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status_macros.h"

namespace og::format {
namespace {

using Codec = ChunkPlan::Codec;

constexpr size_t kFsstBytesMin = 32768;  // below, the symbol table outweighs the gain
constexpr size_t kFsstSampleBytes = 65536;
constexpr size_t kFsstTableBytes = 2312;
constexpr double kFsstRatioMax = 0.98;
constexpr double kFsstDecodeCost = 0.30;
constexpr size_t kGeneralBytesMin = 4096;
constexpr size_t kSampleChunks = 4;
constexpr double kUnaskedCostMax = 0.6;
constexpr size_t kTextChunkValuesMax = 4096;
constexpr std::byte kVariablePad{0x48};

struct Text {
  std::span<const uint64_t> offsets;
  std::span<const std::byte> bytes;

  size_t num_values() const { return offsets.size() - 1; }
};

// What a chunk of text may be.
struct ChunkSize {
  size_t values_max = kTextChunkValuesMax;
  size_t bytes_max = 0;
};

ChunkSize SizeOf(const ChunkPlan& plan, const CodecOptions& options, const ChunkLimits& limits) {
  if (plan.general) {
    return {limits.values_max, options.minichunk_bytes.value_or(limits.compressed_bytes)};
  }
  return {std::min(limits.values_max, kTextChunkValuesMax),
          options.minichunk_bytes.value_or(kTextChunkBytesAim)};
}

// One buffer a chunk: n + 1 offsets from the start of the buffer, the bytes, padding to a whole
// number of offsets.
template <typename Offset>
ChunkedValues ChunkText(const Text& text, const ChunkSize& limits) {
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
    while (n < left && 2 * n <= limits.values_max &&
           bytes_of(std::min(left, 2 * n)) <= limits.bytes_max) {
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

bool WantsFsst(const LeafValues& values, const CodecOptions& options) {
  if (options.forced_codec != ForcedCodec::kNone) {
    return options.forced_codec == ForcedCodec::kFsst ||
           options.forced_codec == ForcedCodec::kFsstZstd;
  }
  if (options.compression == CompressionChoice::kFsst) {
    return true;
  }
  if (options.compression != CompressionChoice::kAuto || (!options.is_text && !options.compact)) {
    return false;
  }
  return values.data.size() + values.num_values * values.offset_bits / 8 >= kFsstBytesMin;
}

// The number of values of `values` whose bytes and offsets are about `bytes`, at least 2.
size_t ValuesIn(const LeafValues& values, size_t bytes) {
  const size_t mean =
      (values.data.size() + values.num_values * values.offset_bits / 8) / values.num_values + 1;
  return std::max<size_t>(2, bytes / mean);
}

// Weighs `general` over FSST codes and plain text against `light`.
absl::StatusOr<ChunkPlan> PlanGeneral(const LeafValues& values, ChunkPlan light,
                                      const CodecOptions& options, const ChunkLimits& limits,
                                      const GeneralChoice& general) {
  if (light.bytes < kGeneralBytesMin) {
    return light;
  }
  const auto raw = static_cast<double>(values.data.size());
  const double light_cost =
      static_cast<double>(light.bytes) + (light.codec == Codec::kFsst ? raw * kFsstDecodeCost : 0);
  if (!general.is_welcome &&
      light_cost * kUnaskedCostMax < raw * (0.05 + GeneralDecodeCost(general.compression))) {
    return light;
  }
  ChunkPlan trial;
  trial.general = general.compression;
  trial.level = general.level;
  trial.fsst = light.fsst;
  const size_t window = ValuesIn(values, SizeOf(trial, options, limits).bytes_max);
  const LeafValues sample = SampleOf(values, kSampleChunks, window);
  double best_cost =
      general.is_welcome ? static_cast<double>(light.bytes) : light_cost * kUnaskedCostMax;
  ChunkPlan best = std::move(light);
  for (const Codec codec : {Codec::kVariable, Codec::kFsst}) {
    if (codec == Codec::kFsst && (trial.fsst == nullptr || !general.is_welcome)) {
      continue;
    }
    trial.codec = codec;
    OG_ASSIGN_OR_RETURN(const ChunkedValues chunks, EncodeText(sample, trial, options, limits));
    const double bytes = static_cast<double>(chunks.num_bytes()) *
                             static_cast<double>(values.num_values) /
                             static_cast<double>(sample.num_values) +
                         (codec == Codec::kFsst ? static_cast<double>(kFsstTableBytes) : 0);
    const double cost =
        general.is_welcome ? bytes : bytes + raw * GeneralDecodeCost(general.compression);
    if (cost < best_cost) {
      best_cost = cost;
      best.codec = codec;
      best.general = general.compression;
      best.level = general.level;
      best.bytes = static_cast<uint64_t>(bytes);
    }
  }
  return best;
}

}  // namespace

TrainedFsst TrainFsst(const LeafValues& values, const CodecOptions& options) {
  if (values.data.empty() || !WantsFsst(values, options)) {
    return {};
  }
  TrainedFsst out;
  out.encoder = FsstEncoder::Train(values.data.span(), values.offsets);
  const LeafValues sample =
      SampleOf(values, kSampleChunks, ValuesIn(values, kFsstSampleBytes / kSampleChunks));
  if (!sample.data.empty()) {
    const auto codes = out.encoder->EncodeAll(sample.data.span(), sample.offsets);
    out.ratio = static_cast<double>(codes.bytes.size()) / static_cast<double>(sample.data.size());
  }
  const double saved = (1 - out.ratio) * static_cast<double>(values.data.size());
  const bool is_demanded =
      options.forced_codec != ForcedCodec::kNone || options.compression == CompressionChoice::kFsst;
  if (!is_demanded && (out.ratio > kFsstRatioMax || saved < static_cast<double>(kFsstTableBytes))) {
    return {};
  }
  return out;
}

absl::StatusOr<ChunkPlan> PlanText(const LeafValues& values, const CodecOptions& options,
                                   const ChunkLimits& limits) {
  const uint64_t overhead = values.num_values * values.offset_bits / 8;
  ChunkPlan plan;
  plan.codec = Codec::kVariable;
  plan.bytes = values.data.size() + overhead;
  if (const TrainedFsst fsst = TrainFsst(values, options); fsst.encoder != nullptr) {
    plan.codec = Codec::kFsst;
    plan.fsst = fsst.encoder;
    plan.bytes = static_cast<uint64_t>(static_cast<double>(values.data.size()) * fsst.ratio) +
                 overhead + kFsstTableBytes;
  }
  const std::optional<GeneralChoice> general = GeneralOf(options);
  if (!general) {
    return plan;
  }
  if (general->is_forced) {
    plan.general = general->compression;
    plan.level = general->level;
    return plan;
  }
  return PlanGeneral(values, std::move(plan), options, limits, *general);
}

absl::StatusOr<ChunkedValues> EncodeText(const LeafValues& values, const ChunkPlan& plan,
                                         const CodecOptions& options, const ChunkLimits& limits) {
  FsstEncoder::Codes coded;
  Text text{values.offsets, values.data.span()};
  if (plan.codec == Codec::kFsst) {
    coded = plan.fsst->EncodeAll(values.data.span(), values.offsets);
    text = {coded.offsets, coded.bytes.span()};
  }
  const ChunkSize size = SizeOf(plan, options, limits);
  ChunkedValues out =
      values.offset_bits == 64 ? ChunkText<uint64_t>(text, size) : ChunkText<uint32_t>(text, size);
  if (plan.codec == Codec::kFsst) {
    CompressiveEncoding encoding;
    encoding.mutable_fsst()->set_symbol_table(plan.fsst->Table());
    *encoding.mutable_fsst()->mutable_values() = std::move(out.encoding);
    out.encoding = std::move(encoding);
  }
  if (plan.general) {
    return WrapGeneral(std::move(out), *plan.general, plan.level,
                       options.forced_codec != ForcedCodec::kNone);
  }
  return out;
}

}  // namespace og::format
