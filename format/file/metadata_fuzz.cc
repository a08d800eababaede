// Any bytes as the messages of a file. Byte 0 says which:
//
//   0  file descriptor: refused, or a schema that gives Arrow types, names of columns and the same
//      schema again
//   1  column metadata of 2.1 and later, 2  of 2.0: refused, or described
//   3  checksums of pages: refused, or encoded again to the same bytes
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "format/file/file_info.h"
#include "format/file/footer.h"
#include "format/file/lance_schema.h"
#include "format/file/page_sums.h"
#include "format/file/schema_proto.h"
#include "format/proto/file.pb.h"
#include "format/proto/file2.pb.h"
#include "io/base/check.h"
#include "io/base/text.h"

namespace og::format {
namespace {

void ReadDescriptor(std::span<const std::byte> bytes) {
  lance::file::FileDescriptor proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  const auto schema = SchemaFromProto(proto.schema());
  if (!schema.ok()) {
    return;
  }
  for (const auto version : {FileVersion::kV2_0, FileVersion::kV2_2}) {
    for (const ColumnPath& column : ColumnPaths(*schema, version)) {
      OG_CHECK(column.field != nullptr);
    }
  }
  for (const LanceField& field : schema->fields) {
    ToArrow(field).status().IgnoreError();
  }
  const auto again = SchemaFromProto(SchemaToProto(*schema));
  OG_CHECK(again.ok() && again->fields.size() == schema->fields.size());
}

void DescribePages(std::span<const std::byte> bytes, FileVersion version) {
  lance::file::v2::ColumnMetadata metadata;
  if (!metadata.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return;
  }
  const auto pages = PagesOfColumnMetadata(metadata, version);
  if (!pages.ok()) {
    return;
  }
  for (const StoredPage& page : *pages) {
    OG_CHECK(!EncodingText(page.encoding).empty());
  }
}

void ReadSums(std::span<const std::byte> bytes) {
  std::string text(kPageSumsMagic);
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto sums = DecodePageSums(io::AsBytes(text));
  OG_CHECK(!sums.ok() || EncodePageSums(*sums) == text);
}

}  // namespace
}  // namespace og::format

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace og::format;
  if (size == 0) {
    return 0;
  }
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  switch (data[0] % 4) {
    case 0:
      ReadDescriptor(bytes);
      break;
    case 1:
      DescribePages(bytes, FileVersion::kV2_2);
      break;
    case 2:
      DescribePages(bytes, FileVersion::kV2_0);
      break;
    default:
      ReadSums(bytes);
  }
  return 0;
}
