#include "io/env/memory_budget.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <limits>

#include <unistd.h>

#include "io/base/check.h"
#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::io {
namespace {

// The number in a control file, or no limit ("max", or no such file).
uint64_t LimitInFile(const std::string& path) {
  std::ifstream in(path);
  std::string word;
  in >> word;
  return ParseUint64(word).value_or(std::numeric_limits<uint64_t>::max());
}

// The tightest memory limit of the control groups we are in, version 2 or 1.
uint64_t ControlGroupLimit() {
  uint64_t limit = LimitInFile("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    for (std::string group = line.substr(3);;) {
      limit = std::min(limit, LimitInFile(StrCat("/sys/fs/cgroup", group, "/memory.max")));
      const size_t slash = group.rfind('/');
      if (slash == std::string::npos) break;
      group.resize(slash);
    }
  }
  return limit;
}

}  // namespace

absl::Status MemoryReservation::Resize(uint64_t bytes) {
  if (bytes > bytes_) {
    if (budget_ == nullptr) return FailedPreconditionError("memory reservation without a budget");
    OG_RETURN_IF_ERROR(budget_->Take(bytes - bytes_));
  } else if (budget_ != nullptr) {
    budget_->GiveBack(bytes_ - bytes);
  }
  bytes_ = bytes;
  return absl::OkStatus();
}

void MemoryReservation::Release() {
  if (budget_ == nullptr) return;
  budget_->GiveBack(bytes_);
  budget_.reset();
  bytes_ = 0;
}

MemoryBudget::MemoryBudget(std::string name, uint64_t limit, std::shared_ptr<MemoryBudget> parent)
    : name_(std::move(name)),
      limit_(limit),
      parent_(std::move(parent)),
      shrinkers_(parent_ != nullptr ? parent_->shrinkers_ : std::make_shared<Shrinkers>()) {}

std::shared_ptr<MemoryBudget> MemoryBudget::NewRoot(std::string name, uint64_t limit) {
  return std::shared_ptr<MemoryBudget>(new MemoryBudget(std::move(name), limit, nullptr));
}

std::shared_ptr<MemoryBudget> MemoryBudget::NewChild(std::string name, uint64_t limit) {
  return std::shared_ptr<MemoryBudget>(
      new MemoryBudget(std::move(name), limit, shared_from_this()));
}

absl::StatusOr<MemoryReservation> MemoryBudget::Reserve(uint64_t bytes) {
  OG_RETURN_IF_ERROR(Take(bytes));
  return MemoryReservation(shared_from_this(), bytes);
}

absl::Status MemoryBudget::Take(uint64_t bytes) {
  const MemoryBudget* full = TryTake(bytes);
  if (full == nullptr) return absl::OkStatus();
  // More than there ever could be: emptying caches would not help.
  if (bytes <= full->limit_) {
    MutexLock lock(shrinkers_->mutex);
    uint64_t freed = 0;
    for (auto& [id, shrink] : shrinkers_->list) {
      if (freed < bytes) freed += shrink(bytes - freed);
    }
    full = TryTake(bytes);
    if (full == nullptr) return absl::OkStatus();
  }
  return ResourceExhaustedError(StrCat("memory budget \"", full->name_, "\" is spent: wanted ",
                                       bytes, " bytes, ", full->used(), " of ", full->limit_,
                                       " in use"));
}

MemoryBudget* MemoryBudget::TryTake(uint64_t bytes) {
  for (MemoryBudget* node = this; node != nullptr; node = node->parent_.get()) {
    uint64_t used = node->used_.load(std::memory_order_relaxed);
    do {
      if (used > node->limit_ || bytes > node->limit_ - used) {
        for (MemoryBudget* taken = this; taken != node; taken = taken->parent_.get()) {
          taken->used_.fetch_sub(bytes, std::memory_order_relaxed);
        }
        return node;
      }
    } while (!node->used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    uint64_t peak = node->peak_.load(std::memory_order_relaxed);
    while (peak < used + bytes &&
           !node->peak_.compare_exchange_weak(peak, used + bytes, std::memory_order_relaxed)) {
    }
  }
  return nullptr;
}

void MemoryBudget::GiveBack(uint64_t bytes) {
  for (MemoryBudget* node = this; node != nullptr; node = node->parent_.get()) {
    const uint64_t before = node->used_.fetch_sub(bytes, std::memory_order_relaxed);
    OG_CHECK(before >= bytes);
  }
}

uint64_t MemoryBudget::AddShrinker(std::function<uint64_t(uint64_t)> shrink) {
  MutexLock lock(shrinkers_->mutex);
  shrinkers_->list.emplace_back(shrinkers_->next_id, std::move(shrink));
  return shrinkers_->next_id++;
}

void MemoryBudget::RemoveShrinker(uint64_t id) {
  MutexLock lock(shrinkers_->mutex);
  std::erase_if(shrinkers_->list, [id](const auto& entry) { return entry.first == id; });
}

std::optional<uint64_t> ParseByteSize(std::string_view text) {
  text = Trim(text);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<uint64_t> number = ParseUint64(text.substr(0, digits));
  if (!number.has_value()) return std::nullopt;
  std::string unit(Trim(text.substr(digits)));
  for (char& c : unit)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (unit.empty() || unit == "b") return number;
  const size_t power = std::string_view("kmgt").find(unit[0]);
  const std::string_view rest = std::string_view(unit).substr(1);
  if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) {
    return std::nullopt;
  }
  const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
  if (*number > std::numeric_limits<uint64_t>::max() >> shift) return std::nullopt;
  return *number << shift;
}

uint64_t DefaultMemoryLimit() {
  const auto pages = static_cast<uint64_t>(std::max<int64_t>(sysconf(_SC_PHYS_PAGES), 0));
  const auto page_bytes = static_cast<uint64_t>(std::max<int64_t>(sysconf(_SC_PAGESIZE), 0));
  return std::min(pages * page_bytes, ControlGroupLimit()) / 2;
}

}  // namespace og::io
