// A store that fails on demand: named calls, calls by chance, or everything from the nth change on.
//
// The faults that it injects, and no others: an error before a call takes effect; an error after a
// change took effect (the answer is lost); a whole-object read that ends early; a callback, with
// which a test delays or interleaves; and the end of the process at a chosen change. What is lost
// when the power goes is power_loss_store.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/sync.h"
#include "io/store/hooked_store.h"

namespace og::io {

// Applies to the `nth` call from now that matches, and to the `times - 1` matching ones after it.
struct Fault {
  enum class Kind : uint8_t {
    kBefore,    // fail, nothing happened
    kAfter,     // fail, but it happened
    kTruncate,  // Read() gives the first half
    kCallback,  // call `action`, then go on
  };

  Kind kind = Kind::kBefore;
  std::optional<StoreCall> call = {};  // not set: any
  std::string path_part = {};          // that the path contains
  uint64_t nth = 1;
  uint64_t times = 1;
  absl::Status status = {};           // of the failure; ok: kUnavailable "injected fault: ..."
  std::function<void()> action = {};  // of kCallback; runs under no lock
};

// Any thread may call any method.
class FaultStore : public HookedStore {
 public:
  explicit FaultStore(std::shared_ptr<Store> base) : HookedStore(std::move(base)) {}

  void Add(Fault fault);

  // Each call fails with a chance of `per_thousand`, half of the changes after they took effect.
  void FailRandomly(uint64_t seed, uint32_t per_thousand);

  // The process ends at the `nth` change from now (see IsMutation), just before it or, with
  // `takes_effect`, just after it: that call and every later one fail.
  void StopAtChange(uint64_t nth, bool takes_effect);

  // The answer of the `nth` conditional put from now is lost, PutIfAbsent and PutIfMatch counted
  // together: kUnavailable, and it happened if `takes_effect`.
  void LoseAnswerOfConditionalPut(uint64_t nth, bool takes_effect);

  // No faults from now on; a stopped store goes on.
  void Clear();

  // Changes that were asked for since the store was made.
  uint64_t num_changes() const;

  // Conditional puts that were asked for since the store was made.
  uint64_t num_conditional_puts() const;

  // Whether StopAtChange() has struck.
  bool is_stopped() const;

  // Faults that have struck since the store was made.
  uint64_t num_faults() const;

  absl::StatusOr<Buffer> Read(std::string_view path) override;

 protected:
  absl::Status Before(StoreCall call, std::string_view path) override;
  absl::Status After(StoreCall call, std::string_view path, uint64_t bytes,
                     const absl::Status& status) override;

 private:
  struct Armed {
    Fault fault;
    uint64_t num_seen = 0;
  };

  // The fault of `kind` that strikes this call, if one does. Counts the call for each that matches.
  std::optional<Fault> Strike(StoreCall call, std::string_view path, Fault::Kind kind)
      OG_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::vector<Armed> armed_ OG_GUARDED_BY(mutex_);
  std::mt19937_64 random_ OG_GUARDED_BY(mutex_);
  uint32_t per_thousand_ OG_GUARDED_BY(mutex_) = 0;
  uint64_t num_changes_ OG_GUARDED_BY(mutex_) = 0;
  uint64_t num_faults_ OG_GUARDED_BY(mutex_) = 0;
  uint64_t stop_at_ OG_GUARDED_BY(mutex_) = 0;  // a value of num_changes_; 0: never
  bool stop_takes_effect_ OG_GUARDED_BY(mutex_) = false;
  bool is_stopped_ OG_GUARDED_BY(mutex_) = false;
  uint64_t num_conditional_puts_ OG_GUARDED_BY(mutex_) = 0;
  uint64_t lose_at_ OG_GUARDED_BY(mutex_) = 0;  // a value of num_conditional_puts_; 0: never
  bool lost_takes_effect_ OG_GUARDED_BY(mutex_) = false;
};

}  // namespace og::io
