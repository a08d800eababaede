#include "format/tabular/ipc_write.h"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "format/tabular/flat_builder.h"
#include "format/tabular/flat_type.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Ref = FlatBuilder::Ref;

constexpr size_t kBufferAlignment = 8;
constexpr int16_t kVersionV5 = 4;

struct TypeRef {
  FlatType kind;
  Ref table;
};

int16_t UnitOf(TimeUnit unit) {
  return static_cast<int16_t>(unit);
}

TypeRef IntType(FlatBuilder& flat, int32_t bits, bool is_signed) {
  flat.StartTable();
  flat.Scalar(0, bits);
  flat.Scalar(1, static_cast<uint8_t>(is_signed));
  return {FlatType::kInt, flat.EndTable()};
}

TypeRef FloatType(FlatBuilder& flat, int16_t precision) {
  flat.StartTable();
  flat.Scalar(0, precision);
  return {FlatType::kFloatingPoint, flat.EndTable()};
}

// A type with one number, or none.
template <typename T>
TypeRef NumberType(FlatBuilder& flat, FlatType kind, T number) {
  flat.StartTable();
  flat.Scalar(0, number);
  return {kind, flat.EndTable()};
}
TypeRef PlainType(FlatBuilder& flat, FlatType kind) {
  flat.StartTable();
  return {kind, flat.EndTable()};
}

TypeRef DecimalType(FlatBuilder& flat, const DataType& type, int32_t bits) {
  flat.StartTable();
  flat.Scalar(0, type.precision);
  flat.Scalar(1, type.scale);
  flat.Scalar(2, bits);
  return {FlatType::kDecimal, flat.EndTable()};
}

TypeRef TimeType(FlatBuilder& flat, const DataType& type, int32_t bits) {
  flat.StartTable();
  flat.Scalar(0, UnitOf(type.unit));
  flat.Scalar(1, bits);
  return {FlatType::kTime, flat.EndTable()};
}

TypeRef TimestampType(FlatBuilder& flat, const DataType& type) {
  const Ref timezone = type.timezone.empty() ? 0 : flat.String(type.timezone);
  flat.StartTable();
  flat.Scalar(0, UnitOf(type.unit));
  if (timezone != 0) flat.Reference(1, timezone);
  return {FlatType::kTimestamp, flat.EndTable()};
}

TypeRef AppendType(FlatBuilder& flat, const DataType& type) {
  switch (type.id) {
    case TypeId::kNull:
      return PlainType(flat, FlatType::kNull);
    case TypeId::kBool:
      return PlainType(flat, FlatType::kBool);
    case TypeId::kInt8:
    case TypeId::kInt16:
    case TypeId::kInt32:
    case TypeId::kInt64:
    case TypeId::kUint8:
    case TypeId::kUint16:
    case TypeId::kUint32:
    case TypeId::kUint64:
      return IntType(flat, type.bit_width(), type.is_signed_integer());
    case TypeId::kFloat16:
      return FloatType(flat, 0);
    case TypeId::kFloat32:
      return FloatType(flat, 1);
    case TypeId::kFloat64:
      return FloatType(flat, 2);
    case TypeId::kDecimal128:
      return DecimalType(flat, type, 128);
    case TypeId::kDecimal256:
      return DecimalType(flat, type, 256);
    case TypeId::kDate32:
      return NumberType(flat, FlatType::kDate, int16_t{0});
    case TypeId::kDate64:
      return NumberType(flat, FlatType::kDate, int16_t{1});
    case TypeId::kTime32:
      return TimeType(flat, type, 32);
    case TypeId::kTime64:
      return TimeType(flat, type, 64);
    case TypeId::kTimestamp:
      return TimestampType(flat, type);
    case TypeId::kDuration:
      return NumberType(flat, FlatType::kDuration, UnitOf(type.unit));
    case TypeId::kUtf8:
      return PlainType(flat, FlatType::kUtf8);
    case TypeId::kLargeUtf8:
      return PlainType(flat, FlatType::kLargeUtf8);
    case TypeId::kBinary:
      return PlainType(flat, FlatType::kBinary);
    case TypeId::kLargeBinary:
      return PlainType(flat, FlatType::kLargeBinary);
    case TypeId::kFixedSizeBinary:
      return NumberType(flat, FlatType::kFixedSizeBinary, type.byte_width);
    case TypeId::kStruct:
      return PlainType(flat, FlatType::kStruct);
    case TypeId::kList:
      return PlainType(flat, FlatType::kList);
    case TypeId::kLargeList:
      return PlainType(flat, FlatType::kLargeList);
    case TypeId::kFixedSizeList:
      return NumberType(flat, FlatType::kFixedSizeList, type.list_size);
    case TypeId::kMap:
      return NumberType(flat, FlatType::kMap, uint8_t{0});
    case TypeId::kDictionary:
      break;
  }
  return AppendType(flat, *type.value_type);
}

Ref AppendMetadata(FlatBuilder& flat, const Metadata& metadata) {
  std::vector<Ref> entries;
  for (const auto& [key, value] : metadata) {
    const Ref key_ref = flat.String(key);
    const Ref value_ref = flat.String(value);
    flat.StartTable();
    flat.Reference(0, key_ref);
    flat.Reference(1, value_ref);
    entries.push_back(flat.EndTable());
  }
  return flat.Vector(entries);
}

// What a dictionary-coded type looks like when its values are written.
const DataType& Decoded(const DataType& type) {
  return type.id == TypeId::kDictionary ? Decoded(*type.value_type) : type;
}

Ref AppendField(FlatBuilder& flat, const Field& field) {
  std::vector<Ref> children;
  for (const Field& child : Decoded(*field.type).children)
    children.push_back(AppendField(flat, child));
  const Ref name = flat.String(field.name);
  const TypeRef type = AppendType(flat, *field.type);
  const Ref children_ref = flat.Vector(children);
  const Ref metadata = field.metadata.empty() ? 0 : AppendMetadata(flat, field.metadata);
  flat.StartTable();
  flat.Reference(0, name);
  flat.Scalar(1, static_cast<uint8_t>(field.nullable));
  flat.Scalar(2, static_cast<uint8_t>(type.kind));
  flat.Reference(3, type.table);
  flat.Reference(5, children_ref);
  if (metadata != 0) flat.Reference(6, metadata);
  return flat.EndTable();
}

void AppendUint32(uint32_t value, std::string& out) {
  for (size_t byte = 0; byte < sizeof(value); ++byte)
    out += static_cast<char>(value >> (8 * byte));
}

// The message around `header`, in its frame.
void AppendMessage(FlatBuilder& flat, FlatMessage header_kind, Ref header, std::string_view body,
                   std::string& out) {
  flat.StartTable();
  flat.Scalar(3, static_cast<int64_t>(body.size()));
  flat.Reference(2, header);
  flat.Scalar(0, kVersionV5);
  flat.Scalar(1, static_cast<uint8_t>(header_kind));
  const std::string metadata = flat.Finish(flat.EndTable());
  out.append(4, '\xff');
  AppendUint32(static_cast<uint32_t>(metadata.size()), out);
  out += metadata;
  out += body;
}

// The body of a batch, and where its parts lie.
class BodyWriter {
 public:
  void Append(const ArrayPtr& source) {
    const ArrayPtr decoded = DecodeDictionary(source);
    const Array& array = *decoded;
    nodes_.push_back({array.length, array.null_count});
    const DataType& type = *array.type;
    if (type.id == TypeId::kNull) return;
    AppendValidity(array);
    if (type.is_variable()) {
      AppendOffsets(array);
      AppendBytes(array.values, array.OffsetAt(0), array.OffsetAt(array.length));
    } else if (type.is_list()) {
      AppendOffsets(array);
      const int64_t first = array.OffsetAt(0);
      Append(Slice(array.children[0], first, array.OffsetAt(array.length) - first));
    } else if (type.id == TypeId::kStruct) {
      for (const ArrayPtr& child : array.children)
        Append(Slice(child, array.offset, array.length));
    } else if (type.id == TypeId::kFixedSizeList) {
      Append(
          Slice(array.children[0], array.offset * type.list_size, array.length * type.list_size));
    } else if (type.id == TypeId::kBool) {
      AppendBits(array.values, array.offset, array.length);
    } else {
      const int64_t width = type.bit_width() / 8;
      AppendBytes(array.values, array.offset * width, (array.offset + array.length) * width);
    }
  }

  std::span<const FlatBuilder::Pair> nodes() const { return nodes_; }
  std::span<const FlatBuilder::Pair> buffers() const { return buffers_; }
  std::string_view bytes() const { return bytes_; }

 private:
  void AppendValidity(const Array& array) {
    if (array.null_count == 0) {
      buffers_.push_back({static_cast<int64_t>(bytes_.size()), 0});
    } else {
      AppendBits(array.validity, array.offset, array.length);
    }
  }

  void AppendBits(const io::Buffer& bits, int64_t first, int64_t count) {
    std::string packed(static_cast<size_t>((count + 7) / 8), '\0');
    for (int64_t i = 0; i < count; ++i) {
      if (io::GetBit(bits.data(), static_cast<size_t>(first + i))) {
        packed[static_cast<size_t>(i / 8)] |= static_cast<char>(1 << (i % 8));
      }
    }
    Close(packed);
  }

  void AppendBytes(const io::Buffer& buffer, int64_t begin, int64_t end) {
    Close(buffer.view().substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  }

  void AppendOffsets(const Array& array) {
    const size_t width = array.type->has_large_offsets() ? 8 : 4;
    std::string offsets;
    offsets.reserve(static_cast<size_t>(array.length + 1) * width);
    const int64_t first = array.OffsetAt(0);
    for (int64_t i = 0; i <= array.length; ++i) {
      const auto offset = static_cast<uint64_t>(array.OffsetAt(i) - first);
      for (size_t byte = 0; byte < width; ++byte)
        offsets += static_cast<char>(offset >> (8 * byte));
    }
    Close(offsets);
  }

  // Adds a buffer to the body.
  void Close(std::string_view buffer) {
    buffers_.push_back({static_cast<int64_t>(bytes_.size()), static_cast<int64_t>(buffer.size())});
    bytes_ += buffer;
    bytes_.resize((bytes_.size() + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment);
  }

  std::vector<FlatBuilder::Pair> nodes_;
  std::vector<FlatBuilder::Pair> buffers_;
  std::string bytes_;
};

Ref AppendSchema(FlatBuilder& flat, const Schema& schema) {
  std::vector<Ref> fields;
  for (const Field& field : schema.fields)
    fields.push_back(AppendField(flat, field));
  const Ref fields_ref = flat.Vector(fields);
  const Ref metadata = schema.metadata.empty() ? 0 : AppendMetadata(flat, schema.metadata);
  flat.StartTable();
  flat.Scalar(0, int16_t{0});  // little-endian
  flat.Reference(1, fields_ref);
  if (metadata != 0) flat.Reference(2, metadata);
  return flat.EndTable();
}

}  // namespace

void AppendIpcSchema(const Schema& schema, std::string& out) {
  FlatBuilder flat;
  const Ref header = AppendSchema(flat, schema);
  AppendMessage(flat, FlatMessage::kSchema, header, "", out);
}

void AppendIpcBatch(const RecordBatch& batch, std::string& out) {
  BodyWriter body;
  for (const ArrayPtr& column : batch.columns)
    body.Append(column);
  FlatBuilder flat;
  const Ref nodes = flat.Vector(body.nodes());
  const Ref buffers = flat.Vector(body.buffers());
  flat.StartTable();
  flat.Scalar(0, batch.num_rows);
  flat.Reference(1, nodes);
  flat.Reference(2, buffers);
  AppendMessage(flat, FlatMessage::kRecordBatch, flat.EndTable(), body.bytes(), out);
}

void AppendIpcEnd(std::string& out) {
  out.append(4, '\xff');
  out.append(4, '\0');
}

IpcFileWriter::IpcFileWriter(SchemaPtr schema) : schema_(std::move(schema)) {}

void IpcFileWriter::Append(const RecordBatch& batch, std::string& out) {
  Begin(out);
  const size_t before = out.size();
  AppendIpcBatch(batch, out);
  const std::string_view message = std::string_view(out).substr(before);
  // The frame: a mark and the length of the metadata.
  constexpr size_t kFrameBytes = 8;
  const auto metadata_bytes = io::LoadLe<int32_t>(io::AsBytes(message), sizeof(uint32_t));
  const auto header_bytes = static_cast<int64_t>(kFrameBytes) + metadata_bytes;
  blocks_.push_back({.offset = file_bytes_,
                     .metadata_bytes = static_cast<int32_t>(header_bytes),
                     .body_bytes = static_cast<int64_t>(message.size()) - header_bytes});
  file_bytes_ += static_cast<int64_t>(message.size());
}

void IpcFileWriter::Begin(std::string& out) {
  if (file_bytes_ != 0) return;
  const size_t before = out.size();
  out += kIpcFileMagic;
  out.append(2, '\0');
  AppendIpcSchema(*schema_, out);
  file_bytes_ = static_cast<int64_t>(out.size() - before);
}

void IpcFileWriter::Finish(std::string& out) {
  Begin(out);
  AppendIpcEnd(out);
  FlatBuilder flat;
  const Ref schema = AppendSchema(flat, *schema_);
  const Ref batches = flat.Vector(blocks_);
  flat.StartTable();
  flat.Scalar(0, kVersionV5);
  flat.Reference(1, schema);
  flat.Reference(3, batches);
  const std::string footer = flat.Finish(flat.EndTable());
  out += footer;
  AppendUint32(static_cast<uint32_t>(footer.size()), out);
  out += kIpcFileMagic;
}

}  // namespace og::format
