// Which fragments the segments of indexes cover, and what changes of data do to that.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "format/table/manifest.h"

namespace og::engine::dataset {

// The covered fragments, ascending; nullopt: unknown. kDataLoss for a damaged bitmap.
absl::StatusOr<std::optional<std::vector<uint32_t>>> CoverageOf(const format::IndexMetadata& index);

// `fragments` in any order.
void SetCoverage(std::vector<uint32_t> fragments, format::IndexMetadata& index);

// Whether the index is over one of `fields`.
bool IndexesAny(const format::IndexMetadata& index, std::span<const uint32_t> fields);

// Whether the entries of a segment name rows by address where the table has stable row ids: BTREE
// indexes of version 1, as Lance 14 writes them. They say nothing about rows that move.
bool HoldsAddresses(const format::IndexMetadata& index);

// Indexes over `fields`, whose values changed in place, no longer cover `updated`.
absl::Status UncoverUpdated(std::span<const uint32_t> fields,
                            std::span<const format::Fragment> updated,
                            std::vector<format::IndexMetadata>& indices);

}  // namespace og::engine::dataset
