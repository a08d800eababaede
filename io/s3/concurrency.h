// How many requests to have under way at once: additive increase, multiplicative decrease. A server
// that throttles halves the limit at most once in a round trip; each full window of good answers
// raises it by one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/base/sync.h"

namespace og::io {

// Any thread may call any method.
class AdaptiveLimit {
 public:
  // Starts at min(32, max). REQUIRES: max > 0.
  explicit AdaptiveLimit(size_t max);

  size_t limit() const;

  // An answer that shows no overload.
  void OnGoodAnswer();

  // 503, 429 or a timeout, at `now_ns`. Within 100 ms of the last decrease nothing changes: the
  // requests of one window fail together.
  void OnOverload(int64_t now_ns);

 private:
  const size_t max_;
  mutable Mutex mutex_;
  size_t limit_ OG_GUARDED_BY(mutex_);
  size_t num_good_ OG_GUARDED_BY(mutex_) = 0;
  int64_t decreased_ns_ OG_GUARDED_BY(mutex_) = INT64_MIN / 2;
};

}  // namespace og::io
