// The field ids of a table schema.
#pragma once

#include <cstdint>
#include <vector>

#include "format/file/lance_schema.h"

namespace og::engine::graph {

// Ids of all fields, parents before their children. An Update that adds rows lists them as the
// fields whose indexes keep their fragments, so that no index claims rows that it does not have.
std::vector<uint32_t> AllFieldIds(const format::LanceSchema& schema);

}  // namespace og::engine::graph
