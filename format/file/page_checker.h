// Compares pages with the checksums of their file. Internal to format/file.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/file/file_source.h"
#include "format/file/page_sums.h"
#include "format/page/row_range.h"
#include "io/base/buffer.h"

namespace lance::file::v2 {
class ColumnMetadata;
}

namespace og::format {

// The sums of one file, and which of its pages have been compared. Any thread may call any method;
// two threads may compare the same page.
class PageChecker {
 public:
  // A checker by the sums in the global buffer at `range`; null if it holds something else.
  static absl::StatusOr<std::unique_ptr<const PageChecker>> Open(const FileSource& source,
                                                                 FileRange range);

  // kDataLoss if the file descriptor is not the one that was written.
  absl::Status CheckDescriptor(std::span<const std::byte> descriptor) const;

  // Reads page `page` of column `column` in pieces; kDataLoss if it is not as it was written or has
  // no sum; names both.
  absl::Status CheckPage(int32_t column, const lance::file::v2::ColumnMetadata& metadata,
                         size_t page) const;

  // The same for all pages of the column that have not been compared yet.
  absl::Status CheckColumn(int32_t column, const lance::file::v2::ColumnMetadata& metadata) const;

 private:
  friend class RowChecker;

  PageChecker(const FileSource& source, PageSums sums);

  // Null: the page has no sum.
  std::atomic<bool>* MarkOf(int32_t column, size_t page) const;
  absl::Status Compare(int32_t column, const lance::file::v2::ColumnMetadata& metadata, size_t page,
                       const absl::StatusOr<uint64_t>& sum) const;

  const FileSource& source_;
  const PageSums sums_;
  std::vector<uint64_t> first_pages_;  // of each column, in is_checked_
  mutable std::vector<std::atomic<bool>> is_checked_;
};

// The pages that one scan or take comes across. A page is read whole and compared the first time
// that rows of it are wanted from the file; the read takes its rows out of those bytes, which are
// kept until it has left the page. Thread-compatible.
class RowChecker {
 public:
  struct Column {
    int32_t index = 0;
    std::shared_ptr<const lance::file::v2::ColumnMetadata> metadata;
  };

  // `checker` outlives it. `num_rows`: rows of the file.
  RowChecker(const PageChecker& checker, std::vector<Column> columns, uint64_t num_rows);

  // Compares the pages that hold one of `rows`, which are ascending: all pages of a column whose
  // pages do not count the rows of the file, as those below a list in version 2.0. Returns the
  // buffers of those pages, by offset, as far as they are kept: 64 MiB at most.
  //
  //   kDataLoss  a page is not as it was written or has no sum; names column, page and offset
  absl::StatusOr<std::vector<FilePiece>> Check(std::span<const RowRange> rows);

 private:
  struct Page {
    size_t column = 0;  // number in columns_
    size_t page = 0;
    std::vector<FileRange> ranges;
    uint64_t bytes = 0;
    std::vector<io::Buffer> buffers;
  };

  absl::Status Want(size_t column, size_t page);
  absl::Status ReadWanted();

  const PageChecker& checker_;
  const std::vector<Column> columns_;
  const uint64_t num_rows_;
  std::vector<Page> former_;  // kept since the last call
  std::vector<Page> kept_;
  uint64_t kept_bytes_ = 0;
  std::vector<Page> wanted_;  // to be read together
  uint64_t wanted_bytes_ = 0;
};

}  // namespace og::format
