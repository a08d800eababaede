// The fault stores do exactly what they say, for everything above is tested against them: faults
// strike the call that was named and no other, and a loss of power takes what was not synced and
// nothing else.

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/fault/counting_store.h"
#include "io/fault/fault_store.h"
#include "io/fault/metered_store.h"
#include "io/fault/power_loss_store.h"
#include "io/memory/memory_store.h"
#include "io/store/far_calls.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::io {
namespace {

using tests::IsOk;
using tests::StatusIs;

std::shared_ptr<MemoryStore> NewDisk() {
  auto clock = std::make_shared<int64_t>(1'700'000'000'000'000);
  return std::make_shared<MemoryStore>("memory://t/", [clock] { return ++*clock; });
}

std::string Content(Store& store, std::string_view path) {
  const auto bytes = store.Read(path);
  return bytes.ok() ? std::string(bytes->view()) : std::string("(none)");
}

// --- MeteredStore ------------------------------------------------------------------------------

TEST(MeteredStoreTest, CountsCallsWaitsAndRounds) {
  // Each reading of the clock is a microsecond later.
  int64_t now_ns = 0;
  const auto faults = std::make_shared<FaultStore>(NewDisk());
  MeteredStore store(faults, [&now_ns] { return now_ns += 1000; });
  OG_ASSERT_OK(store.Put("a", AsBytes("12345")));
  EXPECT_EQ(store.meter().num_rounds, 1u);

  PendingReads first = store.Submit({{"a", {0, 2}}, {"a", {3, 1}}});
  PendingReads second = store.Submit({{"a", {1, 2}}});
  OG_ASSERT_OK(first.Wait());
  OG_ASSERT_OK(store.Stat("a"));
  OG_ASSERT_OK(second.Wait());
  EXPECT_EQ(store.meter().num_rounds, 2u);  // all of these overlap

  OG_ASSERT_OK(store.Stat("a"));
  EXPECT_THAT(store.Stat("b"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(store.meter().num_rounds, 4u);
  {
    OG_ASSERT_OK_AND_ASSIGN(auto stream, store.OpenWrite("c"));
    OG_ASSERT_OK(stream->Append(AsBytes("123")));
    OG_ASSERT_OK(stream->Finish());
  }
  store.Submit({{"a", {0, 1}}});  // nobody waits: it is not under way any more
  const StoreMeter meter = store.meter();
  EXPECT_EQ(meter.num_rounds, 8u);
  EXPECT_EQ(meter.num_failed, 1u);
  EXPECT_EQ(meter.counts.reads(), 3u);
  EXPECT_EQ(meter.counts.bytes_read(), 5u);
  EXPECT_EQ(meter.counts.bytes_written(), 8u);
  EXPECT_EQ(meter.counts.calls_of(StoreCall::kStat), 3u);
  const auto wait_ns = [&meter](StoreCall call) {
    return meter.wait_ns[static_cast<size_t>(call)];
  };
  EXPECT_EQ(wait_ns(StoreCall::kPut), 1000);
  EXPECT_EQ(wait_ns(StoreCall::kStat), 3000);
  EXPECT_EQ(wait_ns(StoreCall::kReadRange), 5000);  // two that were waited for, one that was not
  EXPECT_EQ(wait_ns(StoreCall::kAppend), 1000);
  EXPECT_EQ(meter.total_wait_ns(), 12'000);

  const std::vector<std::string> paths = {"a", "b", "c"};
  const auto objects = ReadEach(store, paths);
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[2]->view(), "123");
  EXPECT_EQ(store.meter().num_rounds, 9u);  // together
  EXPECT_EQ(store.meter().num_failed, 2u);
  EXPECT_EQ(store.meter().counts.calls_of(StoreCall::kRead), 3u);
  OG_ASSERT_OK_AND_ASSIGN(const auto names, ListFirst(store, "", 1));
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].path, "a");
  EXPECT_EQ(store.meter().num_rounds, 10u);
  EXPECT_EQ(store.meter().counts.calls_of(StoreCall::kList), 1u);
}

// --- FaultStore --------------------------------------------------------------------------------

TEST(FaultStoreTest, StrikesTheNamedCallsOnly) {
  FaultStore store(NewDisk());
  store.Add({.call = StoreCall::kPut, .path_part = "b/", .nth = 2, .times = 2});
  OG_EXPECT_OK(store.Put("a/1", {}));
  OG_EXPECT_OK(store.Put("b/1", {}));
  EXPECT_THAT(store.Put("b/2", {}), StatusIs(absl::StatusCode::kUnavailable, "put of b/2"));
  OG_EXPECT_OK(store.Put("a/2", {}));
  OG_EXPECT_OK(store.Stat("b/1"));
  EXPECT_THAT(store.Put("b/3", {}), StatusIs(absl::StatusCode::kUnavailable));
  OG_EXPECT_OK(store.Put("b/4", {}));
  EXPECT_EQ(Content(store, "b/2"), "(none)");
  EXPECT_EQ(store.num_faults(), 2u);
}

TEST(FaultStoreTest, AnAnswerGetsLostAfterTheEffect) {
  FaultStore store(NewDisk());
  store.Add({.kind = Fault::Kind::kAfter,
             .call = StoreCall::kPutIfAbsent,
             .status = DeadlineExceededError("late")});
  EXPECT_THAT(store.PutIfAbsent("a", AsBytes("x")),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "late"));
  EXPECT_EQ(Content(store, "a"), "x");
}

TEST(FaultStoreTest, ReadsFailAndEndEarly) {
  FaultStore store(NewDisk());
  OG_ASSERT_OK(store.Put("a", AsBytes("123456")));
  store.Add({.call = StoreCall::kReadRange, .nth = 2});
  EXPECT_THAT(store.Submit({{"a", {0, 1}}, {"a", {0, 0}}, {"a", {1, 1}}}).Wait(),
              StatusIs(absl::StatusCode::kUnavailable));
  OG_EXPECT_OK(store.Submit({{"a", {0, 1}}}).Wait());
  store.Add({.kind = Fault::Kind::kTruncate, .call = StoreCall::kRead});
  EXPECT_EQ(Content(store, "a"), "123");
  EXPECT_EQ(Content(store, "a"), "123456");
}

TEST(FaultStoreTest, ACallbackInterleaves) {
  FaultStore store(NewDisk());
  store.Add({.kind = Fault::Kind::kCallback, .call = StoreCall::kPutIfAbsent, .action = [&store] {
               EXPECT_THAT(store.Put("v/1", AsBytes("theirs")), IsOk());
             }});
  EXPECT_THAT(store.PutIfAbsent("v/1", AsBytes("ours")),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST(FaultStoreTest, AStoppedStoreStaysStopped) {
  for (const bool takes_effect : {false, true}) {
    FaultStore store(NewDisk());
    OG_ASSERT_OK(store.Put("a", AsBytes("1")));
    const uint64_t before = store.num_changes();
    OG_ASSERT_OK(store.Put("b", AsBytes("1")));
    EXPECT_EQ(store.num_changes() - before, 1u);
    store.StopAtChange(2, takes_effect);
    OG_EXPECT_OK(store.Put("c", AsBytes("1")));
    OG_EXPECT_OK(store.Stat("c"));
    EXPECT_FALSE(store.is_stopped());
    EXPECT_FALSE(store.Put("d", AsBytes("1")).ok());
    EXPECT_TRUE(store.is_stopped());
    EXPECT_FALSE(store.Put("e", AsBytes("1")).ok());
    EXPECT_FALSE(store.Stat("a").ok());
    store.Clear();
    OG_ASSERT_OK_AND_ASSIGN(const auto infos, store.List("", {}));
    EXPECT_EQ(infos.size(), takes_effect ? 4u : 3u);
  }
}

TEST(FaultStoreTest, ChanceFollowsTheSeed) {
  std::set<std::string> runs;
  for (int round = 0; round < 4; ++round) {
    FaultStore store(NewDisk());
    store.FailRandomly(static_cast<uint64_t>(round / 2), 100);
    std::string run;
    for (int i = 0; i < 1000; ++i)
      run.push_back(store.Put(StrCat(i), {}).ok() ? '+' : '-');
    runs.insert(run);
    EXPECT_GT(store.num_faults(), 50u);
    EXPECT_LT(store.num_faults(), 150u);
    store.Clear();
    OG_ASSERT_OK_AND_ASSIGN(const auto infos, store.List("", {}));
    // Some of those that failed took effect.
    EXPECT_GT(infos.size(), static_cast<size_t>(std::count(run.begin(), run.end(), '+')));
  }
  EXPECT_EQ(runs.size(), 2u);
}

// --- CountingStore -----------------------------------------------------------------------------

TEST(CountingStoreTest, CountsCallsAndBytes) {
  CountingStore store(NewDisk());
  OG_ASSERT_OK(store.Put("a", AsBytes("123456")));
  const StoreCounts before = store.counts();
  OG_ASSERT_OK(store.Submit({{"a", {0, 2}}, {"a", {1, 0}}, {"a", {3, 3}}}).Wait());
  OG_ASSERT_OK(store.Read("a"));
  EXPECT_FALSE(store.Read("b").ok());
  OG_ASSERT_OK_AND_ASSIGN(auto stream, store.OpenWrite("c"));
  OG_ASSERT_OK(stream->Append(AsBytes("12")));
  OG_ASSERT_OK(stream->Finish());
  const StoreCounts counts = store.counts() - before;
  EXPECT_EQ(counts.Text(),
            "read_range 2 (5 bytes), read 2 (6 bytes), open_write 1, append 1 (2 bytes), finish 1");
  EXPECT_EQ(counts.reads(), 4u);
  EXPECT_EQ(counts.bytes_read(), 11u);
  EXPECT_EQ(counts.writes(), 1u);
  EXPECT_EQ(counts.bytes_written(), 2u);
}

// --- PowerLossStore ----------------------------------------------------------------------------

TEST(PowerLossTest, WhatIsSyncedSurvives) {
  PowerLossStore store(NewDisk(), Durability::kFull);
  OG_ASSERT_OK(store.Put("synced", AsBytes("1")));
  OG_ASSERT_OK_AND_ASSIGN(auto stream, store.OpenWrite("stream"));
  OG_ASSERT_OK(stream->Append(AsBytes("2")));
  OG_ASSERT_OK(stream->Finish());
  OG_ASSERT_OK(store.Sync(std::vector<std::string>{"synced", "stream"}, Durability::kFull));
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo created, store.PutIfAbsent("created", AsBytes("3")));
  OG_ASSERT_OK(store.PutIfMatch("created", AsBytes("4"), created.e_tag));
  EXPECT_TRUE(store.Unsynced().empty());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const PowerLoss loss : {PowerLoss::kNames, PowerLoss::kBytes, PowerLoss::kRandom}) {
      const auto left = store.AfterPowerLoss(loss, seed);
      EXPECT_EQ(Content(*left, "synced"), "1");
      EXPECT_EQ(Content(*left, "stream"), "2");
      EXPECT_EQ(Content(*left, "created"), "4");
      // Tokens are what they were.
      EXPECT_EQ(left->Stat("created")->e_tag, store.Stat("created")->e_tag);
    }
  }
}

TEST(PowerLossTest, WhatIsNotSyncedIsLost) {
  PowerLossStore store(NewDisk(), Durability::kFull);
  OG_ASSERT_OK(store.PutIfAbsent("old", AsBytes("old")));
  OG_ASSERT_OK(store.PutIfAbsent("deleted", AsBytes("d")));
  OG_ASSERT_OK(store.PutIfAbsent("p/moved", AsBytes("m")));
  OG_ASSERT_OK(store.PutIfAbsent("q/below", AsBytes("q")));
  OG_ASSERT_OK(store.Put("old", AsBytes("new")));
  OG_ASSERT_OK(store.Put("fresh", AsBytes("f")));
  OG_ASSERT_OK(store.Copy("old", "copy"));
  OG_ASSERT_OK(store.Delete("deleted"));
  OG_ASSERT_OK(store.Rename("p/moved", "p/target"));
  OG_ASSERT_OK(store.DeletePrefix("q"));
  EXPECT_EQ(store.Unsynced(), (std::vector<std::string>{"copy", "deleted", "fresh", "old",
                                                        "p/moved", "p/target", "q/below"}));

  const auto names = store.AfterPowerLoss(PowerLoss::kNames);
  EXPECT_EQ(Content(*names, "old"), "old");
  EXPECT_EQ(Content(*names, "fresh"), "(none)");
  EXPECT_EQ(Content(*names, "copy"), "(none)");
  EXPECT_EQ(Content(*names, "deleted"), "d");
  EXPECT_EQ(Content(*names, "p/moved"), "m");
  EXPECT_EQ(Content(*names, "p/target"), "(none)");
  EXPECT_EQ(Content(*names, "q/below"), "q");

  const auto bytes = store.AfterPowerLoss(PowerLoss::kBytes);
  EXPECT_EQ(Content(*bytes, "old"), "");
  EXPECT_EQ(Content(*bytes, "fresh"), "");
  EXPECT_EQ(Content(*bytes, "deleted"), "(none)");
  EXPECT_EQ(Content(*bytes, "p/target"), "m");  // its bytes were durable before
  EXPECT_EQ(Content(*bytes, "p/moved"), "(none)");

  // Undisturbed.
  EXPECT_EQ(Content(store, "old"), "new");
  EXPECT_EQ(Content(store, "p/target"), "m");
}

TEST(PowerLossTest, AFullPutCoversTheRemovalsOfItsFolder) {
  for (const Durability durability : {Durability::kFull, Durability::kData}) {
    PowerLossStore store(NewDisk(), durability);
    for (const char* const name : {"f/removed", "g/removed"}) {
      OG_ASSERT_OK(store.Put(name, AsBytes("r")));
      OG_ASSERT_OK(store.Sync(std::vector<std::string>{name}, Durability::kFull));
      OG_ASSERT_OK(store.Delete(name));
    }
    OG_ASSERT_OK(store.PutIfAbsent("f/made", AsBytes("m")));
    const auto left = store.AfterPowerLoss(PowerLoss::kNames);
    EXPECT_EQ(Content(*left, "f/removed"), durability == Durability::kFull ? "(none)" : "r");
    EXPECT_EQ(Content(*left, "g/removed"), "r");
  }
}

TEST(PowerLossTest, SyncedBytesAreNeverTornButTheirNamesMayGo) {
  PowerLossStore store(NewDisk(), Durability::kData);
  OG_ASSERT_OK(store.PutIfAbsent("a", AsBytes("aaaa")));
  OG_ASSERT_OK(store.Put("b", AsBytes("bbbb")));
  OG_ASSERT_OK(store.Sync(std::vector<std::string>{"b"}, Durability::kData));
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto left = store.AfterPowerLoss(PowerLoss::kRandom, seed);
    seen.insert(StrCat(Content(*left, "a"), " ", Content(*left, "b")));
  }
  EXPECT_EQ(seen,
            (std::set<std::string>{"aaaa bbbb", "aaaa (none)", "(none) bbbb", "(none) (none)"}));
}

TEST(PowerLossTest, WithoutDurabilityConditionalPutsAreLostOrTorn) {
  PowerLossStore store(NewDisk(), Durability::kNone);
  OG_ASSERT_OK(store.PutIfAbsent("a", AsBytes("aaaa")));
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    seen.insert(Content(*store.AfterPowerLoss(PowerLoss::kRandom, seed), "a"));
  }
  EXPECT_TRUE(seen.contains("aaaa"));
  EXPECT_TRUE(seen.contains("(none)"));
  EXPECT_TRUE(seen.contains("aa"));
  EXPECT_TRUE(seen.contains(std::string("aa\0\0", 4)));
}

TEST(PowerLossTest, ARenameIsKeptOrLostAsAWhole) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    PowerLossStore store(NewDisk(), Durability::kFull);
    OG_ASSERT_OK(store.PutIfAbsent("from", AsBytes("new")));
    OG_ASSERT_OK(store.PutIfAbsent("to", AsBytes("old")));
    OG_ASSERT_OK(store.Rename("from", "to"));
    const auto left = store.AfterPowerLoss(PowerLoss::kRandom, seed);
    const std::string state = StrCat(Content(*left, "from"), " ", Content(*left, "to"));
    EXPECT_TRUE(state == "new old" || state == "(none) new") << state;

    OG_ASSERT_OK(store.Sync(std::vector<std::string>{"to"}, Durability::kFull));
    const auto synced = store.AfterPowerLoss(PowerLoss::kRandom, seed);
    EXPECT_EQ(Content(*synced, "from"), "(none)");
    EXPECT_EQ(Content(*synced, "to"), "new");
  }
}

// A log of records, each acknowledged after its file is synced: whatever is lost, acknowledged
// records are there and whole. The same without the sync fails, so the model can tell.
TEST(PowerLossTest, TellsAProtocolThatForgetsToSync) {
  int num_lost = 0;
  for (const bool is_synced : {true, false}) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
      PowerLossStore store(NewDisk(), Durability::kFull);
      int num_acknowledged = 0;
      for (; num_acknowledged < 5; ++num_acknowledged) {
        const std::string path = StrCat("log/", num_acknowledged);
        OG_ASSERT_OK(store.Put(path, AsBytes("record")));
        if (!is_synced) continue;
        OG_ASSERT_OK(store.Sync(std::vector<std::string>{path}, Durability::kFull));
      }
      const auto left = store.AfterPowerLoss(PowerLoss::kRandom, tests::Seed() + seed);
      for (int i = 0; i < num_acknowledged; ++i) {
        const bool is_there = Content(*left, StrCat("log/", i)) == "record";
        EXPECT_TRUE(is_there || !is_synced);
        num_lost += is_there ? 0 : 1;
      }
    }
  }
  EXPECT_GT(num_lost, 50);
}

}  // namespace
}  // namespace og::io
