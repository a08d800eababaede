// Content of a fragment reuse index from anywhere: it is refused, or it comes back as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/table/fragment_reuse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto versions =
      og::format::DecodeFragmentReuse({reinterpret_cast<const char*>(data), size});
  if (versions.ok()) {
    const auto again = og::format::DecodeFragmentReuse(og::format::EncodeFragmentReuse(*versions));
    if (!again.ok() || *again != *versions) {
      std::abort();
    }
  }
  return 0;
}
