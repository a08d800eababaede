// Rows of one fragment in physical order, deleted ones left out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/dataset/fragment_reader.h"
#include "format/arrow/array.h"
#include "format/page/row_range.h"
#include "format/table/deletion_vector.h"

namespace og::engine::dataset {

// The live rows of `physical_rows` as ranges. `deletions` may be null.
std::vector<format::RowRange> LiveRanges(uint64_t physical_rows,
                                         const format::DeletionVector* deletions);

// Leaves the first `skip` rows of `ranges` out and keeps at most `limit`.
void CutRanges(uint64_t skip, uint64_t limit, std::vector<format::RowRange>& ranges);

// Thread-compatible.
class LiveRows {
 public:
  struct Rows {
    format::RecordBatch batch;
    // Where the rows lie in the fragment: in these ranges, or, once some were left out or somebody
    // has asked, at these offsets.
    std::vector<format::RowRange> ranges;
    std::vector<uint64_t> offsets;

    // Turns ranges into offsets.
    void ListOffsets();

    // Leaves all rows out but `kept`, which ascend.
    void Select(std::span<const int64_t> kept);
  };

  // The rows of `ranges` without those that `dropped` names, which may be null.
  static absl::StatusOr<LiveRows> Open(const FragmentReader& reader,
                                       const std::vector<format::RowRange>& ranges,
                                       format::DeletionVectorPtr dropped);

  // The next batch; nullopt at the end.
  absl::StatusOr<std::optional<Rows>> Next();

  // The ranges that have not been given out.
  std::vector<format::RowRange> Left() const;

 private:
  absl::Status AddRanges(Rows& rows);
  void DropDeleted(Rows& rows) const;

  std::unique_ptr<format::BatchStream> stream_;
  std::vector<format::RowRange> ranges_;
  size_t range_ = 0;
  uint64_t done_ = 0;  // rows of the current range that were given out
  format::DeletionVectorPtr dropped_;
};

}  // namespace og::engine::dataset
