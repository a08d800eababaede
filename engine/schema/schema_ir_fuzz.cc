// Any document is refused, or is read the same again after being written.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/schema/catalog.h"
#include "engine/schema/contract.h"
#include "engine/schema/ir.h"
#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace schema = og::engine::schema;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  schema::ParseState(json).IgnoreError();
  const auto ir = schema::ParseIr(json);
  if (ir.ok()) {
    const auto again = schema::ParseIr(schema::CompactIrJson(*ir));
    OG_CHECK(again.ok() && *again == *ir);
    schema::CatalogFromIr(*ir).IgnoreError();
  }
  return 0;
}
