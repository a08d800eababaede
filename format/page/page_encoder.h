// Pages of one leaf column: levels and values become buffers and a layout message.
//
// The decision, first match:
//
//   no value slot, or only nulls          constant page without a value
//   2.2: all values byte-equal            constant page with the value, if its levels are short
//   packed struct                         mini-block; full-zip with members of variable width
//   Arrow dictionary                      mini-block over that dictionary
//   few distinct values                   mini-block over a dictionary
//   every value shorter than 256 bytes    mini-block
//   otherwise                             full-zip
//
// Of a column with a list inside a nullable struct, a full-zip page in which lists are null (or,
// below several such structs, empty) is not readable by Lance 10 and becomes a mini-block page.
// A page whose chunks would hold more levels than 16-bit counts can say, or more bytes than a chunk
// has, is split at row boundaries.
//
// Source: lance-encoding 10.0.0: src/encodings/logical/primitive.rs, src/encodings/logical/
// primitive/{miniblock,fullzip,constant}.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/page/level_builder.h"
#include "format/page/page_options.h"
#include "io/base/buffer.h"

namespace og::format {

// One leaf column as the encoder sees it.
struct ColumnPlan {
  TypePtr top_type;   // of the top-level field
  TypePtr leaf_type;  // at the end of `path`
  LeafPath path;
  bool is_top_nullable = true;
  CodecOptions codec;
  ForcedLayout layout = ForcedLayout::kNone;
};

struct EncodedPage {
  std::vector<io::Buffer> buffers;
  std::string layout;  // serialized lance.encodings21.PageLayout
  uint64_t num_rows = 0;
};

// The pages of `rows`, the pieces of one column one after the other; one unless they had to be
// split. Pure; safe from any thread.
//
//   kUnimplemented  values that no layout of the file version can hold
absl::StatusOr<std::vector<EncodedPage>> EncodePages(const ColumnPlan& plan,
                                                     std::span<const ArrayPtr> rows);

}  // namespace og::format
