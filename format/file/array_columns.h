// The columns of a top-level field in file version 2.0, where every field owns one: which they are
// and what of an array belongs into each. Internal to format/file.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/arrow/array.h"
#include "format/file/file_sink.h"
#include "format/file/lance_schema.h"
#include "format/page/array_encoder.h"

namespace og::format {

struct ArrayColumn {
  ArrayColumnPlan plan;
  int32_t field_id = 0;
  bool is_blob = false;  // of version 1: its pieces are descriptors
};

// The columns of `field`, which is of type `type`, in their order (pre-order). `forced_codec` is a
// demand of tests.
//
//   kUnimplemented  types that version 2.0 cannot hold: map, fixed-size list of structs, blobs of
//                   version 2
absl::StatusOr<std::vector<ArrayColumn>> ArrayColumnsOf(const LanceField& field,
                                                        const TypePtr& type,
                                                        ForcedCodec forced_codec);

// What of `rows` belongs into each column of `field`, in their order: for structs the rows, of
// which only the number counts; for lists their lengths; else the values. Nulls of a struct become
// nulls of its members, since its own are not stored; items of null lists are left out.
std::vector<ArrayPtr> SplitIntoColumns(const LanceField& field, const ArrayPtr& rows);

// Writes the values of a blob column (large_binary) to `file`, each at a multiple of 64, and
// returns their descriptors: (0, 0) is an empty value, (null_position, 0) a null.
absl::StatusOr<ArrayPtr> WriteArrayBlobs(const Array& values, uint64_t null_position,
                                         FileSink& file);

}  // namespace og::format
