#include "engine/dataset/row_id_index.h"

#include <algorithm>

namespace og::engine::dataset {

RowIdIndex::RowIdIndex(std::span<const uint64_t> fragment_ids,
                       std::vector<format::RowIdSequence> sequences)
    : sequences_(std::move(sequences)) {
  for (size_t i = 0; i < sequences_.size(); ++i) {
    const format::RowIdSequence& sequence = sequences_[i];
    for (size_t k = 0; k < sequence.segments().size(); ++k) {
      const format::RowIdSegment& segment = sequence.segments()[k];
      if (segment.size() == 0) {
        continue;
      }
      Entry entry;
      entry.min = segment.min();
      entry.max = segment.max();
      entry.first_address = fragment_ids[i] << 32 | sequence.segment_start(k);
      entry.segment = &segment;
      if (segment.form() == format::RowIdSegment::Form::kArray) {
        for (uint32_t row = 0; row < segment.size(); ++row) {
          entry.sorted.emplace_back(segment.values()[row], row);
        }
        std::ranges::sort(entry.sorted);
      }
      entries_.push_back(std::move(entry));
    }
  }
  std::ranges::sort(entries_, {}, &Entry::min);
  uint64_t max = 0;
  for (Entry& entry : entries_) {
    max = std::max(max, entry.max);
    entry.max_before = max;
  }
}

void RowIdIndex::AppendCandidates(uint64_t row_id, std::vector<uint64_t>& addresses) const {
  auto at = std::ranges::upper_bound(entries_, row_id, {}, &Entry::min);
  while (at != entries_.begin()) {
    --at;
    if (at->max_before < row_id) {
      break;
    }
    if (at->max < row_id) {
      continue;
    }
    if (!at->sorted.empty()) {
      auto found = std::ranges::lower_bound(at->sorted, std::pair(row_id, uint32_t{0}));
      for (; found != at->sorted.end() && found->first == row_id; ++found) {
        addresses.push_back(at->first_address + found->second);
      }
    } else if (const auto row = at->segment->Find(row_id)) {
      addresses.push_back(at->first_address + *row);
    }
  }
}

}  // namespace og::engine::dataset
