// One page of a leaf column of file versions 2.1 and later: which bytes of the file some rows need,
// and those bytes to values and levels.
//
// Four layouts (lance: protos/encodings_v2_1.proto): mini-block (many small values, chunks of
// some KiB), full-zip (large values, each with its levels in front), constant (one value, or only
// nulls), blob (descriptors of bytes that stand elsewhere in the file).
//
// A decoder works in three steps; the caller fetches what is named in between.
//
//   table_ranges(), LoadTables()   once a page: chunk table, repetition index, dictionary
//   Plan()                         rows to ranges of the file
//   Decode()                       the bytes of these ranges to the output
//
// After LoadTables() a decoder is immutable and any thread may use it. Errors: kDataLoss for bytes
// that cannot be right, kUnimplemented for layouts and codecs that we lack; messages name what is
// wrong inside the page, the caller adds file, column and page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/page/row_range.h"
#include "format/page/unravel.h"
#include "format/page/value_decoder.h"
#include "format/page/value_sink.h"
#include "io/base/buffer.h"

namespace lance::encodings21 {
class PageLayout;
}

namespace og::format {

// What all pages of a leaf column share.
struct LeafColumn {
  ValueShape shape;
  // Innermost first, whether the layer is a list; the first one is the leaf.
  std::vector<uint8_t> is_list;
  // For lists, whether their offsets are 64-bit.
  std::vector<uint8_t> has_large_offsets;
};

// An output for `column` without any rows.
LeafOutput MakeLeafOutput(const LeafColumn& column);

// A page as the column metadata describes it.
struct PageInfo {
  std::vector<FileRange> buffers;
  uint64_t num_rows = 0;
};

// What Plan() found: the ranges to fetch, and for Decode() how the rows lie in them.
struct PagePlan {
  // Bytes of one range that belong together, for example a chunk.
  struct Piece {
    size_t range = 0;     // number in `ranges`
    uint64_t offset = 0;  // in that range
    uint64_t bytes = 0;
    uint64_t unit = 0;      // number of the chunk
    size_t first_rows = 0;  // in `rows`
    size_t num_rows = 0;
  };

  std::vector<FileRange> ranges;
  std::vector<Piece> pieces;
  std::vector<RowRange> rows;
};

class PageDecoder {
 public:
  // A decoder for a page with `layout`; `column` outlives it.
  static absl::StatusOr<std::unique_ptr<PageDecoder>> Make(
      const lance::encodings21::PageLayout& layout, const PageInfo& page, const LeafColumn& column);

  virtual ~PageDecoder() = default;

  uint64_t num_rows() const { return num_rows_; }

  // Bytes that the rows of the page take in memory, roughly, from metadata alone.
  virtual uint64_t EstimatedBytes() const = 0;

  // What LoadTables() needs, in the order of its buffers.
  virtual std::vector<FileRange> table_ranges() const = 0;
  virtual absl::Status LoadTables(std::span<const io::Buffer> buffers) = 0;

  // Ranges for `rows`: not empty, ascending, disjoint, inside the page.
  virtual absl::StatusOr<PagePlan> Plan(std::span<const RowRange> rows) const = 0;

  // Appends the planned rows to `out`. `buffers` are the bytes of plan.ranges.
  virtual absl::Status Decode(const PagePlan& plan, std::span<const io::Buffer> buffers,
                              DecodeScratch& scratch, LeafOutput& out) const = 0;

  // The dictionary of a page whose values are indices, else null. Known after LoadTables().
  virtual ArrayPtr dictionary() const { return nullptr; }

  // As Decode(), but `out` takes the indices (int32) of a page that has a dictionary.
  virtual absl::Status DecodeIndices(const PagePlan& plan, std::span<const io::Buffer> buffers,
                                     DecodeScratch& scratch, LeafOutput& out) const;

 protected:
  explicit PageDecoder(uint64_t num_rows) : num_rows_(num_rows) {}

 private:
  uint64_t num_rows_;
};

}  // namespace og::format
