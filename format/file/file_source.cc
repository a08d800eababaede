#include "format/file/file_source.h"

#include <algorithm>
#include <utility>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/fetch/cached_store.h"

namespace og::format {
namespace {

// The bytes of `range` if one of `pieces` has them all.
std::optional<io::Buffer> CutOut(FileRange range, std::span<const FilePiece> pieces) {
  auto piece = std::ranges::upper_bound(pieces, range.offset, {}, &FilePiece::offset);
  if (piece == pieces.begin()) {
    return std::nullopt;
  }
  --piece;
  const uint64_t start = range.offset - piece->offset;
  if (start > piece->bytes.size() || range.bytes > piece->bytes.size() - start) {
    return std::nullopt;
  }
  return piece->bytes.Slice(start, range.bytes);
}

}  // namespace

absl::StatusOr<std::vector<io::Buffer>> FileFetch::Wait() {
  if (pending_.has_value()) {
    OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> fetched, pending_->Wait());
    for (size_t i = 0; i < fetched_.size(); ++i) {
      buffers_[fetched_[i]] = std::move(fetched[i]);
    }
    pending_.reset();
  }
  return std::move(buffers_);
}

absl::StatusOr<FileSource> FileSource::Open(const io::Location& location, uint64_t file_bytes,
                                            uint64_t tail_bytes) {
  FileSource source;
  source.name_ = location.Uri();
  // Names of data files are never used again, so the name is the identity.
  source.object_ = {.location = location, .identity = source.name_, .size = file_bytes};
  source.fetcher_ = io::Fetcher({.cache = io::CacheOf(*location.store)});
  if (file_bytes == 0) {
    OG_ASSIGN_OR_RETURN(source.tail_,
                        location.store->ReadTail(location.path, tail_bytes, &source.file_bytes_));
  } else {
    source.file_bytes_ = file_bytes;
    const uint64_t bytes = std::min(file_bytes, tail_bytes);
    auto fetch = source.fetcher_.Submit(source.object_, {{file_bytes - bytes, bytes}});
    OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> buffers, fetch.Wait());
    source.tail_ = std::move(buffers[0]);
  }
  source.object_.size = source.file_bytes_;
  source.tail_start_ = source.file_bytes_ - source.tail_.size();
  return source;
}

absl::Status FileSource::Check(FileRange range) const {
  if (range.offset > file_bytes_ || range.bytes > file_bytes_ - range.offset) {
    return io::DataLossError(io::StrCat("bytes ", range.offset, " + ", range.bytes, " leave the ",
                                        file_bytes_, "-byte file"));
  }
  return absl::OkStatus();
}

absl::StatusOr<FileFetch> FileSource::Submit(std::span<const FileRange> ranges,
                                             std::span<const FilePiece> pieces) const {
  FileFetch fetch;
  fetch.buffers_.resize(ranges.size());
  std::vector<io::ByteRange> wanted;
  for (size_t i = 0; i < ranges.size(); ++i) {
    OG_RETURN_IF_ERROR(Check(ranges[i]));
    if (ranges[i].offset >= tail_start_) {
      fetch.buffers_[i] = tail_.Slice(ranges[i].offset - tail_start_, ranges[i].bytes);
    } else if (auto bytes = CutOut(ranges[i], pieces); bytes.has_value()) {
      fetch.buffers_[i] = *std::move(bytes);
    } else if (ranges[i].bytes != 0) {
      wanted.push_back({ranges[i].offset, ranges[i].bytes});
      fetch.fetched_.push_back(i);
    }
  }
  if (!wanted.empty()) {
    fetch.pending_ = fetcher_.Submit(object_, std::move(wanted));
  }
  return fetch;
}

absl::StatusOr<io::Buffer> FileSource::Read(FileRange range,
                                            std::span<const FilePiece> pieces) const {
  OG_ASSIGN_OR_RETURN(FileFetch fetch, Submit(std::span(&range, 1), pieces));
  OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> buffers, fetch.Wait());
  return std::move(buffers[0]);
}

}  // namespace og::format
