// From stable row ids to physical rows of one version. A row that an update moved leaves its id
// behind in its old fragment, where it is deleted: several rows may carry an id, one of them lives.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format/table/row_ids.h"

namespace og::engine::dataset {

// Immutable; all methods may run in any number of threads.
class RowIdIndex {
 public:
  // `sequences[i]` belongs to the fragment `fragment_ids[i]`.
  RowIdIndex(std::span<const uint64_t> fragment_ids, std::vector<format::RowIdSequence> sequences);

  // The addresses of all rows, living or deleted, that carry `row_id`.
  void AppendCandidates(uint64_t row_id, std::vector<uint64_t>& addresses) const;

 private:
  struct Entry {
    uint64_t min = 0;
    uint64_t max = 0;
    uint64_t max_before = 0;  // greatest max of this entry and those before it
    uint64_t first_address = 0;
    const format::RowIdSegment* segment = nullptr;
    std::vector<std::pair<uint64_t, uint32_t>> sorted;  // (id, row) of an unsorted segment
  };

  std::vector<format::RowIdSequence> sequences_;
  std::vector<Entry> entries_;  // ascending by min
};

}  // namespace og::engine::dataset
