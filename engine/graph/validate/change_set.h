// What a write is about to change, table by table: the unit that is checked as a whole.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "format/arrow/array.h"

namespace og::engine::graph {

struct TableDelta {
  // Rows that the table gets, new ones and new values of existing ones, with at least the columns
  // id, src and dst (edges) and all properties but blobs and vectors. Of equal ids in several
  // batches the last row counts; equal ids in one batch are a mistake of the input.
  std::vector<format::RecordBatch> rows;
  std::vector<std::string> deleted_ids;
};

// By table key: "edge:E", "node:T".
using ChangeSet = std::map<std::string, TableDelta, std::less<>>;

}  // namespace og::engine::graph
