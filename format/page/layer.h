// The layers of a leaf column: what its repetition and definition levels count through, from the
// leaf outwards. Source: lance-encoding 10.0.0: protos/encodings_v2_1.proto (RepDefLayer).
#pragma once

#include <cstdint>

namespace og::format {

// The values of the proto enum RepDefLayer.
enum class LayerKind : uint8_t {
  kAllValidItem = 1,
  kAllValidList = 2,
  kNullableItem = 3,
  kNullableList = 4,
  kEmptyableList = 5,
  kNullAndEmptyList = 6,
};

inline bool IsListLayer(LayerKind kind) {
  return kind != LayerKind::kAllValidItem && kind != LayerKind::kNullableItem;
}

// Definition numbers that a layer takes.
inline uint16_t LevelsOf(LayerKind kind) {
  switch (kind) {
    case LayerKind::kAllValidItem:
    case LayerKind::kAllValidList:
      return 0;
    case LayerKind::kNullAndEmptyList:
      return 2;
    default:
      return 1;
  }
}

}  // namespace og::format
