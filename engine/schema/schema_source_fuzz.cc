// Any text is refused, or becomes a contract that opens.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/schema/catalog.h"
#include "engine/schema/contract.h"
#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace schema = og::engine::schema;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool builds = schema::CatalogFromText(text).ok();
  const auto contract = schema::NewContract(text, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
  if (contract.ok() && builds) {
    const auto ir = schema::OpenContract(*contract);
    OG_CHECK(ir.ok());
    OG_CHECK(schema::CatalogFromIr(*ir).ok());
  }
  return 0;
}
