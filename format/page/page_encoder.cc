#include "format/page/page_encoder.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "format/page/page_layouts.h"
#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint64_t kWideValueBytes = 256;  // from here on values are zipped
// With the option `compact`, the mean of variable-width values, in 2.2 and in the small chunks of
// 2.1.
constexpr uint64_t kCompactWideBytes = 16384;
constexpr uint64_t kCompactSmallWideBytes = 2048;
constexpr size_t kConstantLevelBytesMax = 4096;  // levels of constant pages are not compressed

constexpr size_t kConstantValueBytesMax = size_t{1} << 30;

using Pages = std::vector<EncodedPage>;

bool IsEmptyStruct(const DataType& type) {
  return type.id == TypeId::kStruct && type.children.empty();
}

bool IsWide(const LeafValues& values, const CodecOptions& options) {
  if (values.shape == LeafShape::kRows) {
    return true;
  }
  if (values.shape != LeafShape::kVariable) {
    return values.slot_bits() / 8 >= kWideValueBytes;
  }
  if (options.compact && options.compression != CompressionChoice::kNone) {
    // Values that are compressed together become smaller than each on its own.
    return values.data.size() / std::max<size_t>(1, values.num_values) >=
           (options.is_2_2 ? kCompactWideBytes : kCompactSmallWideBytes);
  }
  for (size_t i = 0; i < values.num_values; ++i) {
    if (values.offsets[i + 1] - values.offsets[i] >= kWideValueBytes) {
      return true;
    }
  }
  return false;
}

bool SameValue(const LeafValues& values, size_t a, size_t b) {
  if (values.shape == LeafShape::kVariable) {
    return std::ranges::equal(values.value(a), values.value(b));
  }
  if (values.bits == 1) {
    return io::GetBit(values.data.data(), a) == io::GetBit(values.data.data(), b);
  }
  const size_t width = values.bits / 8;
  return std::memcmp(values.data.data() + a * width, values.data.data() + b * width, width) == 0;
}

// The value slot whose value all valid slots of the page have; nullopt if they differ or the page
// cannot be a constant one. REQUIRES: at least one valid slot.
std::optional<size_t> ConstantValue(const ColumnPlan& plan, const PageLevels& levels,
                                    const LeafValues& values) {
  const bool is_possible =
      plan.codec.is_2_2 && plan.codec.forced_codec == ForcedCodec::kNone &&
      plan.layout == ForcedLayout::kNone && !values.is_list() && values.dictionary == nullptr &&
      (values.shape == LeafShape::kFixed || values.shape == LeafShape::kVariable) &&
      (levels.rep.size() + levels.def.size()) * sizeof(uint16_t) <= kConstantLevelBytesMax;
  if (!is_possible) {
    return std::nullopt;
  }
  std::optional<size_t> first;
  size_t slot = 0;
  const size_t num_levels = levels.has_levels() ? levels.num_levels : values.num_values;
  for (size_t i = 0; i < num_levels; ++i) {
    const uint16_t def = levels.def.empty() ? uint16_t{0} : levels.def[i];
    if (def > levels.max_visible_def) {
      continue;
    }
    if (def == 0) {
      if (!first) {
        first = slot;
      } else if (!SameValue(values, *first, slot)) {
        return std::nullopt;
      }
    }
    ++slot;
  }
  if (first && values.shape == LeafShape::kVariable &&
      values.value(*first).size() > kConstantValueBytesMax) {
    return std::nullopt;  // scalar buffers have 32-bit lengths
  }
  return first;
}

absl::StatusOr<ChunkedValues> EncodeAsPlanned(const LeafValues& values, const CodecOptions& options,
                                              const ChunkLimits& limits) {
  OG_ASSIGN_OR_RETURN(const ChunkPlan plan, PlanChunks(values, options, limits));
  return EncodeChunks(values, plan, options, limits);
}

absl::StatusOr<EncodedPage> WriteWithArrowDictionary(const PageLevels& levels,
                                                     const LeafValues& keys,
                                                     const CodecOptions& options,
                                                     const ChunkLimits& limits) {
  const LeafRange all{keys.dictionary.get(), 0, keys.dictionary->length};
  OG_ASSIGN_OR_RETURN(const LeafValues items,
                      GatherLeaf(*keys.dictionary->type, std::span(&all, 1)));
  if (items.is_list() || items.shape == LeafShape::kNone || items.shape == LeafShape::kPacked) {
    return io::UnimplementedError(
        io::StrCat("dictionary of ", keys.dictionary->type->ToString(), " values"));
  }
  DictionaryBlock block;
  OG_ASSIGN_OR_RETURN(block.block, EncodeDictionaryBlock(items, options));
  block.num_items = items.num_values;
  OG_ASSIGN_OR_RETURN(ChunkedValues chunks, EncodeAsPlanned(keys, options, limits));
  return WriteMiniBlock(levels, std::move(chunks), std::move(block), options.is_2_2);
}

// Mini-block, with a dictionary where that is smaller. `dictionary` is that of values of variable
// width.
absl::StatusOr<EncodedPage> WriteMiniBlockBySize(const PageLevels& levels, const LeafValues& values,
                                                 std::optional<DictionaryValues> dictionary,
                                                 const CodecOptions& options,
                                                 const ChunkLimits& limits) {
  std::optional<ChunkPlan> plain;
  if (!values.has_offsets()) {
    OG_ASSIGN_OR_RETURN(plain, PlanChunks(values, options, limits));
    const bool is_light = plain->codec != ChunkPlan::Codec::kRle && !plain->general;
    dictionary = BuildDictionary(
        values, options, is_light && !options.compact ? std::optional(plain->bytes) : std::nullopt);
  }
  if (dictionary) {
    CodecOptions index_options = options;
    index_options.compression = CompressionChoice::kAuto;
    index_options.rle_threshold.reset();
    OG_ASSIGN_OR_RETURN(const ChunkPlan index_plan,
                        PlanChunks(dictionary->indices, index_options, limits));
    DictionaryBlock block;
    OG_ASSIGN_OR_RETURN(block.block, EncodeDictionaryBlock(dictionary->items, options));
    block.num_items = dictionary->items.num_values;
    bool is_smaller = options.forced_codec == ForcedCodec::kDictionary;
    if (!is_smaller && !plain) {
      OG_ASSIGN_OR_RETURN(plain, PlanChunks(values, options, limits));
    }
    is_smaller = is_smaller || index_plan.bytes + block.block.bytes.size() < plain->bytes;
    if (is_smaller) {
      OG_ASSIGN_OR_RETURN(ChunkedValues indices,
                          EncodeChunks(dictionary->indices, index_plan, index_options, limits));
      return WriteMiniBlock(levels, std::move(indices), std::move(block), options.is_2_2);
    }
  }
  if (!plain) {
    OG_ASSIGN_OR_RETURN(plain, PlanChunks(values, options, limits));
  }
  OG_ASSIGN_OR_RETURN(ChunkedValues chunks, EncodeChunks(values, *plain, options, limits));
  return WriteMiniBlock(levels, std::move(chunks), std::nullopt, options.is_2_2);
}

// The first `count` rows of `rows`, or those from there on.
std::vector<ArrayPtr> SliceRows(std::span<const ArrayPtr> rows, int64_t start, int64_t count) {
  std::vector<ArrayPtr> out;
  for (const ArrayPtr& piece : rows) {
    const int64_t from = std::min(start, piece->length);
    const int64_t take = std::min(count, piece->length - from);
    if (take > 0) {
      out.push_back(Slice(piece, from, take));
      count -= take;
    }
    start -= from;
  }
  return out;
}

absl::StatusOr<Pages> EncodeSplit(const ColumnPlan& plan, std::span<const ArrayPtr> rows,
                                  int64_t num_rows) {
  OG_ASSIGN_OR_RETURN(Pages pages, EncodePages(plan, SliceRows(rows, 0, num_rows / 2)));
  OG_ASSIGN_OR_RETURN(Pages rest,
                      EncodePages(plan, SliceRows(rows, num_rows / 2, num_rows - num_rows / 2)));
  std::ranges::move(rest, std::back_inserter(pages));
  return pages;
}

Pages One(EncodedPage page) {
  Pages pages;
  pages.push_back(std::move(page));
  return pages;
}

// Whether the values, whatever their levels, can be in a full-zip page.
bool CanZip(const LeafValues& values) {
  if (values.is_list() && values.bits * values.dimensions.back().items % 8 != 0) {
    return false;  // lists of bool; Lance reads innermost lists of whole bytes only
  }
  return (values.shape == LeafShape::kFixed || values.has_offsets()) &&
         values.dictionary == nullptr;
}

bool EveryRowHasAValue(const PageLevels& levels) {
  if (levels.rep.empty() || levels.def.empty()) {
    return true;
  }
  bool has_value = true;
  for (size_t i = 0; i < levels.num_levels; ++i) {
    if (levels.rep[i] == levels.max_rep) {
      if (!has_value) {
        return false;
      }
      has_value = false;
    }
    has_value |= levels.def[i] <= levels.max_visible_def;
  }
  return has_value;
}

// Packed structs with members of variable width have no layout but full-zip of 2.2, and Lance ends
// its process when the rows that it decodes together have no value there.
absl::Status CheckPackedRows(const PageLevels& levels, bool can_zip, const CodecOptions& options) {
  if (!options.is_2_2) {
    return io::UnimplementedError(
        "packed struct with members of variable width, in file version 2.1");
  }
  if (!EveryRowHasAValue(levels)) {
    return io::UnimplementedError(
        "packed structs with members of variable width in lists of which some are empty or null");
  }
  if (!can_zip) {
    return io::UnimplementedError(
        "packed structs with members of variable width beside a null list in a nullable struct");
  }
  return absl::OkStatus();
}

// Lists of nulls as Lance 10 writes them where some of them are null: levels, and a constant
// without a value. It reads only pages with levels, and takes inner lists for nulls.
absl::StatusOr<Pages> EncodeNullItems(const ColumnPlan& plan, std::span<const ArrayPtr> rows,
                                      PageLevels levels, const LeafValues& values) {
  if (values.dimensions.size() > 1) {
    return io::UnimplementedError("fixed-size lists of fixed-size lists of nulls");
  }
  DeclareInnermostNullable(levels);
  if (!DeclareForFullZip(true, levels)) {
    const auto num_rows = static_cast<int64_t>(levels.num_rows);
    if (num_rows > 1) {
      return EncodeSplit(plan, rows, num_rows);
    }
    return io::UnimplementedError(
        "fixed-size lists of nulls beside a null list in a nullable struct");
  }
  OG_ASSIGN_OR_RETURN(EncodedPage page, WriteFullZip(levels, values, plan.codec));
  return One(std::move(page));
}

absl::StatusOr<Pages> EncodeOneDictionary(const ColumnPlan& plan, std::span<const ArrayPtr> rows) {
  LeafLevels leaf = BuildLevels(rows, plan.path);
  PageLevels& levels = leaf.levels;
  const CodecOptions& options = plan.codec;
  if (IsEmptyStruct(*plan.leaf_type)) {
    if (levels.has_levels()) {
      return io::UnimplementedError("a struct without members that is null or in a list");
    }
    // One layer, however many structs are around, as Lance writes it.
    levels.layers = {LayerKind::kNullableItem};
    return One(WriteNulls(levels, options.is_2_2));
  }
  OG_ASSIGN_OR_RETURN(const LeafValues values, GatherLeaf(*plan.leaf_type, leaf.ranges));
  const auto num_rows = static_cast<int64_t>(levels.num_rows);
  if (levels.max_rep > 0) {
    DeclareNullable(NullableItems(*plan.top_type, plan.is_top_nullable, plan.path), levels);
  }
  if (values.num_nulls == values.num_values) {
    return One(WriteNulls(levels, options.is_2_2));
  }
  if (values.shape == LeafShape::kNullItems) {
    return EncodeNullItems(plan, rows, std::move(levels), values);
  }
  if (const std::optional<size_t> constant = ConstantValue(plan, levels, values)) {
    return One(WriteConstant(levels, values, *constant));
  }
  const bool is_fixed = values.shape == LeafShape::kFixed;
  const bool wants_zip =
      CanZip(values) &&
      (plan.layout != ForcedLayout::kMiniBlock || values.shape == LeafShape::kRows) &&
      (plan.layout == ForcedLayout::kFullZip || IsWide(values, options)) &&
      DeclareForFullZip(is_fixed, levels);
  const std::optional<ChunkLimits> limits = ChunkLimitsOf(levels, options);
  if (values.shape == LeafShape::kRows) {
    OG_RETURN_IF_ERROR(CheckPackedRows(levels, wants_zip, options));
  }
  const auto can_still_zip = [&] {
    return CanZip(values) && (wants_zip || DeclareForFullZip(is_fixed, levels));
  };
  if (!wants_zip && !limits) {
    if (num_rows > 1) {
      return EncodeSplit(plan, rows, num_rows);
    }
    if (!can_still_zip()) {
      return io::UnimplementedError(
          io::StrCat("one row with more than ", UINT16_MAX, " levels between two values"));
    }
  }
  if (limits && values.dictionary != nullptr) {
    OG_ASSIGN_OR_RETURN(EncodedPage page,
                        WriteWithArrowDictionary(levels, values, options, *limits));
    return One(std::move(page));
  }
  std::optional<DictionaryValues> dictionary;
  if (limits && plan.layout != ForcedLayout::kFullZip && values.has_offsets()) {
    dictionary = BuildDictionary(values, options, std::nullopt);
  }
  if (!limits || (wants_zip && !dictionary)) {
    OG_ASSIGN_OR_RETURN(EncodedPage page, WriteFullZip(levels, values, options));
    return One(std::move(page));
  }
  absl::StatusOr<EncodedPage> page =
      WriteMiniBlockBySize(levels, values, std::move(dictionary), options, *limits);
  if (!page.ok() && page.status().code() == absl::StatusCode::kUnimplemented) {
    // Values too large for the chunks of 2.1.
    if (can_still_zip()) {
      page = WriteFullZip(levels, values, options);
    } else if (num_rows > 1) {
      return EncodeSplit(plan, rows, num_rows);
    }
  }
  OG_RETURN_IF_ERROR(page.status());
  return One(*std::move(page));
}

// `array` with the nulls of the dictionary below `path` moved to the keys.
ArrayPtr FoldDictionaryNulls(const ArrayPtr& array, std::span<const size_t> path) {
  if (!path.empty()) {
    const ArrayPtr child = FoldDictionaryNulls(array->children[path[0]], path.subspan(1));
    if (child == array->children[path[0]]) {
      return array;
    }
    auto copy = std::make_shared<Array>(*array);
    copy->children[path[0]] = child;
    return copy;
  }
  if (array->dictionary == nullptr || array->dictionary->null_count == 0) {
    return array;
  }
  auto folded = std::make_shared<Array>(*array);
  io::MutableBuffer validity(io::BytesForBits(static_cast<size_t>(array->offset + array->length)));
  std::memset(validity.data(), 0, validity.size());
  folded->null_count = 0;
  const int width = array->type->index_type->bit_width();
  for (int64_t i = 0; i < array->length; ++i) {
    bool is_valid = array->IsValid(i);
    if (is_valid) {
      const int64_t key = width == 8    ? array->Value<uint8_t>(i)
                          : width == 16 ? array->Value<uint16_t>(i)
                          : width == 32 ? static_cast<int64_t>(array->Value<uint32_t>(i))
                                        : array->Value<int64_t>(i);
      is_valid = array->dictionary->IsValid(key);
    }
    io::WriteBit(validity.data(), static_cast<size_t>(array->offset + i), is_valid);
    folded->null_count += is_valid ? 0 : 1;
  }
  folded->validity = std::move(validity).Share();
  return folded;
}

const Array* DictionaryOf(const Array& top, std::span<const size_t> path) {
  const Array* leaf = &top;
  for (const size_t step : path) {
    leaf = leaf->children[step].get();
  }
  return leaf->dictionary.get();
}

}  // namespace

absl::StatusOr<Pages> EncodePages(const ColumnPlan& plan, std::span<const ArrayPtr> rows) {
  if (plan.leaf_type->id != TypeId::kDictionary) {
    return EncodeOneDictionary(plan, rows);
  }
  // A page has one dictionary: pieces that share theirs go together.
  Pages pages;
  std::vector<ArrayPtr> group;
  for (size_t i = 0; i < rows.size(); ++i) {
    group.push_back(FoldDictionaryNulls(rows[i], plan.path));
    if (i + 1 == rows.size() ||
        DictionaryOf(*rows[i + 1], plan.path) != DictionaryOf(*rows[i], plan.path)) {
      OG_ASSIGN_OR_RETURN(Pages more, EncodeOneDictionary(plan, group));
      std::ranges::move(more, std::back_inserter(pages));
      group.clear();
    }
  }
  return pages;
}

}  // namespace og::format
