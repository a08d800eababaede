// WriteMiniBlock() of page_layouts.h. Page buffers: chunk words, chunks, the dictionary if there is
// one, the repetition index if there are lists.
//
//   chunk word   u16 (2.1) or u32: (chunk bytes / 8 - 1) << 4 | log2(values), 0 for the last chunk
//   chunk        u16 levels; u16 bytes of rep, of def, if the page has them; u16 (2.1) or u32 bytes
//                of each value buffer; padding; rep, def, value buffers, each padded to 8 with 0xFE
//   index        per chunk u64 rows that end in it, u64 levels after the last of them

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/page/level_encoder.h"
#include "format/page/page_layouts.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kChunkAlignment = 8;
constexpr std::byte kChunkPad{0xfe};
constexpr size_t kSmallChunkBytesMax = 32768;
constexpr size_t kLargeChunkBytesMax = size_t{1} << 31;
// Levels of one chunk: bytes of uncompressed levels fit a u16, and in 2.1 rep, def and 8 KiB of
// values fit a chunk of 32 KiB.
constexpr size_t kChunkLevelsMax = 32767;
constexpr size_t kSmallChunkLevelsMax = 6000;
// Values of a compressed chunk before compression, in general, with the option `compact`, and in
// the small chunks of 2.1, alone or beside levels.
constexpr size_t kLargeChunkValuesMax = 32768;
constexpr size_t kCompressedBytesAim = 16384;
constexpr size_t kCompactBytesAim = 65536;
constexpr size_t kSmallCompactBytesAim = 30000;
constexpr size_t kSmallLevelledBytesAim = kChunkBytesAim;

void Pad(io::MutableBuffer& out) {
  const size_t size = out.size();
  const size_t padded = io::RoundUp(size, kChunkAlignment);
  out.Resize(padded);
  std::memset(out.data() + size, static_cast<int>(kChunkPad), padded - size);
}

template <typename T>
void Store(io::MutableBuffer& out, T value) {
  const size_t at = out.size();
  out.Resize(at + sizeof(T));
  io::StoreLe(out.data() + at, value);
}

// How many levels each chunk takes: up to and including its last visible one; the last chunk takes
// the rest.
std::vector<uint32_t> LevelsPerChunk(const PageLevels& levels,
                                     std::span<const uint32_t> chunk_values) {
  if (!levels.has_levels()) {
    return std::vector<uint32_t>(chunk_values.size(), 0);
  }
  if (levels.num_levels == levels.num_visible) {
    return {chunk_values.begin(), chunk_values.end()};
  }
  std::vector<uint32_t> counts;
  size_t at = 0;
  for (size_t c = 0; c + 1 < chunk_values.size(); ++c) {
    const size_t start = at;
    for (uint32_t seen = 0; seen < chunk_values[c]; ++at) {
      seen += levels.def[at] <= levels.max_visible_def ? 1u : 0u;
    }
    counts.push_back(static_cast<uint32_t>(at - start));
  }
  counts.push_back(static_cast<uint32_t>(levels.num_levels - at));
  return counts;
}

io::Buffer RepetitionIndex(const PageLevels& levels, std::span<const uint32_t> chunk_levels) {
  io::MutableBuffer index;
  index.Reserve(chunk_levels.size() * 16);
  size_t at = 0;
  for (const uint32_t n : chunk_levels) {
    const size_t end = at + n;
    uint64_t rows_ended = 0;
    size_t last_end = at;
    for (size_t i = at + 1; i <= end; ++i) {
      if (i == levels.num_levels || levels.rep[i] == levels.max_rep) {
        ++rows_ended;
        last_end = i;
      }
    }
    Store(index, rows_ended);
    Store(index, uint64_t{end - last_end});
    at = end;
  }
  return std::move(index).Share();
}

}  // namespace

std::optional<ChunkLimits> ChunkLimitsOf(const PageLevels& levels, const CodecOptions& options) {
  const bool is_2_2 = options.is_2_2;
  ChunkLimits limits;
  if (!levels.has_levels()) {
    limits.values_max = options.compact ? kLargeChunkValuesMax : kChunkValuesMax;
    limits.compressed_bytes = !options.compact ? kCompressedBytesAim
                              : is_2_2         ? kCompactBytesAim
                                               : kSmallCompactBytesAim;
    return limits;
  }
  limits.values_max = options.compact && is_2_2 ? kChunkLevelsMax / 2 + 1 : kChunkValuesMax;
  limits.compressed_bytes = is_2_2 && options.compact ? kCompactBytesAim
                            : is_2_2                  ? kCompressedBytesAim
                                                      : kSmallLevelledBytesAim;
  if (levels.num_levels == levels.num_visible) {
    return limits;
  }
  // A chunk of n values starts anywhere, so that it may take the levels of two aligned windows, and
  // the last one those behind the last value too.
  const size_t levels_max = (is_2_2 ? kChunkLevelsMax : kSmallChunkLevelsMax) / 3;
  for (size_t values = limits.values_max; values >= 2; values /= 2) {
    size_t in_window = 0;
    size_t seen = 0;
    bool fits = true;
    for (const uint16_t def : levels.def) {
      if (seen == values) {
        // The window ended with its last visible level.
        in_window = 0;
        seen = 0;
      }
      ++in_window;
      seen += def <= levels.max_visible_def ? 1u : 0u;
      if (in_window > levels_max) {
        fits = false;
        break;
      }
    }
    if (fits) {
      limits.values_max = values;
      return limits;
    }
  }
  return std::nullopt;
}

void SetLayers(const PageLevels& levels, LayerList& out) {
  for (const LayerKind kind : levels.layers) {
    out.Add(static_cast<int>(kind));
  }
}

absl::StatusOr<EncodedPage> WriteMiniBlock(const PageLevels& levels, ChunkedValues values,
                                           std::optional<DictionaryBlock> dictionary, bool is_2_2) {
  const size_t num_chunks = values.chunk_values.size();
  const std::vector<uint32_t> chunk_levels = LevelsPerChunk(levels, values.chunk_values);
  std::optional<LevelEncoder> rep;
  std::optional<LevelEncoder> def;
  if (!levels.rep.empty()) {
    rep.emplace(levels.rep, chunk_levels, is_2_2);
  }
  if (!levels.def.empty()) {
    def.emplace(levels.def, chunk_levels, is_2_2);
  }
  io::MutableBuffer words;
  io::MutableBuffer chunks;
  words.Reserve(num_chunks * 4);
  chunks.Reserve(values.num_bytes() + num_chunks * 64);
  std::vector<size_t> value_at(values.num_buffers, 0);
  size_t level_at = 0;
  for (size_t c = 0; c < num_chunks; ++c) {
    const size_t start = chunks.size();
    const uint32_t n = chunk_levels[c];
    OG_CHECK(n <= UINT16_MAX);
    Store(chunks, static_cast<uint16_t>(n));
    const size_t rep_size_at = chunks.size();
    if (rep) {
      Store(chunks, uint16_t{0});
    }
    const size_t def_size_at = chunks.size();
    if (def) {
      Store(chunks, uint16_t{0});
    }
    for (size_t b = 0; b < values.num_buffers; ++b) {
      const uint32_t size = values.buffer_sizes[c * values.num_buffers + b];
      if (is_2_2) {
        Store(chunks, size);
      } else if (size > UINT16_MAX) {
        return io::UnimplementedError(
            io::StrCat("mini-block chunk with a buffer of ", size, " bytes in file version 2.1"));
      } else {
        Store(chunks, static_cast<uint16_t>(size));
      }
    }
    Pad(chunks);
    const auto append_levels = [&](const std::optional<LevelEncoder>& encoder,
                                   const std::vector<uint16_t>& all, size_t size_at) {
      if (!encoder) {
        return;
      }
      const size_t size = encoder->Append(std::span(all).subspan(level_at, n), chunks);
      OG_CHECK(size <= UINT16_MAX);
      io::StoreLe(chunks.data() + size_at, static_cast<uint16_t>(size));
      Pad(chunks);
    };
    append_levels(rep, levels.rep, rep_size_at);
    append_levels(def, levels.def, def_size_at);
    level_at += n;
    for (size_t b = 0; b < values.num_buffers; ++b) {
      const uint32_t size = values.buffer_sizes[c * values.num_buffers + b];
      chunks.Append(values.buffers[b].span().subspan(value_at[b], size));
      value_at[b] += size;
      Pad(chunks);
    }
    const size_t chunk_bytes = chunks.size() - start;
    if (chunk_bytes > (is_2_2 ? kLargeChunkBytesMax : kSmallChunkBytesMax)) {
      return io::UnimplementedError(io::StrCat("mini-block chunk of ", chunk_bytes, " bytes"));
    }
    const bool is_last = c + 1 == num_chunks;
    const unsigned log2_values = is_last ? 0 : io::BitLength(values.chunk_values[c]) - 1;
    const uint64_t word = (chunk_bytes / kChunkAlignment - 1) << 4 | log2_values;
    if (is_2_2) {
      Store(words, static_cast<uint32_t>(word));
    } else {
      Store(words, static_cast<uint16_t>(word));
    }
  }

  lance::encodings21::PageLayout layout;
  auto* const mini_block = layout.mutable_mini_block_layout();
  if (rep) {
    *mini_block->mutable_rep_compression() = rep->Encoding();
  }
  if (def) {
    *mini_block->mutable_def_compression() = def->Encoding();
  }
  *mini_block->mutable_value_compression() = std::move(values.encoding);
  SetLayers(levels, *mini_block->mutable_layers());
  mini_block->set_num_buffers(values.num_buffers);
  mini_block->set_num_items(levels.num_visible);
  mini_block->set_has_large_chunk(is_2_2);
  EncodedPage page;
  page.num_rows = levels.num_rows;
  page.buffers.push_back(std::move(words).Share());
  page.buffers.push_back(std::move(chunks).Share());
  if (dictionary) {
    *mini_block->mutable_dictionary() = std::move(dictionary->block.encoding);
    mini_block->set_num_dictionary_items(dictionary->num_items);
    page.buffers.push_back(std::move(dictionary->block.bytes));
  }
  if (rep) {
    mini_block->set_repetition_index_depth(1);
    page.buffers.push_back(RepetitionIndex(levels, chunk_levels));
  }
  page.layout = layout.SerializeAsString();
  return page;
}

}  // namespace og::format
