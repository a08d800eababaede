// Numbers of ids of which equal ones mostly follow each other, or share an entry of a dictionary.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/topology/node_index.h"
#include "format/arrow/array.h"

namespace og::engine::topology {

// What FindAll() gives for `ids`, each looked up once for equal ones that follow each other or are
// one entry of a dictionary, however long that is. REQUIRES: text, see NodeIndex::Add.
std::vector<uint32_t> NumbersOfGrouped(const NodeIndex& index, const format::Array& ids);

}  // namespace og::engine::topology
