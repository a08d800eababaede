#include "io/s3/s3_client.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "io/base/base64.h"
#include "io/base/check.h"
#include "io/base/sha256.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/s3/http_time.h"
#include "io/store/path.h"

namespace og::io {
namespace {

constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::string_view kChecksumHeader = "x-amz-checksum-sha256";
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kSlowFactor = 10;  // of the stall timeout, for is_slow

bool HasControlCharacter(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

// Whether the body is what its checksum says; true without a checksum of the whole object.
bool IsContentRight(const HttpResponse& response) {
  const std::string_view wanted = FindHeader(response.headers, kChecksumHeader);
  if (wanted.empty() || wanted.find('-') != std::string_view::npos) return true;  // of parts
  return EncodeBase64(Sha256(response.body.span())) == wanted;
}

bool IsExpiredToken(const S3Error& error) {
  return error.code == "ExpiredToken" || error.code == "TokenRefreshRequired" ||
         error.code == "ExpiredTokenException";
}

bool IsRedirect(int status, const S3Error& error) {
  return status == 301 || status == 302 || status == 307 || status == 308 ||
         error.code == "PermanentRedirect" || error.code == "TemporaryRedirect" ||
         error.code == "AuthorizationHeaderMalformed" || error.code == "IncorrectEndpoint";
}

bool IsClockSkew(const S3Error& error) {
  return error.code == "RequestTimeTooSkewed" || error.code == "RequestExpired";
}

// What whoever runs us can do about it.
std::string_view Remedy(int status, const S3Error& error) {
  if (IsExpiredToken(error)) return "; the session token wants to be renewed";
  if (IsClockSkew(error)) return "; the clock of this machine wants to be set";
  if (IsRedirect(status, error)) return "; AWS_REGION and AWS_ENDPOINT_URL say where the bucket is";
  return "";
}

}  // namespace

// ---- one batch ----------------------------------------------------------------------------------

class S3Client::Batch::State {
 public:
  explicit State(S3Client* client) : client_(client), inbox_(std::make_shared<Inbox>()) {}

  ~State() {
    for (const Sent& sent : sent_) {
      client_->transport_->Cancel(sent.id);
    }
    for (size_t num_open = sent_.size(); num_open > 0; --num_open) {
      const Delivery delivery = Take();
      CountCopy(*std::ranges::find(sent_, delivery.tag, &Sent::tag), delivery.outcome);
    }
  }

  size_t Start(S3Request request) {
    const size_t number = exchanges_.size();
    exchanges_.push_back(std::make_unique<Exchange>());
    Exchange& exchange = *exchanges_.back();
    exchange.number = number;
    exchange.request = std::move(request);
    exchange.deadline_ns =
        client_->runtime_.monotonic_ns() + client_->settings_.deadline_ms * kNsPerMs;
    const bool wants_digest =
        exchange.request.has_body && client_->settings_.signs_payload &&
        (!exchange.request.has_content || client_->settings_.sends_checksums ||
         !client_->target().endpoint.is_https);
    const bool wants_checksum = exchange.request.has_content && client_->settings_.sends_checksums;
    if (wants_digest || wants_checksum) {
      const Sha256Digest digest = Sha256(exchange.request.body.span());
      exchange.content_sha256 =
          client_->settings_.signs_payload ? HexBytes(digest) : std::string(kUnsignedPayload);
      if (wants_checksum) {
        exchange.request.headers.push_back({std::string(kChecksumHeader), EncodeBase64(digest)});
      }
    } else {
      exchange.content_sha256 = exchange.request.has_body ? kUnsignedPayload : kEmptySha256;
    }
    StartAttempt(exchange, 0);
    return number;
  }

  S3Answer Wait(size_t number) {
    Exchange& exchange = *exchanges_[number];
    while (!exchange.is_done) {
      Delivery delivery = Take();
      OnOutcome(*exchanges_[delivery.number], delivery);
    }
    exchange.request.body = Buffer();
    return std::move(exchange.answer);
  }

  const S3Request& request(size_t number) const { return exchanges_[number]->request; }

 private:
  // One request with all its attempts.
  struct Exchange {
    size_t number = 0;
    S3Request request;
    std::string content_sha256;
    int64_t deadline_ns = 0;
    uint32_t num_attempts = 0;
    Target target;  // of the last attempt
    Credentials credentials;
    bool has_redirected = false, has_corrected_clock = false, has_refreshed = false;
    // A refused HEAD has no body: the same as a GET of one byte, to hear the reason.
    bool is_explaining = false;
    HttpResponse refusal;
    bool is_done = false;
    S3Answer answer;
  };
  // A request of the transport whose outcome has not been taken.
  struct Sent {
    uint64_t tag = 0;  // ours, known before the transport's number
    uint64_t id = 0;
    size_t number = 0;        // of the exchange
    bool is_copy = false;     // of a read that may be slow: sent only if it is
    bool is_dropped = false;  // its outcome no longer matters
  };
  struct Delivery {
    size_t number = 0;
    uint64_t tag = 0;
    HttpOutcome outcome;
  };
  // Shared with the transport's thread.
  struct Inbox {
    Mutex mutex;
    Condition condition;
    std::deque<Delivery> deliveries OG_GUARDED_BY(mutex);
  };

  Delivery Take() {
    MutexLock lock(inbox_->mutex);
    inbox_->condition.Wait(inbox_->mutex, [this] { return !inbox_->deliveries.empty(); });
    Delivery delivery = std::move(inbox_->deliveries.front());
    inbox_->deliveries.pop_front();
    return delivery;
  }

  // Whether a copy of this request is still under way.
  bool IsOpen(const Exchange& exchange) const {
    return std::ranges::any_of(sent_, [&exchange](const Sent& sent) {
      return sent.number == exchange.number && !sent.is_dropped;
    });
  }

  void DropOpen(const Exchange& exchange) {
    for (Sent& sent : sent_) {
      if (sent.number != exchange.number || sent.is_dropped) continue;
      sent.is_dropped = true;
      client_->transport_->Cancel(sent.id);
    }
  }

  void Finish(Exchange& exchange, absl::Status status) {
    DropOpen(exchange);
    exchange.answer.status = std::move(status);
    exchange.is_done = true;
  }

  std::string Context(const Exchange& exchange) const {
    return client_->ContextOf(exchange.request);
  }

  void StartAttempt(Exchange& exchange, int64_t delay_us) {
    if (client_->settings_.signs) {
      absl::StatusOr<Credentials> credentials = client_->credentials_->Get();
      if (!credentials.ok()) {
        return Finish(exchange, Annotate(credentials.status(), Context(exchange)));
      }
      exchange.credentials = *std::move(credentials);
    }
    exchange.target = client_->target();
    S3Request request = exchange.request;
    if (exchange.is_explaining) {
      request.method = "GET";
      request.headers.push_back({"range", "bytes=0-0"});
    }
    absl::StatusOr<HttpRequest> signed_request =
        client_->Sign(request, exchange.target, exchange.credentials, exchange.content_sha256);
    if (!signed_request.ok()) {
      return Finish(exchange, Annotate(signed_request.status(), Context(exchange)));
    }
    HttpRequest wire = *std::move(signed_request);
    wire.deadline_ns = exchange.deadline_ns;
    wire.start_delay_us = delay_us;
    ++exchange.num_attempts;
    const int64_t hedge_us = client_->settings_.hedge_after_ms * 1000;
    if (exchange.request.is_hedged && hedge_us > 0) {
      HttpRequest copy = wire;
      copy.start_delay_us = delay_us + hedge_us;
      Send(exchange, std::move(wire), false);
      Send(exchange, std::move(copy), true);
    } else {
      Send(exchange, std::move(wire), false);
    }
  }

  void Send(Exchange& exchange, HttpRequest wire, bool is_copy) {
    if (!is_copy) client_->num_requests_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t tag = ++last_tag_;
    const size_t number = exchange.number;
    const uint64_t id = client_->transport_->Start(
        std::move(wire), [inbox = inbox_, number, tag](HttpOutcome outcome) {
          MutexLock lock(inbox->mutex);
          inbox->deliveries.push_back({number, tag, std::move(outcome)});
          inbox->condition.NotifyOne();
        });
    sent_.push_back({.tag = tag, .id = id, .number = number, .is_copy = is_copy});
  }

  void CountCopy(const Sent& sent, const HttpOutcome& outcome) {
    if (!sent.is_copy || !outcome.was_sent) return;
    client_->num_requests_.fetch_add(1, std::memory_order_relaxed);
    client_->num_hedges_.fetch_add(1, std::memory_order_relaxed);
  }

  void OnOutcome(Exchange& exchange, Delivery& delivery) {
    const auto it = std::ranges::find(sent_, delivery.tag, &Sent::tag);
    OG_CHECK(it != sent_.end());
    const bool is_dropped = it->is_dropped;
    CountCopy(*it, delivery.outcome);
    sent_.erase(it);
    if (is_dropped) return;
    HttpOutcome& outcome = delivery.outcome;
    if (!outcome.status.ok()) return OnFailure(exchange, outcome);
    S3Error error;
    const HttpResponse& response = outcome.response;
    if (response.status >= 300 ||
        (exchange.request.has_result_in_body && IsS3ErrorBody(response.body.view()))) {
      error = ParseS3Error(response.body.view());
    }
    if (IsRetryableAnswer(response.status, error.code)) {
      return OnRetryableAnswer(exchange, outcome, error);
    }
    client_->retry_budget_.OnGoodAnswer();
    if (exchange.request.verifies_content && response.status == 200 && !IsContentRight(response)) {
      return Retry(exchange,
                   DataLossError("the bytes differ from the checksum that came with them"), 0,
                   client_->settings_.retry.max_attempts);
    }
    if (TryToPutRight(exchange, response, error)) return;
    const bool is_unexplained = exchange.is_explaining && response.status < 300;
    exchange.answer.response =
        is_unexplained ? std::move(exchange.refusal) : std::move(outcome.response);
    exchange.answer.error = std::move(error);
    Finish(exchange, absl::OkStatus());
  }

  void OnFailure(Exchange& exchange, const HttpOutcome& outcome) {
    if (outcome.was_sent) exchange.answer.may_have_happened = true;
    const absl::StatusCode code = outcome.status.code();
    if (code != absl::StatusCode::kUnavailable && code != absl::StatusCode::kDeadlineExceeded) {
      return Finish(exchange, Annotate(outcome.status, Context(exchange)));
    }
    const RetryPolicy& policy = client_->settings_.retry;
    Retry(exchange, outcome.status, 0,
          outcome.was_sent ? policy.max_attempts : policy.max_connect_attempts);
  }

  void OnRetryableAnswer(Exchange& exchange, const HttpOutcome& outcome, const S3Error& error) {
    const HttpResponse& response = outcome.response;
    if (response.status >= 500 || response.status == 200) exchange.answer.may_have_happened = true;
    const bool is_throttle = IsThrottle(response.status, error.code);
    if (is_throttle) client_->num_throttled_.fetch_add(1, std::memory_order_relaxed);
    const std::string text =
        StrCat(is_throttle ? "throttled: " : "", "HTTP status ", response.status,
               error.code.empty() ? "" : " ", error.code, ": ", error.message);
    const int64_t now_us = client_->runtime_.now_us();
    Retry(exchange, UnavailableError(text),
          ParseRetryAfter(FindHeader(response.headers, "retry-after"), now_us),
          client_->settings_.retry.max_attempts);
  }

  // Sends the request again after a pause, if attempts, budget and time are left.
  void Retry(Exchange& exchange, const absl::Status& failure, int64_t retry_after_us,
             uint32_t max_attempts) {
    if (IsOpen(exchange)) return;  // the other copy of a hedged read may still do it
    const RetryPolicy& policy = client_->settings_.retry;
    const auto give_up = [&](std::string_view reason) {
      Finish(exchange, Annotate(failure, StrCat(Context(exchange), ": after ",
                                                exchange.num_attempts, " attempts", reason)));
    };
    if (exchange.num_attempts >= max_attempts) return give_up("");
    const int64_t pause_us =
        policy.BackoffUs(exchange.num_attempts, client_->runtime_.random(), retry_after_us);
    if (client_->runtime_.monotonic_ns() + pause_us * 1000 >= exchange.deadline_ns) {
      return give_up(" and the deadline");
    }
    if (!client_->retry_budget_.Take()) return give_up(", the budget of retries being spent");
    client_->num_retries_.fetch_add(1, std::memory_order_relaxed);
    client_->pause_us_.fetch_add(pause_us, std::memory_order_relaxed);
    StartAttempt(exchange, pause_us);
  }

  // Whether what was wrong could be mended and the request is on its way again.
  bool TryToPutRight(Exchange& exchange, const HttpResponse& response, const S3Error& error) {
    if (exchange.is_explaining && response.status < 300) return false;
    DropOpen(exchange);
    if (!exchange.has_redirected && client_->FollowRedirect(response, error, exchange.target)) {
      exchange.has_redirected = true;
    } else if (!exchange.has_corrected_clock && IsClockSkew(error) &&
               client_->CorrectClock(response)) {
      exchange.has_corrected_clock = true;
    } else if (!exchange.has_refreshed && IsExpiredToken(error)) {
      client_->credentials_->Expire(exchange.credentials);
      exchange.has_refreshed = true;
    } else if (!exchange.is_explaining && exchange.request.method == "HEAD" &&
               (response.status == 400 || response.status == 403)) {
      exchange.is_explaining = true;
      exchange.refusal = response;
      StartAttempt(exchange, 0);
      return true;
    } else {
      return false;
    }
    exchange.is_explaining = false;
    StartAttempt(exchange, 0);
    return true;
  }

  S3Client* const client_;
  const std::shared_ptr<Inbox> inbox_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Sent> sent_;
  uint64_t last_tag_ = 0;
};

S3Client::Batch::Batch(S3Client* client) : state_(std::make_unique<State>(client)) {}
S3Client::Batch::~Batch() = default;
S3Client::Batch::Batch(Batch&&) noexcept = default;
S3Client::Batch& S3Client::Batch::operator=(Batch&&) noexcept = default;

size_t S3Client::Batch::Start(S3Request request) {
  return state_->Start(std::move(request));
}
S3Answer S3Client::Batch::Wait(size_t number) {
  return state_->Wait(number);
}
const S3Request& S3Client::Batch::request(size_t number) const {
  return state_->request(number);
}

// ---- the client ---------------------------------------------------------------------------------

S3Client::S3Client(std::string bucket, S3Settings settings, S3Runtime runtime)
    : bucket_(std::move(bucket)), settings_(std::move(settings)), runtime_(std::move(runtime)) {
  MutexLock lock(mutex_);
  target_.region = settings_.region;
  target_.endpoint = settings_.endpoint.value_or(AwsEndpoint("s3", settings_.region));
}

absl::StatusOr<std::unique_ptr<S3Client>> S3Client::Open(std::string bucket, S3Settings settings,
                                                         S3Runtime runtime) {
  OG_CHECK(runtime.now_us != nullptr && runtime.monotonic_ns != nullptr &&
           runtime.random != nullptr);
  if (bucket.empty() || bucket.find_first_of("/?#%\\ ") != std::string::npos ||
      HasControlCharacter(bucket)) {
    return InvalidArgumentError(StrCat("\"", bucket, "\" is no name of a bucket"));
  }
  if (settings.endpoint.has_value() && !settings.endpoint->is_https && !settings.allows_http) {
    return FailedPreconditionError(
        StrCat(settings.endpoint->Url(), ": plain http is not allowed (AWS_ALLOW_HTTP)"));
  }
  auto client = std::unique_ptr<S3Client>(
      new S3Client(std::move(bucket), std::move(settings), std::move(runtime)));
  OG_ASSIGN_OR_RETURN(
      client->transport_,
      HttpTransport::Open({.ca_bundle = client->settings_.ca_bundle,
                           .connect_timeout_ms = client->settings_.connect_timeout_ms,
                           .max_active = client->settings_.max_active,
                           .monotonic_ns = client->runtime_.monotonic_ns}));
  client->credentials_ =
      std::make_unique<CredentialProvider>(client->settings_.credentials, client->settings_.region,
                                           client->transport_.get(), client->runtime_.now_us);
  return client;
}

std::string S3Client::Uri(std::string_view key) const {
  return StrCat("s3://", bucket_, "/", key);
}

S3Counters S3Client::counters() const {
  return {.requests = num_requests_.load(std::memory_order_relaxed),
          .retries = num_retries_.load(std::memory_order_relaxed),
          .throttled = num_throttled_.load(std::memory_order_relaxed),
          .hedges = num_hedges_.load(std::memory_order_relaxed),
          .pause_us = pause_us_.load(std::memory_order_relaxed)};
}

S3Answer S3Client::Call(S3Request request) {
  Batch batch(this);
  return batch.Wait(batch.Start(std::move(request)));
}

S3Client::Target S3Client::target() {
  MutexLock lock(mutex_);
  return target_;
}

absl::StatusOr<HttpRequest> S3Client::Sign(const S3Request& request, const Target& target,
                                           const Credentials& credentials,
                                           std::string_view content_sha256) const {
  const S3Address address = AddressOf(target.endpoint, settings_.style, bucket_, request.key);
  const std::string query = CanonicalQuery(request.query);
  HttpRequest wire{.method = request.method,
                   .url = StrCat(target.endpoint.is_https ? "https://" : "http://", address.host,
                                 address.path, query.empty() ? "" : "?", query)};
  wire.headers = request.headers;
  for (const HttpHeader& header : wire.headers) {
    if (HasControlCharacter(header.value)) {
      return InvalidArgumentError(StrCat("a control character in \"", header.name, "\""));
    }
  }
  wire.body = request.body;
  wire.has_body = request.has_body;
  wire.max_response_bytes = request.max_response_bytes;
  wire.stall_timeout_ms = settings_.stall_timeout_ms * (request.is_slow ? kSlowFactor : 1);
  if (!settings_.signs) return wire;

  const std::string amz_time = FormatAmzTime(runtime_.now_us() + target.clock_offset_us);
  wire.headers.push_back({"x-amz-content-sha256", std::string(content_sha256)});
  wire.headers.push_back({"x-amz-date", amz_time});
  if (!credentials.session_token.empty()) {
    wire.headers.push_back({"x-amz-security-token", credentials.session_token});
  }
  wire.headers.push_back({"host", address.host});
  const SigningScope scope{.region = target.region, .service = "s3"};
  std::string authorization = AuthorizationHeader(credentials, scope, amz_time,
                                                  {.method = wire.method,
                                                   .path = address.path,
                                                   .query = query,
                                                   .headers = wire.headers,
                                                   .payload_hash = content_sha256});
  wire.headers.pop_back();  // curl writes "host" itself, from the URL
  wire.headers.push_back({"authorization", std::move(authorization)});
  return wire;
}

bool S3Client::FollowRedirect(const HttpResponse& response, const S3Error& error,
                              const Target& used) {
  if (!IsRedirect(response.status, error)) return false;
  Target found = used;
  std::string_view region = FindHeader(response.headers, "x-amz-bucket-region");
  if (region.empty()) region = error.region;
  if (!region.empty() && region != used.region) {
    found.region = region;
    if (!settings_.endpoint.has_value()) found.endpoint = AwsEndpoint("s3", region);
  } else {
    std::string place(FindHeader(response.headers, "location"));
    if (place.empty() && !error.endpoint.empty()) {
      place = StrCat(used.endpoint.is_https ? "https://" : "http://", error.endpoint);
    }
    // Only the host is taken: path and query are ours.
    const size_t start = place.find("://");
    if (start == std::string::npos) return false;
    const auto endpoint =
        ParseEndpoint(std::string_view(place).substr(0, place.find_first_of("/?#", start + 3)));
    if (!endpoint.ok()) return false;
    if (used.endpoint.is_https && !endpoint->is_https && !settings_.allows_http) return false;
    found.endpoint = *endpoint;
    const std::string prefix = StrCat(bucket_, ".");
    if (settings_.style == S3Style::kPath && found.endpoint.host.starts_with(prefix)) {
      found.endpoint.host.erase(0, prefix.size());
    }
  }
  if (found == used) return false;
  MutexLock lock(mutex_);
  found.clock_offset_us = target_.clock_offset_us;
  target_ = std::move(found);
  return true;
}

bool S3Client::CorrectClock(const HttpResponse& response) {
  const auto server_us = ParseHttpTime(FindHeader(response.headers, "date"));
  if (!server_us.has_value()) return false;
  const int64_t offset_us = *server_us - runtime_.now_us();
  MutexLock lock(mutex_);
  target_.clock_offset_us = offset_us;
  return true;
}

std::string S3Client::ContextOf(const S3Request& request) const {
  return FailedCall(request.operation,
                    Uri(request.subject.empty() ? request.key : request.subject));
}

absl::Status S3Client::StatusOf(const S3Request& request, const S3Answer& answer) const {
  if (!answer.status.ok()) return answer.status;
  const S3Error& error = answer.error;
  const int status = answer.response.status;
  std::string_view id = FindHeader(answer.response.headers, "x-amz-request-id");
  if (id.empty()) id = error.request_id;
  const std::string context = ContextOf(request);
  const std::string text =
      StrCat(context, ": HTTP status ", status, error.code.empty() ? "" : " ", error.code,
             error.message.empty() ? "" : ": ", error.message, id.empty() ? "" : " (request ", id,
             id.empty() ? "" : ")", Remedy(status, error));
  if (error.code == "NoSuchBucket") {
    return FailedPreconditionError(
        StrCat(context, ": the bucket \"", bucket_, "\" does not exist"));
  }
  // A key that versitygw does not know is status 404 there.
  if (error.code == "XAdminUserNotFound" || IsExpiredToken(error)) {
    return PermissionDeniedError(text);
  }
  switch (status) {
    case 404:
      // Another 404 than that of a missing object is not taken for one.
      if (request.key.empty()) {
        return FailedPreconditionError(StrCat(
            text, ": no bucket \"", bucket_, "\"",
            settings_.endpoint.has_value() ? StrCat(" at ", settings_.endpoint->Url()) : ""));
      }
      if ((error.code.empty() && answer.response.body.empty()) || error.code == "NoSuchKey" ||
          error.code == "NotFound") {
        return NoSuchObject(Uri(request.key));
      }
      return FailedPreconditionError(text);
    case 401:
    case 403:
      return PermissionDeniedError(text);
    case 409:
    case 412:
      return AbortedError(text);
    case 416:
      return OutOfRangeError(text);
    case 405:
    case 501:
      return UnimplementedError(text);
    default:
      break;
  }
  if (error.code == "KeyTooLongError" || error.code == "EntityTooLarge" ||
      error.code == "InvalidArgument" || error.code == "InvalidURI") {
    return InvalidArgumentError(text);
  }
  return FailedPreconditionError(text);
}

}  // namespace og::io
