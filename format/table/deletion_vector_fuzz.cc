// Any bytes as a deletion vector.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/table/deletion_vector.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto kind :
       {og::format::DeletionFileKind::kArrowArray, og::format::DeletionFileKind::kBitmap}) {
    og::format::DeletionVector::Decode(kind, bytes, 1 << 20).status().IgnoreError();
  }
  return 0;
}
