#include "io/local/pending_local_reads.h"

#include <string>
#include <utility>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/base/bits.h"
#include "io/base/block_pool.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/local/errno_status.h"
#include "io/store/path.h"

namespace og::io {
namespace {

// Bytes of [offset, offset + out.size()) that are in the page cache now; none on any trouble, which
// the engine then finds again. By the bare call: the function of the C library is a point where
// threads may be cancelled, which costs a twentieth of a short read.
size_t ReadCached(const OpenFile& file, uint64_t offset, std::span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    iovec target{out.data() + done, out.size() - done};
    const uint64_t at = offset + done;
    const long got = syscall(SYS_preadv2, file.descriptor.fd(), &target, 1, at, 0, RWF_NOWAIT);
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
  const std::string name = StrCat("/", request.path);
  if (fstat(file.descriptor.fd(), &info) != 0) return ErrnoStatus(errno, name, "stat");
  return CheckRange(name, range, static_cast<uint64_t>(info.st_size));
}

}  // namespace

PendingLocalReads::PendingLocalReads(std::vector<ReadRequest> requests,
                                     DescriptorCache& descriptors, ScanMeter& meter,
                                     const EngineOfThread& engine)
    : requests_(std::move(requests)), targets_(requests_.size()) {
  start_status_ = StartAll(descriptors, meter, engine);
}

PendingLocalReads::~PendingLocalReads() {
  if (engine_ != nullptr) engine_->Cancel(*group_);
}

absl::Status PendingLocalReads::StartAll(DescriptorCache& descriptors, ScanMeter& meter,
                                         const EngineOfThread& engine) {
  const std::string* path = nullptr;
  std::shared_ptr<const OpenFile> file;
  for (size_t i = 0; i < requests_.size(); ++i) {
    const ReadRequest& request = requests_[i];
    if (request.range.length == 0) continue;
    if (path == nullptr || *path != request.path) {
      // Before a batch holds more files, it waits for the reads of those that it has.
      if (num_files_ == descriptors.max_files_of_batch()) FinishCalls(engine);
      file.reset();
      OG_ASSIGN_OR_RETURN(file, AcquireFile(descriptors, request, engine));
      path = &request.path;
    }
    OG_RETURN_IF_ERROR(Read(i, file, meter));
  }
  StartCalls(engine);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const OpenFile>> PendingLocalReads::AcquireFile(
    DescriptorCache& descriptors, const ReadRequest& request, const EngineOfThread& engine) {
  auto file = descriptors.Acquire(request.path, request.is_immutable, WhenScarce::kFail);
  if (!absl::IsResourceExhausted(file.status())) return file;
  FinishCalls(engine);
  engine()->Drain();
  return descriptors.Acquire(request.path, request.is_immutable, WhenScarce::kWait);
}

absl::Status PendingLocalReads::Read(size_t i, const std::shared_ptr<const OpenFile>& file,
                                     ScanMeter& meter) {
  const ByteRange& range = requests_[i].range;
  // Checked before memory is taken for a length that a damaged file may have named.
  OG_RETURN_IF_ERROR(CheckRangeOf(*file, requests_[i]));
  Target& target = targets_[i];
  size_t cached = 0;
  if (meter.LooksIntoCache()) {
    target.memory = MutableBuffer(range.length);
    cached = ReadCached(*file, range.offset, target.memory.span());
  }
  const bool passes_by = meter.NotesAndPassesBy(range.length, cached);
  if (target.memory.size() == range.length && cached == range.length) return absl::OkStatus();

  if (passes_by && file->DirectFd() >= 0) {
    const uint64_t first = range.offset - range.offset % kDirectBlockBytes;
    const uint64_t length = RoundUp(range.offset + range.length - first, kDirectBlockBytes);
    target.memory =
        MutableBuffer(length < kPageAlignedBlockBytes ? length + kDirectBlockBytes : length);
    const auto address = reinterpret_cast<uintptr_t>(target.memory.data());
    const size_t padding = RoundUp(address, kDirectBlockBytes) - address;
    target.start = padding + (range.offset - first);
    AddCall(i, file,
            {.fd = file->DirectFd(),
             .offset = first,
             .out = target.memory.data() + padding,
             .missing = length,
             .buffered_fd = file->descriptor.fd(),
             .slack = first + length - (range.offset + range.length)});
    return absl::OkStatus();
  }
  if (target.memory.size() == 0) target.memory = MutableBuffer(range.length);
  AddCall(i, file,
          {.fd = file->descriptor.fd(),
           .offset = range.offset + cached,
           .out = target.memory.data() + cached,
           .missing = range.length - cached});
  return absl::OkStatus();
}

void PendingLocalReads::AddCall(size_t i, const std::shared_ptr<const OpenFile>& file,
                                IoCall call) {
  if (group_ == nullptr) group_ = std::make_unique<IoGroup>();
  if (group_->calls.empty() || group_->calls.back().file != file) ++num_files_;
  call.file = file;
  group_->calls.push_back(std::move(call));
  request_of_call_.push_back(i);
}

void PendingLocalReads::StartCalls(const EngineOfThread& engine) {
  if (group_ == nullptr || num_started_ == group_->calls.size()) return;
  if (engine_ == nullptr) engine_ = engine();
  engine_->Start(*group_, num_started_);
  num_started_ = group_->calls.size();
}

void PendingLocalReads::FinishCalls(const EngineOfThread& engine) {
  StartCalls(engine);
  if (engine_ == nullptr) return;
  engine_->Wait(*group_);
  num_files_ = 0;
}

absl::Status PendingLocalReads::CheckCalls() const {
  if (group_ == nullptr) return absl::OkStatus();
  for (size_t i = 0; i < group_->calls.size(); ++i) {
    const IoCall& call = group_->calls[i];
    if (call.error == 0 && call.missing <= call.slack) continue;
    const ReadRequest& request = requests_[request_of_call_[i]];
    const std::string name = StrCat("/", request.path);
    const std::string what =
        StrCat("read ", request.range.length, " bytes at offset ", request.range.offset);
    if (call.error != 0) return ErrnoStatus(call.error, name, what);
    return OutOfRangeError(StrCat(name, ": ", what, ": the object ends at ", call.offset));
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
  buffers.reserve(targets_.size());
  for (size_t i = 0; i < targets_.size(); ++i) {
    const uint64_t length = requests_[i].range.length;
    Target& target = targets_[i];
    const bool is_whole = target.memory.size() == length;
    Buffer bytes = std::move(target.memory).Share();
    buffers.push_back(is_whole ? std::move(bytes) : bytes.Slice(target.start, length));
  }
  return buffers;
}

}  // namespace og::io
