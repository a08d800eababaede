#include "io/fault/latency_store.h"

#include <algorithm>
#include <utility>

namespace og::io {

class LatencyStore::Reads : public PendingReads::State {
 public:
  Reads(LatencyStore* store, std::vector<ReadRequest> requests)
      : store_(store),
        ready_us_(store->env_.NowUs() + (IsEmpty(requests) ? 0 : store->request_us_)),
        reads_(store->base().Submit(std::move(requests))) {}

  absl::StatusOr<std::vector<Buffer>> Wait() override {
    store_->env_.SleepUs(ready_us_ - store_->env_.NowUs());
    return reads_.Wait();
  }

 private:
  static bool IsEmpty(const std::vector<ReadRequest>& requests) {
    return std::ranges::all_of(
        requests, [](const ReadRequest& request) { return request.range.length == 0; });
  }

  LatencyStore* const store_;
  const int64_t ready_us_;
  PendingReads reads_;
};

PendingReads LatencyStore::Submit(std::vector<ReadRequest> requests) {
  return PendingReads(std::make_unique<Reads>(this, std::move(requests)));
}

absl::Status LatencyStore::Before(StoreCall call, std::string_view) {
  const bool is_request =
      call != StoreCall::kOpenWrite && call != StoreCall::kAppend && call != StoreCall::kSync;
  if (is_request) env_.SleepUs(request_us_);
  return absl::OkStatus();
}

}  // namespace og::io
