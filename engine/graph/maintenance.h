// What `optimize` and `cleanup` have in common.
#pragma once

#include <cstddef>

namespace og::engine::graph {

// Tables that are worked on at the same time on storage that answers slowly.
inline constexpr size_t kMaintenanceConcurrency = 8;

}  // namespace og::engine::graph
