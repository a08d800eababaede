#include "format/codec/fsst_decoder.h"

#include <algorithm>
#include <array>
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

// Lines of the output are asked for so far ahead; waiting for them would hold up all other stores.
constexpr size_t kPrefetchBytes = 512;

// Codes that DecodeStrings() decodes at once; how long each one's bytes are is kept meanwhile.
constexpr uint64_t kBlockCodes = 2048;

// The high bit of every byte of `codes` that is 255.
uint64_t EscapeMask(uint64_t codes) {
  const uint64_t low_is_max = (codes & 0x7f7f7f7f7f7f7f7fu) + 0x0101010101010101u;
  return codes & low_is_max & 0x8080808080808080u;
}

// Whether the last of `codes`, which start with a whole code, is an escape: of the bytes 255 that
// end them every second one stands for itself.
bool EndsInEscape(std::span<const std::byte> codes) {
  size_t escapes = 0;
  while (escapes < codes.size() && codes[codes.size() - 1 - escapes] == kEscape) {
    ++escapes;
  }
  return escapes % 2 != 0;
}

// From 16 - k on: k bytes of ones and 16 - k of zeros.
constexpr std::array<std::byte, 32> kFirstOf16 = [] {
  std::array<std::byte, 32> bytes{};
  std::fill_n(bytes.begin(), 16, std::byte{0xff});
  return bytes;
}();

// The sum of `count` lengths of at most 8; up to 16 more are read. Without branches for the short
// strings of which most columns consist.
uint64_t SumOf(const uint8_t* lengths, uint64_t count) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  const auto* from = reinterpret_cast<const std::byte*>(lengths);
  uint64_t sum = 0;
  for (; count > 16; count -= 16, from += 16) {
    sum += (io::LoadLe<uint64_t>(from) + io::LoadLe<uint64_t>(from + 8)) * kOnes >> 56;
  }
  const std::byte* const mask = kFirstOf16.data() + 16 - count;
  const uint64_t low = io::LoadLe<uint64_t>(from) & io::LoadLe<uint64_t>(mask);
  const uint64_t high = io::LoadLe<uint64_t>(from + 8) & io::LoadLe<uint64_t>(mask + 8);
  return sum + ((low + high) * kOnes >> 56);
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
  decoder.num_symbols_ = num_symbols;
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

bool FsstDecoder::MayBeDamaged(std::span<const std::byte> codes) const {
  const auto first_bad = static_cast<uint8_t>(num_symbols_);
  const auto num_bad = static_cast<uint8_t>(255 - num_symbols_);
  uint8_t is_bad = 0;
  for (const std::byte code : codes) {
    const auto beyond = static_cast<uint8_t>(std::to_integer<uint8_t>(code) - first_bad);
    is_bad |= static_cast<uint8_t>(beyond < num_bad);
  }
  return is_bad != 0;
}

template <bool kWithLengths, bool kChecked>
const std::byte* FsstDecoder::DecodeCodes(const std::byte* at, const std::byte* end,
                                          const std::byte* limit, std::byte*& out,
                                          uint8_t* lengths) const {
  std::byte* to = out;
  // The highest bit is set once a length is 0.
  uint64_t bad_lengths = 0;
  const auto append = [&](size_t i) {
    const auto c = std::to_integer<size_t>(at[i]);
    const uint64_t length = lengths_[c];
    std::memcpy(to, &symbols_[c], sizeof(uint64_t));
    to += length;
    if constexpr (kChecked) {
      bad_lengths |= length - 1;
    }
    return length;
  };
  const auto append_one = [&](size_t i) {
    const uint64_t length = append(i);
    if constexpr (kWithLengths) {
      lengths[i] = static_cast<uint8_t>(length);
    }
  };
  const auto move = [&](size_t count) {
    at += count;
    if constexpr (kWithLengths) {
      lengths += count;
    }
  };
  const auto append_escaped = [&] {
    *to++ = at[1];
    if constexpr (kWithLengths) {
      lengths[0] = 0;
      lengths[1] = 1;
    }
    move(2);
  };
  while (end - at >= 8) {
    const uint64_t escapes = EscapeMask(io::LoadLe<uint64_t>(at));
    __builtin_prefetch(to + kPrefetchBytes, 1);
    if (escapes == 0) {
      uint64_t eight = 0;
      for (size_t i = 0; i < 8; ++i) {
        eight |= append(i) << (8 * i);
      }
      if constexpr (kWithLengths) {
        io::StoreLe(reinterpret_cast<std::byte*>(lengths), eight);
      }
      move(8);
      continue;
    }
    const auto plain = static_cast<size_t>(std::countr_zero(escapes)) / 8;
    for (size_t i = 0; i < plain; ++i) {
      append_one(i);
    }
    move(plain);
    if (plain != 7) {  // else what the escape stands for is in the next word
      append_escaped();
    }
  }
  while (at < end) {
    if (*at != kEscape) {
      append_one(0);
      move(1);
    } else if (limit - at >= 2) {
      append_escaped();
    } else {
      return nullptr;
    }
  }
  out = to;
  return bad_lengths >> 63 != 0 ? nullptr : at;
}

std::byte* FsstDecoder::Decode(std::span<const std::byte> codes, std::byte* out) const {
  if (codes.empty()) {
    return out;
  }
  if (is_plain_) {
    std::memcpy(out, codes.data(), codes.size());
    return out + codes.size();
  }
  const std::byte* const end = codes.data() + codes.size();
  const std::byte* const stop = DecodeCodes<false, true>(codes.data(), end, end, out, nullptr);
  return stop == nullptr ? nullptr : out;
}

template <typename Offset, typename End>
std::byte* FsstDecoder::DecodeStrings(std::span<const std::byte> codes,
                                      std::span<const std::byte> offsets, uint64_t base,
                                      std::byte* out, End* ends) const {
  const size_t num_strings = offsets.size() / sizeof(Offset) - 1;
  const auto offset_at = [&](size_t i) -> uint64_t {
    return io::LoadLe<Offset>(offsets.data() + i * sizeof(Offset));
  };
  const uint64_t last = offset_at(num_strings);
  uint64_t at = offset_at(0);
  if (at > last || last > codes.size()) {
    return nullptr;
  }
  const std::byte* const limit = codes.data() + last;
  uint8_t lengths[kBlockCodes + 32];
  uint64_t former = at;
  size_t next = 0;
  while (true) {
    const uint64_t wanted = std::min(last - at, kBlockCodes);
    const std::byte* const block = codes.data() + at;
    uint64_t done = wanted;
    if (is_plain_ || wanted == 0) {
      std::fill_n(lengths, wanted, uint8_t{1});
      if (wanted != 0) {
        std::memcpy(out, block, wanted);
      }
      out += wanted;
    } else {
      const std::byte* const end = block + wanted;
      const std::byte* const stop = MayBeDamaged({block, end})
                                        ? DecodeCodes<true, true>(block, end, limit, out, lengths)
                                        : DecodeCodes<true, false>(block, end, limit, out, lengths);
      if (stop == nullptr) {
        return nullptr;
      }
      done = static_cast<uint64_t>(stop - block);
    }
    uint64_t summed = 0;  // codes of the block that `base` counts
    for (; next < num_strings; ++next) {
      const uint64_t end = offset_at(next + 1);
      if (end < former) {
        return nullptr;
      }
      if (end > at + done) {
        break;
      }
      if (end != former && codes[end - 1] == kEscape && !is_plain_ &&
          EndsInEscape(codes.subspan(former, end - former))) {
        return nullptr;
      }
      base += SumOf(lengths + summed, end - at - summed);
      summed = end - at;
      ends[next] = static_cast<End>(base);
      former = end;
    }
    base += SumOf(lengths + summed, done - summed);
    at += done;
    if (at == last) {
      return next == num_strings ? out : nullptr;
    }
  }
}

#define OG_INSTANTIATE_STRINGS(Offset, End)                    \
  template std::byte* FsstDecoder::DecodeStrings<Offset, End>( \
      std::span<const std::byte>, std::span<const std::byte>, uint64_t, std::byte*, End*) const

OG_INSTANTIATE_STRINGS(uint32_t, uint32_t);
OG_INSTANTIATE_STRINGS(uint32_t, uint64_t);
OG_INSTANTIATE_STRINGS(uint64_t, uint32_t);
OG_INSTANTIATE_STRINGS(uint64_t, uint64_t);
#undef OG_INSTANTIATE_STRINGS

}  // namespace og::format
