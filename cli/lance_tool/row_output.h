// The rows that a command gives: JSON lines, CSV or Arrow IPC, to standard output or a file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "cli/lance_tool/output.h"
#include "cli/lance_tool/row_input.h"
#include "format/arrow/array.h"
#include "format/tabular/tabular.h"

namespace og::cli {

struct OutputArguments {
  std::string file = "-";
  std::string format;
  CsvArguments csv;

  void Declare(OptionSet& options);  // --output, --format, and those of CSV
};

// Thread-compatible. What it was opened with must outlive it.
class RowOutput {
 public:
  // Standard output is `standard_output`. kInvalidArgument for Arrow onto a terminal,
  // kPermissionDenied for a file that cannot be written.
  static absl::StatusOr<std::unique_ptr<RowOutput>> Open(const OutputArguments& arguments,
                                                         const format::SchemaPtr& schema,
                                                         Output& standard_output);
  ~RowOutput();
  RowOutput(const RowOutput&) = delete;
  RowOutput& operator=(const RowOutput&) = delete;

  absl::Status Write(const format::RecordBatch& batch);
  // Ends the output: without it a file is not complete.
  absl::Status Finish();

 private:
  RowOutput(std::unique_ptr<format::TabularWriter> writer, Output& output, int fd);

  const std::unique_ptr<format::TabularWriter> writer_;
  const int fd_;  // of the file; -1 for standard output
  std::unique_ptr<Output> file_;
  Output& output_;
  std::string bytes_;
};

}  // namespace og::cli
