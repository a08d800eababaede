// Parses blocks of graph batch lines (graph_batch.h says what they hold), or columns that stand for
// such, into batches of rows.
//
//   parser.Start(block);
//   do {
//     OG_RETURN_IF_ERROR(parser.Parse());
//     for (ParsedRows& rows : parser.TakeRows()) ...
//   } while (!parser.at_end());
//
// A parser depends on its block only, so several may work at once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "engine/graph/load/graph_batch.h"
#include "engine/graph/load/line_blocks.h"
#include "engine/graph/load/row_source.h"
#include "engine/graph/load/table_rows.h"
#include "engine/schema/catalog.h"
#include "format/arrow/array.h"
#include "io/base/buffer.h"

namespace og::engine::graph {

// The next rows of a table; a null in the column of ids stands for a fresh one.
struct ParsedRows {
  std::string_view table_key;  // valid as long as the parser
  format::RecordBatch rows;
  bool ids_are_fresh = false;  // all of them are null
};

// Thread-compatible.
class BlockParser {
 public:
  // Both outlive it.
  BlockParser(const schema::Catalog& catalog, const GraphBatchOptions& options);
  ~BlockParser();

  void Start(LineBlock block);
  void Start(SourceRows rows);

  // Parses lines until the block ends or the rows take about four times batch_bytes. Of several
  // mistakes the first line that cannot be read is the error, then the first value of the rows so
  // far that a check refuses. No call may follow an error.
  absl::Status Parse();

  bool at_end() const;

  // The rows of the last Parse: of each table in order, tables in the order of their first record.
  std::vector<ParsedRows> TakeRows();

  // The memory of the lines of a block that was parsed to its end.
  io::MutableBuffer TakeMemory();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace og::engine::graph
