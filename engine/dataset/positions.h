// Where rows stand among the live rows of a version, which is how adjacency lists number nodes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/dataset/dataset.h"

namespace og::engine::dataset {

// The position in scan order of the row at each of `addresses`; the inverse of TakeOffsets. Reads
// the deletion vectors of the fragments concerned, no rows. kNotFound for an address that does not
// exist or is deleted, kResourceExhausted for a position beyond 32 bits.
absl::StatusOr<std::vector<uint32_t>> PositionsOf(const Dataset& dataset,
                                                  std::span<const uint64_t> addresses);

}  // namespace og::engine::dataset
