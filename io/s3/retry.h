// When to send a request again, and how long to wait before.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "io/base/sync.h"

namespace og::io {

struct RetryPolicy {
  uint32_t max_attempts = 10;
  // Attempts when no connection comes about: a wrong host name is not worth ten.
  uint32_t max_connect_attempts = 4;
  int64_t first_backoff_us = 100'000;
  int64_t max_backoff_us = 15'000'000;
  int64_t max_retry_after_us = 60'000'000;

  // Full jitter: uniform in [0, min(max_backoff, first_backoff * 2^(attempt - 1))] by `random`, and
  // no less than what the server asked for. `attempt` is the number of attempts made so far.
  int64_t BackoffUs(uint32_t attempt, uint64_t random, int64_t retry_after_us) const;
};

// Whether an answer says "try again": 408, 429, 500, 502, 503, 504, and the codes of S3 that mean
// it whatever the status is (RequestTimeout, SlowDown, InternalError, OperationAborted,
// ConditionalRequestConflict, ...).
bool IsRetryableAnswer(int http_status, std::string_view error_code);

// Whether it says "slow down".
bool IsThrottle(int http_status, std::string_view error_code);

// "Retry-After: 7" or a date, as microseconds from `now_us`; 0 for anything else.
int64_t ParseRetryAfter(std::string_view value, int64_t now_us);

// Keeps many failing requests from multiplying the load on a server in trouble: each retry takes
// from a budget which good answers fill again. Any thread may call any method.
class RetryBudget {
 public:
  explicit RetryBudget(uint32_t capacity = 500) : capacity_(capacity), left_(capacity) {}

  // Takes what one retry costs; false if not enough is left.
  bool Take();
  void OnGoodAnswer();

 private:
  const uint32_t capacity_;
  Mutex mutex_;
  uint32_t left_ OG_GUARDED_BY(mutex_);
};

}  // namespace og::io
