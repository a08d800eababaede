#include "io/fetch/merge.h"

#include <algorithm>
#include <numeric>

namespace og::io {

MergedRanges MergeRanges(const std::vector<ObjectRange>& ranges, uint64_t max_bytes,
                         const std::function<uint64_t(size_t)>& gap_of_object) {
  MergedRanges merged;
  if (ranges.size() == 1) {
    merged.reads = ranges;
    merged.read_of_range = {0};
    return merged;
  }
  merged.read_of_range.resize(ranges.size());
  std::vector<size_t> order(ranges.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto is_before = [&ranges](size_t a, size_t b) {
    if (ranges[a].object != ranges[b].object) return ranges[a].object < ranges[b].object;
    return ranges[a].range.offset < ranges[b].range.offset;
  };
  // Readers mostly ask in order.
  if (!std::is_sorted(order.begin(), order.end(), is_before)) {
    std::stable_sort(order.begin(), order.end(), is_before);
  }

  uint64_t gap = 0;
  for (const size_t i : order) {
    const ObjectRange& next = ranges[i];
    const bool is_same_object = !merged.reads.empty() && merged.reads.back().object == next.object;
    if (is_same_object) {
      ByteRange& open = merged.reads.back().range;
      const uint64_t open_end = open.offset + open.length;
      const uint64_t end = std::max(open_end, next.range.offset + next.range.length);
      const bool is_near = next.range.offset <= open_end || next.range.offset - open_end <= gap;
      if (is_near && (end == open_end || end - open.offset <= max_bytes)) {
        open.length = end - open.offset;
        ++merged.merged_ranges;
        merged.merged_bytes += next.range.length;
        if (next.range.offset > open_end) merged.gap_bytes += next.range.offset - open_end;
        merged.read_of_range[i] = merged.reads.size() - 1;
        continue;
      }
    } else {
      gap = gap_of_object(next.object);
    }
    merged.read_of_range[i] = merged.reads.size();
    merged.reads.push_back(next);
  }
  return merged;
}

}  // namespace og::io
