// From the ids in an index, which are stable row ids or addresses, to positions in scan order: for
// very many of them, in any order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"

#include "io/env/memory_budget.h"

namespace og::engine::dataset {

class RowPlaces {
 public:
  // The rows at positions [position, position + count) have the ids from `id` on. No id twice.
  void Add(uint64_t id, uint64_t count, uint32_t position);

  // Ends adding. kResourceExhausted if `budget` refuses.
  absl::Status Finish(const std::shared_ptr<io::MemoryBudget>& budget);

  // The position of the row with each of `ids`; kNoPosition where there is none. REQUIRES:
  // Finish().
  std::vector<uint32_t> PositionsOf(std::span<const uint64_t> ids) const;

 private:
  struct Piece {
    uint64_t id = 0;
    uint64_t count = 0;
    uint32_t position = 0;
  };
  uint32_t Search(uint64_t id) const;

  std::vector<Piece> pieces_;    // ascending by id
  std::vector<uint32_t> table_;  // by id from the first one on, where there are several pieces
  io::MemoryReservation memory_;
};

}  // namespace og::engine::dataset
