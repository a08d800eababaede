#include "format/page/unravel.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "format/page/list_pass.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

ListNumbers NumbersOf(const PageLayers& page, size_t at, uint16_t base) {
  ListNumbers numbers{.base = base};
  switch (page.kinds[at]) {
    case LayerKind::kEmptyableList:
      numbers.empty = static_cast<uint16_t>(base + 1);
      break;
    case LayerKind::kNullAndEmptyList:
      numbers.empty = static_cast<uint16_t>(base + 2);
      break;
    default:
      break;
  }
  numbers.top = static_cast<uint16_t>(base + LevelsOf(page.kinds[at]));
  for (size_t i = at + 1; i < page.kinds.size() && !IsListLayer(page.kinds[i]); ++i) {
    numbers.top = static_cast<uint16_t>(numbers.top + LevelsOf(page.kinds[i]));
  }
  return numbers;
}

// Appends the lists of one layer. The levels of the next sequence go to `rep` and `def`; returns
// how many they are.
absl::StatusOr<size_t> UnravelList(const ListNumbers& numbers, const LevelSequence& in,
                                   uint16_t* rep, uint16_t* def, io::MutableBuffer& nulls,
                                   LayerOutput& layer) {
  const size_t width = layer.has_large_offsets ? sizeof(uint64_t) : sizeof(uint32_t);
  if (layer.offsets.size() == 0) {
    layer.offsets.Resize(width);
    std::memset(layer.offsets.data(), 0, width);
  }
  // The last offset there is says where the first list starts.
  const size_t first = layer.offsets.size() - width;
  layer.offsets.Resize(first + (in.count + kListPassSlack) * width);
  nulls.Resize((in.count + kListPassSlack) * sizeof(uint16_t));
  const ListPassResult pass = PassLists(numbers, in, layer.num_children, layer.has_large_offsets,
                                        {.starts = layer.offsets.data() + first,
                                         .nulls = nulls.as<uint16_t>(),
                                         .rep = rep,
                                         .def = def});
  if (pass.is_bad) {
    return io::DataLossError("a level continues a list that cannot have items");
  }
  if (!layer.has_large_offsets && pass.children > INT32_MAX) {
    return io::ResourceExhaustedError(io::StrCat("one batch of a list column would hold ",
                                                 pass.children, " items; read fewer rows at once"));
  }
  std::byte* const end = layer.offsets.data() + first + pass.lists * width;
  if (layer.has_large_offsets) {
    io::StoreLe(end, pass.children);
  } else {
    io::StoreLe(end, static_cast<uint32_t>(pass.children));
  }
  layer.offsets.Resize(first + (pass.lists + 1) * width);
  layer.validity.AppendLevels({nulls.as<uint16_t>(), pass.lists}, 0);
  layer.num_children = pass.children;
  return pass.kept;
}

size_t CountAtMost(const LevelSequence& in, uint16_t max) {
  size_t count = 0;
  constexpr size_t kBlock = 16384;  // keeps the counter narrow, for whole vectors of them
  for (size_t start = 0; start < in.count; start += kBlock) {
    const size_t end = std::min(in.count, start + kBlock);
    uint16_t part = 0;
    for (size_t i = start; i < end; ++i) {
      part = static_cast<uint16_t>(part + (in.def[i] <= max ? 1 : 0));
    }
    count += part;
  }
  return count;
}

// Writes the definitions of at most `max` to `out`, which has room for one more than there are
// levels, and returns how many they are.
size_t KeepAtMost(const LevelSequence& in, uint16_t max, uint16_t* out) {
  size_t kept = 0;
  for (size_t i = 0; i < in.count; ++i) {
    out[kept] = in.def[i];
    kept += in.def[i] <= max ? 1 : 0;
  }
  return kept;
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
  const size_t count = levels.rep.size();
  std::vector<uint16_t> zeros;  // all valid
  if (levels.def.empty()) {
    zeros.resize(count);
  }
  LevelSequence in{.rep = levels.rep.data(),
                   .def = zeros.empty() ? levels.def.data() : zeros.data(),
                   .count = count};
  // The first LIST layer reads the levels of the page; what it keeps, and all that follow, stands
  // here.
  io::MutableBuffer rep((count + kListPassSlack) * sizeof(uint16_t));
  io::MutableBuffer def((count + kListPassSlack) * sizeof(uint16_t));
  io::MutableBuffer scratch;
  uint16_t base = 0;
  size_t at = 0;
  while (at < layers.size()) {
    if (layers[at].is_list) {
      OG_ASSIGN_OR_RETURN(in.count, UnravelList(NumbersOf(page, at, base), in, rep.as<uint16_t>(),
                                                def.as<uint16_t>(), scratch, layers[at]));
      in.rep = rep.as<uint16_t>();
      in.def = def.as<uint16_t>();
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
    std::span<const uint16_t> slots;
    size_t num_slots = 0;
    if (base == domain) {
      num_slots = CountAtMost(in, domain);
    } else {
      scratch.Resize((in.count + 1) * sizeof(uint16_t));
      num_slots = KeepAtMost(in, domain, scratch.as<uint16_t>());
      slots = {scratch.as<uint16_t>(), num_slots};
    }
    for (; at < layers.size() && !layers[at].is_list; ++at) {
      if (slots.empty()) {
        layers[at].validity.AppendValid(num_slots);
      } else {
        layers[at].validity.AppendLevels(slots, base);
      }
      base = static_cast<uint16_t>(base + LevelsOf(page.kinds[at]));
    }
  }
  return absl::OkStatus();
}

}  // namespace og::format
