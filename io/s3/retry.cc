#include "io/s3/retry.h"

#include <algorithm>
#include <array>

#include "io/base/text.h"
#include "io/s3/http_time.h"

namespace og::io {
namespace {

constexpr uint32_t kRetryCost = 5;
constexpr int64_t kUsPerSecond = 1'000'000;

constexpr std::array<std::string_view, 4> kThrottleCodes = {
    "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded"};
constexpr std::array<std::string_view, 7> kTransientCodes = {
    "RequestTimeout",   "InternalError",           "ServiceUnavailable",        "Busy",
    "OperationAborted", "RequestTimeoutException", "ConditionalRequestConflict"};

}  // namespace

int64_t RetryPolicy::BackoffUs(uint32_t attempt, uint64_t random, int64_t retry_after_us) const {
  const uint32_t doublings = std::min<uint32_t>(attempt == 0 ? 0 : attempt - 1, 30);
  const int64_t ceiling = first_backoff_us > max_backoff_us >> doublings
                              ? max_backoff_us
                              : first_backoff_us << doublings;
  const auto jitter = static_cast<int64_t>(random % (static_cast<uint64_t>(ceiling) + 1));
  return std::max(jitter, std::min(retry_after_us, max_retry_after_us));
}

bool IsThrottle(int http_status, std::string_view error_code) {
  return http_status == 503 || http_status == 429 ||
         std::ranges::find(kThrottleCodes, error_code) != kThrottleCodes.end();
}

bool IsRetryableAnswer(int http_status, std::string_view error_code) {
  if (IsThrottle(http_status, error_code) ||
      std::ranges::find(kTransientCodes, error_code) != kTransientCodes.end()) {
    return true;
  }
  return http_status == 408 || http_status == 500 || http_status == 502 || http_status == 504;
}

int64_t ParseRetryAfter(std::string_view value, int64_t now_us) {
  if (const auto seconds = ParseUint64(Trim(value)); seconds.has_value()) {
    return static_cast<int64_t>(std::min<uint64_t>(*seconds, 86'400)) * kUsPerSecond;
  }
  const auto time_us = ParseHttpTime(value);
  return time_us.has_value() ? std::max<int64_t>(*time_us - now_us, 0) : 0;
}

bool RetryBudget::Take() {
  MutexLock lock(mutex_);
  if (left_ < kRetryCost) return false;
  left_ -= kRetryCost;
  return true;
}

void RetryBudget::OnGoodAnswer() {
  MutexLock lock(mutex_);
  left_ = std::min(left_ + 1, capacity_);
}

}  // namespace og::io
