// Requests to one bucket: addressed, signed, sent, and sent again as long as that makes sense.
//
// What is put right once for each request: another region of the bucket (followed, and remembered
// for all later requests), a clock that is off (the server's time is used from then on) and expired
// credentials. What is sent again after a pause: see retry.h. Everything else is an answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/buffer.h"
#include "io/base/sync.h"
#include "io/s3/credentials.h"
#include "io/s3/endpoint.h"
#include "io/s3/http_transport.h"
#include "io/s3/messages.h"
#include "io/s3/retry.h"
#include "io/s3/settings.h"

namespace og::io {

// Clocks and chance, as io::Env has them.
struct S3Runtime {
  std::function<int64_t()> now_us;
  std::function<int64_t()> monotonic_ns;
  std::function<uint64_t()> random;
};

struct S3Request {
  std::string_view operation;  // for messages: "read"; a literal
  std::string method;
  std::string key = {};      // empty: the bucket
  std::string subject = {};  // what messages name instead of the key
  QueryParts query = {};
  HttpHeaders headers = {};
  Buffer body = {};  // what it borrows must live until the batch has waited or is gone
  bool has_body = false;
  // The body is an object or a part: it goes with its checksum.
  bool has_content = false;
  uint64_t max_response_bytes = uint64_t{64} << 20;
  bool is_hedged = false;  // a second copy may be sent when the first one is slow
  bool is_slow = false;    // the server works long before it answers
  // Status 200 can carry an error.
  bool has_result_in_body = false;
  // The answer is a whole object: check it against the checksum that comes with it.
  bool verifies_content = false;
};

struct S3Answer {
  // Not ok: no final answer came, see HttpOutcome and retry.h. The message names operation and URI.
  absl::Status status;
  // Else: an HTTP status that is not worth another attempt, and for failures what the server says.
  HttpResponse response;
  S3Error error;
  // An attempt before the last, or the last if status is not ok, may have taken effect unseen.
  bool may_have_happened = false;

  bool is_success() const {
    return status.ok() && response.status >= 200 && response.status < 300 && error.code.empty();
  }
};

// Sums since the client was made.
struct S3Counters {
  uint64_t requests = 0;   // sent, retries and hedges included
  uint64_t retries = 0;    // sent again after a failure
  uint64_t throttled = 0;  // answers that asked to slow down
  uint64_t hedges = 0;     // second copies of slow reads
  int64_t pause_us = 0;    // between attempts
};

// Any thread may call any method.
class S3Client {
 public:
  static absl::StatusOr<std::unique_ptr<S3Client>> Open(std::string bucket, S3Settings settings,
                                                        S3Runtime runtime);

  // Requests that are under way together. Thread-compatible.
  class Batch;

  // One request, waited for.
  S3Answer Call(S3Request request);

  // What an answer that is no success means for a caller, with operation and URI in its message:
  //   kNotFound            404
  //   kFailedPrecondition  no such bucket, and what else has no code of its own
  //   kPermissionDenied    401, 403
  //   kAborted             409, 412
  //   kOutOfRange          416
  //   kInvalidArgument     a request that the server finds wrong: too long a key, too large
  //   kUnimplemented       501, 405
  absl::Status StatusOf(const S3Request& request, const S3Answer& answer) const;

  // "s3://bucket/key".
  std::string Uri(std::string_view key) const;
  // "storage read failed for 's3://bucket/key'".
  std::string ContextOf(const S3Request& request) const;

  const std::string& bucket() const { return bucket_; }
  const S3Settings& settings() const { return settings_; }
  uint64_t Random() const { return runtime_.random(); }

  S3Counters counters() const;

 private:
  // Where requests go, and how far our clock is off; changed by what servers answer.
  struct Target {
    std::string region;
    S3Endpoint endpoint;
    int64_t clock_offset_us = 0;
    friend bool operator==(const Target&, const Target&) = default;
  };

  S3Client(std::string bucket, S3Settings settings, S3Runtime runtime);

  Target target();
  absl::StatusOr<HttpRequest> Sign(const S3Request& request, const Target& target,
                                   const Credentials& credentials,
                                   std::string_view content_sha256) const;
  // Learns the bucket's place from a redirect; false if it says nothing new.
  bool FollowRedirect(const HttpResponse& response, const S3Error& error, const Target& used);
  bool CorrectClock(const HttpResponse& response);

  const std::string bucket_;
  const S3Settings settings_;
  const S3Runtime runtime_;
  std::unique_ptr<HttpTransport> transport_;
  std::unique_ptr<CredentialProvider> credentials_;
  RetryBudget retry_budget_;
  std::atomic<uint64_t> num_requests_ = 0;
  std::atomic<uint64_t> num_retries_ = 0;
  std::atomic<uint64_t> num_throttled_ = 0;
  std::atomic<uint64_t> num_hedges_ = 0;
  std::atomic<int64_t> pause_us_ = 0;
  Mutex mutex_;
  Target target_ OG_GUARDED_BY(mutex_);
};

// The destructor cancels what is under way, and waits until no body is read any more.
class S3Client::Batch {
 public:
  explicit Batch(S3Client* client);
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;

  // Sends a request; its number is for Wait().
  size_t Start(S3Request request);

  // Waits for one answer; attempts of others go on meanwhile. REQUIRES: once for each number.
  S3Answer Wait(size_t number);

  const S3Request& request(size_t number) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace og::io
