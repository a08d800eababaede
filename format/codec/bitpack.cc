#include "format/codec/bitpack.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "format/codec/bitpack_variants.h"
#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/text.h"

#define OG_BITPACK_VECTOR_BYTES 16
#include "format/codec/bitpack_kernel.h"

namespace og::format {
namespace {

constexpr BitpackVariant kPortable = MakeVariant("portable");

std::vector<BitpackVariant> FindVariants() {
  std::vector<BitpackVariant> variants = {kPortable};
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) {
    variants.push_back(kBitpackAvx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    variants.push_back(kBitpackAvx512);
  }
#endif
  return variants;
}

const std::vector<BitpackVariant>& Variants() {
  static const auto* const kVariants = new std::vector<BitpackVariant>(FindVariants());
  return *kVariants;
}

const BitpackVariant& Active() {
  static const BitpackVariant kActive = Variants().back();
  return kActive;
}

template <typename T>
constexpr size_t kLog2Bytes = static_cast<size_t>(std::bit_width(sizeof(T)) - 1);

template <typename T>
constexpr unsigned kBits = sizeof(T) * 8;

std::byte* Extend(io::MutableBuffer& out, size_t bytes) {
  const size_t start = out.size();
  out.Resize(start + bytes);
  return out.data() + start;
}

// Packs fewer than 1024 values as a zero-filled group.
template <typename T>
void PackPartialGroup(std::span<const T> values, unsigned width, std::byte* packed) {
  std::array<T, kBitpackGroupValues> group{};
  std::copy(values.begin(), values.end(), group.begin());
  PackGroup(group.data(), width, packed);
}

template <typename T>
void UnpackPartialGroup(const std::byte* packed, unsigned width, std::span<T> values) {
  if (values.size() == kBitpackGroupValues) {
    UnpackGroup(packed, width, values.data());
    return;
  }
  std::array<T, kBitpackGroupValues> group;
  UnpackGroup(packed, width, group.data());
  std::copy_n(group.begin(), values.size(), values.begin());
}

}  // namespace

std::span<const BitpackVariant> BitpackVariants() {
  return Variants();
}

template <typename T>
void PackGroup(const T* values, unsigned width, std::byte* packed) {
  OG_DCHECK(width <= kBits<T>);
  Active().pack[kLog2Bytes<T>](reinterpret_cast<const std::byte*>(values), width, packed);
}

template <typename T>
void UnpackGroup(const std::byte* packed, unsigned width, T* values) {
  OG_DCHECK(width <= kBits<T>);
  Active().unpack[kLog2Bytes<T>](packed, width, reinterpret_cast<std::byte*>(values));
}

template <typename T>
T UnpackValue(const std::byte* packed, unsigned width, size_t i) {
  constexpr size_t kLanes = kBitpackGroupValues / kBits<T>;
  if (width == 0) {
    return 0;
  }
  const size_t lane = i % kLanes;
  const size_t row = kRowOrder[i % 128 / kLanes * (kLanes / 16)] * 8 + i / 128;
  const size_t bit = row * width;
  const size_t word = bit / kBits<T>;
  const auto shift = static_cast<unsigned>(bit % kBits<T>);
  const auto at = [&](size_t k) {
    return uint64_t{io::LoadLe<T>(packed + (k * kLanes + lane) * sizeof(T))};
  };
  uint64_t value = at(word) >> shift;
  if (shift + width > kBits<T>) {
    value |= at(word + 1) << (kBits<T> - shift);
  }
  return static_cast<T>(width == 64 ? value : value & ((uint64_t{1} << width) - 1));
}

template <typename T>
WordSurvey Survey(std::span<const T> values, size_t start, size_t count) {
  OG_DCHECK(start <= values.size() && count <= values.size() - start);
  WordSurvey out;
  if (count > 0 && start == 0) {
    out.bits = values[0];
    start = 1;
    --count;
  }
  while (count > 0) {
    const size_t take = std::min(count, kBitpackGroupValues);
    const WordSurvey part = Active().survey[kLog2Bytes<T>](
        reinterpret_cast<const std::byte*>(values.data() + start), take);
    out.bits |= part.bits;
    out.changes += part.changes;
    start += take;
    count -= take;
  }
  return out;
}

template <typename T>
unsigned BitpackWidth(std::span<const T> values) {
  return io::BitLength(Survey(values, 0, values.size()).bits);
}

template <typename T>
void AppendInlineBitpacked(std::span<const T> values, unsigned width, io::MutableBuffer& out) {
  OG_CHECK(values.size() <= kBitpackGroupValues && width <= kBits<T>);
  std::byte* const at = Extend(out, sizeof(T) + BitpackGroupBytes(width));
  io::StoreLe(at, static_cast<T>(width));
  if (values.size() == kBitpackGroupValues) {
    PackGroup(values.data(), width, at + sizeof(T));
  } else {
    PackPartialGroup(values, width, at + sizeof(T));
  }
}

template <typename T>
absl::Status DecodeInlineBitpacked(std::span<const std::byte> encoded, std::span<T> values) {
  if (values.size() > kBitpackGroupValues) {
    return io::DataLossError(io::StrCat("inline bit-packing: ", values.size(),
                                        " values in one group of ", kBitpackGroupValues));
  }
  if (encoded.size() < sizeof(T)) {
    return io::DataLossError(
        io::StrCat("inline bit-packing: ", encoded.size(), " bytes, need ", sizeof(T)));
  }
  const T width = io::LoadLe<T>(encoded);
  if (width > kBits<T>) {
    return io::DataLossError(
        io::StrCat("inline bit-packing: width ", width, " of ", kBits<T>, "-bit values"));
  }
  const size_t want = sizeof(T) + BitpackGroupBytes(static_cast<unsigned>(width));
  if (encoded.size() != want) {
    return io::DataLossError(io::StrCat("inline bit-packing: ", encoded.size(), " bytes for width ",
                                        width, ", want ", want));
  }
  UnpackPartialGroup(encoded.data() + sizeof(T), static_cast<unsigned>(width), values);
  return absl::OkStatus();
}

template <typename T>
void AppendOutOfLineBitpacked(std::span<const T> values, unsigned width, io::MutableBuffer& out) {
  OG_CHECK(width <= kBits<T>);
  std::byte* at = Extend(out, OutOfLineBitpackedBytes<T>(values.size(), width));
  const size_t group_bytes = BitpackGroupBytes(width);
  while (values.size() >= kBitpackGroupValues) {
    PackGroup(values.data(), width, at);
    values = values.subspan(kBitpackGroupValues);
    at += group_bytes;
  }
  if (values.size() > group_bytes / sizeof(T)) {
    PackPartialGroup(values, width, at);
  } else if (!values.empty()) {
    std::memcpy(at, values.data(), values.size_bytes());
  }
}

template <typename T>
absl::Status DecodeOutOfLineBitpacked(std::span<const std::byte> encoded, unsigned width,
                                      std::span<T> values) {
  if (width > kBits<T>) {
    return io::DataLossError(
        io::StrCat("bit-packing: width ", width, " of ", kBits<T>, "-bit values"));
  }
  const size_t group_bytes = BitpackGroupBytes(width);
  const size_t groups = values.size() / kBitpackGroupValues;
  const size_t tail = values.size() % kBitpackGroupValues;
  // No product can wrap: `values` is memory that the caller holds, and W <= T.
  const size_t raw_size = groups * group_bytes + tail * sizeof(T);
  const size_t packed_size = (groups + (tail == 0 ? 0 : 1)) * group_bytes;
  if (encoded.size() != raw_size && encoded.size() != packed_size) {
    return io::DataLossError(io::StrCat("bit-packing: ", encoded.size(), " bytes for ",
                                        values.size(), " values of ", width, " bits, want ",
                                        packed_size, " or ", raw_size));
  }
  const std::byte* at = encoded.data();
  for (size_t group = 0; group < groups; ++group) {
    UnpackGroup(at, width, values.data() + group * kBitpackGroupValues);
    at += group_bytes;
  }
  const std::span<T> rest = values.subspan(groups * kBitpackGroupValues);
  if (rest.empty()) {
    return absl::OkStatus();
  }
  if (encoded.size() == raw_size) {
    std::memcpy(rest.data(), at, rest.size_bytes());
  } else {
    UnpackPartialGroup(at, width, rest);
  }
  return absl::OkStatus();
}

#define OG_INSTANTIATE_BITPACK(T)                                                              \
  template void PackGroup<T>(const T*, unsigned, std::byte*);                                  \
  template void UnpackGroup<T>(const std::byte*, unsigned, T*);                                \
  template T UnpackValue<T>(const std::byte*, unsigned, size_t);                               \
  template WordSurvey Survey<T>(std::span<const T>, size_t, size_t);                           \
  template unsigned BitpackWidth<T>(std::span<const T>);                                       \
  template void AppendInlineBitpacked<T>(std::span<const T>, unsigned, io::MutableBuffer&);    \
  template absl::Status DecodeInlineBitpacked<T>(std::span<const std::byte>, std::span<T>);    \
  template void AppendOutOfLineBitpacked<T>(std::span<const T>, unsigned, io::MutableBuffer&); \
  template absl::Status DecodeOutOfLineBitpacked<T>(std::span<const std::byte>, unsigned,      \
                                                    std::span<T>)

OG_INSTANTIATE_BITPACK(uint8_t);
OG_INSTANTIATE_BITPACK(uint16_t);
OG_INSTANTIATE_BITPACK(uint32_t);
OG_INSTANTIATE_BITPACK(uint64_t);
#undef OG_INSTANTIATE_BITPACK

}  // namespace og::format
