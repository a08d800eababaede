#include "format/codec/fsst_decoder.h"

#include <cstring>

#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint32_t kMagic = 0x46535354;  // "FSST", read as a big-endian u32
constexpr uint64_t kSwitchBit = uint64_t{1} << 24;
constexpr uint32_t kEscapeBytes = 0x80808080u;
constexpr std::byte kEscape{255};

// The high bit of every byte of `codes` that is 255.
uint32_t EscapeMask(uint32_t codes) {
  const uint32_t low_is_max = (codes & 0x7f7f7f7fu) + 0x01010101u;
  return codes & low_is_max & kEscapeBytes;
}

}  // namespace

absl::StatusOr<FsstDecoder> FsstDecoder::Parse(std::span<const std::byte> table) {
  if (table.size() != kFsstTableBytes) {
    return io::DataLossError(
        io::StrCat("fsst symbol table of ", table.size(), " bytes, want ", kFsstTableBytes));
  }
  const auto header = io::LoadLe<uint64_t>(table);
  if (header >> 32 != kMagic) {
    return io::DataLossError("fsst symbol table without its magic");
  }
  FsstDecoder decoder;
  decoder.is_plain_ = (header & kSwitchBit) == 0;
  const size_t num_symbols = header & 0xff;
  const std::byte* const lengths = table.data() + 8 + 8 * num_symbols;
  for (size_t i = 0; i < num_symbols; ++i) {
    decoder.symbols_[i] = io::LoadLe<uint64_t>(table, 8 + 8 * i);
    decoder.lengths_[i] = std::to_integer<uint8_t>(lengths[i]);
    if (decoder.lengths_[i] < 1 || decoder.lengths_[i] > kFsstSymbolBytesMax) {
      return io::DataLossError(
          io::StrCat("fsst symbol ", i, " has length ", decoder.lengths_[i], ", want 1 to 8"));
    }
  }
  return decoder;
}

std::byte* FsstDecoder::Decode(std::span<const std::byte> codes, std::byte* out) const {
  const std::byte* at = codes.data();
  const std::byte* const end = at + codes.size();
  if (is_plain_) {
    if (!codes.empty()) {
      std::memcpy(out, at, codes.size());
    }
    return out + codes.size();
  }
  const auto append = [&](std::byte code) {
    const auto c = std::to_integer<size_t>(code);
    std::memcpy(out, &symbols_[c], sizeof(uint64_t));
    out += lengths_[c];
    return lengths_[c] == 0;
  };
  bool is_bad = false;
  while (end - at >= 4) {
    if (EscapeMask(io::LoadLe<uint32_t>(at)) == 0) {
      is_bad |= append(at[0]);
      is_bad |= append(at[1]);
      is_bad |= append(at[2]);
      is_bad |= append(at[3]);
      at += 4;
    } else if (*at == kEscape) {
      *out++ = at[1];
      at += 2;
    } else {
      is_bad |= append(*at++);
    }
  }
  while (at < end) {
    if (*at != kEscape) {
      is_bad |= append(*at++);
    } else if (end - at >= 2) {
      *out++ = at[1];
      at += 2;
    } else {
      return nullptr;
    }
  }
  return is_bad ? nullptr : out;
}

}  // namespace og::format
