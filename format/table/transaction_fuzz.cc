// Any bytes as a transaction.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/file/lance_schema.h"
#include "format/table/transaction.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto transaction =
      og::format::DecodeTransaction({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  if (transaction.ok()) {
    og::format::EncodeTransaction(*transaction);
  }
  return 0;
}
