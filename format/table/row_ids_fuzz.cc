// Any bytes as a row ids.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/table/row_ids.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kRowsMax = 1 << 20;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto ids = og::format::RowIdSequence::Decode(bytes, kRowsMax);
  if (ids.ok()) {
    const auto values = ids->ToVector();
    for (size_t i = 0; i < values.size(); i += 97) {
      if (ids->Get(i) != values[i]) {
        std::abort();
      }
    }
  }
  og::format::RowVersions::Decode(bytes, kRowsMax).status().IgnoreError();
  return 0;
}
