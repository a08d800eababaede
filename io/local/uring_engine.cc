#include <algorithm>
#include <cerrno>

#include <liburing.h>
#include <unistd.h>

#include "io/base/check.h"
#include "io/local/io_engine.h"

namespace og::io {
namespace {

// Enough to keep a drive busy; small enough for 64 KiB of locked memory on kernels that count it.
constexpr unsigned kRingEntries = 64;

// A single read is at most this long: results are 32-bit.
constexpr size_t kMaxReadBytes = size_t{1} << 30;

class UringEngine : public IoEngine {
 public:
  UringEngine() = default;
  ~UringEngine() override {
    if (is_open_) io_uring_queue_exit(&ring_);
  }

  bool Open() {
    // Completions wait until this thread enters the kernel, which it does soon, instead of
    // interrupting it; kernels before 5.19 do not know that.
    if (io_uring_queue_init(kRingEntries, &ring_, IORING_SETUP_COOP_TASKRUN) != 0 &&
        io_uring_queue_init(kRingEntries, &ring_, 0) != 0) {
      return false;
    }
    is_open_ = true;
    io_uring_probe* const probe = io_uring_get_probe_ring(&ring_);
    if (probe == nullptr) return false;
    const bool can_read = io_uring_opcode_supported(probe, IORING_OP_READ) != 0 &&
                          io_uring_opcode_supported(probe, IORING_OP_FSYNC) != 0;
    io_uring_free_probe(probe);
    return can_read;
  }

  void Start(IoGroup& group, size_t first) override {
    MutexLock lock(mutex_);
    for (size_t i = first; i < group.calls.size(); ++i) {
      group.calls[i].group = &group;
      ++group.num_unfinished;
      queue_.push_back(&group.calls[i]);
    }
    Submit();
  }

  void Wait(IoGroup& group) override {
    MutexLock lock(mutex_);
    while (group.num_unfinished > 0)
      Reap();
    Submit();
  }

  void Cancel(IoGroup& group) override {
    MutexLock lock(mutex_);
    std::erase_if(queue_, [&group](IoCall* call) {
      if (call->group != &group) return false;
      call->error = ECANCELED;
      --group.num_unfinished;
      return true;
    });
    while (group.num_unfinished > 0)
      Reap();
    Submit();
  }

  void Drain() override {
    MutexLock lock(mutex_);
    while (num_in_flight_ > 0 || !queue_.empty())
      Reap();
  }

 private:
  // Moves queued calls into free slots of the ring.
  void Fill() OG_REQUIRES(mutex_) {
    while (num_in_flight_ < kRingEntries && !queue_.empty()) {
      io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
      if (sqe == nullptr) break;
      IoCall* const call = queue_.front();
      queue_.pop_front();
      Prepare(*call, sqe);
      ++num_in_flight_;
    }
  }

  // Whether the kernel took what it was told; if not, completions make room for it.
  static bool IsTaken(int entered) {
    if (entered >= 0 || entered == -EINTR) return true;
    OG_CHECK(entered == -EAGAIN || entered == -EBUSY || entered == -ENOMEM);
    return false;
  }

  // Tells the kernel of queued calls, as many as the ring has room for.
  void Submit() OG_REQUIRES(mutex_) {
    Fill();
    while (io_uring_sq_ready(&ring_) > 0) {
      if (!IsTaken(io_uring_submit(&ring_)) && num_in_flight_ > io_uring_sq_ready(&ring_)) break;
    }
  }

  static void Prepare(IoCall& call, io_uring_sqe* sqe) {
    switch (call.kind) {
      case IoCall::Kind::kRead:
        io_uring_prep_read(sqe, call.fd, call.out,
                           static_cast<unsigned>(std::min(call.missing, kMaxReadBytes)),
                           call.offset);
        break;
      case IoCall::Kind::kSyncData:
        io_uring_prep_fsync(sqe, call.fd, IORING_FSYNC_DATASYNC);
        break;
      case IoCall::Kind::kSyncAll:
        io_uring_prep_fsync(sqe, call.fd, 0);
        break;
    }
    io_uring_sqe_set_data(sqe, &call);
  }

  // The kernel would not wait on our behalf (short of memory, or an odd file system): we do.
  static int64_t ReadWaiting(const IoCall& call) {
    if (call.kind != IoCall::Kind::kRead) return -EAGAIN;
    const ssize_t got = pread(call.fd, call.out, call.missing, static_cast<off_t>(call.offset));
    return got < 0 ? -errno : got;
  }

  // Tells the kernel of queued calls, waits for one completion and takes all that are there. Calls
  // to be told of later are in free slots then.
  void Reap() OG_REQUIRES(mutex_) {
    Fill();
    if (io_uring_cq_ready(&ring_) > 0) {
      Submit();
    } else if (!IsTaken(io_uring_submit_and_wait(&ring_, 1)) &&
               num_in_flight_ > io_uring_sq_ready(&ring_)) {
      io_uring_cqe* first = nullptr;
      const int error = io_uring_wait_cqe(&ring_, &first);
      OG_CHECK(error == 0 || error == -EINTR || error == -EAGAIN);
    }
    io_uring_cqe* cqe = nullptr;
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
      auto* const call = static_cast<IoCall*>(io_uring_cqe_get_data(cqe));
      const int64_t result = cqe->res;
      io_uring_cqe_seen(&ring_, cqe);
      --num_in_flight_;
      if (AcceptIoResult(*call, result == -EAGAIN ? ReadWaiting(*call) : result)) {
        call->file.reset();
        --call->group->num_unfinished;
      } else {
        queue_.push_front(call);
      }
    }
    Fill();
  }

  Mutex mutex_;
  io_uring ring_{};
  bool is_open_ = false;
  unsigned num_in_flight_ OG_GUARDED_BY(mutex_) = 0;
  std::deque<IoCall*> queue_ OG_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<IoEngine> UringEngineOfThisThread() {
  thread_local const std::shared_ptr<IoEngine> engine = []() -> std::shared_ptr<IoEngine> {
    auto opened = std::make_shared<UringEngine>();
    if (!opened->Open()) return nullptr;
    return opened;
  }();
  return engine;
}

}  // namespace og::io
