// Any text as a staged change and as a fragment: what is accepted comes back from its own text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/dataset/two_phase.h"
#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace dataset = og::engine::dataset;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto staged = dataset::StagedFromJson(text); staged.ok()) {
    const std::string json = dataset::StagedToJson(*staged);
    const auto again = dataset::StagedFromJson(json);
    OG_CHECK(again.ok() && dataset::StagedToJson(*again) == json);
  }
  if (const auto fragment = dataset::FragmentFromJson(text); fragment.ok()) {
    const auto json = dataset::FragmentToJson(*fragment);
    OG_CHECK(json.ok());
    const auto again = dataset::FragmentFromJson(*json);
    OG_CHECK(again.ok() && *again == *fragment);
  }
  return 0;
}
