#include "format/codec/fsst_decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "format/codec/fsst_kernel.h"
#include "format/codec/fsst_variants.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr uint32_t kMagic = 0x46535354;  // "FSST", read as a big-endian u32
constexpr uint64_t kSwitchBit = uint64_t{1} << 24;

// The high bit of every byte of `codes` that is 255.
uint64_t EscapeMask(uint64_t codes) {
  const uint64_t low_is_max = (codes & 0x7f7f7f7f7f7f7f7fu) + 0x0101010101010101u;
  return codes & low_is_max & 0x8080808080808080u;
}

// Whether the last of `codes`, which start with a whole code, is an escape: of the bytes 255 that
// end them every second one stands for itself.
bool EndsInEscape(std::span<const std::byte> codes) {
  size_t escapes = 0;
  while (escapes < codes.size() && codes[codes.size() - 1 - escapes] == kFsstEscape) {
    ++escapes;
  }
  return escapes % 2 != 0;
}

std::byte* DecodePortable(const FsstTable& table, std::span<const std::byte> codes,
                          bool& is_escaped, std::byte* out, FsstBlock& block) {
  const auto append = [&](size_t word, const std::byte* at, std::byte* to) {
    uint64_t lengths = 0;
    for (size_t i = 0; i < kFsstWordCodes; ++i) {
      const auto c = std::to_integer<size_t>(at[i]);
      const uint64_t length = table.lengths[c];
      std::memcpy(to, &table.symbols[c], sizeof(uint64_t));
      to += length;
      lengths |= length << (8 * i);
    }
    return NoteLengths(lengths, word, block);
  };
  return DecodeWords(table, codes, is_escaped, out, block, append);
}

std::vector<FsstVariant> FindVariants() {
  std::vector<FsstVariant> variants = {{"portable", DecodePortable}};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vbmi")) {
    variants.push_back(kFsstAvx512);
    // Elsewhere a gather takes longer than the loads that it stands for.
    if (__builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_is("intel")) {
      variants.push_back(kFsstAvx512Gather);
    }
  }
#endif
  return variants;
}

const std::vector<FsstVariant>& Variants() {
  static const auto* const kVariants = new std::vector<FsstVariant>(FindVariants());
  return *kVariants;
}

}  // namespace

std::span<const FsstVariant> FsstVariants() {
  return Variants();
}

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
    decoder.table_.symbols[i] = io::LoadLe<uint64_t>(table, 8 + 8 * i);
    decoder.table_.lengths[i] = std::to_integer<uint8_t>(lengths[i]);
    if (decoder.table_.lengths[i] < 1 || decoder.table_.lengths[i] > kFsstSymbolBytesMax) {
      return io::DataLossError(io::StrCat("fsst symbol ", i, " has length ",
                                          decoder.table_.lengths[i], ", want 1 to 8"));
    }
  }
  return decoder;
}

std::byte* FsstDecoder::Decode(std::span<const std::byte> codes, std::byte* out) const {
  if (codes.empty()) {
    return out;
  }
  if (is_plain_) {
    std::memcpy(out, codes.data(), codes.size());
    return out + codes.size();
  }
  const std::byte* at = codes.data();
  const std::byte* const end = at + codes.size();
  // The highest bit is set once a length is 0.
  uint64_t bad_lengths = 0;
  const auto append = [&](std::byte code) {
    const auto c = std::to_integer<size_t>(code);
    const uint64_t length = table_.lengths[c];
    std::memcpy(out, &table_.symbols[c], sizeof(uint64_t));
    out += length;
    bad_lengths |= length - 1;
  };
  while (at < end) {
    if (end - at >= 8 && EscapeMask(io::LoadLe<uint64_t>(at)) == 0) {
      for (size_t i = 0; i < 8; ++i) {
        append(at[i]);
      }
      at += 8;
    } else if (*at != kFsstEscape) {
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
  static const auto kDecode = Variants().back().decode;
  FsstBlock block;
  bool is_escaped = false;
  uint64_t former = at;
  size_t next = 0;
  while (true) {
    const uint64_t count = std::min<uint64_t>(last - at, kFsstBlockCodes);
    const auto part = codes.subspan(at, count);
    if (is_plain_) {
      for (uint64_t i = 0; i <= count; ++i) {
        block.word_starts[i / kFsstWordCodes] = static_cast<uint16_t>(i - i % kFsstWordCodes);
        block.starts[i] = static_cast<uint8_t>(i % kFsstWordCodes);
      }
      std::ranges::copy(part, out);
      out += count;
    } else {
      out = kDecode(table_, part, is_escaped, out, block);
      if (out == nullptr) {
        return nullptr;
      }
    }
    for (; next < num_strings; ++next) {
      const uint64_t end = offset_at(next + 1);
      if (end < former) {
        return nullptr;
      }
      if (end > at + count) {
        break;
      }
      if (end != former && codes[end - 1] == kFsstEscape && !is_plain_ &&
          EndsInEscape(codes.subspan(former, end - former))) {
        return nullptr;
      }
      ends[next] = static_cast<End>(base + block.StartOf(end - at));
      former = end;
    }
    base += block.StartOf(count);
    at += count;
    if (at == last) {
      return next == num_strings && !is_escaped ? out : nullptr;
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
