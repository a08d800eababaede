// Any 2312 bytes are refused as a symbol table, or decode any codes within the room that the header
// promises. The rest of the input is coded by a table trained on it and comes back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/codec/fsst_decoder.h"
#include "format/codec/fsst_encoder.h"
#include "io/base/check.h"

namespace og::format {
namespace {

using Bytes = std::span<const std::byte>;

void DecodeAnything(Bytes table, Bytes codes) {
  const auto decoder = FsstDecoder::Parse(table);
  if (!decoder.ok()) {
    return;
  }
  std::vector<std::byte> out(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
  const std::byte* const end = decoder->Decode(codes, out.data());
  OG_CHECK(end == nullptr || end <= out.data() + out.size() - kFsstSlackBytes);
}

void ThereAndBack(Bytes text) {
  const std::vector<uint64_t> offsets = {0, text.size() / 2, text.size()};
  const auto encoder = FsstEncoder::Train(text, offsets);
  if (encoder == nullptr) {
    return;
  }
  const std::string table = encoder->Table();
  const auto decoder = FsstDecoder::Parse(std::as_bytes(std::span(table)));
  OG_CHECK(decoder.ok());
  std::vector<std::byte> codes(FsstEncodedBytesMax(text.size()));
  const std::byte* const codes_end = encoder->Encode(text, codes.data());
  std::vector<std::byte> out(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
  const std::byte* const end =
      decoder->Decode({codes.data(), static_cast<size_t>(codes_end - codes.data())}, out.data());
  OG_CHECK(end != nullptr && std::ranges::equal(Bytes(out.data(), end), text));
}

}  // namespace
}  // namespace og::format

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (size >= og::format::kFsstTableBytes) {
    og::format::DecodeAnything(bytes.first(og::format::kFsstTableBytes),
                               bytes.subspan(og::format::kFsstTableBytes));
  }
  og::format::ThereAndBack(bytes);
  return 0;
}
