#include "format/page/value_decoder.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "format/codec/bitpack.h"
#include "format/codec/byte_stream_split.h"
#include "format/codec/general.h"
#include "format/codec/rle.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Bytes = std::span<const std::byte>;

// Picking one of packed values takes as long as unpacking about 128 bytes of them.
constexpr uint64_t kPickedShare = 128;

// Shorter ranges of strings are decoded one by one.
constexpr uint64_t kStringsTogetherMin = 4;

// Calls body with a zero of the unsigned type of `bits` bits.
template <typename Body>
absl::Status ForWord(uint64_t bits, Body body) {
  switch (bits) {
    case 8:
      return body(uint8_t{});
    case 16:
      return body(uint16_t{});
    case 32:
      return body(uint32_t{});
    case 64:
      return body(uint64_t{});
    default:
      return io::UnimplementedError(io::StrCat("words of ", bits, " bits"));
  }
}

absl::Status WrongSize(const char* what, uint64_t got, uint64_t want) {
  return io::DataLossError(io::StrCat(what, " of ", got, " bytes, want ", want));
}

// Whether `n` values of `bits` bits stand in `bytes`. A buffer may be longer: padding.
absl::Status CheckFlat(Bytes bytes, uint64_t n, uint64_t bits) {
  if (bits != 0 && n > uint64_t{bytes.size()} * 8 / bits) {
    return io::DataLossError(
        io::StrCat(n, " values of ", bits, " bits in ", bytes.size(), " bytes"));
  }
  return absl::OkStatus();
}

// The buffers of a chunk with the first one decompressed if `codec` says so, and the codec of what
// is inside.
struct Opened {
  const ValueCodec* codec = nullptr;
  std::vector<Bytes> buffers;
};

absl::StatusOr<Opened> Open(const ValueCodec& codec, ChunkBuffers buffers, DecodeScratch& scratch) {
  Opened opened{.codec = &codec, .buffers = {buffers.begin(), buffers.end()}};
  if (codec.kind == ValueCodec::Kind::kGeneral) {
    OG_RETURN_IF_ERROR(Decompress(codec.compression, buffers[0], scratch.decompressed));
    opened.codec = &codec.children[0];
    opened.buffers[0] = scratch.decompressed.span();
  }
  return opened;
}

// The flat form of the run values or run lengths `bytes`, where they stand or in `memory`.
// `num_runs` counts only for a bit-packed part.
absl::StatusOr<Bytes> FlatRunPart(const ValueCodec& part, Bytes bytes, uint64_t num_runs,
                                  std::span<io::MutableBuffer, 2> memory) {
  const ValueCodec* codec = &part;
  if (codec->kind == ValueCodec::Kind::kGeneral) {
    OG_RETURN_IF_ERROR(Decompress(codec->compression, bytes, memory[0]));
    bytes = memory[0].span();
    codec = &codec->children[0];
  }
  if (codec->kind == ValueCodec::Kind::kFlat) {
    return bytes;
  }
  memory[1].Resize(num_runs * codec->bits / 8);
  OG_RETURN_IF_ERROR(ForWord(codec->bits, [&](auto word) {
    using T = decltype(word);
    return DecodeOutOfLineBitpacked<T>(bytes, static_cast<unsigned>(codec->packed_bits),
                                       std::span(memory[1].as<T>(), num_runs));
  }));
  return memory[1].span();
}

// Expands the runs of `codec` into out.size() values.
template <typename T>
absl::Status DecodeRuns(const ValueCodec& codec, Bytes values, Bytes lengths,
                        DecodeScratch& scratch, std::span<T> out) {
  const ValueCodec& value_part = codec.children[0];
  const ValueCodec& length_part = codec.children[1];
  const std::span<io::MutableBuffer, 2> value_memory(&scratch.run_parts[0], 2);
  const std::span<io::MutableBuffer, 2> length_memory(&scratch.run_parts[2], 2);
  // A packed part does not know how many runs it has; the other one, which is not packed, does.
  const auto num_runs = [&](Bytes part, uint64_t bits) -> absl::StatusOr<uint64_t> {
    const uint64_t runs = part.size() / (bits / 8);
    if (runs > out.size()) {
      return io::DataLossError(io::StrCat(runs, " runs of ", out.size(), " values"));
    }
    return runs;
  };
  if (IsBitpacked(value_part)) {
    OG_ASSIGN_OR_RETURN(lengths, FlatRunPart(length_part, lengths, 0, length_memory));
    OG_ASSIGN_OR_RETURN(const uint64_t runs, num_runs(lengths, codec.length_bits));
    OG_ASSIGN_OR_RETURN(values, FlatRunPart(value_part, values, runs, value_memory));
  } else {
    OG_ASSIGN_OR_RETURN(values, FlatRunPart(value_part, values, 0, value_memory));
    OG_ASSIGN_OR_RETURN(const uint64_t runs, num_runs(values, codec.bits));
    OG_ASSIGN_OR_RETURN(lengths, FlatRunPart(length_part, lengths, runs, length_memory));
  }
  return ExpandRuns<T>(values, lengths, codec.length_bits, out);
}

// Writes `n` values to `out`, which is aligned for a word of codec.bits.
absl::Status DecodeWords(const ValueCodec& codec, uint64_t n, ChunkBuffers buffers,
                         DecodeScratch& scratch, std::byte* out) {
  switch (codec.kind) {
    case ValueCodec::Kind::kInlineBitpacking:
      return ForWord(codec.bits, [&](auto word) {
        using T = decltype(word);
        return DecodeInlineBitpacked<T>(buffers[0], std::span(reinterpret_cast<T*>(out), n));
      });
    case ValueCodec::Kind::kOutOfLineBitpacking:
      return ForWord(codec.bits, [&](auto word) {
        using T = decltype(word);
        return DecodeOutOfLineBitpacked<T>(buffers[0], static_cast<unsigned>(codec.packed_bits),
                                           std::span(reinterpret_cast<T*>(out), n));
      });
    case ValueCodec::Kind::kRle:
      return ForWord(codec.bits, [&](auto word) {
        using T = decltype(word);
        return DecodeRuns<T>(codec, buffers[0], buffers[1], scratch,
                             std::span(reinterpret_cast<T*>(out), n));
      });
    case ValueCodec::Kind::kByteStreamSplit: {
      const uint64_t width = codec.bits / 8;
      if (buffers[0].size() != n * width) {
        return WrongSize("byte-stream split", buffers[0].size(), n * width);
      }
      JoinByteStreams(buffers[0], width, std::span(out, n * width));
      return absl::OkStatus();
    }
    default:
      return io::UnimplementedError("this codec for fixed-width values");
  }
}

// The `n` values, where they stand or in `scratch`.
absl::StatusOr<const std::byte*> FixedValues(const ValueCodec& codec, uint64_t n,
                                             ChunkBuffers buffers, DecodeScratch& scratch) {
  if (codec.kind == ValueCodec::Kind::kFlat || codec.kind == ValueCodec::Kind::kPackedStruct) {
    OG_RETURN_IF_ERROR(CheckFlat(buffers[0], n, codec.bits));
    return buffers[0].data();
  }
  scratch.values.Resize(n * codec.bits / 8);
  OG_RETURN_IF_ERROR(DecodeWords(codec, n, buffers, scratch, scratch.values.data()));
  return scratch.values.data();
}

uint64_t CountOf(std::span<const ValueRange> ranges) {
  uint64_t count = 0;
  for (const ValueRange& range : ranges)
    count += range.end - range.begin;
  return count;
}

// Few single values of the inline encoding, without their neighbours. False if it is damaged, which
// decoding all of them tells in words.
template <typename T>
bool PickBitpacked(uint64_t n, Bytes encoded, std::span<const ValueRange> ranges, std::byte* out) {
  if (n > kBitpackGroupValues || encoded.size() < sizeof(T)) {
    return false;
  }
  const T width = io::LoadLe<T>(encoded);
  if (width > sizeof(T) * 8 ||
      encoded.size() != sizeof(T) + BitpackGroupBytes(static_cast<unsigned>(width))) {
    return false;
  }
  const std::byte* const packed = encoded.data() + sizeof(T);
  for (const ValueRange& range : ranges) {
    for (uint64_t i = range.begin; i < range.end; ++i, out += sizeof(T)) {
      io::StoreLe(out, UnpackValue<T>(packed, static_cast<unsigned>(width), i));
    }
  }
  return true;
}

// Copies `ranges` of values of kWidth bytes (0: of `width`).
template <size_t kWidth>
void CopyRanges(const std::byte* values, uint64_t width, std::span<const ValueRange> ranges,
                std::byte* out) {
  for (const ValueRange& range : ranges) {
    const uint64_t count = range.end - range.begin;
    if (kWidth != 0 && count == 1) {
      std::memcpy(out, values + range.begin * kWidth, kWidth);
    } else if (count * width != 0) {
      std::memcpy(out, values + range.begin * width, count * width);
    }
    out += count * width;
  }
}

absl::Status AppendFixed(const ValueCodec& codec, uint64_t n, ChunkBuffers buffers,
                         std::span<const ValueRange> ranges, DecodeScratch& scratch,
                         ValueSink& sink) {
  const uint64_t count = CountOf(ranges);
  OG_ASSIGN_OR_RETURN(std::byte* const out, sink.ExtendBytes(count));
  if (count == n && codec.kind != ValueCodec::Kind::kFlat) {
    return DecodeWords(codec, n, buffers, scratch, out);
  }
  const uint64_t width = sink.shape().slot_bytes();
  if (codec.kind == ValueCodec::Kind::kInlineBitpacking && count * kPickedShare <= n * width) {
    bool is_picked = false;
    OG_RETURN_IF_ERROR(ForWord(codec.bits, [&](auto word) {
      is_picked = PickBitpacked<decltype(word)>(n, buffers[0], ranges, out);
      return absl::OkStatus();
    }));
    if (is_picked) {
      return absl::OkStatus();
    }
  }
  OG_ASSIGN_OR_RETURN(const std::byte* const values, FixedValues(codec, n, buffers, scratch));
  switch (width) {
    case 8:
      CopyRanges<8>(values, 8, ranges, out);
      break;
    case 4:
      CopyRanges<4>(values, 4, ranges, out);
      break;
    default:
      CopyRanges<0>(values, width, ranges, out);
  }
  return absl::OkStatus();
}

absl::Status AppendBits(const ValueCodec& codec, uint64_t n, Bytes bitmap,
                        std::span<const ValueRange> ranges, ValueSink& sink) {
  OG_RETURN_IF_ERROR(CheckFlat(bitmap, n, codec.bits));
  for (const ValueRange& range : ranges) {
    OG_RETURN_IF_ERROR(
        sink.AppendBits(bitmap.data(), range.begin * codec.bits, range.end - range.begin));
  }
  return absl::OkStatus();
}

absl::Status AppendLists(const ValueCodec& codec, uint64_t n, ChunkBuffers buffers,
                         std::span<const ValueRange> ranges, ValueSink& sink) {
  struct Level {
    size_t level;
    uint64_t items;
    Bytes bitmap;
  };
  std::vector<Level> validity;
  size_t next_buffer = 0;
  size_t level = 0;
  uint64_t items = 1;
  const ValueCodec* at = &codec;
  for (; at->kind == ValueCodec::Kind::kFixedSizeList; at = &at->children[0], ++level) {
    items *= at->items;
    if (at->has_validity) {
      validity.push_back({level, items, buffers[next_buffer]});
      OG_RETURN_IF_ERROR(CheckFlat(buffers[next_buffer], n, items));
      ++next_buffer;
    }
  }
  const Bytes data = buffers[next_buffer];
  OG_RETURN_IF_ERROR(CheckFlat(data, n, codec.bits));
  const uint64_t width = sink.shape().slot_bytes();
  for (const ValueRange& range : ranges) {
    const uint64_t count = range.end - range.begin;
    if (sink.shape().kind == ValueShape::Kind::kBits) {
      OG_RETURN_IF_ERROR(sink.AppendBits(data.data(), range.begin * codec.bits, count));
    } else {
      OG_ASSIGN_OR_RETURN(std::byte* const out, sink.ExtendBytes(count));
      if (count * width != 0) {
        std::memcpy(out, data.data() + range.begin * width, count * width);
      }
    }
    for (const Level& entry : validity) {
      sink.AppendItemValidity(entry.level, entry.bitmap.data(), range.begin * entry.items,
                              count * entry.items);
    }
  }
  return absl::OkStatus();
}

absl::Status AppendRows(const ValueCodec& codec, uint64_t n, Bytes rows,
                        std::span<const ValueRange> ranges, ValueSink& sink) {
  OG_RETURN_IF_ERROR(CheckFlat(rows, n, codec.bits));
  const uint64_t row_bytes = codec.bits / 8;
  for (const ValueRange& range : ranges) {
    const uint64_t count = range.end - range.begin;
    const std::byte* from = rows.data() + range.begin * row_bytes;
    for (size_t m = 0; m < codec.member_bits.size(); ++m) {
      const uint64_t width = codec.member_bits[m] / 8;
      OG_ASSIGN_OR_RETURN(std::byte * out, sink.member(m).ExtendBytes(count));
      for (uint64_t i = 0; i < count && width != 0; ++i) {
        std::memcpy(out + i * width, from + i * row_bytes, width);
      }
      from += width;
    }
    sink.AppendRows(count);
  }
  return absl::OkStatus();
}

absl::Status AppendVariable(const ValueCodec& codec, uint64_t n, Bytes buffer,
                            std::span<const ValueRange> ranges, ValueSink& sink) {
  const size_t width = codec.offset_bits / 8;
  if ((n + 1) > buffer.size() / width) {
    return io::DataLossError(
        io::StrCat("strings: ", n + 1, " offsets in ", buffer.size(), " bytes"));
  }
  for (const ValueRange& range : ranges) {
    const Bytes offsets =
        buffer.subspan(range.begin * width, (range.end - range.begin + 1) * width);
    OG_RETURN_IF_ERROR(sink.AppendStrings(offsets, width, buffer));
  }
  return absl::OkStatus();
}

// Decodes the strings of `ranges`, of each of which the first and the last offset were checked, as
// ValueSink::AppendWith() wants them.
template <typename Offset, typename End>
std::byte* DecodeFsst(const FsstDecoder& fsst, Bytes buffer, std::span<const ValueRange> ranges,
                      std::byte* to, uint64_t base, End* ends) {
  std::byte* const begin = to;
  for (const ValueRange& range : ranges) {
    const uint64_t count = range.end - range.begin;
    const Bytes offsets =
        buffer.subspan(range.begin * sizeof(Offset), (count + 1) * sizeof(Offset));
    if (count >= kStringsTogetherMin) {
      to = fsst.DecodeStrings<Offset>(buffer, offsets, base + static_cast<uint64_t>(to - begin), to,
                                      ends);
      if (to == nullptr) return nullptr;
      ends += count;
      continue;
    }
    uint64_t start = io::LoadLe<Offset>(offsets);
    const uint64_t last = io::LoadLe<Offset>(offsets, count * sizeof(Offset));
    for (uint64_t i = 1; i <= count; ++i) {
      const uint64_t end = io::LoadLe<Offset>(offsets, i * sizeof(Offset));
      if (end < start || end > last) return nullptr;
      to = fsst.Decode(buffer.subspan(start, end - start), to);
      if (to == nullptr) return nullptr;
      *ends++ = static_cast<End>(base + static_cast<uint64_t>(to - begin));
      start = end;
    }
  }
  return to;
}

template <typename Offset>
absl::Status AppendFsstOf(const ValueCodec& codec, uint64_t n, Bytes buffer,
                          std::span<const ValueRange> ranges, ValueSink& sink) {
  if ((n + 1) > buffer.size() / sizeof(Offset)) {
    return io::DataLossError(io::StrCat("fsst: ", n + 1, " offsets in ", buffer.size(), " bytes"));
  }
  uint64_t num_codes = 0;
  uint64_t former = 0;
  for (const ValueRange& range : ranges) {
    const auto begin = io::LoadLe<Offset>(buffer, range.begin * sizeof(Offset));
    const auto end = io::LoadLe<Offset>(buffer, range.end * sizeof(Offset));
    if (begin < former || begin > end || end > buffer.size()) {
      return io::DataLossError(
          io::StrCat("fsst: codes from byte ", begin, " to ", end, " of ", buffer.size()));
    }
    num_codes += end - begin;
    former = end;
  }
  return sink.AppendWith(CountOf(ranges), num_codes * kFsstSymbolBytesMax + kFsstSlackBytes,
                         [&](std::byte* to, uint64_t base, auto* ends) {
                           return DecodeFsst<Offset>(*codec.fsst, buffer, ranges, to, base, ends);
                         });
}

absl::Status AppendFsst(const ValueCodec& codec, uint64_t n, Bytes buffer,
                        std::span<const ValueRange> ranges, ValueSink& sink) {
  return codec.offset_bits == 64 ? AppendFsstOf<uint64_t>(codec, n, buffer, ranges, sink)
                                 : AppendFsstOf<uint32_t>(codec, n, buffer, ranges, sink);
}

absl::Status Mismatch(const ValueShape& shape) {
  return io::DataLossError(
      io::StrCat("values do not have the width of the column's type ", shape.type->ToString()));
}

absl::Status CheckLists(const ValueCodec& codec, const ValueShape& shape) {
  size_t level = 0;
  uint64_t items = 1;
  const ValueCodec* at = &codec;
  for (; at->kind == ValueCodec::Kind::kFixedSizeList; at = &at->children[0], ++level) {
    items *= at->items;
    if (level >= shape.items_per_slot.size() || shape.items_per_slot[level] != items) {
      return Mismatch(shape);
    }
  }
  if (level != shape.items_per_slot.size() || codec.bits != shape.slot_bits) {
    return Mismatch(shape);
  }
  return absl::OkStatus();
}

}  // namespace

size_t NumChunkBuffers(const ValueCodec& codec) {
  switch (codec.kind) {
    case ValueCodec::Kind::kRle:
      return 2;
    case ValueCodec::Kind::kGeneral:
      return NumChunkBuffers(codec.children[0]);
    case ValueCodec::Kind::kFixedSizeList:
      return NumChunkBuffers(codec.children[0]) + (codec.has_validity ? 1 : 0);
    default:
      return 1;
  }
}

absl::Status CheckChunkCodec(const ValueCodec& codec, const ValueShape& shape) {
  if (codec.kind == ValueCodec::Kind::kGeneral) {
    return CheckChunkCodec(codec.children[0], shape);
  }
  switch (shape.kind) {
    case ValueShape::Kind::kVariable:
      return codec.kind == ValueCodec::Kind::kVariable || codec.kind == ValueCodec::Kind::kFsst
                 ? absl::OkStatus()
                 : Mismatch(shape);
    case ValueShape::Kind::kBits:
    case ValueShape::Kind::kBytes:
      switch (codec.kind) {
        case ValueCodec::Kind::kFixedSizeList:
          return CheckLists(codec, shape);
        case ValueCodec::Kind::kFlat:
        case ValueCodec::Kind::kInlineBitpacking:
        case ValueCodec::Kind::kOutOfLineBitpacking:
        case ValueCodec::Kind::kRle:
        case ValueCodec::Kind::kByteStreamSplit:
          return codec.bits == shape.slot_bits && shape.items_per_slot.empty() ? absl::OkStatus()
                                                                               : Mismatch(shape);
        default:
          return io::UnimplementedError("this codec in mini-blocks");
      }
    case ValueShape::Kind::kMembers: {
      if (codec.kind != ValueCodec::Kind::kPackedStruct ||
          codec.member_bits.size() != shape.members.size()) {
        return Mismatch(shape);
      }
      for (size_t m = 0; m < shape.members.size(); ++m) {
        if (shape.members[m].kind != ValueShape::Kind::kBytes ||
            shape.members[m].slot_bits != codec.member_bits[m]) {
          return Mismatch(shape);
        }
      }
      return absl::OkStatus();
    }
    case ValueShape::Kind::kNone:
      return Mismatch(shape);
  }
  return Mismatch(shape);
}

absl::Status DecodeChunk(const ValueCodec& codec, uint64_t n, ChunkBuffers buffers,
                         std::span<const ValueRange> ranges, DecodeScratch& scratch,
                         ValueSink& sink) {
  if (codec.kind == ValueCodec::Kind::kGeneral) {
    OG_ASSIGN_OR_RETURN(const Opened opened, Open(codec, buffers, scratch));
    return DecodeChunk(*opened.codec, n, opened.buffers, ranges, scratch, sink);
  }
  switch (codec.kind) {
    case ValueCodec::Kind::kVariable:
      return AppendVariable(codec, n, buffers[0], ranges, sink);
    case ValueCodec::Kind::kFsst:
      return AppendFsst(codec, n, buffers[0], ranges, sink);
    case ValueCodec::Kind::kFixedSizeList:
      return AppendLists(codec, n, buffers, ranges, sink);
    case ValueCodec::Kind::kPackedStruct:
      return AppendRows(codec, n, buffers[0], ranges, sink);
    default:
      return sink.shape().kind == ValueShape::Kind::kBits
                 ? AppendBits(codec, n, buffers[0], ranges, sink)
                 : AppendFixed(codec, n, buffers, ranges, scratch, sink);
  }
}

absl::StatusOr<std::span<const uint32_t>> DecodeIndices(const ValueCodec& codec, uint64_t n,
                                                        ChunkBuffers buffers,
                                                        DecodeScratch& scratch) {
  OG_ASSIGN_OR_RETURN(const Opened opened, Open(codec, buffers, scratch));
  OG_ASSIGN_OR_RETURN(const std::byte* const values,
                      FixedValues(*opened.codec, n, opened.buffers, scratch));
  if (codec.bits == 32 && reinterpret_cast<uintptr_t>(values) % alignof(uint32_t) == 0) {
    return std::span(reinterpret_cast<const uint32_t*>(values), n);
  }
  scratch.indices.Resize(n * sizeof(uint32_t));
  auto* const indices = scratch.indices.as<uint32_t>();
  bool is_bad = false;
  OG_RETURN_IF_ERROR(ForWord(codec.bits, [&](auto word) {
    using T = decltype(word);
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t value = io::LoadLe<T>(values + i * sizeof(T));
      is_bad |= value > UINT32_MAX;
      indices[i] = static_cast<uint32_t>(value);
    }
    return absl::OkStatus();
  }));
  if (is_bad) {
    return io::DataLossError("dictionary index of more than 32 bits");
  }
  return std::span<const uint32_t>(indices, n);
}

absl::Status DecodeLevels(const ValueCodec* codec, Bytes block, uint64_t n, DecodeScratch& scratch,
                          uint16_t* levels) {
  const std::span<uint16_t> out(levels, n);
  if (codec == nullptr || codec->kind == ValueCodec::Kind::kFlat) {
    if (codec != nullptr && codec->bits != 16) {
      return io::DataLossError(io::StrCat("levels of ", codec->bits, " bits"));
    }
    OG_RETURN_IF_ERROR(CheckFlat(block, n, 16));
    if (n != 0) {
      std::memcpy(levels, block.data(), n * sizeof(uint16_t));
    }
    return absl::OkStatus();
  }
  if (codec->bits != 16) {
    return io::DataLossError(io::StrCat("levels of ", codec->bits, " bits"));
  }
  switch (codec->kind) {
    case ValueCodec::Kind::kInlineBitpacking:
      return DecodeInlineBitpacked<uint16_t>(block, out);
    case ValueCodec::Kind::kOutOfLineBitpacking:
      return DecodeOutOfLineBitpacked<uint16_t>(block, static_cast<unsigned>(codec->packed_bits),
                                                out);
    case ValueCodec::Kind::kRle: {
      OG_ASSIGN_OR_RETURN(const RleBlock runs, SplitRleBlock(block));
      return DecodeRuns<uint16_t>(*codec, runs.values, runs.lengths, scratch, out);
    }
    case ValueCodec::Kind::kConstant:
      std::ranges::fill(out, io::LoadLe<uint16_t>(io::AsBytes(codec->constant)));
      return absl::OkStatus();
    case ValueCodec::Kind::kGeneral:
      OG_RETURN_IF_ERROR(Decompress(codec->compression, block, scratch.decompressed));
      return DecodeLevels(&codec->children[0], scratch.decompressed.span(), n, scratch, levels);
    default:
      return io::UnimplementedError("this codec for levels");
  }
}

namespace {

// The block form of strings: u32 (u64) offset bits, u32 (u64) start of the text, n + 1 offsets from
// there, text. The older form has u8 bits, u32 (u64) n, u32 (u64) start, the same; a byte of its n
// or start makes one of bytes 1 to 3 non-zero.
absl::Status AppendVariableBlock(Bytes block, uint64_t n, ValueSink& sink) {
  if (block.size() < 8) {
    return WrongSize("string block", block.size(), 8);
  }
  const auto first = io::LoadLe<uint32_t>(block);
  const bool is_old = (first & 0xffffff00u) != 0;
  const uint64_t bits = first & 0xffu;
  if (bits != 32 && bits != 64) {
    return io::DataLossError(io::StrCat("string block with offsets of ", bits, " bits"));
  }
  const uint64_t width = bits / 8;
  const uint64_t header = is_old ? 1 + 2 * width : 2 * width;
  if (block.size() < header || (block.size() - header) / width < n + 1) {
    return io::DataLossError(
        io::StrCat("string block: ", n + 1, " offsets in ", block.size(), " bytes"));
  }
  const uint64_t start = width == 8 ? io::LoadLe<uint64_t>(block, header - 8)
                                    : io::LoadLe<uint32_t>(block, header - 4);
  if (start > block.size()) {
    return io::DataLossError(
        io::StrCat("string block: text from byte ", start, " of ", block.size()));
  }
  return sink.AppendStrings(block.subspan(header, (n + 1) * width), width, block.subspan(start));
}

absl::Status AppendBlock(const ValueCodec& codec, Bytes block, uint64_t n, DecodeScratch& scratch,
                         ValueSink& sink) {
  if (codec.kind == ValueCodec::Kind::kGeneral) {
    OG_RETURN_IF_ERROR(Decompress(codec.compression, block, scratch.decompressed));
    return AppendBlock(codec.children[0], scratch.decompressed.span(), n, scratch, sink);
  }
  OG_RETURN_IF_ERROR(CheckChunkCodec(codec, sink.shape()));
  const Bytes buffers[] = {block};
  const ValueRange all[] = {{0, n}};
  switch (codec.kind) {
    case ValueCodec::Kind::kVariable:
      return AppendVariableBlock(block, n, sink);
    case ValueCodec::Kind::kFlat:
    case ValueCodec::Kind::kInlineBitpacking:
    case ValueCodec::Kind::kOutOfLineBitpacking:
      return DecodeChunk(codec, n, buffers, all, scratch, sink);
    case ValueCodec::Kind::kRle: {
      OG_ASSIGN_OR_RETURN(const RleBlock runs, SplitRleBlock(block));
      const Bytes parts[] = {runs.values, runs.lengths};
      return DecodeChunk(codec, n, parts, all, scratch, sink);
    }
    default:
      return io::UnimplementedError("this codec for dictionaries");
  }
}

}  // namespace

absl::StatusOr<ArrayPtr> DecodeDictionaryBlock(const ValueCodec& codec, const ValueShape& shape,
                                               Bytes block, uint64_t n) {
  // Flat and packed values take at least one bit each, offsets four bytes; only packing to width 0
  // and runs give more values than that, and the writer bounds dictionaries to far less.
  constexpr uint64_t kEntriesMax = uint64_t{1} << 26;
  if (n > kEntriesMax) {
    return io::DataLossError(io::StrCat("dictionary of ", n, " entries"));
  }
  DecodeScratch scratch;
  ValueSink sink(shape);
  OG_RETURN_IF_ERROR(AppendBlock(codec, block, n, scratch, sink));
  ValidityBits validity;
  validity.AppendValid(n);
  return sink.Finish(validity);
}

}  // namespace og::format
