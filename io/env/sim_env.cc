#include "io/env/sim_env.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include <sched.h>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"
#include "io/env/thread_scheduler.h"
#include "io/env/uri.h"
#include "io/memory/memory_store.h"
#include "io/store/hooked_store.h"

namespace og::io {
namespace {

// Every call of the store is a switch point.
class SwitchingStore : public HookedStore {
 public:
  SwitchingStore(SimEnv* env, std::shared_ptr<Store> base)
      : HookedStore(std::move(base)), env_(env) {}

 protected:
  absl::Status Before(StoreCall, std::string_view) override {
    env_->Yield();
    return absl::OkStatus();
  }

 private:
  SimEnv* const env_;
};

struct Actor {
  std::function<void()> body;
  Condition turn;
  int64_t wakes_ns = 0;                         // may not go on before
  const std::function<bool()>* done = nullptr;  // may not go on until; null: nothing to wait for
  bool has_ended = false;
};

// The actor that this thread runs, null outside RunActors().
thread_local Actor* this_actor = nullptr;

// Keeps this thread, and those that it starts, on the processor where it runs now. Of the actors
// one runs at a time: the baton goes to the next many times faster where no other processor has
// to be woken.
class OneProcessor {
 public:
  OneProcessor() {
    if (sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<size_t>(std::max(sched_getcpu(), 0)), &here);
    is_set_ = sched_setaffinity(0, sizeof(here), &here) == 0;
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;
  ~OneProcessor() {
    if (is_set_) sched_setaffinity(0, sizeof(before_), &before_);
  }

 private:
  cpu_set_t before_;
  bool is_set_ = false;
};

}  // namespace

struct SimEnv::State {
  State(uint64_t seed_in, SimEnvOptions options_in, Scheduler* scheduler_in)
      : scheduler(scheduler_in),
        seed(seed_in),
        options(std::move(options_in)),
        chance(seed_in),
        schedule(seed_in ^ 0x9e3779b97f4a7c15u),
        pool(0),
        memory(MemoryBudget::NewRoot("memory", options.memory_limit)) {}

  // Hands the baton to an actor that can go on, or to none when all have ended.
  void PassOn() OG_REQUIRES(mutex);
  bool CanGoOn(const Actor& actor) OG_REQUIRES(mutex);
  // A new actor, and the thread on which it waits for its turn.
  Actor* Add(std::function<void()> body) OG_REQUIRES(mutex);
  std::thread Start(Actor* actor);

  Scheduler* const scheduler;  // of the actors
  const uint64_t seed;
  const SimEnvOptions options;

  Mutex mutex;
  int64_t elapsed_ns OG_GUARDED_BY(mutex) = 0;
  std::mt19937_64 chance OG_GUARDED_BY(mutex);
  std::mt19937_64 schedule OG_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Actor>> actors OG_GUARDED_BY(mutex);
  Actor* holder OG_GUARDED_BY(mutex) = nullptr;
  Condition all_ended;
  std::map<std::string, std::shared_ptr<Store>> stores OG_GUARDED_BY(mutex);

  WorkerPool pool;
  const std::shared_ptr<MemoryBudget> memory;
};

bool SimEnv::State::CanGoOn(const Actor& actor) {
  return !actor.has_ended && actor.wakes_ns <= elapsed_ns &&
         (actor.done == nullptr || (*actor.done)());
}

void SimEnv::State::PassOn() {
  for (;;) {
    std::vector<Actor*> ready;
    int64_t first_wake = INT64_MAX;
    bool have_all_ended = true;
    for (const auto& actor : actors) {
      if (actor->has_ended) continue;
      have_all_ended = false;
      if (CanGoOn(*actor)) {
        ready.push_back(actor.get());
      } else if (actor->wakes_ns > elapsed_ns) {
        first_wake = std::min(first_wake, actor->wakes_ns);
      }
    }
    if (have_all_ended) {
      holder = nullptr;
      all_ended.NotifyAll();
      return;
    }
    if (!ready.empty()) {
      holder = ready[schedule() % ready.size()];
      holder->turn.NotifyAll();
      return;
    }
    if (first_wake == INT64_MAX) {
      std::fprintf(stderr, "simulation: every actor waits for ever, seed %llu\n",
                   static_cast<unsigned long long>(seed));
      OG_CHECK(first_wake != INT64_MAX);
    }
    elapsed_ns = first_wake;
  }
}

Actor* SimEnv::State::Add(std::function<void()> body) {
  actors.push_back(std::make_unique<Actor>());
  actors.back()->body = std::move(body);
  return actors.back().get();
}

std::thread SimEnv::State::Start(Actor* actor) {
  return std::thread([this, actor] {
    this_actor = actor;
    SetSchedulerOfThisThread(scheduler);
    {
      MutexLock turn_lock(mutex);
      actor->turn.Wait(mutex, [&]() OG_NO_THREAD_SAFETY_ANALYSIS { return holder == actor; });
    }
    actor->body();
    MutexLock end_lock(mutex);
    actor->has_ended = true;
    PassOn();
  });
}

SimEnv::SimEnv(uint64_t seed, SimEnvOptions options)
    : state_(std::make_unique<State>(seed, std::move(options), this)) {}

SimEnv::~SimEnv() = default;

uint64_t SimEnv::seed() const {
  return state_->seed;
}

void SimEnv::RunActors(std::vector<std::function<void()>> bodies) {
  OG_CHECK(this_actor == nullptr);
  const OneProcessor one_processor;
  State& state = *state_;
  std::vector<std::thread> threads;
  {
    MutexLock lock(state.mutex);
    for (auto& body : bodies)
      threads.push_back(state.Start(state.Add(std::move(body))));
    state.PassOn();
    state.all_ended.Wait(
        state.mutex, [&state]() OG_NO_THREAD_SAFETY_ANALYSIS { return state.holder == nullptr; });
  }
  for (std::thread& thread : threads)
    thread.join();
  MutexLock lock(state.mutex);
  state.actors.clear();
}

void SimEnv::RunAll(const std::vector<std::function<void()>>& bodies) {
  Actor* const self = this_actor;
  if (self == nullptr) {
    for (const auto& body : bodies)
      body();
    return;
  }
  State& state = *state_;
  std::vector<Actor*> own;
  std::vector<std::thread> threads;
  const std::function<bool()> have_ended = [&own] {
    return std::ranges::all_of(own, [](const Actor* actor) { return actor->has_ended; });
  };
  {
    MutexLock lock(state.mutex);
    for (const auto& body : bodies) {
      own.push_back(state.Add(body));
      threads.push_back(state.Start(own.back()));
    }
    self->done = &have_ended;
  }
  Yield();
  for (std::thread& thread : threads)
    thread.join();
  MutexLock lock(state.mutex);
  self->done = nullptr;
  std::erase_if(state.actors, [&own](const std::unique_ptr<Actor>& actor) {
    return std::ranges::count(own, actor.get()) != 0;
  });
}

void SimEnv::Yield() {
  Actor* const self = this_actor;
  if (self == nullptr) return;
  MutexLock lock(state_->mutex);
  state_->PassOn();
  self->turn.Wait(state_->mutex,
                  [&]() OG_NO_THREAD_SAFETY_ANALYSIS { return state_->holder == self; });
}

void SimEnv::SleepUs(int64_t duration_us) {
  Actor* const self = this_actor;
  if (self == nullptr) {
    AdvanceUs(duration_us);
    return;
  }
  {
    MutexLock lock(state_->mutex);
    self->wakes_ns = state_->elapsed_ns + std::max<int64_t>(duration_us, 0) * 1000;
  }
  Yield();
}

// The scheduler calls `done` while the caller of Wait() has left `mutex` and no other actor runs,
// so that nobody changes what it reads.
void SimEnv::Wait(Mutex& mutex, Condition& condition,
                  const std::function<bool()>& done) OG_NO_THREAD_SAFETY_ANALYSIS {
  Actor* const self = this_actor;
  if (self == nullptr) {
    condition.Wait(mutex, done);
    return;
  }
  mutex.Unlock();
  {
    MutexLock lock(state_->mutex);
    self->done = &done;
  }
  Yield();
  {
    MutexLock lock(state_->mutex);
    self->done = nullptr;
  }
  mutex.Lock();
  OG_CHECK(done());
}

void SimEnv::AdvanceUs(int64_t duration_us) {
  MutexLock lock(state_->mutex);
  state_->elapsed_ns += std::max<int64_t>(duration_us, 0) * 1000;
}

int64_t SimEnv::NowUs() {
  MutexLock lock(state_->mutex);
  state_->elapsed_ns += 1000;
  return state_->options.start_us + state_->elapsed_ns / 1000;
}

int64_t SimEnv::MonotonicNs() {
  MutexLock lock(state_->mutex);
  state_->elapsed_ns += 1000;
  return state_->elapsed_ns;
}

uint64_t SimEnv::RandomU64() {
  MutexLock lock(state_->mutex);
  return state_->chance();
}

absl::StatusOr<Location> SimEnv::Resolve(std::string_view uri) {
  OG_ASSIGN_OR_RETURN(ParsedUri parsed, ParseUri(uri, "/"));
  if (parsed.scheme == ParsedUri::Scheme::kS3) {
    return UnimplementedError(StrCat(uri, ": the simulation has no S3 store"));
  }
  const bool is_file = parsed.scheme == ParsedUri::Scheme::kLocal;
  const std::string root = is_file ? "file:///" : StrCat("memory://", parsed.authority, "/");
  MutexLock lock(state_->mutex);
  std::shared_ptr<Store>& store = state_->stores[root];
  if (store == nullptr) {
    std::shared_ptr<Store> made = std::make_shared<MemoryStore>(root, [this] { return NowUs(); });
    if (state_->options.wrap_store) made = state_->options.wrap_store(std::move(made));
    store = std::make_shared<SwitchingStore>(this, std::move(made));
  }
  return Location{store, std::move(parsed.path)};
}

Durability SimEnv::durability() const {
  return state_->options.durability;
}

WorkerPool& SimEnv::pool() {
  return state_->pool;
}

const std::shared_ptr<MemoryBudget>& SimEnv::memory() {
  return state_->memory;
}

}  // namespace og::io
