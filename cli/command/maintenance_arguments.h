// What commands that keep a graph in shape are told beside their options.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace og::cli {

// "7d", "24h", "90m", "30s", "2w" or a number of seconds, in seconds.
absl::StatusOr<uint64_t> ParseAgeSeconds(std::string_view text);

// OMNIGRAPH_MAINTENANCE_CONCURRENCY; what is no number above 0 counts as not set.
size_t MaintenanceConcurrency();

}  // namespace og::cli
