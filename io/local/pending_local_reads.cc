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
  if (fstat(file.descriptor.fd(), &info) != 0) return ErrnoStatus(errno, name, "read");
  return CheckRange(name, range, static_cast<uint64_t>(info.st_size));
}

}  // namespace

// The reads that the page cache cannot answer, each with its call.
struct PendingLocalReads::Missing {
  // Where the bytes of a request come to lie: from `start` on, as many as were asked for.
  struct Target {
    size_t request = 0;
    MutableBuffer memory;
    size_t start = 0;
  };

  void Add(const std::shared_ptr<const OpenFile>& file, Target target, IoCall call) {
    if (group.calls.empty() || group.calls.back().file != file) ++num_files;
    call.file = file;
    group.calls.push_back(std::move(call));
    targets.push_back(std::move(target));
  }

  // Starts the calls that were added since the last time.
  void Start(const IoEngines& engines) {
    if (num_started == group.calls.size()) return;
    if (engine == nullptr) engine = engines.OfThisThread();
    engine->Start(group, num_started);
    num_started = group.calls.size();
  }

  // Starts them and waits for all.
  void Finish(const IoEngines& engines) {
    Start(engines);
    engine->Wait(group);
    num_files = 0;
  }

  IoGroup group;
  std::vector<Target> targets;       // one a call
  std::shared_ptr<IoEngine> engine;  // set while calls may be under way
  size_t num_started = 0;            // of the calls
  size_t num_files = 0;              // held open by unfinished calls, at most
};

PendingLocalReads::PendingLocalReads(std::vector<ReadRequest> requests,
                                     DescriptorCache& descriptors, ScanMeter& meter,
                                     const IoEngines& engines)
    : requests_(std::move(requests)), buffers_(requests_.size()) {
  start_status_ = StartAll(descriptors, meter, engines);
}

PendingLocalReads::~PendingLocalReads() {
  if (missing_ != nullptr && missing_->engine != nullptr) missing_->engine->Cancel(missing_->group);
}

absl::Status PendingLocalReads::StartAll(DescriptorCache& descriptors, ScanMeter& meter,
                                         const IoEngines& engines) {
  const std::string* path = nullptr;
  std::shared_ptr<const OpenFile> file;
  for (size_t i = 0; i < requests_.size(); ++i) {
    const ReadRequest& request = requests_[i];
    if (request.range.length == 0) continue;
    if (path == nullptr || *path != request.path) {
      // Before a batch holds more files, it waits for the reads of those that it has.
      if (missing_ != nullptr && missing_->num_files == descriptors.max_files_of_batch()) {
        missing_->Finish(engines);
      }
      file.reset();
      OG_ASSIGN_OR_RETURN(file, AcquireFile(descriptors, request, engines));
      path = &request.path;
    }
    OG_RETURN_IF_ERROR(Read(i, file, meter));
  }
  if (missing_ != nullptr) missing_->Start(engines);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const OpenFile>> PendingLocalReads::AcquireFile(
    DescriptorCache& descriptors, const ReadRequest& request, const IoEngines& engines) {
  auto file = descriptors.Acquire(request.path, request.is_immutable, WhenScarce::kFail);
  if (file.ok() || !absl::IsResourceExhausted(file.status())) return file;
  if (missing_ != nullptr) missing_->Finish(engines);
  engines.OfThisThread()->Drain();
  return descriptors.Acquire(request.path, request.is_immutable, WhenScarce::kWait);
}

absl::Status PendingLocalReads::Read(size_t i, const std::shared_ptr<const OpenFile>& file,
                                     ScanMeter& meter) {
  const ByteRange& range = requests_[i].range;
  // Checked before memory is taken for a length that a damaged file may have named.
  OG_RETURN_IF_ERROR(CheckRangeOf(*file, requests_[i]));
  MutableBuffer memory;
  size_t cached = 0;
  if (meter.LooksIntoCache()) {
    memory = MutableBuffer(range.length);
    cached = ReadCached(*file, range.offset, memory.span());
  }
  const bool passes_by = meter.NotesAndPassesBy(range.length, cached);
  if (cached == range.length) {
    buffers_[i] = std::move(memory).Share();
    return absl::OkStatus();
  }

  if (passes_by && file->DirectFd() >= 0) {
    const uint64_t first = range.offset - range.offset % kDirectBlockBytes;
    const uint64_t length = RoundUp(range.offset + range.length - first, kDirectBlockBytes);
    memory = MutableBuffer(length < kPageAlignedBlockBytes ? length + kDirectBlockBytes : length);
    const auto address = reinterpret_cast<uintptr_t>(memory.data());
    const size_t padding = RoundUp(address, kDirectBlockBytes) - address;
    std::byte* const out = memory.data() + padding;
    missing().Add(file, {i, std::move(memory), padding + (range.offset - first)},
                  {.fd = file->DirectFd(),
                   .offset = first,
                   .out = out,
                   .missing = length,
                   .buffered_fd = file->descriptor.fd(),
                   .slack = first + length - (range.offset + range.length)});
    return absl::OkStatus();
  }
  if (memory.size() == 0) memory = MutableBuffer(range.length);
  std::byte* const out = memory.data() + cached;
  missing().Add(file, {i, std::move(memory), 0},
                {.fd = file->descriptor.fd(),
                 .offset = range.offset + cached,
                 .out = out,
                 .missing = range.length - cached});
  return absl::OkStatus();
}

PendingLocalReads::Missing& PendingLocalReads::missing() {
  if (missing_ == nullptr) missing_ = std::make_unique<Missing>();
  return *missing_;
}

absl::Status PendingLocalReads::CheckCalls() const {
  // Calls that were not started any more have no result; start_status_ says why.
  for (size_t i = 0; i < missing_->num_started; ++i) {
    const IoCall& call = missing_->group.calls[i];
    if (call.error == 0 && call.missing <= call.slack) continue;
    const ReadRequest& request = requests_[missing_->targets[i].request];
    const std::string name = StrCat("/", request.path);
    const std::string what =
        StrCat("read of ", request.range.length, " bytes at offset ", request.range.offset);
    if (call.error != 0) return ErrnoStatus(call.error, name, what);
    return OutOfRangeError(StrCat(FailedCall(what, name), ": the object ends at ", call.offset));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Buffer>> PendingLocalReads::Wait() {
  if (missing_ != nullptr) {
    if (missing_->engine != nullptr) {
      missing_->engine->Wait(missing_->group);
      missing_->engine.reset();
    }
    OG_RETURN_IF_ERROR(CheckCalls());
  }
  OG_RETURN_IF_ERROR(start_status_);
  if (missing_ != nullptr) {
    for (Missing::Target& target : missing_->targets) {
      const Buffer memory = std::move(target.memory).Share();
      buffers_[target.request] = memory.Slice(target.start, requests_[target.request].range.length);
    }
  }
  return std::move(buffers_);
}

}  // namespace og::io
