#include "index/scalar/window_store.h"

#include <algorithm>

#include "io/base/status.h"
#include "io/base/status_macros.h"

namespace og::index {
namespace {

constexpr size_t kRequestsMax = 8;
constexpr size_t kWindowsKept = 4;
constexpr uint64_t kWindowBytes = uint64_t{512} << 10;
constexpr uint64_t kWindowBytesMax = uint64_t{1} << 20;

}  // namespace

// Cuts the ranges out of windows: those at hand, and the one that is being read.
class WindowStore::Reads final : public io::PendingReads::State {
 public:
  Reads(WindowStore& store, std::vector<io::ReadRequest> requests, std::vector<Window> windows)
      : store_(store), requests_(std::move(requests)), windows_(std::move(windows)) {}

  void Expect(uint64_t begin, io::PendingReads pending) {
    begin_ = begin;
    pending_.emplace(std::move(pending));
  }

  absl::StatusOr<std::vector<io::Buffer>> Wait() override {
    if (pending_) {
      OG_ASSIGN_OR_RETURN(std::vector<io::Buffer> read, pending_->Wait());
      windows_.push_back({begin_, std::move(read[0])});
      store_.Keep(windows_.back());
    }
    std::vector<io::Buffer> buffers;
    for (const io::ReadRequest& request : requests_) {
      const Window* window = WindowOf(windows_, request);
      if (window == nullptr) return io::OutOfRangeError("a range leaves its object");
      // Copies: a page would keep the whole window alive.
      buffers.push_back(io::Buffer::CopyOf(
          window->bytes.Slice(request.range.offset - window->begin, request.range.length).span()));
    }
    return buffers;
  }

  static const Window* WindowOf(const std::vector<Window>& windows,
                                const io::ReadRequest& request) {
    const auto at = std::ranges::find_if(windows, [&](const Window& window) {
      return request.range.offset >= window.begin &&
             request.range.offset - window.begin <= window.bytes.size() &&
             request.range.length <= window.bytes.size() - (request.range.offset - window.begin);
    });
    return at == windows.end() ? nullptr : &*at;
  }

 private:
  WindowStore& store_;
  const std::vector<io::ReadRequest> requests_;
  std::vector<Window> windows_;
  uint64_t begin_ = 0;
  std::optional<io::PendingReads> pending_;
};

void WindowStore::Keep(Window window) {
  io::MutexLock lock(mutex_);
  if (windows_.size() == kWindowsKept) windows_.erase(windows_.begin());
  windows_.push_back(std::move(window));
}

io::PendingReads WindowStore::Submit(std::vector<io::ReadRequest> requests) {
  if (requests.empty() || requests.size() > kRequestsMax) {
    return HookedStore::Submit(std::move(requests));
  }
  std::vector<Window> windows;
  {
    io::MutexLock lock(mutex_);
    windows = windows_;
  }
  uint64_t begin = UINT64_MAX;
  uint64_t end = 0;
  for (const io::ReadRequest& request : requests) {
    if (Reads::WindowOf(windows, request) != nullptr) continue;
    if (request.range.offset > object_bytes_ ||
        request.range.length > object_bytes_ - request.range.offset) {
      return HookedStore::Submit(std::move(requests));  // which says what is wrong
    }
    begin = std::min(begin, request.range.offset);
    end = std::max(end, request.range.offset + request.range.length);
  }
  if (begin >= end) {
    return io::PendingReads(
        std::make_unique<Reads>(*this, std::move(requests), std::move(windows)));
  }
  if (end - begin > kWindowBytesMax) return HookedStore::Submit(std::move(requests));
  end = std::min(object_bytes_, std::max(end, begin + kWindowBytes));
  io::ReadRequest whole = requests.front();
  whole.range = {begin, end - begin};
  auto reads = std::make_unique<Reads>(*this, std::move(requests), std::move(windows));
  reads->Expect(begin, HookedStore::Submit({std::move(whole)}));
  return io::PendingReads(std::move(reads));
}

}  // namespace og::index
