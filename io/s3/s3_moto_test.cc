// The contract suite of all stores, and what only S3 has, against moto: a server that is not ours.
// It takes any signature; what checks those is s3_versity_test.cc.

#include <atomic>
#include <memory>
#include <string>
#include <utility>
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

namespace og::io {
namespace {

using tests::StatusIs;

constexpr char kBucket[] = "test-bucket";

const tests::ServerProcess& Moto() {
  static const auto& server = *new std::unique_ptr<tests::ServerProcess>(
      new tests::ServerProcess({tests::S3Python(), "tests/support/s3_server.py", kBucket}));
  return *server;
}

S3StoreOptions MotoOptions(const std::string& bucket = kBucket) {
  S3StoreOptions options{.bucket = bucket};
  options.settings.endpoint = *ParseEndpoint(Moto().Url());
  options.settings.allows_http = true;
  options.settings.credentials.fixed =
      Credentials{.access_key_id = "test", .secret_access_key = "test"};
  options.runtime = MachineRuntime();
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

TEST(MotoTest, LargeCopiesGoPartByPart) {
  S3StoreOptions options = MotoOptions();
  options.max_copy_bytes = 6 << 20;
  options.copy_part_bytes = 5 << 20;
  const std::shared_ptr<S3Store> store = *S3Store::Open(options);
  std::string text(13 << 20, 'x');
  for (size_t i = 0; i < text.size(); i += 4096)
    text[i] = static_cast<char>('a' + i / 4096 % 26);
  OG_ASSERT_OK(store->Put("copies/a b+c", AsBytes(text)));
  OG_ASSERT_OK(store->Copy("copies/a b+c", "copies/d"));
  OG_ASSERT_OK_AND_ASSIGN(const Buffer copy, store->Read("copies/d"));
  EXPECT_TRUE(copy.view() == text);
  OG_ASSERT_OK(store->Rename("copies/d", "copies/e"));
  EXPECT_THAT(store->Stat("copies/d"), StatusIs(absl::StatusCode::kNotFound));
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo moved, store->Stat("copies/e"));
  EXPECT_EQ(moved.size, text.size());
}

TEST(MotoTest, AMissingBucketIsNotAMissingObject) {
  const std::shared_ptr<S3Store> store = *S3Store::Open(MotoOptions("no-such-bucket"));
  const auto is_clear = StatusIs(absl::StatusCode::kFailedPrecondition,
                                 "the bucket \"no-such-bucket\" does not exist");
  EXPECT_THAT(store->Stat("o"), is_clear);
  EXPECT_THAT(store->Read("o"), is_clear);
  EXPECT_THAT(store->List("o", {}), is_clear);
  EXPECT_THAT(store->Put("o", AsBytes("x")), is_clear);
  EXPECT_THAT(store->PutIfAbsent("o", AsBytes("x")), is_clear);
  EXPECT_THAT(store->PutIfMatch("o", AsBytes("x"), "\"e\""), is_clear);
  EXPECT_THAT(store->DeletePrefix("o"), is_clear);
}

TEST(MotoTest, RequestsOfACallAreNoMoreThanItNeeds) {
  const std::shared_ptr<S3Store> store = *S3Store::Open(MotoOptions());
  uint64_t before = 0;
  const auto spent = [&] {
    const uint64_t now = store->num_requests();
    return now - std::exchange(before, now);
  };
  OG_ASSERT_OK(store->Put("cost/o", AsBytes("content")));
  EXPECT_EQ(spent(), 1u);
  OG_ASSERT_OK(store->PutIfAbsent("cost/p", AsBytes("content")));
  EXPECT_EQ(spent(), 1u);
  OG_ASSERT_OK(store->Stat("cost/o"));
  EXPECT_EQ(spent(), 1u);
  EXPECT_THAT(store->Stat("cost/none"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(spent(), 1u);
  OG_ASSERT_OK(store->Read("cost/o"));
  EXPECT_EQ(spent(), 1u);
  uint64_t size = 0;
  OG_ASSERT_OK(store->ReadTail("cost/o", 3, &size));
  EXPECT_EQ(spent(), 1u);
  OG_ASSERT_OK(store->Submit({{"cost/o", {0, 2}}, {"cost/o", {3, 0}}, {"cost/o", {4, 1}}}).Wait());
  EXPECT_EQ(spent(), 2u);
  OG_ASSERT_OK(store->List("cost", {}));
  EXPECT_EQ(spent(), 1u);
  OG_ASSERT_OK_AND_ASSIGN(auto stream, store->OpenWrite("cost/s"));
  OG_ASSERT_OK(stream->Append(AsBytes("content")));
  OG_ASSERT_OK(stream->Finish());
  EXPECT_EQ(spent(), 1u);
  OG_ASSERT_OK(store->Sync(std::vector<std::string>{"cost/s"}, Durability::kFull));
  EXPECT_EQ(spent(), 0u);
  OG_ASSERT_OK(store->ListFirst("cost", 2));
  EXPECT_EQ(spent(), 1u);
  for (const auto& object : store->ReadEach(std::vector<std::string>{"cost/o", "cost/p", "cost/s"}))
    OG_ASSERT_OK(object);
  EXPECT_EQ(spent(), 3u);

  // A long object goes in parts; a scan of it takes a request a range.
  const std::string block(1 << 20, 'x');
  OG_ASSERT_OK_AND_ASSIGN(stream, store->OpenWrite("cost/long"));
  for (int i = 0; i < 12; ++i)
    OG_ASSERT_OK(stream->Append(AsBytes(block)));
  OG_ASSERT_OK(stream->Finish());
  EXPECT_EQ(spent(), 4u);
  std::vector<ReadRequest> ranges;
  for (uint64_t i = 0; i < 12; ++i)
    ranges.push_back({"cost/long", {i << 20, 1 << 20}});
  OG_ASSERT_OK(store->Submit(ranges).Wait());
  EXPECT_EQ(spent(), 12u);
  OG_ASSERT_OK(store->DeletePrefix("cost"));
  EXPECT_EQ(spent(), 2u);
}

}  // namespace
}  // namespace og::io
