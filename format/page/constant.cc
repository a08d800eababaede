// Constant pages: one value for all valid rows, or only nulls, with levels where there are several
// layers.
//
//   buffers  inline value  content
//         0  no            only nulls, or a type without values: structs without members are not
//         null 0  yes           the value for every row 2  any           repetition levels,
//         definition levels 1  no            the value 3  no            the value, repetition
//         levels, definition levels
//
// An inline value is the one Arrow buffer of the value, a bool one byte. A value in a buffer is
// u32 n | n x u32 length | the n Arrow buffers of an array of length 1. Levels are raw u16, or a
// block if the layout names a codec for them; a level buffer of no bytes means that the page has
// no such levels.
//
// Source: lance-encoding 10.0.0: src/encodings/logical/primitive.rs.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "format/page/layouts.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Bytes = std::span<const std::byte>;

// Levels take next to no bytes when they are all alike; this bounds what a small file can ask for.
constexpr uint64_t kLevelsMax = uint64_t{1} << 27;

bool IsEmptyStruct(const ValueShape& shape) {
  return shape.type->id == TypeId::kStruct && shape.kind == ValueShape::Kind::kNone;
}

class ConstantDecoder final : public PageDecoder {
 public:
  ConstantDecoder(const PageInfo& page, const LeafColumn& column)
      : PageDecoder(page.num_rows), page_(page), column_(column) {}

  absl::Status Init(const lance::encodings21::ConstantLayout& layout);

  uint64_t EstimatedBytes() const override;
  std::vector<FileRange> table_ranges() const override { return page_.buffers; }
  absl::Status LoadTables(std::span<const io::Buffer> buffers) override;
  absl::StatusOr<PagePlan> Plan(std::span<const RowRange> rows) const override {
    PagePlan plan;
    plan.rows.assign(rows.begin(), rows.end());
    return plan;
  }
  absl::Status Decode(const PagePlan& plan, std::span<const io::Buffer> buffers,
                      DecodeScratch& scratch, LeafOutput& out) const override;

 private:
  absl::Status LoadScalar(Bytes scalar);
  absl::Status SetScalar(Bytes value);
  absl::StatusOr<std::vector<uint16_t>> LoadLevels(const std::optional<ValueCodec>& codec,
                                                   uint64_t stated, Bytes bytes) const;
  absl::Status IndexRows();
  absl::Status AppendSlots(uint64_t count, ValueSink& sink) const;

  const PageInfo page_;
  const LeafColumn& column_;
  PageLayers layers_;
  std::optional<ValueCodec> rep_codec_;
  std::optional<ValueCodec> def_codec_;
  uint64_t num_rep_ = 0;
  uint64_t num_def_ = 0;
  bool has_scalar_ = false;
  std::string scalar_;  // bytes of the value; a bool is one bit
  std::vector<uint16_t> rep_;
  std::vector<uint16_t> def_;
  std::vector<uint32_t>
      row_starts_;  // with repetition levels: first level of each row, and the end
};

absl::Status ConstantDecoder::Init(const lance::encodings21::ConstantLayout& layout) {
  if (IsEmptyStruct(column_.shape) && layout.layers_size() == 1) {
    // Lance names one layer, however many structs are around.
    const std::vector<int> kinds(column_.is_list.size(), layout.layers(0));
    OG_ASSIGN_OR_RETURN(layers_, MakePageLayers(kinds, column_.is_list));
  } else {
    OG_ASSIGN_OR_RETURN(layers_, LayersOf(layout.layers(), column_));
  }
  if (layout.has_rep_compression()) {
    OG_ASSIGN_OR_RETURN(rep_codec_, CompileCodec(layout.rep_compression()));
  }
  if (layout.has_def_compression()) {
    OG_ASSIGN_OR_RETURN(def_codec_, CompileCodec(layout.def_compression()));
  }
  num_rep_ = layout.num_rep_values();
  num_def_ = layout.num_def_values();
  const size_t count = page_.buffers.size();
  if (count > 3 || (layout.has_inline_value() && count % 2 != 0)) {
    return io::DataLossError(io::StrCat("constant page with ", count, " buffers"));
  }
  if (layout.has_inline_value()) {
    return SetScalar(io::AsBytes(layout.inline_value()));
  }
  return absl::OkStatus();
}

absl::Status ConstantDecoder::SetScalar(Bytes value) {
  const ValueShape& shape = column_.shape;
  const bool has_right_size =
      shape.kind == ValueShape::Kind::kVariable ||
      (shape.kind == ValueShape::Kind::kBits && value.size() == 1 && shape.slot_bits == 1) ||
      (shape.kind == ValueShape::Kind::kBytes && value.size() == shape.slot_bytes());
  if (shape.type->id == TypeId::kDictionary || shape.kind == ValueShape::Kind::kMembers) {
    return io::UnimplementedError(io::StrCat("constant page of type ", shape.type->ToString()));
  }
  if (!has_right_size) {
    return io::DataLossError(
        io::StrCat("constant of ", value.size(), " bytes for type ", shape.type->ToString()));
  }
  has_scalar_ = true;
  scalar_.assign(reinterpret_cast<const char*>(value.data()), value.size());
  return absl::OkStatus();
}

uint64_t ConstantDecoder::EstimatedBytes() const {
  const uint64_t width =
      std::max({column_.shape.slot_bytes(), uint64_t{scalar_.size()}, uint64_t{1}});
  const uint64_t values = std::max({num_rows(), num_rep_, num_def_});
  return values < UINT64_MAX / width ? values * width : UINT64_MAX;
}

absl::Status ConstantDecoder::LoadScalar(Bytes scalar) {
  const auto damaged = [&] {
    return io::DataLossError(io::StrCat("constant of ", scalar.size(), " bytes is damaged"));
  };
  if (scalar.size() < 4) {
    return damaged();
  }
  const uint64_t count = io::LoadLe<uint32_t>(scalar);
  const bool is_variable = column_.shape.kind == ValueShape::Kind::kVariable;
  if (count != (is_variable ? 2u : 1u) || scalar.size() < 4 + 4 * count) {
    return damaged();
  }
  const uint64_t first_bytes = io::LoadLe<uint32_t>(scalar, 4);
  Bytes rest = scalar.subspan(4 + 4 * count);
  if (first_bytes > rest.size()) {
    return damaged();
  }
  if (!is_variable) {
    return SetScalar(rest.first(first_bytes));
  }
  const bool is_large = column_.shape.type->has_large_offsets();
  const uint64_t text_bytes = io::LoadLe<uint32_t>(scalar, 8);
  const Bytes offsets = rest.first(first_bytes);
  rest = rest.subspan(first_bytes);
  if (offsets.size() != (is_large ? 16u : 8u) || text_bytes > rest.size()) {
    return damaged();
  }
  const uint64_t begin = is_large ? io::LoadLe<uint64_t>(offsets) : io::LoadLe<uint32_t>(offsets);
  const uint64_t end =
      is_large ? io::LoadLe<uint64_t>(offsets, 8) : io::LoadLe<uint32_t>(offsets, 4);
  if (begin > end || end > text_bytes) {
    return damaged();
  }
  return SetScalar(rest.subspan(begin, end - begin));
}

absl::StatusOr<std::vector<uint16_t>> ConstantDecoder::LoadLevels(
    const std::optional<ValueCodec>& codec, uint64_t stated, Bytes bytes) const {
  std::vector<uint16_t> levels;
  if (bytes.empty()) {
    return levels;
  }
  const uint64_t count = codec.has_value() ? stated : bytes.size() / sizeof(uint16_t);
  if (count > kLevelsMax) {
    return io::DataLossError(io::StrCat("constant page of ", count, " levels"));
  }
  levels.resize(count);
  DecodeScratch scratch;
  OG_RETURN_IF_ERROR(
      DecodeLevels(codec.has_value() ? &*codec : nullptr, bytes, count, scratch, levels.data()));
  return levels;
}

absl::Status ConstantDecoder::LoadTables(std::span<const io::Buffer> buffers) {
  const bool has_scalar_buffer = buffers.size() % 2 == 1;
  if (has_scalar_buffer) {
    OG_RETURN_IF_ERROR(LoadScalar(buffers[0].span()));
  }
  if (buffers.size() >= 2) {
    OG_ASSIGN_OR_RETURN(rep_, LoadLevels(rep_codec_, num_rep_, buffers[buffers.size() - 2].span()));
    OG_ASSIGN_OR_RETURN(def_, LoadLevels(def_codec_, num_def_, buffers.back().span()));
  }
  if (!rep_.empty() && !def_.empty() && rep_.size() != def_.size()) {
    return io::DataLossError(
        io::StrCat(rep_.size(), " repetition levels and ", def_.size(), " definition levels"));
  }
  if (layers_.has_rep() && rep_.empty()) {
    return io::DataLossError("constant page of lists without repetition levels");
  }
  if (layers_.has_rep()) {
    return IndexRows();
  }
  if (!rep_.empty() || (!def_.empty() && def_.size() != num_rows())) {
    return io::DataLossError(
        io::StrCat(std::max(rep_.size(), def_.size()), " levels for ", num_rows(), " rows"));
  }
  return absl::OkStatus();
}

absl::Status ConstantDecoder::IndexRows() {
  if (rep_[0] != layers_.max_rep) {
    return io::DataLossError("the first level does not start a row");
  }
  for (size_t i = 0; i < rep_.size(); ++i) {
    if (rep_[i] == layers_.max_rep) {
      row_starts_.push_back(static_cast<uint32_t>(i));
    }
  }
  if (row_starts_.size() != num_rows()) {
    return io::DataLossError(
        io::StrCat("levels of ", row_starts_.size(), " rows, the page has ", num_rows()));
  }
  row_starts_.push_back(static_cast<uint32_t>(rep_.size()));
  return absl::OkStatus();
}

absl::Status ConstantDecoder::AppendSlots(uint64_t count, ValueSink& sink) const {
  if (!has_scalar_) {
    return sink.AppendEmpty(count);
  }
  const Bytes value = io::AsBytes(scalar_);
  switch (column_.shape.kind) {
    case ValueShape::Kind::kBits: {
      const std::string bits((count + 7) / 8, scalar_[0] == 0 ? '\0' : '\xff');
      return sink.AppendBits(io::AsBytes(bits).data(), 0, count);
    }
    case ValueShape::Kind::kBytes: {
      OG_ASSIGN_OR_RETURN(std::byte * to, sink.ExtendBytes(count));
      for (uint64_t i = 0; i < count && !value.empty(); ++i, to += value.size()) {
        std::memcpy(to, value.data(), value.size());
      }
      return absl::OkStatus();
    }
    default:
      for (uint64_t i = 0; i < count; ++i) {
        OG_RETURN_IF_ERROR(sink.AppendString(value));
      }
      return absl::OkStatus();
  }
}

absl::Status ConstantDecoder::Decode(const PagePlan& plan, std::span<const io::Buffer>,
                                     DecodeScratch&, LeafOutput& out) const {
  for (const RowRange& range : plan.rows) {
    uint64_t first = range.begin;
    uint64_t last = range.end;
    if (layers_.has_rep()) {
      first = row_starts_[range.begin];
      last = row_starts_[range.end];
    }
    LevelSpan levels{.rep = {}, .def = {}, .num_levels = last - first};
    if (layers_.has_rep()) {
      levels.rep = std::span(rep_).subspan(first, last - first);
    }
    if (!def_.empty()) {
      levels.def = std::span(def_).subspan(first, last - first);
    }
    std::vector<uint16_t> all_null;
    const bool has_only_nulls =
        !has_scalar_ && def_.empty() && layers_.max_def > 0 && !IsEmptyStruct(column_.shape);
    if (has_only_nulls) {
      // Nulls without levels: of the one layer there is, or of the innermost.
      all_null.assign(last - first, 1);
      levels.def = all_null;
    }
    uint64_t slots = last - first;
    if (!levels.def.empty()) {
      slots = static_cast<uint64_t>(std::ranges::count_if(
          levels.def, [&](uint16_t level) { return level <= layers_.max_visible_def; }));
    }
    OG_RETURN_IF_ERROR(AppendSlots(slots, out.values));
    OG_RETURN_IF_ERROR(Unravel(layers_, levels, out.layers));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeConstantDecoder(
    const lance::encodings21::ConstantLayout& layout, const PageInfo& page,
    const LeafColumn& column) {
  auto decoder = std::make_unique<ConstantDecoder>(page, column);
  OG_RETURN_IF_ERROR(decoder->Init(layout));
  return decoder;
}

}  // namespace og::format
