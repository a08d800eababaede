// Any bytes are refused as the tail of a file, or name tables inside the file; a footer that is
// accepted is written back as it was. The file is said to be 0 to 255 times longer (byte 0).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "format/file/footer.h"
#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace og::format;
  if (size == 0) {
    return 0;
  }
  const auto tail = std::as_bytes(std::span(data, size)).subspan(1);
  const uint64_t file_bytes = uint64_t{tail.size()} * (uint64_t{data[0]} + 1);
  const auto footer = DecodeFooter(tail, file_bytes);
  if (!footer.ok()) {
    return 0;
  }
  const uint64_t limit = file_bytes - kFooterBytes;
  OG_CHECK(footer->cmo_table_start <= limit &&
           uint64_t{footer->num_columns} * kTableEntryBytes <= limit - footer->cmo_table_start);
  OG_CHECK(footer->gbo_table_start <= limit &&
           uint64_t{footer->num_global_buffers} * kTableEntryBytes <=
               limit - footer->gbo_table_start);
  const auto again = DecodeFooter(EncodeFooter(*footer), file_bytes);
  OG_CHECK(again.ok() && *again == *footer);
  return 0;
}
