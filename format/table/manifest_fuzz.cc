// Any bytes as a manifest.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/file/lance_schema.h"
#include "format/table/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file =
      og::format::DecodeManifestFile({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
  if (file.ok()) {
    og::format::EncodeManifestFile(file->manifest, std::nullopt);
  }
  return 0;
}
