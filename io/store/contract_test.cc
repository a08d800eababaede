// The contract suite over memory and local files, plain and behind the fault stores with no fault
// set, and the races between processes that only local files have.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include <sys/wait.h>
#include <unistd.h>

#include "io/base/text.h"
#include "io/fault/counting_store.h"
#include "io/fault/fault_store.h"
#include "io/fault/power_loss_store.h"
#include "io/local/local_store.h"
#include "io/memory/memory_store.h"
#include "tests/store_contract/contract_suite.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

using tests::TempDir;

std::shared_ptr<MemoryStore> NewMemory() {
  auto clock = std::make_shared<std::atomic<int64_t>>(1'700'000'000'000'000);
  return std::make_shared<MemoryStore>("memory://t/", [clock] { return ++*clock; });
}

StoreSubject Memory() {
  return {NewMemory(), "t"};
}

StoreSubject PowerLoss() {
  return {std::make_shared<PowerLossStore>(NewMemory(), Durability::kFull), "t"};
}

StoreSubject Local(const LocalStoreOptions& options) {
  auto folder = std::make_shared<TempDir>();
  std::shared_ptr<Store> store = *LocalStore::Open(options);
  return {std::move(store), folder->path().substr(1), folder};
}

StoreSubject LocalUring() {
  return Local({.durability = Durability::kData, .io = LocalIo::kUring});
}

StoreSubject LocalThreads() {
  return Local({.durability = Durability::kNone, .io = LocalIo::kThreads});
}

// The subject behind a fault store and a counter, both of them idle.
StoreKind Hooked(const StoreKind& kind) {
  StoreKind hooked = kind;
  hooked.name = StrCat(kind.name, "Hooked");
  hooked.make = [make = kind.make] {
    StoreSubject subject = make();
    subject.store = std::make_shared<FaultStore>(std::make_shared<CountingStore>(subject.store));
    return subject;
  };
  return hooked;
}

const StoreKind kMemory{"Memory", Memory};
const StoreKind kLocalUring{"LocalUring", LocalUring};
const StoreKind kLocalThreads{"LocalThreads", LocalThreads};

INSTANTIATE_TEST_SUITE_P(Stores, StoreContractTest,
                         testing::Values(kMemory, Hooked(kMemory),
                                         StoreKind{"PowerLoss", PowerLoss}, kLocalUring,
                                         Hooked(kLocalUring), kLocalThreads, Hooked(kLocalThreads)),
                         StoreKindName);

TEST(LocalProcessesTest, OfRacingCreatorsOfProcessesExactlyOneWins) {
  const TempDir folder;
  constexpr int kRounds = 40;
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto store = *LocalStore::Open({.durability = Durability::kNone});
      int num_won = 0;
      for (int round = 0; round < kRounds; ++round) {
        const std::string path = folder.Child(StrCat("v/", round)).substr(1);
        const auto put = store->PutIfAbsent(path, AsBytes(StrCat(i)));
        if (!put.ok() && !absl::IsAlreadyExists(put.status())) _exit(100);
        if (put.ok() && store->Read(path)->view() != StrCat(i)) _exit(101);
        num_won += put.ok() ? 1 : 0;
      }
      _exit(num_won);
    }
    ASSERT_GT(child, 0);
    children.push_back(child);
  }
  int num_won = 0;
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    num_won += WEXITSTATUS(status);
  }
  EXPECT_EQ(num_won, kRounds);
}

TEST(LocalProcessesTest, RacingPutIfMatchOfProcessesLosesNoUpdate) {
  const TempDir folder;
  const std::string path = folder.Child("counter").substr(1);
  tests::WriteFile(folder.Child("counter"), "0");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto store = *LocalStore::Open({.durability = Durability::kNone});
      CountUp(*store, path, 50, /*by_content=*/i % 2 == 0);
      _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    ASSERT_GT(child, 0);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(tests::ReadFile(folder.Child("counter")), "200");
}

}  // namespace
}  // namespace og::io
