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

// Pages are as large as their writer liked; of one that is not kept this much is in memory at a
// time.
constexpr uint64_t kPieceBytes = uint64_t{4} << 20;

constexpr uint64_t kKeptBytesMax = uint64_t{64} << 20;

absl::Status NoSum(int32_t column, size_t page) {
  return io::DataLossError(io::StrCat("column ", column, ", page ", page, ": no checksum"));
}

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

std::vector<size_t> PagesOfRows(const lance::file::v2::ColumnMetadata& metadata,
                                std::span<const RowRange> rows, uint64_t num_rows) {
  std::vector<size_t> pages(static_cast<size_t>(metadata.pages_size()));
  std::iota(pages.begin(), pages.end(), size_t{0});
  uint64_t total = 0;
  for (const auto& page : metadata.pages()) {
    total += std::min(page.length(), UINT64_MAX - total);
  }
  if (total != num_rows) {
    return pages;
  }
  auto next = rows.begin();
  uint64_t first = 0;
  std::erase_if(pages, [&](size_t page) {
    const uint64_t begin =
        std::exchange(first, first + metadata.pages(static_cast<int>(page)).length());
    while (next != rows.end() && next->end <= begin) {
      ++next;
    }
    return next == rows.end() || next->begin >= first;
  });
  return pages;
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

std::atomic<bool>* PageChecker::MarkOf(int32_t column, size_t page) const {
  const auto at = static_cast<size_t>(column);
  if (at >= sums_.columns.size() || page >= sums_.columns[at].size()) {
    return nullptr;
  }
  return &is_checked_[first_pages_[at] + page];
}

absl::Status PageChecker::Compare(int32_t column, const lance::file::v2::ColumnMetadata& metadata,
                                  size_t page, const absl::StatusOr<uint64_t>& sum) const {
  const auto& offsets = metadata.pages(static_cast<int>(page)).buffer_offsets();
  const auto where = [&] { return PageText(column, page, offsets.empty() ? 0 : offsets[0]); };
  if (!sum.ok()) {
    return io::Annotate(sum.status(), where());
  }
  const uint64_t stored = sums_.columns[static_cast<size_t>(column)][page];
  if (*sum != stored) {
    return io::DataLossError(io::StrCat(where(), ": the checksum is ", io::Hex(*sum, 16),
                                        ", stored is ", io::Hex(stored, 16)));
  }
  return absl::OkStatus();
}

absl::Status PageChecker::CheckPage(int32_t column, const lance::file::v2::ColumnMetadata& metadata,
                                    size_t page) const {
  std::atomic<bool>* const is_checked = MarkOf(column, page);
  if (is_checked == nullptr) {
    return NoSum(column, page);
  }
  const auto& stored = metadata.pages(static_cast<int>(page));
  OG_RETURN_IF_ERROR(Compare(column, metadata, page, SumOfStoredPage(source_, stored)));
  is_checked->store(true, std::memory_order_release);
  return absl::OkStatus();
}

absl::Status PageChecker::CheckColumn(int32_t column,
                                      const lance::file::v2::ColumnMetadata& metadata) const {
  for (size_t page = 0; page < static_cast<size_t>(metadata.pages_size()); ++page) {
    const std::atomic<bool>* const is_checked = MarkOf(column, page);
    if (is_checked == nullptr || !is_checked->load(std::memory_order_acquire)) {
      OG_RETURN_IF_ERROR(CheckPage(column, metadata, page));
    }
  }
  return absl::OkStatus();
}

RowChecker::RowChecker(const PageChecker& checker, std::vector<Column> columns, uint64_t num_rows)
    : checker_(checker), columns_(std::move(columns)), num_rows_(num_rows) {}

absl::StatusOr<std::vector<FilePiece>> RowChecker::Check(std::span<const RowRange> rows) {
  former_ = std::exchange(kept_, {});
  kept_bytes_ = 0;
  for (size_t column = 0; column < columns_.size(); ++column) {
    for (const size_t page : PagesOfRows(*columns_[column].metadata, rows, num_rows_)) {
      OG_RETURN_IF_ERROR(Want(column, page));
    }
  }
  OG_RETURN_IF_ERROR(ReadWanted());
  former_.clear();
  std::vector<FilePiece> pieces;
  for (const Page& page : kept_) {
    for (size_t i = 0; i < page.ranges.size(); ++i) {
      pieces.push_back({page.ranges[i].offset, page.buffers[i]});
    }
  }
  std::ranges::sort(pieces, {}, &FilePiece::offset);
  return pieces;
}

absl::Status RowChecker::Want(size_t column, size_t page) {
  const auto kept = std::ranges::find_if(
      former_, [&](const Page& held) { return held.column == column && held.page == page; });
  if (kept != former_.end()) {
    kept_bytes_ += kept->bytes;
    kept_.push_back(std::move(*kept));
    former_.erase(kept);
    return absl::OkStatus();
  }
  const Column& from = columns_[column];
  const std::atomic<bool>* const is_checked = checker_.MarkOf(from.index, page);
  if (is_checked == nullptr) {
    return NoSum(from.index, page);
  }
  if (is_checked->load(std::memory_order_acquire)) {
    return absl::OkStatus();
  }
  const auto& stored = from.metadata->pages(static_cast<int>(page));
  Page wanted{.column = column, .page = page, .ranges = {}, .bytes = 0, .buffers = {}};
  OG_ASSIGN_OR_RETURN(wanted.ranges, BufferRanges(stored.buffer_offsets(), stored.buffer_sizes()));
  for (const FileRange& range : wanted.ranges) {
    if (const absl::Status inside = checker_.source_.Check(range); !inside.ok()) {
      return checker_.Compare(from.index, *from.metadata, page, inside);
    }
    wanted.bytes += std::min(range.bytes, kKeptBytesMax + 1);
  }
  if (wanted.bytes > kKeptBytesMax) {
    return checker_.CheckPage(from.index, *from.metadata, page);
  }
  if (wanted_bytes_ + wanted.bytes > kKeptBytesMax) {
    OG_RETURN_IF_ERROR(ReadWanted());
  }
  wanted_bytes_ += wanted.bytes;
  wanted_.push_back(std::move(wanted));
  return absl::OkStatus();
}

absl::Status RowChecker::ReadWanted() {
  std::vector<FileRange> ranges;
  for (const Page& page : wanted_) {
    ranges.insert(ranges.end(), page.ranges.begin(), page.ranges.end());
  }
  OG_ASSIGN_OR_RETURN(FileFetch fetch, checker_.source_.Submit(ranges));
  OG_ASSIGN_OR_RETURN(const std::vector<io::Buffer> buffers, fetch.Wait());
  size_t next = 0;
  for (Page& page : wanted_) {
    const Column& from = columns_[page.column];
    PageSummer summer;
    for (size_t i = 0; i < page.ranges.size(); ++i) {
      const io::Buffer& buffer = page.buffers.emplace_back(buffers[next++]);
      summer.BeginBuffer(buffer.size());
      summer.Add(buffer.span());
    }
    const auto& stored = from.metadata->pages(static_cast<int>(page.page));
    OG_RETURN_IF_ERROR(checker_.Compare(
        from.index, *from.metadata, page.page,
        summer.Finish(stored.length(), stored.encoding().direct().encoding().value())));
    checker_.MarkOf(from.index, page.page)->store(true, std::memory_order_release);
    if (kept_bytes_ + page.bytes <= kKeptBytesMax) {
      kept_bytes_ += page.bytes;
      kept_.push_back(std::move(page));
    }
  }
  wanted_.clear();
  wanted_bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace og::format
