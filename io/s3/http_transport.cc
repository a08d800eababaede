#include "io/s3/http_transport.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/base/check.h"
#include "io/base/copy_past_cache.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/sync.h"
#include "io/base/text.h"
#include "io/s3/curl_library.h"

namespace og::io {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int kIdlePollMs = 60'000;
constexpr uint64_t kMaxReservedBytes = uint64_t{64} << 20;  // on the word of a server
constexpr uint64_t kLargeBytes = uint64_t{1}
                                 << 20;  // of bodies that are out of the cache when read
constexpr long kStallBytesPerSecond = 512;
constexpr long kBufferBytes = 128 << 10;
constexpr long kMaxConnectionAgeSeconds =
    50;  // servers close idle connections after about a minute

// Sockets are a part of the descriptors that the process may have.
size_t MaxSockets(size_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
  return std::clamp<size_t>(files.rlim_cur / 4, 1, wanted);
}

template <typename Value>
void SetOption(CURL* easy, CURLoption option, Value value) {
  OG_CHECK(Curl().easy_setopt(easy, option, value) == CURLE_OK);
}

bool IsTlsRefusal(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_INVALIDCERTSTATUS;
}

}  // namespace

// What the thread does. All fields below the mutex's belong to the thread.
class HttpTransport::Loop {
 public:
  explicit Loop(HttpTransportOptions options)
      : options_(std::move(options)), limit_(MaxSockets(options_.max_active)) {}

  ~Loop() {
    if (thread_.joinable()) {
      {
        MutexLock lock(mutex_);
        is_stopping_ = true;
      }
      Curl().multi_wakeup(multi_);
      thread_.join();
    }
    for (CURL* easy : idle_) {
      Curl().easy_cleanup(easy);
    }
    if (multi_ != nullptr) Curl().multi_cleanup(multi_);
  }

  absl::Status Open() {
    if (!options_.ca_bundle.empty() && access(options_.ca_bundle.c_str(), R_OK) != 0) {
      return FailedPreconditionError(StrCat("cannot read the certificates in ", options_.ca_bundle,
                                            ", which AWS_CA_BUNDLE names: ", strerror(errno)));
    }
    OG_RETURN_IF_ERROR(LoadCurl());
    multi_ = Curl().multi_init();
    if (multi_ == nullptr) return InternalError("curl: no multi handle");
    const auto max_sockets = static_cast<long>(MaxSockets(options_.max_active) + 4);
    OG_CHECK(Curl().multi_setopt(multi_, CURLMOPT_MAXCONNECTS, max_sockets) == CURLM_OK);
    thread_ = std::thread([this] { Run(); });
    return absl::OkStatus();
  }

  uint64_t Start(HttpRequest request, Done done) {
    auto call = std::make_unique<Call>(std::move(request), std::move(done));
    call->not_before_ns = Now() + call->request.start_delay_us * 1000;
    uint64_t id;
    {
      MutexLock lock(mutex_);
      id = call->id = ++last_id_;
      incoming_.push_back(std::move(call));
    }
    Curl().multi_wakeup(multi_);
    return id;
  }

  void Cancel(uint64_t id) {
    {
      MutexLock lock(mutex_);
      cancelled_.push_back(id);
    }
    Curl().multi_wakeup(multi_);
  }

  AdaptiveLimit& limit() { return limit_; }

 private:
  struct Call {
    Call(HttpRequest wanted, Done when_done)
        : request(std::move(wanted)), done(std::move(when_done)) {}
    ~Call() { Curl().slist_free_all(header_lines); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    const HttpRequest request;
    const Done done;
    uint64_t id = 0;
    int64_t not_before_ns = 0;

    curl_slist* header_lines = nullptr;
    size_t body_offset = 0;
    bool was_sent = false;
    bool is_too_long = false;
    bool is_large = false;  // the answer, by what the server announced
    HttpResponse response;
    MutableBuffer body;
    std::array<char, CURL_ERROR_SIZE> error{};

    void AddHeaderLine(const std::string& line) {
      curl_slist* longer = Curl().slist_append(header_lines, line.c_str());
      OG_CHECK(longer != nullptr);
      header_lines = longer;
    }

    // The connection stands and the request goes out now.
    static int OnSend(void* self, char*, char*, int, int) {
      static_cast<Call*>(self)->was_sent = true;
      return CURL_PREREQFUNC_OK;
    }
    static size_t OnRead(char* out, size_t size, size_t count, void* self) {
      Call& call = *static_cast<Call*>(self);
      const size_t part = std::min(size * count, call.request.body.size() - call.body_offset);
      if (part > 0) std::memcpy(out, call.request.body.data() + call.body_offset, part);
      call.body_offset += part;
      return part;
    }
    static int OnSeek(void* self, curl_off_t offset, int origin) {
      Call& call = *static_cast<Call*>(self);
      if (origin != SEEK_SET || offset < 0 ||
          static_cast<size_t>(offset) > call.request.body.size()) {
        return CURL_SEEKFUNC_FAIL;
      }
      call.body_offset = static_cast<size_t>(offset);
      return CURL_SEEKFUNC_OK;
    }
    static size_t OnHeader(char* data, size_t size, size_t count, void* self) {
      static_cast<Call*>(self)->AddHeader({data, size * count});
      return size * count;
    }
    static size_t OnBody(char* data, size_t size, size_t count, void* self) {
      Call& call = *static_cast<Call*>(self);
      const size_t part = size * count;
      if (part > call.request.max_response_bytes - call.body.size()) {
        call.is_too_long = true;
        return 0;  // ends the transfer
      }
      const std::span<const std::byte> bytes = AsBytes({data, part});
      if (call.is_large) {
        const size_t at = call.body.size();
        call.body.Resize(at + part);
        CopyPastCache(call.body.span().subspan(at), bytes);
      } else {
        call.body.Append(bytes);
      }
      return part;
    }

    void AddHeader(std::string_view line) {
      if (line.starts_with("HTTP/")) {  // a further answer, after "100 Continue" for one
        response.headers.clear();
        return;
      }
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos) return;
      std::string name(Trim(line.substr(0, colon)));
      std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      const std::string_view value = Trim(line.substr(colon + 1));
      if (name == "content-length" && request.method != "HEAD") {
        // What the server announces is reserved only as far as we would take it.
        const auto length = ParseUint64(value);
        if (length.has_value() && *length <= request.max_response_bytes) {
          body.Reserve(static_cast<size_t>(std::min(*length, kMaxReservedBytes)));
          is_large = *length >= kLargeBytes;
        }
      }
      response.headers.push_back({std::move(name), std::string(value)});
    }
  };

  int64_t Now() const { return options_.monotonic_ns(); }

  void Run() {
    // Signals are for the threads of the program; a broken connection must not raise one here.
    sigset_t all;
    sigfillset(&all);
    OG_CHECK(pthread_sigmask(SIG_BLOCK, &all, nullptr) == 0);
    while (TakeIncoming()) {
      StartDue();
      int num_running = 0;
      OG_CHECK(Curl().multi_perform(multi_, &num_running) == CURLM_OK);
      if (FinishDone()) continue;  // room for others
      OG_CHECK(Curl().multi_poll(multi_, nullptr, 0, PollMs(), nullptr) == CURLM_OK);
    }
    EndAll();
  }

  // False when the transport goes away.
  bool TakeIncoming() {
    std::vector<uint64_t> cancelled;
    std::deque<std::unique_ptr<Call>> incoming;
    {
      MutexLock lock(mutex_);
      if (is_stopping_) return false;
      incoming.swap(incoming_);
      cancelled.swap(cancelled_);
    }
    const int64_t now = Now();
    for (auto& call : incoming) {
      if (call->not_before_ns > now) {
        const int64_t due = call->not_before_ns;
        delayed_.emplace(due, std::move(call));
      } else {
        ready_.push_back(std::move(call));
      }
    }
    for (const uint64_t id : cancelled) {
      EndCancelled(id);
    }
    return true;
  }

  void EndCancelled(uint64_t id) {
    const auto is_wanted = [id](const auto& call) { return call->id == id; };
    if (const auto it = std::ranges::find_if(ready_, is_wanted); it != ready_.end()) {
      const std::unique_ptr<Call> call = std::move(*it);
      ready_.erase(it);
      return End(*call, CancelledError("cancelled"));
    }
    for (auto it = delayed_.begin(); it != delayed_.end(); ++it) {
      if (!is_wanted(it->second)) continue;
      const std::unique_ptr<Call> call = std::move(it->second);
      delayed_.erase(it);
      return End(*call, CancelledError("cancelled"));
    }
    for (auto it = active_.begin(); it != active_.end(); ++it) {
      if (!is_wanted(it->second)) continue;
      CURL* easy = it->first;
      const std::unique_ptr<Call> call = std::move(it->second);
      active_.erase(it);
      Discard(easy);
      return End(*call, CancelledError("cancelled"));
    }
  }

  void StartDue() {
    const int64_t now = Now();
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
      ready_.push_back(std::move(delayed_.begin()->second));
      delayed_.erase(delayed_.begin());
    }
    const size_t limit = limit_.limit();
    std::deque<std::unique_ptr<Call>> waiting;
    while (!ready_.empty()) {
      std::unique_ptr<Call> call = std::move(ready_.front());
      ready_.pop_front();
      if (call->request.deadline_ns <= now) {
        End(*call, DeadlineExceededError("the deadline passed before the request was sent"));
      } else if (active_.size() >= limit && !call->request.is_direct) {
        waiting.push_back(std::move(call));
      } else {
        Activate(std::move(call), now);
      }
    }
    ready_ = std::move(waiting);
  }

  void Activate(std::unique_ptr<Call> call, int64_t now) {
    CURL* easy = nullptr;
    if (idle_.empty()) {
      easy = Curl().easy_init();
      OG_CHECK(easy != nullptr);
    } else {
      easy = idle_.back();
      idle_.pop_back();
    }
    Prepare(easy, *call, now);
    OG_CHECK(Curl().multi_add_handle(multi_, easy) == CURLM_OK);
    active_.emplace(easy, std::move(call));
  }

  void Prepare(CURL* easy, Call& call, int64_t now) {
    const HttpRequest& request = call.request;
    SetOption(easy, CURLOPT_URL, request.url.c_str());
    SetOption(easy, CURLOPT_PATH_AS_IS, 1L);
    SetOption(easy, CURLOPT_NOSIGNAL, 1L);
    SetOption(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SetOption(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    SetOption(easy, CURLOPT_ERRORBUFFER, call.error.data());
    SetOption(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
    SetOption(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
    SetOption(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    SetOption(easy, CURLOPT_MAXAGE_CONN, kMaxConnectionAgeSeconds);
    SetOption(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
    if (!options_.ca_bundle.empty()) {
      SetOption(easy, CURLOPT_CAINFO, options_.ca_bundle.c_str());
      SetOption(easy, CURLOPT_CAPATH, nullptr);
    }
    if (request.is_direct) SetOption(easy, CURLOPT_NOPROXY, "*");
    SetOption(easy, CURLOPT_TIMEOUT_MS, WireTimeoutMs(request, now));
    if (request.stall_timeout_ms > 0) {
      SetOption(easy, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
      SetOption(easy, CURLOPT_LOW_SPEED_TIME,
                static_cast<long>(std::max<int64_t>(request.stall_timeout_ms / 1000, 1)));
    }

    if (request.method == "HEAD") {
      SetOption(easy, CURLOPT_NOBODY, 1L);
    } else if (request.has_body) {
      SetOption(easy, CURLOPT_UPLOAD, 1L);
      SetOption(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      SetOption(easy, CURLOPT_READFUNCTION, &Call::OnRead);
      SetOption(easy, CURLOPT_READDATA, &call);
      SetOption(easy, CURLOPT_SEEKFUNCTION, &Call::OnSeek);
      SetOption(easy, CURLOPT_SEEKDATA, &call);
      call.AddHeaderLine("Expect:");
    }
    if (request.method != "HEAD") {
      SetOption(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    call.AddHeaderLine("Accept:");
    for (const HttpHeader& header : request.headers) {
      // A header without a value is written with ';', or curl leaves it out.
      call.AddHeaderLine(header.value.empty() ? StrCat(header.name, ";")
                                              : StrCat(header.name, ": ", header.value));
    }
    SetOption(easy, CURLOPT_HTTPHEADER, call.header_lines);
    SetOption(easy, CURLOPT_PREREQFUNCTION, &Call::OnSend);
    SetOption(easy, CURLOPT_PREREQDATA, &call);
    SetOption(easy, CURLOPT_HEADERFUNCTION, &Call::OnHeader);
    SetOption(easy, CURLOPT_HEADERDATA, &call);
    SetOption(easy, CURLOPT_WRITEFUNCTION, &Call::OnBody);
    SetOption(easy, CURLOPT_WRITEDATA, &call);
  }

  static long WireTimeoutMs(const HttpRequest& request, int64_t now) {
    int64_t timeout_ms = request.timeout_ms;
    if (request.deadline_ns != INT64_MAX) {
      const int64_t left_ms = std::max<int64_t>((request.deadline_ns - now) / kNsPerMs, 1);
      timeout_ms = timeout_ms == 0 ? left_ms : std::min(timeout_ms, left_ms);
    }
    return static_cast<long>(timeout_ms);
  }

  // Whether a request was finished.
  bool FinishDone() {
    bool is_any_done = false;
    int num_left = 0;
    while (CURLMsg* message = Curl().multi_info_read(multi_, &num_left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      const auto it = active_.find(easy);
      OG_CHECK(it != active_.end());
      const std::unique_ptr<Call> call = std::move(it->second);
      active_.erase(it);
      long http_status = 0;
      long verify_result = 0;
      Curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http_status);
      Curl().easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
      call->response.status = static_cast<int>(http_status);
      if (code == CURLE_OK) {
        Keep(easy);
      } else {
        Discard(easy);
      }
      if (code == CURLE_OPERATION_TIMEDOUT || http_status == 503 || http_status == 429) {
        limit_.OnOverload(Now());
      } else if (code == CURLE_OK) {
        limit_.OnGoodAnswer();
      }
      End(*call, StatusOf(*call, code, verify_result != 0));
      is_any_done = true;
    }
    return is_any_done;
  }

  // For the next request.
  void Keep(CURL* easy) {
    OG_CHECK(Curl().multi_remove_handle(multi_, easy) == CURLM_OK);
    Curl().easy_reset(easy);
    idle_.push_back(easy);
  }

  // A handle that did not come to its end may keep its buffer, and takes no size for it again.
  void Discard(CURL* easy) {
    OG_CHECK(Curl().multi_remove_handle(multi_, easy) == CURLM_OK);
    Curl().easy_cleanup(easy);
  }

  static std::string_view Remedy(CURLcode code, bool is_unknown_authority) {
    if (code == CURLE_SSL_CACERT_BADFILE) {
      return "; AWS_CA_BUNDLE names a file of certificates in PEM form";
    }
    return is_unknown_authority ? "; AWS_CA_BUNDLE can name the authorities to believe" : "";
  }

  static absl::Status StatusOf(const Call& call, CURLcode code, bool is_unknown_authority) {
    if (code == CURLE_OK) return absl::OkStatus();
    if (call.is_too_long) {
      return ResourceExhaustedError(StrCat("the answer is longer than the ",
                                           call.request.max_response_bytes, " bytes allowed"));
    }
    const std::string_view detail = call.error.data();
    const std::string text = StrCat(Curl().easy_strerror(code), detail.empty() ? "" : ": ", detail,
                                    Remedy(code, is_unknown_authority));
    if (code == CURLE_OPERATION_TIMEDOUT) return DeadlineExceededError(text);
    if (IsTlsRefusal(code)) return FailedPreconditionError(text);
    return UnavailableError(text);
  }

  static void End(Call& call, absl::Status status) {
    HttpOutcome outcome;
    outcome.status = std::move(status);
    outcome.response = std::move(call.response);
    outcome.response.body = std::move(call.body).Share();
    outcome.was_sent = call.was_sent;
    call.done(std::move(outcome));
  }

  void EndAll() {
    for (auto& [easy, call] : active_) {
      Discard(easy);
      End(*call, CancelledError("the store was closed"));
    }
    active_.clear();
    for (auto& [due, call] : delayed_) {
      End(*call, CancelledError("the store was closed"));
    }
    std::deque<std::unique_ptr<Call>> incoming;
    {
      MutexLock lock(mutex_);
      incoming.swap(incoming_);
    }
    for (auto* calls : {&ready_, &incoming}) {
      for (auto& call : *calls) {
        End(*call, CancelledError("the store was closed"));
      }
    }
  }

  int PollMs() const {
    if (delayed_.empty()) return kIdlePollMs;
    const int64_t left_ms = (delayed_.begin()->first - Now()) / kNsPerMs + 1;
    return static_cast<int>(std::clamp<int64_t>(left_ms, 0, kIdlePollMs));
  }

  const HttpTransportOptions options_;
  AdaptiveLimit limit_;
  std::thread thread_;
  CURLM* multi_ = nullptr;

  Mutex mutex_;
  std::deque<std::unique_ptr<Call>> incoming_ OG_GUARDED_BY(mutex_);
  std::vector<uint64_t> cancelled_ OG_GUARDED_BY(mutex_);
  uint64_t last_id_ OG_GUARDED_BY(mutex_) = 0;
  bool is_stopping_ OG_GUARDED_BY(mutex_) = false;

  std::multimap<int64_t, std::unique_ptr<Call>> delayed_;  // by due time
  std::deque<std::unique_ptr<Call>> ready_;
  std::map<CURL*, std::unique_ptr<Call>> active_;
  std::vector<CURL*> idle_;
};

absl::StatusOr<std::unique_ptr<HttpTransport>> HttpTransport::Open(HttpTransportOptions options) {
  OG_CHECK(options.monotonic_ns != nullptr && options.max_active > 0);
  auto loop = std::make_unique<Loop>(std::move(options));
  if (absl::Status status = loop->Open(); !status.ok()) return status;
  return std::unique_ptr<HttpTransport>(new HttpTransport(std::move(loop)));
}

HttpTransport::HttpTransport(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpTransport::~HttpTransport() = default;

uint64_t HttpTransport::Start(HttpRequest request, Done done) {
  return loop_->Start(std::move(request), std::move(done));
}

void HttpTransport::Cancel(uint64_t id) {
  loop_->Cancel(id);
}

HttpOutcome HttpTransport::Perform(HttpRequest request) {
  Mutex mutex;
  Condition condition;
  bool is_done = false;
  HttpOutcome outcome;
  Start(std::move(request), [&](HttpOutcome result) {
    MutexLock lock(mutex);
    outcome = std::move(result);
    is_done = true;
    condition.NotifyAll();
  });
  MutexLock lock(mutex);
  condition.Wait(mutex, [&] { return is_done; });
  return outcome;
}

AdaptiveLimit& HttpTransport::limit() {
  return loop_->limit();
}

}  // namespace og::io
