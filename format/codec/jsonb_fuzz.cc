// Any bytes decode to text or not; text encodes or not; what was encoded reads back, always alike.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "format/codec/jsonb.h"
#include "io/base/check.h"
#include "io/base/utf8.h"

namespace {

void CheckText(std::string_view text) {
  const auto stored = og::format::EncodeJsonb(text);
  if (!stored.ok()) {
    return;
  }
  const auto canonical = og::format::DecodeJsonb(*stored);
  OG_CHECK(canonical.ok());
  const auto again = og::format::EncodeJsonb(*canonical);
  OG_CHECK(again.ok());
  OG_CHECK(*og::format::DecodeJsonb(*again) == *canonical);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto text = og::format::DecodeJsonb(bytes);
  if (text.ok()) {
    OG_CHECK(og::io::IsUtf8(*text));
    CheckText(*text);
  }
  if (og::io::IsUtf8(bytes)) {
    CheckText(bytes);
  }
  return 0;
}
