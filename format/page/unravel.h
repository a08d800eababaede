// From repetition and definition levels back to validity and list offsets: the reading half of the
// structural layouts of file versions 2.1 and later.
//
// What the levels mean is described in lance: docs/src/format/file/encoding.md and follows from the
// page's layers, innermost first. Definition numbers are given out along the layers, starting with
// 1; 0 is valid everywhere, and of several nulls on a path the outermost is recorded. Repetition 0
// goes on in the innermost list, k starts a list at the k-th LIST layer from the inside.
//
// Layer kinds differ from page to page of a column; which layers are lists does not.
//
// Source: lance-encoding 10.0.0: src/repdef.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/page/layer.h"
#include "format/page/value_sink.h"
#include "io/base/buffer.h"

namespace og::format {

// What the layers of one page amount to.
struct PageLayers {
  std::vector<LayerKind> kinds;  // innermost first
  uint16_t max_rep = 0;          // LIST layers
  uint16_t max_def = 0;
  uint16_t max_visible_def = 0;  // a level has a value slot iff its definition is at most this

  bool has_rep() const { return max_rep > 0; }
  bool has_def() const { return max_def > 0; }
};

// kDataLoss unless the kinds (numbers of the proto enum) are known and are ITEM and LIST as
// `is_list` (innermost first) says.
absl::StatusOr<PageLayers> MakePageLayers(std::span<const int> kinds,
                                          std::span<const uint8_t> is_list);

// One layer of the arrays that come out: the validity of its slots, and for a list where each
// begins.
struct LayerOutput {
  bool is_list = false;
  bool has_large_offsets = false;
  ValidityBits validity;      // one a slot
  io::MutableBuffer offsets;  // lists: validity.length() + 1 entries once there is one
  uint64_t num_children = 0;  // lists: slots of the layer inside
};

// A leaf column on its way to arrays.
struct LeafOutput {
  ValueSink values;
  std::vector<LayerOutput> layers;  // innermost first; the first one is the leaf itself
};

// Levels of rows of one page. `rep` and `def` are empty where the page has none; both have
// num_levels entries otherwise.
struct LevelSpan {
  std::span<const uint16_t> rep;
  std::span<const uint16_t> def;
  uint64_t num_levels = 0;
};

// Appends what `levels` say to all layers. They start with the start of a row.
//
//   kDataLoss           a level out of range, or an item outside any list
//   kResourceExhausted  more items than 32-bit offsets can count
absl::Status Unravel(const PageLayers& page, const LevelSpan& levels,
                     std::vector<LayerOutput>& layers);

}  // namespace og::format
