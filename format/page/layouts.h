// The page layouts behind PageDecoder::Make(). Internal to format/page.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "format/page/page_decoder.h"
#include "format/proto/encodings_v2_1.pb.h"

namespace og::format {

// The layers of a page, checked against its column.
absl::StatusOr<PageLayers> LayersOf(const ::google::protobuf::RepeatedField<int>& layers,
                                    const LeafColumn& column);

// kDataLoss unless the page has `count` buffers.
absl::Status CheckNumBuffers(const PageInfo& page, size_t count);

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeMiniBlockDecoder(
    const lance::encodings21::MiniBlockLayout& layout, const PageInfo& page,
    const LeafColumn& column);

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeFullZipDecoder(
    const lance::encodings21::FullZipLayout& layout, const PageInfo& page,
    const LeafColumn& column);

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeConstantDecoder(
    const lance::encodings21::ConstantLayout& layout, const PageInfo& page,
    const LeafColumn& column);

absl::StatusOr<std::unique_ptr<PageDecoder>> MakeBlobDecoder(
    const lance::encodings21::BlobLayout& layout, const PageInfo& page, const LeafColumn& column);

}  // namespace og::format
