// Reads a graph batch: NDJSON, one record a line.
//
//   {"type":"T","data":{...}}                          a node
//   {"edge":"E","from":"<id>","to":"<id>","data":{...}}  an edge
//
// Strict: unknown and repeated members, wrong JSON types and reserved names are errors with the
// line number. Blank lines are skipped, CRLF is fine, `data` may be absent. Of a RowSource columns
// that need no conversion are taken as they are, and all else as the lines that it stands for.
//
// Blocks of lines are parsed in the threads of the pool, some ahead of what has been handed out.
// Memory stays bounded: rows leave as batches at the end of a block, or when a table holds
// `batch_bytes` or all tables of the block hold four times that.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"

#include "engine/graph/graph.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"

namespace og::engine::graph {

// The longest line by default. Longer ones: kResourceLimitExceeded for graph_batch_line_bytes.
inline constexpr uint64_t kLineBytesMax = uint64_t{256} << 20;

struct GraphBatchOptions {
  size_t block_bytes = size_t{4} << 20;
  size_t batch_bytes = size_t{8} << 20;
  uint64_t line_bytes_max = kLineBytesMax;
  ProgressFn progress;
};

// The next rows of a table.
struct TableBatch {
  std::string_view table_key;  // valid for the call
  format::RecordBatch rows;
  bool ids_are_fresh = false;  // all ids were made for this load and repeat nothing
};
using BatchSink = std::function<absl::Status(TableBatch batch)>;

// Reads `source` to its end. The rows of a table arrive in the order of the input; a table whose
// type the input names arrives at least once, with all its rows in one or more batches.
absl::Status ReadGraphBatch(io::Env& env, const schema::Catalog& catalog, ByteSource& source,
                            const GraphBatchOptions& options, const BatchSink& sink);

}  // namespace og::engine::graph
