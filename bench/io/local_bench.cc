// Local files: a cached 4 KiB read through each layer beside the bare system call, cold random
// reads on both engines, and what publishing and syncing cost.
//
//   bazel run -c opt //bench/io:local_bench -- --benchmark_min_time=0.3

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include <fcntl.h>
#include <unistd.h>

#include "io/base/text.h"
#include "io/fetch/fetcher.h"
#include "io/local/local_store.h"
#include "tests/support/temp_dir.h"

namespace og::io {
namespace {

constexpr uint64_t kFileBytes = uint64_t{64} << 20;
constexpr uint64_t kPageBytes = 4096;

// One file of zeros in a scratch folder, written once.
struct Fixture {
  Fixture() {
    const MutableBuffer zeros(kFileBytes);
    const auto put = store->Put(path, zeros.span());
    if (!put.ok() || !store->Sync(std::vector<std::string>{path}, Durability::kData).ok()) abort();
  }

  tests::TempDir folder;
  std::shared_ptr<LocalStore> store = *LocalStore::Open({});
  std::shared_ptr<LocalStore> threads = *LocalStore::Open({.io = LocalIo::kThreads});
  std::string path = folder.Child("file").substr(1);
};

Fixture& Files() {
  static Fixture& fixture = *new Fixture;
  return fixture;
}

uint64_t RandomOffset(std::mt19937_64& random) {
  return random() % (kFileBytes / kPageBytes) * kPageBytes;
}

void DropFromPageCache(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

void BM_CachedBarePread(benchmark::State& state) {
  const int fd = open(Files().folder.Child("file").c_str(), O_RDONLY);
  std::mt19937_64 random(1);
  char page[kPageBytes];
  for (auto _ : state) {
    benchmark::DoNotOptimize(pread(fd, page, kPageBytes, static_cast<off_t>(RandomOffset(random))));
  }
  close(fd);
}
BENCHMARK(BM_CachedBarePread);

void BM_CachedSubmit(benchmark::State& state) {
  std::mt19937_64 random(1);
  for (auto _ : state) {
    auto pending = Files().store->Submit(
        {{Files().path, {RandomOffset(random), kPageBytes}, state.range(0) != 0}});
    benchmark::DoNotOptimize(pending.Wait());
  }
}
BENCHMARK(BM_CachedSubmit)->ArgName("immutable")->Arg(0)->Arg(1);

void BM_CachedFetch(benchmark::State& state) {
  std::mt19937_64 random(1);
  const Fetcher fetcher;
  const Location file{Files().store, Files().path};
  for (auto _ : state) {
    benchmark::DoNotOptimize(fetcher.Submit(file, {{RandomOffset(random), kPageBytes}}).Wait());
  }
}
BENCHMARK(BM_CachedFetch);

void BM_CachedFetchThousand(benchmark::State& state) {
  std::mt19937_64 random(1);
  const Fetcher fetcher;
  const Location file{Files().store, Files().path};
  for (auto _ : state) {
    std::vector<ByteRange> ranges;
    for (int i = 0; i < 1000; ++i)
      ranges.push_back({RandomOffset(random), 100});
    benchmark::DoNotOptimize(fetcher.Submit(file, std::move(ranges)).Wait());
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_CachedFetchThousand);

void BM_CachedWholeFile(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(Files().store->Read(Files().path));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kFileBytes));
}
BENCHMARK(BM_CachedWholeFile);

// 256 random pages of a file that is not in the page cache.
void BM_ColdPages(benchmark::State& state) {
  LocalStore& store = state.range(0) != 0 ? *Files().threads : *Files().store;
  std::mt19937_64 random(1);
  for (auto _ : state) {
    state.PauseTiming();
    DropFromPageCache(Files().folder.Child("file"));
    std::vector<ReadRequest> requests;
    for (int i = 0; i < 256; ++i) {
      requests.push_back({Files().path, {RandomOffset(random), kPageBytes}, true});
    }
    state.ResumeTiming();
    benchmark::DoNotOptimize(store.Submit(std::move(requests)).Wait());
  }
  state.SetItemsProcessed(state.iterations() * 256);
}
BENCHMARK(BM_ColdPages)->ArgName("threads")->Arg(0)->Arg(1)->UseRealTime();

void BM_PutIfAbsent(benchmark::State& state) {
  const auto durability = static_cast<Durability>(state.range(0));
  const std::shared_ptr<LocalStore> store = *LocalStore::Open({.durability = durability});
  static int round = 0;
  const std::string folder = Files().folder.Child(StrCat("put", round++)).substr(1);
  const std::string text(1000, 'x');
  int i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(store->PutIfAbsent(StrCat(folder, "/", i++), AsBytes(text)));
  }
}
BENCHMARK(BM_PutIfAbsent)->ArgName("durability")->DenseRange(0, 2)->UseRealTime();

// 16 new files in four folders, made durable by one barrier.
void BM_Barrier(benchmark::State& state) {
  const std::string text(100'000, 'x');
  int round = 0;
  for (auto _ : state) {
    std::vector<std::string> paths;
    for (int i = 0; i < 16; ++i) {
      paths.push_back(
          Files().folder.Child(StrCat("barrier/", i % 4, "/", round, ".", i)).substr(1));
      benchmark::DoNotOptimize(Files().store->Put(paths.back(), AsBytes(text)));
    }
    ++round;
    benchmark::DoNotOptimize(Files().store->Sync(paths, static_cast<Durability>(state.range(0))));
  }
}
BENCHMARK(BM_Barrier)->ArgName("durability")->DenseRange(0, 2)->UseRealTime();

}  // namespace
}  // namespace og::io

BENCHMARK_MAIN();
