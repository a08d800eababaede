#include "format/file/page_checker.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "format/file/column_pages.h"
#include "format/proto/file2.pb.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::format {
namespace {

// Pages are as large as their writer liked; this much is in memory at a time.
constexpr uint64_t kPieceBytes = uint64_t{4} << 20;

uint64_t CountPages(const PageSums& sums) {
  uint64_t pages = 0;
  for (const std::vector<uint64_t>& column : sums.columns) {
    pages += column.size();
  }
  return pages;
}

absl::StatusOr<uint64_t> SumOfStoredPage(const FileSource& source,
                                         const lance::file::v2::ColumnMetadata::Page& page) {
  OG_ASSIGN_OR_RETURN(const std::vector<FileRange> buffers,
                      BufferRanges(page.buffer_offsets(), page.buffer_sizes()));
  PageSummer summer;
  for (const FileRange& buffer : buffers) {
    OG_RETURN_IF_ERROR(source.Check(buffer));
    summer.BeginBuffer(buffer.bytes);
    for (uint64_t done = 0; done < buffer.bytes; done += kPieceBytes) {
      const uint64_t bytes = std::min(kPieceBytes, buffer.bytes - done);
      OG_ASSIGN_OR_RETURN(const io::Buffer piece, source.Read({buffer.offset + done, bytes}));
      summer.Add(piece.span());
    }
  }
  return summer.Finish(page.length(), page.encoding().direct().encoding().value());
}

}  // namespace

PageChecker::PageChecker(const FileSource& source, PageSums sums)
    : source_(source), sums_(std::move(sums)), is_checked_(CountPages(sums_)) {
  uint64_t first = 0;
  for (const std::vector<uint64_t>& column : sums_.columns) {
    first_pages_.push_back(first);
    first += column.size();
  }
}

absl::StatusOr<std::unique_ptr<const PageChecker>> PageChecker::Open(const FileSource& source,
                                                                     FileRange range) {
  if (range.bytes < kPageSumsMagic.size()) {
    return nullptr;
  }
  OG_ASSIGN_OR_RETURN(const io::Buffer magic, source.Read({range.offset, kPageSumsMagic.size()}));
  if (magic.view() != kPageSumsMagic) {
    return nullptr;
  }
  OG_ASSIGN_OR_RETURN(const io::Buffer bytes, source.Read(range));
  OG_ASSIGN_OR_RETURN(PageSums sums, DecodePageSums(bytes.span()));
  return std::unique_ptr<const PageChecker>(new PageChecker(source, std::move(sums)));
}

absl::Status PageChecker::CheckDescriptor(std::span<const std::byte> descriptor) const {
  const uint64_t sum = SumOf(descriptor);
  return sum == sums_.descriptor ? absl::OkStatus()
                                 : io::DataLossError(io::StrCat(
                                       "the file descriptor has the checksum ", io::Hex(sum, 16),
                                       ", stored is ", io::Hex(sums_.descriptor, 16)));
}

absl::Status PageChecker::CheckPage(int32_t column, const lance::file::v2::ColumnMetadata& metadata,
                                    size_t page) const {
  const auto at = static_cast<size_t>(column);
  if (at >= sums_.columns.size() || page >= sums_.columns[at].size()) {
    return io::DataLossError(io::StrCat("column ", column, ", page ", page, ": no checksum"));
  }
  std::atomic<bool>& is_checked = is_checked_[first_pages_[at] + page];
  if (is_checked.load(std::memory_order_acquire)) {
    return absl::OkStatus();
  }
  const auto& stored = metadata.pages(static_cast<int>(page));
  const auto where = [&] {
    return PageText(column, page, stored.buffer_offsets_size() == 0 ? 0 : stored.buffer_offsets(0));
  };
  const absl::StatusOr<uint64_t> sum = SumOfStoredPage(source_, stored);
  if (!sum.ok()) {
    return io::Annotate(sum.status(), where());
  }
  if (*sum != sums_.columns[at][page]) {
    return io::DataLossError(io::StrCat(where(), ": the checksum is ", io::Hex(*sum, 16),
                                        ", stored is ", io::Hex(sums_.columns[at][page], 16)));
  }
  is_checked.store(true, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status PageChecker::CheckRows(int32_t column, const lance::file::v2::ColumnMetadata& metadata,
                                    std::span<const RowRange> rows, uint64_t num_rows) const {
  uint64_t total = 0;
  for (const auto& page : metadata.pages()) {
    total += std::min(page.length(), UINT64_MAX - total);
  }
  if (total != num_rows) {
    return CheckColumn(column, metadata);
  }
  auto next = rows.begin();
  uint64_t first = 0;
  for (int page = 0; page < metadata.pages_size(); ++page) {
    const uint64_t end = first + metadata.pages(page).length();
    while (next != rows.end() && next->end <= first) {
      ++next;
    }
    if (next == rows.end()) {
      break;
    }
    if (next->begin < end) {
      OG_RETURN_IF_ERROR(CheckPage(column, metadata, static_cast<size_t>(page)));
    }
    first = end;
  }
  return absl::OkStatus();
}

absl::Status PageChecker::CheckColumn(int32_t column,
                                      const lance::file::v2::ColumnMetadata& metadata) const {
  for (int page = 0; page < metadata.pages_size(); ++page) {
    OG_RETURN_IF_ERROR(CheckPage(column, metadata, static_cast<size_t>(page)));
  }
  return absl::OkStatus();
}

}  // namespace og::format
