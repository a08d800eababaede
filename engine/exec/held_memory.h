// Memory that grows with what a stage holds.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"

#include "io/base/status_macros.h"
#include "io/env/memory_budget.h"

namespace og::engine::exec {

class HeldMemory {
 public:
  explicit HeldMemory(std::shared_ptr<io::MemoryBudget> budget) : budget_(std::move(budget)) {}

  // Refused growth changes nothing.
  absl::Status Set(uint64_t bytes) {
    if (reservation_.bytes() != 0) return reservation_.Resize(bytes);
    OG_ASSIGN_OR_RETURN(reservation_, budget_->Reserve(bytes));
    return absl::OkStatus();
  }
  absl::Status Add(uint64_t bytes) { return Set(reservation_.bytes() + bytes); }
  void Release() { reservation_.Release(); }

  uint64_t bytes() const { return reservation_.bytes(); }

 private:
  std::shared_ptr<io::MemoryBudget> budget_;
  io::MemoryReservation reservation_;
};

}  // namespace og::engine::exec
