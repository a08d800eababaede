// The store contract of store.h, held by every store: memory, local files over io_uring and over
// threads, and memory behind the fault stores with no fault set.

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
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
#include "io/store/store.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

using tests::IsOk;
using tests::StatusIs;
using tests::TempDir;

// A store and the place in it that the test may use.
struct Subject {
  std::unique_ptr<TempDir> folder;
  std::shared_ptr<Store> store;
  std::string root;
};

Subject MemorySubject() {
  auto clock = std::make_shared<std::atomic<int64_t>>(1'700'000'000'000'000);
  return {nullptr, std::make_shared<MemoryStore>("memory://t/", [clock] { return ++*clock; }), "t"};
}

Subject FaultSubject() {
  Subject subject = MemorySubject();
  subject.store = std::make_shared<FaultStore>(std::make_shared<CountingStore>(subject.store));
  return subject;
}

Subject PowerLossSubject() {
  Subject subject = MemorySubject();
  subject.store = std::make_shared<PowerLossStore>(
      std::static_pointer_cast<MemoryStore>(subject.store), Durability::kFull);
  return subject;
}

Subject LocalSubject(LocalIo io) {
  Subject subject{.folder = std::make_unique<TempDir>(), .store = nullptr, .root = ""};
  subject.store = *LocalStore::Open({.durability = Durability::kData, .io = io});
  subject.root = subject.folder->path().substr(1);
  return subject;
}

struct Kind {
  std::string name;
  std::function<Subject()> make;

  friend void PrintTo(const Kind& kind, std::ostream* os) { *os << kind.name; }
};

class StoreContractTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { subject_ = GetParam().make(); }

  Store& store() { return *subject_.store; }
  std::string Path(std::string_view name) const {
    return name.empty() ? subject_.root : StrCat(subject_.root, "/", name);
  }

  std::string Content(std::string_view name) {
    const auto bytes = store().Read(Path(name));
    return bytes.ok() ? std::string(bytes->view()) : tests::DescribeStatus(bytes.status());
  }

  // The listed names below `prefix`, without the root.
  std::vector<std::string> Names(std::string_view prefix, ListOptions options = {}) {
    std::vector<std::string> names;
    const auto infos = store().List(Path(prefix), options);
    EXPECT_THAT(infos, IsOk());
    if (!infos.ok()) return names;
    for (const ObjectInfo& info : *infos)
      names.push_back(info.path.substr(subject_.root.size() + 1));
    return names;
  }

  Subject subject_;
};

TEST_P(StoreContractTest, PutThenReadAndStat) {
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo put, store().Put(Path("a/b/c"), AsBytes("hello")));
  EXPECT_EQ(put.path, Path("a/b/c"));
  EXPECT_EQ(put.size, 5u);
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo info, store().Stat(Path("a/b/c")));
  EXPECT_EQ(info.e_tag, put.e_tag);
  EXPECT_EQ(info.size, 5u);
  EXPECT_EQ(info.modified_us, put.modified_us);
  EXPECT_EQ(Content("a/b/c"), "hello");

  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo other, store().Put(Path("a/b/c"), AsBytes("world")));
  EXPECT_NE(other.e_tag, put.e_tag);
  EXPECT_EQ(Content("a/b/c"), "world");

  OG_ASSERT_OK(store().Put(Path("empty"), {}));
  EXPECT_EQ(Content("empty"), "");
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo empty, store().Stat(Path("empty")));
  EXPECT_EQ(empty.size, 0u);
}

TEST_P(StoreContractTest, MissingObjectsAndFoldersAreNotFound) {
  OG_ASSERT_OK(store().Put(Path("a/b"), AsBytes("x")));
  for (const char* name : {"a", "c", "a/b/c", "a/c"}) {
    EXPECT_THAT(store().Stat(Path(name)), StatusIs(absl::StatusCode::kNotFound, name));
    EXPECT_THAT(store().Read(Path(name)), StatusIs(absl::StatusCode::kNotFound, name));
    uint64_t size = 0;
    EXPECT_THAT(store().ReadTail(Path(name), 1, &size), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store().Submit({{Path(name), {0, 1}}}).Wait(),
                StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store().Rename(Path(name), Path("d")), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store().Copy(Path(name), Path("d")), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store().PutIfMatch(Path(name), AsBytes("y"), "1-2-3"),
                StatusIs(absl::StatusCode::kAborted));
  }
  EXPECT_THAT(store().Sync(std::vector<std::string>{Path("c")}, Durability::kFull),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(StoreContractTest, WrongPathsAreRefused) {
  for (const char* path : {"", "/", "/a", "a/", "a//b", "./a", "a/..", "../a", "a/./b"}) {
    EXPECT_THAT(store().Put(path, {}), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(store().Stat(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(store().OpenWrite(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(store().Delete(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(store().DeletePrefix(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
    EXPECT_THAT(store().Submit({{path, {0, 1}}}).Wait(),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << path;
  }
}

TEST_P(StoreContractTest, RangesComeInTheOrderOfTheRequests) {
  std::string text;
  for (int i = 0; i < 100'000; ++i)
    text.append(ZeroPadded(static_cast<uint64_t>(i), 6));
  OG_ASSERT_OK(store().Put(Path("numbers"), AsBytes(text)));
  OG_ASSERT_OK(store().Put(Path("letters"), AsBytes("abcdef")));

  std::mt19937_64 random(tests::Seed());
  std::vector<ReadRequest> requests;
  for (int i = 0; i < 500; ++i) {
    const uint64_t offset = random() % (text.size() + 1);
    const uint64_t length = random() % std::min<uint64_t>(text.size() - offset + 1, 5000);
    requests.push_back({Path("numbers"), {offset, length}, i % 2 == 0});
    if (i % 7 == 0) requests.push_back({Path("letters"), {2, 3}});
  }
  OG_ASSERT_OK_AND_ASSIGN(const std::vector<Buffer> buffers, store().Submit(requests).Wait());
  ASSERT_EQ(buffers.size(), requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const ByteRange& range = requests[i].range;
    const std::string_view whole =
        requests[i].path == Path("letters") ? std::string_view("abcdef") : text;
    EXPECT_EQ(buffers[i].view(), whole.substr(range.offset, range.length));
  }

  uint64_t size = 0;
  OG_ASSERT_OK_AND_ASSIGN(const Buffer tail, store().ReadTail(Path("letters"), 2, &size));
  EXPECT_EQ(tail.view(), "ef");
  EXPECT_EQ(size, 6u);
  OG_ASSERT_OK_AND_ASSIGN(const Buffer all, store().ReadTail(Path("letters"), 100, &size));
  EXPECT_EQ(all.view(), "abcdef");
}

TEST_P(StoreContractTest, RangesOutsideTheObjectAreRefused) {
  OG_ASSERT_OK(store().Put(Path("six"), AsBytes("abcdef")));
  for (const ByteRange& range : {ByteRange{0, 7},
                                 {6, 1},
                                 {7, 1},
                                 {UINT64_MAX, 1},
                                 {1, UINT64_MAX},
                                 {INT64_MAX, INT64_MAX},
                                 {0, uint64_t{1} << 60}}) {
    for (const bool is_immutable : {false, true}) {
      EXPECT_THAT(
          store().Submit({{Path("six"), {0, 6}}, {Path("six"), range, is_immutable}}).Wait(),
          StatusIs(absl::StatusCode::kOutOfRange, "six"))
          << range.offset << "+" << range.length;
    }
  }
}

TEST_P(StoreContractTest, ReadsThatNobodyWaitsForAreHarmless) {
  const std::string text(1 << 20, 'x');
  OG_ASSERT_OK(store().Put(Path("big"), AsBytes(text)));
  for (int i = 0; i < 50; ++i) {
    PendingReads dropped = store().Submit({{Path("big"), {0, text.size()}}});
  }
  PendingReads moved = store().Submit({{Path("big"), {0, text.size()}}});
  std::thread other([taken = std::move(moved), &text]() mutable {
    const auto buffers = taken.Wait();
    ASSERT_THAT(buffers, IsOk());
    EXPECT_EQ((*buffers)[0].view(), text);
  });
  other.join();
}

TEST_P(StoreContractTest, AReplacedObjectIsSeenByLaterReads) {
  OG_ASSERT_OK(store().Put(Path("a"), AsBytes("old")));
  OG_ASSERT_OK_AND_ASSIGN(auto before, store().Submit({{Path("a"), {0, 3}}}).Wait());
  OG_ASSERT_OK(store().Put(Path("a"), AsBytes("new")));
  OG_ASSERT_OK_AND_ASSIGN(auto after, store().Submit({{Path("a"), {0, 3}}}).Wait());
  EXPECT_EQ(before[0].view(), "old");
  EXPECT_EQ(after[0].view(), "new");
  OG_ASSERT_OK(store().Delete(Path("a")));
  EXPECT_THAT(store().Submit({{Path("a"), {0, 3}}}).Wait(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(StoreContractTest, AStreamIsInvisibleUntilItIsFinished) {
  std::string expected;
  OG_ASSERT_OK_AND_ASSIGN(auto stream, store().OpenWrite(Path("d/stream")));
  for (const size_t length : {1u, 0u, 1000u, 200'000u, 3u, 9'000'000u, 5u}) {
    const std::string part(length, static_cast<char>('a' + expected.size() % 26));
    OG_ASSERT_OK(stream->Append(AsBytes(part)));
    expected.append(part);
    EXPECT_EQ(stream->size(), expected.size());
  }
  EXPECT_TRUE(Names("d").empty());
  EXPECT_THAT(store().Stat(Path("d/stream")), StatusIs(absl::StatusCode::kNotFound));
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo info, stream->Finish());
  stream.reset();
  EXPECT_EQ(info.size, expected.size());
  EXPECT_TRUE(Content("d/stream") == expected);
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo found, store().Stat(Path("d/stream")));
  EXPECT_EQ(found.e_tag, info.e_tag);

  // Replacing through a stream; and one that is dropped leaves nothing.
  OG_ASSERT_OK_AND_ASSIGN(auto again, store().OpenWrite(Path("d/stream")));
  OG_ASSERT_OK(again->Append(AsBytes("short")));
  OG_ASSERT_OK(again->Finish());
  again.reset();
  EXPECT_EQ(Content("d/stream"), "short");
  OG_ASSERT_OK_AND_ASSIGN(auto dropped, store().OpenWrite(Path("d/dropped")));
  OG_ASSERT_OK(dropped->Append(AsBytes("nothing")));
  dropped.reset();
  EXPECT_EQ(Names("d"), std::vector<std::string>{"d/stream"});
}

TEST_P(StoreContractTest, PutIfAbsentNeverReplaces) {
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo won, store().PutIfAbsent(Path("v/1"), AsBytes("one")));
  EXPECT_THAT(store().PutIfAbsent(Path("v/1"), AsBytes("two")),
              StatusIs(absl::StatusCode::kAlreadyExists, "v/1"));
  EXPECT_EQ(Content("v/1"), "one");
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo info, store().Stat(Path("v/1")));
  EXPECT_EQ(info.e_tag, won.e_tag);
  EXPECT_EQ(Names("v"), std::vector<std::string>{"v/1"});
}

TEST_P(StoreContractTest, OfManyRacingCreatorsExactlyOneWins) {
  for (int round = 0; round < 5; ++round) {
    const std::string name = StrCat("race/", round);
    std::atomic<int> num_winners = 0, num_losers = 0, winner = -1;
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; ++i) {
      threads.emplace_back([&, i] {
        const auto result = store().PutIfAbsent(Path(name), AsBytes(StrCat("writer ", i)));
        if (result.ok()) {
          ++num_winners;
          winner = i;
        } else if (absl::IsAlreadyExists(result.status())) {
          ++num_losers;
        }
      });
    }
    for (std::thread& thread : threads)
      thread.join();
    EXPECT_EQ(num_winners, 1);
    EXPECT_EQ(num_losers, 63);
    EXPECT_EQ(Content(name), StrCat("writer ", winner.load()));
  }
  EXPECT_EQ(Names("race").size(), 5u);
}

TEST_P(StoreContractTest, PutIfMatchComparesTokens) {
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo one, store().Put(Path("s"), AsBytes("one")));
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo two,
                          store().PutIfMatch(Path("s"), AsBytes("two"), one.e_tag));
  EXPECT_THAT(store().PutIfMatch(Path("s"), AsBytes("xxx"), one.e_tag),
              StatusIs(absl::StatusCode::kAborted, "s"));
  EXPECT_EQ(Content("s"), "two");
  OG_ASSERT_OK(store().PutIfMatch(Path("s"), AsBytes("three"), ContentToken(AsBytes("two"))));
  EXPECT_THAT(store().PutIfMatch(Path("s"), AsBytes("xxx"), ContentToken(AsBytes("two"))),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(store().PutIfMatch(Path("s"), AsBytes("xxx"), two.e_tag),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(Content("s"), "three");
  EXPECT_EQ(Names("").size(), 1u);
}

TEST_P(StoreContractTest, TokensNeverComeBack) {
  // Replacing frees the inode of the old file at once, and the same size within one clock tick
  // must still give another token.
  OG_ASSERT_OK_AND_ASSIGN(ObjectInfo info, store().Put(Path("s"), AsBytes("0")));
  std::vector<std::string> tokens = {info.e_tag};
  for (int i = 1; i < 200; ++i) {
    const std::string text = StrCat(i % 10);
    OG_ASSERT_OK_AND_ASSIGN(info, i % 3 == 0
                                      ? store().Put(Path("s"), AsBytes(text))
                                      : store().PutIfMatch(Path("s"), AsBytes(text), info.e_tag));
    tokens.push_back(info.e_tag);
  }
  std::sort(tokens.begin(), tokens.end());
  EXPECT_EQ(std::adjacent_find(tokens.begin(), tokens.end()), tokens.end());
}

// Adds one to the number in an object `count` times by PutIfMatch; the number of lost attempts.
void CountUp(Store& store, const std::string& path, int count) {
  for (int i = 0; i < count;) {
    const auto bytes = store.Read(path);
    ASSERT_THAT(bytes, IsOk());
    const uint64_t value = ParseUint64(bytes->view()).value();
    const auto put =
        store.PutIfMatch(path, AsBytes(StrCat(value + 1)), ContentToken(bytes->span()));
    if (put.ok()) {
      ++i;
    } else {
      ASSERT_THAT(put, StatusIs(absl::StatusCode::kAborted));
    }
  }
}

TEST_P(StoreContractTest, RacingPutIfMatchLosesNoUpdate) {
  OG_ASSERT_OK(store().Put(Path("counter"), AsBytes("0")));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] { CountUp(store(), Path("counter"), 25); });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(Content("counter"), "200");
  EXPECT_EQ(Names("").size(), 1u);
}

TEST_P(StoreContractTest, AConcurrentReplaceIsNeverSeenTorn) {
  const auto text_of = [](int i) {
    return std::string(static_cast<size_t>(50'000 + i * 1000), static_cast<char>('a' + i % 26));
  };
  OG_ASSERT_OK(store().Put(Path("o"), AsBytes(text_of(0))));
  std::atomic<bool> is_done = false;
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      while (!is_done) {
        std::string seen;
        if (r == 0) {
          const auto bytes = store().Read(Path("o"));
          ASSERT_THAT(bytes, IsOk());
          seen = bytes->view();
          ASSERT_EQ(seen.size(), 50'000u + static_cast<size_t>(seen[0] - 'a') * 1000);
        } else {
          const auto parts = store().Submit({{Path("o"), {10, 49'000}}}).Wait();
          ASSERT_THAT(parts, IsOk());
          seen = (*parts)[0].view();
        }
        ASSERT_EQ(seen.find_first_not_of(seen[0]), std::string::npos);
      }
    });
  }
  for (int i = 1; i < 150; ++i) {
    EXPECT_THAT(store().Put(Path("o"), AsBytes(text_of(i % 26))), IsOk());
  }
  is_done = true;
  for (std::thread& reader : readers)
    reader.join();
}

TEST_P(StoreContractTest, ListsInOrderAndWithoutSiblings) {
  for (const char* name : {"t/b", "t/a", "t/a.x", "t/a/2", "t/a/10", "t2/c", "t", "s/z", "t/a/b/c",
                           "t/#", "t/x#y", "t/x#12y", "t/hidden#12", "u"}) {
    // Where "t/a" is an object it cannot also be a folder on a file system: skip what collides.
    if (std::string_view(name) == "t" || std::string_view(name) == "t/a") continue;
    OG_ASSERT_OK(store().Put(Path(name), AsBytes(name)));
  }
  const std::vector<std::string> all = {"t/#",     "t/a.x", "t/a/10",  "t/a/2",
                                        "t/a/b/c", "t/b",   "t/x#12y", "t/x#y"};
  EXPECT_EQ(Names("t"), all);
  EXPECT_EQ(Names("t", {.recursive = false}),
            (std::vector<std::string>{"t/#", "t/a.x", "t/b", "t/x#12y", "t/x#y"}));
  EXPECT_EQ(Names("t/a", {.recursive = false}), (std::vector<std::string>{"t/a/10", "t/a/2"}));
  EXPECT_TRUE(Names("nothing").empty());
  EXPECT_TRUE(Names("u").empty());
  OG_ASSERT_OK_AND_ASSIGN(const auto infos, store().List(Path("t/a"), {}));
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo info, store().Stat(Path("t/a/10")));
  EXPECT_EQ(infos[0].e_tag, info.e_tag);
  EXPECT_EQ(infos[0].size, 6u);
  EXPECT_EQ(infos[0].modified_us, info.modified_us);
}

TEST_P(StoreContractTest, DeleteIsIdempotentAndExact) {
  for (const char* name : {"d/x/1", "d/x/2/3", "d/x2", "d/y"}) {
    OG_ASSERT_OK(store().Put(Path(name), AsBytes("x")));
  }
  OG_EXPECT_OK(store().Delete(Path("d/none")));
  OG_EXPECT_OK(store().Delete(Path("none/at/all")));
  OG_EXPECT_OK(store().Delete(Path("d/x")));  // a folder is not an object
  OG_EXPECT_OK(store().Delete(Path("d/y")));
  OG_EXPECT_OK(store().Delete(Path("d/y")));
  OG_EXPECT_OK(store().Delete(Path("d/y/below")));
  EXPECT_EQ(Names("d"), (std::vector<std::string>{"d/x/1", "d/x/2/3", "d/x2"}));
  OG_EXPECT_OK(store().DeletePrefix(Path("d/x2")));  // an object is not a folder
  OG_EXPECT_OK(store().DeletePrefix(Path("d/x")));
  OG_EXPECT_OK(store().DeletePrefix(Path("d/x")));
  OG_EXPECT_OK(store().DeletePrefix(Path("none/at/all")));
  EXPECT_EQ(Names("d"), std::vector<std::string>{"d/x2"});
  OG_ASSERT_OK(store().Put(Path("d/x/1"), AsBytes("again")));
  OG_ASSERT_OK(store().Sync(std::vector<std::string>{Path("d/x/1")}, Durability::kFull));
  EXPECT_EQ(Content("d/x/1"), "again");
}

TEST_P(StoreContractTest, RenameAndCopyReplaceTheirTarget) {
  OG_ASSERT_OK(store().Put(Path("from"), AsBytes("content")));
  OG_ASSERT_OK(store().Copy(Path("from"), Path("new/folder/copy")));
  EXPECT_EQ(Content("new/folder/copy"), "content");
  EXPECT_EQ(Content("from"), "content");
  OG_ASSERT_OK(store().Put(Path("target"), AsBytes("other")));
  OG_ASSERT_OK(store().Copy(Path("from"), Path("target")));
  EXPECT_EQ(Content("target"), "content");
  OG_ASSERT_OK(store().Put(Path("target"), AsBytes("other")));
  OG_ASSERT_OK(store().Rename(Path("from"), Path("target")));
  EXPECT_EQ(Content("target"), "content");
  OG_ASSERT_OK(store().Rename(Path("target"), Path("deep/er/moved")));
  OG_ASSERT_OK(store().Rename(Path("deep/er/moved"), Path("deep/er/moved")));
  EXPECT_EQ(Names(""), (std::vector<std::string>{"deep/er/moved", "new/folder/copy"}));
}

TEST_P(StoreContractTest, SyncsManyObjectsAtOnce) {
  std::vector<std::string> paths;
  for (int i = 0; i < 40; ++i) {
    paths.push_back(Path(StrCat("s/", i % 5, "/", i)));
    OG_ASSERT_OK(store().Put(paths.back(), AsBytes("x")));
  }
  paths.push_back(paths.front());
  for (const Durability durability : {Durability::kFull, Durability::kData, Durability::kNone}) {
    OG_EXPECT_OK(store().Sync(paths, durability));
  }
  OG_EXPECT_OK(store().Sync({}, Durability::kFull));
}

TEST_P(StoreContractTest, LocationsNameTheirObjects) {
  const Location root{subject_.store, subject_.root};
  EXPECT_EQ(root.Child("a/b").path, Path("a/b"));
  EXPECT_EQ(root.Child("a").Child("b").Uri(), StrCat(store().scheme_root(), Path("a/b")));
  EXPECT_EQ((Location{subject_.store, ""}).Child("a").path, "a");
  EXPECT_EQ(root.Child("").path, subject_.root);
}

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContractTest,
    testing::Values(Kind{"Memory", MemorySubject}, Kind{"Fault", FaultSubject},
                    Kind{"PowerLoss", PowerLossSubject},
                    Kind{"LocalUring", [] { return LocalSubject(LocalIo::kUring); }},
                    Kind{"LocalThreads", [] { return LocalSubject(LocalIo::kThreads); }}),
    [](const auto& param) { return param.param.name; });

TEST(LocalProcessesTest, RacingPutIfMatchOfProcessesLosesNoUpdate) {
  const TempDir folder;
  const std::string path = folder.Child("counter").substr(1);
  tests::WriteFile(folder.Child("counter"), "0");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const auto store = *LocalStore::Open({.durability = Durability::kNone});
      CountUp(*store, path, 50);
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
