// What the columns of a version take on disk, for query planners.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

struct FieldStatistics {
  int32_t field_id = 0;
  uint64_t stored_bytes = 0;  // in pages of all data files
};

// One entry a field, members of structs and items of lists included, in the order of the schema.
// Reads the metadata of every data file. Columns of fields that are gone do not count.
absl::StatusOr<std::vector<FieldStatistics>> ReadFieldStatistics(const Dataset& dataset);

}  // namespace og::engine::dataset
