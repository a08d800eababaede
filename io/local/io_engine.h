// Blocking system calls done for a thread that does not want to block on each: reads that missed
// the page cache, and syncs. One engine uses a ring of the kernel's, the other threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "io/base/sync.h"
#include "io/local/descriptor.h"

namespace og::io {

// What direct reads are aligned to. A drive that wants more refuses, and is read otherwise.
inline constexpr size_t kDirectBlockBytes = 4096;

// One call under way. The fields below "result" belong to the engine until the group is waited for.
struct IoCall {
  enum class Kind : uint8_t { kRead, kSyncData, kSyncAll };

  Kind kind = Kind::kRead;
  int fd = -1;
  // Reads: where from, where to, how much is missing.
  uint64_t offset = 0;
  std::byte* out = nullptr;
  size_t missing = 0;
  // Keeps `fd` open, where it is a shared one; given up when the call has ended.
  std::shared_ptr<const OpenFile> file = {};
  // Reads that pass by the page cache: `fd` is a direct descriptor, and offset, memory and length
  // are multiples of kDirectBlockBytes. The last `slack` bytes are not needed and may lie behind
  // the end of the file. Where the file system refuses, the read goes on through `buffered_fd`.
  int buffered_fd = -1;
  size_t slack = 0;

  // Result: an errno value; 0 is success, or with missing > slack the end of the file.
  int error = 0;
  struct IoGroup* group = nullptr;
};

// Calls that are waited for together. Calls stay where they are: the kernel has their addresses.
struct IoGroup {
  std::deque<IoCall> calls;
  size_t num_unfinished = 0;  // guarded by the engine's mutex
};

// Any thread may call any method.
class IoEngine {
 public:
  virtual ~IoEngine() = default;

  // Starts the calls of `group` from index `first` on. The group outlives them.
  virtual void Start(IoGroup& group, size_t first) = 0;

  // Waits until every call of `group` has a result.
  virtual void Wait(IoGroup& group) = 0;

  // Drops the calls of `group` that have not started and waits for the others.
  virtual void Cancel(IoGroup& group) = 0;

  // Takes the results of calls that only this thread can take, waiting for those under way.
  virtual void Drain() = 0;
};

// A ring of this thread's, made at its first use; null when the kernel refuses (io_uring is absent
// or forbidden, no memory, no descriptors).
std::shared_ptr<IoEngine> UringEngineOfThisThread();

// An engine of `num_threads` threads, started at the first call.
std::shared_ptr<IoEngine> NewThreadEngine(size_t num_threads);

// Which engine does the calls of a thread.
class IoEngines {
 public:
  // `threads`: for threads without a ring, or for all.
  IoEngines(bool uses_rings, std::shared_ptr<IoEngine> threads)
      : uses_rings_(uses_rings), threads_(std::move(threads)) {}

  std::shared_ptr<IoEngine> OfThisThread() const;

 private:
  const bool uses_rings_;
  const std::shared_ptr<IoEngine> threads_;
};

// Takes over a result of the system, `result` bytes or a negative errno value. True when the call
// has ended; false when what is missing has to be asked for again.
bool AcceptIoResult(IoCall& call, int64_t result);

}  // namespace og::io
