// Any 2312 bytes are refused as a symbol table, or decode any codes within the room that the header
// promises, strings together as one by one. The rest of the input is coded by a table trained on it
// and comes back.
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

// Strings that end at offsets taken from the codes decode together as they do one by one.
void DecodeStringsAlike(const FsstDecoder& decoder, Bytes codes) {
  constexpr size_t kStringsMax = 8;
  std::vector<uint32_t> offsets = {0};
  for (size_t i = 0; i < std::min(kStringsMax, codes.size()); ++i) {
    const size_t length = std::to_integer<size_t>(codes[i]) * 16;
    offsets.push_back(static_cast<uint32_t>(std::min(codes.size(), offsets.back() + length)));
  }
  std::vector<std::byte> one_by_one(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
  std::vector<uint64_t> want;
  std::byte* at = one_by_one.data();
  for (size_t i = 0; i + 1 < offsets.size() && at != nullptr; ++i) {
    at = decoder.Decode(codes.subspan(offsets[i], offsets[i + 1] - offsets[i]), at);
    if (at != nullptr) {
      want.push_back(static_cast<uint64_t>(at - one_by_one.data()));
    }
  }
  std::vector<std::byte> together(one_by_one.size());
  std::vector<uint64_t> ends(offsets.size() - 1);
  const std::byte* const end = decoder.DecodeStrings<uint32_t>(
      codes, std::as_bytes(std::span(offsets)), 0, together.data(), ends.data());
  OG_CHECK((end == nullptr) == (at == nullptr));
  if (end != nullptr) {
    const auto size = static_cast<size_t>(end - together.data());
    OG_CHECK(ends == want && size == static_cast<size_t>(at - one_by_one.data()));
    OG_CHECK(std::ranges::equal(Bytes(together).first(size), Bytes(one_by_one).first(size)));
  }
}

void DecodeAnything(Bytes table, Bytes codes) {
  const auto decoder = FsstDecoder::Parse(table);
  if (!decoder.ok()) {
    return;
  }
  std::vector<std::byte> out(codes.size() * kFsstSymbolBytesMax + kFsstSlackBytes);
  const std::byte* const end = decoder->Decode(codes, out.data());
  OG_CHECK(end == nullptr || end <= out.data() + out.size() - kFsstSlackBytes);
  DecodeStringsAlike(*decoder, codes);
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
