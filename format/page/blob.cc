// Blob pages: the page of another layout inside holds, for every row, a packed struct of position
// (u64, in the file) and size (u64) of bytes that stand elsewhere.
//
//   empty   position 0, size 0
//   null    size 0, position = definition << 16 | repetition, not 0; the layers of the blob layout
//           say what that definition means
//
// Source: lance-encoding 10.0.0: src/encodings/logical/blob.rs.
#include <utility>

#include "format/page/layouts.h"
#include "io/base/endian.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

class BlobDecoder final : public PageDecoder {
 public:
  BlobDecoder(const PageInfo& page, const LeafColumn& column)
      : PageDecoder(page.num_rows), column_(column) {
    inner_column_.shape = column.shape;
    inner_column_.is_list = {0};
    inner_column_.has_large_offsets = {0};
  }

  absl::Status Init(const lance::encodings21::BlobLayout& layout, const PageInfo& page);

  uint64_t EstimatedBytes() const override { return inner_->EstimatedBytes(); }
  std::vector<FileRange> table_ranges() const override { return inner_->table_ranges(); }
  absl::Status LoadTables(std::span<const io::Buffer> buffers) override {
    return inner_->LoadTables(buffers);
  }
  absl::StatusOr<PagePlan> Plan(std::span<const RowRange> rows) const override {
    return inner_->Plan(rows);
  }
  absl::Status Decode(const PagePlan& plan, std::span<const io::Buffer> buffers,
                      DecodeScratch& scratch, LeafOutput& out) const override;

 private:
  const LeafColumn& column_;
  LeafColumn inner_column_;
  PageLayers layers_;
  std::unique_ptr<PageDecoder> inner_;
};

absl::Status BlobDecoder::Init(const lance::encodings21::BlobLayout& layout, const PageInfo& page) {
  const ValueShape& shape = column_.shape;
  if (shape.kind != ValueShape::Kind::kMembers || shape.members.size() != 2 ||
      shape.members[0].slot_bits != 64 || shape.members[1].slot_bits != 64) {
    return io::DataLossError("blob page in a column that is not one of blobs");
  }
  OG_ASSIGN_OR_RETURN(layers_, LayersOf(layout.layers(), column_));
  if (layers_.has_rep()) {
    return io::UnimplementedError("lists of blobs");
  }
  if (layout.inner_layout().has_blob_layout()) {
    return io::DataLossError("blob page inside a blob page");
  }
  OG_ASSIGN_OR_RETURN(inner_, PageDecoder::Make(layout.inner_layout(), page, inner_column_));
  return absl::OkStatus();
}

absl::Status BlobDecoder::Decode(const PagePlan& plan, std::span<const io::Buffer> buffers,
                                 DecodeScratch& scratch, LeafOutput& out) const {
  LeafOutput inner = MakeLeafOutput(inner_column_);
  OG_RETURN_IF_ERROR(inner_->Decode(plan, buffers, scratch, inner));
  const ArrayPtr rows = inner.values.Finish(inner.layers[0].validity);
  const Array& positions = *rows->children[0];
  const Array& sizes = *rows->children[1];
  const auto n = static_cast<uint64_t>(rows->length);
  OG_ASSIGN_OR_RETURN(std::byte * to_position, out.values.member(0).ExtendBytes(n));
  OG_ASSIGN_OR_RETURN(std::byte * to_size, out.values.member(1).ExtendBytes(n));
  std::vector<uint16_t> def;
  for (uint64_t i = 0; i < n; ++i, to_position += 8, to_size += 8) {
    auto position = positions.Value<uint64_t>(static_cast<int64_t>(i));
    const auto size = sizes.Value<uint64_t>(static_cast<int64_t>(i));
    if (size == 0 && position != 0) {
      if (position >> 32 != 0 || (position & 0xffff) != 0) {
        return io::DataLossError(io::StrCat("blob ", i, ": null with levels ", position));
      }
      def.resize(n);
      def[i] = static_cast<uint16_t>(position >> 16);
      position = 0;
    }
    io::StoreLe(to_position, position);
    io::StoreLe(to_size, size);
  }
  out.values.AppendRows(n);
  return Unravel(layers_, {.rep = {}, .def = def, .num_levels = n}, out.layers);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeBlobDecoder(
    const lance::encodings21::BlobLayout& layout, const PageInfo& page, const LeafColumn& column) {
  auto decoder = std::make_unique<BlobDecoder>(page, column);
  OG_RETURN_IF_ERROR(decoder->Init(layout, page));
  return decoder;
}

}  // namespace og::format
