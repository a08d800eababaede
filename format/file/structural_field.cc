#include "format/file/structural_field.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

constexpr size_t kNoLeaf = SIZE_MAX;

// Structs in a fixed-size list of them.
constexpr uint64_t kListSizeMax = uint64_t{1} << 20;

// A field of the request. Leaves name their column, the others the first leaf below them, from
// whose levels they are rebuilt; kNoLeaf where no column of the file holds anything.
struct Node {
  TypePtr type;
  bool is_leaf = false;
  // Levels of the first leaf for one value of this field: more than one around and at fixed-size
  // lists of structs, whose columns count the structs.
  uint64_t levels_per_value = 1;
  size_t leaf = kNoLeaf;
  std::vector<Node> children;
};

struct Leaf {
  int32_t index = 0;
  uint64_t rows_per_row = 1;  // rows of the column for a row of the file
  std::shared_ptr<ColumnPages> pages;

  std::string PageName(size_t page) const { return PageText(index, page, pages->offset(page)); }
};

struct FieldPlan {
  Node root;
  std::vector<Leaf> leaves;
  StructuralOptions options;
};

// One layer around a leaf.
struct Around {
  bool is_list = false;
  bool has_large_offsets = false;
  uint64_t list_size = 1;  // of a fixed-size list
};

// Indices of a dictionary that comes behind `shift` entries of others.
io::Buffer Shifted(std::span<const uint32_t> indices, int64_t shift) {
  io::MutableBuffer shifted(indices.size() * sizeof(uint32_t));
  auto* const to = reinterpret_cast<uint32_t*>(shifted.data());
  for (size_t i = 0; i < indices.size(); ++i)
    to[i] = indices[i] + static_cast<uint32_t>(shift);
  return std::move(shifted).Share();
}

class PlanBuilder {
 public:
  PlanBuilder(const ColumnRequest& request, const PagesOfColumn& pages_of, FieldPlan& plan)
      : request_(request), pages_of_(pages_of), plan_(plan) {}

  absl::Status Build() {
    OG_ASSIGN_OR_RETURN(plan_.root, BuildNode(request_.field));
    if (next_index_ != request_.column_indices.size()) {
      return io::InvalidArgumentError(io::StrCat("field ", request_.field.name, ": ",
                                                 request_.column_indices.size(),
                                                 " column indices for ", next_index_, " columns"));
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Node> BuildNode(const LanceField& field) {
    Node node;
    if (field.is_blob()) {
      node.type = BlobDescriptorType(field.is_blob_v2());
    } else {
      OG_ASSIGN_OR_RETURN(node.type, ArrowTypeOf(field));
    }
    if (OwnsColumn(field, FileVersion::kV2_1)) {
      node.is_leaf = true;
      OG_RETURN_IF_ERROR(AddLeaf(field, node));
      return node;
    }
    Around layer{.is_list = field.is_list(), .has_large_offsets = node.type->has_large_offsets()};
    if (node.type->id == TypeId::kFixedSizeList) {
      layer.list_size = static_cast<uint64_t>(node.type->list_size);
      const bool is_in_list =
          std::ranges::any_of(around_, [](const Around& outer) { return outer.is_list; });
      if (is_in_list || layer.list_size == 0 || layer.list_size > kListSizeMax) {
        return io::UnimplementedError(
            io::StrCat("field ", field.name, " of type ", field.logical_type));
      }
    }
    around_.push_back(layer);
    for (const LanceField& child : field.children) {
      OG_ASSIGN_OR_RETURN(Node built, BuildNode(child));
      if (node.leaf == kNoLeaf) {
        node.leaf = built.leaf;
        node.levels_per_value = built.levels_per_value;
      }
      node.children.push_back(std::move(built));
    }
    node.levels_per_value = layer.is_list ? 1 : node.levels_per_value * layer.list_size;
    around_.pop_back();
    return node;
  }

  absl::Status AddLeaf(const LanceField& field, Node& node) {
    if (next_index_ >= request_.column_indices.size()) {
      return io::InvalidArgumentError(
          io::StrCat("field ", field.name, ": no column index given for it"));
    }
    const int32_t index = request_.column_indices[next_index_++];
    if (index < 0) {
      return absl::OkStatus();
    }
    LeafColumn column;
    OG_ASSIGN_OR_RETURN(column.shape, ShapeOf(node.type));
    column.is_list.push_back(0);
    column.has_large_offsets.push_back(0);
    for (auto layer = around_.rbegin(); layer != around_.rend(); ++layer) {
      column.is_list.push_back(layer->is_list ? 1 : 0);
      column.has_large_offsets.push_back(layer->has_large_offsets ? 1 : 0);
    }
    OG_ASSIGN_OR_RETURN(std::shared_ptr<ColumnPages> pages, pages_of_(index, column));
    uint64_t rows_per_row = 1;
    for (const Around& layer : around_) {
      if (layer.list_size > kListSizeMax / rows_per_row) {
        return io::UnimplementedError(
            io::StrCat("field ", field.name, " in so large fixed-size lists"));
      }
      rows_per_row *= layer.list_size;
    }
    node.leaf = plan_.leaves.size();
    plan_.leaves.push_back({index, rows_per_row, std::move(pages)});
    return absl::OkStatus();
  }

  const ColumnRequest& request_;
  const PagesOfColumn& pages_of_;
  FieldPlan& plan_;
  std::vector<Around> around_;  // outermost first
  size_t next_index_ = 0;
};

class StructuralTask final : public FieldTask {
 public:
  StructuralTask(const FieldPlan& plan, std::span<const RowRange> rows) : plan_(plan), rows_(rows) {
    for (const RowRange& range : rows) {
      num_rows_ += range.end - range.begin;
    }
  }

  absl::StatusOr<Reads> NextReads() override;
  absl::Status Supply(std::vector<io::Buffer> buffers) override;
  absl::StatusOr<ArrayPtr> Decode() override;

 private:
  // The rows of one page of one leaf.
  struct Part {
    size_t page = 0;
    std::vector<RowRange> rows;  // of the page
    const PageDecoder* decoder = nullptr;
    PagePlan plan;
    std::vector<io::Buffer> buffers;
  };
  struct Table {
    size_t leaf = 0;
    size_t page = 0;
    size_t num_buffers = 0;
  };
  // A leaf that is decoded, or a node above it while it is put together.
  struct Decoded {
    ArrayPtr array;
    std::vector<LayerOutput> layers;
  };

  absl::Status Locate(absl::Status status, size_t leaf, size_t page) const {
    if (status.ok()) {
      return status;
    }
    return io::Annotate(
        status, io::StrCat(plan_.options.file_name, ": ", plan_.leaves[leaf].PageName(page)));
  }

  absl::Status FindParts();
  absl::StatusOr<Reads> ReadTables();
  absl::StatusOr<Reads> ReadData();
  absl::StatusOr<Decoded> DecodeLeaf(size_t leaf);
  // Whether the leaf is text that can be given with a dictionary, as the options want it.
  bool IsCoded(size_t leaf) const;
  // REQUIRES: IsCoded(leaf).
  absl::StatusOr<Decoded> DecodeCoded(size_t leaf);
  absl::StatusOr<ArrayPtr> Assemble(const Node& node, size_t depth, std::vector<Decoded>& decoded,
                                    uint64_t absent_length) const;

  const FieldPlan& plan_;
  const std::span<const RowRange> rows_;
  uint64_t num_rows_ = 0;
  std::vector<std::vector<Part>> parts_;  // by leaf
  std::vector<Table> tables_;
  enum class State : uint8_t { kStart, kTables, kData } state_ = State::kStart;
};

absl::Status StructuralTask::FindParts() {
  parts_.resize(plan_.leaves.size());
  for (size_t leaf = 0; leaf < plan_.leaves.size(); ++leaf) {
    ColumnPages& pages = *plan_.leaves[leaf].pages;
    const uint64_t factor = plan_.leaves[leaf].rows_per_row;
    for (const RowRange& rows : rows_) {
      if (rows.end > UINT64_MAX / factor) {
        return io::InvalidArgumentError(io::StrCat("row ", rows.end));
      }
      const RowRange range{rows.begin * factor, rows.end * factor};
      if (range.end > pages.num_rows()) {
        return io::DataLossError(io::StrCat(plan_.options.file_name, ": column ",
                                            plan_.leaves[leaf].index, " has ", pages.num_rows(),
                                            " rows, wanted are rows up to ", range.end));
      }
      for (uint64_t row = range.begin; row < range.end;) {
        const size_t page = pages.PageOf(row);
        if (parts_[leaf].empty() || parts_[leaf].back().page != page) {
          parts_[leaf].push_back({.page = page, .rows = {}, .plan = {}, .buffers = {}});
        }
        const uint64_t end = std::min(range.end, pages.first_row(page + 1));
        const uint64_t first = pages.first_row(page);
        parts_[leaf].back().rows.push_back({row - first, end - first});
        row = end;
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<FieldTask::Reads> StructuralTask::ReadTables() {
  Reads reads;
  for (size_t leaf = 0; leaf < parts_.size(); ++leaf) {
    ColumnPages& pages = *plan_.leaves[leaf].pages;
    std::vector<size_t> wanted;
    const auto add = [&](size_t page) -> absl::Status {
      auto ranges = pages.MissingTables(page);
      if (!ranges.ok()) {
        return Locate(ranges.status(), leaf, page);
      }
      if (!ranges->empty()) {
        tables_.push_back({leaf, page, ranges->size()});
        reads.ranges.insert(reads.ranges.end(), ranges->begin(), ranges->end());
      }
      return absl::OkStatus();
    };
    for (const Part& part : parts_[leaf]) {
      OG_RETURN_IF_ERROR(add(part.page));
    }
    if (!reads.ranges.empty() && !parts_[leaf].empty()) {
      const size_t next = parts_[leaf].back().page + 1;
      const size_t end = std::min(pages.num_pages(), next + plan_.options.table_pages_ahead);
      for (size_t page = next; page < end; ++page) {
        OG_RETURN_IF_ERROR(add(page));
      }
    }
  }
  return reads;
}

absl::StatusOr<FieldTask::Reads> StructuralTask::ReadData() {
  Reads reads;
  reads.is_last = true;
  for (size_t leaf = 0; leaf < parts_.size(); ++leaf) {
    for (Part& part : parts_[leaf]) {
      OG_ASSIGN_OR_RETURN(part.decoder, plan_.leaves[leaf].pages->Decoder(part.page));
      auto planned = part.decoder->Plan(part.rows);
      if (!planned.ok()) {
        return Locate(planned.status(), leaf, part.page);
      }
      part.plan = *std::move(planned);
      reads.ranges.insert(reads.ranges.end(), part.plan.ranges.begin(), part.plan.ranges.end());
    }
  }
  return reads;
}

absl::StatusOr<FieldTask::Reads> StructuralTask::NextReads() {
  if (state_ == State::kStart) {
    OG_RETURN_IF_ERROR(FindParts());
    OG_ASSIGN_OR_RETURN(Reads tables, ReadTables());
    if (!tables.ranges.empty()) {
      state_ = State::kTables;
      return tables;
    }
  }
  state_ = State::kData;
  return ReadData();
}

absl::Status StructuralTask::Supply(std::vector<io::Buffer> buffers) {
  size_t next = 0;
  if (state_ == State::kTables) {
    for (const Table& table : tables_) {
      const auto part = std::span<const io::Buffer>(buffers).subspan(next, table.num_buffers);
      OG_RETURN_IF_ERROR(Locate(plan_.leaves[table.leaf].pages->LoadTables(table.page, part),
                                table.leaf, table.page));
      next += table.num_buffers;
    }
    return absl::OkStatus();
  }
  for (std::vector<Part>& parts : parts_) {
    for (Part& part : parts) {
      for (size_t i = 0; i < part.plan.ranges.size(); ++i) {
        part.buffers.push_back(std::move(buffers[next++]));
      }
    }
  }
  return absl::OkStatus();
}

bool StructuralTask::IsCoded(size_t leaf) const {
  const std::vector<Part>& parts = parts_[leaf];
  const LeafColumn& column = plan_.leaves[leaf].pages->column();
  const TypeId type = column.shape.type->id;
  const size_t parts_max = plan_.options.join_dictionaries ? SIZE_MAX : 1;
  return plan_.options.dictionary_strings &&
         (type == TypeId::kUtf8 || type == TypeId::kLargeUtf8) && column.is_list.size() == 1 &&
         !parts.empty() && parts.size() <= parts_max &&
         std::ranges::all_of(
             parts, [](const Part& part) { return part.decoder->dictionary() != nullptr; });
}

absl::StatusOr<StructuralTask::Decoded> StructuralTask::DecodeCoded(size_t leaf) {
  const LeafColumn& column = plan_.leaves[leaf].pages->column();
  const TypePtr type = Dictionary(Int32(), column.shape.type);
  OG_ASSIGN_OR_RETURN(const ValueShape shape, ShapeOf(type));
  DecodeScratch scratch;
  LeafOutput out = MakeLeafOutput(column);
  std::vector<ArrayPtr> indices;
  std::vector<ArrayPtr> dictionaries;
  int64_t num_entries = 0;
  for (Part& part : parts_[leaf]) {
    out.values = ValueSink(shape);
    OG_RETURN_IF_ERROR(Locate(part.decoder->DecodeIndices(part.plan, part.buffers, scratch, out),
                              leaf, part.page));
    part.buffers.clear();
    auto array = std::make_shared<Array>(*out.values.Finish(out.layers[0].validity));
    dictionaries.push_back(part.decoder->dictionary());
    if (dictionaries.size() > 1) {
      array->type = Int32();
      array->dictionary = nullptr;
      array->values = Shifted(array->Values<uint32_t>(), num_entries);
    }
    indices.push_back(std::move(array));
    num_entries += dictionaries.back()->length;
    if (num_entries > INT32_MAX) {
      return Locate(io::ResourceExhaustedError("dictionaries of more than 2^31 entries together"),
                    leaf, part.page);
    }
  }
  auto array = std::make_shared<Array>(*indices[0]);
  if (indices.size() > 1) {
    array->type = Int32();
    indices[0] = array;
    array = std::make_shared<Array>(*Concat(indices));
    array->type = type;
  }
  OG_ASSIGN_OR_RETURN(array->dictionary, TryConcat(dictionaries));
  return Decoded{.array = std::move(array), .layers = std::move(out.layers)};
}

// The bytes that came in are let go page by page.
absl::StatusOr<StructuralTask::Decoded> StructuralTask::DecodeLeaf(size_t leaf) {
  std::vector<Part>& parts = parts_[leaf];
  const LeafColumn& column = plan_.leaves[leaf].pages->column();
  const bool is_dictionary = column.shape.type->id == TypeId::kDictionary;
  DecodeScratch scratch;
  if (IsCoded(leaf)) return DecodeCoded(leaf);
  LeafOutput out = MakeLeafOutput(column);
  std::vector<ArrayPtr> segments;
  for (Part& part : parts) {
    OG_RETURN_IF_ERROR(
        Locate(part.decoder->Decode(part.plan, part.buffers, scratch, out), leaf, part.page));
    if (out.values.length() != out.layers[0].validity.length()) {
      return Locate(io::DataLossError(io::StrCat(out.values.length(), " values for ",
                                                 out.layers[0].validity.length(), " slots")),
                    leaf, part.page);
    }
    part.buffers.clear();
    if (is_dictionary) {
      // Every page has a dictionary of its own.
      auto array = std::make_shared<Array>(*out.values.Finish(out.layers[0].validity));
      array->dictionary = part.decoder->dictionary();
      if (array->dictionary == nullptr) {
        if (array->null_count != array->length) {
          return Locate(io::DataLossError("values of a dictionary that the page does not have"),
                        leaf, part.page);
        }
        array->dictionary = EmptyArray(column.shape.type->value_type);
      }
      segments.push_back(std::move(array));
    }
  }
  Decoded decoded;
  if (!is_dictionary) {
    decoded.array = out.values.Finish(out.layers[0].validity);
  } else if (segments.empty()) {
    decoded.array = EmptyArray(column.shape.type);
  } else {
    OG_ASSIGN_OR_RETURN(decoded.array, TryConcat(segments));
  }
  decoded.layers = std::move(out.layers);
  return decoded;
}

absl::StatusOr<ArrayPtr> StructuralTask::Assemble(const Node& node, size_t depth,
                                                  std::vector<Decoded>& decoded,
                                                  uint64_t absent_length) const {
  if (node.leaf == kNoLeaf) {
    return NullArray(node.type, static_cast<int64_t>(absent_length));
  }
  if (node.is_leaf) {
    return decoded[node.leaf].array;
  }
  std::vector<LayerOutput>& layers = decoded[node.leaf].layers;
  LayerOutput& layer = layers[layers.size() - 1 - depth];
  auto array = std::make_shared<Array>();
  array->type = node.type;
  if (node.levels_per_value != 1) {
    layer.validity = layer.validity.EveryNth(node.levels_per_value);
  }
  array->length = static_cast<int64_t>(layer.validity.length());
  uint64_t child_length = layer.is_list ? layer.num_children : layer.validity.length();
  if (node.type->id == TypeId::kFixedSizeList) {
    child_length *= static_cast<uint64_t>(node.type->list_size);
  }
  layer.validity.Finish(*array);
  if (layer.is_list) {
    if (layer.offsets.size() == 0) {
      array->offsets = io::Buffer::Zeros(layer.has_large_offsets ? 8 : 4);
    } else {
      array->offsets = std::move(layer.offsets).Share();
    }
  }
  for (const Node& child : node.children) {
    OG_ASSIGN_OR_RETURN(ArrayPtr assembled, Assemble(child, depth + 1, decoded, child_length));
    if (static_cast<uint64_t>(assembled->length) != child_length) {
      return io::DataLossError(
          io::StrCat(plan_.options.file_name, ": column ", plan_.leaves[child.leaf].index, " has ",
                     assembled->length, " values where its siblings have ", child_length));
    }
    array->children.push_back(std::move(assembled));
  }
  return array;
}

absl::StatusOr<ArrayPtr> StructuralTask::Decode() {
  std::vector<Decoded> decoded;
  for (size_t leaf = 0; leaf < plan_.leaves.size(); ++leaf) {
    OG_ASSIGN_OR_RETURN(Decoded one, DecodeLeaf(leaf));
    decoded.push_back(std::move(one));
  }
  OG_ASSIGN_OR_RETURN(ArrayPtr array, Assemble(plan_.root, 0, decoded, num_rows_));
  if (static_cast<uint64_t>(array->length) != num_rows_) {
    return io::DataLossError(io::StrCat(plan_.options.file_name, ": column ",
                                        plan_.leaves[plan_.root.leaf].index, " gave ",
                                        array->length, " rows, want ", num_rows_));
  }
  return array;
}

class StructuralReader final : public FieldReader {
 public:
  explicit StructuralReader(FieldPlan plan) : plan_(std::move(plan)) {}

  std::unique_ptr<FieldTask> Read(std::span<const RowRange> rows) const override {
    return std::make_unique<StructuralTask>(plan_, rows);
  }

  absl::StatusOr<uint64_t> RowBytes256(uint64_t row) const override {
    uint64_t bytes = 256;
    for (const Leaf& leaf : plan_.leaves) {
      if (row >= leaf.pages->num_rows() / leaf.rows_per_row) {
        continue;
      }
      const size_t page = leaf.pages->PageOf(row * leaf.rows_per_row);
      const auto decoder = leaf.pages->Decoder(page);
      if (!decoder.ok()) {
        return io::Annotate(decoder.status(),
                            io::StrCat(plan_.options.file_name, ": ", leaf.PageName(page)));
      }
      const uint64_t estimate = std::min((*decoder)->EstimatedBytes(), uint64_t{1} << 50);
      bytes += estimate * 256 / std::max<uint64_t>((*decoder)->num_rows(), 1) * leaf.rows_per_row;
    }
    return bytes;
  }

 private:
  const FieldPlan plan_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FieldReader>> MakeStructuralReader(
    const ColumnRequest& request, const PagesOfColumn& pages_of, const StructuralOptions& options) {
  FieldPlan plan;
  plan.options = options;
  PlanBuilder builder(request, pages_of, plan);
  const absl::Status built = builder.Build();
  if (!built.ok()) {
    return io::Annotate(built, options.file_name);
  }
  return std::make_unique<StructuralReader>(std::move(plan));
}

}  // namespace og::format
