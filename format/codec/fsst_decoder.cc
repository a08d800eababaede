#include "format/codec/fsst_decoder.h"

#include <bit>
#include <cstring>

#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint32_t kMagic = 0x46535354;  // "FSST", read as a big-endian u32
constexpr uint64_t kSwitchBit = uint64_t{1} << 24;
constexpr std::byte kEscape{255};

// The high bit of every byte of `codes` that is 255.
uint64_t EscapeMask(uint64_t codes) {
  const uint64_t low_is_max = (codes & 0x7f7f7f7f7f7f7f7fu) + 0x0101010101010101u;
  return codes & low_is_max & 0x8080808080808080u;
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
  // The highest bit is set once a length is 0.
  uint64_t bad_lengths = 0;
  const auto append = [&](std::byte code) {
    const auto c = std::to_integer<size_t>(code);
    const uint64_t length = lengths_[c];
    std::memcpy(out, &symbols_[c], sizeof(uint64_t));
    out += length;
    bad_lengths |= length - 1;
  };
  while (end - at >= 8) {
    const uint64_t escapes = EscapeMask(io::LoadLe<uint64_t>(at));
    if (escapes == 0) {
      for (size_t i = 0; i < 8; ++i) {
        append(at[i]);
      }
      at += 8;
      continue;
    }
    const auto plain = static_cast<size_t>(std::countr_zero(escapes)) / 8;
    for (size_t i = 0; i < plain; ++i) {
      append(at[i]);
    }
    at += plain;
    if (plain == 7) {
      continue;  // what the escape stands for is in the next word
    }
    *out++ = at[1];
    at += 2;
  }
  while (at < end) {
    if (*at != kEscape) {
      append(*at++);
    } else if (end - at >= 2) {
      *out++ = at[1];
      at += 2;
    } else {
      return nullptr;
    }
  }
  return bad_lengths >> 63 != 0 ? nullptr : out;
}

}  // namespace og::format
