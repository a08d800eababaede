// The pages of one column of a file of version 2.1 or later, each prepared when it is first needed
// and then kept. Internal to format/file.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/page/page_decoder.h"
#include "format/proto/file2.pb.h"
#include "io/base/sync.h"

namespace og::format {

// The buffers of a page or column, as its metadata lists them. kDataLoss if the lists differ in
// length.
absl::StatusOr<std::vector<FileRange>> BufferRanges(
    const ::google::protobuf::RepeatedField<uint64_t>& offsets,
    const ::google::protobuf::RepeatedField<uint64_t>& sizes);

// "column 2, page 5 at byte 4096": where in a file something is wrong.
std::string PageText(int32_t column, size_t page, uint64_t offset);

// The message of type `type_name` (without a host) that `encoding` holds directly, as bytes.
// kUnimplemented for another form or type.
absl::StatusOr<std::string_view> DirectEncodingOf(const lance::file::v2::Encoding& encoding,
                                                  std::string_view type_name);

// kUnimplemented for a column that is not stored as values, or as blobs: zone indexes, and what we
// do not know.
absl::Status CheckColumnEncoding(const lance::file::v2::ColumnMetadata& metadata);

// Any thread may call any method.
class ColumnPages {
 public:
  static absl::StatusOr<std::shared_ptr<ColumnPages>> Make(
      std::shared_ptr<const lance::file::v2::ColumnMetadata> metadata, LeafColumn column);

  const LeafColumn& column() const { return column_; }
  uint64_t num_rows() const { return first_rows_.back(); }
  size_t num_pages() const { return first_rows_.size() - 1; }
  // The first row of page `page`; of num_pages(): the number of rows.
  uint64_t first_row(size_t page) const { return first_rows_[page]; }
  // Where the first buffer of page `page` starts in the file; 0 if it has none.
  uint64_t offset(size_t page) const;
  // The page that holds `row`, which exists.
  size_t PageOf(uint64_t row) const;

  // The decoder of a page whose tables may be missing: for EstimatedBytes() only.
  absl::StatusOr<const PageDecoder*> Decoder(size_t page);

  // What has to be read before page `page` can be used; nothing if it is ready.
  absl::StatusOr<std::vector<FileRange>> MissingTables(size_t page);
  // Brings what MissingTables() named. Nothing happens if the page became ready meanwhile.
  absl::Status LoadTables(size_t page, std::span<const io::Buffer> buffers);

 private:
  struct Page {
    std::unique_ptr<PageDecoder> decoder;
    bool is_ready = false;
  };

  ColumnPages(std::shared_ptr<const lance::file::v2::ColumnMetadata> metadata, LeafColumn column)
      : metadata_(std::move(metadata)), column_(std::move(column)) {}

  absl::StatusOr<PageDecoder*> DecoderLocked(size_t page) OG_REQUIRES(mutex_);

  const std::shared_ptr<const lance::file::v2::ColumnMetadata> metadata_;
  const LeafColumn column_;
  std::vector<uint64_t> first_rows_;
  io::Mutex mutex_;
  std::vector<Page> pages_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::format
