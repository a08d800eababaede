#include "format/page/array_encoder.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "format/codec/bitpack.h"
#include "format/codec/fsst_encoder.h"
#include "format/codec/general.h"
#include "format/page/leaf_values.h"
#include "format/proto/encodings_v2_0.pb.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using ::lance::encodings::ArrayEncoding;

// Indices are one byte and 0 is null.
constexpr size_t kDictionaryItemsMax = 255;
constexpr size_t kDictionaryValuesMin = 100;

// Buffers of a page under way.
class PageBuilder {
 public:
  // Stores `buffer` and makes `out` refer to it.
  void Add(io::Buffer buffer, lance::encodings::Buffer& out) {
    out.set_buffer_index(static_cast<uint32_t>(page_.buffers.size()));
    page_.buffers.push_back(std::move(buffer));
  }

  void AddFlat(io::Buffer buffer, uint64_t bits, lance::encodings::Flat& flat) {
    flat.set_bits_per_value(bits);
    Add(std::move(buffer), *flat.mutable_buffer());
  }

  EncodedPage Finish(const ArrayEncoding& encoding, uint64_t num_rows) && {
    page_.layout = encoding.SerializeAsString();
    page_.num_rows = num_rows;
    return std::move(page_);
  }

 private:
  EncodedPage page_;
};

std::vector<LeafRange> RangesOf(std::span<const ArrayPtr> rows) {
  std::vector<LeafRange> ranges;
  for (const ArrayPtr& piece : rows) {
    ranges.push_back({piece.get(), 0, piece->length});
  }
  return ranges;
}

uint64_t CountOf(std::span<const ArrayPtr> rows) {
  uint64_t count = 0;
  for (const ArrayPtr& piece : rows) {
    count += static_cast<uint64_t>(piece->length);
  }
  return count;
}

uint64_t NullsOf(std::span<const ArrayPtr> rows) {
  uint64_t count = 0;
  for (const ArrayPtr& piece : rows) {
    count += static_cast<uint64_t>(piece->null_count);
  }
  return count;
}

io::Buffer ValidityOf(std::span<const ArrayPtr> rows) {
  const size_t count = CountOf(rows);
  io::MutableBuffer bits(io::BytesForBits(count));
  std::memset(bits.data(), 0, bits.size());
  size_t at = 0;
  for (const ArrayPtr& piece : rows) {
    const auto length = static_cast<size_t>(piece->length);
    if (piece->null_count == 0) {
      io::FillBits(bits.data(), at, length, true);
    } else if (piece->null_count != piece->length) {
      io::CopyBits(piece->validity.data(), static_cast<size_t>(piece->offset), bits.data(), at,
                   length);
    }
    at += length;
  }
  return std::move(bits).Share();
}

io::Buffer WordsOf(std::span<const uint64_t> values) {
  return io::Buffer::CopyOf(
      std::string_view(reinterpret_cast<const char*>(values.data()), values.size_bytes()));
}

// `out` is not nullable: the place for its values.
ArrayEncoding& ValuesWithoutNulls(ArrayEncoding& out) {
  return *out.mutable_nullable()->mutable_no_nulls()->mutable_values();
}

// --- Fixed width -------------------------------------------------------------------------------

template <typename T>
std::optional<io::Buffer> PackGroups(const io::Buffer& data, size_t count, bool is_forced,
                                     lance::encodings::BitpackedForNonNeg& packed) {
  const auto* const values = reinterpret_cast<const T*>(data.data());
  // Readers of the reference loop over the bytes of groups, so that groups always have some.
  const unsigned width = std::max(1u, BitpackWidth(std::span(values, count)));
  const size_t groups = (count + kBitpackGroupValues - 1) / kBitpackGroupValues;
  const size_t bytes = groups * BitpackGroupBytes(width);
  if (width >= sizeof(T) * 8 || (!is_forced && bytes >= count * sizeof(T))) {
    return std::nullopt;
  }
  io::MutableBuffer out(bytes);
  T last[kBitpackGroupValues] = {};
  for (size_t group = 0; group < groups; ++group) {
    const size_t start = group * kBitpackGroupValues;
    const T* from = values + start;
    if (count - start < kBitpackGroupValues) {
      std::memcpy(last, from, (count - start) * sizeof(T));
      from = last;
    }
    PackGroup(from, width, out.data() + group * BitpackGroupBytes(width));
  }
  packed.set_uncompressed_bits_per_value(sizeof(T) * 8);
  packed.set_compressed_bits_per_value(width);
  return std::move(out).Share();
}

bool CanPack(const DataType& type, const LeafValues& values, const CodecOptions& options) {
  return type.is_integer() && values.dimensions.empty() &&
         (options.forced_codec == ForcedCodec::kBitpacked ||
          (options.forced_codec == ForcedCodec::kNone &&
           options.compression != CompressionChoice::kNone));
}

void EncodePlain(const DataType& type, const LeafValues& values, const CodecOptions& options,
                 PageBuilder& page, ArrayEncoding& out) {
  if (CanPack(type, values, options)) {
    const bool is_forced = options.forced_codec == ForcedCodec::kBitpacked;
    lance::encodings::BitpackedForNonNeg packed;
    std::optional<io::Buffer> groups;
    switch (values.bits) {
      case 8:
        groups = PackGroups<uint8_t>(values.data, values.num_values, is_forced, packed);
        break;
      case 16:
        groups = PackGroups<uint16_t>(values.data, values.num_values, is_forced, packed);
        break;
      case 32:
        groups = PackGroups<uint32_t>(values.data, values.num_values, is_forced, packed);
        break;
      default:
        groups = PackGroups<uint64_t>(values.data, values.num_values, is_forced, packed);
    }
    if (groups.has_value()) {
      page.Add(*std::move(groups), *packed.mutable_buffer());
      *out.mutable_bitpacked_for_non_neg() = std::move(packed);
      return;
    }
  }
  page.AddFlat(values.data, values.bits, *out.mutable_flat());
}

// Lists from dimension `level` on, then the items.
void EncodeItems(const DataType& type, const LeafValues& values, size_t level,
                 const CodecOptions& options, PageBuilder& page, ArrayEncoding& out) {
  if (level == values.dimensions.size()) {
    EncodePlain(type, values, options, page, out);
    return;
  }
  const ListDimension& dimension = values.dimensions[level];
  lance::encodings::FixedSizeList& lists = *out.mutable_fixed_size_list();
  lists.set_dimension(static_cast<uint32_t>(dimension.items));
  ArrayEncoding& items = *lists.mutable_items();
  if (values.shape == LeafShape::kNullItems && level + 1 == values.dimensions.size()) {
    items.mutable_nullable()->mutable_all_nulls();
    return;
  }
  if (!dimension.has_validity) {
    EncodeItems(type, values, level + 1, options, page, ValuesWithoutNulls(items));
    return;
  }
  auto& nulls = *items.mutable_nullable()->mutable_some_nulls();
  page.AddFlat(dimension.validity, 1, *nulls.mutable_validity()->mutable_flat());
  EncodeItems(type, values, level + 1, options, page, *nulls.mutable_values());
}

// --- Strings -----------------------------------------------------------------------------------

struct Strings {
  std::span<const uint64_t> offsets;
  io::Buffer bytes;
};

// Ends with nulls marked. `rows` are the strings; offsets may be those of their codes.
void EncodeEnds(std::span<const ArrayPtr> rows, std::span<const uint64_t> offsets,
                lance::encodings::Binary& binary, PageBuilder& page) {
  const uint64_t adjustment = offsets.back() + 1;
  std::vector<uint64_t> ends(offsets.begin() + 1, offsets.end());
  size_t at = 0;
  for (const ArrayPtr& piece : rows) {
    for (int64_t i = 0; piece->null_count != 0 && i < piece->length; ++i) {
      ends[at + static_cast<size_t>(i)] += piece->IsNull(i) ? adjustment : 0;
    }
    at += static_cast<size_t>(piece->length);
  }
  binary.set_null_adjustment(adjustment);
  page.AddFlat(WordsOf(ends), 64, *ValuesWithoutNulls(*binary.mutable_indices()).mutable_flat());
}

absl::Status EncodeBinary(std::span<const ArrayPtr> rows, const Strings& strings,
                          std::optional<Compression> compression, int level, PageBuilder& page,
                          lance::encodings::Binary& binary) {
  EncodeEnds(rows, strings.offsets, binary, page);
  lance::encodings::Flat& flat = *binary.mutable_bytes()->mutable_flat();
  if (!compression.has_value() || strings.bytes.size() == 0) {
    page.AddFlat(strings.bytes, 8, flat);
    return absl::OkStatus();
  }
  io::MutableBuffer payload;
  OG_RETURN_IF_ERROR(AppendCompressed(*compression, level, strings.bytes.span(), payload));
  flat.mutable_compression()->set_scheme(*compression == Compression::kZstd ? "zstd" : "lz4");
  if (*compression == Compression::kZstd) {
    flat.mutable_compression()->set_level(level);
  }
  page.AddFlat(std::move(payload).Share(), 8, flat);
  return absl::OkStatus();
}

absl::Status EncodeFsst(std::span<const ArrayPtr> rows, const LeafValues& values, PageBuilder& page,
                        ArrayEncoding& out) {
  const auto encoder = FsstEncoder::Train(values.data.span(), values.offsets);
  std::vector<uint64_t> offsets = {0};
  offsets.reserve(values.offsets.size());
  io::MutableBuffer codes;
  size_t end = 0;
  for (size_t i = 0; i < values.num_values; ++i) {
    const auto text = values.value(i);
    if (codes.size() - end < FsstEncodedBytesMax(text.size())) {
      codes.Resize(std::max(codes.size() * 2, end + FsstEncodedBytesMax(text.size())));
    }
    end = static_cast<size_t>(encoder->Encode(text, codes.data() + end) - codes.data());
    offsets.push_back(end);
  }
  codes.Resize(end);
  lance::encodings::Fsst& fsst = *out.mutable_fsst();
  fsst.set_symbol_table(encoder->Table());
  return EncodeBinary(rows, {offsets, std::move(codes).Share()}, std::nullopt, 0, page,
                      *fsst.mutable_binary()->mutable_binary());
}

// Encodes with a dictionary and returns true if the page gets smaller by it.
bool EncodeDictionary(std::span<const ArrayPtr> rows, const LeafValues& values, bool is_forced,
                      PageBuilder& page, ArrayEncoding& out) {
  if (values.num_values < (is_forced ? 1 : kDictionaryValuesMin)) {
    return false;
  }
  absl::flat_hash_map<std::string_view, uint8_t> numbers;
  std::vector<uint64_t> ends;
  std::string items;
  std::string indices;
  indices.reserve(values.num_values);
  size_t slot = 0;
  for (const ArrayPtr& piece : rows) {
    for (int64_t i = 0; i < piece->length; ++i, ++slot) {
      if (piece->IsNull(i)) {
        indices += '\0';
        continue;
      }
      const auto bytes = values.value(slot);
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      const auto [found, is_new] =
          numbers.try_emplace(text, static_cast<uint8_t>(numbers.size() + 1));
      if (is_new) {
        if (numbers.size() > kDictionaryItemsMax) {
          return false;
        }
        items += text;
        ends.push_back(items.size());
      }
      indices += static_cast<char>(found->second);
    }
  }
  const size_t coded = indices.size() + items.size() + ends.size() * sizeof(uint64_t);
  if (!is_forced && coded >= values.data.size() + values.num_values * sizeof(uint64_t)) {
    return false;
  }
  lance::encodings::Dictionary& dictionary = *out.mutable_dictionary();
  dictionary.set_num_dictionary_items(static_cast<uint32_t>(ends.size()));
  page.AddFlat(io::Buffer::CopyOf(indices), 8,
               *ValuesWithoutNulls(*dictionary.mutable_indices()).mutable_flat());
  lance::encodings::Binary& binary = *dictionary.mutable_items()->mutable_binary();
  page.AddFlat(WordsOf(ends), 64, *ValuesWithoutNulls(*binary.mutable_indices()).mutable_flat());
  page.AddFlat(io::Buffer::CopyOf(items), 8, *binary.mutable_bytes()->mutable_flat());
  binary.set_null_adjustment(items.size() + 1);
  return true;
}

// The length that all strings have, if there is one that is not 0.
std::optional<uint64_t> LengthOfAll(const LeafValues& values) {
  const uint64_t length = values.offsets[1];
  for (size_t i = 0; i < values.num_values; ++i) {
    if (values.offsets[i + 1] - values.offsets[i] != length) {
      return std::nullopt;
    }
  }
  return length == 0 || length > UINT32_MAX ? std::nullopt : std::optional(length);
}

absl::Status EncodeStrings(const DataType& type, std::span<const ArrayPtr> rows,
                           const LeafValues& values, const CodecOptions& options, PageBuilder& page,
                           ArrayEncoding& out) {
  const bool is_free =
      options.forced_codec == ForcedCodec::kNone && options.compression == CompressionChoice::kAuto;
  const bool wants_dictionary = options.forced_codec == ForcedCodec::kDictionary;
  if ((is_free || wants_dictionary) && type.id == TypeId::kUtf8 &&
      EncodeDictionary(rows, values, wants_dictionary, page, out)) {
    return absl::OkStatus();
  }
  if (is_free && values.num_nulls == 0) {
    if (const std::optional<uint64_t> length = LengthOfAll(values); length.has_value()) {
      auto& strings = *out.mutable_fixed_size_binary();
      strings.set_byte_width(static_cast<uint32_t>(*length));
      page.AddFlat(values.data, 8, *strings.mutable_bytes()->mutable_flat());
      return absl::OkStatus();
    }
  }
  // Lance takes the offsets of such strings for 32-bit ones, whatever they are.
  const bool can_fsst = !type.has_large_offsets() && values.data.size() != 0;
  if (can_fsst && (options.forced_codec == ForcedCodec::kFsst ||
                   (options.forced_codec == ForcedCodec::kNone &&
                    options.compression == CompressionChoice::kFsst))) {
    return EncodeFsst(rows, values, page, out);
  }
  std::optional<Compression> compression;
  if (options.forced_codec == ForcedCodec::kZstd ||
      (options.forced_codec == ForcedCodec::kNone &&
       options.compression == CompressionChoice::kZstd)) {
    compression = Compression::kZstd;
  } else if (options.forced_codec == ForcedCodec::kLz4 ||
             (options.forced_codec == ForcedCodec::kNone &&
              options.compression == CompressionChoice::kLz4)) {
    compression = Compression::kLz4;
  }
  return EncodeBinary(rows, {values.offsets, values.data}, compression, options.compression_level,
                      page, *out.mutable_binary());
}

// --- Dictionaries of the caller ----------------------------------------------------------------

absl::Status EncodeValues(const TypePtr& type, std::span<const ArrayPtr> rows,
                          const CodecOptions& options, PageBuilder& page, ArrayEncoding& out);

// Keys count from 0; a null key points at an item that is null, which is added.
absl::Status EncodeArrowDictionary(const TypePtr& type, std::span<const ArrayPtr> rows,
                                   const CodecOptions& options, PageBuilder& page,
                                   ArrayEncoding& out) {
  const ArrayPtr whole = rows.size() == 1 ? rows[0] : Concat(rows);
  ArrayPtr items = whole->dictionary;
  const auto width = static_cast<size_t>(type->bit_width()) / 8;
  const bool is_signed = type->index_type->is_signed_integer();
  const unsigned bits = static_cast<unsigned>(width * 8) - (is_signed ? 1 : 0);
  const auto count = static_cast<size_t>(whole->length);
  std::vector<int64_t> keys(count);
  bool has_null = false;
  for (size_t i = 0; i < count; ++i) {
    const auto at = static_cast<int64_t>(i);
    keys[i] = whole->IsNull(at) ? -1 : DictionaryIndex(*whole, at);
    if (keys[i] >= 0 && items->IsNull(keys[i])) {
      keys[i] = -1;
    }
    has_null |= keys[i] < 0;
  }
  if (has_null && items->null_count == 0) {
    const ArrayPtr parts[] = {items, NullArray(items->type, 1)};
    items = Concat(parts);
  }
  int64_t null_item = 0;
  while (has_null && items->IsValid(null_item)) {
    ++null_item;
  }
  if (bits < 63 && items->length > (int64_t{1} << bits)) {
    return io::UnimplementedError(io::StrCat("file version 2.0: a dictionary of ", items->length,
                                             " values, nulls included, ", "for indices of type ",
                                             type->index_type->ToString()));
  }
  io::MutableBuffer indices(count * width);
  for (size_t i = 0; i < count; ++i) {
    const int64_t key = keys[i] < 0 ? null_item : keys[i];
    std::memcpy(indices.data() + i * width, &key, width);
  }
  lance::encodings::Dictionary& dictionary = *out.mutable_dictionary();
  dictionary.set_num_dictionary_items(static_cast<uint32_t>(items->length));
  page.AddFlat(std::move(indices).Share(), width * 8,
               *ValuesWithoutNulls(*dictionary.mutable_indices()).mutable_flat());
  CodecOptions plain = options;
  plain.forced_codec = ForcedCodec::kFlat;
  return EncodeValues(type->value_type, std::span(&items, 1), plain, page,
                      *dictionary.mutable_items());
}

// --- Packed structs ----------------------------------------------------------------------------

void DescribeMember(const DataType& type, ArrayEncoding& out) {
  ArrayEncoding& values = ValuesWithoutNulls(out);
  if (type.id == TypeId::kFixedSizeList) {
    values.mutable_fixed_size_list()->set_dimension(static_cast<uint32_t>(type.list_size));
    DescribeMember(*type.children[0].type, *values.mutable_fixed_size_list()->mutable_items());
    return;
  }
  values.mutable_flat()->set_bits_per_value(static_cast<uint64_t>(type.bit_width()));
  values.mutable_flat()->mutable_buffer();
}

absl::Status EncodePackedStruct(const DataType& type, const LeafValues& values, PageBuilder& page,
                                ArrayEncoding& out) {
  if (std::ranges::any_of(values.members, &LeafValues::Member::is_variable)) {
    return io::UnimplementedError("file version 2.0: packed struct with text");
  }
  for (const LeafValues::Member& member : values.members) {
    if (member.item_bits == 1 ||
        std::ranges::any_of(member.dimensions, &ListDimension::has_validity)) {
      return io::UnimplementedError(
          "file version 2.0: packed struct with vectors of bools or with null items");
    }
  }
  lance::encodings::PackedStruct& packed = *out.mutable_packed_struct();
  for (const Field& member : type.children) {
    DescribeMember(*member.type, *packed.add_inner());
  }
  page.Add(values.data, *packed.mutable_buffer());
  return absl::OkStatus();
}

// --- All of them -------------------------------------------------------------------------------

absl::Status EncodeValues(const TypePtr& type, std::span<const ArrayPtr> rows,
                          const CodecOptions& options, PageBuilder& page, ArrayEncoding& out) {
  const uint64_t count = CountOf(rows);
  const uint64_t nulls = NullsOf(rows);
  if (type->id == TypeId::kDictionary) {
    return EncodeArrowDictionary(type, rows, options, page, out);
  }
  if (type->id == TypeId::kNull || (nulls == count && type->id != TypeId::kStruct)) {
    out.mutable_nullable()->mutable_all_nulls();
    return absl::OkStatus();
  }
  if (type->id == TypeId::kStruct && nulls != 0) {
    return io::UnimplementedError("file version 2.0: packed struct with nulls");
  }
  const std::vector<LeafRange> ranges = RangesOf(rows);
  OG_ASSIGN_OR_RETURN(const LeafValues values, GatherLeaf(*type, ranges));
  switch (values.shape) {
    case LeafShape::kVariable:
      return EncodeStrings(*type, rows, values, options, page, out);
    case LeafShape::kPacked:
    case LeafShape::kRows:
      return EncodePackedStruct(*type, values, page, out);
    default:
      break;
  }
  if (nulls == 0) {
    EncodeItems(*type, values, 0, options, page, ValuesWithoutNulls(out));
    return absl::OkStatus();
  }
  auto& some = *out.mutable_nullable()->mutable_some_nulls();
  page.AddFlat(ValidityOf(rows), 1, *some.mutable_validity()->mutable_flat());
  EncodeItems(*type, values, 0, options, page, *some.mutable_values());
  return absl::OkStatus();
}

absl::Status EncodeLists(std::span<const ArrayPtr> rows, uint64_t count, PageBuilder& page,
                         ArrayEncoding& out) {
  std::vector<uint64_t> ends;
  ends.reserve(count);
  uint64_t end = 0;
  for (const ArrayPtr& piece : rows) {
    for (int64_t i = 0; i < piece->length; ++i) {
      end += piece->IsNull(i) ? 0 : piece->Value<uint64_t>(i);
      ends.push_back(end);
    }
  }
  const uint64_t adjustment = end + 1;
  size_t at = 0;
  for (const ArrayPtr& piece : rows) {
    for (int64_t i = 0; i < piece->length; ++i, ++at) {
      ends[at] += piece->IsNull(i) ? adjustment : 0;
    }
  }
  lance::encodings::List& list = *out.mutable_list();
  list.set_num_items(end);
  list.set_null_offset_adjustment(adjustment);
  page.AddFlat(WordsOf(ends), 64, *ValuesWithoutNulls(*list.mutable_offsets()).mutable_flat());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EncodedPage> EncodeArrayPage(const ArrayColumnPlan& plan,
                                            std::span<const ArrayPtr> rows) {
  PageBuilder page;
  ArrayEncoding encoding;
  const uint64_t count = CountOf(rows);
  switch (plan.kind) {
    case ArrayColumnPlan::Kind::kHeader:
      encoding.mutable_struct_();
      break;
    case ArrayColumnPlan::Kind::kList:
      OG_RETURN_IF_ERROR(EncodeLists(rows, count, page, encoding));
      break;
    case ArrayColumnPlan::Kind::kValues:
      OG_RETURN_IF_ERROR(EncodeValues(plan.type, rows, plan.codec, page, encoding));
      break;
  }
  return std::move(page).Finish(encoding, count);
}

}  // namespace og::format
