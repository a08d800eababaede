#include "cli/lance_tool/row_output.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "io/base/status.h"
#include "io/base/status_macros.h"
#include "io/base/text.h"

namespace og::cli {

void OutputArguments::Declare(OptionSet& options) {
  options.Add("--output", file, "Where the rows go; - is standard output");
  options
      .Add("--format", format, "Form of the rows (default: by the ending of --output, else jsonl)")
      .OneOf(FormatNames());
  csv.Declare(options);
}

absl::StatusOr<std::unique_ptr<RowOutput>> RowOutput::Open(const OutputArguments& arguments,
                                                           const format::SchemaPtr& schema,
                                                           Output& standard_output) {
  OG_ASSIGN_OR_RETURN(const format::TabularFormat known,
                      FormatFrom(arguments.format, arguments.file));
  OG_ASSIGN_OR_RETURN(const format::CsvOptions csv, arguments.csv.Options(arguments.file));
  const bool is_text =
      known == format::TabularFormat::kJsonLines || known == format::TabularFormat::kCsv;
  int fd = -1;
  if (arguments.file != "-") {
    fd = open(arguments.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
      return io::PermissionDeniedError(
          io::StrCat("cannot write ", arguments.file, ": ", std::strerror(errno)));
    }
  } else if (!is_text && isatty(STDOUT_FILENO) == 1) {
    return io::InvalidArgumentError("Arrow is not for a terminal: give --output");
  }
  return std::unique_ptr<RowOutput>(
      new RowOutput(MakeTabularWriter(known, schema, csv), standard_output, fd));
}

RowOutput::RowOutput(std::unique_ptr<format::TabularWriter> writer, Output& output, int fd)
    : writer_(std::move(writer)),
      fd_(fd),
      file_(fd < 0 ? nullptr : std::make_unique<Output>(fd)),
      output_(file_ == nullptr ? output : *file_) {}

RowOutput::~RowOutput() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

absl::Status RowOutput::Write(const format::RecordBatch& batch) {
  bytes_.clear();
  writer_->Append(batch, bytes_);
  return output_.Write(bytes_);
}

absl::Status RowOutput::Finish() {
  bytes_.clear();
  writer_->Finish(bytes_);
  OG_RETURN_IF_ERROR(output_.Write(bytes_));
  return output_.Flush();
}

}  // namespace og::cli
