#include "format/file/page_input.h"

#include <algorithm>
#include <array>

#include "format/file/lance_schema.h"
#include "format/file/schema_proto.h"
#include "format/proto/file.pb.h"
#include "format/proto/file2.pb.h"
#include "io/base/bits.h"
#include "io/base/check.h"
#include "io/base/endian.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kAlignment = 64;

template <typename T>
void AppendLe(T value, std::string& out) {
  std::array<std::byte, sizeof(T)> raw;
  io::StoreLe(raw, 0, value);
  out.append(reinterpret_cast<const char*>(raw.data()), raw.size());
}

// Takes from the front of the bytes; zeros and nothing once they are used up.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T Number() {
    std::array<std::byte, sizeof(T)> raw{};
    const size_t size = std::min(raw.size(), bytes_.size());
    std::copy_n(bytes_.begin(), size, raw.begin());
    bytes_ = bytes_.subspan(size);
    return io::LoadLe<T>(raw);
  }

  std::string Text(size_t size) {
    size = std::min(size, bytes_.size());
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
};

void SetEncoding(const char* url, std::string message, lance::file::v2::Encoding& encoding) {
  auto& packed = *encoding.mutable_direct()->mutable_encoding();
  packed.set_type_url(url);
  packed.set_value(std::move(message));
}

}  // namespace

std::vector<Field> PageInputFields() {
  const TypePtr pair = Struct({{"x", Int32(), true, {}}, {"name", Utf8(), true, {}}});
  const TypePtr fixed_row = Struct({{"a", Int32(), false, {}}, {"b", Float64(), false, {}}});
  const TypePtr text_row = Struct({{"a", FixedSizeListOf(Float32(), 2), false, {}},
                                   {"b", Utf8(), false, {}},
                                   {"c", LargeBinary(), false, {}}});
  std::vector<Field> fields;
  for (const TypePtr& type : {Bool(),
                              Int8(),
                              Int16(),
                              Int32(),
                              Int64(),
                              Float64(),
                              Decimal128(38, 4),
                              Decimal256(76, 2),
                              Utf8(),
                              LargeUtf8(),
                              Binary(),
                              FixedSizeBinary(7),
                              Null(),
                              Dictionary(Int8(), Utf8()),
                              FixedSizeListOf(Float32(), 3),
                              FixedSizeListOf(Float32(), 96),
                              FixedSizeListOf(Bool(), 11),
                              FixedSizeListOf(FixedSizeListOf(Int16(), 2), 3),
                              ListOf(Int32()),
                              LargeList({"item", Utf8(), true, {}}),
                              ListOf(ListOf(Int16())),
                              pair,
                              ListOf(pair),
                              ListOf(FixedSizeListOf(Float32(), 64))}) {
    fields.push_back({"v", type, true, {}});
  }
  const std::string yes = "true";
  fields.push_back({"v", fixed_row, true, {{std::string(kPackedKey), yes}}});
  fields.push_back({"v", text_row, true, {{std::string(kPackedKey), yes}}});
  fields.push_back({"v", LargeBinary(), true, {{std::string(kBlobKey), yes}}});
  fields.push_back({"v",
                    BlobDescriptorType(true),
                    true,
                    {{std::string(kExtensionNameKey), std::string(kBlobV2Extension)}}});
  const TypePtr entry = Struct({{"key", Utf8(), false, {}}, {"value", ListOf(Int64()), true, {}}});
  fields.push_back({"v", Map({"entries", entry, false, {}}), true, {}});
  fields.push_back({"v", FixedSizeList({"item", pair, true, {}}, 2), true, {}});
  fields.push_back({"v", Dictionary(Int32(), Int64()), true, {}});
  fields.push_back({"v", Struct({{"lists", ListOf(pair), true, {}}}), true, {}});
  fields.push_back({"v", FixedSizeListOf(Null(), 2), true, {}});
  fields.push_back({"v", FixedSizeListOf(Utf8(), 2), true, {}});
  const TypePtr list_row =
      Struct({{"a", Int32(), false, {}},
              {"v", FixedSizeListOf(Float32(), 3), false, {}},
              {"m", FixedSizeListOf(FixedSizeListOf(Int16(), 3), 2), false, {}},
              {"b", FixedSizeListOf(Bool(), 8), false, {}},
              {"t", Utf8(), false, {}},
              {"w", FixedSizeListOf(Int8(), 9), false, {}}});
  fields.push_back({"v", list_row, true, {{std::string(kPackedKey), yes}}});
  return fields;
}

std::string EncodePageInput(const PageInput& input) {
  std::string out;
  AppendLe(static_cast<uint8_t>(input.version), out);
  AppendLe(static_cast<uint8_t>(input.field), out);
  for (const PageInput::Column& column : input.columns) {
    AppendLe(column.num_rows, out);
    AppendLe(static_cast<uint16_t>(column.encoding.size()), out);
    AppendLe(static_cast<uint8_t>(column.buffers.size()), out);
    for (const std::string& buffer : column.buffers) {
      AppendLe(static_cast<uint32_t>(buffer.size()), out);
    }
    out += column.encoding;
    for (const std::string& buffer : column.buffers) {
      out += buffer;
    }
  }
  return out;
}

std::optional<std::string> FileOfPageInput(std::span<const std::byte> bytes) {
  if (bytes.size() < 2) {
    return std::nullopt;
  }
  const std::vector<Field> fields = PageInputFields();
  Cursor cursor(bytes);
  Footer footer;
  footer.version = static_cast<FileVersion>(cursor.Number<uint8_t>() % 3);
  const bool is_2_0 = footer.version == FileVersion::kV2_0;
  Schema schema;
  schema.fields.push_back(fields[cursor.Number<uint8_t>() % fields.size()]);
  const auto lance_schema = FromArrow(schema);
  OG_CHECK(lance_schema.ok());

  std::string file;
  uint64_t num_rows = 0;
  std::vector<std::string> columns;
  const size_t num_columns = ColumnPaths(*lance_schema, footer.version).size();
  for (size_t c = 0; c < num_columns; ++c) {
    lance::file::v2::ColumnMetadata metadata;
    SetEncoding("/lance.encodings.ColumnEncoding", std::string("\n\0", 2),
                *metadata.mutable_encoding());
    auto& page = *metadata.add_pages();
    page.set_length(cursor.Number<uint32_t>());
    num_rows = c == 0 ? page.length() : num_rows;
    const auto encoding_bytes = cursor.Number<uint16_t>();
    std::vector<uint32_t> sizes(cursor.Number<uint8_t>());
    std::ranges::generate(sizes, [&] { return cursor.Number<uint32_t>(); });
    SetEncoding(is_2_0 ? "/lance.encodings.ArrayEncoding" : "/lance.encodings21.PageLayout",
                cursor.Text(encoding_bytes), *page.mutable_encoding());
    for (const uint32_t size : sizes) {
      file.resize(io::RoundUp(file.size(), kAlignment));
      const std::string buffer = cursor.Text(size);
      page.add_buffer_offsets(file.size());
      page.add_buffer_sizes(buffer.size());
      file += buffer;
    }
    columns.push_back(metadata.SerializeAsString());
  }
  lance::file::FileDescriptor descriptor;
  *descriptor.mutable_schema() = SchemaToProto(*lance_schema);
  descriptor.set_length(num_rows);
  const std::string descriptor_bytes = descriptor.SerializeAsString();
  file.resize(io::RoundUp(file.size(), kAlignment));
  const uint64_t descriptor_start = file.size();
  file += descriptor_bytes;
  footer.column_metadata_start = file.size();
  std::string table;
  for (const std::string& column : columns) {
    AppendLe(uint64_t{file.size()}, table);
    AppendLe(uint64_t{column.size()}, table);
    file += column;
  }
  footer.cmo_table_start = file.size();
  footer.num_columns = static_cast<uint32_t>(columns.size());
  file += table;
  footer.gbo_table_start = file.size();
  footer.num_global_buffers = 1;
  AppendLe(descriptor_start, file);
  AppendLe(uint64_t{descriptor_bytes.size()}, file);
  const auto tail = EncodeFooter(footer);
  file.append(reinterpret_cast<const char*>(tail.data()), tail.size());
  return file;
}

}  // namespace og::format
