// The S3 store against a server that answers by rule: lost answers of conditional puts, throttling,
// redirects, a clock that is off, credentials that expire, broken bodies and connections. Each
// fault ends as the contract says, with the operation and the URI in the message.

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/base/base64.h"
#include "io/base/sha256.h"
#include "io/base/status.h"
#include "io/base/text.h"
#include "io/s3/credentials.h"
#include "io/s3/http_time.h"
#include "io/s3/http_transport.h"
#include "io/s3/s3_store.h"
#include "io/s3/settings.h"
#include "tests/support/scripted_http_server.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

using tests::IsOk;
using tests::ScriptedAnswer;
using tests::ScriptedHttpServer;
using tests::ScriptedRequest;
using tests::StatusIs;

int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

constexpr int64_t kNowUs = 1'800'000'000'000'000;

S3Runtime Runtime() {
  auto random = std::make_shared<std::atomic<uint64_t>>(1);
  return {.now_us = [] { return kNowUs; },
          .monotonic_ns = MonotonicNs,
          .random = [random] { return random->fetch_add(0x9e3779b97f4a7c15); }};
}

std::string ErrorXml(std::string_view code, std::string_view more = "") {
  return StrCat("<Error><Code>", code, "</Code><Message>by rule</Message>", more, "</Error>");
}

// A bucket that keeps objects, in front of which a test puts its rule.
class ScriptedBucket {
 public:
  using Rule = std::function<std::optional<ScriptedAnswer>(const ScriptedRequest&, int nth)>;

  // `rule` sees each request with its number from 1; nothing: the bucket answers.
  explicit ScriptedBucket(Rule rule)
      : rule_(std::move(rule)), server_([this](const ScriptedRequest& request) {
          std::optional<ScriptedAnswer> answer = rule_(request, ++num_requests_);
          return answer.has_value() ? *answer : Serve(request);
        }) {}

  // What a bucket does that conforms.
  ScriptedAnswer Serve(const ScriptedRequest& request) {
    const std::string key = request.target.substr(0, request.target.find('?'));
    const auto it = objects_.find(key);
    const bool exists = it != objects_.end();
    if (request.method == "PUT") {
      const std::string wanted = request.Header("if-match");
      if (exists && request.Header("if-none-match") == "*") {
        return {.status = 412, .body = ErrorXml("PreconditionFailed")};
      }
      if (!wanted.empty() && !exists) return {.status = 404, .body = ErrorXml("NoSuchKey")};
      if (!wanted.empty() && wanted != ETag(it->second.body)) {
        return {.status = 412, .body = ErrorXml("PreconditionFailed")};
      }
      objects_[key] = request;
      return {.headers = {{"etag", ETag(request.body)}}};
    }
    if (request.method == "DELETE") {
      objects_.erase(key);
      return {.status = 204};
    }
    if (!exists) {
      return {.status = 404, .body = request.method == "HEAD" ? "" : ErrorXml("NoSuchKey")};
    }
    ScriptedAnswer answer{.body = it->second.body};
    answer.headers = {{"etag", ETag(it->second.body)}};
    const std::string mark = it->second.Header("x-amz-meta-omnigraph-put");
    if (keeps_metadata_ && !mark.empty()) {
      answer.headers.emplace_back("x-amz-meta-omnigraph-put", mark);
    }
    return answer;
  }

  // Puts an object there as another writer would.
  void Set(const std::string& key, std::string body) {
    ScriptedRequest other;
    other.method = "PUT";
    other.target = "/b/" + key;
    other.body = std::move(body);
    objects_[other.target] = other;
  }

  static std::string ETag(const std::string& body) {
    return StrCat("\"", Sha256Hex(body).substr(0, 32), "\"");
  }

  std::shared_ptr<S3Store> Open(const std::function<void(S3Settings&)>& change = {}) {
    S3StoreOptions options{.bucket = "b"};
    options.settings.endpoint = *ParseEndpoint(server_.Url());
    options.settings.allows_http = true;
    options.settings.credentials.fixed =
        Credentials{.access_key_id = "key", .secret_access_key = "secret"};
    options.settings.retry.first_backoff_us = 1000;
    options.settings.retry.max_backoff_us = 5000;
    options.settings.retry.max_attempts = 4;
    options.settings.deadline_ms = 20'000;
    options.runtime = Runtime();
    if (change) change(options.settings);
    absl::StatusOr<std::unique_ptr<S3Store>> store = S3Store::Open(std::move(options));
    EXPECT_THAT(store, IsOk());
    return *std::move(store);
  }

  ScriptedHttpServer& server() { return server_; }
  bool keeps_metadata_ = true;

 private:
  const Rule rule_;
  int num_requests_ = 0;
  std::map<std::string, ScriptedRequest> objects_;
  ScriptedHttpServer server_;
};

ScriptedBucket::Rule Never() {
  return [](const ScriptedRequest&, int) { return std::nullopt; };
}

// Applies `fault` to the `nth` request; with `takes_effect` the bucket has done it all the same.
ScriptedBucket::Rule Nth(ScriptedBucket*& bucket, int nth, bool takes_effect,
                         const ScriptedAnswer& fault) {
  return [&bucket, nth, takes_effect, fault](const ScriptedRequest& request,
                                             int number) -> std::optional<ScriptedAnswer> {
    if (number != nth) return std::nullopt;
    if (takes_effect) bucket->Serve(request);
    return fault;
  };
}

// ---- conditional puts whose answer is lost ------------------------------------------------------

// The ways in which an answer gets lost after the request was sent.
std::vector<ScriptedAnswer> LostAnswers() {
  std::vector<ScriptedAnswer> lost;
  lost.push_back({.closes = true});
  lost.push_back({.resets = true});
  lost.push_back({.status = 500, .body = ErrorXml("InternalError")});
  lost.push_back({.status = 503, .body = ErrorXml("SlowDown")});
  lost.push_back({.status = 502, .body = "<html>bad gateway"});
  lost.push_back({.body = "more", .cut_after = 1});
  return lost;
}

TEST(S3LostAnswerTest, APutThatTookEffectHasWon) {
  for (const bool keeps_metadata : {true, false}) {
    for (const ScriptedAnswer& lost : LostAnswers()) {
      ScriptedBucket* self = nullptr;
      ScriptedBucket bucket(Nth(self, 1, /*takes_effect=*/true, lost));
      self = &bucket;
      bucket.keeps_metadata_ = keeps_metadata;
      const auto store = bucket.Open();
      OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo info, store->PutIfAbsent("v", AsBytes("mine")));
      EXPECT_EQ(info.e_tag, ScriptedBucket::ETag("mine"));
      EXPECT_EQ(info.size, 4u);
      EXPECT_THAT(
          store->PutIfAbsent("v", AsBytes("mine")),
          StatusIs(keeps_metadata ? absl::StatusCode::kAlreadyExists : absl::StatusCode::kOk));
    }
  }
}

TEST(S3LostAnswerTest, APutThatDidNotTakeEffectIsSentAgain) {
  for (const ScriptedAnswer& lost : LostAnswers()) {
    ScriptedBucket* self = nullptr;
    ScriptedBucket bucket(Nth(self, 1, /*takes_effect=*/false, lost));
    self = &bucket;
    const auto store = bucket.Open();
    OG_ASSERT_OK(store->PutIfAbsent("v", AsBytes("mine")));
    EXPECT_EQ(store->Read("v")->view(), "mine");
  }
}

TEST(S3LostAnswerTest, AnotherWritersObjectMeansLostAlsoWithEqualBytes) {
  for (const ScriptedAnswer& lost : LostAnswers()) {
    for (const char* theirs : {"theirs", "mine"}) {
      ScriptedBucket* self = nullptr;
      ScriptedBucket bucket(
          [&](const ScriptedRequest& request, int nth) -> std::optional<ScriptedAnswer> {
            if (nth != 1) return std::nullopt;
            ScriptedRequest other = request;
            other.body = theirs;
            other.headers["x-amz-meta-omnigraph-put"] = "another";
            self->Serve(other);
            return lost;
          });
      self = &bucket;
      EXPECT_THAT(bucket.Open()->PutIfAbsent("v", AsBytes("mine")),
                  StatusIs(absl::StatusCode::kAlreadyExists, "s3://b/v"));
    }
  }
}

TEST(S3LostAnswerTest, ReplacementsAreDecidedTheSameWay) {
  for (const ScriptedAnswer& lost : LostAnswers()) {
    for (const bool takes_effect : {true, false}) {
      ScriptedBucket* self = nullptr;
      ScriptedBucket bucket(Nth(self, 1, takes_effect, lost));
      self = &bucket;
      bucket.Set("s", "old");
      const auto store = bucket.Open();
      OG_ASSERT_OK(store->PutIfMatch("s", AsBytes("new"), ScriptedBucket::ETag("old")));
      EXPECT_EQ(store->Read("s")->view(), "new");
      EXPECT_THAT(store->PutIfMatch("s", AsBytes("newer"), ScriptedBucket::ETag("old")),
                  StatusIs(absl::StatusCode::kAborted, "s3://b/s"));
    }
  }
}

TEST(S3LostAnswerTest, WhatCannotBeReadBackIsUnknown) {
  for (const bool takes_effect : {true, false}) {
    ScriptedBucket* self = nullptr;
    ScriptedBucket bucket([&](const ScriptedRequest& request, int) -> ScriptedAnswer {
      if (request.method == "PUT" && takes_effect) self->Serve(request);
      return {.resets = true};
    });
    self = &bucket;
    EXPECT_THAT(bucket.Open()->PutIfAbsent("v", AsBytes("mine")),
                StatusIs(absl::StatusCode::kUnknown, "storage write failed for 's3://b/v'"));
  }
}

TEST(S3LostAnswerTest, WhatIsNotThereInTheEndDidNotHappen) {
  ScriptedBucket bucket([](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
    if (request.method == "PUT") return ScriptedAnswer{.status = 500};
    return std::nullopt;
  });
  EXPECT_THAT(bucket.Open()->PutIfAbsent("v", AsBytes("mine")),
              StatusIs(absl::StatusCode::kUnavailable, "storage write failed for 's3://b/v'"));
}

TEST(S3ConditionTest, RefusalsThatAreFinalAndThatAreNot) {
  // 409 of two puts at once: again. 404 and 412 on If-Match: lost.
  ScriptedBucket* self = nullptr;
  ScriptedBucket bucket(Nth(self, 1, /*takes_effect=*/false,
                            {.status = 409, .body = ErrorXml("ConditionalRequestConflict")}));
  self = &bucket;
  const auto store = bucket.Open();
  OG_ASSERT_OK(store->PutIfAbsent("v", AsBytes("1")));
  EXPECT_EQ(bucket.server().requests().size(), 2u);
  EXPECT_THAT(store->PutIfAbsent("v", AsBytes("2")), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(store->PutIfMatch("none", AsBytes("2"), "\"x\""),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(store->PutIfMatch("v", AsBytes("2"), "\"x\""), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(store->PutIfMatch("v", AsBytes("2"), "a\r\nx-evil: 1"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// ---- reads and connections ----------------------------------------------------------------------

TEST(S3FaultTest, BrokenAnswersAreAskedForAgain) {
  const std::vector<ScriptedAnswer> faults = {
      {.closes = true},
      {.resets = true},
      {.body = "content", .cut_after = 3},
      {.raw = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n"},
      {.raw = "this is no HTTP\r\n\r\n"},
      {.status = 500, .body = "<html>not XML"},
      {.status = 503, .body = ErrorXml("SlowDown"), .headers = {{"retry-after", "0"}}},
      {.status = 429},
      {.status = 400, .body = ErrorXml("RequestTimeout")},
      {.body = "konkent",
       .headers = {{"x-amz-checksum-sha256", EncodeBase64(Sha256(AsBytes("content")))}}},
  };
  for (size_t i = 0; i < faults.size(); ++i) {
    ScriptedBucket* self = nullptr;
    ScriptedBucket bucket(Nth(self, 1, false, faults[i]));
    self = &bucket;
    bucket.Set("o", "content");
    const auto store = bucket.Open();
    OG_ASSERT_OK_AND_ASSIGN(const Buffer bytes, store->Read("o"));
    EXPECT_EQ(bytes.view(), "content") << i;
    EXPECT_EQ(bucket.server().requests().size(), 2u) << i;
    const S3Counters counters = store->counters();
    EXPECT_EQ(counters.requests, 2u) << i;
    EXPECT_EQ(counters.retries, 1u) << i;
    EXPECT_EQ(counters.throttled, faults[i].status == 503 || faults[i].status == 429 ? 1u : 0u);
    EXPECT_EQ(counters.hedges, 0u);
  }
}

TEST(S3FaultTest, EveryCallNamesItselfAndItsObject) {
  const std::vector<std::pair<ScriptedAnswer, absl::StatusCode>> faults = {
      {{.status = 403, .body = ErrorXml("AccessDenied")}, absl::StatusCode::kPermissionDenied},
      {{.status = 403, .body = ErrorXml("InvalidAccessKeyId")},
       absl::StatusCode::kPermissionDenied},
      {{.status = 404, .body = ErrorXml("NoSuchBucket")}, absl::StatusCode::kFailedPrecondition},
      {{.status = 503, .body = ErrorXml("SlowDown")}, absl::StatusCode::kUnavailable},
      {{.status = 418, .body = "<html>teapot"}, absl::StatusCode::kFailedPrecondition},
      {{.resets = true}, absl::StatusCode::kUnavailable},
  };
  for (const auto& [fault, code] : faults) {
    ScriptedBucket bucket([&fault = fault](const ScriptedRequest&, int) { return fault; });
    const auto store = bucket.Open();
    const auto uri = [](absl::StatusCode wanted) { return StatusIs(wanted, "s3://b/"); };
    uint64_t size = 0;
    // The answer to HEAD has no body: a missing bucket is found out all the same.
    EXPECT_THAT(store->Stat("o"), uri(code));
    EXPECT_THAT(store->Read("o"), uri(code));
    EXPECT_THAT(store->ReadTail("o", 1, &size), uri(code));
    EXPECT_THAT(store->Submit({{"o", {0, 1}}}).Wait(), uri(code));
    EXPECT_THAT(store->Put("o", AsBytes("x")), uri(code));
    EXPECT_THAT(store->List("p", {}), uri(code));
    EXPECT_THAT(store->Delete("o"), uri(code));
    EXPECT_THAT(store->DeletePrefix("p"), uri(code));
    EXPECT_THAT(store->Copy("o", "p"), uri(code));
    if (code != absl::StatusCode::kUnavailable) {
      EXPECT_THAT(store->PutIfAbsent("o", AsBytes("x")), uri(code));
      EXPECT_THAT(store->PutIfMatch("o", AsBytes("x"), "\"e\""), uri(code));
    }
    EXPECT_THAT(store->Read("o"), StatusIs(code, "storage read failed for 's3://b/o'"));
  }
}

TEST(S3FaultTest, NoServerIsUnavailableAfterFewAttempts) {
  uint16_t port;
  {
    const ScriptedHttpServer gone([](const ScriptedRequest&) { return ScriptedAnswer(); });
    port = gone.port();
  }
  ScriptedBucket bucket(Never());
  const auto store = bucket.Open([port](S3Settings& settings) {
    settings.endpoint = *ParseEndpoint(StrCat("http://127.0.0.1:", port));
  });
  EXPECT_THAT(store->Read("o"),
              StatusIs(absl::StatusCode::kUnavailable, "storage read failed for 's3://b/o'"));
  // It was never sent, so its outcome is known.
  EXPECT_THAT(store->PutIfAbsent("o", AsBytes("x")),
              StatusIs(absl::StatusCode::kUnavailable, "storage write failed for 's3://b/o'"));
}

TEST(S3FaultTest, ANameThatNobodyKnowsIsUnavailable) {
  // Too long a label: no resolver is asked.
  ScriptedBucket bucket(Never());
  const auto store = bucket.Open([](S3Settings& settings) {
    settings.endpoint = *ParseEndpoint(StrCat("http://", std::string(64, 'x'), ".invalid"));
  });
  EXPECT_THAT(store->Read("o"), StatusIs(absl::StatusCode::kUnavailable,
                                         "storage read failed for 's3://b/o': after 4 attempts"));
  EXPECT_THAT(store->List("p", {}),
              StatusIs(absl::StatusCode::kUnavailable, "storage list failed for 's3://b/p/': "));
}

// A place that takes no connection and refuses none: its queue is full.
class FullListener {
 public:
  FullListener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    sockets_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(sockets_[0], any, length), 0);
    EXPECT_EQ(listen(sockets_[0], 0), 0);
    EXPECT_EQ(getsockname(sockets_[0], any, &length), 0);
    port_ = ntohs(address.sin_port);
    for (int i = 0; i < 4; ++i) {
      sockets_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      connect(sockets_.back(), any, length);
    }
  }
  ~FullListener() {
    for (const int socket : sockets_)
      close(socket);
  }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;

  std::string Url() const { return StrCat("http://127.0.0.1:", port_); }

 private:
  std::vector<int> sockets_;
  uint16_t port_ = 0;
};

TEST(S3FaultTest, AConnectionThatIsNotMadeEndsInItsOwnTime) {
  const FullListener full;
  ScriptedBucket bucket(Never());
  const auto store = bucket.Open([&full](S3Settings& settings) {
    settings.endpoint = *ParseEndpoint(full.Url());
    settings.connect_timeout_ms = 150;
    settings.retry.max_connect_attempts = 2;
  });
  const int64_t start = MonotonicNs();
  EXPECT_THAT(
      store->Read("o"),
      StatusIs(absl::StatusCode::kDeadlineExceeded,
               "storage read failed for 's3://b/o': after 2 attempts: Timeout was reached"));
  const int64_t spent_ms = (MonotonicNs() - start) / 1'000'000;
  EXPECT_GE(spent_ms, 2 * 150);
  EXPECT_LT(spent_ms, 5000);
  // It was never sent, so its outcome is known.
  EXPECT_THAT(store->PutIfAbsent("o", AsBytes("x")),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "storage write failed for 's3://b/o'"));
}

TEST(S3FaultTest, WhatAnswersForNoBucketIsNoEmptyBucket) {
  ScriptedBucket bucket([](const ScriptedRequest&, int) { return ScriptedAnswer{.status = 404}; });
  const auto store = bucket.Open();
  for (const absl::Status& status :
       {store->List("p", {}).status(), store->Read("o").status(), store->Stat("o").status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "no bucket \"b\" at http"));
  }
}

TEST(S3FaultTest, ErrorsSayWhatToDo) {
  const std::vector<std::tuple<int, std::string, std::string>> cases = {
      {400, "ExpiredToken", "the session token wants to be renewed"},
      {403, "RequestTimeTooSkewed", "the clock of this machine wants to be set"},
      {301, "PermanentRedirect", "AWS_REGION and AWS_ENDPOINT_URL say where the bucket is"},
      {400, "AuthorizationHeaderMalformed", "AWS_REGION and AWS_ENDPOINT_URL"},
  };
  for (const auto& [status, code, remedy] : cases) {
    const ScriptedAnswer answer{.status = status, .body = ErrorXml(code)};
    ScriptedBucket bucket([&answer](const ScriptedRequest&, int) { return answer; });
    const absl::Status failure = bucket.Open()->List("p", {}).status();
    EXPECT_EQ(failure.code() == absl::StatusCode::kPermissionDenied,
              code == "ExpiredToken" || status == 403);
    EXPECT_THAT(failure,
                StatusIs(failure.code(),
                         StrCat("storage list failed for 's3://b/p/': HTTP status ", status)));
    EXPECT_THAT(failure, StatusIs(failure.code(), remedy));
  }
}

TEST(S3FaultTest, SlowAnswersEndAtTheDeadline) {
  for (const ScriptedAnswer& slow :
       {ScriptedAnswer{.is_mute = true}, ScriptedAnswer{.body = "long", .trickle_ms = 3000}}) {
    ScriptedBucket bucket([&slow](const ScriptedRequest&, int) { return slow; });
    const auto store = bucket.Open([](S3Settings& settings) { settings.deadline_ms = 300; });
    const int64_t start = MonotonicNs();
    EXPECT_THAT(store->Read("o"), StatusIs(absl::StatusCode::kDeadlineExceeded,
                                           "storage read failed for 's3://b/o'"));
    EXPECT_LT(MonotonicNs() - start, 2'000'000'000);
  }
}

TEST(S3FaultTest, ASlowReadIsHedged) {
  ScriptedBucket* self = nullptr;
  ScriptedBucket bucket(Nth(self, 1, false, {.is_mute = true}));
  self = &bucket;
  bucket.Set("o", "content");
  const auto store = bucket.Open([](S3Settings& settings) { settings.hedge_after_ms = 50; });
  OG_ASSERT_OK_AND_ASSIGN(const Buffer bytes, store->Read("o"));
  EXPECT_EQ(bytes.view(), "content");
  EXPECT_EQ(bucket.server().requests().size(), 2u);
  EXPECT_EQ(store->counters().hedges, 1u);

  // The copy of a read that is not slow is never sent.
  const auto patient = bucket.Open([](S3Settings& settings) { settings.hedge_after_ms = 60'000; });
  OG_ASSERT_OK(patient->Read("o"));
  EXPECT_EQ(patient->counters().requests, 1u);
  EXPECT_EQ(patient->counters().hedges, 0u);
}

TEST(S3FaultTest, AnswersThatDoNotFitTheRangeAreDamage) {
  const auto read = [](ScriptedAnswer answer) {
    ScriptedBucket bucket([&answer](const ScriptedRequest&, int) { return answer; });
    return bucket.Open()->Submit({{"o", {2, 3}}}).Wait();
  };
  EXPECT_THAT(read({.status = 206, .body = "cde"}), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(read({.status = 206, .body = "cde", .headers = {{"content-range", "bytes 0-2/9"}}}),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(read({.status = 206, .body = "cd", .headers = {{"content-range", "bytes 2-4/9"}}}),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(read({.status = 206, .body = "cd", .headers = {{"content-range", "bytes 2-3/4"}}}),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(read({.status = 206, .body = std::string(2 << 20, 'x')}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  // A server that ignores ranges.
  OG_ASSERT_OK_AND_ASSIGN(const auto whole, read({.body = "abcdefgh"}));
  EXPECT_EQ(whole[0].view(), "cde");
}

TEST(S3FaultTest, ListsThatLeadNowhereAreDamage) {
  for (const char* body :
       {"<html>",
        "<ListBucketResult><Contents><Key>elsewhere</Key><Size>1</Size><LastModified>"
        "2015-08-30T12:36:00Z</LastModified></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>same"
        "</NextContinuationToken></ListBucketResult>"}) {
    ScriptedBucket bucket(
        [body](const ScriptedRequest&, int) { return ScriptedAnswer{.body = body}; });
    EXPECT_THAT(bucket.Open()->List("p", {}),
                StatusIs(absl::StatusCode::kDataLoss, "storage list failed for 's3://b/p/'"));
  }
}

TEST(S3FaultTest, AListWithALimitAsksForNoMoreThanItWants) {
  ScriptedBucket bucket(
      [](const ScriptedRequest& request, int nth) -> std::optional<ScriptedAnswer> {
        const auto key = [](std::string_view name) {
          return StrCat("<Contents><Key>v/", name,
                        "</Key><Size>1</Size><ETag>e</ETag>"
                        "<LastModified>2015-08-30T12:36:00Z</LastModified></Contents>");
        };
        const bool is_second = request.target.find("continuation-token=go-on") != std::string::npos;
        std::string keys = is_second ? key("c") : key("a") + (nth == 1 ? key("b") : key("marker/"));
        return ScriptedAnswer{.body = StrCat("<ListBucketResult>", keys,
                                             is_second ? ""
                                                       : "<IsTruncated>true</IsTruncated>"
                                                         "<NextContinuationToken>go-on</"
                                                         "NextContinuationToken>",
                                             "</ListBucketResult>")};
      });
  const auto store = bucket.Open();
  const auto first = store->ListFirst("v", 2);
  ASSERT_THAT(first, IsOk());
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[1].path, "v/b");
  ASSERT_EQ(bucket.server().requests().size(), 1u);
  EXPECT_NE(bucket.server().requests()[0].target.find("max-keys=2"), std::string::npos);

  // What is no object does not count: the rest is on the next page.
  const auto again = store->ListFirst("v", 2);
  ASSERT_THAT(again, IsOk());
  ASSERT_EQ(again->size(), 2u);
  EXPECT_EQ((*again)[1].path, "v/c");
  ASSERT_EQ(bucket.server().requests().size(), 3u);
  EXPECT_NE(bucket.server().requests()[2].target.find("max-keys=1"), std::string::npos);
}

TEST(S3FaultTest, AnErrorInAGoodAnswerIsAnError) {
  // CopyObject says 200 before it knows.
  int num_copies = 0;
  ScriptedBucket bucket([&](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
    if (request.Header("x-amz-copy-source").empty()) return std::nullopt;
    if (++num_copies == 1) return ScriptedAnswer{.body = ErrorXml("InternalError")};
    return ScriptedAnswer{.body = ErrorXml("AccessDenied")};
  });
  bucket.Set("o", "content");
  EXPECT_THAT(bucket.Open()->Copy("o", "p"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(num_copies, 2);
}

TEST(S3FaultTest, ThrottlingHalvesTheLoadAndRetryAfterIsHeeded) {
  ScriptedBucket* self = nullptr;
  ScriptedBucket bucket(
      Nth(self, 1, false,
          {.status = 503, .body = ErrorXml("SlowDown"), .headers = {{"retry-after", "1"}}}));
  self = &bucket;
  bucket.Set("o", "content");
  const auto store = bucket.Open();
  const int64_t start = MonotonicNs();
  OG_ASSERT_OK(store->Read("o"));
  EXPECT_GE(MonotonicNs() - start, 1'000'000'000);
  EXPECT_GE(store->counters().pause_us, 1'000'000);

  AdaptiveLimit limit(40);
  EXPECT_EQ(limit.limit(), 32u);
  limit.OnOverload(1'000'000'000);
  limit.OnOverload(1'000'000'001);  // of the same window
  EXPECT_EQ(limit.limit(), 16u);
  for (int i = 0; i < 16; ++i)
    limit.OnGoodAnswer();
  EXPECT_EQ(limit.limit(), 17u);
  for (int i = 0; i < 10'000; ++i)
    limit.OnGoodAnswer();
  EXPECT_EQ(limit.limit(), 40u);
  for (int64_t i = 0; i < 20; ++i)
    limit.OnOverload((i + 20) * 1'000'000'000);
  EXPECT_EQ(limit.limit(), 1u);
}

// ---- redirects, clocks, credentials -------------------------------------------------------------

TEST(S3PlaceTest, ARegionIsFollowedOnceAndRemembered) {
  const auto elsewhere = [](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
    if (request.Header("authorization").find("/eu-west-1/") != std::string::npos) {
      return std::nullopt;
    }
    if (request.method == "HEAD") {
      return ScriptedAnswer{.status = 301, .headers = {{"x-amz-bucket-region", "eu-west-1"}}};
    }
    return ScriptedAnswer{
        .status = 400,
        .body = ErrorXml("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")};
  };
  for (const bool starts_with_head : {true, false}) {
    ScriptedBucket bucket(elsewhere);
    bucket.Set("o", "content");
    const auto store = bucket.Open();
    if (starts_with_head) {
      OG_ASSERT_OK(store->Stat("o"));
    }
    OG_ASSERT_OK(store->Read("o"));
    OG_ASSERT_OK(store->Read("o"));
    EXPECT_EQ(bucket.server().requests().size(), starts_with_head ? 4u : 3u);
  }
  // One that goes round in circles is an error.
  int turn = 0;
  ScriptedBucket circle([&turn](const ScriptedRequest&, int) {
    return ScriptedAnswer{
        .status = 301,
        .body = ErrorXml("PermanentRedirect"),
        .headers = {{"x-amz-bucket-region", ++turn % 2 == 0 ? "us-west-1" : "us-west-2"}}};
  });
  EXPECT_THAT(circle.Open()->Read("o"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "PermanentRedirect"));
  EXPECT_EQ(circle.server().requests().size(), 2u);
}

TEST(S3PlaceTest, ATemporaryRedirectLeadsToAnotherHost) {
  ScriptedBucket target(Never());
  target.Set("o", "content");
  ScriptedBucket bucket([&](const ScriptedRequest& request, int) {
    return ScriptedAnswer{.status = 307,
                          .body = ErrorXml("TemporaryRedirect"),
                          .headers = {{"location", target.server().Url() + request.target}}};
  });
  const auto store = bucket.Open();
  OG_ASSERT_OK_AND_ASSIGN(const Buffer bytes, store->Read("o"));
  EXPECT_EQ(bytes.view(), "content");
  OG_ASSERT_OK(store->Read("o"));
  EXPECT_EQ(bucket.server().requests().size(), 1u);
}

TEST(S3PlaceTest, VirtualHostStylePutsTheBucketInTheHost) {
  ScriptedBucket bucket([](const ScriptedRequest& request, int) {
    EXPECT_TRUE(request.Header("host").starts_with("b.localhost:")) << request.Header("host");
    EXPECT_EQ(request.target, "/k%20%C3%A4/o");
    return ScriptedAnswer{.body = "content"};
  });
  // Names below localhost are of this machine.
  const auto store = bucket.Open([&](S3Settings& settings) {
    settings.style = S3Style::kVirtualHost;
    settings.endpoint = *ParseEndpoint(StrCat("http://localhost:", bucket.server().port()));
  });
  EXPECT_THAT(store->Read("k \xc3\xa4/o"), IsOk());
}

TEST(S3PlaceTest, PlainHttpNeedsToBeAllowed) {
  S3StoreOptions options{.bucket = "b"};
  options.settings.endpoint = *ParseEndpoint("http://127.0.0.1:1");
  options.runtime = Runtime();
  EXPECT_THAT(S3Store::Open(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, "AWS_ALLOW_HTTP"));
  for (const char* bucket : {"", "a/b", "a?b", "a b", "a\nb"}) {
    options.bucket = bucket;
    EXPECT_THAT(S3Store::Open(options), StatusIs(absl::StatusCode::kInvalidArgument)) << bucket;
  }
}

TEST(S3ClockTest, TheServersTimeIsUsedOnceOursIsOff) {
  const std::string right = "20270115T090000Z";
  ASSERT_NE(FormatAmzTime(kNowUs), right);
  ScriptedBucket bucket([&](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
    if (request.Header("x-amz-date") == right) return std::nullopt;
    ScriptedAnswer skewed{.status = 403,
                          .body = request.method == "HEAD" ? "" : ErrorXml("RequestTimeTooSkewed"),
                          .headers = {{"date", "Fri, 15 Jan 2027 09:00:00 GMT"}}};
    return skewed;
  });
  bucket.Set("o", "content");
  const auto store = bucket.Open();
  OG_ASSERT_OK(store->Stat("o"));  // refused, asked why, corrected
  EXPECT_EQ(bucket.server().requests().size(), 3u);
  OG_ASSERT_OK(store->Read("o"));
  EXPECT_EQ(bucket.server().requests().size(), 4u);

  ScriptedBucket hopeless([](const ScriptedRequest&, int) {
    return ScriptedAnswer{.status = 403, .body = ErrorXml("RequestTimeTooSkewed")};
  });
  EXPECT_THAT(hopeless.Open()->Read("o"),
              StatusIs(absl::StatusCode::kPermissionDenied, "RequestTimeTooSkewed"));
}

// A service of credentials that hands out a new key at each request.
class CredentialService {
 public:
  explicit CredentialService(std::string expiration)
      : expiration_(std::move(expiration)),
        server_([this](const ScriptedRequest& request) { return Answer(request); }) {}

  std::string Url() const { return server_.Url(); }
  int num_keys() const { return num_keys_; }
  bool is_broken = false;

 private:
  ScriptedAnswer Answer(const ScriptedRequest& request) {
    if (is_broken) return {.status = 500, .body = "broken"};
    if (request.target == "/latest/api/token") {
      return request.method == "PUT" ? ScriptedAnswer{.body = "login"}
                                     : ScriptedAnswer{.status = 405};
    }
    if (request.target == "/latest/meta-data/iam/security-credentials/") {
      return request.Header("x-aws-ec2-metadata-token") == "login" ? ScriptedAnswer{.body = "role"}
                                                                   : ScriptedAnswer{.status = 401};
    }
    const std::string key = StrCat("KEY", ++num_keys_);
    if (request.target == "/latest/meta-data/iam/security-credentials/role" ||
        (request.target == "/container" && request.Header("authorization") == "secret token")) {
      return {.body = StrCat("{\"Code\":\"Success\",\"AccessKeyId\":\"", key,
                             "\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"",
                             expiration_, "\"}")};
    }
    if (request.method == "POST" &&
        request.body.find("WebIdentityToken=the-token") != std::string::npos &&
        request.body.find("RoleArn=arn%3Aaws%3Aiam") != std::string::npos) {
      return {.body = StrCat("<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
                             "<Credentials><AccessKeyId>",
                             key, "</AccessKeyId><SecretAccessKey>s</SecretAccessKey>",
                             "<SessionToken>t</SessionToken><Expiration>", expiration_,
                             "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>",
                             "</AssumeRoleWithWebIdentityResponse>")};
    }
    return {.status = 403, .body = "no"};
  }

  const std::string expiration_;
  std::atomic<int> num_keys_ = 0;
  ScriptedHttpServer server_;
};

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    OG_ASSERT_OK_AND_ASSIGN(transport_, HttpTransport::Open({.monotonic_ns = MonotonicNs}));
  }

  absl::StatusOr<Credentials> From(std::map<std::string, std::string> variables) {
    variables.try_emplace("AWS_EC2_METADATA_DISABLED", "true");
    OG_ASSIGN_OR_RETURN(
        S3Settings settings,
        S3Settings::FromEnvironment([&](const char* name) -> std::optional<std::string> {
          const auto it = variables.find(name);
          return it == variables.end() ? std::nullopt : std::optional(it->second);
        }));
    provider_ = std::make_unique<CredentialProvider>(settings.credentials, settings.region,
                                                     transport_.get(), [this] { return now_us_; });
    return provider_->Get();
  }

  std::unique_ptr<HttpTransport> transport_;
  std::unique_ptr<CredentialProvider> provider_;
  int64_t now_us_ = *ParseIsoTime("2026-01-01T00:00:00Z");
  tests::TempDir folder_;
};

TEST_F(CredentialsTest, EverySourceInItsTurn) {
  CredentialService service("2026-01-01T01:00:00Z");
  tests::WriteFile(folder_.Child("token"), "the-token\n");
  tests::WriteFile(folder_.Child("credentials"),
                   "# keys\n[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n"
                   "[half]\naws_access_key_id = X\n");
  tests::WriteFile(
      folder_.Child("config"),
      StrCat("[default]\nregion = eu-west-3\n[profile other]\naws_access_key_id=OTHER\n"
             "aws_secret_access_key=s\naws_session_token=t\n[profile web]\n"
             "web_identity_token_file=",
             folder_.Child("token"),
             "\nrole_arn=arn:aws:iam::1:role/r\n[profile sso]\nsso_session=x\n"));
  std::map<std::string, std::string> all = {
      {"AWS_ACCESS_KEY_ID", "ENV"},
      {"AWS_SECRET_ACCESS_KEY", "s"},
      {"AWS_SESSION_TOKEN", "t"},
      {"AWS_WEB_IDENTITY_TOKEN_FILE", folder_.Child("token")},
      {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"},
      {"AWS_ENDPOINT_URL_STS", service.Url()},
      {"AWS_SHARED_CREDENTIALS_FILE", folder_.Child("credentials")},
      {"AWS_CONFIG_FILE", folder_.Child("config")},
      {"AWS_CONTAINER_CREDENTIALS_FULL_URI", service.Url() + "/container"},
      {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret token"},
      {"AWS_EC2_METADATA_DISABLED", "false"},
      {"AWS_METADATA_ENDPOINT", service.Url()}};
  OG_ASSERT_OK_AND_ASSIGN(Credentials found, From(all));
  EXPECT_EQ(found.access_key_id, "ENV");
  EXPECT_EQ(found.session_token, "t");
  EXPECT_EQ(found.expires_us, INT64_MAX);

  all.erase("AWS_ACCESS_KEY_ID");
  EXPECT_THAT(From(all), StatusIs(absl::StatusCode::kInvalidArgument, "AWS_SECRET_ACCESS_KEY"));
  all.erase("AWS_SECRET_ACCESS_KEY");
  OG_ASSERT_OK_AND_ASSIGN(found, From(all));
  EXPECT_EQ(found.access_key_id, "KEY1");  // web identity
  EXPECT_EQ(found.expires_us, *ParseIsoTime("2026-01-01T01:00:00Z"));

  all.erase("AWS_WEB_IDENTITY_TOKEN_FILE");
  OG_ASSERT_OK_AND_ASSIGN(found, From(all));
  EXPECT_EQ(found.access_key_id, "FILE");
  all["AWS_PROFILE"] = "other";
  OG_ASSERT_OK_AND_ASSIGN(found, From(all));
  EXPECT_EQ(found.access_key_id, "OTHER");
  EXPECT_EQ(found.session_token, "t");
  all["AWS_PROFILE"] = "web";
  OG_ASSERT_OK_AND_ASSIGN(found, From(all));
  EXPECT_EQ(found.access_key_id, "KEY2");
  // A profile that was named is never passed over.
  for (const char* wrong : {"none", "half", "sso"}) {
    all["AWS_PROFILE"] = wrong;
    EXPECT_THAT(From(all), StatusIs(absl::StatusCode::kPermissionDenied, wrong));
  }
  all.erase("AWS_PROFILE");

  all.erase("AWS_SHARED_CREDENTIALS_FILE");
  OG_ASSERT_OK_AND_ASSIGN(found, From(all));
  EXPECT_EQ(found.access_key_id, "KEY3");  // the container's
  all["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://example.com/container";
  EXPECT_THAT(From(all), StatusIs(absl::StatusCode::kPermissionDenied, "example.com"));

  all.erase("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  OG_ASSERT_OK_AND_ASSIGN(found, From(all));
  EXPECT_EQ(found.access_key_id, "KEY4");  // the instance's
  all["AWS_EC2_METADATA_DISABLED"] = "true";
  EXPECT_THAT(From(all), StatusIs(absl::StatusCode::kPermissionDenied, "no credentials"));
}

TEST_F(CredentialsTest, SessionTokensAreRefreshedBeforeTheyExpire) {
  CredentialService service("2026-01-01T01:00:00Z");
  OG_ASSERT_OK_AND_ASSIGN(
      const Credentials first,
      From({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", service.Url() + "/container"},
            {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret token"}}));
  EXPECT_EQ(*provider_->Get(), first);
  EXPECT_EQ(service.num_keys(), 1);
  now_us_ = *ParseIsoTime("2026-01-01T00:56:00Z");  // four minutes left
  OG_ASSERT_OK_AND_ASSIGN(const Credentials second, provider_->Get());
  EXPECT_EQ(second.access_key_id, "KEY2");

  // A refresh that fails is no error while the old ones hold.
  service.is_broken = true;
  now_us_ = *ParseIsoTime("2026-01-01T00:58:00Z");
  OG_ASSERT_OK_AND_ASSIGN(const Credentials third, provider_->Get());
  EXPECT_EQ(third, second);
  now_us_ = *ParseIsoTime("2026-01-01T01:00:00Z");
  EXPECT_THAT(provider_->Get(), StatusIs(absl::StatusCode::kUnavailable, "container service"));
  service.is_broken = false;
  provider_->Expire(second);
  OG_ASSERT_OK_AND_ASSIGN(const Credentials fourth, provider_->Get());
  EXPECT_EQ(fourth.access_key_id, "KEY3");
}

TEST(S3CredentialsTest, AnExpiredTokenIsRefreshedOnceAndSent) {
  CredentialService service("2099-01-01T00:00:00Z");
  ScriptedBucket bucket([](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
    EXPECT_EQ(request.Header("x-amz-security-token"), "t");
    if (request.Header("authorization").find("Credential=KEY1/") != std::string::npos) {
      return ScriptedAnswer{.status = 400, .body = ErrorXml("ExpiredToken")};
    }
    return std::nullopt;
  });
  bucket.Set("o", "content");
  const auto store = bucket.Open([&](S3Settings& settings) {
    settings.credentials.fixed.reset();
    settings.credentials.container_url = service.Url() + "/container";
    settings.credentials.container_token = "secret token";
  });
  OG_ASSERT_OK(store->Read("o"));
  EXPECT_EQ(bucket.server().requests().size(), 2u);
}

// ---- what requests carry, what stays open -------------------------------------------------------

TEST(S3RequestTest, CarriesSignatureAndChecksum) {
  ScriptedBucket bucket(Never());
  OG_ASSERT_OK(bucket.Open()->Put("o", AsBytes("content")));
  const ScriptedRequest request = bucket.server().requests().at(0);
  const std::string hash = Sha256Hex(std::string_view("content"));
  EXPECT_EQ(request.Header("x-amz-content-sha256"), hash);
  EXPECT_EQ(request.Header("x-amz-checksum-sha256"), EncodeBase64(Sha256(AsBytes("content"))));
  const HttpHeaders headers = {{"host", request.Header("host")},
                               {"x-amz-checksum-sha256", request.Header("x-amz-checksum-sha256")},
                               {"x-amz-content-sha256", hash},
                               {"x-amz-date", FormatAmzTime(kNowUs)}};
  EXPECT_EQ(request.Header("authorization"),
            AuthorizationHeader({.access_key_id = "key", .secret_access_key = "secret"},
                                {.region = "us-east-1", .service = "s3"}, FormatAmzTime(kNowUs),
                                {"PUT", "/b/o", "", headers, hash}));
  const auto anonymous = bucket.Open([](S3Settings& settings) { settings.signs = false; });
  OG_ASSERT_OK(anonymous->Read("o"));
  EXPECT_EQ(bucket.server().requests().at(1).Header("authorization"), "");
}

TEST(S3RequestTest, ConnectionsAreUsedAgainAndNothingLeaks) {
  const auto count = [](const char* what) {
    return std::distance(std::filesystem::directory_iterator(what),
                         std::filesystem::directory_iterator());
  };
  ScriptedBucket bucket(Never());
  bucket.Set("o", "content");
  { OG_ASSERT_OK(bucket.Open()->Read("o")); }
  const auto num_files = count("/proc/self/fd");
  for (int i = 0; i < 5; ++i) {
    const size_t before = bucket.server().num_connections();
    const auto store = bucket.Open();
    for (int j = 0; j < 20; ++j)
      OG_ASSERT_OK(store->Read("o"));
    EXPECT_EQ(bucket.server().num_connections(), before + 1);
    // Reads that nobody waits for, and a stream that is dropped.
    PendingReads dropped = store->Submit({{"o", {0, 1}}, {"o", {1, 1}}});
    OG_ASSERT_OK_AND_ASSIGN(auto stream, store->OpenWrite("dropped"));
    OG_ASSERT_OK(stream->Append(AsBytes("x")));
  }
  // The server's ends close a little later.
  for (int i = 0; i < 200 && count("/proc/self/fd") > num_files; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LE(count("/proc/self/fd"), num_files);
}

TEST(S3RequestTest, AStreamThatFailsIsAborted) {
  int num_aborts = 0;
  ScriptedBucket bucket([&](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
    if (request.target == "/b/o?uploads=") {
      return ScriptedAnswer{.body =
                                "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                                "</InitiateMultipartUploadResult>"};
    }
    if (request.method == "DELETE" && request.target == "/b/o?uploadId=u") ++num_aborts;
    if (request.method == "PUT") {
      return ScriptedAnswer{.status = 403, .body = ErrorXml("AccessDenied")};
    }
    return std::nullopt;
  });
  const auto store = bucket.Open();
  OG_ASSERT_OK_AND_ASSIGN(auto stream, store->OpenWrite("o"));
  const std::string text(20 << 20, 'x');
  absl::Status status = stream->Append(AsBytes(text));
  if (status.ok()) status = stream->Finish().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied, "s3://b/o"));
  stream.reset();
  EXPECT_EQ(num_aborts, 1);
}

TEST(S3RequestTest, ALostAnswerOfTheLastStepOfAnUploadIsFoundOut) {
  for (const bool takes_effect : {true, false}) {
    std::string mark;
    bool is_published = false;
    ScriptedBucket bucket(
        [&](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
          if (request.target == "/b/o?uploads=") {
            mark = request.Header("x-amz-meta-omnigraph-put");
            return ScriptedAnswer{.body =
                                      "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                                      "</InitiateMultipartUploadResult>"};
          }
          if (request.method == "PUT") return ScriptedAnswer{.headers = {{"etag", "\"p\""}}};
          if (request.method == "POST" && request.target == "/b/o?uploadId=u") {
            if (is_published || !takes_effect) {
              return ScriptedAnswer{.status = 404, .body = ErrorXml("NoSuchUpload")};
            }
            is_published = true;
            return ScriptedAnswer{.resets = true};
          }
          if (request.method == "HEAD" && is_published) {
            return ScriptedAnswer{
                .headers = {{"etag", "\"whole\""}, {"x-amz-meta-omnigraph-put", mark}}};
          }
          return std::nullopt;
        });
    const auto store = bucket.Open();
    const std::string text(9 << 20, 'x');
    const auto put = store->Put("o", AsBytes(text));
    if (takes_effect) {
      ASSERT_THAT(put, IsOk());
      EXPECT_EQ(put->e_tag, "\"whole\"");
      EXPECT_EQ(put->size, text.size());
    } else {
      EXPECT_THAT(put, StatusIs(absl::StatusCode::kFailedPrecondition, "NoSuchUpload"));
    }
  }
}

TEST(S3RequestTest, ManyDeletionsWithoutBatches) {
  // A server without DeleteObjects gets one request an object.
  std::string list = "<ListBucketResult>";
  for (int i = 0; i < 40; ++i) {
    list += StrCat("<Contents><Key>p/", i,
                   "</Key><Size>1</Size><LastModified>"
                   "2015-08-30T12:36:00Z</LastModified></Contents>");
  }
  list += "</ListBucketResult>";
  std::atomic<int> num_deleted = 0;
  ScriptedBucket bucket([&](const ScriptedRequest& request, int) -> std::optional<ScriptedAnswer> {
    if (request.method == "GET") return ScriptedAnswer{.body = list};
    if (request.method == "POST") return ScriptedAnswer{.status = 501};
    num_deleted += request.method == "DELETE" ? 1 : 0;
    return std::nullopt;
  });
  OG_ASSERT_OK(bucket.Open()->DeletePrefix("p"));
  EXPECT_EQ(num_deleted, 40);
}

}  // namespace
}  // namespace og::io
