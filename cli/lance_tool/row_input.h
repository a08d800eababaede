// The rows that a command reads: JSON lines, CSV or Arrow IPC, from a file or standard input.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "cli/lance_tool/options.h"
#include "format/arrow/array.h"
#include "format/tabular/tabular.h"

namespace og::cli {

// How CSV is spelled.
struct CsvArguments {
  std::string delimiter;
  bool no_header = false;
  std::string null_text;

  void Declare(OptionSet& options);  // --csv-delimiter, --csv-no-header, --csv-null
  // For CSV in a file named `path`: without --csv-delimiter a .tsv is cut at tabs.
  absl::StatusOr<format::CsvOptions> Options(const std::string& path) const;
};

struct InputArguments {
  std::string file = "-";
  std::string format;
  CsvArguments csv;

  void Declare(OptionSet& options);      // --input, --format, and those of CSV
  void DeclareForm(OptionSet& options);  // the same without --input

  // Rows of `schema`, or of what the input says where that is null. kNotFound for a file that
  // cannot be read; other errors start with the name of the input.
  absl::StatusOr<std::unique_ptr<format::BatchStream>> Open(format::SchemaPtr schema) const;
  // The same; columns that a header of CSV or a schema of Arrow lacks are left out.
  absl::StatusOr<std::unique_ptr<format::BatchStream>> OpenPresent(format::SchemaPtr schema) const;

 private:
  absl::StatusOr<std::unique_ptr<format::BatchStream>> OpenWith(
      format::TabularReadOptions options) const;
};

// `schema` as rows spell it: a blob column is given by its contents.
format::SchemaPtr InputSchema(const format::Schema& schema);

// The schema in a file as `lance-tool schema` prints it.
absl::StatusOr<format::SchemaPtr> ReadSchemaFile(const std::string& path);

// The format called `name`, else that of the ending of `path`, else JSON lines.
absl::StatusOr<format::TabularFormat> FormatFrom(const std::string& name, const std::string& path);

// The values of --format.
std::vector<std::string> FormatNames();

}  // namespace og::cli
