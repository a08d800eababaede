// Every variable of docs/user/storage.md: what is read of it, what it changes on the wire, and that
// wrong values are refused by name.

#include "io/s3/settings.h"

#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include <sys/resource.h>

#include "io/base/text.h"
#include "io/s3/s3_store.h"
#include "io/s3/test_runtime.h"
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

using Variables = std::map<std::string, std::string>;

absl::StatusOr<S3Settings> Parse(const Variables& variables) {
  return S3Settings::FromEnvironment([&variables](const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional<std::string>(it->second);
  });
}

// A store as `variables` make it, with keys.
std::shared_ptr<S3Store> Open(Variables variables) {
  variables.insert({{"AWS_ACCESS_KEY_ID", "key"}, {"AWS_SECRET_ACCESS_KEY", "secret"}});
  absl::StatusOr<S3Settings> settings = Parse(variables);
  EXPECT_THAT(settings, IsOk());
  settings->retry.first_backoff_us = 1000;
  absl::StatusOr<std::unique_ptr<S3Store>> store =
      S3Store::Open({.bucket = "b", .settings = *settings, .runtime = MachineRuntime()});
  EXPECT_THAT(store, IsOk());
  return *std::move(store);
}

TEST(S3SettingsTest, ReadsTheVariablesAndRefusesWrongOnes) {
  const auto parse = [](std::map<std::string, std::string> variables) {
    return S3Settings::FromEnvironment([variables](const char* name) {
      const auto it = variables.find(name);
      return it == variables.end() ? std::nullopt : std::optional<std::string>(it->second);
    });
  };
  OG_ASSERT_OK_AND_ASSIGN(S3Settings settings, parse({}));
  EXPECT_EQ(settings.region, "us-east-1");
  EXPECT_FALSE(settings.endpoint.has_value());
  EXPECT_FALSE(settings.allows_http);
  EXPECT_EQ(settings.style, S3Style::kPath);
  OG_ASSERT_OK_AND_ASSIGN(settings, parse({{"AWS_DEFAULT_REGION", "eu-west-1"},
                                           {"AWS_ENDPOINT_URL", "https://general"},
                                           {"AWS_ENDPOINT_URL_S3", "http://special:1"},
                                           {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true"},
                                           {"AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"},
                                           {"AWS_MAX_ATTEMPTS", "2"},
                                           {"OMNIGRAPH_S3_HEDGE_MS", "250"}}));
  EXPECT_EQ(settings.region, "eu-west-1");
  EXPECT_EQ(settings.endpoint->host, "special:1");
  EXPECT_TRUE(settings.allows_http);  // the endpoint says so by itself
  EXPECT_EQ(settings.style, S3Style::kVirtualHost);
  EXPECT_FALSE(settings.sends_checksums);
  EXPECT_TRUE(settings.verifies_checksums);
  EXPECT_EQ(settings.retry.max_attempts, 2u);
  EXPECT_EQ(settings.hedge_after_ms, 250);
  for (const char* yes : {"1", "true", "TRUE", "True", "yes", "YES", "on", "ON"}) {
    EXPECT_TRUE(parse({{"AWS_ALLOW_HTTP", yes}})->allows_http) << yes;
  }
  OG_ASSERT_OK_AND_ASSIGN(settings, parse({{"AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true"},
                                           {"AWS_S3_FORCE_PATH_STYLE", "true"}}));
  EXPECT_EQ(settings.style, S3Style::kPath);
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"AWS_ALLOW_HTTP", "perhaps"},      {"AWS_REGION", "eu west"},
      {"AWS_ENDPOINT_URL", "host:9000"},  {"AWS_MAX_ATTEMPTS", "0"},
      {"OMNIGRAPH_S3_DEADLINE_MS", "-1"}, {"AWS_REQUEST_CHECKSUM_CALCULATION", "never"},
      {"AWS_ACCESS_KEY_ID", "alone"}};
  for (const auto& [name, value] : wrong) {
    EXPECT_THAT(parse({{name, value}}), StatusIs(absl::StatusCode::kInvalidArgument,
                                                 name == "AWS_ENDPOINT_URL" ? "host:9000" : name));
  }
}

TEST(S3SettingsTest, TheMoreSpecialNameWins) {
  struct Case {
    Variables variables;
    std::string region;
    std::string host;
  };
  const tests::TempDir folder;
  tests::WriteFile(folder.Child("config"),
                   "[profile p]\nregion = eu-west-3\nendpoint_url = https://profile\n");
  const std::string config = folder.Child("config");
  const std::vector<Case> cases = {
      {{{"AWS_REGION", "a-1"}, {"AWS_DEFAULT_REGION", "b-2"}}, "a-1", ""},
      {{{"AWS_REGION", ""}, {"AWS_DEFAULT_REGION", "b-2"}}, "b-2", ""},
      {{{"AWS_CONFIG_FILE", config}, {"AWS_PROFILE", "p"}}, "eu-west-3", "profile"},
      {{{"AWS_CONFIG_FILE", config}, {"AWS_PROFILE", "p"}, {"AWS_REGION", "a-1"}},
       "a-1",
       "profile"},
      {{{"AWS_ENDPOINT", "https://third"}}, "us-east-1", "third"},
      {{{"AWS_ENDPOINT", "https://third"}, {"AWS_ENDPOINT_URL", "https://second"}},
       "us-east-1",
       "second"},
      {{{"AWS_ENDPOINT_URL_S3", "https://first"}, {"AWS_ENDPOINT_URL", "https://second"}},
       "us-east-1",
       "first"},
  };
  for (const Case& c : cases) {
    OG_ASSERT_OK_AND_ASSIGN(const S3Settings settings, Parse(c.variables));
    EXPECT_EQ(settings.region, c.region);
    EXPECT_EQ(settings.endpoint.has_value() ? settings.endpoint->host : "", c.host);
  }
}

TEST(S3SettingsTest, NumbersAndSwitchesHaveTheirPlace) {
  OG_ASSERT_OK_AND_ASSIGN(const S3Settings settings,
                          Parse({{"AWS_CA_BUNDLE", "/a/ca.pem"},
                                 {"AWS_SKIP_SIGNATURE", "true"},
                                 {"AWS_UNSIGNED_PAYLOAD", "true"},
                                 {"AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required"},
                                 {"AWS_EC2_METADATA_DISABLED", "true"},
                                 {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://metadata:8080"},
                                 {"AWS_ENDPOINT_URL_STS", "https://sts"},
                                 {"OMNIGRAPH_S3_MAX_REQUESTS", "7"},
                                 {"OMNIGRAPH_S3_DEADLINE_MS", "1001"},
                                 {"OMNIGRAPH_S3_STALL_MS", "2002"},
                                 {"OMNIGRAPH_S3_CONNECT_MS", "3003"}}));
  EXPECT_EQ(settings.ca_bundle, "/a/ca.pem");
  EXPECT_FALSE(settings.signs);
  EXPECT_FALSE(settings.signs_payload);
  EXPECT_FALSE(settings.verifies_checksums);
  EXPECT_FALSE(settings.credentials.uses_instance_metadata);
  EXPECT_EQ(settings.credentials.metadata_endpoint, "http://metadata:8080");
  EXPECT_EQ(settings.credentials.sts_endpoint, "https://sts");
  EXPECT_EQ(settings.max_active, 7u);
  EXPECT_EQ(settings.deadline_ms, 1001);
  EXPECT_EQ(settings.stall_timeout_ms, 2002);
  EXPECT_EQ(settings.connect_timeout_ms, 3003);
  for (const char* name :
       {"OMNIGRAPH_S3_MAX_REQUESTS", "OMNIGRAPH_S3_DEADLINE_MS", "OMNIGRAPH_S3_STALL_MS",
        "OMNIGRAPH_S3_CONNECT_MS", "OMNIGRAPH_S3_HEDGE_MS", "AWS_SKIP_SIGNATURE",
        "AWS_UNSIGNED_PAYLOAD", "AWS_S3_FORCE_PATH_STYLE", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
        "AWS_RESPONSE_CHECKSUM_VALIDATION", "AWS_EC2_METADATA_DISABLED"}) {
    EXPECT_THAT(Parse({{name, "some"}}), StatusIs(absl::StatusCode::kInvalidArgument, name));
    EXPECT_THAT(Parse({{name, ""}}), IsOk()) << name;
  }
}

// ---- on the wire --------------------------------------------------------------------------------

TEST(S3SettingsTest, ASwitchChangesWhatIsSent) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedAnswer{.headers = {{"etag", "\"e\""}}};
  });
  const auto put = [&server](const Variables& more) {
    Variables variables = {{"AWS_ENDPOINT_URL", server.Url()}};
    variables.insert(more.begin(), more.end());
    EXPECT_THAT(Open(variables)->Put("o", AsBytes("x")), IsOk());
    return server.requests().back();
  };
  const ScriptedRequest plain = put({});
  EXPECT_EQ(plain.target, "/b/o");
  EXPECT_NE(plain.Header("authorization").find("/us-east-1/s3/"), std::string::npos);
  EXPECT_NE(plain.Header("x-amz-checksum-sha256"), "");
  EXPECT_EQ(plain.Header("x-amz-content-sha256").size(), 64u);
  EXPECT_EQ(put({{"AWS_SKIP_SIGNATURE", "true"}}).Header("authorization"), "");
  EXPECT_EQ(put({{"AWS_UNSIGNED_PAYLOAD", "true"}}).Header("x-amz-content-sha256"),
            "UNSIGNED-PAYLOAD");
  EXPECT_EQ(
      put({{"AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"}}).Header("x-amz-checksum-sha256"),
      "");
  EXPECT_EQ(put({{"AWS_SESSION_TOKEN", "token"}}).Header("x-amz-security-token"), "token");
  EXPECT_NE(put({{"AWS_REGION", "eu-central-1"}}).Header("authorization").find("/eu-central-1/"),
            std::string::npos);

  const auto read = [&server](const char* checks) {
    EXPECT_THAT(
        Open({{"AWS_ENDPOINT_URL", server.Url()}, {"AWS_RESPONSE_CHECKSUM_VALIDATION", checks}})
            ->Read("o"),
        IsOk());
    return server.requests().back().Header("x-amz-checksum-mode");
  };
  EXPECT_EQ(read("when_supported"), "ENABLED");
  EXPECT_EQ(read("when_required"), "");
}

TEST(S3SettingsTest, AttemptsDeadlineAndStallAreKept) {
  const auto seconds = [] {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  };
  ScriptedHttpServer failing([](const ScriptedRequest&) { return ScriptedAnswer{.status = 503}; });
  EXPECT_THAT(Open({{"AWS_ENDPOINT_URL", failing.Url()}, {"AWS_MAX_ATTEMPTS", "2"}})->Read("o"),
              StatusIs(absl::StatusCode::kUnavailable,
                       "storage read failed for 's3://b/o': after 2 attempts"));
  EXPECT_EQ(failing.requests().size(), 2u);

  ScriptedHttpServer mute([](const ScriptedRequest&) { return ScriptedAnswer{.is_mute = true}; });
  double start = seconds();
  EXPECT_THAT(
      Open({{"AWS_ENDPOINT_URL", mute.Url()}, {"OMNIGRAPH_S3_DEADLINE_MS", "300"}})->Read("o"),
      StatusIs(absl::StatusCode::kDeadlineExceeded, "storage read failed for 's3://b/o'"));
  EXPECT_LT(seconds() - start, 5.0);
  start = seconds();
  EXPECT_THAT(Open({{"AWS_ENDPOINT_URL", mute.Url()},
                    {"AWS_MAX_ATTEMPTS", "1"},
                    {"OMNIGRAPH_S3_STALL_MS", "1000"}})
                  ->Read("o"),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "storage read failed for 's3://b/o'"));
  EXPECT_LT(seconds() - start, 10.0);
}

TEST(S3SettingsTest, RequestsAtOnceAreLimitedByNumberAndByDescriptors) {
  ScriptedHttpServer server([](const ScriptedRequest&) {
    return ScriptedAnswer{
        .body = "x", .headers = {{"content-range", "bytes 0-0/1"}}, .delay_ms = 5};
  });
  const auto connections_of = [&server](const Variables& more) {
    Variables variables = {{"AWS_ENDPOINT_URL", server.Url()}};
    variables.insert(more.begin(), more.end());
    const size_t before = server.num_connections();
    const auto store = Open(variables);
    std::vector<ReadRequest> requests(40, ReadRequest{"o", {0, 1}});
    EXPECT_THAT(store->Submit(requests).Wait(), IsOk());
    return server.num_connections() - before;
  };
  EXPECT_EQ(connections_of({{"OMNIGRAPH_S3_MAX_REQUESTS", "3"}}), 3u);
  EXPECT_GT(connections_of({}), 8u);
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  rlimit few = files;
  few.rlim_cur = 32;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const size_t limited = connections_of({});
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_LE(limited, 8u);
}

TEST(S3SettingsTest, ProxiesAreHeeded) {
  ScriptedHttpServer proxy(
      [](const ScriptedRequest&) { return ScriptedAnswer{.body = "content"}; });
  const Variables elsewhere = {{"AWS_ENDPOINT_URL", "http://storage.invalid:9000"},
                               {"AWS_MAX_ATTEMPTS", "1"}};
  setenv("http_proxy", proxy.Url().c_str(), 1);
  OG_ASSERT_OK_AND_ASSIGN(const Buffer bytes, Open(elsewhere)->Read("o"));
  EXPECT_EQ(bytes.view(), "content");
  EXPECT_EQ(proxy.requests().at(0).target, "http://storage.invalid:9000/b/o");
  setenv("no_proxy", "storage.invalid", 1);
  EXPECT_THAT(Open(elsewhere)->Read("o"), StatusIs(absl::StatusCode::kUnavailable, "s3://b/o"));
  unsetenv("no_proxy");
  unsetenv("http_proxy");
  // Over TLS the proxy is asked for a tunnel.
  setenv("https_proxy", proxy.Url().c_str(), 1);
  Variables secure = elsewhere;
  secure["AWS_ENDPOINT_URL"] = "https://storage.invalid";
  EXPECT_FALSE(Open(secure)->Read("o").ok());
  unsetenv("https_proxy");
  EXPECT_EQ(proxy.requests().back().method, "CONNECT");
  EXPECT_EQ(proxy.requests().back().target, "storage.invalid:443");
}

}  // namespace
}  // namespace og::io
