// Any bytes as a transaction.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/file/lance_schema.h"
#include "format/table/carried.h"
#include "format/table/transaction.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto transaction =
      og::format::DecodeTransaction({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  if (transaction.ok()) {
    og::format::EncodeTransaction(*transaction);
  }
  og::format::CarriedOperation carried;
  carried.message.assign(reinterpret_cast<const char*>(data), size);
  carried.field_number = og::format::kDataReplacementOperation;
  (void)og::format::DecodeDataReplacement(carried);
  carried.field_number = og::format::kDataOverlayOperation;
  (void)og::format::DecodeOverlaidFragments(carried);
  carried.field_number = og::format::kUpdateMemWalStateOperation;
  (void)og::format::DecodeMemWalState(carried);
  return 0;
}
