// The result of a read in the formats of `omnigraph query`.
//
//   json    pretty object: query_name, target, row_count, columns, rows, graph_commit_id
//   jsonl   {"kind":"metadata","query_name","target","row_count"}, then one compact row a line
//   csv     header and rows; a cell with , " CR or LF is quoted; null is `null`
//   kv      header line, then per row `row N` and `column: value`, a blank line between rows
//   table   header line, column names, a rule, rows; cells cut to a width or wrapped
//   arrow   an Arrow IPC stream of the columns as they are; DateTime is timestamp[ms, UTC]
//
// Of columns with one name a row shows the last one's value, and an object has it at the first
// one's place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "format/arrow/array.h"

namespace og::cli {

enum class ReadFormat : uint8_t { kTable, kKv, kCsv, kJsonl, kJson, kArrow };

// "table", "kv", "csv", "jsonl", "json", "arrow"; nullopt for anything else.
std::optional<ReadFormat> ReadFormatNamed(std::string_view name);

struct RenderOptions {
  size_t max_column_width = 80;  // of a table, at least 8
  bool wrap = false;             // a table's wide cells go on below instead of ending in "…"
};

struct ReadHeader {
  std::string query_name;
  std::optional<std::string> branch;    // what was read: a branch
  std::optional<std::string> snapshot;  // or a commit
  std::optional<std::string> graph_commit_id;
};

// Takes text in order; chunks of some 64 KiB. An error ends the rendering.
using TextSink = std::function<absl::Status(std::string_view text)>;

// Rows to write: how many there are, and a way to see them in order, more than once.
struct RowSource {
  uint64_t num_rows = 0;
  std::function<absl::Status(const std::function<absl::Status(const format::RecordBatch&)>& visit)>
      for_each_batch;
};

// Writes the rows of `rows`, all of `schema`, with a line end behind the last line.
absl::Status RenderRead(const ReadHeader& header, const format::Schema& schema,
                        const RowSource& rows, ReadFormat format, const RenderOptions& options,
                        const TextSink& sink);

// The same for batches in memory.
absl::Status RenderRead(const ReadHeader& header, const format::Schema& schema,
                        std::span<const format::RecordBatch> batches, ReadFormat format,
                        const RenderOptions& options, const TextSink& sink);

}  // namespace og::cli
