// The contract suite of all stores, and what only S3 has, against moto: a server that is not ours.
// It takes any signature; what checks those is s3_versity_test.cc.

#include <atomic>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "io/base/text.h"
#include "io/fault/counting_store.h"
#include "io/fault/fault_store.h"
#include "io/s3/s3_store.h"
#include "tests/store_contract/contract_suite.h"
#include "tests/support/server_process.h"
#include "tests/support/status_matchers.h"

namespace og::io {
namespace {

constexpr char kBucket[] = "test-bucket";

const tests::ServerProcess& Moto() {
  static const auto& server = *new std::unique_ptr<tests::ServerProcess>(
      new tests::ServerProcess({tests::S3Python(), "tests/support/s3_server.py", kBucket}));
  return *server;
}

int64_t ReadClock(clockid_t clock, int64_t units) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * units + now.tv_nsec / (1'000'000'000 / units);
}

S3Runtime Machine() {
  auto random = std::make_shared<std::atomic<uint64_t>>(std::random_device{}());
  return {.now_us = [] { return ReadClock(CLOCK_REALTIME, 1'000'000); },
          .monotonic_ns = [] { return ReadClock(CLOCK_MONOTONIC, 1'000'000'000); },
          .random =
              [random] {
                std::mt19937_64 engine(random->fetch_add(1));
                return engine();
              }};
}

S3StoreOptions MotoOptions(const std::string& bucket = kBucket) {
  S3StoreOptions options{.bucket = bucket};
  options.settings.endpoint = *ParseEndpoint(Moto().Url());
  options.settings.allows_http = true;
  options.settings.credentials.fixed =
      Credentials{.access_key_id = "test", .secret_access_key = "test"};
  options.runtime = Machine();
  options.page_keys = 100;
  return options;
}

StoreSubject Subject() {
  static std::atomic<int> number = 0;
  return {*S3Store::Open(MotoOptions()), StrCat("contract/", ++number)};
}

StoreSubject HookedSubject() {
  StoreSubject subject = Subject();
  subject.store = std::make_shared<FaultStore>(std::make_shared<CountingStore>(subject.store));
  return subject;
}

const StoreKind kMoto{.name = "Moto",
                      .make = Subject,
                      .tokens_never_return = false,
                      .puts_know_their_time = false,
                      .names_of_pages = 250,
                      .percent_of_work = 10};
const StoreKind kMotoHooked{.name = "MotoHooked",
                            .make = HookedSubject,
                            .tokens_never_return = false,
                            .puts_know_their_time = false,
                            .names_of_pages = 250,
                            .percent_of_work = 10};

INSTANTIATE_TEST_SUITE_P(S3, StoreContractTest, testing::Values(kMoto, kMotoHooked), StoreKindName);

}  // namespace
}  // namespace og::io
