// Ids, budgets, pool, gates, crash points, URIs, and the simulation: that a seed repeats a run and
// that actors never run at the same time.

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include <sys/wait.h>
#include <unistd.h>

#include "io/base/status.h"
#include "io/base/text.h"
#include "io/env/gate.h"
#include "io/env/real_env.h"
#include "io/env/sim_env.h"
#include "io/env/together.h"
#include "io/env/uri.h"
#include "io/fault/latency_store.h"
#include "io/fetch/cached_store.h"
#include "io/store/hooked_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

using tests::IsOk;
using tests::StatusIs;

// --- ids ---------------------------------------------------------------------------------------

TEST(IdsTest, UlidsAscendAndHaveTheFormOfTheStandard) {
  Env& env = RealEnv();
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = env.NewUlid();
    ASSERT_EQ(id.size(), 26u);
    ASSERT_EQ(id.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos) << id;
    ASSERT_LE(id[0], '7');
    ASSERT_LT(last, id);
    last = id;
  }
}

TEST(IdsTest, AUlidStartsWithItsTime) {
  // The example of the ULID specification.
  SimEnv env(1, {.start_us = int64_t{1'469'918'176'385} * 1000});
  EXPECT_EQ(env.NewUlid().substr(0, 10), "01ARYZ6S41");
}

TEST(IdsTest, UlidsOfRacingThreadsDiffer) {
  Env& env = RealEnv();
  std::vector<std::vector<std::string>> ids(4);
  std::vector<std::thread> threads;
  for (auto& mine : ids) {
    threads.emplace_back([&env, &mine] {
      for (int i = 0; i < 1000; ++i)
        mine.push_back(env.NewUlid());
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  std::set<std::string> all;
  for (const auto& mine : ids)
    all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 4000u);
}

TEST(IdsTest, UuidsAreVersionFour) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = RealEnv().NewUuid();
    ASSERT_EQ(id.size(), 36u);
    ASSERT_EQ(id[8], '-');
    ASSERT_EQ(id[13], '-');
    ASSERT_EQ(id[14], '4');
    ASSERT_EQ(id[18], '-');
    ASSERT_NE(std::string("89ab").find(id[19]), std::string::npos);
    ASSERT_EQ(id[23], '-');
    ASSERT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(IdsTest, AForkedChildDoesNotRepeatItsParent) {
  Env& env = RealEnv();
  env.RandomU64();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const uint64_t value = env.RandomU64();
    _exit(write(ends[1], &value, sizeof(value)) == sizeof(value) ? 0 : 1);
  }
  uint64_t theirs = 0;
  ASSERT_EQ(read(ends[0], &theirs, sizeof(theirs)), static_cast<ssize_t>(sizeof(theirs)));
  EXPECT_NE(env.RandomU64(), theirs);
  close(ends[0]);
  close(ends[1]);
  waitpid(child, nullptr, 0);
}

// --- memory budgets ----------------------------------------------------------------------------

TEST(MemoryBudgetTest, EveryBudgetOfTheChainHasToAllow) {
  const auto root = MemoryBudget::NewRoot("memory", 100);
  const auto sort = root->NewChild("sort", 60);
  const auto join = root->NewChild("join", 1000);
  OG_ASSERT_OK_AND_ASSIGN(MemoryReservation a, sort->Reserve(50));
  EXPECT_THAT(sort->Reserve(11), StatusIs(absl::StatusCode::kResourceExhausted,
                                          "\"sort\" is spent: wanted 11 bytes, 50 of 60"));
  EXPECT_THAT(join->Reserve(51), StatusIs(absl::StatusCode::kResourceExhausted, "\"memory\""));
  EXPECT_EQ(join->used(), 0u);
  OG_ASSERT_OK_AND_ASSIGN(MemoryReservation b, join->Reserve(50));
  EXPECT_EQ(root->used(), 100u);
  a.Release();
  EXPECT_EQ(root->used(), 50u);
  OG_EXPECT_OK(b.Resize(100));
  EXPECT_THAT(b.Resize(101), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(b.bytes(), 100u);
  OG_EXPECT_OK(b.Resize(1));
  EXPECT_EQ(root->used(), 1u);
  EXPECT_EQ(root->peak(), 100u);
  EXPECT_THAT(join->Reserve(UINT64_MAX), StatusIs(absl::StatusCode::kResourceExhausted));
  MemoryReservation moved = std::move(b);
  b = MemoryReservation();
  EXPECT_EQ(root->used(), 1u);
  moved = MemoryReservation();
  EXPECT_EQ(root->used(), 0u);
  EXPECT_EQ(sort->used(), 0u);
}

TEST(MemoryBudgetTest, CachesAreAskedBeforeARefusal) {
  const auto root = MemoryBudget::NewRoot("memory", 100);
  OG_ASSERT_OK_AND_ASSIGN(MemoryReservation cached, root->Reserve(80));
  uint64_t asked = 0;
  const uint64_t id = root->AddShrinker([&](uint64_t bytes) {
    asked = bytes;
    cached.Release();
    return uint64_t{80};
  });
  OG_ASSERT_OK_AND_ASSIGN(MemoryReservation work, root->NewChild("sort", 100)->Reserve(60));
  EXPECT_EQ(asked, 60u);
  EXPECT_EQ(root->used(), 60u);
  root->RemoveShrinker(id);
  EXPECT_THAT(root->Reserve(60), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(MemoryBudgetTest, RacingReservationsNeverExceedTheLimit) {
  const auto root = MemoryBudget::NewRoot("memory", 1000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&root] {
      const auto child = root->NewChild("work", 500);
      for (int i = 0; i < 20'000; ++i) {
        const auto reserved = child->Reserve(static_cast<uint64_t>(i % 400));
        ASSERT_LE(root->used(), 1000u);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(root->used(), 0u);
  EXPECT_LE(root->peak(), 1000u);
}

TEST(MemoryBudgetTest, SizesAsText) {
  EXPECT_EQ(ParseByteSize("0"), 0u);
  EXPECT_EQ(ParseByteSize("1048576"), 1048576u);
  EXPECT_EQ(ParseByteSize("512MiB"), uint64_t{512} << 20);
  EXPECT_EQ(ParseByteSize(" 2 g "), uint64_t{2} << 30);
  EXPECT_EQ(ParseByteSize("3kb"), 3072u);
  EXPECT_EQ(ParseByteSize("1T"), uint64_t{1} << 40);
  for (const char* wrong : {"", "MiB", "-1", "1.5g", "1x", "1mm", "18446744073709551615k", "1 1"}) {
    EXPECT_FALSE(ParseByteSize(wrong).has_value()) << wrong;
  }
  EXPECT_GT(DefaultMemoryLimit(), uint64_t{16} << 20);
}

// --- worker pool -------------------------------------------------------------------------------

TEST(WorkerPoolTest, EveryIndexRunsOnce) {
  for (const size_t num_threads : {0u, 1u, 4u}) {
    WorkerPool pool(num_threads);
    for (const size_t count : {0u, 1u, 2u, 1000u}) {
      std::vector<std::atomic<int>> runs(count);
      OG_EXPECT_OK(pool.ParallelFor(count, [&runs](size_t i) {
        ++runs[i];
        return absl::OkStatus();
      }));
      for (const auto& n : runs)
        EXPECT_EQ(n, 1);
    }
  }
}

TEST(WorkerPoolTest, NestedLoopsDoNotDeadlock) {
  WorkerPool pool(2);
  std::atomic<int> runs = 0;
  OG_EXPECT_OK(pool.ParallelFor(8, [&](size_t) {
    return pool.ParallelFor(8, [&](size_t) {
      TaskGroup group(pool);
      for (int i = 0; i < 4; ++i) {
        group.Run([&runs] {
          ++runs;
          return absl::OkStatus();
        });
      }
      return group.Wait();
    });
  }));
  EXPECT_EQ(runs, 256);
}

TEST(WorkerPoolTest, TheLowestFailureIsReported) {
  WorkerPool pool(4);
  for (int round = 0; round < 20; ++round) {
    // The lower failure comes last, then first, while the other one is under way.
    const auto fail_slowly = [round](size_t i) -> absl::Status {
      if (i % 10 != 7) return absl::OkStatus();
      RealEnv().SleepUs(i == 7 ? 1000 : (round % 2) * 3000);
      return InvalidArgumentError(StrCat("index ", i));
    };
    EXPECT_THAT(pool.ParallelFor(100, fail_slowly),
                StatusIs(absl::StatusCode::kInvalidArgument, testing::Eq("index 7")));
    TaskGroup group(pool);
    for (int i = 0; i < 10; ++i) {
      group.Run(
          [i] { return i >= 3 ? InvalidArgumentError(StrCat("task ", i)) : absl::OkStatus(); });
    }
    EXPECT_THAT(group.Wait(), StatusIs(absl::StatusCode::kInvalidArgument, testing::Eq("task 3")));
    OG_EXPECT_OK(group.Wait());
  }
}

TEST(WorkerPoolTest, SubmittedTasksRunBeforeThePoolEnds) {
  std::atomic<int> runs = 0;
  {
    WorkerPool pool(3);
    for (int i = 0; i < 100; ++i)
      pool.Submit([&runs] { ++runs; });
  }
  EXPECT_EQ(runs, 100);
}

// --- gates -------------------------------------------------------------------------------------

TEST(GateTest, WritersAreAloneAndReadersAreNot) {
  Gate gate;
  Env& env = RealEnv();
  int value = 0;  // guarded by the gate: the thread sanitizer would tell
  std::atomic<int> num_readers = 0, most_readers = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        {
          const GateHold hold = gate.Exclusive(env);
          ++value;
          ASSERT_EQ(num_readers, 0);
        }
        const GateHold hold = gate.Shared(env);
        const int readers = ++num_readers;
        if (readers > most_readers) most_readers = readers;
        --num_readers;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(value, 1200);

  GateHold first = gate.Shared(env);
  GateHold second = gate.Shared(env);  // does not wait
  GateHold moved = std::move(second);
  EXPECT_FALSE(second.held());
  moved.Release();
  first.Release();
  EXPECT_TRUE(gate.Exclusive(env).held());

  GateHold alone = gate.TryExclusive();
  EXPECT_TRUE(alone.held());
  EXPECT_FALSE(gate.TryExclusive().held());
  alone.Release();
  const GateHold reader = gate.Shared(env);
  EXPECT_FALSE(gate.TryExclusive().held());
}

// --- crash points ------------------------------------------------------------------------------

absl::Status PassPoints(Env& env, int* steps) {
  OG_CRASH_POINT(env, "test.first");
  ++*steps;
  OG_CRASH_POINT(env, "test.second");
  ++*steps;
  return absl::OkStatus();
}

TEST(CrashPointsTest, FailWhereTheyAreSet) {
  SimEnv env(1);
  int steps = 0;
  OG_EXPECT_OK(PassPoints(env, &steps));
  EXPECT_EQ(steps, 2);
  {
    const ScopedCrashPoint point(env.crash_points(), "test.second");
    EXPECT_THAT(PassPoints(env, &steps),
                StatusIs(absl::StatusCode::kInternal,
                         testing::Eq("injected failpoint triggered: test.second")));
    EXPECT_EQ(steps, 3);
    OG_EXPECT_OK(PassPoints(env, &steps));  // only the next time
    EXPECT_EQ(point.reached(), 2u);
  }
  env.crash_points().Fail("test.first", 3);
  OG_EXPECT_OK(PassPoints(env, &steps));
  OG_EXPECT_OK(PassPoints(env, &steps));
  EXPECT_FALSE(PassPoints(env, &steps).ok());
  EXPECT_EQ(env.crash_points().Clear("test.first"), 3u);
  {
    const ScopedCrashPoint point(env.crash_points(), "test.first",
                                 [] { return AbortedError("mine"); });
    EXPECT_THAT(PassPoints(env, &steps), StatusIs(absl::StatusCode::kAborted));
    EXPECT_THAT(PassPoints(env, &steps), StatusIs(absl::StatusCode::kAborted));
  }
  env.crash_points().StartTrace();
  OG_EXPECT_OK(PassPoints(env, &steps));
  EXPECT_EQ(env.crash_points().StopTrace(),
            (std::vector<std::string>{"test.first", "test.second"}));
}

TEST(CrashPointsTest, AParkedThreadWaitsForItsRelease) {
  Env& env = RealEnv();
  ParkedCrashPoint parked(env.crash_points(), "test.second");
  std::atomic<int> steps = 0;
  std::thread thread([&] {
    int mine = 0;
    EXPECT_THAT(PassPoints(env, &mine), IsOk());
    steps = mine;
  });
  parked.WaitReached();
  EXPECT_EQ(steps, 0);
  int mine = 0;
  OG_EXPECT_OK(PassPoints(env, &mine));  // only the first one is parked
  parked.Release();
  thread.join();
  EXPECT_EQ(steps, 2);
}

TEST(CrashPointsTest, TheVariableKillsTheProcess) {
  OG_ASSERT_OK_AND_ASSIGN(const auto env, NewRealEnv({.crash_point = "test.second:2"}));
  const pid_t child = fork();
  if (child == 0) {
    int steps = 0;
    if (!PassPoints(*env, &steps).ok()) _exit(1);
    static_cast<void>(PassPoints(*env, &steps));
    _exit(2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_THAT(NewRealEnv({.crash_point = "x:0"}), StatusIs(absl::StatusCode::kInvalidArgument));
}

// --- options and URIs --------------------------------------------------------------------------

TEST(RealEnvTest, WrongVariablesAreNamed) {
  const std::vector<std::pair<const char*, const char*>> kWrong = {
      {"OMNIGRAPH_MEMORY", "much"},     {"OMNIGRAPH_DURABILITY", "yes"},
      {"OMNIGRAPH_THREADS", "0"},       {"OMNIGRAPH_IO", "mmap"},
      {"OMNIGRAPH_CHECK_PAGES", "yes"}, {"OMNIGRAPH_CRASH_POINT", ":1"}};
  for (const auto& [name, value] : kWrong) {
    ASSERT_EQ(setenv(name, value, 1), 0);
    EXPECT_THAT(RealEnvOptions::FromEnvironment(),
                StatusIs(absl::StatusCode::kInvalidArgument, StrCat(name, " is \"", value, "\"")));
    unsetenv(name);
  }
  setenv("OMNIGRAPH_MEMORY", "64MiB", 1);
  setenv("OMNIGRAPH_DURABILITY", "none", 1);
  setenv("OMNIGRAPH_THREADS", "3", 1);
  setenv("OMNIGRAPH_IO", "threads", 1);
  const auto options = RealEnvOptions::FromEnvironment();
  for (const auto& [name, value] : kWrong)
    unsetenv(name);
  OG_ASSERT_OK(options);
  OG_ASSERT_OK_AND_ASSIGN(const auto env, NewRealEnv(*options));
  EXPECT_EQ(env->memory()->limit(), uint64_t{64} << 20);
  EXPECT_EQ(env->durability(), Durability::kNone);
  EXPECT_EQ(env->pool().num_threads(), 3u);
  EXPECT_EQ(options->local_io, LocalIo::kThreads);
}

TEST(UriTest, LocalPathsBecomeAbsolute) {
  EXPECT_EQ(AbsolutePath("a/../b/./c//", "/w"), "/w/b/c");
  EXPECT_EQ(AbsolutePath("../../../x", "/w/v"), "/x");
  EXPECT_EQ(AbsolutePath("/", "/w"), "/");
  EXPECT_EQ(AbsolutePath(".", "/w"), "/w");
  const auto path_of = [](std::string_view uri) {
    const auto parsed = ParseUri(uri, "/w");
    return parsed.ok()
               ? StrCat(static_cast<int>(parsed->scheme), " ", parsed->authority, " ", parsed->path)
               : tests::DescribeStatus(parsed.status());
  };
  EXPECT_EQ(path_of("g"), "0  w/g");
  EXPECT_EQ(path_of("/a/b/"), "0  a/b");
  EXPECT_EQ(path_of("file:///a/../b/"), "0  b");
  EXPECT_EQ(path_of("file://localhost/a"), "0  a");
  EXPECT_EQ(path_of("a://b"), "UNIMPLEMENTED: a://b: unknown scheme \"a\"");
  EXPECT_EQ(path_of("1a://b"), "0  w/1a:/b");
  EXPECT_EQ(path_of("memory://n/a/b/"), "1 n a/b");
  EXPECT_EQ(path_of("memory://n"), "1 n ");
  EXPECT_EQ(path_of("s3://bucket/a/../../b"), "2 bucket b");
  EXPECT_THAT(ParseUri("", "/w"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseUri("s3://", "/w"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseUri("file://a", "/w"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(RealEnvTest, ResolvesToStores) {
  const tests::TempDir folder;
  Env& env = RealEnv();
  OG_ASSERT_OK_AND_ASSIGN(const Location local, env.Resolve(folder.Child("graph/")));
  EXPECT_EQ(local.Uri(), StrCat("file://", folder.Child("graph")));
  OG_ASSERT_OK(local.store->Put(local.Child("x").path, AsBytes("1")));
  EXPECT_EQ(tests::ReadFile(folder.Child("graph/x")), "1");

  OG_ASSERT_OK_AND_ASSIGN(const Location one, env.Resolve("memory://env_test/a"));
  OG_ASSERT_OK_AND_ASSIGN(const Location same, env.Resolve("memory://env_test/b"));
  EXPECT_EQ(one.store, same.store);
  EXPECT_EQ(one.Child("c").Uri(), "memory://env_test/a/c");

  OG_ASSERT_OK_AND_ASSIGN(const Location bucket, env.Resolve("s3://bucket/x/"));
  OG_ASSERT_OK_AND_ASSIGN(const Location again, env.Resolve("s3://bucket"));
  EXPECT_EQ(bucket.store, again.store);
  EXPECT_EQ(bucket.Uri(), "s3://bucket/x");
  OG_ASSERT_OK_AND_ASSIGN(const Location other, env.Resolve("s3://other/x"));
  EXPECT_NE(CacheOf(*bucket.store), nullptr);
  EXPECT_EQ(CacheOf(*bucket.store), CacheOf(*other.store));
  EXPECT_EQ(CacheOf(*local.store), nullptr);
  EXPECT_THAT(env.Resolve("s3://no bucket/x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "failed to initialize s3 storage for 's3://no bucket/x'"));
}

TEST(RealEnvTest, StoresAreWrappedOnce) {
  int num_wrapped = 0;
  RealEnvOptions options;
  options.wrap_store = [&num_wrapped](std::shared_ptr<Store> store) {
    ++num_wrapped;
    return std::make_shared<HookedStore>(std::move(store));
  };
  OG_ASSERT_OK_AND_ASSIGN(const auto env, NewRealEnv(options));
  for (const char* uri : {"/tmp/x", "memory://wrapped/x", "s3://bucket/x"}) {
    OG_ASSERT_OK_AND_ASSIGN(const Location one, env->Resolve(uri));
    OG_ASSERT_OK_AND_ASSIGN(const Location same, env->Resolve(uri));
    EXPECT_EQ(one.store, same.store) << uri;
  }
  EXPECT_EQ(num_wrapped, 3);
}

TEST(RealEnvTest, ClocksGoOn) {
  Env& env = RealEnv();
  const int64_t start_ns = env.MonotonicNs();
  const int64_t start_us = env.NowUs();
  env.SleepUs(2000);
  EXPECT_GE(env.MonotonicNs() - start_ns, 2'000'000);
  EXPECT_GE(start_us, int64_t{1'600'000'000'000'000});
}

// --- simulation --------------------------------------------------------------------------------

// What three actors that race on a counter in a store do, step by step.
std::string RunRace(uint64_t seed) {
  SimEnv env(seed);
  const Location root = *env.Resolve("/g");
  std::string trace;  // written by one actor at a time; the thread sanitizer would tell
  std::vector<std::function<void()>> actors;
  for (int a = 0; a < 3; ++a) {
    actors.push_back([&, a] {
      for (int i = 0; i < 5; ++i) {
        const auto put = root.store->PutIfAbsent(root.Child(StrCat(i)).path, AsBytes(StrCat(a)));
        trace.append(StrCat(a, put.ok() ? "+" : "-", env.RandomU64() % 10, " "));
        env.SleepUs(static_cast<int64_t>(env.RandomU64() % 1000));
      }
    });
  }
  env.RunActors(std::move(actors));
  return StrCat(trace, env.NewUlid(), " ", env.NowUs());
}

TEST(SimEnvTest, ASeedRepeatsARun) {
  std::set<std::string> runs;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::string run = RunRace(seed);
    EXPECT_EQ(run, RunRace(seed));
    EXPECT_EQ(static_cast<int>(std::count(run.begin(), run.end(), '+')), 5) << run;
    runs.insert(run);
  }
  EXPECT_EQ(runs.size(), 20u);
}

TEST(SimEnvTest, SleepersWakeInTheOrderOfTheirTime) {
  SimEnv env(3);
  std::string order;
  const int64_t start_us = env.NowUs();
  env.RunActors({[&] {
                   env.SleepUs(3'000'000);
                   order.push_back('c');
                 },
                 [&] {
                   env.SleepUs(1'000'000);
                   order.push_back('a');
                   env.SleepUs(1'000'000);
                   order.push_back('b');
                 }});
  EXPECT_EQ(order, "abc");
  EXPECT_GE(env.NowUs() - start_us, 3'000'000);
  EXPECT_LT(env.NowUs() - start_us, 3'100'000);
}

TEST(SimEnvTest, GatesHoldAcrossSwitchPoints) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimEnv env(seed);
    const Location root = *env.Resolve("memory://g/x");
    Gate gate;
    bool is_inside = false;
    std::vector<std::function<void()>> actors(4, [&] {
      for (int i = 0; i < 3; ++i) {
        const GateHold hold = gate.Exclusive(env);
        ASSERT_FALSE(is_inside);
        is_inside = true;
        OG_EXPECT_OK(root.store->Put(root.path, {}));
        env.SleepUs(10);
        is_inside = false;
      }
    });
    env.RunActors(std::move(actors));
  }
}

void CrossTwoGates(uint64_t seed) {
  SimEnv env(seed);
  Gate a, b;
  const auto take = [&env](Gate& first, Gate& second) {
    const GateHold outer = first.Exclusive(env);
    env.SleepUs(100);
    const GateHold inner = second.Exclusive(env);
  };
  env.RunActors({[&] { take(a, b); }, [&] { take(b, a); }});
}

// The milliseconds that `body`, run as an actor over a store whose requests take 5 ms, takes.
int64_t MillisecondsOf(const std::function<void(SimEnv&, Store&)>& body) {
  SimEnv* self = nullptr;
  SimEnvOptions options;
  options.wrap_store = [&self](std::shared_ptr<Store> store) {
    return std::make_shared<LatencyStore>(*self, std::move(store), 5000);
  };
  SimEnv env(1, options);
  self = &env;
  const auto root = env.Resolve("memory://disk/r");
  int64_t elapsed_us = 0;
  env.RunActors({[&] {
    const int64_t start = env.NowUs();
    body(env, *root->store);
    elapsed_us = env.NowUs() - start;
  }});
  return elapsed_us / 1000;
}

TEST(TogetherTest, RequestsWaitAtTheSameTime) {
  const auto get = [](Store& store) { return store.Stat("x").status(); };
  EXPECT_EQ(MillisecondsOf([&](SimEnv&, Store& store) {
              get(store).IgnoreError();
              get(store).IgnoreError();
            }),
            10);
  EXPECT_EQ(MillisecondsOf([&](SimEnv& env, Store& store) {
              const auto two = [&] {
                get(store).IgnoreError();
                return get(store);
              };
              // As long as the longest of them, and one may have its own.
              const auto nested = [&] {
                return RunTogether(env, store, {[&] { return get(store); }, two});
              };
              EXPECT_THAT(RunTogether(env, store, {two, [&] { return get(store); }, nested}),
                          tests::StatusIs(absl::StatusCode::kNotFound));
            }),
            10);
}

TEST(TogetherTest, ABatchOfRangesIsOneRound) {
  EXPECT_EQ(MillisecondsOf([&](SimEnv&, Store& store) {
              const std::string text(100, 'x');
              EXPECT_THAT(store.Put("x", AsBytes(text)), tests::IsOk());
              PendingReads first = store.Submit({{"x", {0, 10}}, {"x", {50, 10}}});
              PendingReads second = store.Submit({{"x", {20, 10}}});
              EXPECT_THAT(first.Wait(), tests::IsOk());
              EXPECT_THAT(second.Wait(), tests::IsOk());
            }),
            10);
}

TEST(TogetherTest, AllTasksRunAndTheFirstFailureIsReported) {
  RealEnvOptions options;
  const auto env = NewRealEnv(options);
  ASSERT_THAT(env, tests::IsOk());
  const auto near = (*env)->Resolve("memory://disk/r");
  std::atomic<int> runs = 0;
  std::vector<std::function<absl::Status()>> tasks(5, [&]() -> absl::Status {
    ++runs;
    return absl::OkStatus();
  });
  tasks[1] = [&] { return InternalError("one"); };
  tasks[3] = [&] { return DataLossError("three"); };
  EXPECT_THAT(RunTogether(**env, *near->store, tasks),
              tests::StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(runs, 3);
  // The same on threads.
  class FarStore : public HookedStore {
   public:
    using HookedStore::HookedStore;
    bool is_local() const override { return false; }
  };
  EXPECT_THAT(RunTogether(**env, FarStore(near->store), tasks),
              tests::StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(runs, 6);
}

TEST(SimEnvDeathTest, ADeadlockStopsTheProgramWithItsSeed) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(CrossTwoGates(77), "waits for ever, seed 77");
}

}  // namespace
}  // namespace og::io
