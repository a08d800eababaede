// Where rows went in compactions that left the indexes as they were: what the fragment reuse index
// says. Entries of indexes name rows by addresses of before; what they cover is counted by the
// fragments of today.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"

#include "format/table/fragment_reuse.h"
#include "format/table/manifest.h"

namespace og::engine::dataset {

class RowMoves {
 public:
  // `versions` in the order in which they were made.
  explicit RowMoves(std::vector<format::FragmentReuseVersion> versions);

  // Where the row at `address` is now: `address` itself if it never moved; nullopt if it was
  // deleted by the time its fragment was compacted.
  std::optional<uint64_t> Follow(uint64_t address) const;

  // The same for each of `addresses`, without those that were deleted; in any order.
  std::vector<uint64_t> FollowAll(std::span<const uint64_t> addresses) const;

  // Lets coverages name the fragments that rows moved to instead of those that they left. New
  // fragments of which a segment covered a part only are not covered. kDataLoss for a damaged
  // coverage.
  absl::Status LeadOn(std::vector<format::IndexMetadata>& indices) const;

 private:
  // A fragment that a compaction has emptied.
  struct Left {
    uint64_t fragment_id = 0;
    size_t group = 0;  // of the compaction
  };
  struct Compaction {
    std::vector<format::FragmentReuseGroup> groups;
    std::vector<Left> left;  // ascending
  };

  std::vector<Compaction> compactions_;
};

}  // namespace og::engine::dataset
