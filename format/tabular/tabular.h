// Rows in the forms in which other programs exchange them, as batches: JSON lines, CSV, Arrow IPC
// streams and files.
//
//   OG_ASSIGN_OR_RETURN(auto rows, OpenTabular(TabularFormat::kCsv, std::move(input), {}));
//   while (...) OG_ASSIGN_OR_RETURN(std::optional<RecordBatch> batch, rows->Next());
//
//   const auto writer = MakeTabularWriter(TabularFormat::kCsv, schema, {});
//   writer->Append(batch, out);
//   writer->Finish(out);
//
// Without a schema the rows say what they are: Arrow by its schema message; CSV and JSON lines by
// their first 10,000 rows or 4 MiB (csv_types.h, json_types.h). With one, columns are found by
// name, in any order; columns that are not in the input are null.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "format/arrow/array.h"

namespace og::format {

// Bytes from front to back.
class ByteInput {
 public:
  virtual ~ByteInput() = default;
  // Up to into.size() bytes; 0 at the end. REQUIRES: `into` is not empty.
  virtual absl::StatusOr<size_t> Read(std::span<char> into) = 0;
};

enum class TabularFormat : uint8_t {
  kJsonLines,
  kCsv,
  kArrowStream,  // reading takes streams and files for both
  kArrowFile,
};

// The format that a person names: jsonl, csv, arrow (the file), arrow-stream.
std::optional<TabularFormat> TabularFormatNamed(std::string_view name);

// The format that the ending of a file name stands for: .jsonl .ndjson .json; .csv .tsv; .arrow
// .feather .ipc; .arrows.
std::optional<TabularFormat> TabularFormatOfPath(std::string_view path);

// A record is a line of cells. A cell in double quotes may hold delimiters, line ends and, doubled,
// quotes. Lines end with \n or \r\n; a byte order mark at the start is skipped. A line without any
// character is one null where there is one column, and nothing where there are more.
//
// Nulls: a cell without quotes that is `null_text`. Where that is empty, as by default, `""` is the
// empty text or no bytes; columns of other types take both for null, and a column of text or bytes
// that may not be null takes both for the empty value.
struct CsvOptions {
  char delimiter = ',';
  bool has_header = true;
  bool skip_others = false;  // pass over columns that a given schema lacks, not refuse them
  std::string null_text;
};

struct TabularReadOptions {
  SchemaPtr schema;  // null: that of the input
  // Columns of `schema` that the header of CSV or the schema of Arrow lacks are left out, not null.
  bool only_present = false;
  CsvOptions csv;
  // Memory after which a batch ends.
  size_t batch_bytes = size_t{8} << 20;
};

// The rows of `input`.
//
//   kInvalidArgument  what does not fit; starts "line N: " (CSV, JSON lines)
//   kUnimplemented    types of Arrow that we have not
//   kDataLoss         a damaged Arrow message
absl::StatusOr<std::unique_ptr<BatchStream>> OpenTabular(TabularFormat format,
                                                         std::unique_ptr<ByteInput> input,
                                                         const TabularReadOptions& options);

// Thread-compatible.
class TabularWriter {
 public:
  virtual ~TabularWriter() = default;
  // Appends the text or bytes of `batch`, which has the writer's schema, to `out`.
  virtual void Append(const RecordBatch& batch, std::string& out) = 0;
  // What stands behind the last batch.
  virtual void Finish(std::string& out) = 0;
};

// The delimiter and null text of `csv` are those of the cells; the header is left out without
// has_header.
std::unique_ptr<TabularWriter> MakeTabularWriter(TabularFormat format, SchemaPtr schema,
                                                 const CsvOptions& csv);

}  // namespace og::format
