// What only the local store has: reads that miss the page cache, on both engines; few descriptors;
// full disks; processes that die; names that other programs make. The contract is in
// io/store/contract_test.cc.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/base/text.h"
#include "io/local/errno_status.h"
#include "io/local/folder_names.h"
#include "io/local/folder_sync.h"
#include "io/local/io_engine.h"
#include "io/local/local_store.h"
#include "io/local/new_file.h"
#include "tests/support/seed.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

using tests::IsOk;
using tests::StatusIs;
using tests::TempDir;

std::unique_ptr<LocalStore> OpenStore(LocalIo io = LocalIo::kAuto,
                                      Durability durability = Durability::kFull) {
  return *LocalStore::Open({.durability = durability, .io = io, .num_io_threads = 4});
}

// Writes back and forgets the cached pages of a file, so that reading it takes a disk.
void DropFromPageCache(const std::string& file) {
  const int fd = open(file.c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(fdatasync(fd), 0);
  ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  close(fd);
}

std::string RandomText(size_t length) {
  std::mt19937_64 random(tests::Seed());
  std::string text(length, ' ');
  for (char& c : text)
    c = static_cast<char>(random());
  return text;
}

// The names in a folder, hidden ones too.
std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

// Lowers a limit of the process for a scope.
class ScopedLimit {
 public:
  ScopedLimit(__rlimit_resource resource, rlim_t value) : resource_(resource) {
    getrlimit(resource_, &before_);
    const rlimit lowered{value, before_.rlim_max};
    EXPECT_EQ(setrlimit(resource_, &lowered), 0);
  }
  ~ScopedLimit() { setrlimit(resource_, &before_); }

 private:
  const __rlimit_resource resource_;
  rlimit before_{};
};

class LocalReadTest : public testing::TestWithParam<LocalIo> {
 protected:
  std::string Path(std::string_view name) const { return folder_.Child(name).substr(1); }

  const TempDir folder_;
  const std::unique_ptr<LocalStore> store_ = OpenStore(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Engines, LocalReadTest,
                         testing::Values(LocalIo::kUring, LocalIo::kThreads), [](const auto& io) {
                           return io.param == LocalIo::kUring ? "Uring" : "Threads";
                         });

TEST_P(LocalReadTest, ColdRangesAreRight) {
  const std::string text = RandomText(32 << 20);
  OG_ASSERT_OK(store_->Put(Path("cold"), AsBytes(text)));
  std::mt19937_64 random(tests::Seed());
  for (int round = 0; round < 3; ++round) {
    DropFromPageCache(folder_.Child("cold"));
    // More at a time than a ring has entries, from several threads, some half cached.
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, seed = random()] {
        std::mt19937_64 mine(seed);
        std::vector<ReadRequest> requests;
        for (int i = 0; i < 300; ++i) {
          const uint64_t offset = mine() % text.size();
          const uint64_t length = mine() % std::min<uint64_t>(text.size() - offset + 1, 60'000);
          requests.push_back({Path("cold"), {offset, length}, i % 2 == 0});
        }
        const auto buffers = store_->Submit(requests).Wait();
        ASSERT_THAT(buffers, IsOk());
        for (size_t i = 0; i < requests.size(); ++i) {
          const ByteRange& range = requests[i].range;
          ASSERT_TRUE((*buffers)[i].view() ==
                      std::string_view(text).substr(range.offset, range.length));
        }
      });
    }
    for (std::thread& thread : threads)
      thread.join();
  }
}

TEST_P(LocalReadTest, ColdReadsCanBeDroppedOrWaitedForElsewhere) {
  const std::string text = RandomText(8 << 20);
  OG_ASSERT_OK(store_->Put(Path("cold"), AsBytes(text)));
  for (int round = 0; round < 4; ++round) {
    DropFromPageCache(folder_.Child("cold"));
    std::vector<ReadRequest> requests;
    for (uint64_t i = 0; i < 200; ++i)
      requests.push_back({Path("cold"), {i * 40'000, 4096}});
    PendingReads pending = store_->Submit(requests);
    { const PendingReads dropped = store_->Submit(requests); }
    // The thread that submitted has ended, or goes on submitting, while another one waits.
    std::thread waiter([&text, taken = std::move(pending)]() mutable {
      const auto buffers = taken.Wait();
      ASSERT_THAT(buffers, IsOk());
      ASSERT_EQ((*buffers)[199].view(), std::string_view(text).substr(199 * 40'000, 4096));
    });
    OG_EXPECT_OK(store_->Submit(requests).Wait());
    waiter.join();
  }
}

TEST_P(LocalReadTest, ABatchThatCannotBeStartedToItsEndSaysWhy) {
  OG_ASSERT_OK(store_->Put(Path("cold"), AsBytes(RandomText(1 << 20))));
  DropFromPageCache(folder_.Child("cold"));
  EXPECT_THAT(store_->Submit({{Path("cold"), {0, 4096}}, {Path("missing"), {0, 1}}}).Wait(),
              StatusIs(absl::StatusCode::kNotFound, folder_.Child("missing")));
}

TEST_P(LocalReadTest, WorksWithFewDescriptors) {
  std::vector<ReadRequest> requests;
  for (int i = 0; i < 150; ++i) {
    const std::string name = StrCat("f/", i);
    tests::WriteFile(folder_.Child(name), StrCat("content of ", i));
    DropFromPageCache(folder_.Child(name));
    requests.push_back({Path(name), {0, 10}, true});
  }
  const ScopedLimit limit(RLIMIT_NOFILE, 80);
  std::vector<std::string> paths;
  for (const ReadRequest& request : requests)
    paths.push_back(request.path);
  OG_EXPECT_OK(store_->Submit(requests).Wait());
  OG_EXPECT_OK(store_->Submit(requests).Wait());
  OG_EXPECT_OK(store_->Sync(paths, Durability::kFull));
  OG_EXPECT_OK(store_->Read(paths[3]));
}

TEST_P(LocalReadTest, SeesWhatOtherProgramsDo) {
  tests::WriteFile(folder_.Child("a"), "one");
  OG_EXPECT_OK(store_->Submit({{Path("a"), {0, 3}}}).Wait());
  // Replaced, then grown in place, then cut.
  tests::WriteFile(folder_.Child("b"), "two");
  ASSERT_EQ(rename(folder_.Child("b").c_str(), folder_.Child("a").c_str()), 0);
  OG_ASSERT_OK_AND_ASSIGN(auto replaced, store_->Submit({{Path("a"), {0, 3}}}).Wait());
  EXPECT_EQ(replaced[0].view(), "two");
  tests::WriteFile(folder_.Child("a"), "longer");
  OG_ASSERT_OK_AND_ASSIGN(auto grown, store_->Submit({{Path("a"), {0, 6}}}).Wait());
  EXPECT_EQ(grown[0].view(), "longer");
  tests::WriteFile(folder_.Child("a"), "x");
  EXPECT_THAT(store_->Submit({{Path("a"), {0, 6}}}).Wait(),
              StatusIs(absl::StatusCode::kOutOfRange, "leave the object of 1 bytes"));
  EXPECT_THAT(store_->Submit({{Path("a"), {0, 6}, true}}).Wait(),
              StatusIs(absl::StatusCode::kOutOfRange));
}

TEST(LocalEngineTest, AThreadThatGetsNoRingUsesTheThreads) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer itself needs descriptors";
#endif
  const TempDir folder;
  const auto store = OpenStore();
  const std::string path = folder.Child("cold").substr(1);
  const std::string text = RandomText(1 << 20);
  OG_ASSERT_OK(store->Put(path, AsBytes(text)));
  OG_ASSERT_OK(store->Submit({{path, {0, 1}, true}}).Wait());  // opens the file
  DropFromPageCache(folder.Child("cold"));
  const ScopedLimit limit(RLIMIT_NOFILE, 3);
  std::thread thread([&] {
    EXPECT_EQ(UringEngineOfThisThread(), nullptr);
    const auto buffers = store->Submit({{path, {500'000, 5000}, true}}).Wait();
    ASSERT_THAT(buffers, IsOk());
    EXPECT_EQ((*buffers)[0].view(), std::string_view(text).substr(500'000, 5000));
  });
  thread.join();
}

// --- writing -----------------------------------------------------------------------------------

TEST(LocalWriteTest, TokensAndModesAreThoseOfTheReference) {
  const TempDir folder;
  const auto store = OpenStore();
  const mode_t mask = umask(022);
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo put,
                          store->Put(folder.Child("d/a").substr(1), AsBytes("hello")));
  umask(mask);
  struct stat info;
  ASSERT_EQ(stat(folder.Child("d/a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u);
  const int64_t us = int64_t{info.st_mtim.tv_sec} * 1'000'000 + info.st_mtim.tv_nsec / 1000;
  EXPECT_EQ(put.e_tag, StrCat(Hex(info.st_ino), "-", Hex(static_cast<uint64_t>(us)), "-5"));
  ASSERT_EQ(stat(folder.Child("d").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
}

TEST(LocalWriteTest, AReplacementIsNewerThanWhatItReplaces) {
  // Also when the clock went back, or stands still between two replacements: tokens hold the time.
  const TempDir folder;
  const auto store = OpenStore();
  const std::string path = folder.Child("s").substr(1);
  OG_ASSERT_OK(store->Put(path, AsBytes("0")));
  const timespec future{time(nullptr) + 3600, 0};
  const timespec times[2] = {future, future};
  ASSERT_EQ(utimensat(AT_FDCWD, folder.Child("s").c_str(), times, 0), 0);
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo before, store->Stat(path));
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo matched,
                          store->PutIfMatch(path, AsBytes("1"), before.e_tag));
  EXPECT_EQ(matched.modified_us, before.modified_us + 1);
  OG_ASSERT_OK_AND_ASSIGN(const ObjectInfo put, store->Put(path, AsBytes("2")));
  EXPECT_EQ(put.modified_us, before.modified_us + 2);
}

TEST(LocalWriteTest, ReplacingIsAtomicWithoutSyncsToo) {
  const TempDir folder;
  const auto store = OpenStore(LocalIo::kAuto, Durability::kNone);
  const std::string path = folder.Child("hint").substr(1);
  OG_ASSERT_OK(store->Put(path, AsBytes("0000")));
  std::vector<std::thread> writers;
  for (const std::string text : {"1111", "2222"}) {
    writers.emplace_back([&store, &path, text] {
      for (int i = 0; i < 200; ++i)
        OG_EXPECT_OK(store->Put(path, AsBytes(text)));
    });
  }
  for (int i = 0; i < 400; ++i) {
    OG_ASSERT_OK_AND_ASSIGN(const Buffer found, store->Read(path));
    ASSERT_EQ(found.view(), std::string(4, found.view().empty() ? '?' : found.view()[0]));
  }
  for (std::thread& writer : writers)
    writer.join();
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"hint"});
}

TEST(LocalWriteTest, AFullDiskIsNamedAndLeavesNothing) {
  const TempDir folder;
  const auto store = OpenStore();
  const std::string path = folder.Child("big").substr(1);
  const std::string text = RandomText(1 << 20);
  signal(SIGXFSZ, SIG_IGN);
  {
    const ScopedLimit limit(RLIMIT_FSIZE, 100'000);
    for (const absl::Status& status : {store->Put(path, AsBytes(text)).status(),
                                       store->PutIfAbsent(path, AsBytes(text)).status()}) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                                   StrCat("storage write failed for '/", path, "'")));
    }
    OG_ASSERT_OK_AND_ASSIGN(auto stream, store->OpenWrite(path));
    EXPECT_THAT(stream->Append(AsBytes(text)), StatusIs(absl::StatusCode::kResourceExhausted));
  }
  OG_ASSERT_OK_AND_ASSIGN(const auto infos, store->List(folder.path().substr(1), {}));
  EXPECT_TRUE(infos.empty());
  EXPECT_EQ(ErrnoStatus(ENOSPC, "/a", "write").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(ErrnoStatus(ENOSPC, "/a", "write"),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "write failed for '/a': No space left on device"));
}

TEST(LocalWriteTest, AKilledWriterLeavesWholeObjectsOnly) {
  const TempDir folder;
  const std::string root = folder.path().substr(1);
  constexpr size_t kBytes = 300'000;
  for (int round = 0; round < 12; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      const auto store = OpenStore(LocalIo::kAuto, Durability::kNone);
      for (int i = 0;; ++i) {
        const std::string text(kBytes, static_cast<char>('a' + i % 26));
        if (!store->Put(StrCat(root, "/same"), AsBytes(text)).ok()) _exit(1);
        if (!store->PutIfAbsent(StrCat(root, "/", round, ".", i), AsBytes(text)).ok()) _exit(1);
        auto stream = store->OpenWrite(StrCat(root, "/s", round, ".", i));
        if (!stream.ok() || !(*stream)->Append(AsBytes(text)).ok() || !(*stream)->Finish().ok()) {
          _exit(1);
        }
      }
    }
    usleep(static_cast<useconds_t>(3000 + round * 1700));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  const auto store = OpenStore();
  OG_ASSERT_OK_AND_ASSIGN(const auto infos, store->List(root, {}));
  EXPECT_GT(infos.size(), 3u);
  for (const ObjectInfo& info : infos) {
    OG_ASSERT_OK_AND_ASSIGN(const Buffer bytes, store->Read(info.path));
    ASSERT_EQ(bytes.size(), kBytes) << info.path;
    ASSERT_EQ(bytes.view().find_first_not_of(bytes.view()[0]), std::string_view::npos);
  }
}

TEST(LocalWriteTest, FileSystemsWithoutUnnamedFilesUseHiddenNames) {
  const TempDir folder;
  const auto store = OpenStore();
  const std::string root = folder.path().substr(1);
  const auto list = [&] { return store->List(root, {})->size(); };
  const auto entries = [&] {
    int count = 0;
    DIR* const directory = opendir(folder.path().c_str());
    while (readdir(directory) != nullptr)
      ++count;
    closedir(directory);
    return count - 2;  // "." and ".."
  };
  for (const std::string& name : {std::string("a"), std::string(250, 'n')}) {
    OG_ASSERT_OK_AND_ASSIGN(NewFile file,
                            NewFile::Create(folder.Child(name), NewFile::Kind::kNamed));
    OG_ASSERT_OK(file.Write(AsBytes("x")));
    EXPECT_EQ(list(), 0u);
    EXPECT_EQ(entries(), 1);
    OG_ASSERT_OK(file.PublishIfAbsent());
    EXPECT_EQ(entries(), 1);
    EXPECT_EQ(list(), 1u);
    OG_ASSERT_OK_AND_ASSIGN(NewFile second,
                            NewFile::Create(folder.Child(name), NewFile::Kind::kNamed));
    OG_ASSERT_OK(second.Write(AsBytes("y")));
    EXPECT_THAT(second.PublishIfAbsent(), StatusIs(absl::StatusCode::kAlreadyExists));
    OG_ASSERT_OK(second.PublishReplacing(NewFile::Replacing::kByRename));
    EXPECT_EQ(tests::ReadFile(folder.Child(name)), "y");
    EXPECT_EQ(entries(), 1);
    {
      OG_ASSERT_OK_AND_ASSIGN(const NewFile dropped,
                              NewFile::Create(folder.Child(name), NewFile::Kind::kNamed));
      EXPECT_EQ(entries(), 2);
    }
    EXPECT_EQ(entries(), 1);
    OG_ASSERT_OK(store->Delete(StrCat(root, "/", name)));
  }
}

// --- what else lies in folders -----------------------------------------------------------------

TEST(LocalNamesTest, LinksFifosAndFoldersAreNoTrap) {
  const TempDir folder;
  const auto store = OpenStore();
  const std::string root = folder.path().substr(1);
  tests::WriteFile(folder.Child("d/file"), "x");
  ASSERT_EQ(symlink("file", folder.Child("d/link").c_str()), 0);
  ASSERT_EQ(symlink("nowhere", folder.Child("d/dangling").c_str()), 0);
  ASSERT_EQ(symlink("..", folder.Child("d/up").c_str()), 0);
  ASSERT_EQ(symlink("loop", folder.Child("d/loop").c_str()), 0);
  ASSERT_EQ(symlink("d", folder.Child("alias").c_str()), 0);
  ASSERT_EQ(mkfifo(folder.Child("d/fifo").c_str(), 0644), 0);
  OG_ASSERT_OK_AND_ASSIGN(const auto infos, store->List(root, {}));
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[0].path, root + "/d/file");
  EXPECT_EQ(infos[1].path, root + "/d/link");
  OG_ASSERT_OK_AND_ASSIGN(const auto aliased, store->List(root + "/alias", {}));
  EXPECT_EQ(aliased.size(), 2u);
  EXPECT_THAT(store->Read(root + "/d/fifo"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store->Stat(root + "/d/fifo"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store->Put(root + "/d/file/below", {}), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(store->Put(root + "/d", AsBytes("x")).ok());
  EXPECT_THAT(store->Put(root + "/" + std::string(300, 'n'), {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  // Deleting through a link to a folder empties the folder and removes the link.
  OG_EXPECT_OK(store->DeletePrefix(root + "/alias"));
  OG_ASSERT_OK_AND_ASSIGN(const auto left, store->List(root, {}));
  EXPECT_TRUE(left.empty());
  struct stat info;
  EXPECT_NE(lstat(folder.Child("alias").c_str(), &info), 0);
}

// Sets the modification time of a folder to `ago` seconds before now.
void SetAge(const std::string& folder, time_t ago) {
  const timespec stamp{time(nullptr) - ago, 0};
  const timespec times[2] = {stamp, stamp};
  ASSERT_EQ(utimensat(AT_FDCWD, folder.c_str(), times, 0), 0);
}

std::vector<std::string> FirstOf(FolderNames& names, const std::string& folder, size_t limit) {
  std::vector<std::string> found;
  const auto first = names.First(folder, limit);
  EXPECT_THAT(first, IsOk());
  for (const FolderName& name : first.value_or(std::vector<FolderName>()))
    found.push_back(name.name);
  return found;
}

TEST(FolderNamesTest, WhatIsKeptGoesWithTheTimeOfTheFolder) {
  const TempDir folder;
  FolderNames names;
  tests::WriteFile(folder.Child("b"), "x");
  SetAge(folder.path(), 100);
  const std::vector<std::string> before = FirstOf(names, folder.path(), 2);
  EXPECT_EQ(before, std::vector<std::string>{"b"});
  tests::WriteFile(folder.Child("a"), "x");
  EXPECT_EQ(FirstOf(names, folder.path(), 2), (std::vector<std::string>{"a", "b"}));
  // Not looked at again as long as the time says so; a list of another length is.
  SetAge(folder.path(), 50);
  EXPECT_EQ(FirstOf(names, folder.path(), 2).size(), 2u);
  struct stat info;
  ASSERT_EQ(stat(folder.path().c_str(), &info), 0);
  tests::WriteFile(folder.Child("0"), "x");
  const timespec times[2] = {info.st_mtim, info.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, folder.path().c_str(), times, 0), 0);
  EXPECT_EQ(FirstOf(names, folder.path(), 2), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(FirstOf(names, folder.path(), 3), (std::vector<std::string>{"0", "a", "b"}));
  EXPECT_TRUE(FirstOf(names, folder.Child("nothing"), 2).empty());
}

TEST(FolderNamesTest, NamesThatJustCameAreSeen) {
  const TempDir folder;
  FolderNames names;
  for (int i = 1000; i > 0; --i) {
    const std::string name = ZeroPadded(static_cast<uint64_t>(i), 4);
    tests::WriteFile(folder.Child(name), "");
    ASSERT_EQ(FirstOf(names, folder.path(), 1), std::vector<std::string>{name});
  }
}

TEST(FolderSyncTest, SyncsSharedAndNewFolders) {
  const TempDir folder;
  FolderSync sync;
  OG_ASSERT_OK(MakeFolders(folder.Child("a/b/c")));
  OG_EXPECT_OK(sync.SyncNames(folder.Child("a/b/c")));
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i)
        EXPECT_THAT(sync.SyncNames(folder.Child("a/b/c")), IsOk());
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_THAT(sync.SyncNames(folder.Child("a/none")),
              StatusIs(absl::StatusCode::kNotFound, "a/none"));
  sync.Forget(folder.Child("a"));
  OG_EXPECT_OK(sync.SyncNames(folder.Child("a/b")));
  EXPECT_EQ(ParentFolder("/a/b"), "/a");
  EXPECT_EQ(ParentFolder("/a"), "/");
}

TEST(IoResultTest, ShortAndInterruptedResultsAreContinued) {
  std::byte out[10];
  IoCall call{.kind = IoCall::Kind::kRead, .offset = 100, .out = out, .missing = 10};
  EXPECT_FALSE(AcceptIoResult(call, -EINTR));
  EXPECT_FALSE(AcceptIoResult(call, -EAGAIN));
  EXPECT_FALSE(AcceptIoResult(call, 4));
  EXPECT_EQ(call.offset, 104u);
  EXPECT_EQ(call.out, out + 4);
  EXPECT_EQ(call.missing, 6u);
  EXPECT_TRUE(AcceptIoResult(call, 6));
  EXPECT_EQ(call.missing, 0u);
  IoCall failed{.kind = IoCall::Kind::kRead, .missing = 1};
  EXPECT_TRUE(AcceptIoResult(failed, -EIO));
  EXPECT_EQ(failed.error, EIO);
  IoCall ended{.kind = IoCall::Kind::kRead, .missing = 1};
  EXPECT_TRUE(AcceptIoResult(ended, 0));
  EXPECT_EQ(ended.missing, 1u);
  IoCall sync{.kind = IoCall::Kind::kSyncData};
  EXPECT_TRUE(AcceptIoResult(sync, 0));
}

}  // namespace
}  // namespace og::io
