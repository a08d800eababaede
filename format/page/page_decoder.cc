#include "format/page/page_decoder.h"

#include "format/page/layouts.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {

LeafOutput MakeLeafOutput(const LeafColumn& column) {
  LeafOutput out{.values = ValueSink(column.shape), .layers = {}};
  for (size_t i = 0; i < column.is_list.size(); ++i) {
    LayerOutput layer;
    layer.is_list = column.is_list[i] != 0;
    layer.has_large_offsets = column.has_large_offsets[i] != 0;
    out.layers.push_back(std::move(layer));
  }
  return out;
}

absl::Status PageDecoder::DecodeIndices(const PagePlan&, std::span<const io::Buffer>,
                                        DecodeScratch&, LeafOutput&) const {
  return io::InternalError("page without a dictionary asked for its indices");
}

absl::StatusOr<PageLayers> LayersOf(const ::google::protobuf::RepeatedField<int>& layers,
                                    const LeafColumn& column) {
  return MakePageLayers(std::span(layers.data(), static_cast<size_t>(layers.size())),
                        column.is_list);
}

absl::Status CheckNumBuffers(const PageInfo& page, size_t count) {
  if (page.buffers.size() != count) {
    return io::DataLossError(
        io::StrCat("page with ", page.buffers.size(), " buffers, its layout wants ", count));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<PageDecoder>> PageDecoder::Make(
    const lance::encodings21::PageLayout& layout, const PageInfo& page, const LeafColumn& column) {
  using lance::encodings21::PageLayout;
  switch (layout.layout_case()) {
    case PageLayout::kMiniBlockLayout:
      return MakeMiniBlockDecoder(layout.mini_block_layout(), page, column);
    case PageLayout::kFullZipLayout:
      return MakeFullZipDecoder(layout.full_zip_layout(), page, column);
    case PageLayout::kConstantLayout:
      return MakeConstantDecoder(layout.constant_layout(), page, column);
    case PageLayout::kBlobLayout:
      return MakeBlobDecoder(layout.blob_layout(), page, column);
    case PageLayout::kSparseLayout:
      return io::UnimplementedError("page of the sparse layout (file version 2.3)");
    default:
      return io::UnimplementedError("page of an unknown layout");
  }
}

}  // namespace og::format
