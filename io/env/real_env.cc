#include "io/env/real_env.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <span>
#include <system_error>
#include <utility>

#include <sched.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/uri.h"
#include "io/fetch/cached_store.h"
#include "io/memory/memory_store.h"
#include "io/s3/s3_store.h"
#include "io/s3/settings.h"
#include "io/store/far_calls.h"

namespace og::io {
namespace {

// Of the memory limit, for pages of objects on S3; other users of the memory make it shrink.
constexpr uint64_t kCacheShare = 8;

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

absl::Status WrongVariable(const char* name, std::string_view wanted) {
  return InvalidArgumentError(StrCat(name, " is \"", Variable(name), "\", wanted ", wanted));
}

int64_t ReadClock(clockid_t clock, int64_t units_per_second) {
  timespec now{};
  OG_CHECK(clock_gettime(clock, &now) == 0);
  return int64_t{now.tv_sec} * units_per_second + now.tv_nsec / (1'000'000'000 / units_per_second);
}

size_t NumProcessors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return static_cast<size_t>(std::max(CPU_COUNT(&set), 1));
}

// Random words of the kernel, fetched in blocks: a system call costs more than 64 words.
uint64_t KernelRandom() {
  thread_local std::array<uint64_t, 32> words;  // getrandom never cuts up to 256 bytes short
  thread_local size_t used = words.size();
  thread_local pid_t owner = 0;
  const pid_t self = getpid();
  if (used == words.size() || owner != self) {  // a forked child must not repeat its parent
    ssize_t got;
    do {
      got = getrandom(words.data(), sizeof(words), 0);
    } while (got < 0 && errno == EINTR);
    OG_CHECK(got == static_cast<ssize_t>(sizeof(words)));
    used = 0;
    owner = self;
  }
  return words[used++];
}

// The stores in memory of the process, by name.
std::shared_ptr<Store> MemoryStoreNamed(const std::string& name) {
  static Mutex& mutex = *new Mutex;
  static auto& stores = *new std::map<std::string, std::shared_ptr<Store>>;
  MutexLock lock(mutex);
  std::shared_ptr<Store>& store = stores[name];
  if (store == nullptr) {
    store = std::make_shared<MemoryStore>(StrCat("memory://", name, "/"),
                                          [] { return ReadClock(CLOCK_REALTIME, 1'000'000); });
  }
  return store;
}

// A bucket as callers get it: with the page cache that all buckets share, and what a store behind
// a network does better.
class Bucket : public CachedStore, public FarCalls {
 public:
  using CachedStore::CachedStore;

  std::vector<absl::StatusOr<Buffer>> ReadEach(std::span<const std::string> paths) override {
    return io::ReadEach(base(), paths);
  }
  absl::StatusOr<std::vector<ObjectInfo>> ListFirst(std::string_view prefix,
                                                    size_t limit) override {
    return io::ListFirst(base(), prefix, limit);
  }
};

class Machine : public Env {
 public:
  Machine(const RealEnvOptions& options, std::shared_ptr<LocalStore> local)
      : durability_(options.durability),
        local_(std::move(local)),
        wrap_store_(options.wrap_store),
        memory_(MemoryBudget::NewRoot(
            "memory", options.memory_limit == 0 ? DefaultMemoryLimit() : options.memory_limit)),
        pool_(options.num_threads == 0 ? NumProcessors() : options.num_threads) {}

  int64_t NowUs() override { return ReadClock(CLOCK_REALTIME, 1'000'000); }
  int64_t MonotonicNs() override { return ReadClock(CLOCK_MONOTONIC, 1'000'000'000); }

  void SleepUs(int64_t duration_us) override {
    timespec left{duration_us / 1'000'000, duration_us % 1'000'000 * 1000};
    while (duration_us > 0 && nanosleep(&left, &left) != 0)
      OG_CHECK(errno == EINTR);
  }

  void Wait(Mutex& mutex, Condition& condition, const std::function<bool()>& done) override {
    condition.Wait(mutex, done);
  }

  uint64_t RandomU64() override { return KernelRandom(); }

  absl::StatusOr<Location> Resolve(std::string_view uri) override {
    std::error_code error;
    const std::string working_folder = std::filesystem::current_path(error).string();
    OG_ASSIGN_OR_RETURN(ParsedUri parsed, ParseUri(uri, error ? "/" : working_folder));
    switch (parsed.scheme) {
      case ParsedUri::Scheme::kLocal:
        return Location{Wrapped(local_), std::move(parsed.path)};
      case ParsedUri::Scheme::kMemory:
        return Location{Wrapped(MemoryStoreNamed(parsed.authority)), std::move(parsed.path)};
      case ParsedUri::Scheme::kS3:
        break;
    }
    absl::StatusOr<std::shared_ptr<Store>> bucket = BucketNamed(parsed.authority);
    if (!bucket.ok()) {
      return Annotate(bucket.status(), StrCat("failed to initialize s3 storage for '", uri, "'"));
    }
    return Location{Cached(Wrapped(*std::move(bucket))), std::move(parsed.path)};
  }

  Durability durability() const override { return durability_; }
  WorkerPool& pool() override { return pool_; }
  const std::shared_ptr<MemoryBudget>& memory() override { return memory_; }

 private:
  // What callers get in place of `store`.
  std::shared_ptr<Store> Wrapped(std::shared_ptr<Store> store) {
    if (wrap_store_ == nullptr) return store;
    MutexLock lock(wrapped_mutex_);
    std::shared_ptr<Store>& wrapped = wrapped_[std::string(store->scheme_root())];
    if (wrapped == nullptr) wrapped = wrap_store_(std::move(store));
    return wrapped;
  }

  std::shared_ptr<Store> Cached(std::shared_ptr<Store> store) {
    MutexLock lock(cached_mutex_);
    if (cache_ == nullptr) {
      const uint64_t capacity = memory_->limit() / kCacheShare;
      cache_ = std::make_shared<PageCache>(memory_->NewChild("page cache", capacity), capacity);
    }
    std::shared_ptr<Store>& cached = cached_[std::string(store->scheme_root())];
    if (cached == nullptr) cached = std::make_shared<Bucket>(std::move(store), cache_);
    return cached;
  }

  // The store of a bucket, made when it is first named and kept, with its connections.
  absl::StatusOr<std::shared_ptr<Store>> BucketNamed(const std::string& name) {
    MutexLock lock(buckets_mutex_);
    std::shared_ptr<Store>& store = buckets_[name];
    if (store != nullptr) return store;
    OG_ASSIGN_OR_RETURN(S3Settings settings, S3Settings::FromEnvironment([](const char* variable) {
                          const char* value = std::getenv(variable);
                          return value == nullptr ? std::nullopt
                                                  : std::optional<std::string>(value);
                        }));
    OG_ASSIGN_OR_RETURN(store,
                        S3Store::Open({.bucket = name,
                                       .settings = std::move(settings),
                                       .runtime = {.now_us = [this] { return NowUs(); },
                                                   .monotonic_ns = [this] { return MonotonicNs(); },
                                                   .random = [this] { return RandomU64(); }}}));
    return store;
  }

  const Durability durability_;
  const std::shared_ptr<LocalStore> local_;
  const std::function<std::shared_ptr<Store>(std::shared_ptr<Store>)> wrap_store_;
  const std::shared_ptr<MemoryBudget> memory_;
  WorkerPool pool_;
  Mutex buckets_mutex_;
  std::map<std::string, std::shared_ptr<Store>> buckets_ OG_GUARDED_BY(buckets_mutex_);
  Mutex wrapped_mutex_;
  std::map<std::string, std::shared_ptr<Store>> wrapped_ OG_GUARDED_BY(wrapped_mutex_);
  Mutex cached_mutex_;
  std::shared_ptr<PageCache> cache_ OG_GUARDED_BY(cached_mutex_);
  std::map<std::string, std::shared_ptr<Store>> cached_ OG_GUARDED_BY(cached_mutex_);
};

struct CrashSpec {
  std::string name;
  uint64_t nth = 1;
};

// "name" or "name:nth".
absl::StatusOr<CrashSpec> ParseCrashPoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return CrashSpec{std::string(text)};
  const auto nth = ParseUint64(text.substr(colon + 1));
  if (!nth.has_value() || *nth == 0 || colon == 0) {
    return InvalidArgumentError(StrCat("crash point \"", text, "\", wanted name or name:nth"));
  }
  return CrashSpec{std::string(text.substr(0, colon)), *nth};
}

}  // namespace

absl::StatusOr<RealEnvOptions> RealEnvOptions::FromEnvironment() {
  RealEnvOptions options;
  if (const auto text = Variable("OMNIGRAPH_MEMORY"); !text.empty()) {
    const auto bytes = ParseByteSize(text);
    if (!bytes.has_value() || *bytes == 0) {
      return WrongVariable("OMNIGRAPH_MEMORY", "a size like 512MiB");
    }
    options.memory_limit = *bytes;
  }
  if (const auto text = Variable("OMNIGRAPH_DURABILITY"); !text.empty()) {
    const auto durability = ParseDurability(text);
    if (!durability.has_value()) {
      return WrongVariable("OMNIGRAPH_DURABILITY", "full, data or none");
    }
    options.durability = *durability;
  }
  if (const auto text = Variable("OMNIGRAPH_THREADS"); !text.empty()) {
    const auto count = ParseUint64(text);
    if (!count.has_value() || *count == 0 || *count > 1024) {
      return WrongVariable("OMNIGRAPH_THREADS", "a number from 1 to 1024");
    }
    options.num_threads = *count;
  }
  if (const auto text = Variable("OMNIGRAPH_IO"); text == "uring") {
    options.local_io = LocalIo::kUring;
  } else if (text == "threads") {
    options.local_io = LocalIo::kThreads;
  } else if (!text.empty() && text != "auto") {
    return WrongVariable("OMNIGRAPH_IO", "auto, uring or threads");
  }
  if (const auto text = Variable("OMNIGRAPH_CHECK_PAGES");
      !text.empty() && text != "0" && text != "1") {
    return WrongVariable("OMNIGRAPH_CHECK_PAGES", "0 or 1");
  }
  options.crash_point = Variable("OMNIGRAPH_CRASH_POINT");
  if (!options.crash_point.empty() && !ParseCrashPoint(options.crash_point).ok()) {
    return WrongVariable("OMNIGRAPH_CRASH_POINT", "name or name:nth");
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Env>> NewRealEnv(const RealEnvOptions& options) {
  OG_ASSIGN_OR_RETURN(std::shared_ptr<LocalStore> local,
                      LocalStore::Open({.durability = options.durability, .io = options.local_io}));
  auto machine = std::make_unique<Machine>(options, std::move(local));
  if (!options.crash_point.empty()) {
    OG_ASSIGN_OR_RETURN(const CrashSpec spec, ParseCrashPoint(options.crash_point));
    auto left = std::make_shared<std::atomic<uint64_t>>(spec.nth);
    machine->crash_points().Set(spec.name, [left]() -> absl::Status {
      // As a power switch: no destructor, no flush, no exit handler.
      if (left->fetch_sub(1) == 1) kill(getpid(), SIGKILL);
      return absl::OkStatus();
    });
  }
  return machine;
}

Env& RealEnv() {
  static Env& env = *[] {
    const auto options = RealEnvOptions::FromEnvironment();
    auto made = NewRealEnv(options.ok() ? *options : RealEnvOptions{});
    if (!made.ok()) made = NewRealEnv({});
    OG_CHECK(made.ok());  // the defaults demand nothing that could be missing
    return made->release();
  }();
  return env;
}

}  // namespace og::io
