#include "io/local/pending_local_reads.h"

#include <cerrno>
#include <string>

#include <sys/stat.h>
#include <sys/uio.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/errno_status.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// Files that one batch holds open at a time; before it opens more, it waits for the reads of those.
// With this a process of many threads works with 256 descriptors.
constexpr size_t kMaxFilesOfBatch = 32;

// Bytes of [offset, offset + out.size()) that are in the page cache now; none on any trouble, which
// the engine then finds again.
size_t ReadCached(const OpenFile& file, uint64_t offset, std::span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    iovec target{out.data() + done, out.size() - done};
    const ssize_t got =
        preadv2(file.descriptor.fd(), &target, 1, static_cast<off_t>(offset + done), RWF_NOWAIT);
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

// Whether the range lies in the file, which may have grown since it was opened if it is not ours.
absl::Status CheckRangeOf(const OpenFile& file, const ReadRequest& request) {
  const auto size = static_cast<uint64_t>(file.size);
  const ByteRange& range = request.range;
  if (range.offset <= size && range.length <= size - range.offset) return absl::OkStatus();
  struct stat info;
  if (fstat(file.descriptor.fd(), &info) != 0) return ErrnoStatus(errno, request.path, "stat");
  return CheckRange(request.path, range, static_cast<uint64_t>(info.st_size));
}

}  // namespace

PendingLocalReads::PendingLocalReads(std::vector<ReadRequest> requests,
                                     DescriptorCache& descriptors,
                                     const std::function<std::shared_ptr<IoEngine>()>& engine)
    : requests_(std::move(requests)) {
  buffers_.reserve(requests_.size());
  start_status_ = StartAll(descriptors, engine);
}

PendingLocalReads::~PendingLocalReads() {
  if (engine_ != nullptr) engine_->Cancel(*group_);
}

absl::Status PendingLocalReads::StartAll(DescriptorCache& descriptors,
                                         const std::function<std::shared_ptr<IoEngine>()>& engine) {
  const std::string* path = nullptr;
  std::shared_ptr<const OpenFile> file;
  size_t num_files = 0;  // held open by unfinished calls, at most
  size_t num_started = 0;
  const auto start_calls = [&] {
    if (group_ == nullptr || num_started == group_->calls.size()) return;
    if (engine_ == nullptr) engine_ = engine();
    engine_->Start(*group_, num_started);
    num_started = group_->calls.size();
  };

  for (size_t i = 0; i < requests_.size(); ++i) {
    const ReadRequest& request = requests_[i];
    if (request.range.length == 0) {
      buffers_.emplace_back();
      continue;
    }
    if (path == nullptr || *path != request.path) {
      if (num_files == kMaxFilesOfBatch) {
        start_calls();
        engine_->Wait(*group_);
        for (IoCall& call : group_->calls)
          call.file.reset();
        num_files = 0;
      }
      OG_RETURN_IF_ERROR(CheckPath(request.path));
      OG_ASSIGN_OR_RETURN(file, descriptors.Acquire(request.path, request.is_immutable));
      path = &request.path;
    }
    // Checked before memory is taken for a length that a damaged file may have named.
    OG_RETURN_IF_ERROR(CheckRangeOf(*file, request));
    MutableBuffer& buffer = buffers_.emplace_back(request.range.length);
    const size_t cached = ReadCached(*file, request.range.offset, buffer.span());
    if (cached == buffer.size()) continue;
    if (group_ == nullptr) group_ = std::make_unique<IoGroup>();
    if (group_->calls.empty() || group_->calls.back().file != file) ++num_files;
    IoCall& call = group_->calls.emplace_back();
    call.fd = file->descriptor.fd();
    call.offset = request.range.offset + cached;
    call.out = buffer.data() + cached;
    call.missing = buffer.size() - cached;
    call.file = file;
    request_of_call_.push_back(i);
  }
  start_calls();
  return absl::OkStatus();
}

absl::Status PendingLocalReads::CheckCalls() const {
  if (group_ == nullptr) return absl::OkStatus();
  for (size_t i = 0; i < group_->calls.size(); ++i) {
    const IoCall& call = group_->calls[i];
    if (call.error == 0 && call.missing == 0) continue;
    const ReadRequest& request = requests_[request_of_call_[i]];
    const std::string what =
        StrCat("read ", request.range.length, " bytes at offset ", request.range.offset);
    if (call.error != 0) return ErrnoStatus(call.error, request.path, what);
    return OutOfRangeError(StrCat(request.path, ": ", what, ": the object ends at ", call.offset));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Buffer>> PendingLocalReads::Wait() {
  if (engine_ != nullptr) {
    engine_->Wait(*group_);
    engine_.reset();
  }
  OG_RETURN_IF_ERROR(CheckCalls());
  OG_RETURN_IF_ERROR(start_status_);
  std::vector<Buffer> buffers;
  buffers.reserve(buffers_.size());
  for (MutableBuffer& buffer : buffers_)
    buffers.push_back(std::move(buffer).Share());
  return buffers;
}

}  // namespace og::io
