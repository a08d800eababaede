#include "tests/store_contract/contract_suite.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "io/base/text.h"
#include "io/store/far_calls.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"

namespace og::io {

using tests::IsOk;
using tests::StatusIs;

std::string StoreKindName(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

void CountUp(Store& store, const std::string& path, int count, bool by_content) {
  for (int i = 0; i < count;) {
    // The token before the bytes: replaced between, the put is refused.
    const auto info = store.Stat(path);
    ASSERT_THAT(info, IsOk());
    const auto bytes = store.Read(path);
    ASSERT_THAT(bytes, IsOk());
    const uint64_t value = ParseUint64(bytes->view()).value();
    const auto put = store.PutIfMatch(path, AsBytes(StrCat(value + 1)),
                                      by_content ? ContentToken(bytes->span()) : info->e_tag);
    if (put.ok()) {
      ++i;
    } else {
      ASSERT_THAT(put, StatusIs(absl::StatusCode::kAborted));
    }
  }
}

std::string StoreContractTest::Path(std::string_view name) const {
  return name.empty() ? subject_.root : StrCat(subject_.root, "/", name);
}

std::string StoreContractTest::Content(std::string_view name) {
  const auto bytes = store().Read(Path(name));
  return bytes.ok() ? std::string(bytes->view()) : tests::DescribeStatus(bytes.status());
}

std::vector<std::string> StoreContractTest::Names(std::string_view prefix, ListOptions options) {
  std::vector<std::string> names;
  const auto infos = store().List(Path(prefix), options);
  EXPECT_THAT(infos, IsOk());
  if (!infos.ok()) return names;
  for (const ObjectInfo& info : *infos)
    names.push_back(info.path.substr(subject_.root.size() + 1));
  return names;
}

std::vector<std::string> StoreContractTest::FirstNames(std::string_view prefix, size_t limit) {
  std::vector<std::string> names;
  const auto infos = ListFirst(store(), Path(prefix), limit);
  EXPECT_THAT(infos, IsOk());
  if (!infos.ok()) return names;
  for (const ObjectInfo& info : *infos)
    names.push_back(info.path.substr(subject_.root.size() + 1));
  return names;
}

int StoreContractTest::Scaled(int times) const {
  return std::max(2, times * static_cast<int>(GetParam().percent_of_work) / 100);
}

void StoreContractTest::PutAll(const std::vector<std::string>& names) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      for (size_t j; (j = next++) < names.size();)
        EXPECT_THAT(store().Put(Path(names[j]), AsBytes("x")), IsOk());
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

// --- objects, ranges, streams --------------------------------------------------------------------

TEST_P(StoreContractTest, PutThenReadAndStat) {
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo put, store().Put(Path("a/b/c"), AsBytes("hello")));
  EXPECT_EQ(put.path, Path("a/b/c"));
  EXPECT_EQ(put.size, 5u);
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo info, store().Stat(Path("a/b/c")));
  EXPECT_EQ(info.e_tag, put.e_tag);
  EXPECT_EQ(info.size, 5u);
  if (GetParam().puts_know_their_time) {
    EXPECT_EQ(info.modified_us, put.modified_us);
  }
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
  if (store().is_local()) {  // elsewhere there is nothing to sync
    EXPECT_THAT(store().Sync(std::vector<std::string>{Path("c")}, Durability::kFull),
                StatusIs(absl::StatusCode::kNotFound));
  }
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
  for (int i = 0; i < Scaled(500); ++i) {
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
  for (int i = 0; i < Scaled(50); ++i) {
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

// --- conditional puts --------------------------------------------------------------------------

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
  const int num_rounds = Scaled(5);
  for (int round = 0; round < num_rounds; ++round) {
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
  EXPECT_EQ(Names("race").size(), static_cast<size_t>(num_rounds));
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
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo three, store().Stat(Path("s")));
  OG_ASSERT_OK(store().Delete(Path("s")));
  EXPECT_THAT(store().PutIfMatch(Path("s"), AsBytes("xxx"), three.e_tag),
              StatusIs(absl::StatusCode::kAborted, "s"));
  EXPECT_TRUE(Names("").empty());
  OG_ASSERT_OK(store().Put(Path("s"), AsBytes("three")));
  EXPECT_EQ(Names("").size(), 1u);
}

TEST_P(StoreContractTest, TokensNeverComeBack) {
  if (!GetParam().tokens_never_return) GTEST_SKIP() << "the token of this store is a hash";
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

TEST_P(StoreContractTest, RacingPutIfMatchLosesNoUpdate) {
  OG_ASSERT_OK(store().Put(Path("counter"), AsBytes("0")));
  const int count = Scaled(25);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] { CountUp(store(), Path("counter"), count, i % 2 == 0); });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(Content("counter"), StrCat(8 * count));
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
  for (int i = 1; i < Scaled(150); ++i) {
    EXPECT_THAT(store().Put(Path("o"), AsBytes(text_of(i % 26))), IsOk());
  }
  is_done = true;
  for (std::thread& reader : readers)
    reader.join();
}

// --- names -------------------------------------------------------------------------------------

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

  const std::vector<std::string> direct = Names("t", {.recursive = false});
  for (size_t limit = 0; limit <= direct.size() + 1; ++limit) {
    const size_t count = std::min(limit, direct.size());
    EXPECT_EQ(FirstNames("t", limit),
              std::vector<std::string>(direct.begin(), direct.begin() + static_cast<int>(count)));
  }
  EXPECT_TRUE(FirstNames("nothing", 2).empty());
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
  OG_ASSERT_OK(store().Copy(Path("target"), Path("target")));
  EXPECT_EQ(Content("target"), "content");
  OG_ASSERT_OK(store().Put(Path("target"), AsBytes("other")));
  OG_ASSERT_OK(store().Rename(Path("from"), Path("target")));
  EXPECT_EQ(Content("target"), "content");
  OG_ASSERT_OK(store().Rename(Path("target"), Path("deep/er/moved")));
  OG_ASSERT_OK(store().Rename(Path("deep/er/moved"), Path("deep/er/moved")));
  EXPECT_EQ(Names(""), (std::vector<std::string>{"deep/er/moved", "new/folder/copy"}));
}

TEST_P(StoreContractTest, ListsOfManyPagesAreWhole) {
  std::vector<std::string> names;
  for (size_t i = 0; i < GetParam().names_of_pages; ++i) {
    names.push_back(StrCat("p/", ZeroPadded(i, 5), i % 3 == 0 ? "/x" : ""));
  }
  const std::vector<std::string> siblings = {"p-1", "p.1", "p0/1", "q"};
  PutAll(names);
  PutAll(siblings);
  EXPECT_EQ(Names("p"), names);
  EXPECT_EQ(Names("p", {.recursive = true, .with_info = false}), names);
  std::vector<std::string> direct = names;
  std::erase_if(direct, [](const std::string& name) { return name.ends_with("/x"); });
  EXPECT_EQ(Names("p", {.recursive = false}), direct);
  direct.resize(direct.size() - 2);
  EXPECT_EQ(FirstNames("p", direct.size()), direct);

  OG_ASSERT_OK(store().DeletePrefix(Path("p")));
  EXPECT_TRUE(Names("p").empty());
  EXPECT_EQ(Names(""), siblings);
}

TEST_P(StoreContractTest, OddNamesAreNames) {
  const std::vector<std::string> odd = {
      " leading and trailing ",
      "%2F%",
      "a+b c",
      "a&b=c?d#e",
      "<x>&amp;\"'",
      "...",
      "~*!()",
      "back\\slash",
      "q?",
      "{x}^`|",
      "\u00e9\u6f22\U0001f600",
      "c:d",
      std::string(250, 'n'),
  };
  for (const std::string& name : odd) {
    const std::string path = StrCat("odd/", name, "/", name);
    OG_ASSERT_OK(store().Put(Path(path), AsBytes(name)));
    EXPECT_EQ(Content(path), name);
    OG_ASSERT_OK(store().Copy(Path(path), Path(StrCat("copy/", name))));
    EXPECT_THAT(store().PutIfAbsent(Path(path), AsBytes("y")),
                StatusIs(absl::StatusCode::kAlreadyExists));
    OG_ASSERT_OK_AND_ASSIGN(auto stream, store().OpenWrite(Path(StrCat("stream/", name))));
    OG_ASSERT_OK(stream->Finish());
    EXPECT_EQ(Names(StrCat("odd/", name)), std::vector<std::string>{path});
  }
  std::vector<std::string> sorted;
  for (const std::string& name : odd)
    sorted.push_back(StrCat("copy/", name));
  std::ranges::sort(sorted);
  EXPECT_EQ(Names("copy"), sorted);
  EXPECT_EQ(Names("stream").size(), odd.size());
  for (const std::string& name : odd)
    OG_EXPECT_OK(store().Delete(Path(StrCat("copy/", name))));
  EXPECT_TRUE(Names("copy").empty());
}

TEST_P(StoreContractTest, ABatchReadsManyObjects) {
  std::vector<std::string> names;
  std::vector<ReadRequest> requests;
  for (int i = 0; i < 120; ++i) {
    names.push_back(StrCat("many/", i % 7, "/", i));
    OG_ASSERT_OK(store().Put(Path(names.back()), AsBytes(StrCat("object ", 1000 + i))));
    requests.push_back({Path(names.back()), {7, 4}, i % 2 == 0});
  }
  OG_ASSERT_OK_AND_ASSIGN(const std::vector<Buffer> buffers, store().Submit(requests).Wait());
  ASSERT_EQ(buffers.size(), requests.size());
  for (size_t i = 0; i < buffers.size(); ++i)
    EXPECT_EQ(buffers[i].view(), StrCat(1000 + i));

  requests[60].path = Path("many/none");
  EXPECT_THAT(store().Submit(requests).Wait(), StatusIs(absl::StatusCode::kNotFound, "many/none"));
  requests[60].path = Path(names[60]);
  requests[60].range = {8, 4};
  EXPECT_THAT(store().Submit(requests).Wait(), StatusIs(absl::StatusCode::kOutOfRange, names[60]));
}

TEST_P(StoreContractTest, ObjectsAreReadEach) {
  std::vector<std::string> paths;
  for (int i = 0; i < 20; ++i) {
    OG_ASSERT_OK(store().Put(Path(StrCat("each/", i)), AsBytes(StrCat("content ", i))));
    paths.push_back(Path(StrCat("each/", i)));
  }
  paths.push_back(Path("each/missing"));
  paths.push_back("each//wrong");
  paths.push_back(paths[3]);
  const std::vector<absl::StatusOr<Buffer>> objects = ReadEach(store(), paths);
  ASSERT_EQ(objects.size(), paths.size());
  for (int i = 0; i < 20; ++i) {
    OG_ASSERT_OK(objects[static_cast<size_t>(i)]);
    EXPECT_EQ(objects[static_cast<size_t>(i)]->view(), StrCat("content ", i));
  }
  EXPECT_THAT(objects[20], StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(objects[21], StatusIs(absl::StatusCode::kInvalidArgument));
  OG_ASSERT_OK(objects[22]);
  EXPECT_EQ(objects[22]->view(), "content 3");
  EXPECT_TRUE(ReadEach(store(), {}).empty());
}

TEST_P(StoreContractTest, AnAbortedStreamLeavesNothing) {
  OG_ASSERT_OK(store().Put(Path("w/kept"), AsBytes("kept")));
  const std::string part(3'000'000, 'x');
  for (const size_t num_parts : {0u, 1u, 5u}) {
    for (const char* name : {"w/kept", "w/new"}) {
      OG_ASSERT_OK_AND_ASSIGN(auto stream, store().OpenWrite(Path(name)));
      for (size_t i = 0; i < num_parts; ++i)
        OG_ASSERT_OK(stream->Append(AsBytes(part)));
    }
  }
  EXPECT_EQ(Names("w"), std::vector<std::string>{"w/kept"});
  EXPECT_EQ(Content("w/kept"), "kept");
}

TEST_P(StoreContractTest, OfRacingStreamsTheLastToFinishStays) {
  std::vector<std::thread> threads;
  const int num_threads = std::min(Scaled(8), 8);
  for (int i = 0; i < num_threads; ++i) {
    threads.emplace_back([this, i] {
      auto stream = store().OpenWrite(Path("w/one"));
      ASSERT_THAT(stream, IsOk());
      for (int part = 0; part < 10; ++part)
        ASSERT_THAT((*stream)->Append(AsBytes(std::string(70'000, static_cast<char>('a' + i)))),
                    IsOk());
      ASSERT_THAT((*stream)->Finish(), IsOk());
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  const std::string content = Content("w/one");
  EXPECT_EQ(content, std::string(700'000, content[0]));
  EXPECT_EQ(Names("w"), std::vector<std::string>{"w/one"});
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

}  // namespace og::io
