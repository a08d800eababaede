// Any text is refused, or is a record that is read the same again after being written.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/graph/recovery/record.h"
#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace graph = og::engine::graph;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = graph::DecodeRecoveryRecord(text, "/g/__recovery/x.json", "/g");
  if (!record.ok()) return 0;
  const std::string written = graph::EncodeRecoveryRecord(*record);
  const auto again = graph::DecodeRecoveryRecord(written, "/g/__recovery/x.json", "/g");
  OG_CHECK(again.ok() && graph::EncodeRecoveryRecord(*again) == written);
  return 0;
}
