#include "format/page/unravel.h"

#include <algorithm>
#include <cstring>

#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// Appends list ends to a layer; the list that is open ends where the next one is added.
class OffsetWriter {
 public:
  // Room for `lists_max` more lists.
  OffsetWriter(LayerOutput& layer, size_t lists_max) : layer_(layer) {
    width_ = layer.has_large_offsets ? 8 : 4;
    if (layer.offsets.size() == 0) {
      layer.offsets.Resize(width_);
      std::memset(layer.offsets.data(), 0, width_);
    }
    start_ = layer.offsets.size();
    layer.offsets.Resize(start_ + lists_max * width_);
    to_ = layer.offsets.data() + start_;
  }

  // Ends the last list at `end` children.
  void End(uint64_t end) {
    if (width_ == 8) {
      io::StoreLe(to_, end);
    } else {
      io::StoreLe(to_, static_cast<uint32_t>(end));
    }
    to_ += width_;
  }

  void Finish() { layer_.offsets.Resize(static_cast<size_t>(to_ - layer_.offsets.data())); }

 private:
  LayerOutput& layer_;
  size_t width_ = 0;
  size_t start_ = 0;
  std::byte* to_ = nullptr;
};

// The definition numbers around one LIST layer, see Unravel().
struct ListNumbers {
  uint16_t base = 0;  // numbers of the layers inside
  uint16_t null = 0;  // 0: no such number
  uint16_t empty = 0;
  uint16_t own_end = 0;  // greatest number of this layer
  uint16_t top = 0;      // greatest number of the ITEM layers directly outside
};

ListNumbers NumbersOf(const PageLayers& page, size_t at, uint16_t base) {
  ListNumbers numbers;
  numbers.base = base;
  numbers.own_end = static_cast<uint16_t>(base + LevelsOf(page.kinds[at]));
  const auto first = static_cast<uint16_t>(base + 1);
  switch (page.kinds[at]) {
    case LayerKind::kNullableList:
      numbers.null = first;
      break;
    case LayerKind::kEmptyableList:
      numbers.empty = first;
      break;
    case LayerKind::kNullAndEmptyList:
      numbers.null = first;
      numbers.empty = static_cast<uint16_t>(first + 1);
      break;
    default:
      break;
  }
  numbers.top = numbers.own_end;
  for (size_t i = at + 1; i < page.kinds.size() && !IsListLayer(page.kinds[i]); ++i) {
    numbers.top = static_cast<uint16_t>(numbers.top + LevelsOf(page.kinds[i]));
  }
  return numbers;
}

// Appends the lists of one layer and keeps, in place, the levels of the next sequence: those that
// start a list, with their repetition reduced by one.
absl::Status UnravelList(const ListNumbers& numbers, std::vector<uint16_t>& rep,
                         std::vector<uint16_t>& def, LayerOutput& layer) {
  OffsetWriter offsets(layer, rep.size());
  uint64_t children = layer.num_children;
  size_t kept = 0;
  std::vector<uint16_t> is_null;  // 1 for lists that are, one entry a list
  is_null.reserve(rep.size());
  bool is_open = false;   // there is a list whose end is not written yet
  bool is_valid = false;  // and items may follow in it
  for (size_t i = 0; i < rep.size(); ++i) {
    const uint16_t d = def[i];
    if (rep[i] == 0) {
      if (!is_valid || d > numbers.base) {
        return io::DataLossError(
            io::StrCat("level ", i, " continues a list that cannot have items"));
      }
      ++children;
      continue;
    }
    if (is_open) {
      offsets.End(children);
    }
    is_open = d <= numbers.top;
    is_valid = false;
    if (d <= numbers.base) {
      is_null.push_back(0);
      ++children;
      is_valid = true;
    } else if (d <= numbers.top) {
      is_null.push_back(d == numbers.empty ? 0 : 1);
    }
    rep[kept] = static_cast<uint16_t>(rep[i] - 1);
    def[kept] = d;
    ++kept;
  }
  if (is_open) {
    offsets.End(children);
  }
  offsets.Finish();
  layer.validity.AppendLevels(is_null, 0);
  if (!layer.has_large_offsets && children > INT32_MAX) {
    return io::ResourceExhaustedError(io::StrCat("one batch of a list column would hold ", children,
                                                 " items; read fewer rows at once"));
  }
  layer.num_children = children;
  rep.resize(kept);
  def.resize(kept);
  return absl::OkStatus();
}

absl::Status CheckRange(std::span<const uint16_t> levels, uint16_t max, const char* what) {
  uint16_t greatest = 0;
  for (const uint16_t level : levels) {
    greatest = std::max(greatest, level);
  }
  if (greatest > max) {
    return io::DataLossError(io::StrCat(what, " level ", greatest, ", the greatest is ", max));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PageLayers> MakePageLayers(std::span<const int> kinds,
                                          std::span<const uint8_t> is_list) {
  PageLayers page;
  if (kinds.size() != is_list.size()) {
    return io::DataLossError(
        io::StrCat("page with ", kinds.size(), " layers, its column has ", is_list.size()));
  }
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] < 1 || kinds[i] > 6) {
      return io::DataLossError(io::StrCat("layer ", i, " is of unknown kind ", kinds[i]));
    }
    const auto kind = static_cast<LayerKind>(kinds[i]);
    if (IsListLayer(kind) != (is_list[i] != 0)) {
      return io::DataLossError(io::StrCat(
          "layer ", i, " is ", is_list[i] != 0 ? "no list" : "a list", ", against the schema"));
    }
    if (IsListLayer(kind) && page.max_rep == 0) {
      page.max_visible_def = page.max_def;
    }
    page.max_def = static_cast<uint16_t>(page.max_def + LevelsOf(kind));
    page.max_rep = static_cast<uint16_t>(page.max_rep + (IsListLayer(kind) ? 1 : 0));
    page.kinds.push_back(kind);
  }
  if (page.max_rep == 0) {
    page.max_visible_def = page.max_def;
  }
  return page;
}

absl::Status Unravel(const PageLayers& page, const LevelSpan& levels,
                     std::vector<LayerOutput>& layers) {
  OG_RETURN_IF_ERROR(CheckRange(levels.rep, page.max_rep, "repetition"));
  OG_RETURN_IF_ERROR(CheckRange(levels.def, page.max_def, "definition"));
  if (!page.has_rep()) {
    // Every level is a slot of every layer; a slot is valid if no number of its own layer or one
    // further out is recorded.
    uint16_t base = 0;
    for (size_t at = 0; at < layers.size(); ++at) {
      if (levels.def.empty()) {
        layers[at].validity.AppendValid(levels.num_levels);
      } else {
        layers[at].validity.AppendLevels(levels.def, base);
      }
      base = static_cast<uint16_t>(base + LevelsOf(page.kinds[at]));
    }
    return absl::OkStatus();
  }
  if (levels.rep.size() != levels.num_levels) {
    return io::DataLossError("page of lists without repetition levels");
  }
  std::vector<uint16_t> rep(levels.rep.begin(), levels.rep.end());
  std::vector<uint16_t> def(levels.def.begin(), levels.def.end());
  def.resize(rep.size());  // zeros: all valid
  uint16_t base = 0;
  size_t at = 0;
  while (at < layers.size()) {
    if (layers[at].is_list) {
      OG_RETURN_IF_ERROR(UnravelList(NumbersOf(page, at, base), rep, def, layers[at]));
      base = static_cast<uint16_t>(base + LevelsOf(page.kinds[at]));
      ++at;
      continue;
    }
    // ITEM layers up to the next LIST have the same slots: the levels with a definition of at most
    // `domain`.
    uint16_t domain = base;
    for (size_t i = at; i < layers.size() && !layers[i].is_list; ++i) {
      domain = static_cast<uint16_t>(domain + LevelsOf(page.kinds[i]));
    }
    std::vector<uint16_t> slots;
    slots.reserve(def.size());
    for (const uint16_t d : def) {
      if (d <= domain) {
        slots.push_back(d);
      }
    }
    for (; at < layers.size() && !layers[at].is_list; ++at) {
      layers[at].validity.AppendLevels(slots, base);
      base = static_cast<uint16_t>(base + LevelsOf(page.kinds[at]));
    }
  }
  return absl::OkStatus();
}

}  // namespace og::format
