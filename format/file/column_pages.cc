#include "format/file/column_pages.h"

#include <algorithm>
#include <utility>

#include "format/proto/encodings_v2_0.pb.h"
#include "format/proto/encodings_v2_1.pb.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {

absl::StatusOr<std::vector<FileRange>> BufferRanges(
    const ::google::protobuf::RepeatedField<uint64_t>& offsets,
    const ::google::protobuf::RepeatedField<uint64_t>& sizes) {
  if (offsets.size() != sizes.size()) {
    return io::DataLossError(
        io::StrCat(offsets.size(), " buffer offsets, ", sizes.size(), " buffer sizes"));
  }
  std::vector<FileRange> ranges;
  ranges.reserve(static_cast<size_t>(offsets.size()));
  for (int i = 0; i < offsets.size(); ++i) {
    ranges.push_back({offsets[i], sizes[i]});
  }
  return ranges;
}

std::string PageText(int32_t column, size_t page, uint64_t offset) {
  return io::StrCat("column ", column, ", page ", page, " at byte ", offset);
}

absl::StatusOr<std::string_view> DirectEncodingOf(const lance::file::v2::Encoding& encoding,
                                                  std::string_view type_name) {
  if (!encoding.has_direct()) {
    return io::UnimplementedError("encoding that is not stored in place");
  }
  const lance::file::v2::Packed& packed = encoding.direct().encoding();
  const std::string_view url = packed.type_url();
  const size_t slash = url.rfind('/');
  if (slash == std::string_view::npos || url.substr(slash + 1) != type_name) {
    return io::UnimplementedError(
        io::StrCat("encoding of type \"", url, "\", want \"/", type_name, "\""));
  }
  return std::string_view(packed.value());
}

absl::Status CheckColumnEncoding(const lance::file::v2::ColumnMetadata& metadata) {
  OG_ASSIGN_OR_RETURN(const std::string_view bytes,
                      DirectEncodingOf(metadata.encoding(), "lance.encodings.ColumnEncoding"));
  lance::encodings::ColumnEncoding encoding;
  if (!encoding.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return io::DataLossError("column encoding is no protobuf message");
  }
  const lance::encodings::ColumnEncoding& inner =
      encoding.has_blob() ? encoding.blob().inner() : encoding;
  if (!inner.has_values()) {
    return io::UnimplementedError(io::StrCat(
        "column encoding ", static_cast<int>(inner.column_encoding_case()), ", want plain values"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<ColumnPages>> ColumnPages::Make(
    std::shared_ptr<const lance::file::v2::ColumnMetadata> metadata, LeafColumn column) {
  const std::shared_ptr<ColumnPages> pages(new ColumnPages(std::move(metadata), std::move(column)));
  OG_RETURN_IF_ERROR(CheckColumnEncoding(*pages->metadata_));
  uint64_t row = 0;
  pages->first_rows_.push_back(0);
  for (const auto& page : pages->metadata_->pages()) {
    if (page.length() > UINT64_MAX - row) {
      return io::DataLossError(io::StrCat("page of ", page.length(), " rows"));
    }
    row += page.length();
    pages->first_rows_.push_back(row);
  }
  io::MutexLock lock(pages->mutex_);
  pages->pages_.resize(pages->num_pages());
  return pages;
}

uint64_t ColumnPages::offset(size_t page) const {
  const auto& offsets = metadata_->pages(static_cast<int>(page)).buffer_offsets();
  return offsets.empty() ? 0 : offsets[0];
}

size_t ColumnPages::PageOf(uint64_t row) const {
  const auto above = std::ranges::upper_bound(first_rows_, row);
  return static_cast<size_t>(above - first_rows_.begin()) - 1;
}

absl::StatusOr<PageDecoder*> ColumnPages::DecoderLocked(size_t page) {
  Page& slot = pages_[page];
  if (slot.decoder == nullptr) {
    const auto& proto = metadata_->pages(static_cast<int>(page));
    PageInfo info;
    OG_ASSIGN_OR_RETURN(info.buffers, BufferRanges(proto.buffer_offsets(), proto.buffer_sizes()));
    info.num_rows = proto.length();
    OG_ASSIGN_OR_RETURN(const std::string_view bytes,
                        DirectEncodingOf(proto.encoding(), "lance.encodings21.PageLayout"));
    lance::encodings21::PageLayout layout;
    if (!layout.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return io::DataLossError("page layout is no protobuf message");
    }
    OG_ASSIGN_OR_RETURN(slot.decoder, PageDecoder::Make(layout, info, column_));
  }
  return slot.decoder.get();
}

absl::StatusOr<const PageDecoder*> ColumnPages::Decoder(size_t page) {
  io::MutexLock lock(mutex_);
  return DecoderLocked(page);
}

absl::StatusOr<std::vector<FileRange>> ColumnPages::MissingTables(size_t page) {
  io::MutexLock lock(mutex_);
  OG_ASSIGN_OR_RETURN(PageDecoder* const decoder, DecoderLocked(page));
  if (pages_[page].is_ready) {
    return std::vector<FileRange>();
  }
  std::vector<FileRange> ranges = decoder->table_ranges();
  if (ranges.empty()) {
    OG_RETURN_IF_ERROR(decoder->LoadTables({}));
    pages_[page].is_ready = true;
  }
  return ranges;
}

absl::Status ColumnPages::LoadTables(size_t page, std::span<const io::Buffer> buffers) {
  io::MutexLock lock(mutex_);
  if (pages_[page].is_ready) {
    return absl::OkStatus();
  }
  OG_RETURN_IF_ERROR(pages_[page].decoder->LoadTables(buffers));
  pages_[page].is_ready = true;
  return absl::OkStatus();
}

}  // namespace og::format
