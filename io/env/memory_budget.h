// The tree of memory budgets of a process. Work reserves before it allocates; a refused
// reservation makes it spill, shrink a cache, or end in an error that names the budget.
//
//   OG_ASSIGN_OR_RETURN(MemoryReservation memory, env.memory().Reserve(num_bytes));
//
// A reservation counts in its budget and in every budget above it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "io/base/sync.h"

namespace og::io {

class MemoryBudget;

// Bytes reserved from a budget, given back at the end of its life. Move-only, thread-compatible.
class MemoryReservation {
 public:
  MemoryReservation() = default;
  MemoryReservation(MemoryReservation&& other) noexcept { swap(other); }
  MemoryReservation& operator=(MemoryReservation&& other) noexcept {
    MemoryReservation taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~MemoryReservation() { Release(); }

  uint64_t bytes() const { return bytes_; }

  // Changes the reservation to `bytes`; refused growth changes nothing. A reservation without a
  // budget (default-constructed) can only be resized to 0.
  absl::Status Resize(uint64_t bytes);

  // Gives everything back.
  void Release();

 private:
  friend class MemoryBudget;
  MemoryReservation(std::shared_ptr<MemoryBudget> budget, uint64_t bytes)
      : budget_(std::move(budget)), bytes_(bytes) {}
  void swap(MemoryReservation& other) noexcept {
    budget_.swap(other.budget_);
    std::swap(bytes_, other.bytes_);
  }

  std::shared_ptr<MemoryBudget> budget_;
  uint64_t bytes_ = 0;
};

// One node of the tree. Any thread may call any method.
class MemoryBudget : public std::enable_shared_from_this<MemoryBudget> {
 public:
  // The root of a tree. `limit` in bytes.
  static std::shared_ptr<MemoryBudget> NewRoot(std::string name, uint64_t limit);

  // A budget below this one. Its own limit may exceed this one's: both have to allow a reservation.
  std::shared_ptr<MemoryBudget> NewChild(std::string name, uint64_t limit);

  // Reserves `bytes` here and above. If a budget has no room, the shrinkers of the tree are asked
  // first. kResourceExhausted names the budget that refused, what was wanted and its limit.
  absl::StatusOr<MemoryReservation> Reserve(uint64_t bytes);

  // A cache that can give memory back: `shrink(bytes)` frees about that much and returns how much
  // it freed. Called from any thread that reserves, so it must not reserve, and a thread must not
  // reserve while it holds a lock that `shrink` takes. Lives until RemoveShrinker() returns.
  uint64_t AddShrinker(std::function<uint64_t(uint64_t)> shrink);
  void RemoveShrinker(uint64_t id);

  const std::string& name() const { return name_; }
  uint64_t limit() const { return limit_; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  // The most that was ever reserved at one time.
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryReservation;

  struct Shrinkers {
    Mutex mutex;
    uint64_t next_id OG_GUARDED_BY(mutex) = 1;
    std::vector<std::pair<uint64_t, std::function<uint64_t(uint64_t)>>> list OG_GUARDED_BY(mutex);
  };

  MemoryBudget(std::string name, uint64_t limit, std::shared_ptr<MemoryBudget> parent);

  absl::Status Take(uint64_t bytes);
  void GiveBack(uint64_t bytes);
  // The budget without room, or null when `bytes` are now taken from this one up to the root.
  MemoryBudget* TryTake(uint64_t bytes);

  const std::string name_;
  const uint64_t limit_;
  const std::shared_ptr<MemoryBudget> parent_;
  const std::shared_ptr<Shrinkers> shrinkers_;  // one for the whole tree
  std::atomic<uint64_t> used_ = 0;
  std::atomic<uint64_t> peak_ = 0;
};

// "512MiB", "2GiB", "64k", "1048576": a whole number of bytes with an optional unit (k, m, g, t,
// also with "b" or "ib", any case, powers of 1024). nullopt for anything else, or on overflow.
std::optional<uint64_t> ParseByteSize(std::string_view text);

// Half of the smaller of the machine's memory and the control group's limit, in bytes.
uint64_t DefaultMemoryLimit();

}  // namespace og::io
