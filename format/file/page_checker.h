// Compares pages with the checksums of their file. Internal to format/file.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/file/file_source.h"
#include "format/file/page_sums.h"
#include "format/page/row_range.h"

namespace lance::file::v2 {
class ColumnMetadata;
}

namespace og::format {

// Every page is read and compared once, whole, the first time that rows of it are wanted. Any
// thread may call any method; two threads may compare the same page.
class PageChecker {
 public:
  // A checker by the sums in the global buffer at `range`; null if it holds something else.
  static absl::StatusOr<std::unique_ptr<const PageChecker>> Open(const FileSource& source,
                                                                 FileRange range);

  // kDataLoss if the file descriptor is not the one that was written.
  absl::Status CheckDescriptor(std::span<const std::byte> descriptor) const;

  // kDataLoss if page `page` of column `column` is not as it was written; names both.
  absl::Status CheckPage(int32_t column, const lance::file::v2::ColumnMetadata& metadata,
                         size_t page) const;

  // The pages that hold one of `rows`, which are ascending: all of them if the pages of the column
  // do not count `num_rows` rows, as those below a list in version 2.0.
  absl::Status CheckRows(int32_t column, const lance::file::v2::ColumnMetadata& metadata,
                         std::span<const RowRange> rows, uint64_t num_rows) const;

  // As CheckRows() for the whole column. Also finds pages that have no sum.
  absl::Status CheckColumn(int32_t column, const lance::file::v2::ColumnMetadata& metadata) const;

 private:
  PageChecker(const FileSource& source, PageSums sums);

  const FileSource& source_;
  const PageSums sums_;
  std::vector<uint64_t> first_pages_;  // of each column, in is_checked_
  mutable std::vector<std::atomic<bool>> is_checked_;
};

}  // namespace og::format
