#include "io/s3/concurrency.h"

#include <algorithm>

namespace og::io {
namespace {

constexpr size_t kFirstLimit = 32;
constexpr int64_t kDecreaseIntervalNs = 100'000'000;

}  // namespace

AdaptiveLimit::AdaptiveLimit(size_t max) : max_(max), limit_(std::min(kFirstLimit, max)) {}

size_t AdaptiveLimit::limit() const {
  MutexLock lock(mutex_);
  return limit_;
}

void AdaptiveLimit::OnGoodAnswer() {
  MutexLock lock(mutex_);
  if (++num_good_ < limit_) return;
  num_good_ = 0;
  limit_ = std::min(limit_ + 1, max_);
}

void AdaptiveLimit::OnOverload(int64_t now_ns) {
  MutexLock lock(mutex_);
  if (now_ns - decreased_ns_ < kDecreaseIntervalNs) return;
  decreased_ns_ = now_ns;
  num_good_ = 0;
  limit_ = std::max<size_t>(limit_ / 2, 1);
}

}  // namespace og::io
