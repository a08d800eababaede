#include "format/page/level_builder.h"

#include <algorithm>
#include <utility>

#include "io/base/check.h"

namespace og::format {
namespace {

// One layer while levels are built. Definition numbers are provisional: every layer takes all that
// its kind could need, and unused numbers are squeezed out at the end.
struct Layer {
  bool is_list = false;
  bool has_null = false;
  bool has_empty = false;
  uint16_t null_number = 0;
  uint16_t empty_number = 0;
};

// Layers from the outside in, leaf last.
std::vector<Layer> LayersOf(const DataType& top, const LeafPath& path) {
  std::vector<Layer> layers;
  const DataType* type = &top;
  for (const size_t step : path) {
    OG_CHECK(step < type->children.size());
    layers.push_back({.is_list = type->is_list()});
    type = type->children[step].type.get();
  }
  layers.push_back({});
  uint16_t next = 1;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    layer->null_number = next++;
    if (layer->is_list) {
      layer->empty_number = next++;
    }
  }
  return layers;
}

// Levels of one array, layer by layer from the outside in.
class Walk {
 public:
  Walk(std::vector<Layer>& layers, uint16_t num_lists, LeafLevels& out)
      : layers_(layers), num_lists_(num_lists), out_(out) {}

  void Run(const Array& top, const LeafPath& path) {
    const auto num_rows = static_cast<size_t>(top.length);
    rep_.assign(num_lists_ > 0 ? num_rows : 0, num_lists_);
    def_.assign(num_rows, 0);
    index_.resize(num_rows);
    for (size_t i = 0; i < num_rows; ++i) {
      index_[i] = static_cast<int64_t>(i);
    }
    const Array* array = &top;
    uint16_t lists_below = num_lists_;
    for (size_t depth = 0; depth < path.size(); ++depth) {
      if (layers_[depth].is_list) {
        --lists_below;
        EnterLists(*array, layers_[depth], lists_below);
      } else {
        EnterStructs(*array, layers_[depth]);
      }
      array = array->children[path[depth]].get();
    }
    MarkNulls(*array, layers_.back());
    Emit(*array);
  }

 private:
  // Entries that point at a null lose their place below and get its number.
  void MarkNulls(const Array& array, Layer& layer) {
    if (array.null_count == 0) {
      return;
    }
    for (size_t i = 0; i < index_.size(); ++i) {
      if (index_[i] >= 0 && array.IsNull(index_[i])) {
        index_[i] = -1;
        def_[i] = layer.null_number;
        layer.has_null = true;
      }
    }
  }

  void EnterStructs(const Array& array, Layer& layer) {
    MarkNulls(array, layer);
    if (array.offset != 0) {
      for (int64_t& index : index_) {
        index = index < 0 ? index : index + array.offset;
      }
    }
  }

  void EnterLists(const Array& array, Layer& layer, uint16_t lists_below) {
    MarkNulls(array, layer);
    std::vector<uint16_t> rep;
    std::vector<uint16_t> def;
    std::vector<int64_t> index;
    rep.reserve(rep_.size());
    def.reserve(def_.size());
    index.reserve(index_.size());
    for (size_t i = 0; i < index_.size(); ++i) {
      const int64_t start = index_[i] < 0 ? 0 : array.OffsetAt(index_[i]);
      const int64_t end = index_[i] < 0 ? 0 : array.OffsetAt(index_[i] + 1);
      if (start == end) {
        const bool is_empty = index_[i] >= 0;
        layer.has_empty |= is_empty;
        rep.push_back(rep_[i]);
        def.push_back(is_empty ? layer.empty_number : def_[i]);
        index.push_back(-1);
        continue;
      }
      const size_t at = rep.size();
      const auto count = static_cast<size_t>(end - start);
      rep.resize(at + count, lists_below);
      rep[at] = rep_[i];
      def.resize(at + count, 0);
      index.resize(at + count);
      for (size_t k = 0; k < count; ++k) {
        index[at + k] = start + static_cast<int64_t>(k);
      }
    }
    rep_ = std::move(rep);
    def_ = std::move(def);
    index_ = std::move(index);
  }

  // Appends the levels and the value slots. Definitions are still provisional; a level without a
  // value is visible iff its number belongs to the layers before the first list.
  void Emit(const Array& leaf) {
    PageLevels& levels = out_.levels;
    levels.rep.insert(levels.rep.end(), rep_.begin(), rep_.end());
    levels.def.resize(levels.num_levels, 0);
    levels.num_levels += def_.size();
    levels.def.insert(levels.def.end(), def_.begin(), def_.end());
    uint16_t visible_max = 0;
    for (auto layer = layers_.rbegin(); layer != layers_.rend() && !layer->is_list; ++layer) {
      visible_max = layer->null_number;
    }
    for (size_t i = 0; i < index_.size();) {
      if (index_[i] < 0) {
        if (def_[i] <= visible_max) {
          AddSlots(nullptr, 0, 1);
        }
        ++i;
        continue;
      }
      size_t end = i + 1;
      while (end < index_.size() && index_[end] == index_[end - 1] + 1) {
        ++end;
      }
      AddSlots(&leaf, index_[i], static_cast<int64_t>(end - i));
      i = end;
    }
  }

  void AddSlots(const Array* array, int64_t start, int64_t length) {
    out_.levels.num_visible += static_cast<size_t>(length);
    if (!out_.ranges.empty()) {
      LeafRange& last = out_.ranges.back();
      if (last.array == array && (array == nullptr || last.start + last.length == start)) {
        last.length += length;
        return;
      }
    }
    out_.ranges.push_back({array, start, length});
  }

  std::vector<Layer>& layers_;
  const uint16_t num_lists_;
  LeafLevels& out_;
  // The levels so far. index_ is the entry's place in the array of the current layer, or -1 once a
  // null or empty list decided its definition.
  std::vector<uint16_t> rep_;
  std::vector<uint16_t> def_;
  std::vector<int64_t> index_;
};

// A null struct is null in everything down to the next list; the layers below say so.
void PushNullsInward(std::vector<Layer>& layers) {
  bool has_null = false;
  for (Layer& layer : layers) {
    layer.has_null |= has_null;
    has_null = !layer.is_list && layer.has_null;
  }
}

LayerKind KindOf(const Layer& layer) {
  if (!layer.is_list) {
    return layer.has_null ? LayerKind::kNullableItem : LayerKind::kAllValidItem;
  }
  if (layer.has_null) {
    return layer.has_empty ? LayerKind::kNullAndEmptyList : LayerKind::kNullableList;
  }
  return layer.has_empty ? LayerKind::kEmptyableList : LayerKind::kAllValidList;
}

// Number, from 1, of empty lists among those of a layer.
int EmptyNumber(LayerKind kind) {
  return kind == LayerKind::kNullAndEmptyList ? 2 : 1;
}

// The numbers of `former` where the layers are `layers`, which take at least the same.
std::vector<uint16_t> Renumbered(std::span<const LayerKind> former,
                                 std::span<const LayerKind> layers) {
  std::vector<uint16_t> renumbered = {0};
  uint16_t next = 1;
  for (size_t i = 0; i < former.size(); ++i) {
    const int shift = former[i] == LayerKind::kEmptyableList
                          ? EmptyNumber(layers[i]) - EmptyNumber(former[i])
                          : 0;
    for (int number = 0; number < LevelsOf(former[i]); ++number) {
      renumbered.push_back(static_cast<uint16_t>(next + number + shift));
    }
    next = static_cast<uint16_t>(next + LevelsOf(layers[i]));
  }
  return renumbered;
}

// A LIST layer without numbers below a nullable ITEM layer becomes a nullable one.
void DeclareListsBelowNullable(std::vector<LayerKind>& layers) {
  bool has_nullable_outside = false;
  for (auto kind = layers.rbegin(); kind != layers.rend(); ++kind) {
    if (*kind == LayerKind::kAllValidList && has_nullable_outside) {
      *kind = LayerKind::kNullableList;
    }
    has_nullable_outside |= *kind == LayerKind::kNullableItem;
  }
}

uint16_t VisibleNumbers(std::span<const LayerKind> layers) {
  uint16_t numbers = 0;
  for (size_t i = 0; i < layers.size() && !IsListLayer(layers[i]); ++i) {
    numbers = static_cast<uint16_t>(numbers + LevelsOf(layers[i]));
  }
  return numbers;
}

void Relabel(std::vector<LayerKind> layers, PageLevels& levels) {
  if (layers == levels.layers) {
    return;
  }
  const std::vector<uint16_t> renumbered = Renumbered(levels.layers, layers);
  levels.layers = std::move(layers);
  levels.max_visible_def = VisibleNumbers(levels.layers);
  levels.max_def = 0;
  for (const LayerKind kind : levels.layers) {
    levels.max_def = static_cast<uint16_t>(levels.max_def + LevelsOf(kind));
  }
  levels.def.resize(levels.num_levels, 0);
  for (uint16_t& def : levels.def) {
    def = renumbered[def];
  }
}

// Names the layers and gives the definitions their final numbers.
void Finish(std::vector<Layer>& layers, PageLevels& levels) {
  PushNullsInward(layers);
  std::vector<uint16_t> final_number(2 * layers.size() + 1, 0);
  uint16_t next = 1;
  bool saw_list = false;
  bool is_identity = true;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    levels.layers.push_back(KindOf(*layer));
    saw_list |= layer->is_list;
    if (layer->has_null) {
      is_identity &= layer->null_number == next;
      final_number[layer->null_number] = next++;
    }
    if (layer->has_empty) {
      is_identity &= layer->empty_number == next;
      final_number[layer->empty_number] = next++;
    }
    if (!saw_list) {
      levels.max_visible_def = static_cast<uint16_t>(next - 1);
    }
  }
  levels.max_def = static_cast<uint16_t>(next - 1);
  if (levels.max_def == 0) {
    levels.def = {};
    return;
  }
  levels.def.resize(levels.num_levels, 0);
  if (!is_identity) {
    for (uint16_t& def : levels.def) {
      def = final_number[def];
    }
  }
}

// A leaf below structs without nulls, or at the top: no list, no index bookkeeping.
bool IsPlain(const Array& top, const LeafPath& path) {
  const Array* array = &top;
  for (const size_t step : path) {
    if (array->type->is_list() || array->null_count != 0) {
      return false;
    }
    array = array->children[step].get();
  }
  return true;
}

void AppendPlain(const Array& top, const LeafPath& path, Layer& leaf_layer, LeafLevels& out) {
  const Array* leaf = &top;
  int64_t start = 0;
  for (const size_t step : path) {
    start += leaf->offset;
    leaf = leaf->children[step].get();
  }
  const auto length = static_cast<size_t>(top.length);
  const size_t at = out.levels.num_levels;
  out.levels.num_levels += length;
  // Levels of which none is a null are added once they stand before one that is.
  if (leaf->null_count != 0) {
    std::vector<uint16_t>& def = out.levels.def;
    def.resize(at + length, 0);
    for (size_t i = 0; i < length; ++i) {
      const bool is_null = leaf->IsNull(start + static_cast<int64_t>(i));
      def[at + i] = is_null ? leaf_layer.null_number : uint16_t{0};
      leaf_layer.has_null |= is_null;
    }
  }
  out.levels.num_visible += length;
  out.ranges.push_back({leaf, start, top.length});
}

}  // namespace

LeafLevels BuildLevels(std::span<const ArrayPtr> rows, const LeafPath& path) {
  LeafLevels out;
  if (rows.empty()) {
    return out;
  }
  std::vector<Layer> layers = LayersOf(*rows.front()->type, path);
  const auto num_lists = static_cast<uint16_t>(std::count_if(
      layers.begin(), layers.end(), [](const Layer& layer) { return layer.is_list; }));
  for (const ArrayPtr& array : rows) {
    if (array->length == 0) {
      continue;
    }
    out.levels.num_rows += static_cast<size_t>(array->length);
    if (num_lists == 0 && IsPlain(*array, path)) {
      AppendPlain(*array, path, layers.back(), out);
    } else {
      Walk(layers, num_lists, out).Run(*array, path);
    }
  }
  out.levels.max_rep = num_lists;
  Finish(layers, out.levels);
  return out;
}

std::vector<bool> NullableItems(const DataType& top, bool is_top_nullable, const LeafPath& path) {
  std::vector<bool> nullable;
  const DataType* type = &top;
  bool is_nullable = is_top_nullable;
  for (const size_t step : path) {
    nullable.push_back(!type->is_list() && is_nullable);
    const Field& child = type->children[step];
    is_nullable = child.nullable || nullable.back();
    type = child.type.get();
  }
  nullable.push_back(is_nullable);
  std::reverse(nullable.begin(), nullable.end());
  return nullable;
}

void DeclareNullable(const std::vector<bool>& nullable, PageLevels& levels) {
  OG_CHECK(nullable.size() == levels.layers.size());
  std::vector<LayerKind> layers = levels.layers;
  bool saw_list = false;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (saw_list && nullable[i] && layers[i] == LayerKind::kAllValidItem) {
      layers[i] = LayerKind::kNullableItem;
    }
    saw_list |= IsListLayer(layers[i]);
  }
  DeclareListsBelowNullable(layers);
  Relabel(std::move(layers), levels);
}

void DeclareInnermostNullable(PageLevels& levels) {
  std::vector<LayerKind> layers = levels.layers;
  layers.front() = LayerKind::kNullableItem;
  DeclareListsBelowNullable(layers);
  Relabel(std::move(layers), levels);
}

bool DeclareForFullZip(bool is_fixed, PageLevels& levels) {
  std::vector<LayerKind> layers = levels.layers;
  const auto first_list = std::ranges::find_if(layers, IsListLayer);
  if (first_list == layers.end()) {
    return true;
  }
  if (is_fixed) {
    std::replace(layers.begin(), first_list, LayerKind::kAllValidItem, LayerKind::kNullableItem);
  }
  const auto num_misread = std::count(first_list, layers.end(), LayerKind::kNullableItem);
  if (num_misread > 0) {
    *first_list = LayerKind::kNullAndEmptyList;
  }
  DeclareListsBelowNullable(layers);
  const uint16_t visible = VisibleNumbers(layers);
  const std::vector<uint16_t> renumbered = Renumbered(levels.layers, layers);
  if (num_misread > 0 && std::ranges::any_of(levels.def, [&](uint16_t def) {
        return renumbered[def] > visible && renumbered[def] <= visible + num_misread;
      })) {
    return false;
  }
  Relabel(std::move(layers), levels);
  return true;
}

}  // namespace og::format
