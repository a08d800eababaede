// Full-zip pages. Buffer 0, for each level: control word, length, value.
//
//   control word   repetition << bits_def | definition, in 0, 1, 2 or 4 bytes for 0, <= 8, <= 16
//                  or more bits together
//   length         variable width only: u32 or u64; only if the level has a slot and is not null
//   value          fixed width: if the level has a slot; else as the length
//
// Buffer 1, the repetition index, iff the values have variable width or the page has lists: one
// entry of 1, 2, 4 or 8 bytes for each row, where it starts in buffer 0, and one for the end.
//
// A fixed-size list with null items has the bits of its items in front of each value, one bitmap a
// level, outermost first; so has one that is a member of packed rows. Where all items of a page are
// null, Constant stands for them: the slot ends with the bitmaps (Lance 14), or Constant stands for
// the list and its items have no bitmap either (Lance 10).
//
// Source: lance-encoding 10.0.0: src/encodings/logical/primitive.rs,
// src/encodings/physical/packed.rs.
#include <algorithm>
#include <cstring>
#include <optional>

#include "format/page/layouts.h"
#include "io/base/bits.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

using Bytes = std::span<const std::byte>;

// Bits in front of a list value that say which items of a level are valid.
struct ItemBits {
  size_t level = 0;
  uint64_t items = 0;
  uint64_t offset = 0;  // bytes from the start of the slot
};

// Where the parts of a value of fixed width stand.
struct SlotForm {
  uint64_t bytes = 0;         // with the bits of items
  uint64_t value_offset = 0;  // bytes of these bits
  std::vector<ItemBits> item_bits;
  bool has_null_items = false;            // the values are all null
  std::optional<size_t> null_item_level;  // of them one without a bitmap
};

// kDataLoss if values of `bits_per_value` bits in `codec` are none of `shape`.
absl::StatusOr<SlotForm> FormOfSlots(const ValueCodec& codec, const ValueShape& shape,
                                     uint64_t bits_per_value) {
  if (bits_per_value % 8 != 0) {
    return io::DataLossError(io::StrCat("full-zip values of ", bits_per_value, " bits"));
  }
  SlotForm form;
  form.bytes = bits_per_value / 8;
  uint64_t items = 1;
  size_t level = 0;
  const ValueCodec* at = &codec;
  for (; at->kind == ValueCodec::Kind::kFixedSizeList; at = &at->children[0], ++level) {
    items *= at->items;
    if (level >= shape.items_per_slot.size() || shape.items_per_slot[level] != items) {
      return io::DataLossError("lists of another size than the column's type");
    }
    if (at->has_validity) {
      form.item_bits.push_back({level, items, form.value_offset});
      form.value_offset += io::BytesForBits(items);
    }
  }
  if (at->kind == ValueCodec::Kind::kConstant && at->constant.empty() &&
      !shape.items_per_slot.empty()) {
    form.has_null_items = true;
    if (level < shape.items_per_slot.size()) {
      form.null_item_level = level;
    }
    if (form.bytes != form.value_offset) {
      return io::DataLossError(
          io::StrCat("full-zip values of ", bits_per_value, " bits for lists of nulls"));
    }
    return form;
  }
  if (at->kind != ValueCodec::Kind::kFlat) {
    return io::UnimplementedError("this codec for fixed-width values in full-zip pages");
  }
  // A bool takes a byte of its own.
  const bool is_wide_bool = shape.kind == ValueShape::Kind::kBits;
  if ((shape.kind != ValueShape::Kind::kBytes && !is_wide_bool) ||
      level != shape.items_per_slot.size() ||
      form.bytes != form.value_offset + io::BytesForBits(shape.slot_bits)) {
    return io::DataLossError(io::StrCat("full-zip values of ", bits_per_value, " bits for type ",
                                        shape.type->ToString()));
  }
  return form;
}

absl::Status AppendNullItems(const SlotForm& form, uint64_t count, ValueSink& sink) {
  OG_RETURN_IF_ERROR(sink.AppendEmpty(count));
  if (form.null_item_level.has_value()) {
    const uint64_t items = count * sink.shape().items_per_slot[*form.null_item_level];
    const std::vector<std::byte> zeros(io::BytesForBits(items));
    sink.AppendItemValidity(*form.null_item_level, zeros.data(), 0, items);
  }
  return absl::OkStatus();
}

// `count` slots of form.bytes bytes each, one behind the other from `first` on.
absl::Status AppendSlots(const SlotForm& form, const std::byte* first, uint64_t count,
                         ValueSink& sink) {
  const ValueShape& shape = sink.shape();
  if (form.has_null_items) {
    OG_RETURN_IF_ERROR(AppendNullItems(form, count, sink));
  } else if (shape.kind == ValueShape::Kind::kBits) {
    for (uint64_t i = 0; i < count; ++i) {
      OG_RETURN_IF_ERROR(sink.AppendBits(first + i * form.bytes + form.value_offset, 0, 1));
    }
  } else {
    const uint64_t width = shape.slot_bytes();
    OG_ASSIGN_OR_RETURN(std::byte* const to, sink.ExtendBytes(count));
    if (count * width != 0 && form.bytes == width) {
      std::memcpy(to, first, count * width);
    } else if (width != 0) {
      for (uint64_t i = 0; i < count; ++i) {
        std::memcpy(to + i * width, first + i * form.bytes + form.value_offset, width);
      }
    }
  }
  for (uint64_t i = 0; i < count && !form.item_bits.empty(); ++i) {
    for (const ItemBits& bits : form.item_bits) {
      sink.AppendItemValidity(bits.level, first + i * form.bytes + bits.offset, 0, bits.items);
    }
  }
  return absl::OkStatus();
}

class FullZipDecoder final : public PageDecoder {
 public:
  FullZipDecoder(const PageInfo& page, const LeafColumn& column)
      : PageDecoder(page.num_rows), page_(page), column_(column) {}

  absl::Status Init(const lance::encodings21::FullZipLayout& layout);

  uint64_t EstimatedBytes() const override {
    if (slot_.has_null_items) {
      const uint64_t width = std::max<uint64_t>(column_.shape.slot_bytes(), 1);
      return num_rows() < UINT64_MAX / width ? num_rows() * width : UINT64_MAX;
    }
    const bool is_text = column_.shape.kind == ValueShape::Kind::kVariable;
    return page_.buffers[0].bytes * (is_text ? TextExpansion(codec_) : 1);
  }
  std::vector<FileRange> table_ranges() const override {
    return has_index() ? std::vector<FileRange>{page_.buffers[1]} : std::vector<FileRange>();
  }
  absl::Status LoadTables(std::span<const io::Buffer> buffers) override;
  absl::StatusOr<PagePlan> Plan(std::span<const RowRange> rows) const override;
  absl::Status Decode(const PagePlan& plan, std::span<const io::Buffer> buffers,
                      DecodeScratch& scratch, LeafOutput& out) const override;

 private:
  bool has_index() const { return is_variable_ || layers_.has_rep(); }
  absl::Status InitVariable(uint64_t bits_per_offset);
  absl::Status InitPackedStruct();
  // Where row r starts in buffer 0; r = num_rows() is the end.
  uint64_t RowStart(uint64_t r) const;
  uint64_t LoadControl(const std::byte* at) const;
  absl::Status DecodeRows(Bytes bytes, DecodeScratch& scratch, std::vector<uint16_t>& rep,
                          std::vector<uint16_t>& def, ValueSink& sink) const;
  absl::Status AppendVariable(const ValueCodec& codec, Bytes value, DecodeScratch& scratch,
                              ValueSink& sink) const;
  absl::Status AppendPacked(Bytes value, DecodeScratch& scratch, ValueSink& sink) const;

  const PageInfo page_;
  const LeafColumn& column_;
  PageLayers layers_;
  ValueCodec codec_;
  bool is_variable_ = false;
  unsigned bits_def_ = 0;
  uint64_t control_bytes_ = 0;
  uint64_t length_bytes_ = 0;           // variable: 4 or 8
  SlotForm slot_;                       // fixed
  std::vector<SlotForm> member_slots_;  // packed rows: nothing for a member that has a length
  io::Buffer index_;
  uint64_t index_width_ = 0;
};

absl::Status FullZipDecoder::Init(const lance::encodings21::FullZipLayout& layout) {
  OG_ASSIGN_OR_RETURN(layers_, LayersOf(layout.layers(), column_));
  OG_ASSIGN_OR_RETURN(codec_, CompileCodec(layout.value_compression()));
  const uint64_t bits = uint64_t{layout.bits_rep()} + layout.bits_def();
  if (layout.bits_rep() > 16 || layout.bits_def() > 16) {
    return io::DataLossError(
        io::StrCat("levels of ", layout.bits_rep(), " and ", layout.bits_def(), " bits"));
  }
  if (layers_.has_rep() && layout.bits_rep() == 0) {
    return io::DataLossError("page of lists without repetition levels");
  }
  bits_def_ = layout.bits_def();
  control_bytes_ = bits == 0 ? 0 : bits <= 8 ? 1 : bits <= 16 ? 2 : 4;
  using Layout = lance::encodings21::FullZipLayout;
  switch (layout.details_case()) {
    case Layout::kBitsPerValue: {
      OG_ASSIGN_OR_RETURN(slot_, FormOfSlots(codec_, column_.shape, layout.bits_per_value()));
      break;
    }
    case Layout::kBitsPerOffset:
      OG_RETURN_IF_ERROR(InitVariable(layout.bits_per_offset()));
      break;
    default:
      return io::DataLossError("full-zip page without a width");
  }
  OG_RETURN_IF_ERROR(CheckNumBuffers(page_, has_index() ? 2 : 1));
  if (has_index()) {
    const uint64_t bytes = page_.buffers[1].bytes;
    if (num_rows() == UINT64_MAX || bytes % (num_rows() + 1) != 0) {
      return io::DataLossError(
          io::StrCat("repetition index of ", bytes, " bytes for ", num_rows(), " rows"));
    }
    index_width_ = bytes / (num_rows() + 1);
    if (index_width_ != 1 && index_width_ != 2 && index_width_ != 4 && index_width_ != 8) {
      return io::DataLossError(
          io::StrCat("repetition index with entries of ", index_width_, " bytes"));
    }
    return absl::OkStatus();
  }
  const uint64_t row_bytes = control_bytes_ + slot_.bytes;
  if (row_bytes != 0 && num_rows() != page_.buffers[0].bytes / row_bytes) {
    return io::DataLossError(
        io::StrCat(num_rows(), " rows of ", row_bytes, " bytes in ", page_.buffers[0].bytes));
  }
  return absl::OkStatus();
}

absl::Status FullZipDecoder::InitVariable(uint64_t bits_per_offset) {
  if (bits_per_offset != 32 && bits_per_offset != 64) {
    return io::DataLossError(io::StrCat("lengths of ", bits_per_offset, " bits"));
  }
  is_variable_ = true;
  length_bytes_ = bits_per_offset / 8;
  if (column_.shape.kind == ValueShape::Kind::kMembers) {
    return InitPackedStruct();
  }
  const ValueCodec& inner = codec_.kind == ValueCodec::Kind::kGeneral ? codec_.children[0] : codec_;
  if (column_.shape.kind != ValueShape::Kind::kVariable ||
      (inner.kind != ValueCodec::Kind::kVariable && inner.kind != ValueCodec::Kind::kFsst)) {
    return io::DataLossError(
        io::StrCat("full-zip values of variable width for type ", column_.shape.type->ToString()));
  }
  return absl::OkStatus();
}

absl::Status FullZipDecoder::InitPackedStruct() {
  const ValueShape& shape = column_.shape;
  if (codec_.kind != ValueCodec::Kind::kVariablePackedStruct ||
      codec_.children.size() != shape.members.size()) {
    return io::DataLossError(
        io::StrCat("packed rows that do not match type ", shape.type->ToString()));
  }
  member_slots_.resize(shape.members.size());
  for (size_t m = 0; m < shape.members.size(); ++m) {
    const ValueCodec& member = codec_.children[m];
    const ValueShape& member_shape = shape.members[m];
    const auto mismatch = [&] {
      return io::DataLossError(io::StrCat("packed rows: member ", m, " does not match type ",
                                          member_shape.type->ToString()));
    };
    if (codec_.member_length_bits[m] != 0) {
      const ValueCodec& inner =
          member.kind == ValueCodec::Kind::kGeneral ? member.children[0] : member;
      if (member_shape.kind != ValueShape::Kind::kVariable ||
          (inner.kind != ValueCodec::Kind::kVariable && inner.kind != ValueCodec::Kind::kFsst)) {
        return mismatch();
      }
      continue;
    }
    auto form = FormOfSlots(member, member_shape, codec_.member_bits[m]);
    if (!form.ok()) {
      return io::Annotate(form.status(), io::StrCat("packed rows: member ", m));
    }
    // Bools stand in rows as lists of whole bytes only; no rows have members that are all null.
    const bool is_single_bool =
        member_shape.kind == ValueShape::Kind::kBits && member_shape.slot_bits % 8 != 0;
    if (is_single_bool || form->has_null_items) {
      return mismatch();
    }
    member_slots_[m] = *std::move(form);
  }
  return absl::OkStatus();
}

absl::Status FullZipDecoder::LoadTables(std::span<const io::Buffer> buffers) {
  if (!has_index()) {
    return absl::OkStatus();
  }
  // A copy: the buffer may be a small part of a large read, and this stays.
  index_ = io::Buffer::CopyOf(buffers[0].span());
  uint64_t last = 0;
  for (uint64_t r = 0; r <= num_rows(); ++r) {
    const uint64_t start = RowStart(r);
    if (start < last || start > page_.buffers[0].bytes) {
      return io::DataLossError(io::StrCat("repetition index: row ", r, " starts at ", start, " of ",
                                          page_.buffers[0].bytes));
    }
    last = start;
  }
  return absl::OkStatus();
}

uint64_t FullZipDecoder::RowStart(uint64_t r) const {
  if (!has_index()) {
    return r * (control_bytes_ + slot_.bytes);
  }
  uint64_t start = 0;
  std::memcpy(&start, index_.data() + r * index_width_, index_width_);
  return start;
}

absl::StatusOr<PagePlan> FullZipDecoder::Plan(std::span<const RowRange> rows) const {
  PagePlan plan;
  plan.rows.assign(rows.begin(), rows.end());
  for (size_t r = 0; r < rows.size(); ++r) {
    const uint64_t start = RowStart(rows[r].begin);
    const uint64_t bytes = RowStart(rows[r].end) - start;
    plan.ranges.push_back({page_.buffers[0].offset + start, bytes});
    plan.pieces.push_back({.range = r,
                           .offset = 0,
                           .bytes = bytes,
                           .unit = rows[r].begin,
                           .first_rows = r,
                           .num_rows = 1});
  }
  return plan;
}

uint64_t FullZipDecoder::LoadControl(const std::byte* at) const {
  uint64_t control = 0;
  std::memcpy(&control, at, control_bytes_);
  return control;
}

absl::Status FullZipDecoder::AppendVariable(const ValueCodec& codec, Bytes value,
                                            DecodeScratch& scratch, ValueSink& sink) const {
  const ValueCodec* inner = &codec;
  if (codec.kind == ValueCodec::Kind::kGeneral) {
    OG_RETURN_IF_ERROR(Decompress(codec.compression, value, scratch.decompressed));
    value = scratch.decompressed.span();
    inner = &codec.children[0];
  }
  if (inner->kind != ValueCodec::Kind::kFsst) {
    return sink.AppendString(value);
  }
  const uint64_t room = value.size() * kFsstSymbolBytesMax + kFsstSlackBytes;
  OG_ASSIGN_OR_RETURN(std::byte* const out, sink.PrepareText(room));
  const std::byte* const end = inner->fsst->Decode(value, out);
  if (end == nullptr) {
    return io::DataLossError("fsst: damaged codes");
  }
  return sink.AppendWritten(end);
}

absl::Status FullZipDecoder::AppendPacked(Bytes value, DecodeScratch& scratch,
                                          ValueSink& sink) const {
  const auto take = [&](uint64_t bytes) -> absl::StatusOr<Bytes> {
    if (bytes > value.size()) {
      return io::DataLossError(
          io::StrCat("packed row: member of ", bytes, " bytes, ", value.size(), " are left"));
    }
    const Bytes taken = value.first(bytes);
    value = value.subspan(bytes);
    return taken;
  };
  for (size_t m = 0; m < codec_.children.size(); ++m) {
    ValueSink& member = sink.member(m);
    const uint64_t length_bytes = codec_.member_length_bits[m] / 8;
    if (length_bytes == 0) {
      OG_ASSIGN_OR_RETURN(const Bytes bytes, take(member_slots_[m].bytes));
      OG_RETURN_IF_ERROR(AppendSlots(member_slots_[m], bytes.data(), 1, member));
      continue;
    }
    OG_ASSIGN_OR_RETURN(const Bytes prefix, take(length_bytes));
    const uint64_t length =
        length_bytes == 8 ? io::LoadLe<uint64_t>(prefix) : io::LoadLe<uint32_t>(prefix);
    OG_ASSIGN_OR_RETURN(const Bytes text, take(length));
    OG_RETURN_IF_ERROR(AppendVariable(codec_.children[m], text, scratch, member));
  }
  if (!value.empty()) {
    return io::DataLossError(io::StrCat("packed row with ", value.size(), " bytes left over"));
  }
  sink.AppendRows(1);
  return absl::OkStatus();
}

absl::Status FullZipDecoder::DecodeRows(Bytes bytes, DecodeScratch& scratch,
                                        std::vector<uint16_t>& rep, std::vector<uint16_t>& def,
                                        ValueSink& sink) const {
  const uint64_t def_mask = (uint64_t{1} << bits_def_) - 1;
  uint64_t at = 0;
  const auto need = [&](uint64_t count) -> absl::Status {
    if (count > bytes.size() - at) {
      return io::DataLossError(
          io::StrCat("value of ", count, " bytes at ", at, " of ", bytes.size()));
    }
    return absl::OkStatus();
  };
  while (at < bytes.size()) {
    OG_RETURN_IF_ERROR(need(control_bytes_));
    const uint64_t control = LoadControl(bytes.data() + at);
    at += control_bytes_;
    const uint64_t definition = control & def_mask;
    const bool has_slot = definition <= layers_.max_visible_def;
    rep.push_back(static_cast<uint16_t>(control >> bits_def_));
    def.push_back(static_cast<uint16_t>(definition));
    if (!has_slot) {
      continue;
    }
    if (!is_variable_) {
      OG_RETURN_IF_ERROR(need(slot_.bytes));
      OG_RETURN_IF_ERROR(AppendSlots(slot_, bytes.data() + at, 1, sink));
      at += slot_.bytes;
      continue;
    }
    if (definition != 0) {
      OG_RETURN_IF_ERROR(sink.AppendEmpty(1));
      continue;
    }
    OG_RETURN_IF_ERROR(need(length_bytes_));
    const uint64_t length =
        length_bytes_ == 8 ? io::LoadLe<uint64_t>(bytes, at) : io::LoadLe<uint32_t>(bytes, at);
    at += length_bytes_;
    OG_RETURN_IF_ERROR(need(length));
    const Bytes value = bytes.subspan(at, length);
    at += length;
    OG_RETURN_IF_ERROR(codec_.kind == ValueCodec::Kind::kVariablePackedStruct
                           ? AppendPacked(value, scratch, sink)
                           : AppendVariable(codec_, value, scratch, sink));
  }
  return absl::OkStatus();
}

absl::Status FullZipDecoder::Decode(const PagePlan& plan, std::span<const io::Buffer> buffers,
                                    DecodeScratch& scratch, LeafOutput& out) const {
  std::vector<uint16_t> rep;
  std::vector<uint16_t> def;
  uint64_t num_levels = 0;
  uint64_t total_bytes = 0;
  for (const io::Buffer& buffer : buffers) {
    total_bytes += buffer.size();
  }
  const bool can_adopt = !is_variable_ && control_bytes_ == 0 && slot_.item_bits.empty() &&
                         column_.shape.kind == ValueShape::Kind::kBytes && slot_.bytes != 0 &&
                         !slot_.has_null_items;
  if (can_adopt && buffers.size() == 1 && out.values.is_empty()) {
    num_levels = buffers[0].size() / slot_.bytes;
    out.values.Adopt(buffers[0]);
    return Unravel(layers_, {rep, def, num_levels}, out.layers);
  }
  uint64_t rows = 0;
  for (const RowRange& range : plan.rows) {
    rows += range.end - range.begin;
  }
  OG_RETURN_IF_ERROR(
      out.values.Reserve(is_variable_ ? rows : total_bytes / std::max<uint64_t>(slot_.bytes, 1),
                         is_variable_ ? total_bytes * TextExpansion(codec_) : 0));
  for (size_t i = 0; i < plan.pieces.size(); ++i) {
    const Bytes bytes = buffers[plan.pieces[i].range].span();
    const RowRange& range = plan.rows[i];
    if (!is_variable_ && control_bytes_ == 0) {
      const uint64_t count = range.end - range.begin;
      OG_RETURN_IF_ERROR(AppendSlots(slot_, bytes.data(), count, out.values));
      num_levels += count;
      continue;
    }
    const size_t before = def.size();
    const absl::Status status = DecodeRows(bytes, scratch, rep, def, out.values);
    if (!status.ok()) {
      return io::Annotate(status, io::StrCat("rows ", range.begin, " to ", range.end));
    }
    const auto starts = layers_.has_rep() ? std::count(rep.begin() + static_cast<ptrdiff_t>(before),
                                                       rep.end(), layers_.max_rep)
                                          : static_cast<ptrdiff_t>(def.size() - before);
    if (static_cast<uint64_t>(starts) != range.end - range.begin ||
        (layers_.has_rep() && rep[before] != layers_.max_rep)) {
      return io::DataLossError(io::StrCat("rows ", range.begin, " to ", range.end,
                                          ": their levels ", "start ", starts, " rows"));
    }
    num_levels = def.size();
  }
  if (!layers_.has_rep()) {
    rep.clear();
  }
  return Unravel(layers_, {rep, def, num_levels}, out.layers);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeFullZipDecoder(
    const lance::encodings21::FullZipLayout& layout, const PageInfo& page,
    const LeafColumn& column) {
  auto decoder = std::make_unique<FullZipDecoder>(page, column);
  OG_RETURN_IF_ERROR(decoder->Init(layout));
  return decoder;
}

}  // namespace og::format
