// A column in the order of its index: all live rows, equal values together, and mostly with a
// dictionary, so that whoever wants to do something once for each distinct value need not read the
// column.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"
#include "format/arrow/array.h"
#include "io/env/memory_budget.h"

namespace og::engine::dataset {

// No position: an entry whose row is gone.
inline constexpr uint32_t kNoPosition = ~uint32_t{0};

class IndexWalk {
 public:
  // Entries as the index holds them. A value may stand in a dictionary more than once.
  struct Entries {
    format::ArrayPtr values;
    format::ArrayPtr ids;
    size_t segment = 0;
  };

  // Starts on the BTREE index over the top-level column `column`. Null where there is none that
  // covers all fragments, or one that leaves out where rows have moved, and where there are no
  // fragments. What it needs to find rows is reserved from `budget`. The dataset need not outlive
  // the walk, its Env has to.
  //
  //   kResourceExhausted  the budget refuses
  static absl::StatusOr<std::unique_ptr<IndexWalk>> Start(
      const Dataset& dataset, const std::string& column,
      const std::shared_ptr<io::MemoryBudget>& budget);

  virtual ~IndexWalk() = default;

  // The next entries; nullopt at the end. One consumer.
  virtual absl::StatusOr<std::optional<Entries>> Next() = 0;

  // The position in scan order of the rows with `ids` of entries of `segment`, kNoPosition where it
  // does not live. Any thread.
  virtual std::vector<uint32_t> PositionsOf(size_t segment,
                                            std::span<const uint64_t> ids) const = 0;
  std::vector<uint32_t> PositionsOf(const Entries& entries) const {
    return PositionsOf(entries.segment, entries.ids->Values<uint64_t>());
  }
};

}  // namespace og::engine::dataset
