// The fetch planner: merged reads contain their ranges and stay within bounds, bytes come back in
// the order of the ranges whatever was merged, split or cached, and the number of requests is what
// the options say.

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "io/base/text.h"
#include "io/fault/counting_store.h"
#include "io/fault/fault_store.h"
#include "io/fetch/fetcher.h"
#include "io/fetch/merge.h"
#include "io/memory/memory_store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::io {
namespace {

using tests::StatusIs;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// --- merging -----------------------------------------------------------------------------------

std::string MergeText(const std::vector<ObjectRange>& ranges, uint64_t max_bytes, uint64_t gap) {
  const MergedRanges merged = MergeRanges(ranges, max_bytes, [gap](size_t) { return gap; });
  std::string text;
  for (const ObjectRange& read : merged.reads) {
    text.append(StrCat(read.object, ":", read.range.offset, "+", read.range.length, " "));
  }
  for (const size_t read : merged.read_of_range)
    text.append(StrCat(read));
  return text;
}

TEST(MergeTest, JoinsNeighboursWithinTheGap) {
  EXPECT_EQ(MergeText({}, 100, 10), "");
  EXPECT_EQ(MergeText({{0, {0, 10}}, {0, {20, 10}}, {0, {41, 1}}}, 100, 10), "0:0+30 0:41+1 001");
  EXPECT_EQ(MergeText({{0, {41, 1}}, {0, {0, 10}}, {0, {20, 10}}}, 100, 10), "0:0+30 0:41+1 100");
  EXPECT_EQ(MergeText({{0, {0, 10}}, {1, {10, 10}}, {0, {10, 5}}}, 100, 0), "0:0+15 1:10+10 010");
  EXPECT_EQ(MergeText({{0, {0, 50}}, {0, {10, 5}}, {0, {50, 51}}}, 100, 0), "0:0+50 0:50+51 001");
  EXPECT_EQ(MergeText({{0, {0, 500}}, {0, {10, 5}}}, 100, 0), "0:0+500 00");
}

TEST(MergeTest, CountsWhatWasMerged) {
  const MergedRanges merged =
      MergeRanges({{0, {0, 10}}, {0, {20, 10}}, {0, {25, 10}}, {0, {46, 1}}, {1, {46, 1}}}, 100,
                  [](size_t) { return uint64_t{10}; });
  EXPECT_EQ(merged.reads.size(), 3u);
  EXPECT_EQ(merged.merged_ranges, 2u);
  EXPECT_EQ(merged.merged_bytes, 20u);
  EXPECT_EQ(merged.gap_bytes, 10u);
}

TEST(MergeTest, EveryRangeLiesInItsRead) {
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 300; ++round) {
    const uint64_t max_bytes = 1 + random() % 300;
    const uint64_t gap = random() % 50;
    std::vector<ObjectRange> ranges;
    for (uint64_t n = random() % 40; n > 0; --n) {
      ranges.push_back({random() % 3, {random() % 1000, 1 + random() % 100}});
    }
    const MergedRanges merged = MergeRanges(ranges, max_bytes, [gap](size_t) { return gap; });
    for (size_t i = 0; i < ranges.size(); ++i) {
      const ObjectRange& read = merged.reads[merged.read_of_range[i]];
      const ByteRange& range = ranges[i].range;
      ASSERT_EQ(read.object, ranges[i].object);
      ASSERT_LE(read.range.offset, range.offset);
      ASSERT_GE(read.range.offset + read.range.length, range.offset + range.length);
      ASSERT_LE(read.range.length, std::max<uint64_t>(max_bytes, 100));
    }
  }
}

// --- fetching ----------------------------------------------------------------------------------

// Memory that passes for a store behind a network.
class RemoteStore : public HookedStore {
 public:
  explicit RemoteStore(std::shared_ptr<Store> base) : HookedStore(std::move(base)) {}
  bool is_local() const override { return false; }
};

class FetcherTest : public testing::Test {
 protected:
  FetcherTest() {
    std::mt19937_64 random(tests::Seed());
    for (const char* name : {"a", "b"}) {
      std::string& text = texts_.emplace_back(300'000 + random() % 1000, ' ');
      for (char& c : text)
        c = static_cast<char>(random());
      EXPECT_TRUE(disk_->Put(name, AsBytes(text)).ok());
    }
  }

  FetchObject Object(size_t i, bool has_identity = true) const {
    const std::string name(1, static_cast<char>('a' + i));
    return {.location = {store_, name},
            .identity = has_identity ? name : std::string(),
            .size = texts_[i].size()};
  }

  uint64_t NumReads() const { return counting_->counts().reads(); }

  std::shared_ptr<MemoryStore> disk_ =
      std::make_shared<MemoryStore>("memory://t/", [] { return int64_t{1}; });
  std::shared_ptr<CountingStore> counting_ = std::make_shared<CountingStore>(disk_);
  std::shared_ptr<FaultStore> faults_ = std::make_shared<FaultStore>(counting_);
  std::shared_ptr<Store> store_ = std::make_shared<RemoteStore>(faults_);
  std::vector<std::string> texts_;
};

TEST_F(FetcherTest, GivesTheBytesOfEveryRangeUnderAllOptions) {
  std::mt19937_64 random(tests::Seed());
  const auto budget = MemoryBudget::NewRoot("memory", 64 * kMiB);
  for (int round = 0; round < 60; ++round) {
    FetchOptions options;
    options.max_request_bytes = 1 + random() % 100'000;
    options.max_bytes_in_flight = random() % 400'000;
    if (random() % 2 == 0) options.merge_gap_bytes = random() % 10'000;
    if (random() % 2 == 0) options.memory = budget;
    if (random() % 3 != 0) options.cache = std::make_shared<PageCache>(budget, 8 * kMiB);
    const Fetcher fetcher(options);

    std::vector<PendingFetch> pending;
    std::vector<std::vector<FetchRequest>> submitted;
    for (int batch = 0; batch < 4; ++batch) {
      std::vector<FetchRequest> requests;
      for (uint64_t n = random() % 4; n > 0; --n) {
        const size_t i = random() % 2;
        FetchRequest& request = requests.emplace_back();
        request.object = Object(i, random() % 4 != 0);
        for (uint64_t r = random() % 10; r > 0; --r) {
          const uint64_t offset = random() % (texts_[i].size() + 1);
          const uint64_t limit = random() % 3 == 0 ? 200'000 : 3000;
          const uint64_t length = random() % std::min(limit, texts_[i].size() - offset + 1);
          request.ranges.push_back({offset, length});
        }
      }
      submitted.push_back(requests);
      pending.push_back(fetcher.Submit(std::move(requests)));
    }
    for (size_t batch = 4; batch-- > 0;) {
      OG_ASSERT_OK_AND_ASSIGN(const std::vector<Buffer> buffers, pending[batch].Wait());
      size_t next = 0;
      for (const FetchRequest& request : submitted[batch]) {
        const std::string_view text = texts_[request.object.location.path == "a" ? 0 : 1];
        for (const ByteRange& range : request.ranges) {
          ASSERT_EQ(buffers[next++].view(), text.substr(range.offset, range.length));
        }
      }
      ASSERT_EQ(next, buffers.size());
    }
  }
  EXPECT_EQ(budget->used(), 0u);
}

TEST_F(FetcherTest, MergesByTheGapOfTheBackend) {
  const std::vector<ByteRange> ranges = {{0, 10}, {5000, 10}, {100'000, 10}};
  const Fetcher remote;
  OG_ASSERT_OK(remote.Submit(Object(0), ranges).Wait());
  EXPECT_EQ(NumReads(), 2u);
  EXPECT_EQ(remote.counters().requests, 2u);
  EXPECT_EQ(remote.counters().ranges, 3u);
  EXPECT_EQ(remote.counters().bytes_requested, 30u);
  EXPECT_EQ(remote.counters().bytes_read, 5020u);

  const Fetcher local;
  OG_ASSERT_OK(local.Submit(Location{counting_, "a"}, ranges).Wait());
  EXPECT_EQ(NumReads(), 2u + 3u);
}

TEST_F(FetcherTest, SplitsLongRanges) {
  FetchOptions options;
  options.max_request_bytes = 100'000;
  const Fetcher fetcher(options);
  OG_ASSERT_OK_AND_ASSIGN(const auto buffers, fetcher.Submit(Object(0), {{10, 250'000}}).Wait());
  EXPECT_EQ(buffers[0].view(), std::string_view(texts_[0]).substr(10, 250'000));
  EXPECT_EQ(NumReads(), 3u);
}

TEST_F(FetcherTest, ACachedRangeCostsNoRequest) {
  const auto budget = MemoryBudget::NewRoot("memory", 64 * kMiB);
  FetchOptions options;
  options.cache = std::make_shared<PageCache>(budget, 8 * kMiB);
  const Fetcher fetcher(options);
  const uint64_t end = texts_[0].size();
  const std::vector<ByteRange> ranges = {{100, 10}, {kCachePageBytes - 5, 10}, {end - 7, 7}};
  OG_ASSERT_OK(fetcher.Submit(Object(0), ranges).Wait());
  const uint64_t cold = NumReads();
  EXPECT_EQ(cold, 2u);
  OG_ASSERT_OK_AND_ASSIGN(const auto again, fetcher.Submit(Object(0), ranges).Wait());
  EXPECT_EQ(again[1].view(), std::string_view(texts_[0]).substr(kCachePageBytes - 5, 10));
  EXPECT_EQ(again[2].view(), std::string_view(texts_[0]).substr(end - 7));
  EXPECT_EQ(NumReads(), cold);
  EXPECT_EQ(fetcher.counters().cached_pages, 4u);
  // Another object, an object without identity, and one that is local are not there.
  OG_ASSERT_OK(fetcher.Submit(Object(1), {{100, 10}}).Wait());
  OG_ASSERT_OK(fetcher.Submit(Object(0, false), {{100, 10}}).Wait());
  OG_ASSERT_OK(fetcher.Submit(FetchObject{{counting_, "a"}, "a", end}, {{100, 10}}).Wait());
  EXPECT_EQ(NumReads(), cold + 3);
}

TEST_F(FetcherTest, ReportsErrors) {
  const Fetcher fetcher;
  EXPECT_THAT(fetcher.Submit(Object(0), {{0, 1}, {UINT64_MAX, 2}}).Wait(),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(fetcher.Submit(Object(0), {{texts_[0].size(), 1}}).Wait(),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(fetcher.Submit(Location{store_, "none"}, {{0, 1}}).Wait(),
              StatusIs(absl::StatusCode::kNotFound));
  faults_->Add({.call = StoreCall::kReadRange, .path_part = "b"});
  EXPECT_THAT(fetcher.Submit({{Object(0), {{0, 1}}}, {Object(1), {{0, 1}}}}).Wait(),
              StatusIs(absl::StatusCode::kUnavailable));
  OG_ASSERT_OK_AND_ASSIGN(const auto none, fetcher.Submit({}).Wait());
  EXPECT_TRUE(none.empty());
}

TEST_F(FetcherTest, BudgetsDelayButNeverDeadlock) {
  FetchOptions options;
  options.max_bytes_in_flight = 1000;
  options.memory = MemoryBudget::NewRoot("fetch", 2000);
  const Fetcher fetcher(options);
  PendingFetch first = fetcher.Submit(Object(0), {{0, 900}});
  PendingFetch second = fetcher.Submit(Object(0), {{0, 900}});
  PendingFetch too_much = fetcher.Submit(Object(0), {{0, 1500}});
  EXPECT_EQ(fetcher.counters().requests, 1u);
  OG_EXPECT_OK(second.Wait());  // though the first is still under way
  EXPECT_EQ(fetcher.counters().requests, 2u);
  EXPECT_THAT(too_much.Wait(), StatusIs(absl::StatusCode::kResourceExhausted, "\"fetch\""));
  OG_EXPECT_OK(first.Wait());
  OG_EXPECT_OK(fetcher.Submit(Object(0), {{0, 1500}}).Wait());
  { const PendingFetch dropped = fetcher.Submit(Object(0), {{0, 900}}); }
  EXPECT_EQ(options.memory->used(), 0u);
}

TEST_F(FetcherTest, ServesSeveralThreads) {
  const auto budget = MemoryBudget::NewRoot("memory", kMiB);
  FetchOptions options;
  options.cache = std::make_shared<PageCache>(budget, kMiB);
  const Fetcher fetcher(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(tests::Seed() + static_cast<uint64_t>(t));
      for (int i = 0; i < 200; ++i) {
        const uint64_t offset = random() % 290'000;
        const auto buffers = fetcher.Submit(Object(0), {{offset, 5000}}).Wait();
        ASSERT_TRUE(buffers.ok());
        ASSERT_EQ((*buffers)[0].view(), std::string_view(texts_[0]).substr(offset, 5000));
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

// --- page cache --------------------------------------------------------------------------------

TEST(PageCacheTest, ForgetsTheLeastRecentlyUsed) {
  const auto budget = MemoryBudget::NewRoot("memory", 64 * kMiB);
  PageCache cache(budget, 16 * 10 * kCachePageBytes);  // ten pages in each of the 16 shards
  const std::vector<std::byte> page(kCachePageBytes);
  cache.Add("object", 0, page);
  for (uint64_t i = 1; i < 1000; ++i) {
    ASSERT_FALSE(cache.Find("object", 0).empty());  // used all the time
    cache.Add("object", i, page);
  }
  EXPECT_LE(cache.used_bytes(), 160 * kCachePageBytes);
  EXPECT_GE(cache.used_bytes(), 100 * kCachePageBytes);
  EXPECT_EQ(budget->used(), cache.used_bytes());
  EXPECT_FALSE(cache.Find("object", 999).empty());
  EXPECT_TRUE(cache.Find("object", 1).empty());
  EXPECT_TRUE(cache.Find("other", 0).empty());
}

TEST(PageCacheTest, GivesMemoryBackToOthers) {
  const auto budget = MemoryBudget::NewRoot("memory", 100 * kCachePageBytes);
  PageCache cache(budget, 1600 * kCachePageBytes);
  const std::vector<std::byte> page(kCachePageBytes);
  for (uint64_t i = 0; i < 300; ++i)
    cache.Add("object", i, page);
  EXPECT_GT(cache.used_bytes(), 50 * kCachePageBytes);
  {
    OG_ASSERT_OK_AND_ASSIGN(const auto work, budget->Reserve(90 * kCachePageBytes));
    EXPECT_LE(cache.used_bytes(), 10 * kCachePageBytes);
  }
  EXPECT_EQ(budget->used(), cache.used_bytes());
}

}  // namespace
}  // namespace og::io
