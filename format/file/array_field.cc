// Layouts of the array encodings, see lance: protos/encodings_v2_0.proto:
//
//   flat              values back to back, bits least significant first; `compression` covers the
//                     whole buffer
//   nullable          bitmap of validity, then values with a slot for every null
//   fixed_size_list   rows x dimension items
//   binary            u64 ends of the strings; a null one has null_adjustment added; then the bytes
//   list              the same for lists, ends count the items of this page
//   fsst              binary whose bytes are codes
//   dictionary        indices and items; for strings index 0 is null and k is item k - 1, for Arrow
//                     dictionaries k is item k and nulls point at an item that is null
//   packed_struct     rows of concatenated fixed-width members
//   bitpacked         W-bit values, least significant bit first; sign-extended if `signed`
//   bitpacked_for_non_neg   FastLanes groups
//   fixed_size_binary strings that all have byte_width bytes
//   blobs             packed_struct(position, size); (0, 0) is empty, (1, 0) is null
//
// Structs own a header column without buffers; their validity is not stored.
#include "format/file/array_field.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "format/codec/bitpack.h"
#include "format/codec/fsst_decoder.h"
#include "format/codec/general.h"
#include "format/file/column_pages.h"
#include "format/page/value_sink.h"
#include "format/proto/encodings_v2_0.pb.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using ::lance::encodings::ArrayEncoding;
using ::lance::encodings::Nullable;
using Bytes = std::span<const std::byte>;

constexpr int kEncodingDepthMax = 16;

// Nulls take no bytes in the file; this bounds what a small file can ask for in one batch.
constexpr uint64_t kItemsMax = uint64_t{1} << 28;

// One page of one column.
struct ArrayPage {
  std::vector<FileRange> buffers;
  ArrayEncoding encoding;
  uint64_t first = 0;  // number of its first value in the column
  uint64_t length = 0;
};

struct ArrayColumn {
  int32_t index = 0;
  std::vector<ArrayPage> pages;
  uint64_t length = 0;
  uint64_t bytes = 0;
};

struct ArrayNode {
  TypePtr type;
  bool is_blob = false;
  std::optional<ArrayColumn> column;  // absent: the file has none, all values are null
  std::vector<ArrayNode> children;
};

absl::StatusOr<ArrayColumn> MakeColumn(int32_t index,
                                       const lance::file::v2::ColumnMetadata& metadata) {
  ArrayColumn column;
  column.index = index;
  OG_RETURN_IF_ERROR(CheckColumnEncoding(metadata));
  for (const auto& proto : metadata.pages()) {
    ArrayPage page;
    OG_ASSIGN_OR_RETURN(page.buffers, BufferRanges(proto.buffer_offsets(), proto.buffer_sizes()));
    const auto bytes = DirectEncodingOf(proto.encoding(), "lance.encodings.ArrayEncoding");
    if (!bytes.ok()) {
      return io::Annotate(bytes.status(), io::StrCat("page ", column.pages.size()));
    }
    if (!page.encoding.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
      return io::DataLossError(
          io::StrCat("page ", column.pages.size(), ": array encoding is no protobuf message"));
    }
    page.first = column.length;
    page.length = proto.length();
    if (page.length > UINT64_MAX - column.length) {
      return io::DataLossError(io::StrCat("page of ", page.length, " values"));
    }
    column.length += page.length;
    for (const FileRange& buffer : page.buffers) {
      column.bytes += std::min(buffer.bytes, uint64_t{1} << 40);
    }
    column.pages.push_back(std::move(page));
  }
  return column;
}

// What every step of a scan and every take that touch a page need of it: decompressed buffers, and
// the items of dictionaries.
class PageCache {
 public:
  // The items of `dictionary`, a message of a page that lives as long as the cache.
  ArrayPtr FindItems(const lance::encodings::Dictionary& dictionary) {
    io::MutexLock lock(mutex_);
    for (const auto& [key, items] : items_) {
      if (key == &dictionary) {
        return items;
      }
    }
    return nullptr;
  }
  void InsertItems(const lance::encodings::Dictionary& dictionary, ArrayPtr items) {
    io::MutexLock lock(mutex_);
    if (items_.size() == kDictionaries) {
      items_.erase(items_.begin());
    }
    items_.emplace_back(&dictionary, std::move(items));
  }

  std::optional<io::Buffer> Find(uint64_t offset) {
    io::MutexLock lock(mutex_);
    for (const auto& [key, buffer] : entries_) {
      if (key == offset) {
        return buffer;
      }
    }
    return std::nullopt;
  }
  void Insert(uint64_t offset, io::Buffer buffer) {
    io::MutexLock lock(mutex_);
    if (entries_.size() == kEntries) {
      entries_.erase(entries_.begin());
    }
    entries_.emplace_back(offset, std::move(buffer));
  }

 private:
  static constexpr size_t kEntries = 2;
  static constexpr size_t kDictionaries = 64;
  io::Mutex mutex_;
  std::vector<std::pair<const lance::encodings::Dictionary*, ArrayPtr>> items_
      OG_GUARDED_BY(mutex_);
  std::vector<std::pair<uint64_t, io::Buffer>> entries_ OG_GUARDED_BY(mutex_);
};

ArrayPtr WithValidity(const Array& values, ValidityBits validity) {
  auto array = std::make_shared<Array>(values);
  validity.Finish(*array);
  return array;
}

// Decodes ranges of one page.
class PageArrays {
 public:
  PageArrays(const FileSource& source, std::span<const FilePiece> pieces, PageCache& cache,
             const ArrayPage& page)
      : source_(source), pieces_(pieces), cache_(cache), page_(page) {}

  // Values [begin, end) as an array of `type`.
  absl::StatusOr<ArrayPtr> Decode(const ArrayEncoding& encoding, const TypePtr& type,
                                  RowRange range, int depth = 0) const;

  // Ends of lists or strings, from the one before `range` (0 at the start of the page) on.
  struct Ends {
    std::vector<uint64_t> ends;  // range + 1 of them
    ValidityBits validity;
  };
  absl::StatusOr<Ends> DecodeEnds(const ArrayEncoding& encoding, uint64_t null_adjustment,
                                  RowRange range) const;

 private:
  absl::StatusOr<FileRange> BufferOf(const lance::encodings::Buffer& buffer) const {
    if (buffer.buffer_type() != lance::encodings::Buffer::page) {
      return io::UnimplementedError("buffers of a column or file");
    }
    if (buffer.buffer_index() >= page_.buffers.size()) {
      return io::DataLossError(
          io::StrCat("page buffer ", buffer.buffer_index(), " of ", page_.buffers.size()));
    }
    return page_.buffers[buffer.buffer_index()];
  }
  // Bytes [first, first + count) of a buffer.
  absl::StatusOr<io::Buffer> ReadPart(FileRange buffer, uint64_t first, uint64_t count) const {
    if (first > buffer.bytes || count > buffer.bytes - first) {
      return io::DataLossError(
          io::StrCat("bytes ", first, " + ", count, " of a buffer of ", buffer.bytes));
    }
    OG_RETURN_IF_ERROR(source_.Check(buffer));
    return source_.Read({buffer.offset + first, count}, pieces_);
  }
  absl::StatusOr<io::Buffer> ReadDecompressed(FileRange buffer, const std::string& scheme) const;
  // Values [begin, end) of `bits` bits from a flat buffer, starting at a byte: the result and the
  // bit at which the first one stands.
  absl::StatusOr<std::pair<io::Buffer, size_t>> ReadFlat(const lance::encodings::Flat& flat,
                                                         RowRange range) const;
  absl::StatusOr<ArrayPtr> DecodeFlat(const lance::encodings::Flat& flat, const TypePtr& type,
                                      RowRange range) const;
  absl::StatusOr<ArrayPtr> DecodeNullable(const Nullable& nullable, const TypePtr& type,
                                          RowRange range, int depth) const;
  absl::StatusOr<ArrayPtr> DecodeLists(const lance::encodings::FixedSizeList& lists,
                                       const TypePtr& type, RowRange range, int depth) const;
  absl::StatusOr<ArrayPtr> DecodeBinary(const lance::encodings::Binary& binary, const TypePtr& type,
                                        RowRange range) const;
  absl::StatusOr<ArrayPtr> DecodeFsst(const lance::encodings::Fsst& fsst, const TypePtr& type,
                                      RowRange range) const;
  absl::StatusOr<ArrayPtr> DecodeDictionary(const lance::encodings::Dictionary& dictionary,
                                            const TypePtr& type, RowRange range, int depth) const;
  absl::StatusOr<ArrayPtr> DecodePackedStruct(const lance::encodings::PackedStruct& packed,
                                              const TypePtr& type, RowRange range) const;
  absl::StatusOr<ArrayPtr> DecodeBitpacked(const lance::encodings::Bitpacked& packed,
                                           const TypePtr& type, RowRange range) const;
  absl::StatusOr<ArrayPtr> DecodeGroups(const lance::encodings::BitpackedForNonNeg& packed,
                                        const TypePtr& type, RowRange range) const;
  absl::StatusOr<ArrayPtr> DecodeFixedSizeBinary(const lance::encodings::FixedSizeBinary& binary,
                                                 const TypePtr& type, RowRange range,
                                                 int depth) const;
  static absl::StatusOr<ArrayPtr> DecodeEmptyStruct(const TypePtr& type, RowRange range);

  const FileSource& source_;
  const std::span<const FilePiece> pieces_;
  PageCache& cache_;
  const ArrayPage& page_;
};

absl::StatusOr<io::Buffer> PageArrays::ReadDecompressed(FileRange buffer,
                                                        const std::string& scheme) const {
  if (const auto cached = cache_.Find(buffer.offset); cached.has_value()) {
    return *cached;
  }
  if (scheme != "zstd" && scheme != "lz4") {
    return io::UnimplementedError(io::StrCat("compression scheme \"", scheme, "\""));
  }
  OG_ASSIGN_OR_RETURN(const io::Buffer payload, ReadPart(buffer, 0, buffer.bytes));
  io::MutableBuffer out;
  OG_RETURN_IF_ERROR(
      Decompress(scheme == "zstd" ? Compression::kZstd : Compression::kLz4, payload.span(), out));
  io::Buffer decompressed = std::move(out).Share();
  cache_.Insert(buffer.offset, decompressed);
  return decompressed;
}

absl::StatusOr<std::pair<io::Buffer, size_t>> PageArrays::ReadFlat(
    const lance::encodings::Flat& flat, RowRange range) const {
  const uint64_t bits = flat.bits_per_value();
  if (bits > kSlotBitsMax || (bits != 1 && bits % 8 != 0) ||
      (bits != 0 && range.end > UINT64_MAX / 8 / bits)) {
    return io::DataLossError(io::StrCat("flat values of ", bits, " bits"));
  }
  const uint64_t first = range.begin * bits / 8;
  const uint64_t last = io::BytesForBits(range.end * bits);
  const size_t bit = bits == 1 ? range.begin % 8 : 0;
  OG_ASSIGN_OR_RETURN(const FileRange buffer, BufferOf(flat.buffer()));
  const std::string& scheme = flat.compression().scheme();
  if (scheme.empty() || scheme == "none") {
    OG_ASSIGN_OR_RETURN(io::Buffer part, ReadPart(buffer, first, last - first));
    return std::pair(std::move(part), bit);
  }
  OG_ASSIGN_OR_RETURN(const io::Buffer whole, ReadDecompressed(buffer, scheme));
  if (last > whole.size()) {
    return io::DataLossError(io::StrCat("bytes up to ", last, " of ", whole.size()));
  }
  return std::pair(whole.Slice(first, last - first), bit);
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeFlat(const lance::encodings::Flat& flat,
                                                const TypePtr& type, RowRange range) const {
  OG_ASSIGN_OR_RETURN(const ValueShape shape, ShapeOf(type));
  const bool is_fixed =
      (shape.kind == ValueShape::Kind::kBits || shape.kind == ValueShape::Kind::kBytes) &&
      shape.items_per_slot.empty();
  if (!is_fixed || shape.slot_bits != flat.bits_per_value()) {
    return io::DataLossError(
        io::StrCat("flat values of ", flat.bits_per_value(), " bits for type ", type->ToString()));
  }
  OG_ASSIGN_OR_RETURN(const auto read, ReadFlat(flat, range));
  ValueSink sink(shape);
  const uint64_t count = range.end - range.begin;
  if (shape.kind == ValueShape::Kind::kBits) {
    OG_RETURN_IF_ERROR(sink.AppendBits(read.first.data(), read.second, count));
  } else if (shape.slot_bytes() != 0) {
    sink.Adopt(read.first);
  } else {
    OG_RETURN_IF_ERROR(sink.ExtendBytes(count).status());
  }
  ValidityBits validity;
  validity.AppendValid(count);
  return sink.Finish(validity);
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeNullable(const Nullable& nullable, const TypePtr& type,
                                                    RowRange range, int depth) const {
  switch (nullable.nullability_case()) {
    case Nullable::kNoNulls:
      return Decode(nullable.no_nulls().values(), type, range, depth + 1);
    case Nullable::kAllNulls:
      return NullArray(type, static_cast<int64_t>(range.end - range.begin));
    case Nullable::kSomeNulls: {
      OG_ASSIGN_OR_RETURN(const ArrayPtr bits,
                          Decode(nullable.some_nulls().validity(), Bool(), range, depth + 1));
      OG_ASSIGN_OR_RETURN(const ArrayPtr values,
                          Decode(nullable.some_nulls().values(), type, range, depth + 1));
      ValidityBits validity;
      validity.AppendBits(bits->values.data(), 0, range.end - range.begin);
      return WithValidity(*values, std::move(validity));
    }
    default:
      return io::DataLossError("nullable encoding of no known kind");
  }
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeLists(const lance::encodings::FixedSizeList& lists,
                                                 const TypePtr& type, RowRange range,
                                                 int depth) const {
  if (type->id != TypeId::kFixedSizeList ||
      static_cast<uint32_t>(type->list_size) != lists.dimension()) {
    return io::DataLossError(
        io::StrCat("lists of ", lists.dimension(), " items for type ", type->ToString()));
  }
  const uint64_t size = lists.dimension();
  if (size != 0 &&
      (range.end - range.begin > kSinkBytesMax / size || range.end > UINT64_MAX / size)) {
    return io::ResourceExhaustedError("too many list items; read fewer rows at once");
  }
  OG_ASSIGN_OR_RETURN(ArrayPtr items, Decode(lists.items(), type->children[0].type,
                                             {range.begin * size, range.end * size}, depth + 1));
  auto array = std::make_shared<Array>();
  array->type = type;
  array->length = static_cast<int64_t>(range.end - range.begin);
  array->children.push_back(std::move(items));
  return array;
}

absl::StatusOr<PageArrays::Ends> PageArrays::DecodeEnds(const ArrayEncoding& encoding,
                                                        uint64_t null_adjustment,
                                                        RowRange range) const {
  const RowRange with_start{range.begin == 0 ? 0 : range.begin - 1, range.end};
  OG_ASSIGN_OR_RETURN(const ArrayPtr stored, Decode(encoding, Uint64(), with_start, 1));
  Ends result;
  result.ends.reserve(range.end - range.begin + 1);
  if (range.begin == 0) {
    result.ends.push_back(0);
  }
  for (int64_t i = 0; i < stored->length; ++i) {
    auto end = stored->Value<uint64_t>(i);
    const bool is_null = null_adjustment != 0 && end >= null_adjustment;
    if (is_null) {
      end -= null_adjustment;
    }
    if (!result.ends.empty() && end < result.ends.back()) {
      return io::DataLossError(io::StrCat("end ", end, " stands behind ", result.ends.back()));
    }
    if (!result.ends.empty()) {
      is_null ? result.validity.AppendNull(1) : result.validity.AppendValid(1);
    }
    result.ends.push_back(end);
  }
  return result;
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeBinary(const lance::encodings::Binary& binary,
                                                  const TypePtr& type, RowRange range) const {
  OG_ASSIGN_OR_RETURN(ValueShape shape, ShapeOf(type));
  if (shape.kind != ValueShape::Kind::kVariable) {
    return io::DataLossError(io::StrCat("strings for type ", type->ToString()));
  }
  OG_ASSIGN_OR_RETURN(Ends ends, DecodeEnds(binary.indices(), binary.null_adjustment(), range));
  const ArrayEncoding* bytes = &binary.bytes();
  if (bytes->has_nullable() && bytes->nullable().has_no_nulls()) {
    bytes = &bytes->nullable().no_nulls().values();
  }
  if (!bytes->has_flat() || bytes->flat().bits_per_value() != 8) {
    return io::UnimplementedError("string bytes that are not flat");
  }
  OG_ASSIGN_OR_RETURN(const auto read,
                      ReadFlat(bytes->flat(), {ends.ends.front(), ends.ends.back()}));
  const uint64_t first = ends.ends.front();
  for (uint64_t& end : ends.ends) {
    end -= first;
  }
  ValueSink sink(std::move(shape));
  OG_RETURN_IF_ERROR(
      sink.AppendStrings(std::as_bytes(std::span(ends.ends)), sizeof(uint64_t), read.first.span()));
  return sink.Finish(ends.validity);
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeFsst(const lance::encodings::Fsst& fsst,
                                                const TypePtr& type, RowRange range) const {
  OG_ASSIGN_OR_RETURN(const FsstDecoder decoder,
                      FsstDecoder::Parse(io::AsBytes(fsst.symbol_table())));
  const ArrayEncoding* inner = &fsst.binary();
  if (!inner->has_binary()) {
    return io::UnimplementedError("fsst over values that are no strings");
  }
  OG_ASSIGN_OR_RETURN(const ArrayPtr codes, DecodeBinary(inner->binary(), type, range));
  OG_ASSIGN_OR_RETURN(ValueShape shape, ShapeOf(type));
  ValueSink sink(std::move(shape));
  ValidityBits validity;
  for (int64_t i = 0; i < codes->length; ++i) {
    const Bytes value = io::AsBytes(codes->StringValue(i));
    OG_ASSIGN_OR_RETURN(std::byte* const out,
                        sink.PrepareText(value.size() * kFsstSymbolBytesMax + kFsstSlackBytes));
    const std::byte* const end = decoder.Decode(value, out);
    if (end == nullptr) {
      return io::DataLossError(io::StrCat("fsst: the codes of string ", i, " are damaged"));
    }
    OG_RETURN_IF_ERROR(sink.AppendWritten(end));
    codes->IsValid(i) ? validity.AppendValid(1) : validity.AppendNull(1);
  }
  return sink.Finish(validity);
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeDictionary(
    const lance::encodings::Dictionary& dictionary, const TypePtr& type, RowRange range,
    int depth) const {
  const bool is_arrow = type->id == TypeId::kDictionary;
  const uint64_t num_items = dictionary.num_dictionary_items();
  ArrayPtr items = cache_.FindItems(dictionary);
  if (items == nullptr) {
    const TypePtr& item_type = is_arrow ? type->value_type : type;
    OG_ASSIGN_OR_RETURN(items, Decode(dictionary.items(), item_type, {0, num_items}, depth + 1));
    cache_.InsertItems(dictionary, items);
  }
  OG_ASSIGN_OR_RETURN(
      const ArrayPtr indices,
      Decode(dictionary.indices(), is_arrow ? type->index_type : Uint8(), range, depth + 1));
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(indices->length));
  const auto width = static_cast<size_t>(indices->type->bit_width()) / 8;
  const uint64_t shift = is_arrow ? 0 : 1;
  for (int64_t i = 0; i < indices->length; ++i) {
    uint64_t index = 0;
    std::memcpy(&index, indices->values.data() + static_cast<size_t>(i) * width, width);
    if (indices->IsNull(i) || (!is_arrow && index == 0)) {
      positions.push_back(-1);
      continue;
    }
    if (index - shift >= num_items) {
      return io::DataLossError(io::StrCat("dictionary index ", index, " of ", num_items));
    }
    index -= shift;
    positions.push_back(items->IsNull(static_cast<int64_t>(index)) ? -1
                                                                   : static_cast<int64_t>(index));
  }
  if (!is_arrow) {
    return TryTake(*items, positions);
  }
  auto array = std::make_shared<Array>(*indices);
  array->type = type;
  array->dictionary = items;
  ValidityBits validity;
  for (const int64_t position : positions) {
    position < 0 ? validity.AppendNull(1) : validity.AppendValid(1);
  }
  validity.Finish(*array);
  return array;
}

absl::StatusOr<ArrayPtr> PageArrays::DecodePackedStruct(
    const lance::encodings::PackedStruct& packed, const TypePtr& type, RowRange range) const {
  OG_ASSIGN_OR_RETURN(ValueShape shape, ShapeOf(type));
  if (shape.kind != ValueShape::Kind::kMembers) {
    return io::DataLossError(io::StrCat("packed rows for type ", type->ToString()));
  }
  uint64_t row_bytes = 0;
  for (const ValueShape& member : shape.members) {
    if (member.kind != ValueShape::Kind::kBytes) {
      return io::UnimplementedError(io::StrCat("packed member of type ", member.type->ToString()));
    }
    row_bytes += member.slot_bytes();
  }
  OG_ASSIGN_OR_RETURN(const FileRange buffer, BufferOf(packed.buffer()));
  if (row_bytes == 0 || range.end > UINT64_MAX / row_bytes) {
    return io::DataLossError(io::StrCat("packed rows of ", row_bytes, " bytes"));
  }
  const uint64_t count = range.end - range.begin;
  OG_ASSIGN_OR_RETURN(const io::Buffer rows,
                      ReadPart(buffer, range.begin * row_bytes, count * row_bytes));
  ValueSink sink(std::move(shape));
  const std::byte* from = rows.data();
  for (size_t m = 0; m < sink.shape().members.size(); ++m) {
    const uint64_t width = sink.shape().members[m].slot_bytes();
    OG_ASSIGN_OR_RETURN(std::byte* const to, sink.member(m).ExtendBytes(count));
    for (uint64_t i = 0; i < count; ++i) {
      std::memcpy(to + i * width, from + i * row_bytes, width);
    }
    from += width;
  }
  sink.AppendRows(count);
  ValidityBits validity;
  validity.AppendValid(count);
  return sink.Finish(validity);
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeBitpacked(const lance::encodings::Bitpacked& packed,
                                                     const TypePtr& type, RowRange range) const {
  const uint64_t bits = packed.compressed_bits_per_value();
  const auto width = static_cast<uint64_t>(type->bit_width());
  if (bits == 0 || bits > 64 || bits > width || width % 8 != 0 || width > 64 ||
      width != packed.uncompressed_bits_per_value() || range.end > UINT64_MAX / bits) {
    return io::DataLossError(io::StrCat("bit-packing of ", width, " bits in ", bits));
  }
  OG_ASSIGN_OR_RETURN(const FileRange buffer, BufferOf(packed.buffer()));
  const uint64_t first = range.begin * bits / 8;
  OG_ASSIGN_OR_RETURN(const io::Buffer bytes,
                      ReadPart(buffer, first, io::BytesForBits(range.end * bits) - first));
  OG_ASSIGN_OR_RETURN(ValueShape shape, ShapeOf(type));
  ValueSink sink(std::move(shape));
  const uint64_t count = range.end - range.begin;
  OG_ASSIGN_OR_RETURN(std::byte * to, sink.ExtendBytes(count));
  for (uint64_t i = 0; i < count; ++i, to += width / 8) {
    const uint64_t start = (range.begin + i) * bits - first * 8;
    uint64_t value = 0;
    for (uint64_t b = 0; b < bits; ++b) {
      value |= uint64_t{io::GetBit(bytes.data(), start + b)} << b;
    }
    if (packed.signed_() && (value >> (bits - 1)) != 0 && bits < 64) {
      value |= ~uint64_t{0} << bits;
    }
    std::memcpy(to, &value, width / 8);
  }
  ValidityBits validity;
  validity.AppendValid(count);
  return sink.Finish(validity);
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeGroups(
    const lance::encodings::BitpackedForNonNeg& packed, const TypePtr& type, RowRange range) const {
  const uint64_t bits = packed.compressed_bits_per_value();
  const auto width = static_cast<uint64_t>(type->bit_width());
  const bool is_word = width == 8 || width == 16 || width == 32 || width == 64;
  if (!is_word || bits > width || width != packed.uncompressed_bits_per_value()) {
    return io::DataLossError(io::StrCat("bit-packing of ", width, " bits in ", bits));
  }
  OG_ASSIGN_OR_RETURN(const FileRange buffer, BufferOf(packed.buffer()));
  const uint64_t first_group = range.begin / kBitpackGroupValues;
  const uint64_t last_group = (range.end + kBitpackGroupValues - 1) / kBitpackGroupValues;
  const size_t group_bytes = BitpackGroupBytes(static_cast<unsigned>(bits));
  if (last_group > UINT32_MAX) {
    return io::DataLossError(io::StrCat("bit-packed values up to ", range.end));
  }
  OG_ASSIGN_OR_RETURN(const io::Buffer bytes, ReadPart(buffer, first_group * group_bytes,
                                                       (last_group - first_group) * group_bytes));
  OG_ASSIGN_OR_RETURN(ValueShape shape, ShapeOf(type));
  ValueSink sink(std::move(shape));
  alignas(64) std::byte values[kBitpackGroupValues * sizeof(uint64_t)];
  for (uint64_t group = first_group; group < last_group; ++group) {
    const std::byte* const from = bytes.data() + (group - first_group) * group_bytes;
    const auto width_bits = static_cast<unsigned>(bits);
    switch (width) {
      case 8:
        UnpackGroup(from, width_bits, reinterpret_cast<uint8_t*>(values));
        break;
      case 16:
        UnpackGroup(from, width_bits, reinterpret_cast<uint16_t*>(values));
        break;
      case 32:
        UnpackGroup(from, width_bits, reinterpret_cast<uint32_t*>(values));
        break;
      default:
        UnpackGroup(from, width_bits, reinterpret_cast<uint64_t*>(values));
        break;
    }
    const uint64_t start = group * kBitpackGroupValues;
    const uint64_t first = std::max(start, range.begin) - start;
    const uint64_t last = std::min(start + kBitpackGroupValues, range.end) - start;
    OG_ASSIGN_OR_RETURN(std::byte* const to, sink.ExtendBytes(last - first));
    std::memcpy(to, values + first * width / 8, (last - first) * width / 8);
  }
  ValidityBits validity;
  validity.AppendValid(range.end - range.begin);
  return sink.Finish(validity);
}

absl::StatusOr<ArrayPtr> PageArrays::DecodeFixedSizeBinary(
    const lance::encodings::FixedSizeBinary& binary, const TypePtr& type, RowRange range,
    int depth) const {
  const uint64_t width = binary.byte_width();
  if (type->id == TypeId::kFixedSizeBinary) {
    if (width != static_cast<uint64_t>(type->byte_width)) {
      return io::DataLossError(
          io::StrCat("values of ", width, " bytes for type ", type->ToString()));
    }
    return Decode(binary.bytes(), type, range, depth + 1);
  }
  OG_ASSIGN_OR_RETURN(ValueShape shape, ShapeOf(type));
  if (shape.kind != ValueShape::Kind::kVariable || width == 0 || range.end > UINT64_MAX / width) {
    return io::DataLossError(
        io::StrCat("strings of ", width, " bytes for type ", type->ToString()));
  }
  const ArrayEncoding* bytes = &binary.bytes();
  if (bytes->has_nullable() && bytes->nullable().has_no_nulls()) {
    bytes = &bytes->nullable().no_nulls().values();
  }
  if (!bytes->has_flat() || bytes->flat().bits_per_value() != 8) {
    return io::UnimplementedError("string bytes that are not flat");
  }
  OG_ASSIGN_OR_RETURN(const auto read,
                      ReadFlat(bytes->flat(), {range.begin * width, range.end * width}));
  ValueSink sink(std::move(shape));
  for (uint64_t i = 0; i < range.end - range.begin; ++i) {
    OG_RETURN_IF_ERROR(sink.AppendString(read.first.span().subspan(i * width, width)));
  }
  ValidityBits validity;
  validity.AppendValid(range.end - range.begin);
  return sink.Finish(validity);
}

// A struct with members is put together from their columns.
absl::StatusOr<ArrayPtr> PageArrays::DecodeEmptyStruct(const TypePtr& type, RowRange range) {
  if (type->id != TypeId::kStruct || !type->children.empty()) {
    return io::DataLossError(io::StrCat("rows of a struct for type ", type->ToString()));
  }
  auto array = std::make_shared<Array>();
  array->type = type;
  array->length = static_cast<int64_t>(range.end - range.begin);
  return array;
}

absl::StatusOr<ArrayPtr> PageArrays::Decode(const ArrayEncoding& encoding, const TypePtr& type,
                                            RowRange range, int depth) const {
  if (depth > kEncodingDepthMax) {
    return io::UnimplementedError(io::StrCat("encodings nested deeper than ", kEncodingDepthMax));
  }
  if (type->id == TypeId::kDictionary && !encoding.has_dictionary() && !encoding.has_nullable()) {
    return io::DataLossError(io::StrCat("values without a dictionary for type ", type->ToString()));
  }
  switch (encoding.array_encoding_case()) {
    case ArrayEncoding::kFlat:
      return DecodeFlat(encoding.flat(), type, range);
    case ArrayEncoding::kNullable:
      return DecodeNullable(encoding.nullable(), type, range, depth);
    case ArrayEncoding::kFixedSizeList:
      return DecodeLists(encoding.fixed_size_list(), type, range, depth);
    case ArrayEncoding::kBinary:
      return DecodeBinary(encoding.binary(), type, range);
    case ArrayEncoding::kFsst:
      return DecodeFsst(encoding.fsst(), type, range);
    case ArrayEncoding::kDictionary:
      return DecodeDictionary(encoding.dictionary(), type, range, depth);
    case ArrayEncoding::kPackedStruct:
      return DecodePackedStruct(encoding.packed_struct(), type, range);
    case ArrayEncoding::kBitpacked:
      return DecodeBitpacked(encoding.bitpacked(), type, range);
    case ArrayEncoding::kBitpackedForNonNeg:
      return DecodeGroups(encoding.bitpacked_for_non_neg(), type, range);
    case ArrayEncoding::kFixedSizeBinary:
      return DecodeFixedSizeBinary(encoding.fixed_size_binary(), type, range, depth);
    case ArrayEncoding::kStruct:
      return DecodeEmptyStruct(type, range);
    default:
      return io::UnimplementedError(
          io::StrCat("array encoding ", static_cast<int>(encoding.array_encoding_case()), " here"));
  }
}

// Reads some rows of a field, all in NextReads().
class ArrayTask final : public FieldTask {
 public:
  ArrayTask(const FileSource& source, const ArrayNode& root, PageCache& cache,
            std::span<const RowRange> rows)
      : source_(source), root_(root), cache_(cache), rows_(rows) {}

  void UsePieces(std::span<const FilePiece> pieces) override { pieces_ = pieces; }
  absl::StatusOr<Reads> NextReads() override {
    OG_ASSIGN_OR_RETURN(array_, ReadNode(root_, rows_));
    return Reads{.ranges = {}, .is_last = true};
  }
  absl::Status Supply(std::vector<io::Buffer>) override { return absl::OkStatus(); }
  absl::StatusOr<ArrayPtr> Decode() override { return array_; }

 private:
  // A range of one page, counted from its start.
  struct Part {
    const ArrayPage* page = nullptr;
    RowRange range;
  };

  absl::StatusOr<std::vector<Part>> PartsOf(const ArrayColumn& column,
                                            std::span<const RowRange> ranges) const;
  absl::StatusOr<ArrayPtr> ReadNode(const ArrayNode& node, std::span<const RowRange> ranges) const;
  absl::StatusOr<ArrayPtr> ReadLeaf(const ArrayNode& node, std::span<const RowRange> ranges) const;
  absl::StatusOr<ArrayPtr> ReadList(const ArrayNode& node, std::span<const RowRange> ranges) const;

  absl::Status Locate(const absl::Status& status, const ArrayColumn& column,
                      const ArrayPage& page) const {
    const auto number = static_cast<size_t>(&page - column.pages.data());
    const uint64_t offset = page.buffers.empty() ? 0 : page.buffers[0].offset;
    return io::Annotate(status,
                        io::StrCat(source_.name(), ": ", PageText(column.index, number, offset)));
  }

  const FileSource& source_;
  std::span<const FilePiece> pieces_;
  const ArrayNode& root_;
  PageCache& cache_;
  const std::span<const RowRange> rows_;
  ArrayPtr array_;
};

uint64_t CountRows(std::span<const RowRange> ranges) {
  uint64_t count = 0;
  for (const RowRange& range : ranges) {
    count += range.end - range.begin;
  }
  return count;
}

absl::StatusOr<std::vector<ArrayTask::Part>> ArrayTask::PartsOf(
    const ArrayColumn& column, std::span<const RowRange> ranges) const {
  std::vector<Part> parts;
  for (const RowRange& range : ranges) {
    if (range.end > column.length) {
      return io::DataLossError(io::StrCat(source_.name(), ": column ", column.index, " has ",
                                          column.length, " values, wanted are some up to ",
                                          range.end));
    }
    uint64_t at = range.begin;
    auto page = std::ranges::upper_bound(column.pages, at, {}, &ArrayPage::first);
    while (at < range.end) {
      const ArrayPage& holder = *(page - 1);
      const uint64_t end = std::min(range.end, holder.first + holder.length);
      if (end > at) {
        parts.push_back({&holder, {at - holder.first, end - holder.first}});
      }
      at = end;
      ++page;
    }
  }
  return parts;
}

absl::StatusOr<ArrayPtr> ArrayTask::ReadLeaf(const ArrayNode& node,
                                             std::span<const RowRange> ranges) const {
  OG_ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(*node.column, ranges));
  std::vector<ArrayPtr> arrays;
  for (const Part& part : parts) {
    const PageArrays page(source_, pieces_, cache_, *part.page);
    auto array = page.Decode(part.page->encoding, node.type, part.range);
    if (!array.ok()) {
      return Locate(array.status(), *node.column, *part.page);
    }
    arrays.push_back(*std::move(array));
  }
  if (arrays.empty()) {
    return EmptyArray(node.type);
  }
  OG_ASSIGN_OR_RETURN(ArrayPtr whole, TryConcat(arrays));
  if (!node.is_blob) {
    return whole;
  }
  ValidityBits validity;
  for (int64_t i = 0; i < whole->length; ++i) {
    const bool is_null =
        whole->children[1]->Value<uint64_t>(i) == 0 && whole->children[0]->Value<uint64_t>(i) == 1;
    is_null ? validity.AppendNull(1) : validity.AppendValid(1);
  }
  return WithValidity(*whole, std::move(validity));
}

absl::StatusOr<ArrayPtr> ArrayTask::ReadList(const ArrayNode& node,
                                             std::span<const RowRange> ranges) const {
  OG_ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(*node.column, ranges));
  const bool is_large = node.type->has_large_offsets();
  const uint64_t width = is_large ? 8 : 4;
  io::MutableBuffer offsets(width);
  std::memset(offsets.data(), 0, width);
  ValidityBits validity;
  std::vector<RowRange> items;
  uint64_t total = 0;
  const ArrayPage* base_page = node.column->pages.data();
  uint64_t base = 0;  // items of the pages before base_page
  for (const Part& part : parts) {
    for (; base_page != part.page; ++base_page) {
      const uint64_t count = base_page->encoding.list().num_items();
      if (count > UINT64_MAX - base) {
        return Locate(io::DataLossError("too many items"), *node.column, *base_page);
      }
      base += count;
    }
    if (!part.page->encoding.has_list()) {
      return Locate(io::DataLossError("column of lists in another encoding"), *node.column,
                    *part.page);
    }
    const auto& list = part.page->encoding.list();
    const PageArrays page(source_, pieces_, cache_, *part.page);
    auto ends = page.DecodeEnds(list.offsets(), list.null_offset_adjustment(), part.range);
    if (!ends.ok()) {
      return Locate(ends.status(), *node.column, *part.page);
    }
    const uint64_t first = ends->ends.front();
    const uint64_t last = ends->ends.back();
    if (last > list.num_items()) {
      return Locate(
          io::DataLossError(io::StrCat("list ends at item ", last, " of ", list.num_items())),
          *node.column, *part.page);
    }
    size_t at = offsets.size();
    offsets.Resize(at + (ends->ends.size() - 1) * width);
    for (size_t i = 1; i < ends->ends.size(); ++i, at += width) {
      const uint64_t end = total + (ends->ends[i] - first);
      std::memcpy(offsets.data() + at, &end, width);
    }
    validity.AppendFrom(ends->validity);
    if (last > first) {
      if (!items.empty() && items.back().end == base + first) {
        items.back().end = base + last;
      } else {
        items.push_back({base + first, base + last});
      }
    }
    total += last - first;
    if (total > kItemsMax) {
      return io::ResourceExhaustedError(io::StrCat("one batch of a list column would hold ", total,
                                                   " items; read fewer rows at once"));
    }
  }
  OG_ASSIGN_OR_RETURN(ArrayPtr child, ReadNode(node.children[0], items));
  auto array = std::make_shared<Array>();
  array->type = node.type;
  array->length = static_cast<int64_t>(validity.length());
  validity.Finish(*array);
  array->offsets = std::move(offsets).Share();
  array->children.push_back(std::move(child));
  return array;
}

absl::StatusOr<ArrayPtr> ArrayTask::ReadNode(const ArrayNode& node,
                                             std::span<const RowRange> ranges) const {
  const uint64_t count = CountRows(ranges);
  if (!node.column.has_value()) {
    return NullArray(node.type, static_cast<int64_t>(count));
  }
  if (node.children.empty()) {
    return ReadLeaf(node, ranges);
  }
  if (node.type->is_list()) {
    return ReadList(node, ranges);
  }
  auto array = std::make_shared<Array>();
  array->type = node.type;
  array->length = static_cast<int64_t>(count);
  for (const ArrayNode& child : node.children) {
    OG_ASSIGN_OR_RETURN(ArrayPtr values, ReadNode(child, ranges));
    array->children.push_back(std::move(values));
  }
  return array;
}

class ArrayReader final : public FieldReader {
 public:
  ArrayReader(const FileSource& source, ArrayNode root) : source_(source), root_(std::move(root)) {}

  std::unique_ptr<FieldTask> Read(std::span<const RowRange> rows) const override {
    return std::make_unique<ArrayTask>(source_, root_, cache_, rows);
  }

  // The same for all rows: pages of the columns below a list do not follow rows.
  absl::StatusOr<uint64_t> RowBytes256(uint64_t) const override {
    if (!root_.column.has_value() || root_.column->length == 0) {
      return 256;
    }
    const uint64_t bytes = std::min(BytesOf(root_), uint64_t{1} << 50);
    return 256 + bytes * 256 / root_.column->length;
  }

 private:
  static uint64_t BytesOf(const ArrayNode& node) {
    uint64_t bytes = node.column.has_value() ? node.column->bytes : 0;
    for (const ArrayNode& child : node.children) {
      bytes += BytesOf(child);
    }
    return bytes;
  }

  const FileSource& source_;
  const ArrayNode root_;
  mutable PageCache cache_;
};

class NodeBuilder {
 public:
  NodeBuilder(const ColumnRequest& request, const MetadataOfColumn& metadata_of)
      : request_(request), metadata_of_(metadata_of) {}

  absl::StatusOr<ArrayNode> Build() {
    OG_ASSIGN_OR_RETURN(ArrayNode root, BuildNode(request_.field));
    if (next_ != request_.column_indices.size()) {
      return io::InvalidArgumentError(io::StrCat("field ", request_.field.name, ": ",
                                                 request_.column_indices.size(),
                                                 " column indices for ", next_, " columns"));
    }
    return root;
  }

 private:
  absl::StatusOr<ArrayNode> BuildNode(const LanceField& field) {
    ArrayNode node;
    node.is_blob = field.is_blob();
    if (field.is_blob_v2()) {
      return io::UnimplementedError(
          io::StrCat("field ", field.name, ": a blob of version 2 in a file of version 2.0"));
    }
    if (node.is_blob) {
      node.type = BlobDescriptorType(/*is_v2=*/false);
    } else {
      OG_ASSIGN_OR_RETURN(node.type, ArrowTypeOf(field));
    }
    if (next_ >= request_.column_indices.size()) {
      return io::InvalidArgumentError(
          io::StrCat("field ", field.name, ": no column index given for it"));
    }
    const int32_t index = request_.column_indices[next_++];
    if (index >= 0) {
      OG_ASSIGN_OR_RETURN(const auto metadata, metadata_of_(index));
      auto column = MakeColumn(index, *metadata);
      if (!column.ok()) {
        return io::Annotate(column.status(), io::StrCat("column ", index));
      }
      node.column = *std::move(column);
    }
    if (!ChildrenHaveColumns(field)) {
      return node;
    }
    for (const LanceField& child : field.children) {
      OG_ASSIGN_OR_RETURN(ArrayNode built, BuildNode(child));
      node.children.push_back(std::move(built));
    }
    return node;
  }

  const ColumnRequest& request_;
  const MetadataOfColumn& metadata_of_;
  size_t next_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FieldReader>> MakeArrayReader(const ColumnRequest& request,
                                                             const MetadataOfColumn& metadata_of,
                                                             const FileSource& source) {
  NodeBuilder builder(request, metadata_of);
  auto root = builder.Build();
  if (!root.ok()) {
    return io::Annotate(root.status(), source.name());
  }
  return std::make_unique<ArrayReader>(source, *std::move(root));
}

}  // namespace og::format
