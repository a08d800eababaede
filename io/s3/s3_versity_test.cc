// The contract suite against versitygw, which checks signatures and keeps objects as files, and TLS
// with a certificate of an authority of our own.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "io/base/text.h"
#include "io/fault/counting_store.h"
#include "io/fault/fault_store.h"
#include "io/s3/s3_store.h"
#include "io/s3/test_runtime.h"
#include "tests/store_contract/contract_suite.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

using tests::StatusIs;

struct Server {
  tests::TempDir folder;
  std::unique_ptr<tests::ServerProcess> process;
};

const Server& Versity(bool has_tls) {
  const auto start = [](bool tls) {
    auto server = std::make_shared<Server>();
    std::vector<std::string> words = {tests::S3Python(), "tests/support/versity_server.py",
                                      tests::VersityProgram(), server->folder.path()};
    if (tls) words.push_back("--tls");
    server->process = std::make_unique<tests::ServerProcess>(words);
    return server;
  };
  static const std::shared_ptr<Server> plain = start(false);
  static const std::shared_ptr<Server> secure = start(true);
  return has_tls ? *secure : *plain;
}

S3StoreOptions OptionsOf(const std::string& endpoint) {
  S3StoreOptions options{.bucket = "test-bucket"};
  options.settings.endpoint = *ParseEndpoint(endpoint);
  options.settings.allows_http = true;
  options.settings.credentials.fixed =
      Credentials{.access_key_id = "test-key", .secret_access_key = "test-secret"};
  options.settings.retry.first_backoff_us = 10'000;
  options.runtime = MachineRuntime();
  options.page_keys = 100;
  return options;
}

S3StoreOptions PlainOptions() {
  return OptionsOf(Versity(false).process->Url());
}

S3StoreOptions SecureOptions(const std::string& host) {
  const Server& server = Versity(true);
  S3StoreOptions options = OptionsOf(StrCat("https://", host, ":", server.process->port()));
  options.settings.ca_bundle = server.folder.Child("ca.pem");
  return options;
}

StoreKind KindOf(const std::string& name, S3StoreOptions (*options)(), bool is_hooked) {
  return {.name = name,
          .make =
              [options, is_hooked] {
                static std::atomic<int> number = 0;
                StoreSubject subject{*S3Store::Open(options()), StrCat("contract/", ++number)};
                if (is_hooked) {
                  subject.store =
                      std::make_shared<FaultStore>(std::make_shared<CountingStore>(subject.store));
                }
                return subject;
              },
          .tokens_never_return = false,
          .puts_know_their_time = false,
          .names_of_pages = 250,
          .percent_of_work = 10};
}

INSTANTIATE_TEST_SUITE_P(S3, StoreContractTest,
                         testing::Values(KindOf("Versity", PlainOptions, false),
                                         KindOf("VersityHooked", PlainOptions, true),
                                         KindOf(
                                             "VersityTls",
                                             [] { return SecureOptions("localhost"); }, false)),
                         StoreKindName);

TEST(VersityTest, WrongKeysAreRefused) {
  for (const bool is_secret : {false, true}) {
    S3StoreOptions options = PlainOptions();
    Credentials& keys = *options.settings.credentials.fixed;
    (is_secret ? keys.secret_access_key : keys.access_key_id) = "wrong";
    const std::shared_ptr<S3Store> store = *S3Store::Open(options);
    const std::string_view code = is_secret ? "SignatureDoesNotMatch" : "XAdminUserNotFound";
    EXPECT_THAT(store->Read("o"), StatusIs(absl::StatusCode::kPermissionDenied, code));
    EXPECT_THAT(store->Stat("o"), StatusIs(absl::StatusCode::kPermissionDenied, code));
    EXPECT_THAT(store->PutIfAbsent("o", AsBytes("x")),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         "storage write failed for 's3://test-bucket/o'"));
  }
}

TEST(VersityTest, OurClockMayBeWrong) {
  S3StoreOptions options = PlainOptions();
  options.runtime.now_us = [right = options.runtime.now_us] {
    return right() - int64_t{3'600'000'000};
  };
  const std::shared_ptr<S3Store> store = *S3Store::Open(options);
  OG_ASSERT_OK(store->Put("clock/o", AsBytes("x")));
  OG_ASSERT_OK(store->Stat("clock/o"));
}

TEST(VersityTest, ACertificateIsBelievedOnlyWithItsAuthorityAndName) {
  const std::shared_ptr<S3Store> good = *S3Store::Open(SecureOptions("localhost"));
  OG_ASSERT_OK(good->Put("tls/o", AsBytes("x")));

  S3StoreOptions unknown = SecureOptions("localhost");
  unknown.settings.ca_bundle.clear();
  const absl::Status not_believed = (*S3Store::Open(unknown))->Read("tls/o").status();
  EXPECT_THAT(not_believed, StatusIs(absl::StatusCode::kFailedPrecondition,
                                     "storage read failed for 's3://test-bucket/tls/o'"));
  EXPECT_THAT(not_believed, StatusIs(absl::StatusCode::kFailedPrecondition,
                                     "AWS_CA_BUNDLE can name the authorities to believe"));

  EXPECT_THAT((*S3Store::Open(SecureOptions("127.0.0.1")))->Read("tls/o"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "127.0.0.1"));

  S3StoreOptions missing = SecureOptions("localhost");
  missing.settings.ca_bundle = "/no/such/bundle.pem";
  EXPECT_THAT(S3Store::Open(missing),
              StatusIs(absl::StatusCode::kFailedPrecondition, "/no/such/bundle.pem"));
}

}  // namespace
}  // namespace og::io
