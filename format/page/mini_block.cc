// Mini-block pages. Buffers: [0] chunk words, [1] chunks, [2] dictionary if there is one, last the
// repetition index if the page has lists.
//
//   chunk word   u16 (2.1) or u32 (has_large_chunk): (chunk bytes / 8 - 1) << 4 | log2(values);
//                the last chunk holds what remains and its low bits say nothing
//   chunk        u16 number of levels
//                u16 bytes of repetition levels, if the page has them
//                u16 bytes of definition levels, if the page has them
//                u16 (u32 if has_large_chunk) bytes of each value buffer
//                levels and buffers in that order, each after padding to 8
//   repetition   u64 rows that end in the chunk, u64 levels behind the last such row; per chunk
//   index        (deeper indexes have more numbers, which are not needed)
//
// Source: lance-encoding 10.0.0: src/encodings/logical/primitive.rs.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "format/page/layouts.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint64_t kChunkAlignment = 8;
constexpr uint64_t kChunkValuesMax = 32768;
constexpr uint64_t kRepetitionDepthMax = 8;
constexpr size_t kChunkBuffersMax = 8;

// Room that tables ask for is made ahead up to this much, beyond it as values really come.
constexpr uint64_t kReservedBytesMax = uint64_t{64} << 20;

// Finds the rows of a chunk among its levels, in vectors and words of 8 levels at a time: where
// rows start follows no pattern that a branch predictor could learn.
class LevelSearch {
 public:
  // A level, and how many values stand before it.
  struct Place {
    uint64_t level = 0;
    uint64_t value = 0;
  };

  // The marks live in `scratch`. `def` is empty where every level has a value.
  LevelSearch(std::span<const uint16_t> rep, uint16_t row_start, std::span<const uint16_t> def,
              uint16_t visible_max, DecodeScratch& scratch)
      : end_{rep.size(), rep.size()} {
    const size_t size = io::RoundUp(rep.size(), kWord);
    const auto mark = [&](std::vector<uint8_t>& marks, std::span<const uint16_t> levels,
                          auto is_marked) {
      marks.resize(size);
      uint8_t* const to = marks.data();
      const uint16_t* const from = levels.data();
      const size_t num_levels = levels.size();
      for (size_t i = 0; i < num_levels; ++i) {
        to[i] = is_marked(from[i]) ? 1 : 0;
      }
      std::fill(to + num_levels, to + size, uint8_t{0});
      uint64_t count = 0;
      for (size_t at = 0; at < size; at += kWord) {
        count += CountMarks(WordAt(marks, at));
      }
      return count;
    };
    num_rows_ =
        mark(scratch.row_marks, rep, [row_start](uint16_t level) { return level == row_start; });
    rows_ = scratch.row_marks;
    if (!def.empty()) {
      end_.value = mark(scratch.value_marks, def,
                        [visible_max](uint16_t level) { return level <= visible_max; });
      values_ = scratch.value_marks;
    }
  }

  uint64_t num_rows() const { return num_rows_; }
  Place end() const { return end_; }

  // Where the row that starts as number `row` starts; the end if none does. Calls ascend.
  Place Find(uint64_t row) {
    if (row >= num_rows_) {
      return end_;
    }
    uint64_t marks = WordAt(rows_, word_.level);
    for (uint64_t count = CountMarks(marks); word_rows_ + count <= row; count = CountMarks(marks)) {
      word_rows_ += count;
      word_.value += values_.empty() ? kWord : CountMarks(WordAt(values_, word_.level));
      word_.level += kWord;
      marks = WordAt(rows_, word_.level);
    }
    for (uint64_t skip = row - word_rows_; skip > 0; --skip) {
      marks &= marks - 1;
    }
    const auto bit = static_cast<unsigned>(std::countr_zero(marks));
    const uint64_t level = word_.level + bit / 8;
    if (values_.empty()) {
      return {level, level};
    }
    const uint64_t before = WordAt(values_, word_.level) & ((uint64_t{1} << bit) - 1);
    return {level, word_.value + CountMarks(before)};
  }

 private:
  static constexpr size_t kWord = 8;

  static uint64_t WordAt(std::span<const uint8_t> marks, size_t at) {
    return io::LoadLe<uint64_t>(reinterpret_cast<const std::byte*>(marks.data()) + at);
  }
  static uint64_t CountMarks(uint64_t marks) { return marks * 0x0101010101010101u >> 56; }

  std::span<const uint8_t> rows_;
  std::span<const uint8_t> values_;
  uint64_t num_rows_ = 0;
  Place end_;
  Place word_;              // a whole word
  uint64_t word_rows_ = 0;  // rows that start before it
};

struct Chunk {
  uint64_t offset = 0;  // in the buffer of chunks
  uint64_t first_value = 0;
  uint64_t first_row = 0;     // the first row that starts in this chunk or later
  bool has_preamble = false;  // starts inside row first_row - 1
};

class MiniBlockDecoder final : public PageDecoder {
 public:
  MiniBlockDecoder(const PageInfo& page, const LeafColumn& column)
      : PageDecoder(page.num_rows), page_(page), column_(column) {}

  absl::Status Init(const lance::encodings21::MiniBlockLayout& layout);

  uint64_t EstimatedBytes() const override;
  std::vector<FileRange> table_ranges() const override;
  absl::Status LoadTables(std::span<const io::Buffer> buffers) override;
  absl::StatusOr<PagePlan> Plan(std::span<const RowRange> rows) const override;
  absl::Status Decode(const PagePlan& plan, std::span<const io::Buffer> buffers,
                      DecodeScratch& scratch, LeafOutput& out) const override {
    return DecodePieces(plan, buffers, scratch, out, false);
  }
  ArrayPtr dictionary() const override { return dictionary_; }
  absl::Status DecodeIndices(const PagePlan& plan, std::span<const io::Buffer> buffers,
                             DecodeScratch& scratch, LeafOutput& out) const override {
    return DecodePieces(plan, buffers, scratch, out, true);
  }

 private:
  // The parts of a chunk.
  struct Parts {
    uint64_t num_levels = 0;
    Bytes rep;
    Bytes def;
    std::array<Bytes, kChunkBuffersMax> buffers;
    size_t num_buffers = 0;

    std::span<const Bytes> values() const { return std::span(buffers).first(num_buffers); }
  };

  absl::Status LoadChunkWords(Bytes words);
  absl::Status LoadRepetitionIndex(Bytes index);
  size_t num_chunks() const { return chunks_.size() - 1; }
  uint64_t NumValues(uint64_t chunk) const {
    return chunks_[chunk + 1].first_value - chunks_[chunk].first_value;
  }
  // The chunk that holds value or row `at`, which starts there; not before chunk `first`.
  size_t ChunkOf(uint64_t at, size_t first) const;
  absl::StatusOr<Parts> SplitChunk(Bytes chunk) const;
  absl::Status DecodePieces(const PagePlan& plan, std::span<const io::Buffer> buffers,
                            DecodeScratch& scratch, LeafOutput& out, bool as_indices) const;
  // Levels of one chunk to the end of `rep` and `def`, only those of the wanted rows; the value
  // ranges that belong to them to `ranges`.
  absl::Status SelectLevels(uint64_t chunk, const Parts& parts, std::span<const RowRange> rows,
                            DecodeScratch& scratch, std::vector<uint16_t>& rep,
                            std::vector<uint16_t>& def, std::vector<ValueRange>& ranges) const;
  // The same where all rows of the chunk are wanted.
  absl::Status AppendLevels(uint64_t chunk, const Parts& parts, DecodeScratch& scratch,
                            std::vector<uint16_t>& rep, std::vector<uint16_t>& def,
                            std::vector<ValueRange>& ranges) const;
  absl::Status CheckLevels(uint64_t chunk, uint64_t started, uint64_t values) const;
  absl::Status AppendValues(uint64_t chunk, const Parts& parts, std::span<const ValueRange> ranges,
                            DecodeScratch& scratch, ValueSink& sink, bool as_indices) const;

  const PageInfo page_;
  const LeafColumn& column_;
  PageLayers layers_;
  std::optional<ValueCodec> rep_codec_;
  std::optional<ValueCodec> def_codec_;
  ValueCodec value_codec_;
  std::optional<ValueCodec> dictionary_codec_;
  uint64_t num_dictionary_items_ = 0;
  uint64_t num_items_ = 0;
  uint64_t num_buffers_ = 0;
  uint64_t repetition_depth_ = 0;
  bool has_large_chunk_ = false;
  std::vector<Chunk> chunks_;  // one more than there are
  ArrayPtr dictionary_;
};

absl::Status MiniBlockDecoder::Init(const lance::encodings21::MiniBlockLayout& layout) {
  OG_ASSIGN_OR_RETURN(layers_, LayersOf(layout.layers(), column_));
  if (layout.has_rep_compression()) {
    OG_ASSIGN_OR_RETURN(rep_codec_, CompileCodec(layout.rep_compression()));
  }
  if (layout.has_def_compression()) {
    OG_ASSIGN_OR_RETURN(def_codec_, CompileCodec(layout.def_compression()));
  }
  OG_ASSIGN_OR_RETURN(value_codec_, CompileCodec(layout.value_compression()));
  num_items_ = layout.num_items();
  num_buffers_ = layout.num_buffers();
  repetition_depth_ = layout.repetition_index_depth();
  has_large_chunk_ = layout.has_large_chunk();
  if (rep_codec_.has_value() != layers_.has_rep() || (repetition_depth_ > 0) != layers_.has_rep()) {
    return io::DataLossError("repetition levels and layers of the page do not agree");
  }
  if (repetition_depth_ > kRepetitionDepthMax) {
    return io::UnimplementedError(io::StrCat("repetition index of depth ", repetition_depth_));
  }
  if (!layers_.has_rep() && num_items_ != num_rows()) {
    return io::DataLossError(
        io::StrCat("page of ", num_items_, " values for ", num_rows(), " rows"));
  }
  const bool has_dictionary = layout.has_dictionary();
  if (has_dictionary) {
    OG_ASSIGN_OR_RETURN(dictionary_codec_, CompileCodec(layout.dictionary()));
    num_dictionary_items_ = layout.num_dictionary_items();
    const uint64_t bits = value_codec_.bits;
    const bool is_index = bits == 8 || bits == 16 || bits == 32 || bits == 64;
    if (!is_index || !column_.shape.items_per_slot.empty() ||
        (column_.shape.kind != ValueShape::Kind::kVariable &&
         column_.shape.kind != ValueShape::Kind::kBytes)) {
      return io::DataLossError("dictionary for values that cannot have one");
    }
    if (column_.shape.type->id == TypeId::kDictionary) {
      OG_RETURN_IF_ERROR(CheckChunkCodec(value_codec_, column_.shape));
    }
  } else {
    if (column_.shape.type->id == TypeId::kDictionary) {
      return io::DataLossError("page of a dictionary column without a dictionary");
    }
    OG_RETURN_IF_ERROR(CheckChunkCodec(value_codec_, column_.shape));
  }
  if (num_buffers_ != NumChunkBuffers(value_codec_)) {
    return io::DataLossError(io::StrCat("chunks of ", num_buffers_,
                                        " value buffers, the codec has ",
                                        NumChunkBuffers(value_codec_)));
  }
  return CheckNumBuffers(page_, size_t{2} + (has_dictionary ? 1 : 0) + (layers_.has_rep() ? 1 : 0));
}

uint64_t MiniBlockDecoder::EstimatedBytes() const {
  uint64_t bytes = page_.buffers[1].bytes;
  const uint64_t width = std::max<uint64_t>(column_.shape.slot_bytes(), 1);
  if (num_items_ < UINT64_MAX / 64 / width) {
    bytes = std::max(bytes, num_items_ * width);
  }
  if (column_.shape.kind == ValueShape::Kind::kVariable) {
    if (dictionary_codec_.has_value()) {
      const uint64_t entries = std::max<uint64_t>(num_dictionary_items_, 1);
      const uint64_t entry_bytes = page_.buffers[2].bytes / entries + sizeof(uint32_t);
      bytes = num_items_ < UINT64_MAX / entry_bytes ? num_items_ * entry_bytes : UINT64_MAX;
    } else {
      bytes *= TextExpansion(value_codec_);
    }
  }
  return bytes;
}

std::vector<FileRange> MiniBlockDecoder::table_ranges() const {
  std::vector<FileRange> ranges = {page_.buffers[0]};
  ranges.insert(ranges.end(), page_.buffers.begin() + 2, page_.buffers.end());
  return ranges;
}

absl::Status MiniBlockDecoder::LoadTables(std::span<const io::Buffer> buffers) {
  OG_RETURN_IF_ERROR(LoadChunkWords(buffers[0].span()));
  if (dictionary_codec_.has_value()) {
    const bool is_arrow_dictionary = column_.shape.type->id == TypeId::kDictionary;
    ValueShape shape = column_.shape;
    if (is_arrow_dictionary) {
      OG_ASSIGN_OR_RETURN(shape, ShapeOf(column_.shape.type->value_type));
    }
    const auto dictionary =
        DecodeDictionaryBlock(*dictionary_codec_, shape, buffers[1].span(), num_dictionary_items_);
    if (!dictionary.ok()) {
      return io::Annotate(dictionary.status(), "dictionary");
    }
    dictionary_ = *dictionary;
  }
  return layers_.has_rep() ? LoadRepetitionIndex(buffers.back().span()) : absl::OkStatus();
}

absl::Status MiniBlockDecoder::LoadChunkWords(Bytes words) {
  const size_t width = has_large_chunk_ ? 4 : 2;
  if (words.size() % width != 0) {
    return io::DataLossError(io::StrCat("chunk table of ", words.size(), " bytes"));
  }
  const size_t count = words.size() / width;
  chunks_.resize(count + 1);
  uint64_t offset = 0;
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    chunks_[i].offset = offset;
    chunks_[i].first_value = value;
    const uint32_t word =
        has_large_chunk_ ? io::LoadLe<uint32_t>(words, i * 4) : io::LoadLe<uint16_t>(words, i * 2);
    offset += (uint64_t{word >> 4} + 1) * kChunkAlignment;
    const uint64_t left = num_items_ - value;
    const uint64_t values = i + 1 == count ? left : uint64_t{1} << (word & 0xf);
    if (values > left || values > kChunkValuesMax) {
      return io::DataLossError(io::StrCat("chunk ", i, " of ", count, " holds ", values,
                                          " values, ", left, " are left"));
    }
    value += values;
  }
  chunks_[count].offset = offset;
  chunks_[count].first_value = value;
  if (value != num_items_ || offset > page_.buffers[1].bytes) {
    return io::DataLossError(io::StrCat("chunk table: ", value, " values in ", offset,
                                        " bytes; the page has ", num_items_, " in ",
                                        page_.buffers[1].bytes));
  }
  return absl::OkStatus();
}

absl::Status MiniBlockDecoder::LoadRepetitionIndex(Bytes index) {
  const uint64_t entry_bytes = (repetition_depth_ + 1) * sizeof(uint64_t);
  if (index.size() != num_chunks() * entry_bytes) {
    return io::DataLossError(
        io::StrCat("repetition index of ", index.size(), " bytes for ", num_chunks(), " chunks"));
  }
  uint64_t row = 0;
  bool has_preamble = false;
  for (size_t i = 0; i < num_chunks(); ++i) {
    const auto ended = io::LoadLe<uint64_t>(index, i * entry_bytes);
    const auto left = io::LoadLe<uint64_t>(index, i * entry_bytes + sizeof(uint64_t));
    chunks_[i].first_row = row;
    chunks_[i].has_preamble = has_preamble;
    // Rows that start here: those that end here, less the one that came in, and one that goes on.
    const uint64_t in = has_preamble ? 1 : 0;
    const uint64_t out = left > 0 ? 1 : 0;
    if (ended > num_rows() || ended + out < in || ended + out - in > num_rows() - row) {
      return io::DataLossError(io::StrCat("repetition index: chunk ", i, " ends ", ended,
                                          " rows, the page has ", num_rows()));
    }
    row += ended + out - in;
    has_preamble = left > 0;
  }
  chunks_.back().first_row = row;
  if (row != num_rows() || has_preamble) {
    return io::DataLossError(
        io::StrCat("repetition index counts ", row, " rows, the page has ", num_rows()));
  }
  return absl::OkStatus();
}

size_t MiniBlockDecoder::ChunkOf(uint64_t at, size_t first) const {
  const auto start = layers_.has_rep() ? &Chunk::first_row : &Chunk::first_value;
  // Rows that ascend mostly lie in the same chunk or the next one.
  for (const size_t near = std::min(first + 2, num_chunks()); first < near; ++first) {
    if (chunks_[first + 1].*start > at) {
      return first;
    }
  }
  return static_cast<size_t>(
             std::ranges::upper_bound(chunks_.begin() + static_cast<ptrdiff_t>(first),
                                      chunks_.end(), at, {}, start) -
             chunks_.begin()) -
         1;
}

absl::StatusOr<PagePlan> MiniBlockDecoder::Plan(std::span<const RowRange> rows) const {
  PagePlan plan;
  plan.rows.assign(rows.begin(), rows.end());
  size_t next_chunk = 0;  // chunks before it are planned already
  size_t first = 0;
  for (size_t r = 0; r < rows.size(); ++r) {
    first = ChunkOf(rows[r].begin, first);
    size_t last = ChunkOf(rows[r].end - 1, first);
    if (layers_.has_rep()) {
      // The last row may go on: through chunks that only continue it, up to and including the
      // first that starts another row after it.
      while (last + 1 < num_chunks() && chunks_[last + 1].has_preamble &&
             chunks_[last + 1].first_row == rows[r].end) {
        ++last;
        if (chunks_[last + 1].first_row > chunks_[last].first_row) {
          break;
        }
      }
    }
    for (size_t c = first; c <= last; ++c) {
      if (c < next_chunk) {
        plan.pieces.back().num_rows = r + 1 - plan.pieces.back().first_rows;
        continue;
      }
      const uint64_t start = chunks_[c].offset;
      const uint64_t bytes = chunks_[c + 1].offset - start;
      const uint64_t file_offset = page_.buffers[1].offset + start;
      if (plan.ranges.empty() ||
          plan.ranges.back().offset + plan.ranges.back().bytes != file_offset) {
        plan.ranges.push_back({file_offset, 0});
      }
      FileRange& range = plan.ranges.back();
      plan.pieces.push_back({.range = plan.ranges.size() - 1,
                             .offset = range.bytes,
                             .bytes = bytes,
                             .unit = c,
                             .first_rows = r,
                             .num_rows = 1});
      range.bytes += bytes;
      next_chunk = c + 1;
    }
  }
  return plan;
}

absl::StatusOr<MiniBlockDecoder::Parts> MiniBlockDecoder::SplitChunk(Bytes chunk) const {
  Parts parts;
  uint64_t at = 0;
  uint64_t size_bytes = 0;
  const auto next_size = [&](size_t width) -> uint64_t {
    const uint64_t size =
        width == 4 ? io::LoadLe<uint32_t>(chunk, at) : io::LoadLe<uint16_t>(chunk, at);
    at += width;
    size_bytes += size;
    return size;
  };
  const size_t value_width = has_large_chunk_ ? 4 : 2;
  const uint64_t header = 2 + (rep_codec_.has_value() ? 2 : 0) + (def_codec_.has_value() ? 2 : 0) +
                          num_buffers_ * value_width;
  if (chunk.size() < header) {
    return io::DataLossError(
        io::StrCat("chunk of ", chunk.size(), " bytes, its header has ", header));
  }
  parts.num_levels = next_size(2);
  const uint64_t rep_bytes = rep_codec_.has_value() ? next_size(2) : 0;
  const uint64_t def_bytes = def_codec_.has_value() ? next_size(2) : 0;
  std::array<uint64_t, kChunkBuffersMax> value_bytes;
  if (num_buffers_ > kChunkBuffersMax) {
    return io::UnimplementedError(io::StrCat("chunks of ", num_buffers_, " value buffers"));
  }
  for (uint64_t i = 0; i < num_buffers_; ++i) {
    value_bytes[i] = next_size(value_width);
  }
  const auto next_part = [&](uint64_t size) -> absl::StatusOr<Bytes> {
    at = io::RoundUp(at, kChunkAlignment);
    if (at > chunk.size() || size > chunk.size() - at) {
      return io::DataLossError(
          io::StrCat("part of ", size, " bytes at ", at, " of a chunk of ", chunk.size()));
    }
    const Bytes part = chunk.subspan(at, size);
    at += size;
    return part;
  };
  if (rep_codec_.has_value()) {
    OG_ASSIGN_OR_RETURN(parts.rep, next_part(rep_bytes));
  }
  if (def_codec_.has_value()) {
    OG_ASSIGN_OR_RETURN(parts.def, next_part(def_bytes));
  }
  parts.num_buffers = num_buffers_;
  for (uint64_t i = 0; i < num_buffers_; ++i) {
    OG_ASSIGN_OR_RETURN(parts.buffers[i], next_part(value_bytes[i]));
  }
  return parts;
}

absl::Status MiniBlockDecoder::SelectLevels(uint64_t chunk, const Parts& parts,
                                            std::span<const RowRange> rows, DecodeScratch& scratch,
                                            std::vector<uint16_t>& rep, std::vector<uint16_t>& def,
                                            std::vector<ValueRange>& ranges) const {
  const uint64_t n = parts.num_levels;
  const uint64_t preamble = chunks_[chunk].has_preamble ? 1 : 0;
  if (rows.size() == 1 && rows[0].begin + preamble <= chunks_[chunk].first_row &&
      rows[0].end >= chunks_[chunk + 1].first_row) {
    return AppendLevels(chunk, parts, scratch, rep, def, ranges);
  }
  std::vector<uint16_t>& chunk_rep = scratch.rep;
  std::vector<uint16_t>& chunk_def = scratch.def;
  chunk_rep.resize(n);
  OG_RETURN_IF_ERROR(DecodeLevels(&*rep_codec_, parts.rep, n, scratch, chunk_rep.data()));
  chunk_def.resize(def_codec_.has_value() ? n : 0);
  if (def_codec_.has_value()) {
    OG_RETURN_IF_ERROR(DecodeLevels(&*def_codec_, parts.def, n, scratch, chunk_def.data()));
  }
  if (n != 0 && chunk_rep[0] != layers_.max_rep && preamble == 0) {
    return io::DataLossError(io::StrCat("chunk ", chunk, " starts inside a row"));
  }
  LevelSearch search(chunk_rep, layers_.max_rep, chunk_def, layers_.max_visible_def, scratch);
  const LevelSearch::Place end = search.end();
  OG_RETURN_IF_ERROR(CheckLevels(chunk, search.num_rows(), end.value));
  // A row that came in with the chunk counts as row first_row - 1.
  const uint64_t first_row = chunks_[chunk].first_row;
  const auto place_of = [&](uint64_t row) {
    return row < first_row ? LevelSearch::Place{} : search.Find(row - first_row);
  };
  for (const RowRange& range : rows) {
    const LevelSearch::Place from = place_of(range.begin);
    const LevelSearch::Place to = place_of(range.end);
    rep.insert(rep.end(), chunk_rep.begin() + static_cast<ptrdiff_t>(from.level),
               chunk_rep.begin() + static_cast<ptrdiff_t>(to.level));
    if (!chunk_def.empty()) {
      def.insert(def.end(), chunk_def.begin() + static_cast<ptrdiff_t>(from.level),
                 chunk_def.begin() + static_cast<ptrdiff_t>(to.level));
    }
    if (to.value > from.value) {
      ranges.push_back({from.value, to.value});
    }
  }
  return absl::OkStatus();
}

absl::Status MiniBlockDecoder::CheckLevels(uint64_t chunk, uint64_t started,
                                           uint64_t values) const {
  if (values != NumValues(chunk) ||
      started != chunks_[chunk + 1].first_row - chunks_[chunk].first_row) {
    return io::DataLossError(io::StrCat("levels of chunk ", chunk, ": ", started, " rows and ",
                                        values, " values; the page's tables say otherwise"));
  }
  return absl::OkStatus();
}

absl::Status MiniBlockDecoder::AppendLevels(uint64_t chunk, const Parts& parts,
                                            DecodeScratch& scratch, std::vector<uint16_t>& rep,
                                            std::vector<uint16_t>& def,
                                            std::vector<ValueRange>& ranges) const {
  const uint64_t n = parts.num_levels;
  const size_t old = rep.size();
  rep.resize(old + n);
  OG_RETURN_IF_ERROR(DecodeLevels(&*rep_codec_, parts.rep, n, scratch, rep.data() + old));
  if (n != 0 && rep[old] != layers_.max_rep && !chunks_[chunk].has_preamble) {
    return io::DataLossError(io::StrCat("chunk ", chunk, " starts inside a row"));
  }
  // A chunk has at most UINT16_MAX levels: narrow counters, for whole vectors of them.
  uint16_t started = 0;
  for (uint64_t i = 0; i < n; ++i) {
    started = static_cast<uint16_t>(started + (rep[old + i] == layers_.max_rep ? 1 : 0));
  }
  uint64_t values = n;
  if (def_codec_.has_value()) {
    def.resize(old + n);
    OG_RETURN_IF_ERROR(DecodeLevels(&*def_codec_, parts.def, n, scratch, def.data() + old));
    uint16_t visible = 0;
    for (uint64_t i = 0; i < n; ++i) {
      visible = static_cast<uint16_t>(visible + (def[old + i] <= layers_.max_visible_def ? 1 : 0));
    }
    values = visible;
  }
  if (values != 0) {
    ranges.push_back({0, values});
  }
  return CheckLevels(chunk, started, values);
}

absl::Status MiniBlockDecoder::AppendValues(uint64_t chunk, const Parts& parts,
                                            std::span<const ValueRange> ranges,
                                            DecodeScratch& scratch, ValueSink& sink,
                                            bool as_indices) const {
  const uint64_t n = NumValues(chunk);
  const bool is_arrow_dictionary = column_.shape.type->id == TypeId::kDictionary;
  if (dictionary_ == nullptr) {
    return DecodeChunk(value_codec_, n, parts.values(), ranges, scratch, sink);
  }
  OG_ASSIGN_OR_RETURN(const std::span<const uint32_t> indices,
                      format::DecodeIndices(value_codec_, n, parts.values(), scratch));
  for (const ValueRange& range : ranges) {
    const auto part = indices.subspan(range.begin, range.end - range.begin);
    if (!as_indices && !is_arrow_dictionary) {
      OG_RETURN_IF_ERROR(sink.AppendFromDictionary(*dictionary_, part));
      continue;
    }
    const uint32_t greatest = part.empty() ? 0 : *std::ranges::max_element(part);
    if (!part.empty() && greatest >= static_cast<uint64_t>(dictionary_->length)) {
      return io::DataLossError(
          io::StrCat("dictionary index ", greatest, " of ", dictionary_->length, " entries"));
    }
    OG_ASSIGN_OR_RETURN(std::byte * to, sink.ExtendBytes(part.size()));
    const uint64_t width = sink.shape().slot_bytes();
    if (width == sizeof(uint32_t) && !part.empty()) {
      std::memcpy(to, part.data(), part.size_bytes());
      continue;
    }
    for (const uint32_t index : part) {
      const uint64_t wide = index;
      std::memcpy(to, &wide, width);
      to += width;
    }
  }
  return absl::OkStatus();
}

absl::Status MiniBlockDecoder::DecodePieces(const PagePlan& plan,
                                            std::span<const io::Buffer> buffers,
                                            DecodeScratch& scratch, LeafOutput& out,
                                            bool as_indices) const {
  std::vector<uint16_t> rep;
  std::vector<uint16_t> def;
  std::vector<ValueRange> ranges;
  uint64_t num_levels = 0;
  uint64_t rows = 0;
  for (const RowRange& range : plan.rows) {
    rows += range.end - range.begin;
  }
  if (!layers_.has_rep()) {
    uint64_t text = 0;
    if (dictionary_ != nullptr && dictionary_->length != 0) {
      const auto entries = static_cast<uint64_t>(dictionary_->length);
      text = std::min(rows, kReservedBytesMax) * (dictionary_->values.size() / entries + 1);
    } else {
      uint64_t values = 0;
      for (const PagePlan::Piece& piece : plan.pieces) {
        text += piece.bytes;
        values += NumValues(piece.unit);
      }
      // The share of the rows in what is read.
      text = (text * TextExpansion(value_codec_) / std::max<uint64_t>(values, 1) + 1) * rows;
    }
    OG_RETURN_IF_ERROR(out.values.Reserve(rows, std::min(text, kReservedBytesMax)));
    if (def_codec_.has_value()) {
      def.reserve(rows);
    }
  } else {
    uint64_t values = 0;
    for (const PagePlan::Piece& piece : plan.pieces) {
      values += NumValues(piece.unit);
    }
    values = std::min(values,
                      kReservedBytesMax / std::max<uint64_t>(out.values.shape().slot_bytes(), 2));
    OG_RETURN_IF_ERROR(out.values.Reserve(values, 0));
    rep.reserve(values);
    def.reserve(def_codec_.has_value() ? values : 0);
  }
  for (const PagePlan::Piece& piece : plan.pieces) {
    const Bytes chunk = buffers[piece.range].span().subspan(piece.offset, piece.bytes);
    const auto annotate = [&](const absl::Status& status) {
      return status.ok()
                 ? status
                 : io::Annotate(status,
                                io::StrCat("chunk ", piece.unit, " at byte ",
                                           page_.buffers[1].offset + chunks_[piece.unit].offset));
    };
    auto parts = SplitChunk(chunk);
    if (!parts.ok()) {
      return annotate(parts.status());
    }
    const auto wanted = std::span(plan.rows).subspan(piece.first_rows, piece.num_rows);
    ranges.clear();
    if (layers_.has_rep()) {
      OG_RETURN_IF_ERROR(
          annotate(SelectLevels(piece.unit, *parts, wanted, scratch, rep, def, ranges)));
    } else {
      const uint64_t first = chunks_[piece.unit].first_value;
      const uint64_t n = NumValues(piece.unit);
      for (const RowRange& range : wanted) {
        ranges.push_back(
            {std::max(range.begin, first) - first, std::min(range.end, first + n) - first});
      }
      if (def_codec_.has_value()) {
        if (parts->num_levels != n) {
          return annotate(
              io::DataLossError(io::StrCat(parts->num_levels, " levels for ", n, " values")));
        }
        scratch.def.resize(n);
        OG_RETURN_IF_ERROR(
            annotate(DecodeLevels(&*def_codec_, parts->def, n, scratch, scratch.def.data())));
        for (const ValueRange& range : ranges) {
          def.insert(def.end(), scratch.def.begin() + static_cast<ptrdiff_t>(range.begin),
                     scratch.def.begin() + static_cast<ptrdiff_t>(range.end));
        }
      }
    }
    if (!ranges.empty()) {
      OG_RETURN_IF_ERROR(
          annotate(AppendValues(piece.unit, *parts, ranges, scratch, out.values, as_indices)));
    }
  }
  num_levels = layers_.has_rep() ? rep.size() : rows;
  return Unravel(layers_, {rep, def, num_levels}, out.layers);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeMiniBlockDecoder(
    const lance::encodings21::MiniBlockLayout& layout, const PageInfo& page,
    const LeafColumn& column) {
  auto decoder = std::make_unique<MiniBlockDecoder>(page, column);
  OG_RETURN_IF_ERROR(decoder->Init(layout));
  return decoder;
}

}  // namespace og::format
