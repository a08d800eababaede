// HTTP requests, many at once: one thread with one curl multi handle, which keeps connections open
// and uses them again. Knows nothing of S3.
//
// No redirect is followed and nothing is retried here, apart from libcurl's own second attempt when
// a kept connection turns out to be dead; HttpOutcome::was_sent stays true then.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/buffer.h"
#include "io/s3/concurrency.h"
#include "io/s3/sigv4.h"

namespace og::io {

struct HttpRequest {
  std::string method;
  std::string url;
  HttpHeaders headers = {};  // without "host" and "content-length"
  Buffer body = {};          // what it borrows must live until the request is done
  bool has_body = false;
  // A longer answer ends the request with kResourceExhausted.
  uint64_t max_response_bytes = uint64_t{64} << 20;
  int64_t start_delay_us = 0;
  // On the wire. 0: none.
  int64_t timeout_ms = 0;
  // With fewer than 512 bytes a second moving, in whole seconds. 0: none.
  int64_t stall_timeout_ms = 0;
  // Of HttpTransportOptions::monotonic_ns; waiting for a free connection counts.
  int64_t deadline_ns = INT64_MAX;
  // Past proxies and past the concurrency limit: for credentials of this machine.
  bool is_direct = false;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  Buffer body;
};

struct HttpOutcome {
  // Not ok: there is no complete answer.
  //   kUnavailable         no connection, a reset, an answer that was cut short
  //   kDeadlineExceeded    timeout, stall or deadline
  //   kFailedPrecondition  TLS: a certificate that is not trusted or for another host
  //   kResourceExhausted   an answer longer than allowed
  //   kCancelled           Cancel(), or the transport goes away
  absl::Status status;
  HttpResponse response;
  // Whether the server may have seen the request.
  bool was_sent = false;
};

struct HttpTransportOptions {
  std::string ca_bundle = {};  // file of certificates; empty: those of the system
  int64_t connect_timeout_ms = 5'000;
  size_t max_active = 128;  // requests, and so connections
  std::function<int64_t()> monotonic_ns = {};
};

// Any thread may call any method.
class HttpTransport {
 public:
  // Called once for each request, on the thread of the transport: it must not block, nor call the
  // transport.
  using Done = std::function<void(HttpOutcome)>;

  // kFailedPrecondition if the certificates cannot be read, kInternal if curl refuses.
  static absl::StatusOr<std::unique_ptr<HttpTransport>> Open(HttpTransportOptions options);

  // Ends what is under way with kCancelled, and the thread.
  ~HttpTransport();
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  // Returns at once; the number is for Cancel().
  uint64_t Start(HttpRequest request, Done done);

  // Ends a request with kCancelled soon, unless it is done before.
  void Cancel(uint64_t id);

  // Sends one request and waits.
  HttpOutcome Perform(HttpRequest request);

  AdaptiveLimit& limit();

 private:
  class Loop;
  explicit HttpTransport(std::unique_ptr<Loop> loop);

  const std::unique_ptr<Loop> loop_;
};

}  // namespace og::io
