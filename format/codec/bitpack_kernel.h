// The group loops of bitpack.h over vectors of kVectorBytes bytes, with the width known at compile
// time. Included by one file per instruction set, which sets OG_BITPACK_VECTOR_BYTES and the name
// of the variant; everything is internal to the including file, because the same template compiled
// with other flags is another function.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "format/codec/bitpack.h"

namespace og::format {
namespace {

inline constexpr size_t kVectorBytes = OG_BITPACK_VECTOR_BYTES;
inline constexpr size_t kWordRowBytes = 128;  // word k of all lanes
inline constexpr size_t kRowOrder[8] = {0, 4, 2, 6, 1, 5, 3, 7};

template <typename T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kVectorBytes)));
};

template <typename T>
using Vector = typename VectorOf<T>::Type;

template <typename V>
inline V LoadVector(const std::byte* at) {
  V v;
  std::memcpy(&v, at, sizeof(V));
  return v;
}

template <typename V>
inline void StoreVector(std::byte* at, V v) {
  std::memcpy(at, &v, sizeof(V));
}

// Byte distance of the first value of row `row` from the start of the group.
template <typename T>
constexpr size_t RowStart(size_t row) {
  return (kRowOrder[row / 8] * 16 + (row % 8) * 128) * sizeof(T);
}

template <typename T, unsigned W, size_t kRow>
inline __attribute__((always_inline)) void UnpackRow(const std::byte* packed, Vector<T>& word,
                                                     std::byte* values) {
  constexpr unsigned kBits = sizeof(T) * 8;
  constexpr unsigned kShift = kRow * W % kBits;
  constexpr size_t kWord = kRow * W / kBits;
  constexpr T kMask = W == kBits ? static_cast<T>(~T{0}) : static_cast<T>((T{1} << W % kBits) - 1);
  Vector<T> value = word >> static_cast<T>(kShift);
  if constexpr (kShift + W >= kBits && kWord + 1 < W) {
    word = LoadVector<Vector<T>>(packed + (kWord + 1) * kWordRowBytes);
    if constexpr (kShift + W > kBits) {
      value |= word << static_cast<T>(kBits - kShift);
    }
  }
  if constexpr (kShift + W != kBits) {
    value &= kMask;
  }
  StoreVector(values + RowStart<T>(kRow), value);
}

template <typename T, unsigned W, size_t... kRows>
void UnpackWidth(const std::byte* packed, std::byte* values, std::index_sequence<kRows...>) {
  if constexpr (W == 0) {
    std::memset(values, 0, kBitpackGroupValues * sizeof(T));
  } else {
    for (size_t at = 0; at < kWordRowBytes; at += kVectorBytes) {
      Vector<T> word = LoadVector<Vector<T>>(packed + at);
      (UnpackRow<T, W, kRows>(packed + at, word, values + at), ...);
    }
  }
}

template <typename T, unsigned W, size_t kRow>
inline __attribute__((always_inline)) void PackRow(const std::byte* values, Vector<T>& word,
                                                   std::byte* packed) {
  constexpr unsigned kBits = sizeof(T) * 8;
  constexpr unsigned kShift = kRow * W % kBits;
  constexpr size_t kWord = kRow * W / kBits;
  const auto value = LoadVector<Vector<T>>(values + RowStart<T>(kRow));
  if constexpr (kShift == 0) {
    word = value;
  } else {
    word |= value << static_cast<T>(kShift);
  }
  if constexpr (kShift + W >= kBits) {
    StoreVector(packed + kWord * kWordRowBytes, word);
    if constexpr (kShift + W > kBits) {
      word = value >> static_cast<T>(kBits - kShift);
    }
  }
}

template <typename T, unsigned W, size_t... kRows>
void PackWidth(const std::byte* values, std::byte* packed, std::index_sequence<kRows...>) {
  if constexpr (W > 0) {
    for (size_t at = 0; at < kWordRowBytes; at += kVectorBytes) {
      Vector<T> word{};
      (PackRow<T, W, kRows>(values + at, word, packed + at), ...);
    }
  }
}

template <typename T, unsigned W>
void UnpackRows(const std::byte* packed, std::byte* values) {
  UnpackWidth<T, W>(packed, values, std::make_index_sequence<sizeof(T) * 8>());
}

template <typename T, unsigned W>
void PackRows(const std::byte* values, std::byte* packed) {
  PackWidth<T, W>(values, packed, std::make_index_sequence<sizeof(T) * 8>());
}

template <typename T, size_t... kWidths>
void UnpackAnyWidth(const std::byte* packed, unsigned width, std::byte* values,
                    std::index_sequence<kWidths...>) {
  static constexpr void (*kLoops[])(
      const std::byte*, std::byte*) = {UnpackRows<T, static_cast<unsigned>(kWidths)>...};
  kLoops[width](packed, values);
}

template <typename T, size_t... kWidths>
void PackAnyWidth(const std::byte* values, unsigned width, std::byte* packed,
                  std::index_sequence<kWidths...>) {
  static constexpr void (*kLoops[])(const std::byte*,
                                    std::byte*) = {PackRows<T, static_cast<unsigned>(kWidths)>...};
  kLoops[width](values, packed);
}

template <typename T>
void UnpackLoop(const std::byte* packed, unsigned width, std::byte* values) {
  UnpackAnyWidth<T>(packed, width, values, std::make_index_sequence<sizeof(T) * 8 + 1>());
}

template <typename T>
void PackLoop(const std::byte* values, unsigned width, std::byte* packed) {
  PackAnyWidth<T>(values, width, packed, std::make_index_sequence<sizeof(T) * 8 + 1>());
}

// At most 1024 values: a lane counts its changes in a value.
template <typename T>
WordSurvey SurveyLoop(const std::byte* values, size_t count) {
  constexpr size_t kLanes = kVectorBytes / sizeof(T);
  Vector<T> bits{};
  Vector<T> changes{};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const std::byte* const at = values + i * sizeof(T);
    const auto value = LoadVector<Vector<T>>(at);
    bits |= value;
    changes -= reinterpret_cast<Vector<T>>(value != LoadVector<Vector<T>>(at - sizeof(T)));
  }
  WordSurvey out;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    out.bits |= bits[lane];
    out.changes += changes[lane];
  }
  for (; i < count; ++i) {
    const std::byte* const at = values + i * sizeof(T);
    const T value = io::LoadLe<T>(at);
    out.bits |= value;
    out.changes += value != io::LoadLe<T>(at - sizeof(T)) ? 1u : 0u;
  }
  return out;
}

constexpr BitpackVariant MakeVariant(const char* name) {
  return {name,
          {PackLoop<uint8_t>, PackLoop<uint16_t>, PackLoop<uint32_t>, PackLoop<uint64_t>},
          {UnpackLoop<uint8_t>, UnpackLoop<uint16_t>, UnpackLoop<uint32_t>, UnpackLoop<uint64_t>},
          {SurveyLoop<uint8_t>, SurveyLoop<uint16_t>, SurveyLoop<uint32_t>, SurveyLoop<uint64_t>}};
}

}  // namespace
}  // namespace og::format
