#include "format/table/row_id_ipc.h"

#include <cstring>

#include <zstd.h>

#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr std::string_view kMagic = "ARROW1";
constexpr size_t kAlignment = 64;
constexpr int64_t kPlain = -1;

using Bytes = std::span<const std::byte>;

absl::Status Corrupt(std::string_view what) {
  return io::DataLossError(io::StrCat("deletion file: ", what));
}

// A table of a flatbuffer. Positions are offsets into the whole buffer; a field that is absent has
// position 0.
//
//   table   i32 distance back to its vtable | fields
//   vtable  u16 bytes of the vtable | u16 bytes of the table | u16 offset of each field in the
//   table
class FlatTable {
 public:
  static absl::StatusOr<FlatTable> Root(Bytes bytes) { return At(bytes, 0); }

  // The table that the u32 at `position` points to.
  static absl::StatusOr<FlatTable> At(Bytes bytes, size_t position) {
    OG_ASSIGN_OR_RETURN(const size_t start, Follow(bytes, position));
    if (!Fits(bytes, start, 4)) {
      return Corrupt("a flatbuffer table leaves the buffer");
    }
    const int64_t vtable = static_cast<int64_t>(start) - io::LoadLe<int32_t>(bytes, start);
    if (vtable < 0 || !Fits(bytes, static_cast<uint64_t>(vtable), 4)) {
      return Corrupt("a flatbuffer vtable leaves the buffer");
    }
    FlatTable table;
    table.bytes_ = bytes;
    table.start_ = start;
    table.vtable_ = static_cast<size_t>(vtable);
    table.vtable_bytes_ = io::LoadLe<uint16_t>(bytes, table.vtable_);
    if (table.vtable_bytes_ < 4 || !Fits(bytes, table.vtable_, table.vtable_bytes_)) {
      return Corrupt("a flatbuffer vtable leaves the buffer");
    }
    return table;
  }

  // Position of field i, checked to hold `width` bytes; 0 if the table does not have it.
  absl::StatusOr<size_t> Field(size_t i, size_t width) const {
    const size_t slot = 4 + i * 2;
    if (slot + 2 > vtable_bytes_) {
      return 0;
    }
    const size_t offset = io::LoadLe<uint16_t>(bytes_, vtable_ + slot);
    if (offset == 0) {
      return 0;
    }
    if (!Fits(bytes_, start_ + offset, width)) {
      return Corrupt("a flatbuffer field leaves the buffer");
    }
    return start_ + offset;
  }

  template <typename T>
  absl::StatusOr<T> Scalar(size_t i, T absent) const {
    OG_ASSIGN_OR_RETURN(const size_t at, Field(i, sizeof(T)));
    return at == 0 ? absent : io::LoadLe<T>(bytes_, at);
  }

  absl::StatusOr<FlatTable> Table(size_t i) const {
    OG_ASSIGN_OR_RETURN(const size_t at, Field(i, 4));
    if (at == 0) {
      return Corrupt("a flatbuffer table is missing");
    }
    return At(bytes_, at);
  }

  bool Has(size_t i) const {
    const auto at = Field(i, 4);
    return !at.ok() || *at != 0;
  }

  struct Items {
    size_t position = 0;
    size_t count = 0;
  };
  // The items of vector field i, each `width` bytes; none if it is absent.
  absl::StatusOr<Items> Vector(size_t i, size_t width) const {
    OG_ASSIGN_OR_RETURN(const size_t at, Field(i, 4));
    if (at == 0) {
      return Items{};
    }
    OG_ASSIGN_OR_RETURN(const size_t start, Follow(bytes_, at));
    if (!Fits(bytes_, start, 4)) {
      return Corrupt("a flatbuffer vector leaves the buffer");
    }
    const size_t count = io::LoadLe<uint32_t>(bytes_, start);
    if (count > (bytes_.size() - start - 4) / width) {
      return Corrupt("a flatbuffer vector leaves the buffer");
    }
    return Items{start + 4, count};
  }

 private:
  static bool Fits(Bytes bytes, uint64_t position, uint64_t length) {
    return position <= bytes.size() && length <= bytes.size() - position;
  }
  static absl::StatusOr<size_t> Follow(Bytes bytes, size_t position) {
    if (!Fits(bytes, position, 4)) {
      return Corrupt("a flatbuffer offset leaves the buffer");
    }
    return position + io::LoadLe<uint32_t>(bytes, position);
  }

  Bytes bytes_;
  size_t start_ = 0;
  size_t vtable_ = 0;
  size_t vtable_bytes_ = 0;
};

// Checks that `schema` is exactly {row_id: uint32 not null} without metadata.
absl::Status CheckSchema(const FlatTable& schema, Bytes bytes) {
  constexpr size_t kFields = 1, kSchemaMetadata = 2;
  constexpr size_t kName = 0, kNullable = 1, kTypeKind = 2, kType = 3, kDictionary = 4,
                   kChildren = 5, kFieldMetadata = 6;
  constexpr uint8_t kInt = 2;
  OG_ASSIGN_OR_RETURN(const auto fields, schema.Vector(kFields, 4));
  OG_ASSIGN_OR_RETURN(const auto schema_metadata, schema.Vector(kSchemaMetadata, 4));
  if (fields.count != 1 || schema_metadata.count != 0) {
    return Corrupt("its schema is not the one column row_id");
  }
  OG_ASSIGN_OR_RETURN(const FlatTable field, FlatTable::At(bytes, fields.position));
  OG_ASSIGN_OR_RETURN(const auto name, field.Vector(kName, 1));
  OG_ASSIGN_OR_RETURN(const auto nullable, field.Scalar<uint8_t>(kNullable, 0));
  OG_ASSIGN_OR_RETURN(const auto kind, field.Scalar<uint8_t>(kTypeKind, 0));
  OG_ASSIGN_OR_RETURN(const auto children, field.Vector(kChildren, 4));
  OG_ASSIGN_OR_RETURN(const auto metadata, field.Vector(kFieldMetadata, 4));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + name.position,
                              name.count);
  if (text != "row_id" || nullable != 0 || kind != kInt || field.Has(kDictionary) ||
      children.count != 0 || metadata.count != 0) {
    return Corrupt("its schema is not row_id: uint32 not null");
  }
  OG_ASSIGN_OR_RETURN(const FlatTable type, field.Table(kType));
  OG_ASSIGN_OR_RETURN(const auto bit_width, type.Scalar<int32_t>(0, 0));
  OG_ASSIGN_OR_RETURN(const auto is_signed, type.Scalar<uint8_t>(1, 0));
  if (bit_width != 32 || is_signed != 0) {
    return Corrupt("its column row_id is not uint32");
  }
  return absl::OkStatus();
}

// `length` bytes of `bytes` at `offset`.
absl::StatusOr<Bytes> Part(Bytes bytes, int64_t offset, int64_t length) {
  if (offset < 0 || length < 0 || static_cast<uint64_t>(offset) > bytes.size() ||
      static_cast<uint64_t>(length) > bytes.size() - static_cast<uint64_t>(offset)) {
    return Corrupt(
        io::StrCat(length, " bytes at ", offset, " leave the ", bytes.size(), "-byte block"));
  }
  return bytes.subspan(static_cast<size_t>(offset), static_cast<size_t>(length));
}

// The `num_values` values of a stored values buffer.
absl::StatusOr<std::vector<uint32_t>> DecodeValues(Bytes stored, bool compressed,
                                                   size_t num_values) {
  std::vector<uint32_t> values(num_values);
  const size_t num_bytes = num_values * sizeof(uint32_t);
  if (num_values == 0) {
    return values;
  }
  if (compressed) {
    if (stored.size() < sizeof(int64_t)) {
      return Corrupt("a compressed buffer has no length");
    }
    const auto length = io::LoadLe<int64_t>(stored);
    stored = stored.subspan(sizeof(int64_t));
    if (length != kPlain) {
      if (length < 0 || static_cast<uint64_t>(length) != num_bytes) {
        return Corrupt(io::StrCat("its buffer has ", length, " bytes for ", num_values, " rows"));
      }
      const size_t got = ZSTD_decompress(values.data(), num_bytes, stored.data(), stored.size());
      if (ZSTD_isError(got) != 0 || got != num_bytes) {
        return Corrupt("its buffer does not decompress");
      }
      return values;
    }
  }
  if (stored.size() < num_bytes) {
    return Corrupt(
        io::StrCat("its buffer has ", stored.size(), " bytes for ", num_values, " rows"));
  }
  std::memcpy(values.data(), stored.data(), num_bytes);
  return values;
}

absl::StatusOr<std::vector<uint32_t>> DecodeBatch(const FlatTable& batch, Bytes message, Bytes body,
                                                  uint64_t size_max) {
  constexpr size_t kLength = 0, kNodes = 1, kBuffers = 2, kCompression = 3;
  constexpr size_t kNodeBytes = 16, kBufferBytes = 16;
  constexpr int8_t kZstd = 1;
  OG_ASSIGN_OR_RETURN(const auto length, batch.Scalar<int64_t>(kLength, 0));
  OG_ASSIGN_OR_RETURN(const auto nodes, batch.Vector(kNodes, kNodeBytes));
  OG_ASSIGN_OR_RETURN(const auto buffers, batch.Vector(kBuffers, kBufferBytes));
  if (length < 0 || static_cast<uint64_t>(length) > size_max) {
    return Corrupt(io::StrCat(length, " rows, at most ", size_max, " are possible"));
  }
  if (nodes.count != 1 || buffers.count != 2) {
    return Corrupt("its batch has not one column of two buffers");
  }
  if (io::LoadLe<int64_t>(message, nodes.position) != length ||
      io::LoadLe<int64_t>(message, nodes.position + 8) != 0) {
    return Corrupt("its column has nulls or another length than its batch");
  }
  bool compressed = false;
  if (batch.Has(kCompression)) {
    OG_ASSIGN_OR_RETURN(const FlatTable compression, batch.Table(kCompression));
    OG_ASSIGN_OR_RETURN(const auto codec, compression.Scalar<int8_t>(0, 0));
    if (codec != kZstd) {
      return io::UnimplementedError("deletion file: body compression other than zstd");
    }
    compressed = true;
  }
  const size_t values_at = buffers.position + kBufferBytes;
  OG_ASSIGN_OR_RETURN(const Bytes stored, Part(body, io::LoadLe<int64_t>(message, values_at),
                                               io::LoadLe<int64_t>(message, values_at + 8)));
  return DecodeValues(stored, compressed, static_cast<size_t>(length));
}

// Flatbuffers of the one schema, as Lance 10 writes them; the fields that vary are patched.
constexpr std::string_view kSchemaMessage(
    "\xff\xff\xff\xff\x78\0\0\0\x10\0\0\0\0\0\x0a\0\x0c\0\x0a\0\x09\0\x04\0\x0a\0\0\0\x10\0\0\0"
    "\0\x01\x04\0\x08\0\x08\0\0\0\x04\0\x08\0\0\0\x04\0\0\0\x01\0\0\0\x14\0\0\0\x10\0\x16\0"
    "\x10\0\0\0\x0f\0\x04\0\0\0\x08\0\x10\0\0\0\x18\0\0\0\x1c\0\0\0\0\0\0\x02\x18\0\0\0"
    "\0\0\x06\0\x08\0\x04\0\x06\0\0\0\x20\0\0\0\0\0\0\0\x06\0\0\0row_id\0\0",
    128);
constexpr std::string_view kBatchMessage(
    "\xff\xff\xff\xff\xb8\0\0\0\x10\0\0\0\x0c\0\x14\0\x12\0\x11\0\x04\0\x08\0\x0c\0\0\0\x1c\0\0\0"
    "\0\0\0\0\0\0\0\0\0\x03\x04\0\x0c\0\x1c\0\x10\0\x0c\0\x08\0\x04\0\x0c\0\0\0\x5c\0\0\0"
    "\x2c\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x06\0\x08\0\x07\0\x06\0\0\0\0\0\0\x01",
    160);
constexpr size_t kBatchMessageBytes = 192;
constexpr size_t kBodyLengthAt = 32, kLengthAt = 72, kNodeAt = 88, kBuffersAt = 112;
constexpr std::string_view kFooter(
    "\xff\xff\xff\xff\0\0\0\0\x14\0\0\0\0\0\0\0\x0c\0\x14\0\x12\0\x0c\0\x08\0\x04\0\x0c\0\0\0"
    "\x6c\0\0\0\x88\0\0\0\x10\0\0\0\0\0\x04\0\x08\0\x08\0\0\0\x04\0\x08\0\0\0\x04\0\0\0"
    "\x01\0\0\0\x14\0\0\0\x10\0\x16\0\x10\0\0\0\x0f\0\x04\0\0\0\x08\0\x10\0\0\0\x18\0\0\0"
    "\x1c\0\0\0\0\0\0\x02\x18\0\0\0\0\0\x06\0\x08\0\x04\0\x06\0\0\0\x20\0\0\0\0\0\0\0"
    "\x06\0\0\0row_id\0\0\x01\0\0\0\xc0\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xa8\0\0\0"
    "ARROW1",
    186);
constexpr size_t kFooterBodyLengthAt = 160;

template <typename T>
void Patch(std::string& text, size_t at, T value) {
  io::StoreLe<T>(std::span(reinterpret_cast<std::byte*>(text.data()), text.size()), at, value);
}

// A buffer as the body stores it: the zstd form where it is smaller, else plain.
std::string StoredBuffer(std::string_view plain) {
  std::string frame(ZSTD_compressBound(plain.size()), '\0');
  const size_t size =
      ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), ZSTD_CLEVEL_DEFAULT);
  std::string stored(sizeof(int64_t), '\0');
  if (ZSTD_isError(size) == 0 && size < plain.size()) {
    Patch<int64_t>(stored, 0, static_cast<int64_t>(plain.size()));
    stored.append(frame, 0, size);
  } else {
    Patch<int64_t>(stored, 0, kPlain);
    stored.append(plain);
  }
  return stored;
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> DecodeRowIdIpc(std::string_view text, uint64_t size_max) {
  constexpr size_t kTrailerBytes = 4 + kMagic.size();
  constexpr size_t kFooterSchema = 1, kFooterBatches = 3, kBlockBytes = 24;
  constexpr size_t kHeaderKind = 1, kHeader = 2;
  constexpr uint8_t kRecordBatch = 3;
  const Bytes bytes = io::AsBytes(text);
  if (!text.starts_with(kMagic) || !text.ends_with(kMagic) ||
      text.size() < kMagic.size() + kTrailerBytes) {
    return Corrupt("no Arrow IPC file");
  }
  const auto footer_bytes = io::LoadLe<int32_t>(bytes, bytes.size() - kTrailerBytes);
  if (footer_bytes < 4 || static_cast<size_t>(footer_bytes) > bytes.size() - kTrailerBytes) {
    return Corrupt(io::StrCat("its footer has ", footer_bytes, " bytes"));
  }
  const Bytes footer_part =
      bytes.first(bytes.size() - kTrailerBytes).last(static_cast<size_t>(footer_bytes));
  OG_ASSIGN_OR_RETURN(const FlatTable footer, FlatTable::Root(footer_part));
  OG_ASSIGN_OR_RETURN(const FlatTable schema, footer.Table(kFooterSchema));
  OG_RETURN_IF_ERROR(CheckSchema(schema, footer_part));
  OG_ASSIGN_OR_RETURN(const auto blocks, footer.Vector(kFooterBatches, kBlockBytes));
  if (blocks.count != 1) {
    return Corrupt(io::StrCat(blocks.count, " batches instead of one"));
  }
  const auto offset = io::LoadLe<int64_t>(footer_part, blocks.position);
  const auto metadata_bytes = io::LoadLe<int32_t>(footer_part, blocks.position + 8);
  const auto body_bytes = io::LoadLe<int64_t>(footer_part, blocks.position + 16);
  OG_ASSIGN_OR_RETURN(Bytes metadata, Part(bytes, offset, metadata_bytes));
  OG_ASSIGN_OR_RETURN(const Bytes body, Part(bytes, offset + metadata_bytes, body_bytes));
  if (metadata.size() < 8) {
    return Corrupt("its batch has no message");
  }
  // Files before Arrow 0.15 have no continuation mark before the length.
  metadata = metadata.subspan(io::LoadLe<uint32_t>(metadata) == 0xffffffff ? 8 : 4);
  OG_ASSIGN_OR_RETURN(const FlatTable message, FlatTable::Root(metadata));
  OG_ASSIGN_OR_RETURN(const auto kind, message.Scalar<uint8_t>(kHeaderKind, 0));
  if (kind != kRecordBatch) {
    return Corrupt("its block is no record batch");
  }
  OG_ASSIGN_OR_RETURN(const FlatTable batch, message.Table(kHeader));
  return DecodeBatch(batch, metadata, body, size_max);
}

std::string EncodeRowIdIpc(std::span<const uint32_t> values) {
  const std::string validity = StoredBuffer(std::string(io::BytesForBits(values.size()), '\xff'));
  const std::string stored = StoredBuffer(
      {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(uint32_t)});
  const auto values_at = io::RoundUp(validity.size(), kAlignment);
  const auto body_bytes = values_at + io::RoundUp(stored.size(), kAlignment);
  const auto num_values = static_cast<int64_t>(values.size());

  std::string out(kMagic);
  out.resize(kAlignment, '\0');
  out += kSchemaMessage;
  std::string batch(kBatchMessage);
  batch.resize(kBatchMessageBytes, '\0');
  Patch<int64_t>(batch, kBodyLengthAt, static_cast<int64_t>(body_bytes));
  Patch<int64_t>(batch, kLengthAt, num_values);
  Patch<int64_t>(batch, kNodeAt, num_values);
  Patch<int64_t>(batch, kBuffersAt + 8, static_cast<int64_t>(validity.size()));
  Patch<int64_t>(batch, kBuffersAt + 16, static_cast<int64_t>(values_at));
  Patch<int64_t>(batch, kBuffersAt + 24, static_cast<int64_t>(stored.size()));
  out += batch;
  out += validity;
  out.resize(kAlignment + kSchemaMessage.size() + kBatchMessageBytes + values_at, '\0');
  out += stored;
  out.resize(kAlignment + kSchemaMessage.size() + kBatchMessageBytes + body_bytes, '\0');
  std::string footer(kFooter);
  Patch<int64_t>(footer, kFooterBodyLengthAt, static_cast<int64_t>(body_bytes));
  return out + footer;
}

}  // namespace og::format
