// What the machine may refuse: each refusal is an error of the right type that names the file and
// the operation, and leaves no half-written object, no temporary name and no open descriptor.

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/base/text.h"
#include "io/local/io_engine.h"
#include "io/local/local_store.h"
#include "io/store/path.h"
#include "tests/support/failing_calls.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

using tests::FailingCall;
using tests::IsOk;
using tests::RunWithFailingCalls;
using tests::StatusIs;
using tests::TempDir;

// Entries of a folder, without "." and "..".
std::vector<std::string> Entries(const std::string& folder) {
  std::vector<std::string> names;
  DIR* const directory = opendir(folder.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(directory);
  return names;
}

size_t NumOpenDescriptors() {
  return Entries("/proc/self/fd").size();
}

void DropFromPageCache(const std::string& file) {
  const int fd = open(file.c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(fdatasync(fd), 0);
  ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  close(fd);
}

std::string Letters(size_t length) {
  std::string text(length, ' ');
  for (size_t i = 0; i < length; ++i)
    text[i] = static_cast<char>('a' + i / 7 % 26);
  return text;
}

class LocalFaultTest : public testing::Test {
 protected:
  std::string Path(std::string_view name) const { return folder_.Child(name).substr(1); }

  // How an error of `call` on the object `name` begins.
  std::string Failed(std::string_view call, std::string_view name) const {
    return FailedCall(call, folder_.Child(name));
  }

  // Every way to write the object `name`, with what each is called.
  std::vector<std::pair<std::string, std::function<absl::Status(LocalStore&)>>> Writers(
      const std::string& name) const {
    const std::string path = Path(name);
    const std::string bytes = Letters(300'000);
    return {
        {"put", [=](LocalStore& store) { return store.Put(path, AsBytes(bytes)).status(); }},
        {"create",
         [=](LocalStore& store) { return store.PutIfAbsent(path, AsBytes(bytes)).status(); }},
        {"stream",
         [=](LocalStore& store) -> absl::Status {
           auto stream = store.OpenWrite(path);
           if (!stream.ok()) return stream.status();
           const absl::Status appended = (*stream)->Append(AsBytes(bytes));
           return appended.ok() ? (*stream)->Finish().status() : appended;
         }},
        {"copy", [=, this](LocalStore& store) { return store.Copy(Path("kept"), path); }},
    };
  }

  // Every writer, of a name that is free and of "kept", fails with `code` and `text`, and nothing
  // is different afterwards.
  void ExpectWritersFail(const std::vector<FailingCall>& calls, absl::StatusCode code,
                         const std::string& text, Durability durability = Durability::kFull) {
    tests::WriteFile(folder_.Child("kept"), "kept");
    RunWithFailingCalls(calls, [&] {
      const auto store = *LocalStore::Open({.durability = durability, .io = LocalIo::kThreads});
      const size_t num_descriptors = NumOpenDescriptors();
      for (const char* name : {"new", "kept"}) {
        for (const auto& [writer, write] : Writers(name)) {
          const absl::Status status = write(*store);
          const bool is_lost = absl::IsAlreadyExists(status) && std::string_view(name) == "kept";
          if (is_lost) continue;
          EXPECT_THAT(status, StatusIs(code, " failed for '" + folder_.path()))
              << writer << " of " << name;
          EXPECT_THAT(status, StatusIs(code, text)) << writer << " of " << name;
        }
      }
      EXPECT_EQ(Entries(folder_.path()), std::vector<std::string>{"kept"});
      EXPECT_EQ(tests::ReadFile(folder_.Child("kept")), "kept");
      EXPECT_EQ(NumOpenDescriptors(), num_descriptors);
    });
  }

  const TempDir folder_;
};

// --- the ring ------------------------------------------------------------------------------------

TEST_F(LocalFaultTest, AForbiddenRingIsDetected) {
  const std::string text = Letters(4 << 20);
  tests::WriteFile(folder_.Child("cold"), text);
  for (const int error : {EPERM, ENOSYS, ENOMEM}) {
    DropFromPageCache(folder_.Child("cold"));
    RunWithFailingCalls({{SYS_io_uring_setup, error}}, [&] {
      EXPECT_EQ(UringEngineOfThisThread(), nullptr);
      EXPECT_THAT(LocalStore::Open({.io = LocalIo::kUring}),
                  StatusIs(absl::StatusCode::kFailedPrecondition, "io_uring"));
      const auto store = LocalStore::Open({});
      ASSERT_THAT(store, IsOk());
      std::vector<ReadRequest> requests;
      for (uint64_t i = 0; i < 100; ++i)
        requests.push_back({Path("cold"), {i * 40'000, 5000}});
      const auto buffers = (*store)->Submit(requests).Wait();
      ASSERT_THAT(buffers, IsOk());
      for (size_t i = 0; i < 100; ++i)
        ASSERT_EQ((*buffers)[i].view(), text.substr(i * 40'000, 5000));
      OG_EXPECT_OK((*store)->PutIfAbsent(Path(StrCat("new", error)), AsBytes("x")));
    });
  }
}

TEST_F(LocalFaultTest, KernelsWithoutReadsFromTheCacheOnlyReadAnyway) {
  const std::string text = Letters(1 << 20);
  tests::WriteFile(folder_.Child("file"), text);
  for (const LocalIo io : {LocalIo::kUring, LocalIo::kThreads}) {
    RunWithFailingCalls({{SYS_preadv2, EOPNOTSUPP}}, [&] {
      const auto store = *LocalStore::Open({.io = io});
      const auto buffers = store->Submit({{Path("file"), {100, 500'000}}}).Wait();
      ASSERT_THAT(buffers, IsOk());
      EXPECT_EQ((*buffers)[0].view(), text.substr(100, 500'000));
    });
  }
}

TEST_F(LocalFaultTest, LittleLockedMemoryAndFewDescriptorsAreEnough) {
  constexpr int kFiles = 600;
  std::vector<ReadRequest> requests;
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = StrCat("f/", i);
    tests::WriteFile(folder_.Child(name), StrCat("content of file ", 1000 + i));
    DropFromPageCache(folder_.Child(name));
    requests.push_back({Path(name), {16, 4}, i % 2 == 0});
  }
  const pid_t child = fork();
  if (child == 0) {
    // A process of its own: limits hold for all threads.
    const rlimit locked{64 << 10, 64 << 10};
    const rlimit descriptors{256, 256};
    if (setrlimit(RLIMIT_MEMLOCK, &locked) != 0 || setrlimit(RLIMIT_NOFILE, &descriptors) != 0) {
      _exit(2);
    }
    const auto store = *LocalStore::Open({.durability = Durability::kNone});
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < 3; ++round) {
          const auto buffers = store->Submit(requests).Wait();
          ASSERT_THAT(buffers, IsOk());
          for (size_t i = 0; i < kFiles; ++i)
            ASSERT_EQ((*buffers)[i].view(), StrCat(1000 + i));
          const std::string mine = Path(StrCat("w/", t, ".", round));
          ASSERT_THAT(store->PutIfAbsent(mine, AsBytes("x")), IsOk());
          ASSERT_THAT(store->Sync(std::vector<std::string>{mine}, Durability::kFull), IsOk());
        }
      });
    }
    for (std::thread& thread : threads)
      thread.join();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(LocalFaultTest, IdleFilesMakeRoomForEveryCall) {
  const std::string path = Path("f/0");
  for (int i = 0; i < 20; ++i)
    tests::WriteFile(folder_.Child(StrCat("f/", i)), "content");
  const std::vector<std::pair<const char*, std::function<absl::Status(LocalStore&)>>> calls = {
      {"read", [=](LocalStore& store) { return store.Read(path).status(); }},
      {"range",
       [=](LocalStore& store) {
         return store.Submit({{path, {0, 1}}}).Wait().status();
       }},
      {"list", [=, this](LocalStore& store) { return store.List(Path("f"), {}).status(); }},
      {"put", [=](LocalStore& store) { return store.Put(path, AsBytes("x")).status(); }},
      {"create",
       [=, this](LocalStore& store) {
         return store.PutIfAbsent(Path("new/1"), AsBytes("x")).status();
       }},
      {"replace",
       [=](LocalStore& store) {
         return store.PutIfMatch(path, AsBytes("y"), ContentToken(AsBytes("x"))).status();
       }},
      {"copy", [=, this](LocalStore& store) { return store.Copy(path, Path("new/2")); }},
      {"sync",
       [=, this](LocalStore& store) {
         return store.Sync(std::vector<std::string>{path, Path("f/1")}, Durability::kFull);
       }},
      {"delete", [=](LocalStore& store) { return store.Delete(path); }},
      {"delete folder", [=, this](LocalStore& store) { return store.DeletePrefix(Path("new")); }},
  };
  const pid_t child = fork();
  if (child == 0) {
    const auto store = *LocalStore::Open({});
    for (const auto& [name, call] : calls) {
      std::vector<ReadRequest> requests;
      for (int i = 1; i < 20; ++i)
        requests.push_back({Path(StrCat("f/", i)), {0, 1}, true});
      if (!store->Submit(requests).Wait().ok()) _exit(2);
      rlimit limit{};
      if (getrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(2);
      const rlim_t before = limit.rlim_cur;
      limit.rlim_cur = 64;
      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(2);
      std::vector<int> others;
      while (others.empty() || others.back() >= 0)
        others.push_back(dup(0));
      EXPECT_THAT(call(*store), IsOk()) << name;
      for (const int fd : others)
        close(fd);
      limit.rlim_cur = before;
      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(2);
    }
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(LocalFaultTest, NoDescriptorInTheEndIsAnError) {
  RunWithFailingCalls({{SYS_openat, EMFILE, 2, O_WRONLY}}, [&] {
    const auto store = *LocalStore::Open({.io = LocalIo::kThreads});
    const size_t num_descriptors = NumOpenDescriptors();
    EXPECT_THAT(store->PutIfAbsent(Path("new"), AsBytes("x")),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         StrCat(Failed("create", "new"), ": Too many open files")));
    EXPECT_EQ(NumOpenDescriptors(), num_descriptors);
  });
  EXPECT_TRUE(Entries(folder_.path()).empty());
}

// --- direct reads --------------------------------------------------------------------------------

TEST_F(LocalFaultTest, DirectReadsGiveTheSameBytes) {
  const std::string text = Letters((3 << 20) + 777);
  tests::WriteFile(folder_.Child("file"), text);
  const std::vector<ByteRange> ranges = {{0, text.size()},
                                         {0, 1},
                                         {4095, 2},
                                         {text.size() - 1, 1},
                                         {777, 4096},
                                         {8192, 4096},
                                         {text.size() - 5000, 5000},
                                         {1'000'001, 1'500'000}};
  const auto expect_all = [&](LocalStore& store) {
    std::vector<ReadRequest> requests;
    for (const ByteRange& range : ranges)
      requests.push_back({Path("file"), range, true});
    const auto buffers = store.Submit(requests).Wait();
    ASSERT_THAT(buffers, IsOk());
    for (size_t i = 0; i < ranges.size(); ++i)
      EXPECT_TRUE((*buffers)[i].view() == text.substr(ranges[i].offset, ranges[i].length)) << i;
    EXPECT_THAT(store.Submit({{Path("file"), {text.size() - 1, 2}, true}}).Wait(),
                StatusIs(absl::StatusCode::kOutOfRange, "file"));
  };
  for (const LocalIo io : {LocalIo::kUring, LocalIo::kThreads}) {
    DropFromPageCache(folder_.Child("file"));
    const auto always = *LocalStore::Open({.io = io, .direct_reads = DirectReads::kAlways});
    expect_all(*always);
    // Nothing of it went through the page cache, where the file system has direct reads at all.
    RunWithFailingCalls({{SYS_openat, EINVAL, 2, O_DIRECT}}, [&] {
      const auto refused = *LocalStore::Open({.io = io, .direct_reads = DirectReads::kAlways});
      expect_all(*refused);
    });
  }
}

TEST_F(LocalFaultTest, AFileThatIsCutUnderADirectReadIsAnError) {
  tests::WriteFile(folder_.Child("file"), Letters(100'000));
  const auto store = *LocalStore::Open({.direct_reads = DirectReads::kAlways});
  OG_EXPECT_OK(store->Submit({{Path("file"), {0, 100'000}, true}}).Wait());
  ASSERT_EQ(truncate(folder_.Child("file").c_str(), 50'000), 0);
  EXPECT_THAT(
      store->Submit({{Path("file"), {0, 100'000}, true}}).Wait(),
      StatusIs(absl::StatusCode::kOutOfRange, Failed("read of 100000 bytes at offset 0", "file")));
}

TEST(ScanMeterTest, PassesByOnceMoreWasMissedThanTheCacheHolds) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  ScanMeter meter(DirectReads::kAuto, 10 * kMiB);
  EXPECT_TRUE(meter.LooksIntoCache());
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(meter.NotesAndPassesBy(kMiB / 2, 0));  // too short to be a scan
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(meter.NotesAndPassesBy(kMiB, 0));
  EXPECT_TRUE(meter.NotesAndPassesBy(kMiB, 0));
  EXPECT_FALSE(meter.NotesAndPassesBy(kMiB, kMiB / 2));  // half there: the cache works
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(meter.NotesAndPassesBy(4 * kMiB, 0));
  for (int i = 0; i < 20; ++i)
    EXPECT_FALSE(meter.NotesAndPassesBy(kMiB, kMiB));
  EXPECT_FALSE(meter.NotesAndPassesBy(kMiB, 0));
  EXPECT_FALSE(ScanMeter(DirectReads::kNever, 1).NotesAndPassesBy(kMiB, 0));
  ScanMeter always(DirectReads::kAlways, 0);
  EXPECT_FALSE(always.LooksIntoCache());
  EXPECT_TRUE(always.NotesAndPassesBy(1, 0));
}

// --- refusals ------------------------------------------------------------------------------------

TEST_F(LocalFaultTest, AFullDisk) {
  ExpectWritersFail({{SYS_write, ENOSPC}, {SYS_copy_file_range, ENOSPC}},
                    absl::StatusCode::kResourceExhausted, "No space left on device");
  ExpectWritersFail({{SYS_write, EDQUOT}, {SYS_copy_file_range, EDQUOT}},
                    absl::StatusCode::kResourceExhausted, "Disk quota exceeded");
}

TEST_F(LocalFaultTest, AReadOnlyFileSystem) {
  ExpectWritersFail({{SYS_openat, EROFS, 2, O_WRONLY}}, absl::StatusCode::kPermissionDenied,
                    "Read-only file system");
  ExpectWritersFail({{SYS_openat, EOPNOTSUPP, 2, O_TMPFILE}, {SYS_openat, EROFS, 2, O_WRONLY}},
                    absl::StatusCode::kPermissionDenied, "Read-only file system");
}

TEST_F(LocalFaultTest, ADeviceThatFails) {
  ExpectWritersFail({{SYS_write, EIO}, {SYS_copy_file_range, EIO}}, absl::StatusCode::kDataLoss,
                    "Input/output error");
}

TEST_F(LocalFaultTest, AFailedSyncIsDataLossAndPublishesNothing) {
  tests::WriteFile(folder_.Child("kept"), "kept");
  RunWithFailingCalls({{SYS_fdatasync, EIO}}, [&] {
    const auto store = *LocalStore::Open({.io = LocalIo::kThreads});
    EXPECT_THAT(store->PutIfAbsent(Path("new"), AsBytes("x")),
                StatusIs(absl::StatusCode::kDataLoss,
                         StrCat(Failed("sync", "new"), ": Input/output error")));
    EXPECT_THAT(store->PutIfMatch(Path("kept"), AsBytes("x"), ContentToken(AsBytes("kept"))),
                StatusIs(absl::StatusCode::kDataLoss, Failed("sync", "kept")));
    EXPECT_THAT(store->Sync(std::vector<std::string>{Path("kept")}, Durability::kData),
                StatusIs(absl::StatusCode::kDataLoss, Failed("sync", "kept")));
  });
  EXPECT_EQ(Entries(folder_.path()), std::vector<std::string>{"kept"});
  EXPECT_EQ(tests::ReadFile(folder_.Child("kept")), "kept");
}

TEST_F(LocalFaultTest, NoUnnamedFilesAndNoHardLinks) {
  const std::vector<FailingCall> no_unnamed = {{SYS_openat, EOPNOTSUPP, 2, O_TMPFILE}};
  RunWithFailingCalls(no_unnamed, [&] {
    const auto store = *LocalStore::Open({.io = LocalIo::kThreads});
    for (const auto& [writer, write] : Writers("kept")) {
      tests::WriteFile(folder_.Child("kept"), "kept");
      const absl::Status status = write(*store);
      EXPECT_TRUE(status.ok() || (writer == "create" && absl::IsAlreadyExists(status))) << status;
      EXPECT_EQ(Entries(folder_.path()), std::vector<std::string>{"kept"}) << writer;
    }
    EXPECT_THAT(store->PutIfMatch(Path("kept"), AsBytes("x"), "1-2-3"),
                StatusIs(absl::StatusCode::kAborted));
    EXPECT_EQ(Entries(folder_.path()), std::vector<std::string>{"kept"});
  });
  std::vector<FailingCall> no_links = no_unnamed;
  no_links.push_back({SYS_link, EPERM});
  no_links.push_back({SYS_linkat, EPERM});
  RunWithFailingCalls(no_links, [&] {
    const auto store = *LocalStore::Open({.io = LocalIo::kThreads});
    EXPECT_THAT(store->PutIfAbsent(Path("new"), AsBytes("x")),
                StatusIs(absl::StatusCode::kUnimplemented,
                         StrCat(Failed("link", "new"), ": the file system has no hard links")));
    OG_EXPECT_OK(store->Put(Path("kept"), AsBytes("put")));
    OG_EXPECT_OK(store->PutIfMatch(Path("kept"), AsBytes("matched"), ContentToken(AsBytes("put"))));
    EXPECT_EQ(tests::ReadFile(folder_.Child("kept")), "matched");
    EXPECT_EQ(Entries(folder_.path()), std::vector<std::string>{"kept"});
  });
}

TEST_F(LocalFaultTest, ARenameThatFailsLeavesTheOldObject) {
  ExpectWritersFail({{SYS_rename, EACCES}, {SYS_linkat, EACCES}, {SYS_link, EACCES}},
                    absl::StatusCode::kPermissionDenied, "Permission denied");
}

TEST_F(LocalFaultTest, ALockThatCannotBeHadIsNoCompareAndSet) {
  tests::WriteFile(folder_.Child("kept"), "kept");
  RunWithFailingCalls({{SYS_flock, ENOLCK}}, [&] {
    const auto store = *LocalStore::Open({.io = LocalIo::kThreads});
    EXPECT_FALSE(store->PutIfMatch(Path("kept"), AsBytes("x"), ContentToken(AsBytes("kept"))).ok());
    EXPECT_EQ(tests::ReadFile(folder_.Child("kept")), "kept");
    OG_EXPECT_OK(store->Put(Path("kept"), AsBytes("put")));
  });
  EXPECT_EQ(Entries(folder_.path()), std::vector<std::string>{"kept"});
}

TEST_F(LocalFaultTest, FoldersAndFilesOfOthers) {
  tests::WriteFile(folder_.Child("secret"), "secret");
  tests::WriteFile(folder_.Child("closed/file"), "x");
  tests::WriteFile(folder_.Child("fixed/file"), "x");
  ASSERT_EQ(chmod(folder_.Child("secret").c_str(), 0), 0);
  ASSERT_EQ(chmod(folder_.Child("closed").c_str(), 0), 0);
  ASSERT_EQ(chmod(folder_.Child("fixed").c_str(), 0555), 0);
  constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
  tests::RunUnprivileged([&] {
    const auto store = *LocalStore::Open({.io = LocalIo::kThreads});
    const size_t num_descriptors = NumOpenDescriptors();
    EXPECT_THAT(store->Read(Path("secret")), StatusIs(kDenied, Failed("read", "secret")));
    EXPECT_THAT(store->Submit({{Path("secret"), {0, 1}}}).Wait(), StatusIs(kDenied, "/secret"));
    EXPECT_THAT(store->Stat(Path("closed/file")), StatusIs(kDenied, Failed("stat", "closed/file")));
    EXPECT_THAT(store->List(Path("closed"), {}), StatusIs(kDenied, Failed("list", "closed")));
    EXPECT_THAT(store->Put(Path("fixed/new"), AsBytes("x")),
                StatusIs(kDenied, Failed("create", "fixed/new")));
    EXPECT_THAT(store->PutIfAbsent(Path("fixed/new"), AsBytes("x")),
                StatusIs(kDenied, "/fixed/new"));
    EXPECT_THAT(store->OpenWrite(Path("fixed/new")), StatusIs(kDenied, "/fixed/new"));
    EXPECT_THAT(store->Put(Path("fixed/below/new"), {}), StatusIs(kDenied, "/fixed/below"));
    EXPECT_THAT(store->Delete(Path("fixed/file")),
                StatusIs(kDenied, Failed("delete", "fixed/file")));
    EXPECT_THAT(store->DeletePrefix(Path("fixed")),
                StatusIs(kDenied, Failed("delete folder", "fixed")));
    EXPECT_THAT(store->Rename(Path("fixed/file"), Path("fixed/other")),
                StatusIs(kDenied, Failed("rename", "fixed/file")));
    EXPECT_THAT(store->Copy(Path("secret"), Path("fixed/other")), StatusIs(kDenied, "/secret"));
    EXPECT_EQ(NumOpenDescriptors(), num_descriptors);
  });
  EXPECT_EQ(Entries(folder_.Child("fixed")), std::vector<std::string>{"file"});
  chmod(folder_.Child("closed").c_str(), 0755);
  chmod(folder_.Child("fixed").c_str(), 0755);
}

TEST_F(LocalFaultTest, OddNames) {
  ASSERT_EQ(symlink("loop", folder_.Child("loop").c_str()), 0);
  const auto store = *LocalStore::Open({.io = LocalIo::kThreads});
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const std::string long_name(256, 'n');
  for (const std::string& name : {std::string("loop"), std::string("loop/below"), long_name}) {
    EXPECT_THAT(store->Stat(Path(name)), StatusIs(kInvalid, name)) << name;
    EXPECT_THAT(store->Read(Path(name)), StatusIs(kInvalid, name)) << name;
    EXPECT_THAT(store->Submit({{Path(name), {0, 1}}}).Wait(), StatusIs(kInvalid, name)) << name;
  }
  EXPECT_THAT(store->Put(Path("loop/below"), AsBytes("x")), StatusIs(kInvalid, "loop/below"));
  EXPECT_THAT(store->PutIfAbsent(Path(long_name), AsBytes("x")), StatusIs(kInvalid, long_name));
  EXPECT_THAT(store->OpenWrite(Path(StrCat(long_name, "/x"))), StatusIs(kInvalid, long_name));
  EXPECT_EQ(Entries(folder_.path()), std::vector<std::string>{"loop"});
  // A name is replaced, not what it leads to.
  OG_EXPECT_OK(store->Put(Path("loop"), AsBytes("x")));
  EXPECT_EQ(tests::ReadFile(folder_.Child("loop")), "x");
}

// A real small file system, where the machine lets a test mount one.
TEST_F(LocalFaultTest, ARealSmallFileSystemFillsUpAndBecomesReadOnly) {
  constexpr int kCannotMount = 77;
  const pid_t child = fork();
  if (child == 0) {
    const std::string& mount_point = folder_.path();
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      _exit(kCannotMount);
    }
    mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=256k") != 0) _exit(kCannotMount);
    const auto store = *LocalStore::Open({});
    const std::string text = Letters(1 << 20);
    const size_t num_descriptors = NumOpenDescriptors();
    EXPECT_THAT(store->Put(Path("small"), AsBytes("x")), IsOk());
    for (const auto& [writer, write] : Writers("new")) {
      if (writer == "copy") continue;
      EXPECT_THAT(write(*store),
                  StatusIs(absl::StatusCode::kResourceExhausted, Failed("write", "new")))
          << writer;
      EXPECT_EQ(Entries(mount_point), std::vector<std::string>{"small"}) << writer;
    }
    EXPECT_THAT(store->Put(Path("small"), AsBytes(text)),
                StatusIs(absl::StatusCode::kResourceExhausted));
    // Space is there again.
    EXPECT_THAT(store->PutIfAbsent(Path("again"), AsBytes(text.substr(0, 100'000))), IsOk());
    if (mount(nullptr, mount_point.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0) {
      for (const auto& [writer, write] : Writers("new")) {
        if (writer == "copy") continue;
        EXPECT_THAT(write(*store), StatusIs(absl::StatusCode::kPermissionDenied, "Read-only"))
            << writer;
      }
      EXPECT_THAT(store->Delete(Path("small")),
                  StatusIs(absl::StatusCode::kPermissionDenied, Failed("delete", "small")));
      EXPECT_THAT(store->Read(Path("small")), IsOk());
    }
    EXPECT_LE(NumOpenDescriptors(), num_descriptors + 1);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kCannotMount) GTEST_SKIP() << "may not mount a file system here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace og::io
